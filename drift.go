package cookieconsent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
	"github.com/cookieconsent/caddy-cookie-consent/consent/report"
)

// unseenAfter is how long an inventory has to be kept of a site before what is declared
// and was not seen is told.
const unseenAfter = 14 * 24 * time.Hour

// drift returns, one a line, where what an inventory holds differs from what the
// handlers of a configuration declare. Sites that no handler is for are left out.
func drift(handlers []*configuredHandler, seen *inventory.Snapshot, now time.Time) ([]string, error) {
	var findings []string
	groups, err := groupSites(seen, handlers)
	if err != nil {
		return nil, err
	}
	for _, group := range groups {
		if !slices.Contains(handlers, group.handler) {
			continue
		}
		for _, site := range group.sites {
			findings = append(findings, group.handler.undeclared(site)...)
		}
		findings = append(findings, group.handler.notSeen(inventory.MergeSites(group.sites...), now)...)
	}
	return findings, nil
}

// undeclared returns what there is to say of what a site was seen with and nobody
// declared: first hosts that pages may need to look right.
func (h *configuredHandler) undeclared(site *inventory.Site) []string {
	var findings []string
	say := func(kind, name string, v *verdict, last time.Time) {
		consequence := "passes as " + v.category
		if v.category != consent.Necessary {
			consequence = "waits for consent to " + v.category
		}
		findings = append(findings, fmt.Sprintf("%s: the %s %s, last seen on %s, is not declared (%s) and %s; 'suggest' prints the lines",
			site.Host, kind, name, last.UTC().Format(time.DateOnly), v.by(), consequence))
	}
	for i := range site.Hosts {
		host := site.Hosts[i].Host
		if v := h.classifyHost(site.Host, host); !v.declared && v.known.IsCDN() {
			findings = append(findings, fmt.Sprintf("%s: pages may need %s (%s) to look right, which delivers files, sets no cookies and waits for consent to %s; if you answer for that visitors contact it unasked: first_party %s",
				site.Host, host, v.known.Name(), v.category, host))
		}
	}
	for i := range site.Cookies {
		c := &site.Cookies[i]
		if v := h.classifyCookie(c.Name); !v.declared {
			say("cookie", cmp.Or(c.Name, "without a name"), &v, c.Last)
		}
	}
	for i := range site.Hosts {
		other := &site.Hosts[i]
		if v := h.classifyHost(site.Host, other.Host); !v.declared && !v.known.IsCDN() {
			say("host", other.Host, &v, other.Last)
		}
	}
	for _, finding := range h.consentTools(site) {
		findings = append(findings, site.Host+": "+finding)
	}
	return findings
}

// consentTools returns what there is to say of tools of the application's own that ask
// visitors.
func (h *configuredHandler) consentTools(site *inventory.Site) []string {
	if h.Banner == bannerOff {
		return nil
	}
	var tools []string
	note := func(v verdict) {
		if v.known.IsConsentTool() {
			tools = append(tools, v.known.Name())
		}
	}
	for i := range site.Cookies {
		note(h.classifyCookie(site.Cookies[i].Name))
	}
	for i := range site.Hosts {
		note(h.classifyHost(site.Host, site.Hosts[i].Host))
	}
	tools = slices.Compact(slices.Sorted(slices.Values(tools)))
	for i, tool := range tools {
		tools[i] = "the application brings a consent tool of its own, " + tool + ", so that visitors may be asked twice; remove it there, or say 'banner off'"
	}
	return tools
}

// notSeen returns what there is to say of what is declared and was not seen on the sites
// of the handler.
func (h *configuredHandler) notSeen(seen *inventory.Site, now time.Time) []string {
	since := now
	for i := range seen.Cookies {
		since = earlier(since, seen.Cookies[i].First)
	}
	for i := range seen.Hosts {
		since = earlier(since, seen.Hosts[i].First)
	}
	if now.Sub(since) < unseenAfter {
		return nil
	}
	var findings []string
	for _, what := range h.unseen(seen) {
		findings = append(findings, fmt.Sprintf("%s: the %s %s is declared, but was not seen since %s",
			cmp.Or(strings.Join(h.hosts, ", "), "every host"), what.Kind, what.Name, since.UTC().Format(time.DateOnly)))
	}
	return findings
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// unseen returns what is declared of which nothing was seen: cookies by their patterns,
// and services of which neither a cookie nor a host was.
func (h *configuredHandler) unseen(seen *inventory.Site) []report.Unseen {
	var unseen []report.Unseen
	sawCookie := func(pattern string) bool {
		return slices.ContainsFunc(seen.Cookies, func(c inventory.Cookie) bool { return isOneOf(c.Name, pattern) })
	}
	sawHost := func(declared string) bool {
		return slices.ContainsFunc(seen.Hosts, func(other inventory.Host) bool { return isHostOf(other.Host, declared) })
	}
	for i := range h.Cookies {
		for _, pattern := range h.Cookies[i].Patterns {
			if !sawCookie(pattern) {
				unseen = append(unseen, report.Unseen{Kind: "cookie", Name: pattern, Of: h.Cookies[i].Provider})
			}
		}
	}
	for i := range h.Services {
		s := &h.Services[i]
		traces := len(s.Cookies) + len(s.Hosts) // paths and storage leave none
		if traces > 0 && !slices.ContainsFunc(s.Cookies, sawCookie) && !slices.ContainsFunc(s.Hosts, sawHost) {
			unseen = append(unseen, report.Unseen{Kind: "service", Name: s.ID, Of: s.Provider})
		}
	}
	return unseen
}

// isOneOf reports whether a name as an inventory has it may be one that a declaration is
// about.
func isOneOf(name, declared string) bool {
	return consent.MatchName(declared, consent.KnownExample(name)) || strings.Contains(name, "*") && consent.MatchName(name, declared) ||
		!strings.Contains(declared, "*") && inventory.Fold(declared, knownShape) == name
}

// isHostOf reports whether a host, or those below one, may be one that is declared.
func isHostOf(host, declared string) bool {
	below := func(host, wildcard string) bool {
		suffix, ok := strings.CutPrefix(wildcard, "*")
		return ok && strings.HasSuffix(host, suffix)
	}
	return host == declared || below(host, declared) || below(declared, host)
}
