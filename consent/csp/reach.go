package csp

import (
	"slices"
	"strings"
)

// MayReach reports whether the policies in the lines of a Content-Security-Policy
// header, several in a line too, let the page load anything of a kind from a host by
// HTTPS. It is true in case of doubt.
func (p *Page) MayReach(lines []string, kind Kind, host string) bool {
	from, _ := originOf(p.Secure, p.Host)
	to := location{scheme: "https", host: strings.ToLower(host)}
	for _, line := range lines {
		for text := range strings.SplitSeq(line, ",") {
			policy := parse(text)
			d := policy.governing(kind)
			if d == nil || policy.ambiguous || kind == Script && d.sources.has(strictDynamic) {
				continue
			}
			if !slices.ContainsFunc(d.sources, func(source string) bool { return matches(withoutPath(source), &from, &to) }) {
				return false
			}
		}
	}
	return true
}

// withoutPath returns a source that allows every address of the host that one names.
func withoutPath(source string) string {
	start := 0
	if i := strings.Index(source, "://"); i >= 0 {
		start = i + len("://")
	}
	if i := strings.IndexByte(source[start:], '/'); i >= 0 {
		return source[:start+i]
	}
	return source
}
