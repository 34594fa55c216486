package rewrite

// maxDepth is how many open elements are told apart: Chromium's own limit on the
// depth of a document.
const maxDepth = 512

// namespace of an element.
type namespace uint8

const (
	inHTML namespace = iota
	inSVG
	inMathML
)

// integration says which tokens inside a foreign element are read as HTML
// (section 13.2.6 of the HTML standard).
type integration uint8

const (
	noIntegration   integration = iota
	htmlIntegration             // svg foreignObject, desc and title; some annotation-xml
	textIntegration             // math mi, mo, mn, ms and mtext
	svgIntegration              // any other annotation-xml: only <svg>
)

// node is an open element.
type node struct {
	name        name
	tag         tag
	ns          namespace
	integration integration
}

// tree follows the tree builder of the HTML standard as far as the tokenizer
// depends on it: which elements are open in foreign content, and which templates.
// HTML elements are followed only inside integration points, by a simpler model:
// active formatting elements and the parts of tables are not in it.
type tree struct {
	// scripting is the scripting flag: it makes noscript raw text.
	scripting bool

	// stack holds the open elements from the outermost template, svg or math on.
	stack []node

	// foreign counts the nodes of stack that are not HTML.
	foreign int

	// inSelect and tables say which of them may be open outside stack.
	inSelect bool
	tables   int

	// lost is true once an element was nested deeper than maxDepth.
	lost bool

	// What the attributes of the current start tag say.
	fontBreaksOut  bool
	htmlAnnotation bool
}

func (t *tree) top() node {
	if len(t.stack) == 0 {
		return node{}
	}
	return t.stack[len(t.stack)-1]
}

// needsAttributes reports whether open depends on the attributes of a start tag.
func (t *tree) needsAttributes(g tag) bool {
	return g == tagAnnotationXML && t.top().ns == inMathML || g == tagFont && t.top().ns != inHTML
}

// open follows a start tag. It reports whether the element's content is raw text.
func (t *tree) open(g tag, n name, selfClosing bool) (raw bool) {
	top := t.top()
	if top.ns != inHTML && !readAsHTML(top, g) {
		if tags[g].flags&breakout == 0 && !(g == tagFont && t.fontBreaksOut) {
			if !selfClosing {
				t.push(node{n, g, top.ns, t.integrationOf(top.ns, g)})
			}
			return false
		}
		t.breakOut()
	}

	flags := tags[g].flags
	if flags&closesP != 0 && t.foreign > 0 {
		t.closeP()
	}
	switch {
	case g == tagSVG || g == tagMath:
		ns := inSVG
		if g == tagMath {
			ns = inMathML
		}
		if !selfClosing {
			t.push(node{n, g, ns, noIntegration})
		}
	case g == tagTemplate:
		t.push(node{name: n, tag: g})
	case flags&rawText != 0 || g == tagNoscript && t.scripting:
		return true
	case t.foreign > 0:
		switch g {
		case tagHTML, tagHead, tagBody, tagFrameset, tableParts:
		default:
			if flags&void == 0 {
				t.push(node{name: n, tag: g})
			}
		}
	case g == tagSelect:
		t.inSelect = !t.inSelect // <select> inside a select is </select>
	case g == tagTable:
		t.tables = min(t.tables+1, maxDepth)
	}
	return false
}

// close follows an end tag.
func (t *tree) close(g tag, n name) {
	i := len(t.stack) - 1
	if i >= 0 && t.stack[i].ns != inHTML {
		if g == tagP || g == tagBr {
			t.breakOut()
			t.closeHTML(g, n)
			return
		}
		for ; i >= 0 && t.stack[i].ns != inHTML; i-- {
			if t.stack[i].name == n {
				t.popTo(i)
				return
			}
		}
	}
	t.closeHTML(g, n)
}

