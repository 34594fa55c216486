package rewrite

// maxTag is the length of the longest tag that is shown as a whole, and of the
// longest attribute in a longer one.
const maxTag = 16 << 10

// editor follows one reading to show start tags to [Options.Edit].
type editor struct {
	elements *Elements // nil if no tag is shown to Edit
	meta     bool      // whether <meta> tags are shown, which may not be among elements
	tag      Tag

	// active is true inside a tag that is shown, later behind its first part.
	active, later bool

	// from is where in the document begins what is to be shown next: the tag or,
	// later, the attribute; negative if there is none.
	from int64

	// tooLong is where an attribute begins that is not shown, for its name is too
	// long.
	tooLong int64

	name Name
	void bool // whether the element is an HTML element that has no content
}

// begin begins the start tag that a reading has just come to the name of, if it is
// one to be shown.
func (e *editor) begin(d *reading) {
	if !e.elements.has(d.tag, d.name) && (!e.meta || d.tag != metaElement) {
		return
	}
	e.active, e.later, e.tooLong = true, false, -1
	e.from, e.name, e.void = d.start, d.name, d.isVoid(d.tag)
	d.attributes = true
}

// holds returns the position from which on the page must be held back, end if it
// need not be.
func (e *editor) holds(d *reading, end int64) int64 {
	switch {
	case !e.active:
		if d.state == tagOpen && (e.elements != nil || e.meta) || d.state == tagName && !d.closing && d.nameLen <= e.longest() {
			return d.start
		}
	case e.from >= 0:
		return e.from
	case d.state == attrName && d.start != e.tooLong:
		return d.start
	}
	return end
}

// longest returns the length of the longest name of a tag that is shown.
func (e *editor) longest() int {
	switch {
	case e.elements != nil:
		return max(e.elements.longest, len("meta"))
	case e.meta:
		return len("meta")
	}
	return 0
}

// next is [reading.next] for a reading of which the start tags are shown.
func (r *Rewriter) next(d *reading, e *editor, p []byte, i int) (event, int) {
	if !e.active {
		ev, j := d.next(p, i)
		if ev == startTag && (!r.role.ahead || d.start != r.role.known) {
			e.begin(d)
		}
		return ev, j
	}
	limit := len(p)
	if e.from >= 0 {
		limit = min(limit, int(e.from+maxTag-d.offset))
	}
	if limit <= i { // the name of the attribute is that long
		e.tooLong, e.from = e.from, -1
		return more, i
	}
	ev, j := d.next(p[:limit], i)
	at := d.offset + int64(j)
	switch {
	case ev == tagEnd:
		if e.from >= 0 {
			r.show(e, at, isEnd)
		}
		e.active = false
	case ev == attribute && e.later:
		if e.from >= 0 && e.from < d.start {
			r.show(e, d.start, isEnd)
		}
		if e.from = d.start; e.from == e.tooLong {
			e.from = -1
		}
	case e.from >= 0 && at == e.from+maxTag:
		r.overflow(d, e, at)
	}
	return ev, j
}

// overflow shows as much of a tag or attribute as is held.
func (r *Rewriter) overflow(d *reading, e *editor, at int64) {
	switch {
	case !e.later:
		e.from = r.show(e, at, isOpen)
		e.later = true
		if e.from < at {
			return
		}
	case d.state == attrName && e.from < d.start:
		r.show(e, d.start, isEnd)
		e.from = d.start
		return
	case d.state == attrName:
		e.tooLong = e.from
	default:
		r.show(e, at, isCut)
	}
	e.from = -1
}

// show shows Edit what stands from e.from up to a position: a tag, the first part
// of one, or attributes. It returns the position up to which all is shown.
func (r *Rewriter) show(e *editor, to int64, end ending) int64 {
	t := &e.tag
	base := r.page.offset
	raw, seen := r.raw.between(base, e.from, to), r.seen.between(base, e.from, to)
	nameLen := 0
	if !e.later {
		nameLen = nameEnd(seen)
	}
	for from := e.from; ; {
		t.reset(e.name, nameLen, e.void, false)
		var n int
		t.attrs, n, t.whole = appendAttributes(t.attrs, seen, nameLen, end, r.shift.on)
		t.whole = t.whole && nameLen > 0
		if nameLen > 0 || len(t.attrs) > 0 {
			r.edit(t, raw[:n], from)
		}
		from += int64(n)
		if len(t.attrs) < maxAttributes || n == len(raw) {
			return from
		}
		raw, seen, nameLen = raw[n:], seen[n:], 0
	}
}

// nameEnd returns the index behind the name in a start tag.
func nameEnd(tag []byte) int {
	i := 1
	for i < len(tag) && class[tag[i]]&endsTagName == 0 {
		i++
	}
	return i
}

// edit lets Edit change a tag that stands at a position, and writes it if it did.
func (r *Rewriter) edit(t *Tag, raw []byte, from int64) {
	t.raw, t.ahead = raw, r.role.ahead
	t.awaitable = t.content == nil && t.whole && t.name == nameScript && t == &r.pageEditor.tag && r.page.state == rawState && !t.ahead
	if t.name == nameMeta && r.phase == beforeBody {
		if r.opts.Meta != nil {
			r.tellMeta(t)
		}
		if r.opts.EditMeta != nil {
			r.opts.EditMeta(t)
		}
	}
	if r.pageEditor.elements.has(tagOf(t.name), t.name) {
		r.opts.Edit(t)
	}
	if t.awaited {
		r.script = script{from: from, content: from + int64(len(raw))}
		return
	}
	if !t.changed {
		return
	}
	r.passOn(from)
	r.edited = t.appendTo(r.edited[:0])
	r.write(r.edited)
	r.passed = from + int64(len(raw))
}

func (r *Rewriter) tellMeta(t *Tag) {
	value := func(n Name) string {
		if i := t.Find(n); i >= 0 && len(t.Value(i)) <= maxNoted {
			return string(t.AppendValue(nil, i))
		}
		return ""
	}
	r.opts.Meta(value(nameHTTPEquiv), value(nameContent), value(nameCharset))
}

var (
	nameCharset   = NameOf("charset")
	nameContent   = NameOf("content")
	nameHTTPEquiv = NameOf("http-equiv")
	nameMeta      = NameOf("meta")
	nameScript    = NameOf("script")
)
