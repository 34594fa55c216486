package cookieconsent

import (
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
	"github.com/cookieconsent/caddy-cookie-consent/consent/cookie"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

// inventories holds the open inventories by file: they outlive the configurations that
// use them, and all sites share one.
var inventories = caddy.NewUsagePool()

// pooledInventory is an inventory in the pool.
type pooledInventory struct{ *inventory.File }

// Destruct implements [caddy.Destructor].
func (i pooledInventory) Destruct() error { return i.Close() }

// inventoryFile returns the path of the file of this machine's inventory.
func inventoryFile() string {
	return filepath.Join(caddy.AppDataDir(), "cookie_consent", "inventory.json")
}

// provisionInventory takes hold of the inventory. Start reads it.
func (a *App) provisionInventory(ctx caddy.Context) {
	path := inventoryFile()
	value, _, _ := inventories.LoadOrNew(path, func() (caddy.Destructor, error) { // which never fails
		return pooledInventory{inventory.NewFile(path, knownShape, slog.New(latestLog{ctx.Slogger().Handler()}))}, nil
	})
	a.inventory = value.(pooledInventory).File
	a.inventoryPath = path
}

// knownShape returns the pattern of the catalog that a cookie's name has, "" if none or
// if it is a name alone.
func knownShape(name string) string {
	known, ok := catalog.Default().Cookie(name)
	if !ok || !strings.Contains(known.Cookie.Name, "<") {
		return ""
	}
	shape := known.Cookie.Name
	if strings.Contains(name, "%40") {
		shape = strings.ReplaceAll(shape, "@", "%40")
	}
	for _, prefix := range []string{"__Host-Http-", "__Host-", "__Secure-", "__Http-"} {
		if strings.HasPrefix(name, prefix) && !strings.HasPrefix(shape, prefix) {
			return prefix + shape
		}
	}
	return shape
}

// noteRequest notes the cookies that the browser sends.
func (x *exchange) noteRequest(r *http.Request) {
	for name := range cookie.Pairs(r.Header["Cookie"]) {
		if name == x.handler.CookieName {
			continue
		}
		x.visit.Sent(name)
		if x.view == viewDocument {
			known, _ := x.handler.catalog.Cookie(name)
			x.handler.notices.noteConsentTool(&known)
		}
	}
}

// noteHost notes whom a page or a header would make a browser contact.
func (x *exchange) noteHost(source inventory.Source, to consent.Destination) {
	if to.Host != "" && to.Host != x.page().Host() { // whose paths may be a service's
		x.visit.Host(source, to.Host)
	}
}
