package cookieconsent

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

func init() {
	caddy.RegisterModule(MatchConsent{})
}

// MatchConsent matches requests of visitors who agreed to every one of the named
// categories. It matches only in routes behind the cookie_consent handler, which
// is what knows the visitor's choice; before it, nothing ever matches. A category
// that the handler does not have never matches either, which is logged once.
type MatchConsent []string

// CaddyModule returns the Caddy module information.
func (MatchConsent) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.matchers.cookie_consent",
		New: func() caddy.Module { return new(MatchConsent) },
	}
}

// UnmarshalCaddyfile sets up the matcher from Caddyfile tokens. Syntax:
//
//	cookie_consent <category>...
func (m *MatchConsent) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		categories := d.RemainingArgs()
		if len(categories) == 0 || d.NextBlock(0) {
			return d.ArgErr()
		}
		*m = append(*m, categories...)
	}
	return nil
}

// Match reports whether the visitor agreed to every category of m.
func (m MatchConsent) Match(r *http.Request) bool {
	x := exchangeOf(r)
	if x == nil || len(m) == 0 {
		return false
	}
	x.consulted = true
	for _, category := range m {
		if x.decision.Category(category) == consent.Granted {
			continue
		}
		if !x.handler.hasCategory(category) {
			x.handler.notices.noCategory(category)
		}
		return false
	}
	return true
}

// MatchWithError implements [caddyhttp.RequestMatcherWithError].
func (m MatchConsent) MatchWithError(r *http.Request) (bool, error) { return m.Match(r), nil }

// Interface guards
var (
	_ caddyfile.Unmarshaler             = (*MatchConsent)(nil)
	_ caddyhttp.RequestMatcherWithError = (*MatchConsent)(nil)
)
