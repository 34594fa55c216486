package cookieconsent

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

// defaultStore is the module that keeps the ledger where none is configured.
const defaultStore = "sqlite"

const (
	// defaultRetention is 36 months.
	defaultRetention = 3 * 8766 * time.Hour

	// defaultChoiceLimit is in choices a minute and client network.
	defaultChoiceLimit = 120
)

// Store is what the modules in the namespace cookie_consent.stores are: a place
// where the ledger of consent is kept.
type Store interface {
	// OpenLedger returns the ledger, which touches nothing before its Begin or
	// its first record. The caller closes it.
	OpenLedger(options ledger.Options) ledger.Ledger

	// OpenReader opens the store to read it, whether or not it is in use. With
	// a second store, that is the one which all machines share.
	OpenReader(ctx context.Context) (ledger.Reader, error)

	// File returns the path of the file on this machine, and whether records
	// go on from there to a second store.
	File() (path string, outbox bool)
}

// ledgers holds the open ledgers by what shapes them: they outlive the
// configurations that use them, because a new one starts before the old one ends.
var ledgers = caddy.NewUsagePool()

// pooledLedger is a ledger in the pool.
type pooledLedger struct{ ledger.Ledger }

// Destruct implements [caddy.Destructor].
func (l pooledLedger) Destruct() error { return l.Close() }

// startedApp is the app that started last. A ledger outlives the configuration
// that opened it, and with that the log and the storage that it had.
var startedApp atomic.Pointer[App]

// latestLog writes to the log of the app that started last, or to the one that it
// holds before any did.
type latestLog struct{ slog.Handler }

// Handle implements [slog.Handler].
func (l latestLog) Handle(ctx context.Context, record slog.Record) error {
	if app := startedApp.Load(); app != nil {
		return app.log.Handle(ctx, record)
	}
	return l.Handler.Handle(ctx, record)
}

// appLedger is the ledger as one configuration uses it.
type appLedger struct {
	key     [sha256.Size]byte // in the pool
	store   Store
	options ledger.Options
	limit   int // choices a minute and network, 0 for any number

	ctx    caddy.Context
	events *caddyevents.App
}

// provisionLedger loads the store. The ledger itself is touched by Start and by
// the first choice.
func (a *App) provisionLedger(ctx caddy.Context) error {
	if a.LedgerOff {
		if a.StoreRaw != nil {
			return fmt.Errorf("the ledger is off, but a store is configured for it")
		}
		return nil
	}
	store, err := a.loadStore(ctx)
	if err != nil {
		return err
	}
	events, err := ctx.App("events")
	if err != nil {
		return fmt.Errorf("loading the events app: %w", err)
	}
	shape, err := json.Marshal([]any{fmt.Sprintf("%T", store), store, a.Retention, a.SigningKeys})
	if err != nil {
		return fmt.Errorf("encoding the store's configuration: %w", err)
	}
	a.ledger = &appLedger{
		key:   sha256.Sum256(shape),
		store: store,
		options: ledger.Options{
			Logger:    slog.New(latestLog{ctx.Slogger().Handler()}),
			Retention: time.Duration(a.Retention),
			Key: func() ([]byte, error) {
				return cmp.Or(startedApp.Load(), a).keys.signing()
			},
			Committed: observeCommit,
		},
		ctx:    ctx,
		events: events.(*caddyevents.App),
	}
	if a.ChoiceLimit > 0 {
		a.ledger.limit = a.ChoiceLimit
	}
	a.ledger.hold()
	return nil
}

// loadStore loads the module that keeps the ledger.
func (a *App) loadStore(ctx caddy.Context) (Store, error) {
	var module any
	var err error
	if a.StoreRaw == nil {
		module, err = ctx.LoadModuleByID("cookie_consent.stores."+defaultStore, nil)
	} else {
		module, err = ctx.LoadModule(a, "StoreRaw")
	}
	if err != nil {
		return nil, fmt.Errorf("loading the ledger's store: %w", err)
	}
	store, ok := module.(Store)
	if !ok {
		return nil, fmt.Errorf("loading the ledger's store: %T is no store", module)
	}
	return store, nil
}

// hold returns the ledger and keeps it open until release.
func (l *appLedger) hold() ledger.Ledger {
	value, _, _ := ledgers.LoadOrNew(l.key, func() (caddy.Destructor, error) { // which never fails
		return pooledLedger{l.store.OpenLedger(l.options)}, nil
	})
	return value.(pooledLedger)
}

func (l *appLedger) release() error {
	_, err := ledgers.Delete(l.key)
	return err
}

// append adds a record. A request may outlive its configuration, so each holds
// the ledger for itself: what comes late is written all the same, if need be by
// opening once more what the configuration closed.
func (l *appLedger) append(ctx context.Context, submission *ledger.Submission) (ledger.Position, error) {
	held := l.hold()
	defer func() { _ = l.release() }()
	return held.Append(ctx, submission)
}

// recordedEvent is the name of the event that follows each record.
const recordedEvent = "cookie_consent_recorded"

// announce emits the event of a record.
func (l *appLedger) announce(r *ledger.Record) {
	if l.events == nil || !l.events.ShouldEmit(recordedEvent) {
		return
	}
	l.events.Emit(l.ctx, recordedEvent, map[string]any{
		"id": r.ID, "time": r.Time, "site": r.Site, "policy": r.Policy, "method": r.Method, "source": r.Source,
		"language": r.Language, "gpc": r.GPC, "categories": r.Categories, "services": r.Services,
	})
}

// moduleVersion returns the version of this module in the running program.
var moduleVersion = sync.OnceValue(func() string {
	const path = "github.com/cookieconsent/caddy-cookie-consent"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, module := range info.Deps {
		if strings.EqualFold(module.Path, path) {
			version = module.Version
		}
	}
	if version == "" {
		version = "(devel)"
	}
	return version
})