func (t *tree) closeHTML(g tag, n name) {
	if g == tagTemplate {
		for i := len(t.stack) - 1; i >= 0; i-- {
			if t.stack[i].ns == inHTML && t.stack[i].tag == tagTemplate {
				t.popTo(i)
				return
			}
		}
		return
	}
	known := tags[g].flags&(breakout|special|phrasing) != 0 && tags[g].flags&(void|rawText) == 0
	for i := len(t.stack) - 1; i >= 0; i-- {
		e := t.stack[i]
		switch {
		case e.ns == inHTML && e.name == n:
			t.popTo(i)
			return
		case e.integration != noIntegration, e.ns == inHTML && e.tag == tagTemplate:
			return // the scope ends here
		case e.ns == inHTML && tags[e.tag].flags&special != 0 && !known:
			return
		}
	}
	// What is open below the stack is not known. The end tag of an element that
	// exists in HTML is taken for that of one that is open there.
	switch {
	case g == tagHTML || g == tagBody || g == tagHead || !known:
		return
	case g == tagSelect:
		t.inSelect = false
	case g == tagTable:
		t.tables = max(0, t.tables-1)
	}
	t.popTo(0)
}

// readAsHTML reports whether a start tag in the foreign element top is read by
// the rules for HTML.
func readAsHTML(top node, g tag) bool {
	switch top.integration {
	case htmlIntegration:
		return true
	case textIntegration:
		return g != tagMglyph && g != tagMalignmark
	case svgIntegration:
		return g == tagSVG
	}
	return false
}

func (t *tree) integrationOf(ns namespace, g tag) integration {
	switch g {
	case tagForeignObject, tagDesc, tagTitle:
		if ns == inSVG {
			return htmlIntegration
		}
	case tagMi, tagMo, tagMn, tagMs, tagMtext:
		if ns == inMathML {
			return textIntegration
		}
	case tagAnnotationXML:
		if ns == inMathML && t.htmlAnnotation {
			return htmlIntegration
		}
		if ns == inMathML {
			return svgIntegration
		}
	}
	return noIntegration
}

// breakOut leaves foreign content up to the nearest integration point.
func (t *tree) breakOut() {
	i := len(t.stack)
	for i > 0 && t.stack[i-1].ns != inHTML {
		if k := t.stack[i-1].integration; k == htmlIntegration || k == textIntegration {
			break
		}
		i--
	}
	t.popTo(i)
}

// closeP closes an open p element in button scope.
func (t *tree) closeP() {
	for i := len(t.stack) - 1; i >= 0; i-- {
		e := t.stack[i]
		if e.integration != noIntegration || e.ns == inHTML && (e.tag == tagTemplate || e.tag == tagTable || e.tag == scopes) {
			return
		}
		if e.ns == inHTML && e.tag == tagP {
			t.popTo(i)
			return
		}
	}
}

func (t *tree) push(e node) {
	if len(t.stack) == maxDepth {
		t.lost = true
		return
	}
	if e.ns != inHTML {
		t.foreign++
	}
	t.stack = append(t.stack, e)
}

// popTo closes stack[i] and all inside it.
func (t *tree) popTo(i int) {
	for _, e := range t.stack[i:] {
		if e.ns != inHTML {
			t.foreign--
		}
	}
	t.stack = t.stack[:i]
}

// appendEndTags appends the end tags that lead out of all that is open. It
// reports false where that is not known to be possible without bringing
// something to life: a script inside foreign content is left as it is.
func (t *tree) appendEndTags(b []byte) ([]byte, bool) {
	if t.lost {
		return b, false
	}
	for i := len(t.stack) - 1; i >= 0; i-- {
		e := t.stack[i]
		if e.ns != inHTML {
			if e.tag == tagScript {
				return b, false
			}
			if e.tag != tagSVG && e.tag != tagMath {
				continue // closed by the end tag of its svg or math
			}
		}
		b = appendEndTag(b, e.name)
	}
	if t.inSelect {
		b = appendEndTag(b, tags[tagSelect].id)
	}
	for range t.tables {
		b = appendEndTag(b, tags[tagTable].id)
	}
	return b, true
}

// appendEndTag appends an end tag unless the name is too long to be known.
func appendEndTag(b []byte, n name) []byte {
	if named, ok := n.appendTo(append(b, "</"...)); ok {
		return append(named, '>')
	}
	return b
}
