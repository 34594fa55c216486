package rewrite

// Stop passes on what was held back and copies what follows: nothing more is
// inserted or changed. It is for a page of which nobody knows how to read on, and must not be
// called during Write.
func (r *Rewriter) Stop() error {
	r.pageEditor.elements, r.bareEditor.elements = nil, nil
	r.skip(r.reason)
	r.passOn(r.page.offset)
	r.write(r.shift.behind)
	r.closeAhead()
	r.shift.reset()
	return r.err
}
