package cookieconsent

import (
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

// asking is whether visitors are asked at all. A site with necessary cookies alone is
// left in peace.
type asking struct {
	policy    *consent.Policy
	inventory *inventory.Inventory

	always bool        // something needs consent by its declaration, or the operator wants it
	found  atomic.Bool // something that nobody declared was seen to need consent

	mu     sync.Mutex
	looked map[string]struct{} // hosts whose inventory was looked at
}

// maxLooked bounds the hosts whose inventory is looked at.
const maxLooked = 64

func newAsking(h *Handler) *asking {
	a := &asking{policy: h.policy, inventory: h.inventory, looked: map[string]struct{}{}}
	a.always = h.Banner == bannerAlways || h.Banner == bannerAuto && h.policy.AsksConsent()
	return a
}

// note takes note of something that was withheld because it needs consent: the
// application set it, or a page contains it. What browsers send proves nothing, because
// anybody can send it.
func (a *asking) note(rule *consent.Rule) {
	if !a.found.Load() && a.policy.Asks(rule) {
		a.found.Store(true)
	}
}

// on reports whether there is anything to ask about on a host. What was found before
// Caddy was started is in the inventory.
func (a *asking) on(host string) bool {
	if a.always || a.found.Load() {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, done := a.looked[host]; !done && len(a.looked) < maxLooked {
		a.looked[host] = struct{}{}
		if a.needsConsent(a.inventory.Site(host)) {
			a.found.Store(true)
		}
	}
	return a.found.Load()
}

func (a *asking) needsConsent(seen inventory.Site) bool {
	for i := range seen.Cookies {
		c := &seen.Cookies[i]
		if !c.Script() && a.policy.Asks(a.policy.CookieRule(consent.KnownExample(c.Name))) {
			return true
		}
	}
	page := a.policy.NewPage("https", seen.Host, "/")
	for i := range seen.Hosts {
		h := &seen.Hosts[i]
		if h.Markup+h.Link > 0 && a.policy.Asks(a.policy.Destination(page, "https://"+h.Example()+"/").Rule) {
			return true
		}
	}
	return false
}

// A showing is what of the module's own a page begins with.
type showing uint8

const (
	showNothing showing = iota
	showSettings
	showBanner
)

// shows returns what the page begins with. Who has chosen can change that, and who need
// not be asked can switch off what is exempt.
func (x *exchange) shows() showing {
	h := x.handler
	switch {
	case h.Banner == bannerOff:
		return showNothing
	case x.decision.Asked():
		return showSettings
	case h.asking.on(x.host):
		return showBanner
	case h.policy.HasExempt():
		return showSettings
	}
	return showNothing
}

// noteConsentTool tells the operator, once, that the application seems to bring a consent
// tool of its own: visitors would be asked by both.
func (n *notices) noteConsentTool(known *catalog.Match) {
	if n.quiet || !known.IsConsentTool() {
		return
	}
	tool := known.Name()
	n.once(noticeConsentTool, tool, func(l *zap.Logger) {
		l.Warn("a page or a browser has something of a consent tool; if the application brings it, visitors may be asked twice: "+
			"remove it from the application, or say 'banner off' and let it use window.cookieConsent", zap.String("tool", tool))
	})
}
