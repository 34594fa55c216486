package rewrite

// reading is one way in which a browser reads the page: the scanner and the tree
// that steers it. There are two, with scripting and without.
type reading struct {
	scanner
	tree

	window *window // of the chunk that is read

	tag      tag  // of the tag that the scanner is in
	wantAttr bool // whether the tree depends on its attributes

	// The first encoding attribute of the tag: whether there is one, whether the
	// scanner is in it, and a hash of its value as far as it is read.
	encoded, inEncoding bool
	hash                Name
	hashLen             int
}

func (d *reading) reset(scripting bool) {
	stack, w := d.stack[:0], d.window
	if w == nil {
		w = new(window)
	}
	*d = reading{window: w}
	d.scripting, d.stack = scripting, stack
}

// fork makes d read the page without scripting from where o, which has just
// entered a noscript element, reads it with scripting.
func (d *reading) fork(o *reading) {
	stack, w := append(d.stack[:0], o.stack...), d.window
	*d = *o
	d.stack, d.window = stack, w
	d.scripting = false
	d.state = dataState
	d.open(tagNoscript, tags[tagNoscript].id, false)
}

// agrees reports whether both readings will see the same from here on.
func (d *reading) agrees(o *reading) bool {
	return d.state == dataState && o.state == dataState && d.sameContext(&o.tree)
}

// next is [scanner.next] with the tree's feedback.
func (d *reading) next(p []byte, i int) (event, int) {
	ev, j := d.scanner.next(p, i)
	switch ev {
	case startTag, endTag:
		d.tag = tagOf(d.name)
		d.wantAttr = ev == startTag && d.needsAttributes(d.tag)
		d.attributes = d.wantAttr
		d.fontBreaksOut, d.htmlAnnotation = false, false
		d.encoded, d.hash, d.hashLen = false, 0, 0
	case attribute:
		if d.wantAttr {
			d.fontBreaksOut = d.fontBreaksOut || d.attr == attrColor || d.attr == attrFace || d.attr == attrSize
			d.inEncoding = d.attr == attrEncoding && !d.encoded
			d.encoded = d.encoded || d.inEncoding
		}
	case value:
		if d.wantAttr && d.inEncoding {
			for _, c := range p[d.start-d.offset : j] {
				d.hash = d.hash.add(d.hashLen, lower[c])
				d.hashLen++
			}
			d.htmlAnnotation = d.hash == typeHTML || d.hash == typeXHTML
		}
	case tagEnd:
		d.applyTag()
	case comment:
		d.lost = d.lost || d.bracketed && d.uncertain > 0
		d.bracketed = false
	}
	return ev, j
}

// applyTag lets the tree follow the tag that has just ended.
func (d *reading) applyTag() {
	switch {
	case d.endsRaw: // what contains only text is not in the tree
	case d.closing:
		d.close(d.tag, d.name)
	case d.open(d.tag, d.name, d.selfClosing):
		d.enterText(d.tag)
	}
	d.cdataAllowed = d.top().ns != inHTML
}

// enterText begins the content of an element that contains nothing but text. If
// it is uncertain whether the element is a foreign one, which may contain anything,
// what follows is too.
func (d *reading) enterText(g tag) {
	d.enterRaw(g)
	d.lost = d.lost || d.uncertain > 0
}

// endsBlock reports whether the tag that has just ended is an end tag that leaves
// no paragraph open.
func (d *reading) endsBlock() bool {
	return d.closing && (d.tag == tagP || tags[d.tag].flags&(closesP|optionalEnd) == closesP)
}

// run reads p from index i on for its effect on the state alone.
func (d *reading) run(p []byte, i int) {
	for i, _ = d.skim(p, i, nil); i < len(p); {
		_, i = d.next(p, i)
		i, _ = d.skim(p, i, nil)
	}
}

// appendEnd appends what leads from the end of the input out of everything that
// is open, so that an element appended behind it becomes an element of the body.
// It reports false where nothing does, or where closing what is open could bring
// it to life: inside a tag, a DOCTYPE, a script or plaintext.
func (d *reading) appendEnd(b []byte) ([]byte, bool) {
	if d.bracketed && d.uncertain > 0 {
		return b, false
	}
	switch d.state {
	case dataState, tagOpen:
	case markupDeclaration, declarationDash, declarationDoctype, declarationCDATA, bogusComment, commentEnd, commentEndBang:
		b = append(b, '>')
	case commentStartDash, commentEndDash:
		b = append(b, "->"...)
	case commentStart, commentState:
		b = append(b, "-->"...)
	case cdataState, cdataBracket, cdataEnd:
		b = append(b, "]]>"...)
	case rawState, rawLess, rawEndOpen, rawEndName:
		if d.raw == tagScript {
			return b, false
		}
		b, _ = appendEndTag(b, d.raw, 0)
	default:
		return b, false
	}
	return d.appendEndTags(b)
}

var (
	attrColor    = NameOf("color")
	attrEncoding = NameOf("encoding")
	attrFace     = NameOf("face")
	attrHref     = NameOf("href")
	attrLang     = NameOf("lang")
	attrSize     = NameOf("size")

	nameBase = NameOf("base")
	nameHTML = NameOf("html")

	typeHTML  = NameOf("text/html")
	typeXHTML = NameOf("application/xhtml+xml")
)
