package cookieconsent

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/cookie"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

// exchangeVar is the name of the request variable that holds the exchange.
const exchangeVar = "cookie_consent"

// exchange is what the handler knows about one request and its response. It
// outlives the handler in the request's variables, where the matcher, the
// placeholders and a repetition of the handler in an error route find it.
type exchange struct {
	handler  *Handler
	decision *consent.Decision

	url     *url.URL // as the browser sees it; only path and query are of use
	site    string   // what a choice is valid for: the host, or the configured domain
	host    string   // lower-case, without port
	address string   // the Host header: with port
	secure  bool     // whether the browser came by HTTPS
	gpc     bool     // whether it sent Sec-GPC: 1
	view    view     // what the response is for

	variantName string // once it was asked for
	local       string // the local address of the page, once it was asked for
	posted      bool   // whether the request must not be sent again unasked
	worker      bool   // whether it is the script of a worker
	service     bool   // whether that is a service worker
	marked      bool   // whether it is for a page in the place of one that was kept
	own         bool   // whether the module itself answers, with what is no page of the site
	language    string // Accept-Language

	visit inventory.Visit // notes what passes

	at        *consent.Page // the page of that address, once somebody asked
	blockedOf string        // the category of what was blocked last
	blocked   int           // how much of it is not counted yet

	refused  []string // names of refused cookies that the browser still sends
	shadowed bool     // whether the preference cookie came more than once

	revalidates bool // whether If-None-Match held this very variant of a page
	consulted   bool // whether another handler may have answered by the choice
	withheld    bool // whether a cookie was kept out of the response
	holds       bool // whether one was kept out of the request
	inError     bool // whether the exchange already belongs to an error route
}

// view is what a browser will do with a response, as far as the request tells.
type view uint8

const (
	viewOther    view = iota // a script's fetch, an image…: passes
	viewFrame                // a document within a page: never a banner
	viewPossible             // nothing is said: a page if it looks like a whole document
	viewDocument             // the visitor navigates: a page
)

// exchangeOf returns the exchange of a request that went through the handler, or nil.
func exchangeOf(r *http.Request) *exchange {
	x, _ := caddyhttp.GetVar(r.Context(), exchangeVar).(*exchange)
	return x
}

// mustRepeat reports whether a second handler on the way has to do the work
// again. In one chain it hasn't; but Caddy runs error routes with the server's
// own response writer, outside of what the handler wrapped before.
func (x *exchange) mustRepeat(r *http.Request) bool {
	return !x.inError && r.Context().Value(caddyhttp.ErrorCtxKey) != nil
}

// newExchange reads what the request says about the visitor. An exchange of the
// same request from before an error has the choice already; the request's
// cookies, which carried it, are filtered by then.
func (h *Handler) newExchange(r *http.Request, earlier *exchange) *exchange {
	if earlier != nil {
		earlier.inError = true
		return earlier
	}
	visited := r.URL
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && original.URL != nil {
		visited = original.URL // before Caddy rewrote it
	}
	x := &exchange{
		handler:  h,
		url:      visited,
		host:     hostname(r.Host),
		address:  r.Host,
		secure:   isSecure(r),
		gpc:      hasGPC(r.Header),
		view:     viewOf(r),
		posted:   r.Method != http.MethodGet && r.Method != http.MethodHead,
		worker:   strings.HasSuffix(r.Header.Get("Sec-Fetch-Dest"), "worker"),
		service:  isServiceWorker(r),
		marked:   r.Header[pageMark] != nil,
		language: strings.Join(r.Header["Accept-Language"], ","),
		inError:  r.Context().Value(caddyhttp.ErrorCtxKey) != nil,
	}
	x.visit = h.inventory.On(x.host, visited.Path, time.Now())
	x.site = x.host
	if h.CookieDomain != "" && (x.host == h.CookieDomain || strings.HasSuffix(x.host, "."+h.CookieDomain)) {
		x.site = h.CookieDomain
	}
	x.decision = h.policy.Decide(x.readPreference(r), x.gpc)

	caddyhttp.SetVar(r.Context(), exchangeVar, x)
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(x.placeholder)
	}
	return x
}

// statePlaceholder is the placeholder for the visitor's choice as a whole, beside
// those for the categories.
const statePlaceholder = "state"

// placeholder resolves {http.cookie_consent.state} and
// {http.cookie_consent.<category>}.
func (x *exchange) placeholder(key string) (any, bool) {
	name, ok := strings.CutPrefix(key, "http.cookie_consent.")
	if !ok {
		return nil, false
	}
	if name == statePlaceholder {
		x.consulted = true
		return x.decision.Summary(), true
	}
	if !x.handler.hasCategory(name) {
		return nil, false
	}
	x.consulted = true
	return x.decision.Category(name).String(), true
}

