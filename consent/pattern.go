package consent

import "strings"

// A pattern is a compiled name pattern: "*" stands for any run of bytes, the
// empty one included, and every other byte for itself.
type pattern struct {
	prefix, suffix string   // before the first star and behind the last one
	infixes        []string // between the stars, in order
	exact          bool     // no star: prefix is the whole name
}

func compilePattern(s string) pattern {
	parts := strings.Split(s, "*")
	last := len(parts) - 1
	if last == 0 {
		return pattern{prefix: s, exact: true}
	}
	p := pattern{prefix: parts[0], suffix: parts[last]}
	for _, infix := range parts[1:last] {
		if infix != "" {
			p.infixes = append(p.infixes, infix)
		}
	}
	return p
}

// MatchName reports whether a name pattern of a declaration covers a cookie's name.
func MatchName(declared, name string) bool {
	p := compilePattern(declared)
	return p.match(name)
}

// match reports whether the pattern covers the whole name. With stars as the
// only wildcard, taking the leftmost place of every infix never misses a match.
func (p *pattern) match(name string) bool {
	if p.exact {
		return name == p.prefix
	}
	if len(name) < len(p.prefix)+len(p.suffix) ||
		!strings.HasPrefix(name, p.prefix) || !strings.HasSuffix(name, p.suffix) {
		return false
	}
	middle := name[len(p.prefix) : len(name)-len(p.suffix)]
	for _, infix := range p.infixes {
		at := strings.Index(middle, infix)
		if at < 0 {
			return false
		}
		middle = middle[at+len(infix):]
	}
	return true
}
