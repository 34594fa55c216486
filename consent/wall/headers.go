package wall

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/cookieconsent/caddy-cookie-consent/consent/weburl"
)

// headerFilters return what may stay of the lines of a header, by its name: the same
// slice if all may.
var headerFilters = map[string]func(g *Guard, lines []string) []string{
	"Link": func(g *Guard, lines []string) []string { return g.keep(lines, ',', g.allowsLink) },
	"Refresh": func(g *Guard, lines []string) []string {
		return g.keep(lines, 0, func(line string) bool { return g.allowsAll(weburl.Refresh(line)) })
	},
	"Report-To":           withAllowedQuotes,
	"Reporting-Endpoints": withAllowedQuotes,
	"Alt-Svc": func(g *Guard, lines []string) []string {
		return g.keep(lines, 0, func(line string) bool { return g.allowsAll(quoted(line, true)) })
	},
	"Speculation-Rules":                   func(*Guard, []string) []string { return nil }, // what the files say is not known
	"Content-Security-Policy":             (*Guard).withoutReports,
	"Content-Security-Policy-Report-Only": (*Guard).withoutReports,
}

func withAllowedQuotes(g *Guard, lines []string) []string {
	return g.keep(lines, 0, func(line string) bool { return g.allowsAll(quoted(line, false)) })
}

// Concerns reports whether [Guard.FilterHeaders] looks at a header of that name.
func Concerns(name string) bool { return headerFilters[name] != nil }

// FilterHeaders takes out of a header what makes a browser contact whom it must not:
// links that load something, a refresh, reports, speculation rules and services on
// other hosts. Slices in it are never written to. A report-uri is taken out of the
// content security policies, which stay as strict as they are.
func (g *Guard) FilterHeaders(header map[string][]string) {
	for key, lines := range header {
		filter := headerFilters[key]
		if filter == nil {
			continue
		}
		switch kept := filter(g, lines); {
		case len(kept) == 0:
			delete(header, key)
		case len(kept) != len(lines) || &kept[0] != &lines[0]:
			header[key] = kept
		}
	}
}

// keep returns the lines of a header with those members that may stay; the same
// slice if all may. Without a separator each line is one member.
func (g *Guard) keep(lines []string, separator byte, allowed func(string) bool) []string {
	kept, changed := make([]string, 0, len(lines)), false
	for _, line := range lines {
		var left []string
		for member := range members(line, separator) {
			if allowed(member) {
				left = append(left, member)
			} else {
				changed = true
			}
		}
		if len(left) > 0 {
			kept = append(kept, strings.Join(left, string(separator)))
		}
	}
	if !changed {
		return lines
	}
	return kept
}

// members yields the members of a list. Between quotation marks and angle brackets
// a separator separates nothing.
func members(s string, separator byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		from, inQuotes, inBrackets := 0, false, false
		for i := 0; i < len(s); i++ {
			switch c := s[i]; {
			case c == '"' && !inBrackets:
				inQuotes = !inQuotes
			case c == '\\' && inQuotes:
				i++
			case inQuotes:
			case c == '<':
				inBrackets = true
			case c == '>':
				inBrackets = false
			case c == separator && c != 0 && !inBrackets:
				if !yield(s[from:i]) {
					return
				}
				from = i + 1
			}
		}
		yield(s[from:])
	}
}

// allowsLink reports whether a link (RFC 8288, section 3) may stay. One in which
// browsers may find another link is not left.
func (g *Guard) allowsLink(link string) bool {
	link = strings.TrimLeft(link, " \t")
	if link == "" {
		return true
	}
	url, rest, ok := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	if link[0] != '<' || !ok || !isParameters(rest) {
		return false
	}
	loads := false
	for parameter := range members(rest, ';') {
		name, value, _ := strings.Cut(parameter, "=")
		if !strings.EqualFold(strings.Trim(name, " \t"), "rel") {
			continue
		}
		for word := range strings.FieldsSeq(strings.Trim(value, " \t\"")) {
			loads = loads || !isHarmless(word)
		}
	}
	return !loads || g.allowsURL(url)
}

// isParameters reports whether all quotation marks are in pairs, and nothing outside of
// them can be the beginning of another link.
func isParameters(s string) bool {
	outside := true
	for part := range strings.SplitSeq(s, `"`) {
		if outside && strings.Contains(part, "<") {
			return false
		}
		outside = !outside
	}
	return !outside
}

func (g *Guard) allowsAll(urls func(yield func(string) bool)) bool {
	for url := range urls {
		if !g.allowsURL(url) {
			return false
		}
	}
	return true
}

// quoted yields the URLs among the quoted strings of a header, or the hosts of
// alternative services (RFC 7838, section 3).
func quoted(line string, hosts bool) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for {
			_, rest, ok := strings.Cut(line, `"`)
			if !ok {
				return
			}
			text, rest, _ := strings.Cut(rest, `"`)
			line = rest
			text = unescaped(text)
			switch {
			case hosts && !strings.HasPrefix(text, ":"):
				text = "//" + text
			case hosts, !strings.ContainsAny(text, `/\`):
				continue // the own host, a word
			}
			if !yield(text) {
				return
			}
		}
	}
}

// unescaped returns what a quoted string stands for. Those of structured fields (RFC
// 9651, section 3.3.3) have some of the escapes of JSON.
func unescaped(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var text string
	if err := json.Unmarshal([]byte(`"`+s+`"`), &text); err != nil {
		return "unknown:/"
	}
	return text
}

// withoutReports returns policies without the addresses that must not get reports;
// the same slice if all may.
func (g *Guard) withoutReports(lines []string) []string {
	kept, changed := make([]string, 0, len(lines)), false
	for _, line := range lines {
		policies := strings.Split(line, ",")
		for i, policy := range policies {
			directives := strings.Split(policy, ";")
			left := directives[:0]
			for _, directive := range directives {
				without := g.withoutReport(directive)
				changed = changed || without != directive
				if without != "" || directive == "" {
					left = append(left, without)
				}
			}
			policies[i] = strings.Join(left, ";")
		}
		kept = append(kept, strings.Join(policies, ","))
	}
	if !changed {
		return lines
	}
	return kept
}

// withoutReport returns a directive of a policy without the addresses that must not
// get reports; "" if nothing is left of it.
func (g *Guard) withoutReport(directive string) string {
	words := strings.Fields(directive)
	if len(words) == 0 || !strings.EqualFold(words[0], "report-uri") {
		return directive
	}
	allowed := slices.DeleteFunc(slices.Clone(words[1:]), func(url string) bool { return !g.allowsURL(url) })
	switch len(allowed) {
	case len(words) - 1:
		return directive
	case 0:
		return ""
	}
	return " " + words[0] + " " + strings.Join(allowed, " ")
}
