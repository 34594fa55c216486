package rewrite

// maxContent is how much of the content of a script is shown.
const maxContent = 16 << 10

// script is a script whose content is awaited, by the positions of its start tag, 0 if
// there is none, and of its content.
type script struct{ from, content int64 }

func (s *script) awaited() bool { return s.content > 0 }

// readScript reads on inside of the script whose content is awaited, and shows it when
// it ends or is as long as is shown.
func (r *Rewriter) readScript(p []byte, i int) int {
	limit := min(len(p), int(r.script.content+maxContent-r.page.offset))
	for i < limit {
		ev, j := r.next(&r.page, &r.pageEditor, p[:limit], i)
		if ev == endTag {
			r.showScript(r.page.start)
		}
		r.handle(ev, i, j)
		if i = j; ev == endTag {
			return i
		}
	}
	if limit < len(p) {
		r.showScript(r.page.offset + int64(limit))
	}
	return i
}

// showScript shows Edit the start tag of the script with its content, which has come up
// to a position.
func (r *Rewriter) showScript(to int64) {
	base, from := r.page.offset, r.script.from
	size := int(r.script.content - from)
	r.script = script{}
	raw := r.raw.between(base, from, to)
	seen := raw[:size]
	if r.seen != &r.raw {
		seen = r.seen.between(base, from, from+int64(size))
	}
	t, nameLen := &r.pageEditor.tag, nameEnd(seen)
	t.reset(nameScript, nameLen, false, true)
	t.attrs, _, _ = appendAttributes(t.attrs, seen, nameLen, isEnd, r.shift.on)
	t.content = raw[size:]
	if t.content == nil {
		t.content = []byte{}
	}
	r.edit(t, raw[:size], from)
}
