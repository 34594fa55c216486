package rewrite

// Stop passes on what was held back and copies what follows: nothing more is
// inserted. It is for a page of which nobody knows how to read on, and must not be
// called during Write.
func (r *Rewriter) Stop() error {
	r.skip(r.reason)
	r.write(r.held)
	r.held = r.held[:0]
	return r.err
}
