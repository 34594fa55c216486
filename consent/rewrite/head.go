package rewrite

const (
	// maxLang is the length of the longest value of lang that is of interest.
	maxLang = 64

	// maxNoted is how much of a value is kept.
	maxNoted = 256

	// maxHeadName is the length of the longest name of an element that may stand
	// before the body.
	maxHeadName = len("frameset")
)

// handleHead looks for what ends the head: sections 13.2.6.4.1 to 13.2.6.4.6 of
// the HTML standard, from "initial" to "after head".
func (r *Rewriter) handleHead(ev event, i, j int) {
	switch ev {
	case more:
		if r.page.state == tagName && r.page.nameLen > maxHeadName && !r.page.closing {
			at := r.page.start
			if !r.lead.end() {
				at = r.lead.start
			}
			r.imply(at)
		}
	case text:
		if r.page.state == dataState {
			r.handleHeadText(i, j)
		}
	case startTag, endTag, comment, doctype:
		if !r.lead.end() {
			r.imply(r.lead.start)
			return
		}
		switch ev {
		case doctype:
			r.document = true
		case startTag:
			r.handleHeadStartTag()
		case endTag:
			r.handleHeadEndTag()
		}
	case attribute:
		r.value = nil
		switch {
		case r.inTag == nameHTML && r.page.attr == attrLang && !r.lang.seen:
			r.value = &r.lang
		case r.inTag == nameBase && r.page.attr == attrHref && !r.base.seen:
			r.value = &r.base
		}
		if r.value != nil {
			r.value.seen = true
		}
	case value:
		if r.value != nil {
			r.value.note(r.seen.chunk[r.page.start-r.page.offset:j], maxNoted)
		}
	case tagEnd:
		r.inTag, r.value = 0, nil
		if r.inHeadTag {
			r.inHeadTag = false
			r.insertHead(r.page.offset + int64(j))
		}
	}
}

func (r *Rewriter) handleHeadStartTag() {
	t := r.page.tag
	r.document = r.document || t == tagHTML || t == tagHead || t == tagBody
	switch {
	case t == tagHTML:
		r.noteAttributes()
	case t == tagHead:
		r.inHeadTag = true
	case t == tagBody:
		r.insertHead(r.page.start)
		r.phase = inBodyTag
	case r.isFragment():
		r.skip(Fragment)
	case t == tagFrameset:
		r.insertHead(r.page.start)
		r.skip(Frameset)
	case tags[t].flags&headContent != 0, t == tagNoscript && !r.headDone:
		r.insertHead(r.page.start)
		if r.page.name == nameBase {
			r.noteAttributes()
		}
	default:
		r.imply(r.page.start)
	}
}

// noteAttributes looks at the attributes of the tag that begins.
func (r *Rewriter) noteAttributes() {
	r.inTag = r.page.name
	r.page.attributes = true
}

func (r *Rewriter) handleHeadEndTag() {
	switch t := r.page.tag; {
	case r.isFragment():
		r.skip(Fragment)
	case t == tagHead:
		r.insertHead(r.page.start)
		r.headDone = true
	case t == tagBody || t == tagHTML || t == tagBr:
		r.imply(r.page.start)
	}
}

// handleHeadText looks for text that implies a body: any but white space.
func (r *Rewriter) handleHeadText(i, j int) {
	if r.page.start < r.page.offset+int64(i) { // "<" that begins no tag
		if r.lead.end() {
			r.lead.start = r.page.start
		}
		r.imply(r.lead.start)
		return
	}
	for ; i < j; i++ {
		switch r.lead.next(r.seen.chunk[i], r.page.offset+int64(i)) {
		case leadsNowhere:
			r.imply(r.lead.start)
			return
		case leadsToUTF16:
			r.skip(UTF16)
			return
		}
	}
}

func (r *Rewriter) isFragment() bool { return r.opts.DocumentOnly && !r.document }

// imply ends the head before the byte at the given position.
func (r *Rewriter) imply(at int64) {
	if r.isFragment() {
		r.skip(Fragment)
		return
	}
	r.insertAt(at)
}

// noted is the value of the first attribute of some kind.
type noted struct {
	seen  bool
	value []byte // as far as it is of interest
	text  string // the last value that was made a string
}

// reset forgets the attribute, but keeps its memory.
func (n *noted) reset() { n.seen, n.value = false, n.value[:0] }

// note adds a part of the value, up to a length.
func (n *noted) note(part []byte, longest int) {
	n.value = append(n.value, part[:min(len(part), longest-len(n.value))]...)
}

// string returns the value. It costs nothing where the page before had the same.
func (n *noted) string() string {
	if string(n.value) != n.text {
		n.text = string(n.value)
	}
	return n.text
}
