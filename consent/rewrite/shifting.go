package rewrite

import "bytes"

// shifting is what it takes to read a page in ISO-2022-JP: what the scanner sees of
// it in place of its bytes.
type shifting struct {
	on     bool
	jis    iso2022jp
	seen   buffer
	mask   []byte
	behind []byte // what mask left for later
	in     []byte // that with the chunk behind it
}

// jisGap stands in a mask for bytes that stand for nothing, so that what is around
// them belongs together.
const jisGap = 0xff

// ReadISO2022JP makes r read all that follows in ISO-2022-JP. It must not be called
// during Write.
func (r *Rewriter) ReadISO2022JP() {
	s := &r.shift
	if s.on {
		return
	}
	s.on = true
	s.seen.held = append(s.seen.held, r.raw.held...)
	r.seen = &s.seen
}

// reset makes s ready for another page, but keeps the memory.
func (s *shifting) reset() {
	s.on = false
	s.jis = iso2022jp{shifts: s.jis.shifts[:0]}
	s.seen.reset()
	s.behind = s.behind[:0]
}

// endsInShift reports whether what is left for later is an escape sequence that
// another one must not follow. As the end of a page it means nothing.
func (s *shifting) endsInShift() bool {
	return len(s.behind) == jisLength && !s.jis.silent && !s.jis.trail
}

// writeShifting is Write for a page in ISO-2022-JP.
func (r *Rewriter) writeShifting(p []byte, last bool) {
	s := &r.shift
	s.in = append(append(s.in[:0], s.behind...), p...)
	s.mask = s.jis.mask(s.mask[:0], s.in, last)
	for i, ok := s.jis.gap(0); ok; i, ok = s.jis.gap(i + jisLength) {
		for j := range jisLength {
			s.mask[i+j] = jisGap
		}
	}
	n := len(s.mask)
	s.behind = append(s.behind[:0], s.in[n:]...)
	s.seen.chunk = s.mask
	r.writeChunk(s.in[:n])
}

// place returns where text goes that is to stand at a position, and what has to
// surround it so that it and what follows are read as they are meant.
func (r *Rewriter) place(at int64) (moved int64, before, after string) {
	if !r.shift.on {
		return at, "", ""
	}
	base := r.page.offset
	if at < base { // in markup, and so in ASCII or nearly that
		return at, r.shift.jis.first.leave(), r.shift.jis.first.enter()
	}
	n, before, after := r.shift.jis.place(int(at - base))
	return base + int64(n), before, after
}

// eachSegment calls read for every stretch of what the scanner sees that has no gap
// in it, as the end of p and the index where it begins.
func (r *Rewriter) eachSegment(p []byte, read func(p []byte, i int)) {
	if !r.shift.on {
		read(p, 0)
		return
	}
	for i := 0; i < len(p); {
		n := bytes.IndexByte(p[i:], jisGap)
		if n < 0 {
			n = len(p) - i
		}
		read(p[:i+n], i)
		for i += n; i < len(p) && p[i] == jisGap; i++ {
		}
	}
}
