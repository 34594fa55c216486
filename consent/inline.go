package consent

import "bytes"

// An inlineText is a text by which a script within a page is known.
type inlineText struct {
	text    []byte
	service int
	rule    *Rule
}

func (p *Policy) compileInline() {
	for i := range p.cfg.Services {
		for _, text := range p.cfg.Services[i].Inline {
			p.inline = append(p.inline, inlineText{[]byte(text), i, p.newRule([]declaration{p.declarationOf(i)})})
		}
	}
}

// JudgesScripts reports whether there are scripts that [Decision.Script] withholds.
func (d *Decision) JudgesScripts() bool { return len(d.inline) > 0 }

// Script returns whether a script within a page may run, by its content or the start
// of it, and the rule for it, nil if it belongs to no service that is withheld.
func (d *Decision) Script(content []byte) (State, *Rule) {
	for _, known := range d.inline {
		if bytes.Contains(content, known.text) {
			return d.services[known.service], known.rule
		}
	}
	return Granted, nil
}

// withheldInline returns the texts of scripts that may not run.
func (d *Decision) withheldInline() []inlineText {
	var withheld []inlineText
	for _, known := range d.policy.inline {
		if d.services[known.service] != Granted {
			withheld = append(withheld, known)
		}
	}
	return withheld
}
