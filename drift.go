package cookieconsent

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

// unseenAfter is how long an inventory has to be kept of a site before what is declared
// and was not seen is told.
const unseenAfter = 14 * 24 * time.Hour

// drift returns, one a line, where what an inventory holds differs from what the
// handlers of a configuration declare. Sites that no handler is for are left out.
func drift(handlers []*configuredHandler, seen *inventory.Snapshot, now time.Time) ([]string, error) {
	var findings []string
	sites := map[*configuredHandler][]*inventory.Site{}
	for i := range seen.Sites {
		site := &seen.Sites[i]
		h, err := handlerOf(handlers, site.Host)
		if err != nil {
			return nil, err
		}
		if slices.Contains(handlers, h) {
			sites[h] = append(sites[h], site)
			findings = append(findings, h.undeclared(site)...)
		}
	}
	for _, h := range handlers {
		if len(sites[h]) > 0 {
			findings = append(findings, h.unseen(inventory.MergeSites(sites[h]...), now)...)
		}
	}
	return findings, nil
}

// undeclared returns what there is to say of what a site was seen with and nobody
// declared.
func (h *configuredHandler) undeclared(site *inventory.Site) []string {
	var findings, tools []string
	say := func(kind, name, category, by string, last time.Time) {
		consequence := "passes as " + category
		if category != consent.Necessary {
			consequence = "waits for consent to " + category
		}
		findings = append(findings, fmt.Sprintf("%s: the %s %s, last seen on %s, is not declared (%s) and %s; 'suggest' prints the lines",
			site.Host, kind, name, last.UTC().Format(time.DateOnly), by, consequence))
	}
	for i := range site.Cookies {
		c := &site.Cookies[i]
		v := h.classifyCookie(c.Name)
		if isConsentTool(v.known) {
			tools = append(tools, v.known.Name())
		}
		if !v.declared {
			name := c.Name
			if name == "" {
				name = "without a name"
			}
			say("cookie", name, v.category, v.by(), c.Last)
		}
	}
	for i := range site.Hosts {
		other := &site.Hosts[i]
		v := h.classifyHost(site.Host, other.Host)
		if isConsentTool(v.known) {
			tools = append(tools, v.known.Name())
		}
		if !v.declared {
			say("host", other.Host, v.category, v.by(), other.Last)
		}
	}
	for _, tool := range slices.Compact(slices.Sorted(slices.Values(tools))) {
		if h.Banner != bannerOff {
			findings = append(findings, fmt.Sprintf("%s: the application brings a consent tool of its own, %s, so that visitors may be asked twice; remove it there, or say 'banner off'", site.Host, tool))
		}
	}
	return findings
}

// unseen returns what there is to say of what is declared and was not seen on the sites
// of the handler.
func (h *configuredHandler) unseen(seen *inventory.Site, now time.Time) []string {
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
	where := strings.Join(h.hosts, ", ")
	if where == "" {
		where = "every host"
	}
	var findings []string
	say := func(what string) {
		findings = append(findings, fmt.Sprintf("%s: %s is declared, but was not seen since %s", where, what, since.UTC().Format(time.DateOnly)))
	}
	for i := range h.Cookies {
		for _, pattern := range h.Cookies[i].Patterns {
			if !sawCookie(seen, pattern) {
				say("the cookie " + pattern)
			}
		}
	}
	for i := range h.Services {
		s := &h.Services[i]
		saw := len(s.Cookies)+len(s.Hosts) == 0 || // paths and storage leave no trace
			slices.ContainsFunc(s.Cookies, func(pattern string) bool { return sawCookie(seen, pattern) }) ||
			slices.ContainsFunc(s.Hosts, func(host string) bool { return sawHost(seen, host) })
		if !saw {
			say("the service " + s.ID)
		}
	}
	return findings
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// sawCookie reports whether a site was seen with a cookie that a pattern is for.
// Inventories have names folded.
func sawCookie(seen *inventory.Site, pattern string) bool {
	folded := pattern
	if !strings.Contains(pattern, "*") {
		folded = inventory.Fold(pattern, knownShape)
	}
	return slices.ContainsFunc(seen.Cookies, func(c inventory.Cookie) bool {
		return c.Name == folded || consent.MatchName(pattern, consent.KnownExample(c.Name))
	})
}

// sawHost reports whether a site was seen with a host that a pattern is for. Inventories
// have "*.example.net" for many hosts below one.
func sawHost(seen *inventory.Site, pattern string) bool {
	below, wildcard := strings.CutPrefix(pattern, "*.")
	return slices.ContainsFunc(seen.Hosts, func(h inventory.Host) bool {
		host := strings.TrimPrefix(h.Host, "*.")
		return host == below || wildcard && strings.HasSuffix(host, "."+below) || host != h.Host && strings.HasSuffix(pattern, "."+host)
	})
}
