package cookieconsent

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

func init() {
	caddy.RegisterModule(App{})
}

// minSigningKeyLength is the least number of bytes of a configured signing key.
const minSigningKeyLength = 16

// minRetention is the shortest time that records can be kept for.
const minRetention = 24 * time.Hour

// App holds what the sites of one configuration share. Without configuration it
// makes a signing key of its own when the first visitor chooses, and keeps it in
// Caddy's storage, so that machines that share the storage share the key.
type App struct {
	// SigningKeys authenticate the preference cookies. The first one signs, the
	// others only go on verifying what was signed before a rotation. Each is at
	// least 16 bytes long and may be a placeholder such as {env.CONSENT_KEY}.
	// Default: one made by the module and kept in Caddy's storage; it goes on
	// verifying when keys are configured later.
	SigningKeys []string `json:"signing_keys,omitempty"`

	// LedgerOff keeps no record of choices, for those who may not keep any.
	LedgerOff bool `json:"ledger_off,omitempty"`

	// Retention is how long records of choices are kept. Default: 36 months.
	Retention caddy.Duration `json:"retention,omitempty"`

	// ChoiceLimit is how many choices a minute are recorded from one client
	// network, consents and refusals apart; what is beyond is answered with
	// 429 if it is a consent, and honoured without a record if it is a refusal.
	// Clients on this machine are not limited. A negative number stands for no
	// limit. Default: 120.
	ChoiceLimit int `json:"choice_limit,omitempty"`

	// StoreRaw is where the ledger of choices is kept. Default: sqlite, a file
	// in Caddy's data directory.
	StoreRaw json.RawMessage `json:"store,omitempty" caddy:"namespace=cookie_consent.stores inline_key=driver"`

	keys          *keyring
	ledger        *appLedger // nil if off
	inventory     *inventory.File
	inventoryPath string // in the pool
	log           slog.Handler
	loaded        time.Time
}

// CaddyModule returns the Caddy module information.
func (App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "cookie_consent",
		New: func() caddy.Module { return new(App) },
	}
}

// Provision reads the configured keys. It touches no storage, because it also
// runs for `caddy validate` beside a running server.
func (a *App) Provision(ctx caddy.Context) error {
	repl := caddy.NewReplacer()
	configured := make([][]byte, 0, len(a.SigningKeys))
	for i, text := range a.SigningKeys {
		secret := repl.ReplaceAll(text, "")
		if problem := checkSigningKey(secret); problem != "" {
			return &consent.ConfigError{Field: fmt.Sprintf("signing_keys[%d]", i), Problem: problem}
		}
		configured = append(configured, deriveKey(secret))
	}
	a.keys = newKeyring(ctx.Storage(), configured, ctx.Logger())
	a.log = ctx.Slogger().Handler()
	if a.Retention == 0 {
		a.Retention = caddy.Duration(defaultRetention)
	}
	if a.Retention < caddy.Duration(minRetention) {
		return fmt.Errorf("the retention %s is shorter than a day", time.Duration(a.Retention))
	}
	if a.ChoiceLimit == 0 {
		a.ChoiceLimit = defaultChoiceLimit
	}
	a.provisionInventory(ctx)
	return a.provisionLedger(ctx)
}

// checkSigningKey returns what is wrong with a key, without telling the key.
func checkSigningKey(key string) (problem string) {
	if len(key) >= minSigningKeyLength {
		return ""
	}
	return fmt.Sprintf("has %d bytes; at least %d are needed", len(key), minSigningKeyLength)
}

// Start implements [caddy.App]. It reads the inventory and opens the ledger. A ledger
// that can't be opened is no reason not to serve the site: visitors can still refuse.
// The ledger logs it, and opening it is tried again with every choice.
func (a *App) Start() error {
	a.loaded = time.Now().UTC()
	startedApp.Store(a)
	a.inventory.Begin()
	if a.ledger != nil {
		held := a.ledger.hold()
		go func() {
			defer func() { _ = a.ledger.release() }()
			_ = held.Begin()
		}()
	}
	return nil
}

// Stop implements [caddy.App].
func (*App) Stop() error { return nil }

// Cleanup lets go of the inventory and the ledger. Requests that are still being
// served, which this does not wait for, hold the ledger by themselves.
func (a *App) Cleanup() error {
	var failures [2]error
	if a.inventory != nil {
		_, failures[0] = inventories.Delete(a.inventoryPath)
	}
	if a.ledger != nil {
		failures[1] = a.ledger.release()
	}
	return errors.Join(failures[:]...)
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
