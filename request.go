package cookieconsent

import (
	"net/http"
	"slices"
	"strings"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/cookie"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

// filterRequest changes the request to what the application may see. It works in
// place, because Caddy's placeholders and error routes look at this very request;
// Caddy's logs have a copy of their own.
func (x *exchange) filterRequest(r *http.Request) {
	if lines := r.Header["Cookie"]; lines != nil {
		if kept := cookie.FilterCookie(lines, x.keepRequestCookie, x.droppedRequestCookie); kept == nil {
			delete(r.Header, "Cookie")
		} else {
			r.Header["Cookie"] = kept
		}
	}
	if name := x.handler.PassHeader; name != "" {
		removeHeader(r.Header, name)
		r.Header.Set(name, x.passedState())
		// What Connection names does not go further (RFC 9110, section 7.6.1).
		removeMember(r.Header, "Connection", name)
	}
	delete(r.Header, pageMark)
	x.filterConditions(r)
	if lines := r.Header["Accept-Encoding"]; lines != nil {
		r.Header["Accept-Encoding"] = narrowCodings(lines)
	}
}

// keepRequestCookie reports whether the application may read a cookie.
func (x *exchange) keepRequestCookie(name string) bool {
	if name == x.handler.CookieName {
		return false
	}
	if x.decision.AllGranted() {
		return true // whatever its rule is
	}
	state, _ := x.decision.Cookie(name)
	return state == consent.Granted
}

// maxRefused bounds the refused cookies of one request that are deleted; browsers
// keep fewer for one site. The next pages go on with the others.
const maxRefused = 256

// droppedRequestCookie notes what the application does not get to see. Only what
// was refused will be deleted: a visitor who was not asked loses nothing.
func (x *exchange) droppedRequestCookie(name string) {
	if name == x.handler.CookieName {
		return
	}
	x.holds = true
	state, rule := x.decision.Cookie(name)
	x.countCookie(inventory.Stripped, rule.Category)
	if !rule.Declared {
		x.handler.notices.undeclared(noticeRequest, name, rule.Category)
	}
	if state == consent.Refused && len(x.refused) < maxRefused && !slices.Contains(x.refused, name) {
		x.refused = append(x.refused, name)
	}
}

// passedState returns the visitor's choice for the application: a Structured
// Field dictionary (RFC 9651) of the categories with their states as tokens.
func (x *exchange) passedState() string {
	var b strings.Builder
	for i, category := range x.handler.policy.Categories() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(category.Name)
		b.WriteByte('=')
		b.WriteString(x.decision.Category(category.Name).String())
	}
	return b.String()
}

// filterConditions makes conditional, partial and compressed answers impossible
// where they would bypass or revive a page: on navigations the application sends
// the whole page, readable, or confirms exactly the variant that the browser has.
func (x *exchange) filterConditions(r *http.Request) {
	reads := (x.view == viewDocument || x.view == viewFrame) && (r.Method == http.MethodGet || r.Method == http.MethodHead)
	for _, name := range []string{"If-None-Match", "If-Match"} {
		lines := r.Header[name]
		if lines == nil {
			continue
		}
		tags, unmarked := restoreTags(lines, x.variant())
		if x.view == viewOther {
			tags = nil // they confirm a page with a banner
		}
		x.revalidates = x.revalidates || name == "If-None-Match" && len(tags) > 0
		if !reads || name == "If-Match" {
			tags = append(tags, unmarked...) // a page without a banner may not be confirmed
		}
		if len(tags) > 0 {
			r.Header[name] = []string{strings.Join(tags, ", ")}
		} else if name == "If-None-Match" {
			delete(r.Header, name)
		}
	}
	if x.adaptsWorker() {
		// The policy that a worker was kept with may be another one.
		delete(r.Header, "If-None-Match")
		delete(r.Header, "If-Modified-Since")
	}
	if x.service {
		r.Header["Accept-Encoding"] = identityCoding
	}
	if !reads {
		return
	}
	for _, name := range []string{"If-Modified-Since", "Range", "If-Range"} {
		delete(r.Header, name)
	}
	if x.handler.UpstreamEncoding == upstreamIdentity || r.Header["Accept-Encoding"] == nil {
		r.Header["Accept-Encoding"] = identityCoding
	}
}

// identityCoding asks for an uncompressed page. Deleting the header instead would
// make Go's transport ask for gzip and unpack it again.
var identityCoding = []string{"identity"}

// narrowCodings takes out of Accept-Encoding what can't be decoded, so that nothing
// that may be a page comes in it. It returns lines itself if that is nothing, and
// asks for no coding at all if nothing else is left.
func narrowCodings(lines []string) []string {
	if len(lines) == 1 && (lines[0] == "gzip, deflate, br, zstd" || lines[0] == "identity") {
		return lines // what browsers send, and what they are made to send
	}
	var kept []string
	narrowed := false
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			coding, _, _ := strings.Cut(member, ";")
			coding = strings.ToLower(strings.Trim(coding, " \t"))
			switch {
			case coding == "identity", slices.Contains(readableCodings, coding):
				kept = append(kept, strings.Trim(member, " \t"))
			case coding != "":
				narrowed = true
			}
		}
	}
	switch {
	case !narrowed:
		return lines
	case len(kept) == 0:
		return identityCoding
	default:
		return []string{strings.Join(kept, ", ")}
	}
}
