package rewrite

import "slices"

const (
	// maxDepth is how many open elements are followed.
	maxDepth = 256

	// maxPlain is how many of them may be ordinary ones outside foreign content;
	// more of those are ignored, as pages have that do not close them.
	maxPlain = maxDepth / 2
)

// namespace of an element.
type namespace uint8

const (
	inHTML namespace = iota
	inSVG
	inMathML
)

// integration says which start tags inside a foreign element are read as HTML
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
	name        Name
	tag         tag
	ns          namespace
	integration integration
	paragraphs  uint32 // how many there were before it, outside foreign content
}

// has reports whether the node is an HTML element with any of some properties.
func (e node) has(flags uint16) bool { return e.ns == inHTML && tags[e.tag].flags&flags != 0 }

// isHTML reports whether the node is an HTML element with a tag.
func (e node) isHTML(g tag) bool { return e.ns == inHTML && e.tag == g }

// endsScope reports whether the node ends the search for an element in scope.
func (e node) endsScope() bool { return e.integration != noIntegration || e.has(scope) }

// tree follows the tree builder of the HTML standard as far as the tokenizer
// depends on it: it keeps the stack of open elements, to know what is foreign
// content and what is in a template.
//
// Where no foreign element is open, nothing but the names of the open elements
// matters, and only for the end tag that may one day close an svg left open. There
// an end tag closes the nearest element of its name, and paragraphs are not
// followed at all; where that does not suffice to know what an end tag does to an
// svg left open, the tree is uncertain from there on. Inside foreign content, the
// rules of the standard apply but for what only broken pages show: formatting
// elements are not reopened, and a select may contain anything, as in newer
// browsers.
type tree struct {
	// scripting is the scripting flag: it makes noscript raw text.
	scripting bool

	// treeless is that there is no foreign content.
	treeless bool

	// lost is true once foreign elements or templates were nested too deeply, or
	// text followed that is read as markup or not by whether one is open.
	lost bool

	// stack holds the open elements but html, head, body and those that contain
	// nothing but text.
	stack []node

	// foreign is how many elements of stack are not HTML, enclosures how many are
	// HTML elements that do not let others escape at the end of the page.
	foreign, enclosures int

	// uncertain counts the svg and math elements that an end tag may or may not
	// have closed. They are taken to be closed.
	uncertain int

	// paragraphs counts the start tags of p, ignored those of ordinary elements
	// that were too many to follow.
	paragraphs uint32
	ignored    uint32

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

// isVoid reports whether the element that a start tag opens is an HTML element that
// has no content.
func (t *tree) isVoid(g tag) bool {
	top := t.top()
	return tags[g].flags&void != 0 && (top.ns == inHTML || top.takesHTML(g) || tags[g].flags&breakout != 0)
}

// needsAttributes reports whether open depends on the attributes of a start tag.
func (t *tree) needsAttributes(g tag) bool {
	return g == tagAnnotationXML && t.top().ns == inMathML || g == tagFont && t.top().ns != inHTML
}

// open follows a start tag. It reports whether the element's content is raw text.
func (t *tree) open(g tag, n Name, selfClosing bool) (raw bool) {
	if t.foreign > 0 {
		return t.openInForeign(g, n, selfClosing)
	}
	switch flags := tags[g].flags; {
	case flags&void != 0:
		return false
	case flags&rawText != 0:
		return true
	case g == tagP:
		t.paragraphs++
		return false
	case flags&structural != 0:
		return t.openStructural(g, n, selfClosing)
	case flags&optionalEnd != 0 && !t.endImplied(g, n):
		return false
	}
	t.pushPlain(g, n)
	return false
}

func (t *tree) pushPlain(g tag, n Name) {
	if len(t.stack) >= maxPlain {
		t.ignored++
		return
	}
	t.stack = append(t.stack, node{name: n, tag: g, paragraphs: t.paragraphs})
}

// endImplied closes what the start tag of an element ends whose end tag may be
// left out. It reports false if the start tag is ignored.
func (t *tree) endImplied(g tag, n Name) bool {
	switch g {
	case cell, row, rowGroup:
		return t.clearTable(g)
	case listItem, definition:
		t.closeItem(g)
	case option:
		if e := t.top(); e.ns == inHTML && e.name == n {
			t.popTo(len(t.stack) - 1)
		}
	}
	return true
}

func (t *tree) openStructural(g tag, n Name, selfClosing bool) (raw bool) {
	switch g {
	case tagNoscript:
		if t.scripting {
			return true
		}
		t.push(node{name: n, tag: g})
	case tagTemplate, tagTable:
		t.push(node{name: n, tag: g})
	case tagSVG, tagMath:
		if t.treeless {
			return false
		}
		ns := inSVG
		if g == tagMath {
			ns = inMathML
		}
		if !selfClosing {
			t.push(node{name: n, tag: g, ns: ns})
		}
	case tagSelect:
		depth := len(t.stack)
		if t.close(g, n); len(t.stack) == depth { // <select> in a select is </select>
			t.push(node{name: n, tag: g})
		}
	}
	return false // html, head, body and frameset exist once, and not here
}

// close follows an end tag.
func (t *tree) close(g tag, n Name) {
	if i := len(t.stack) - 1; i >= 0 && t.stack[i].name == n {
		t.popTo(i)
		return
	}
	if t.foreign > 0 {
		t.closeInForeign(g, n)
		return
	}
	if tags[g].flags&(void|rawText) != 0 || g == tagP {
		return
	}
	for i, e := range slices.Backward(t.stack) {
		if e.name == n {
			t.popTo(i)
			return
		}
		if g != tagTemplate && (e.tag == tagTemplate || e.tag == tagTable) || g == listItem && e.tag == lists {
			return // it contains what it contains
		}
	}
}

func (t *tree) push(e node) {
	if len(t.stack) == maxDepth {
		t.lost = t.lost || isForeign(e) || e.tag == tagTemplate
		return
	}
	t.count(e, 1)
	t.stack = append(t.stack, e)
}

// popTo closes stack[i] and all inside it.
func (t *tree) popTo(i int) {
	if t.foreign+t.enclosures > 0 {
		for _, e := range t.stack[i:] {
			t.count(e, -1)
		}
	}
	t.stack = t.stack[:i]
}

func (t *tree) count(e node, n int) {
	switch {
	case isForeign(e):
		t.foreign += n
	case isEnclosure(e):
		t.enclosures += n
	}
}

// remove closes the HTML element stack[i] but not what is inside it.
func (t *tree) remove(i int) { t.stack = append(t.stack[:i], t.stack[i+1:]...) }

func isForeign(e node) bool { return e.ns != inHTML }

// isEnclosure reports whether an HTML element does not let others escape at the
// end of the page.
func isEnclosure(e node) bool {
	return e.isHTML(tagTemplate) || e.isHTML(tagSelect) || e.isHTML(tagTable)
}

// isFlow reports whether what comes next is ordinary content of the body.
func (t *tree) isFlow() bool { return t.foreign+t.enclosures == 0 }

// sameContext reports whether both trees tell a tokenizer the same from here on.
func (t *tree) sameContext(o *tree) bool {
	if t.foreign > 0 || o.foreign > 0 {
		return slices.Equal(t.stack, o.stack)
	}
	return t.enclosures == o.enclosures
}

// appendEndTags appends the end tags that lead out of foreign content, templates,
// selects and tables. It reports false where that is not known to be possible
// without bringing something to life: a script in foreign content stays open.
func (t *tree) appendEndTags(b []byte) ([]byte, bool) {
	if t.lost {
		return b, false
	}
	foreign := t.foreign
	for _, e := range slices.Backward(t.stack) {
		if e.ns != inHTML {
			foreign--
			if e.tag == tagScript {
				return b, false
			}
			if e.tag != tagSVG && e.tag != tagMath {
				continue // closed by the end tag of its svg or math
			}
		} else if foreign == 0 && !isEnclosure(e) {
			continue
		}
		var ok bool
		if b, ok = appendEndTag(b, e.tag, e.name); !ok {
			return b, false
		}
	}
	for range t.uncertain {
		b = append(b, "</svg></math>"...) // ignored where none is open
	}
	return b, true
}

// appendEndTag appends an end tag. It reports false if the name is too long to be
// known.
func appendEndTag(b []byte, g tag, n Name) ([]byte, bool) {
	b = append(b, "</"...)
	ok := true
	if word := tags[g].name; word != "" {
		b = append(b, word...)
	} else {
		b, ok = n.appendTo(b)
	}
	return append(b, '>'), ok
}
