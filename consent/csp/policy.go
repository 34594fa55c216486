package csp

import (
	"slices"
	"strings"
)

// policy is a serialized policy (section 2.2).
type policy struct {
	text       string
	directives []directive // those that count and matter here
	ambiguous  bool        // whether browsers differ about which those are
	changed    bool
}

// directive is a directive of a policy.
type directive struct {
	name     string // in lower case
	sources  sources
	from, to int // where it is in the text; nowhere if it was added

	added []string // further sources
	isNew bool
}

// parse reads a policy (section 2.2.1). Of several directives of a name the first one
// counts. One that is not ASCII does not, but keeps Chromium from taking another of its
// name: what is added to such a policy could forbid there what it allows.
func parse(text string) *policy {
	p := &policy{text: text, ambiguous: !isASCII(text)}
	for from := 0; from < len(text); {
		to := len(text)
		if n := strings.IndexByte(text[from:], ';'); n >= 0 {
			to = from + n
		}
		d := strings.TrimLeft(text[from:to], whiteSpace)
		begin := to - len(d)
		d = strings.TrimRight(d, whiteSpace)
		from = to + 1
		if d == "" || !isASCII(d) {
			continue
		}
		name := d
		if n := strings.IndexAny(d, whiteSpace); n >= 0 {
			name = d[:n]
		}
		if name = strings.ToLower(name); !matters[name] || p.find(name) != nil {
			continue
		}
		words := strings.FieldsFunc(d[len(name):], func(r rune) bool { return strings.ContainsRune(whiteSpace, r) })
		p.directives = append(p.directives, directive{name: name, sources: words, from: begin, to: begin + len(d)})
	}
	return p
}

// matters are the names of the directives that are of interest.
var matters = func() map[string]bool {
	names := map[string]bool{sandbox: true}
	for _, list := range governors {
		for _, name := range list {
			names[name] = true
		}
	}
	return names
}()

const sandbox = "sandbox"

// find returns the directive of a name, or nil.
func (p *policy) find(name string) *directive {
	i := slices.IndexFunc(p.directives, func(d directive) bool { return d.name == name })
	if i < 0 {
		return nil
	}
	return &p.directives[i]
}

// governing returns the directive that governs a kind, or nil.
func (p *policy) governing(kind Kind) *directive {
	for _, name := range governors[kind] {
		if d := p.find(name); d != nil {
			return d
		}
	}
	return nil
}

// own returns the directive to be changed for a kind that d governs: d itself unless
// it governs other things too, in whose place a copy of it governs this kind.
func (p *policy) own(kind Kind, d *directive) *directive {
	if d.name != defaultSource && d.name != childSource {
		return d
	}
	p.directives = append(p.directives, directive{name: own[kind], sources: d.sources, isNew: true})
	return &p.directives[len(p.directives)-1]
}

// disables reports whether a sandbox (section 6.3.1) makes a kind useless: it allows
// no scripts or forms, or makes what is sent to the own origin come from another.
func (p *policy) disables(kind Kind) bool {
	d := p.find(sandbox)
	if d == nil {
		return false
	}
	switch kind {
	case Script:
		return !d.sources.has("allow-scripts")
	case Connect:
		return !d.sources.has("allow-scripts") || !d.sources.has("allow-same-origin")
	case Form:
		return !d.sources.has("allow-forms") || !d.sources.has("allow-same-origin")
	default:
		return false
	}
}

func (p *policy) hasNonce() bool {
	return slices.ContainsFunc(p.directives, func(d directive) bool { return len(d.sources.nonces(1)) > 0 })
}

// add adds a source.
func (d *directive) add(source string) { d.added = append(d.added, source) }

// String returns the policy with what was added to it.
func (p *policy) String() string {
	var b strings.Builder
	at := 0
	for i := range p.directives {
		d := &p.directives[i]
		if d.isNew || len(d.added) == 0 {
			continue
		}
		b.WriteString(p.text[at:d.from])
		if d.sources.isNone() {
			b.WriteString(p.text[d.from : d.from+len(d.name)])
		} else {
			b.WriteString(p.text[d.from:d.to])
		}
		for _, source := range d.added {
			b.WriteString(" " + source)
		}
		at = d.to
	}
	rest := strings.TrimRight(p.text[at:], whiteSpace)
	b.WriteString(rest)
	terminated := strings.HasSuffix(rest, ";")
	at += len(rest)
	for i := range p.directives {
		d := &p.directives[i]
		if !d.isNew {
			continue
		}
		if !terminated {
			b.WriteByte(';')
		}
		terminated = false
		b.WriteString(" " + d.name)
		if !d.sources.isNone() {
			for _, source := range d.sources {
				b.WriteString(" " + source)
			}
		}
		for _, source := range d.added {
			b.WriteString(" " + source)
		}
	}
	b.WriteString(p.text[at:])
	return b.String()
}

// whiteSpace is what separates words (ASCII whitespace of the Infra standard).
const whiteSpace = " \t\n\f\r"

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
