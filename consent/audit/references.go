package audit

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"strings"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
	"github.com/cookieconsent/caddy-cookie-consent/consent/csp"
	"github.com/cookieconsent/caddy-cookie-consent/consent/rewrite"
	"github.com/cookieconsent/caddy-cookie-consent/consent/wall"
	"github.com/cookieconsent/caddy-cookie-consent/consent/weburl"
)

// reference is somebody else whom a browser contacts for a page.
type reference struct {
	host    string           // "" for a script that is known
	service *catalog.Service // of such a script
	where   string
}

// references finds whom a browser contacts for a page: what is named in its header and
// markup, and in its own styles and scripts where its policies let these load anything.
func references(c *classifier, at *hop, p *page, text string) []reference {
	var found []reference
	place := pageAt(c.bare, at.url)
	where := "header"
	guard := wall.NewGuard(c.bare.Decide(nil, false), place, func(to consent.Destination) {
		if to.Host != "" {
			found = append(found, reference{host: strings.Clone(to.Host), where: where})
		}
	})
	guard.FilterHeaders(maps.Clone(map[string][]string(at.header)))
	if p == nil {
		return found
	}
	where = "markup"
	r := rewrite.New(io.Discard, rewrite.Options{Edit: guard.Edit, Elements: wall.Elements})
	if _, err := io.WriteString(r, text); err == nil {
		_ = r.Close() // what it writes is thrown away
	}

	policies := at.header["Content-Security-Policy"]
	own := csp.Page{Secure: at.url.Scheme == "https", Host: at.url.Host}
	// Policies and names are strangers', who may have many of both.
	answers := map[string]bool{}
	reaches := func(host string, kinds ...csp.Kind) bool {
		for _, kind := range kinds {
			question := fmt.Sprint(kind, " ", host)
			answer, known := answers[question]
			if !known && len(answers) < maxQuestions {
				answer = own.MayReach(policies, kind, host)
				answers[question] = answer
			}
			if answer {
				return true
			}
		}
		return false
	}
	based := place.WithBase(p.base.String())
	for _, style := range p.styles {
		for ref := range weburl.CSS(style) {
			to := c.bare.Destination(based, ref.URL)
			if ref.Sure && to.Party == consent.UnknownParty && to.Host != "" && reaches(to.Host, csp.Style, csp.Image) {
				found = append(found, reference{host: to.Host, where: "style"})
			}
		}
	}
	for _, script := range p.scripts {
		for _, service := range scriptsOf(c.catalog, script) {
			if loads(service, p, reaches) {
				found = append(found, reference{service: service, where: "script"})
			}
		}
	}
	return found
}

// maxQuestions bounds what the policies of a page are asked.
const maxQuestions = 1000

// loads reports whether the script of a service gets to load what it wants. One that the
// site runs on its own host, and that no policy tells from the site, does unless the
// module guards the page.
func loads(service *catalog.Service, p *page, reaches func(string, ...csp.Kind) bool) bool {
	if len(service.Hosts) == 0 {
		return p.action == "" && p.settings == ""
	}
	for _, host := range service.Hosts {
		if reaches(strings.Replace(host, "*", "x", 1), csp.Script, csp.Image, csp.Connect) {
			return true
		}
	}
	return false
}

// pageAt returns the page at an address.
func pageAt(p *consent.Policy, u *url.URL) *consent.Page {
	return p.NewPage(u.Scheme, u.Host, u.RequestURI())
}
