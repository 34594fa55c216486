package cookieconsent

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
	"github.com/cookieconsent/caddy-cookie-consent/consent/report"
)

// newReport returns what there is to tell of an inventory and the handlers of the
// configuration.
func newReport(found *inventory.Snapshot, handlers []*configuredHandler, ledgerProblem string) (*report.Report, error) {
	groups, err := groupSites(found, handlers)
	if err != nil {
		return nil, err
	}
	r := &report.Report{Made: time.Now(), Version: moduleVersion(), LedgerProblem: ledgerProblem}
	for _, group := range groups {
		site := group.report()
		if site.Declared = slices.Contains(handlers, group.handler); site.Declared {
			site.Observes = group.handler.Mode == modeObserve
			site.Findings = append(group.handler.check(), group.handler.consentTools(inventory.MergeSites(group.sites...))...)
		}
		r.Sites = append(r.Sites, *site)
	}
	return r, nil
}

// siteGroup is the sites that share a handler.
type siteGroup struct {
	handler *configuredHandler
	sites   []*inventory.Site
}

// groupSites returns the sites of an inventory by the handler that holds for them.
func groupSites(found *inventory.Snapshot, handlers []*configuredHandler) ([]*siteGroup, error) {
	var groups []*siteGroup
	for i := range found.Sites {
		site := &found.Sites[i]
		h, err := handlerOf(handlers, site.Host)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(groups, func(g *siteGroup) bool { return g.handler == h })
		if at < 0 {
			at = len(groups)
			groups = append(groups, &siteGroup{handler: h})
		}
		groups[at].sites = append(groups[at].sites, site)
	}
	return groups, nil
}

// names returns the hosts of the sites.
func (g *siteGroup) names() []string {
	names := make([]string, len(g.sites))
	for i, site := range g.sites {
		if names[i] = site.Host; site.Host == inventory.Others {
			names[i] = "all other hosts"
		}
	}
	return names
}

// maxNamed is how many hosts the name of a site has.
const maxNamed = 4

func (g *siteGroup) report() *report.Site {
	h, seen := g.handler, inventory.MergeSites(g.sites...)
	names := g.names()
	if more := len(names) - maxNamed; more > 0 {
		names = append(names[:maxNamed:maxNamed], fmt.Sprintf("and %d more", more))
	}
	site := &report.Site{Name: strings.Join(names, ", "), Days: seen.Days, Unlisted: seen.Unlisted}
	for _, category := range h.policy.Categories() {
		site.Categories = append(site.Categories, category.Name)
	}
	lines := newSuggestion(h, g.sites).lines
	for i := range seen.Cookies {
		c := &seen.Cookies[i]
		v := h.classifyCookie(c.Name)
		item := v.report(lines[seenName{name: c.Name}])
		item.Login = item.Status < report.Known && !c.Script() && c.HTTPOnly && c.Lifetime.Session
		item.Name, item.What, item.First, item.Last, item.Count = c.Name, describeCookie(c), c.First, c.Last, max(c.Set, c.Sent)
		site.Cookies = append(site.Cookies, item)
	}
	for i := range seen.Hosts {
		other := &seen.Hosts[i]
		v := h.classifyHost(seen.Host, other.Host)
		item := v.report(lines[seenName{true, other.Host}])
		item.Name, item.What, item.First, item.Last, item.Count = other.Host, describeHost(other), other.First, other.Last, other.Count()
		site.Hosts = append(site.Hosts, item)
	}
	site.Unseen = h.unseen(seen)
	return site
}

// report returns what is known of something, with lines about it.
func (v *verdict) report(lines string) report.Item {
	item := report.Item{Category: v.category, Necessary: v.category == consent.Necessary, Lines: strings.TrimSpace(lines)}
	switch {
	case v.declared:
		item.Status = report.Declared
	case v.known.List != nil:
		item.Who = "on the list " + v.known.List.File
	case v.known.Name() == "":
	case v.known.IsHint():
		item.Status, item.Who = report.Guessed, "perhaps "+v.known.Name()
	default:
		item.Status, item.Who = report.Known, v.known.Name()
	}
	return item
}
