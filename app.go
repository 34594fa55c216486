package cookieconsent

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

func init() {
	caddy.RegisterModule(App{})
}

// minSigningKeyLength is the least number of bytes of a configured signing key.
const minSigningKeyLength = 16

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

	keys *keyring
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
	return nil
}

// checkSigningKey returns what is wrong with a key, without telling the key.
func checkSigningKey(key string) (problem string) {
	if len(key) >= minSigningKeyLength {
		return ""
	}
	return fmt.Sprintf("has %d bytes; at least %d are needed", len(key), minSigningKeyLength)
}

// Start implements [caddy.App].
func (*App) Start() error { return nil }

// Stop implements [caddy.App].
func (*App) Stop() error { return nil }

// Interface guards
var (
	_ caddy.App         = (*App)(nil)
	_ caddy.Provisioner = (*App)(nil)
)
