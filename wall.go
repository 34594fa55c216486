package cookieconsent

import (
	"net/http"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
	"github.com/cookieconsent/caddy-cookie-consent/consent/mimetype"
	"github.com/cookieconsent/caddy-cookie-consent/consent/wall"
)

// walled reports whether there is anybody whom the visitor's browser must not contact.
func (x *exchange) walled() bool { return !x.decision.AllGranted() }

// guardsScripts reports whether a page needs the script that guards what its own scripts
// write. A page of its own always does: another tab may take back what is granted.
func (x *exchange) guardsScripts() bool {
	return x.view != viewFrame || x.walled() || x.handler.capsCookies
}

// otherSite returns the registrable domain of the page's host where that is another
// name and there is anybody to be kept from it.
func (x *exchange) otherSite() string {
	if !x.walled() {
		return ""
	}
	if page := x.page(); page.Site() != page.Host() {
		return page.Site()
	}
	return ""
}

// guard makes g what keeps a response from making the browser contact them, be it by its
// markup or by its header.
func (x *exchange) guard(g *wall.Guard, source inventory.Source) {
	g.Reset(x.decision, x.page(), func(to consent.Destination) {
		x.noteHost(source, to)
		x.noteBlocked(to)
	})
}

// page returns the page at the address of the request.
func (x *exchange) page() *consent.Page {
	if x.at == nil {
		x.at = x.handler.policy.NewPage(x.scheme(), x.address, x.url.RequestURI())
	}
	return x.at
}

// noteBlocked counts an attribute that was blocked and tells the operator about a
// host that nobody declared.
func (x *exchange) noteBlocked(to consent.Destination) {
	category := x.handler.policy.Config().UnknownHosts
	if to.Rule != nil {
		category = to.Rule.Category
	}
	if x.blockedOf != category {
		x.countBlocked()
		x.blockedOf = category
	}
	x.blocked++
	if to.Rule != nil {
		x.handler.asking.note(to.Rule)
	}
	if to.Party == consent.UnknownParty && to.Host != "" {
		x.handler.notices.undeclaredHost(to.Host, category)
	}
}

// countBlocked counts what was blocked. Most of a page is of one category, so that it
// is counted at once.
func (x *exchange) countBlocked() {
	if x.blocked > 0 {
		x.countContacts(x.blockedOf, x.blocked)
		x.blocked = 0
	}
}

// noteRedirect counts a redirect to somebody whom the visitor did not agree to. It is
// let pass, because to go somewhere is the visitor's own doing.
func (x *exchange) noteRedirect(status int, header http.Header) {
	if !x.walled() || !isRedirect(status, header) {
		return
	}
	if state, to := x.decision.URL(x.page(), header["Location"][0]); state != consent.Granted {
		metrics.redirects.WithLabelValues(to.Rule.Category).Inc()
	}
}

// guardHeader takes out of a header what contacts them.
func (x *exchange) guardHeader(header http.Header) {
	if !x.walled() {
		return
	}
	for key := range header {
		if wall.Concerns(key) {
			var g wall.Guard
			x.guard(&g, inventory.Link)
			g.FilterHeaders(header)
			break
		}
	}
}

// addPolicy adds the policy that keeps a document or a worker from contacting them.
func (x *exchange) addPolicy(header http.Header) {
	if name := x.policyHeader(); name != "" && x.walled() {
		header[name] = append(slices.Clip(header[name]), x.handler.policies.Of(x.decision, x.page()))
	}
}

// policyHeader returns the name of the header that the policy is in; "" if there is none.
func (x *exchange) policyHeader() string {
	switch {
	case x.handler.policies == nil:
		return ""
	case x.handler.Wall == wallReport:
		return "Content-Security-Policy-Report-Only"
	default:
		return policyName
	}
}

// isMarkup reports whether browsers show a type as a document that can load
// something, or look at the body to find out. Of several parts, Firefox shows one after
// the other.
func isMarkup(essence string) bool {
	return essence == "" || essence == mimetype.HTML || strings.HasSuffix(essence, "xml") || strings.HasPrefix(essence, "multipart/")
}

// servePath answers in place of the application for a path that belongs to a service
// which the visitor did not agree to: with nothing, in a form that breaks no page.
func servePath(w http.ResponseWriter, r *http.Request) error {
	header := w.Header()
	header.Set("Cache-Control", "private, no-cache")
	addVary(header, "Cookie, Sec-GPC, Sec-Fetch-Dest")
	body := ""
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "script", "worker", "sharedworker", "serviceworker":
		header.Set("Content-Type", "text/javascript")
	case "style":
		header.Set("Content-Type", "text/css")
	case "image":
		header.Set("Content-Type", "image/gif")
		body = emptyGIF
	default:
		if !strings.Contains(r.Header.Get("Accept"), "json") {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		header.Set("Content-Type", "application/json")
		body = "{}"
	}
	w.WriteHeader(http.StatusOK)
	_, err := w.Write([]byte(body))
	return err
}

// emptyGIF is an image of one transparent pixel.
const emptyGIF = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"

// undeclaredHost tells about a host that a page was kept from loading from, with the
// lines that would declare it.
func (n *notices) undeclaredHost(host, category string) {
	n.once(noticeHost, host, func(l *zap.Logger) {
		known, _ := n.catalog.Host(host)
		n.noteConsentTool(&known)
		l.Warn("kept a page from loading from a host that is not declared; if visitors need it, declare it in the cookie_consent block",
			n.hostFields(host, category)...)
	})
}

// wouldBlock tells, in observe mode, what enforcing would do.
func (n *notices) wouldBlock(host, category string) {
	n.once(noticeObservedHost, host, func(l *zap.Logger) {
		l.Info("would keep a page from loading from a host until the visitor agrees", n.hostFields(host, category)...)
	})
}

// hostFields say which host a notice is about, and what the catalog knows of it.
func (n *notices) hostFields(host, category string) []zap.Field {
	host = strings.Clone(host) // a log may keep it, and whoever reads the page reuses its place
	fields := []zap.Field{zap.String("host", host), zap.String("category", category)}
	known, ok := n.catalog.Host(host)
	switch {
	case known.List != nil:
		fields = append(fields, zap.String("list", known.List.File))
	case ok:
		fields = append(fields, zap.String("known_as", known.Name()))
	}
	return append(fields, zap.String("declaration", hostDeclaration(host, category, known)))
}
