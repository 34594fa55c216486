package rewrite

import "slices"

// openInForeign is open where a foreign element is open: sections 13.2.6.4.7, "in
// body", and 13.2.6.5, "in foreign content", of the HTML standard.
func (t *tree) openInForeign(g tag, n Name, selfClosing bool) (raw bool) {
	flags := tags[g].flags
	if top := t.top(); top.ns != inHTML && !top.takesHTML(g) {
		if flags&breakout == 0 && (g != tagFont || !t.fontBreaksOut) {
			if !selfClosing {
				t.push(node{name: n, tag: g, ns: top.ns, integration: t.integrationOf(top.ns, g)})
			}
			return false
		}
		t.breakOut()
		return t.open(g, n, selfClosing)
	}
	if flags&closesP != 0 {
		t.closeP()
	}
	switch {
	case flags&rawText != 0:
		return true
	case flags&void != 0:
		return false
	case flags&structural != 0:
		return t.openStructural(g, n, selfClosing)
	}
	switch g {
	case button:
		t.closeInScope(n)
	case anchor:
		t.closeFormatting(n)
	case heading:
		if t.top().isHTML(heading) {
			t.popTo(len(t.stack) - 1)
		}
	default:
		if flags&optionalEnd != 0 && g != tagP && !t.endImplied(g, n) {
			return false
		}
	}
	if t.foreign == 0 {
		return t.open(g, n, selfClosing) // what was closed contained the foreign content
	}
	t.push(node{name: n, tag: g})
	return false
}

// closeInForeign is close where a foreign element is open.
func (t *tree) closeInForeign(g tag, n Name) {
	if t.top().ns != inHTML {
		if g == tagP || g == tagBr {
			t.breakOut()
		} else {
			for i := len(t.stack) - 1; i >= 0 && t.stack[i].ns != inHTML; i-- {
				if t.stack[i].name == n {
					t.popTo(i)
					return
				}
			}
		}
	}
	switch flags := tags[g].flags; {
	case flags&(rawText|void) != 0:
	case g == tagP:
		t.closeP()
	case g == tagTemplate, g == tagTable:
		t.closeInTable(n, g)
	case flags&inTable != 0:
		t.closeInTable(n, g)
	case !t.inIntegration():
		t.closeOutside(g, n)
	case g == listItem, g == definition:
		t.closeInScope(n)
	case g == heading:
		t.closeHeading()
	case flags&formats != 0:
		t.closeFormatting(n)
	case g == form:
		t.closeForm()
	case flags&special != 0 && g != tagNoscript:
		t.closeInScope(n)
	default:
		t.closeAny(n)
	}
}

// inIntegration reports whether the rules for HTML apply somewhere inside the
// foreign content, so that most end tags do not reach out of it.
func (t *tree) inIntegration() bool {
	for _, e := range slices.Backward(t.stack) {
		if e.integration != noIntegration {
			return true
		}
	}
	return false
}

// closeOutside follows the end tag of an HTML element outside all foreign content.
func (t *tree) closeOutside(g tag, n Name) {
	outermost := slices.IndexFunc(t.stack, isForeign)
	flags := tags[g].flags
	nearest := outermost - 1
	for nearest >= 0 && t.stack[nearest].name != n && tags[t.stack[nearest].tag].flags&optionalEnd != 0 {
		nearest--
	}
	switch {
	case g == tagBody || g == tagHTML || g == tagHead:
	case nearest >= 0 && t.stack[nearest].name == n && (flags&special != 0 || t.stack[nearest].paragraphs == t.paragraphs):
		if g == form {
			t.remove(nearest)
		} else {
			t.popTo(nearest)
		}
	case t.ignored == 0 && flags&formats == 0 && g != heading && !t.hasOpen(n):
		// nothing of that name is open
	default:
		t.doubt(t.stack[outermost:])
		t.popTo(outermost)
	}
}

func (t *tree) hasOpen(n Name) bool {
	return slices.ContainsFunc(t.stack, func(e node) bool { return e.name == n })
}

