package rewrite

// insertHead inserts the text for the start of the head at a position.
func (r *Rewriter) insertHead(at int64) {
	if !r.headPending {
		return
	}
	at, before, after := r.place(at)
	r.passOn(at)
	r.writeString(before)
	r.writeHead()
	r.writeString(after)
}

// writeHead writes the text for the start of the head, once.
func (r *Rewriter) writeHead() {
	if !r.headPending {
		return
	}
	r.headPending = false
	r.write(r.opts.HeadStart())
	if r.opts.BodyStart == nil && r.opts.End == nil && !r.pageEditor.meta {
		r.finish()
	}
}

// insertAt inserts the text for the start of the body at a position, or later
// where a browser without scripting is inside something.
func (r *Rewriter) insertAt(at int64) {
	if r.forked {
		r.followBare(at)
		if r.bare.state != dataState || !r.bare.isFlow() {
			r.phase = postponed
			return
		}
	}
	r.insertBefore(at)
}

func (r *Rewriter) insertBefore(at int64) {
	at, before, after := r.place(at)
	r.passOn(at)
	r.writeString(before)
	r.writeHead()
	r.insert()
	r.writeString(after)
}

// insert writes the text for the start of the body, once.
func (r *Rewriter) insert() {
	if r.phase >= inBody {
		return
	}
	r.phase = inBody
	if r.opts.BodyStart != nil {
		if len(r.lang.value) > maxLang {
			r.lang.reset()
		}
		b := r.opts.BodyStart(Head{Lang: r.lang.string(), Base: r.base.string()})
		r.write(b)
		r.inserted = len(b) > 0
	}
	r.pageEditor.meta = false
	if r.opts.End == nil {
		r.finish()
	}
}
