package rewrite

import "bytes"

// ahead is how browsers read a page to load ahead of parsing what it needs: without a
// tree, so that to them there is no foreign content. In an svg element a style or title
// element is raw text then and may hide from them where a comment ends, and a CDATA
// section is a comment up to the first ">". What only they see there is loaded like
// anything else.
//
// Where a page gives reason to be read in that way too, a Rewriter of its own reads what
// the first one writes, until both are in the same state again. It shows the tags that
// only it sees, of which no more than names of attributes change: to the parser they may
// stand between quotation marks.
type ahead struct {
	on     bool
	reader *Rewriter // nil where it was never needed
}

// reader is what a Rewriter that reads ahead is told by the one that it reads for.
type reader struct {
	ahead bool
	known int64 // where a tag begins that the other one sees too
}

// lookAhead begins or ends the reading ahead of parsing, after an event that ends at
// chunk[j].
func (r *Rewriter) lookAhead(ev event, j int) {
	if !r.ahead.on && !r.beginAhead(ev, j) || r.script.awaited() {
		return
	}
	if ev == startTag && r.passed <= r.page.start { // else it is none of those that are shown
		r.passOn(r.page.start)
		r.ahead.reader.role.known = r.ahead.reader.page.offset
	}
	if ev == tagEnd && r.page.closing || ev == comment || ev == cdata {
		r.passOn(r.page.offset + int64(j))
		r.endAhead()
	}
}

// beginAhead reports whether there may be something to be seen ahead of parsing alone,
// and begins to look for it.
func (r *Rewriter) beginAhead(ev event, j int) bool {
	if r.pageEditor.elements == nil {
		return false
	}
	chunk, base := r.seen.chunk, r.page.offset
	switch {
	case ev == tagEnd && r.page.opensMarkup() && !isTextOnly(chunk[j:], r.page.tag):
		o := r.readAhead(base + int64(j))
		o.page.enterRaw(r.page.tag)
		return true
	case ev == cdata, ev == more && cdataState <= r.page.state && r.page.state <= cdataEnd:
		from := r.page.start + int64(len("<![CDATA["))
		if ev == cdata && bytes.IndexByte(chunk[max(0, from-base):j], '<') < 0 {
			return false
		}
		o := r.readAhead(from)
		o.page.state = bogusComment
		return true
	}
	return false
}

// readAhead lets a Rewriter read on from a position up to which all is decided.
func (r *Rewriter) readAhead(from int64) *Rewriter {
	r.passOn(from)
	a := &r.ahead
	if a.reader == nil {
		a.reader = new(Rewriter)
	}
	a.reader.Reset(r.dst, Options{Edit: r.opts.Edit, Elements: r.opts.Elements})
	a.reader.page.treeless = true
	a.reader.role = reader{ahead: true, known: -1}
	if r.shift.on {
		a.reader.ReadISO2022JP()
	}
	a.on = true
	return a.reader
}

// endAhead ends it where both will see the same.
func (r *Rewriter) endAhead() {
	o := r.ahead.reader
	if r.page.state == dataState && o.page.state == dataState && !o.forked && o.passed == o.page.offset && len(o.shift.behind) == 0 {
		r.ahead.on = false
	}
}

// closeAhead ends it where the page ends.
func (r *Rewriter) closeAhead() {
	if !r.ahead.on {
		return
	}
	r.ahead.on = false
	if err := r.ahead.reader.Close(); r.err == nil {
		r.err = err
	}
}

// opensMarkup reports whether the tag that has just ended is the start tag of an element
// of which the content is raw text in HTML, but is not here.
func (d *reading) opensMarkup() bool {
	return !d.closing && d.state == dataState && (tags[d.tag].flags&rawText != 0 || d.tag == tagNoscript && d.scripting)
}

// isTextOnly reports whether p begins with text and the end tag of an element, so that it
// is all the same how that is read.
func isTextOnly(p []byte, g tag) bool {
	i := bytes.IndexByte(p, '<')
	k := i + len("</") + len(tags[g].name)
	return i >= 0 && k < len(p) && p[i+1] == '/' && hasWord(p[i+len("</"):], tags[g].name) && p[k] == '>'
}