// readPreference returns the choice that the request's cookies carry, or nil. A
// sibling host or a script can plant a second cookie of the name that shadows the
// first; only what every valid copy grants counts.
func (x *exchange) readPreference(r *http.Request) *consent.Preference {
	var valid *consent.Preference
	copies := 0
	for name, value := range cookie.Pairs(r.Header["Cookie"]) {
		if name != x.handler.CookieName {
			continue
		}
		copies++
		if pref := x.verify(value); pref != nil {
			if valid == nil {
				valid = pref
			} else {
				valid = consent.Strictest(valid, pref)
			}
		}
	}
	x.shadowed = copies > 1
	return valid
}

// verify returns the preference that a value stands for, nil if there is any doubt.
func (x *exchange) verify(value string) *consent.Preference {
	h := x.handler
	now := time.Now()
	key := preferenceKey{site: x.site, value: value}
	if pref, ok := h.preferences.get(key, now, time.Duration(h.MaxAge)); ok {
		return pref
	}
	var pref *consent.Preference
	valid := h.keys.verify(func(keys [][]byte) bool {
		var err error
		pref, err = h.policy.DecodePreference(value, x.site, keys, time.Duration(h.MaxAge), now)
		return err == nil
	})
	if !valid {
		return nil // not asked: hand-made, altered, expired, another site's or another policy's
	}
	h.preferences.put(key, pref)
	return pref
}

// hostname returns the host of a Host header in the form that cookies are bound
// to: lower-case, without port, brackets and trailing dot.
func hostname(hostport string) string {
	host := hostport
	if end := strings.LastIndexByte(host, ']'); strings.HasPrefix(host, "[") && end > 0 {
		host = host[1:end]
	} else if colon := strings.LastIndexByte(host, ':'); colon >= 0 && colon == strings.IndexByte(host, ':') {
		host = host[:colon]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// isSecure reports whether the browser uses HTTPS, be it through a proxy that
// Caddy was told to trust.
func isSecure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	return trusted && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// hasGPC reports whether the browser sends Global Privacy Control: the field
// value is exactly "1", in one of the lines if there are several.
func hasGPC(header http.Header) bool {
	for _, line := range header["Sec-Gpc"] {
		if strings.Trim(line, " \t") == "1" {
			return true
		}
	}
	return false
}

// viewOf tells what a response will be used for. Browsers say it on HTTPS and on
// local hosts (Fetch Metadata); elsewhere Accept and the marks of script
// libraries are what there is.
func viewOf(r *http.Request) view {
	if r.Method == http.MethodConnect || r.Header["Upgrade"] != nil || r.Header[includeMark] != nil {
		return viewOther
	}
	if r.Header[pageMark] != nil {
		return viewDocument
	}
	if dest := r.Header.Get("Sec-Fetch-Dest"); dest != "" {
		switch dest {
		case "document":
			return viewDocument
		case "iframe", "frame", "embed", "object", "fencedframe":
			return viewFrame
		case "empty":
			// Only a service worker passes a navigation on, and does not say of what.
			if r.Header.Get("Sec-Fetch-Mode") == "navigate" {
				return viewDocument
			}
			// What is fetched ahead is shown without asking again.
			if strings.HasPrefix(r.Header.Get("Sec-Purpose"), "prefetch") || isWorkers(r) {
				return viewPossible
			}
		}
		return viewOther
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return viewOther
	}
	for _, mark := range fetchMarks {
		if r.Header[mark] != nil {
			return viewOther
		}
	}
	accept := strings.ToLower(strings.Join(r.Header["Accept"], ","))
	switch {
	case accept == "text/html", strings.Contains(accept, "text/html") && strings.Contains(accept, "application/xhtml+xml"):
		return viewDocument // every browser asks for both
	case accept == "", strings.Contains(accept, "text/html"), strings.Contains(accept, "*/*"), strings.Contains(accept, "text/*"):
		return viewPossible
	default:
		return viewOther
	}
}

// isWorkers reports whether a worker makes a request, which may keep the answer to
// show it as a page: what refers to it is a script.
func isWorkers(r *http.Request) bool {
	script, _, _ := strings.Cut(r.Referer(), "?")
	return strings.HasSuffix(script, ".js") || strings.HasSuffix(script, ".mjs")
}

// pageMark is the header by which the script asks for a page as a visitor gets it, for
// where a service worker keeps one. The answer has it too: it does not come from there.
const pageMark = "Cookie-Consent-Page"

// includeMark is the header by which Caddy's templates mark the request for a part
// of a page, which otherwise has the header of the request for the page.
const includeMark = "Caddy-Templates-Include"

// fetchMarks are the headers by which script libraries mark requests for
// fragments of pages.
var fetchMarks = []string{
	"X-Requested-With", "Hx-Request", "X-Pjax", "Turbo-Frame", "X-Up-Version", "X-Fetch", "X-Inertia", "X-Livewire",
}
