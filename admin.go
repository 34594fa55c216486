package cookieconsent

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

func init() {
	caddy.RegisterModule(AdminAPI{})
}

// AdminAPI adds endpoints to Caddy's admin API that tell, as JSON, what the module knows
// at the moment. They change nothing.
//
//	GET /cookie_consent/inventory  what was seen, in the form of the inventory's file
//	GET /cookie_consent/counters   choices and what was kept back, by site and day
//	GET /cookie_consent/state      sites, the ledger and the inventory as they are
type AdminAPI struct{}

// CaddyModule returns the Caddy module information.
func (AdminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "admin.api.cookie_consent",
		New: func() caddy.Module { return new(AdminAPI) },
	}
}

// The endpoints.
const (
	inventoryEndpoint = "/cookie_consent/inventory"
	countersEndpoint  = "/cookie_consent/counters"
	stateEndpoint     = "/cookie_consent/state"
)

// Routes implements [caddy.AdminRouter].
func (AdminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: inventoryEndpoint, Handler: answerGet(func(app *App) any { return app.inventory.Snapshot() })},
		{Pattern: countersEndpoint, Handler: answerGet(func(app *App) any { return countersOf(app.inventory.Snapshot()) })},
		{Pattern: stateEndpoint, Handler: answerGet(func(app *App) any { return stateOf(app) })},
	}
}

// answerGet answers GET with a document about the running app.
func answerGet(document func(*App) any) caddy.AdminHandler {
	return caddy.AdminHandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if r.Method != http.MethodGet {
			w.Header().Set("Allow", http.MethodGet)
			return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: fmt.Errorf("method %s is not allowed; allowed: GET", r.Method)}
		}
		app, err := runningApp()
		if err != nil {
			return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: err}
		}
		body, err := json.Marshal(document(app))
		if err != nil {
			return caddy.APIError{HTTPStatus: http.StatusInternalServerError, Err: err}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, err = w.Write(append(body, '\n'))
		return err
	})
}

// counters are the days of an inventory without the rest of it.
type counters struct {
	Version int            `json:"version"`
	Sites   []siteCounters `json:"sites"`
}

type siteCounters struct {
	Host string          `json:"host"`
	Days []inventory.Day `json:"days"`
}

func countersOf(s *inventory.Snapshot) counters {
	c := counters{Version: s.Version, Sites: []siteCounters{}}
	for i := range s.Sites {
		if site := &s.Sites[i]; len(site.Days) > 0 {
			c.Sites = append(c.Sites, siteCounters{site.Host, site.Days})
		}
	}
	return c
}

// runningState is what the module does at the moment.
type runningState struct {
	Version   string         `json:"version"`
	Started   time.Time      `json:"started"` // of the process
	Loaded    time.Time      `json:"loaded"`  // of the configuration
	Sites     []siteState    `json:"sites"`
	Ledger    *ledgerState   `json:"ledger"` // null if off
	Inventory inventoryState `json:"inventory"`
}

type siteState struct {
	Hosts      []string        `json:"hosts"` // none for all
	Mode       string          `json:"mode"`
	Wall       string          `json:"wall"`
	Prefix     string          `json:"prefix"`
	Policy     string          `json:"policy"` // its fingerprint
	Categories []categoryState `json:"categories"`
}

type categoryState struct {
	Name         string `json:"name"`
	NeedsConsent bool   `json:"needs_consent"`
	Cookies      int    `json:"cookies"` // declarations
	Services     int    `json:"services"`
}

type ledgerState struct {
	Up          bool           `json:"up"` // whether something can be recorded
	Problem     string         `json:"problem,omitempty"`
	Records     int64          `json:"records"`
	Bytes       int64          `json:"bytes"`
	Undelivered int64          `json:"undelivered"` // to a second store
	LastFailure *ledgerFailure `json:"last_failure"`
}

// A ledgerFailure is why a choice could not be recorded, and when.
type ledgerFailure struct {
	Time    time.Time `json:"time"`
	Problem string    `json:"problem"`
}

// lastLedgerFailure is the last one since the process started; nil if there was none.
var lastLedgerFailure atomic.Pointer[ledgerFailure]

type inventoryState struct {
	File     string `json:"file"`
	Cookies  int    `json:"cookies"`
	Hosts    int    `json:"hosts"`
	Unlisted uint64 `json:"unlisted"` // sightings for which there was no room
}

// processStart is about when the process started.
var processStart = time.Now().UTC()

func stateOf(app *App) runningState {
	size := app.inventory.Size()
	s := runningState{
		Version: moduleVersion(), Started: processStart, Loaded: app.loaded, Sites: []siteState{},
		Inventory: inventoryState{app.inventoryPath, size.SetCookies + size.SentCookies, size.PageHosts + size.ReportHosts, size.Unlisted},
	}
	for _, h := range runningHandlers() {
		site := siteState{Hosts: append([]string{}, h.hosts...), Mode: h.Mode, Wall: h.Wall, Prefix: h.Prefix, Policy: h.policy.Fingerprint()}
		for _, category := range h.policy.Categories() {
			site.Categories = append(site.Categories, categoryState{
				category.Name, h.policy.NeedsConsent(category.Name),
				len(h.policy.Cookies(category.Name)), len(h.policy.Services(category.Name)),
			})
		}
		s.Sites = append(s.Sites, site)
	}
	if status, ok := app.ledgerStatus(); ok {
		s.Ledger = &ledgerState{
			Up: status.Err == nil, Records: status.Head.Count, Bytes: status.Bytes, Undelivered: status.Undelivered,
			LastFailure: lastLedgerFailure.Load(),
		}
		if status.Err != nil {
			s.Ledger.Problem = status.Err.Error()
		}
	}
	return s
}

// ledgerStatus returns how the app's ledger is; false if it keeps none.
func (a *App) ledgerStatus() (status ledger.Status, ok bool) {
	if a.ledger == nil {
		return status, false
	}
	ledgers.Range(func(key, value any) bool {
		if key == a.ledger.key {
			status, ok = value.(pooledLedger).Status(), true
		}
		return !ok
	})
	return status, ok
}

// Interface guards
var (
	_ caddy.Module      = AdminAPI{}
	_ caddy.AdminRouter = AdminAPI{}
)