// takesHTML reports whether a start tag in the foreign element is read by the
// rules for HTML.
func (e node) takesHTML(g tag) bool {
	switch e.integration {
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

// closeP closes a p element in button scope.
func (t *tree) closeP() {
	for i, e := range slices.Backward(t.stack) {
		if e.isHTML(tagP) {
			t.popTo(i)
			return
		}
		if e.endsScope() || e.isHTML(button) {
			return
		}
	}
}

// closeInScope closes the element of a name that is in scope.
func (t *tree) closeInScope(n Name) {
	for i, e := range slices.Backward(t.stack) {
		if e.ns == inHTML && e.name == n {
			t.popTo(i)
			return
		}
		if e.endsScope() {
			return
		}
	}
}

// closeInTable closes the nearest template, or the nearest table or part of one
// within a template and, for a part, within a table.
func (t *tree) closeInTable(n Name, g tag) {
	for i, e := range slices.Backward(t.stack) {
		if e.ns == inHTML && e.name == n {
			t.popTo(i)
			return
		}
		if g != tagTemplate && (e.isHTML(tagTemplate) || e.isHTML(tagTable)) {
			return
		}
	}
}

// maxUncertain bounds the end tags for elements that are perhaps open.
const maxUncertain = 16

// doubt notes that elements were perhaps not closed. Their end tags would lead no
// further out than to an integration point.
func (t *tree) doubt(elements []node) {
	for _, e := range elements {
		if e.tag == tagSVG || e.tag == tagMath {
			t.uncertain++
		}
		t.lost = t.lost || e.integration != noIntegration || t.uncertain > maxUncertain
	}
}

// closeHeading closes the heading in scope, whatever its level.
func (t *tree) closeHeading() {
	for i, e := range slices.Backward(t.stack) {
		if e.isHTML(heading) {
			t.popTo(i)
			return
		}
		if e.endsScope() {
			return
		}
	}
}

// closeFormatting is the effect of the adoption agency algorithm on the stack:
// what a misnested formatting element contains stays open.
func (t *tree) closeFormatting(n Name) {
	hasSpecial := false
	for i, e := range slices.Backward(t.stack) {
		switch {
		case e.ns != inHTML || e.name != n:
		case hasSpecial:
			t.remove(i)
			return
		default:
			t.popTo(i)
			return
		}
		if e.endsScope() {
			return
		}
		hasSpecial = hasSpecial || e.has(special)
	}
}

// closeForm closes the form in scope but not what it contains.
func (t *tree) closeForm() {
	for i, e := range slices.Backward(t.stack) {
		if e.isHTML(form) {
			t.remove(i)
			return
		}
		if e.endsScope() {
			return
		}
	}
}

// closeItem closes a list item, or a term or description, before the next one.
func (t *tree) closeItem(g tag) {
	for i, e := range slices.Backward(t.stack) {
		if e.isHTML(g) {
			t.popTo(i)
			return
		}
		if e.integration != noIntegration || e.has(special) && !e.isHTML(tagP) && e.name != nameAddress && e.name != nameDiv {
			return
		}
	}
}

// closeAny closes the element of a name unless there is a special one inside it.
func (t *tree) closeAny(n Name) {
	for i, e := range slices.Backward(t.stack) {
		if e.ns == inHTML && e.name == n {
			t.popTo(i)
			return
		}
		if e.integration != noIntegration || e.has(special) {
			return
		}
	}
}

// clearTable makes room in the nearest table for a part of it. It reports false
// if there is no table.
func (t *tree) clearTable(g tag) bool {
	for i, e := range slices.Backward(t.stack) {
		if e.isHTML(tagTable) || e.isHTML(tagTemplate) ||
			g == cell && e.isHTML(row) || g != rowGroup && e.isHTML(rowGroup) {
			t.popTo(i + 1)
			t.implyParts(g, e)
			return true
		}
	}
	return false
}

// implyParts opens the parts of a table in which an element stands of which the
// start tags are left out.
func (t *tree) implyParts(g tag, in node) {
	if in.isHTML(tagTable) && g != rowGroup {
		t.push(node{name: nameTbody, tag: rowGroup, paragraphs: t.paragraphs})
		in.tag = rowGroup
	}
	if in.isHTML(rowGroup) && g == cell {
		t.push(node{name: nameTr, tag: row, paragraphs: t.paragraphs})
	}
}

var (
	nameAddress = NameOf("address")
	nameDiv     = NameOf("div")
	nameTbody   = NameOf("tbody")
	nameTr      = NameOf("tr")
)
