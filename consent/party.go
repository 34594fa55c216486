package consent

import (
	"github.com/cookieconsent/caddy-cookie-consent/consent/weburl"
)

// Party says whom a URL leads to, seen from the page that holds it.
type Party uint8

// The parties.
const (
	UnknownParty Party = iota // another site that nobody declared, or something that cannot be read
	NoParty                   // nobody is contacted: data:, blob:, a place in the page itself
	OwnHost                   // the host of the page, on any port
	SameSite                  // another host under the same registrable domain
	SameOwner                 // a host that first_party lists
	ServiceParty              // a host or path of a service
)

// String returns a word for logs.
func (p Party) String() string {
	return [...]string{"unknown", "none", "own_host", "same_site", "same_owner", "service"}[p]
}

// Destination is whom a URL leads to.
type Destination struct {
	Party Party

	// Scheme is the scheme in lower case; "" if it is not known, or for a place in
	// the page itself. The document that a data: or javascript: URL becomes in a
	// frame may contact anybody: whoever lets it load has to look into it.
	Scheme string

	// Host is the host that is contacted, in ASCII and lower case, without port;
	// "" if nobody is or it is not known.
	Host string

	// Rule says which category and services it belongs to. What is neither a
	// service's nor unknown is necessary.
	Rule *Rule
}

// Page is a document that a visitor is shown, whose URLs are to be read.
type Page struct {
	base weburl.Base
	host string
	site string // the registrable domain of the host; "" if there is none
}

// NewPage returns the page at an address: the scheme http or https, the host as the
// browser named it, with a port or not, and the path, percent-encoded, with a query
// or not.
func (p *Policy) NewPage(scheme, host, path string) *Page {
	page := &Page{base: weburl.NewBase(scheme, host, path)}
	page.host = page.base.Host()
	page.site = p.siteOf(page.host)
	return page
}

// Host returns the host of the page, in ASCII and lower case.
func (p *Page) Host() string { return p.host }

// Site returns the registrable domain of the host; "" if there is none.
func (p *Page) Site() string { return p.site }

// WithBase returns the page as what stands behind <base href> sees it. A page may
// have several bases to the several readers inside a browser: what any of them
// would contact is contacted.
func (p *Page) WithBase(href string) *Page {
	page := *p
	page.base = p.base.Rebase(href)
	return &page
}

// Destination returns whom a browser contacts for a URL as it stands in an
// attribute of a page, character references decoded. A service's hosts and paths go
// before everything but the host of the page itself, whose paths alone may be a
// service's; then come the hosts of first_party and of the same site. What cannot be
// read counts as an unknown host.
func (p *Policy) Destination(page *Page, url string) Destination {
	u := page.base.Parse(url)
	switch u.Kind {
	case weburl.Local:
		return Destination{NoParty, u.Scheme, "", p.necessary}
	case weburl.Remote:
	default:
		return Destination{UnknownParty, "", "", p.unknownHost}
	}
	party, place := UnknownParty, (*place)(nil)
	if u.Host == page.host {
		party = OwnHost
	} else {
		place = p.findPlace(u.Host)
		switch {
		case place != nil && place.sameOwner:
			party = SameOwner
		case p.isWithin(u.Host, page.site):
			party = SameSite
		}
	}
	var rule *Rule
	if party == UnknownParty || len(p.paths) == 0 {
		rule = place.ruleAlone()
	} else {
		var buf [512]byte
		rule = p.placeRule(place, u.AppendPath(buf[:0]))
	}
	switch {
	case rule != nil:
		return Destination{ServiceParty, u.Scheme, u.Host, rule}
	case party == UnknownParty:
		return Destination{party, u.Scheme, u.Host, p.unknownHost}
	}
	return Destination{party, u.Scheme, u.Host, p.necessary}
}

// URL returns whether a browser may load what a URL of a page leads to, and whom it
// would contact for it; see [Policy.Destination].
func (d *Decision) URL(page *Page, url string) (State, Destination) {
	to := d.policy.Destination(page, url)
	return d.state(to.Rule), to
}

// Path returns whether a request for a path of the site may be forwarded, and the
// rule for it: nil where no service lists the path. It takes the path as it stands
// in the request, percent-encoded, with a query or not.
func (d *Decision) Path(path string) (State, *Rule) {
	if len(d.policy.paths) == 0 {
		return Granted, nil
	}
	var buf [512]byte
	rule := d.policy.placeRule(nil, weburl.AppendPath(buf[:0], path))
	if rule == nil {
		return Granted, nil
	}
	return d.state(rule), rule
}
