package cookieconsent

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/cookieconsent/caddy-cookie-consent/consent/report"
)

func init() {
	caddy.RegisterModule(ReportHandler{})
}

// ReportHandler answers with a page for the owner of the sites: what to do first, what
// visitors chose, what was kept back, and the inventory, all as of now. It is about all
// sites of the running configuration and asks for no password: place it behind
// `basic_auth` or what else keeps others out.
type ReportHandler struct {
	app *App
}

// CaddyModule returns the Caddy module information.
func (ReportHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.cookie_consent_report",
		New: func() caddy.Module { return new(ReportHandler) },
	}
}

// Provision finds the inventory.
func (h *ReportHandler) Provision(ctx caddy.Context) error {
	app, err := ctx.App("cookie_consent")
	if err != nil {
		return fmt.Errorf("loading the cookie_consent app: %w", err)
	}
	h.app = app.(*App)
	return nil
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (h *ReportHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return caddyhttp.Error(http.StatusMethodNotAllowed, fmt.Errorf("method %s is not allowed", r.Method))
	}
	handlers, err := runningConfigured()
	if err != nil {
		return err
	}
	problem := ""
	if status, ok := h.app.ledgerStatus(); ok && status.Err != nil {
		problem = status.Err.Error()
	}
	document, err := newReport(h.app.inventory.Snapshot(), handlers, problem)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := report.Write(&page, document); err != nil {
		return err
	}
	if x := exchangeOf(r); x != nil {
		x.own = true // no banner, which pages of errors have
	}
	header := w.Header()
	for _, field := range [][2]string{
		{"Content-Type", "text/html; charset=utf-8"},
		{"Content-Length", strconv.Itoa(page.Len())},
		{"Cache-Control", "no-store"},
		{policyName, report.Policy()},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{"Referrer-Policy", "no-referrer"},
		{"X-Robots-Tag", "noindex"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
	} {
		header.Set(field[0], field[1])
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err = page.WriteTo(w)
	return err
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	cookie_consent_report [<matcher>]
func (h *ReportHandler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.Errf("cookie_consent_report takes no argument besides a matcher, but found '%s'", d.Val())
	}
	if d.NextBlock(0) {
		return d.Errf("cookie_consent_report has no options, but found '%s'", d.Val())
	}
	return nil
}

func parseReport(helper httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	h := new(ReportHandler)
	return h, h.UnmarshalCaddyfile(helper.Dispenser)
}

// Interface guards
var (
	_ caddy.Module                = (*ReportHandler)(nil)
	_ caddy.Provisioner           = (*ReportHandler)(nil)
	_ caddyhttp.MiddlewareHandler = (*ReportHandler)(nil)
	_ caddyfile.Unmarshaler       = (*ReportHandler)(nil)
)
