package rewrite

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// skim reads p from index i as next does, but reports nothing and stops where
// next has to go on: at the start of a token that is not whole in p or not a
// common one. It reads on only from the data state and from raw text. A start tag
// that e is to show is made ready for that in e.tag; it stands between the indexes
// returned, of which the second is 0 where there is none.
func (d *reading) skim(p []byte, i int, e *editor) (from, to int) {
	for goOn := true; goOn; {
		switch d.state {
		case dataState:
			i, to, goOn = d.skimTags(p, i, e)
		case rawState:
			i, goOn = d.skimRaw(p, i)
		default:
			goOn = false
		}
	}
	return i, to
}

// skimTags reads text and tags. It reports whether raw text comes next.
func (d *reading) skimTags(p []byte, i int, e *editor) (from, to int, goOn bool) {
	w := d.window
	for {
		for {
			if !w.covers(p, i) {
				if i < len(p) && p[i] == '<' {
					break // as in what is short from the start
				}
				return i, 0, false
			}
			if i = w.less(i); i < w.to {
				break
			}
		}
		from, closing := i+1, false
		if len(p)-i < len("</")+8 {
			return i, 0, false
		}
		if p[from] == '/' {
			from++
			closing = true
		}
		// Longer names are left to next; noscript, which forks, is one of them.
		x := binary.LittleEndian.Uint64(p[from:])
		size := nameSize(x)
		k := from + size
		if size == 0 || size == 8 || !isLetter(p[from]) || class[p[k]]&endsTagName == 0 {
			return i, 0, false
		}
		n := Name((x | spaces) & (1<<(8*size) - 1))
		g := tagOf(n)
		shown := !closing && e != nil && e.elements.has(g, n)
		end, selfClosing := k+1, false
		switch {
		case shown:
			if end = d.prepare(e, p[i:], g, n, k-i); end == 0 {
				return i, 0, false
			}
			end += i
			selfClosing = p[end-2] == '/' && (len(e.tag.attrs) == 0 || i+int(e.tag.attrs[len(e.tag.attrs)-1].end) < end-1)
		case p[k] != '>':
			if end, selfClosing = d.skimAttributes(p, k); end < 0 {
				return i, 0, false
			}
		}

		if d.foreign == 0 && tags[g].flags&(rawText|structural) == 0 {
			switch top := len(d.stack) - 1; {
			case tags[g].flags&void != 0:
			case closing && top >= 0 && d.stack[top].name == n:
				d.stack = d.stack[:top]
			case closing:
				d.close(g, n)
			case tags[g].flags&optionalEnd != 0:
				d.open(g, n, false)
			default:
				d.pushPlain(g, n)
			}
			if shown {
				return i, end, false
			}
			i = end
			continue
		}

		if e != nil && d.foreign > 0 && !closing && tags[g].flags&rawText != 0 && !isTextOnly(p[end:], g) {
			return i, 0, false // may begin what is read ahead otherwise
		}
		goOn := false
		switch {
		case !closing && d.needsAttributes(g):
			return i, 0, false
		case closing:
			d.close(g, n)
		case d.open(g, n, selfClosing):
			d.enterText(g)
			goOn = true
		}
		d.cdataAllowed = d.top().ns != inHTML
		switch {
		case shown:
			return i, end, false
		case goOn:
			return end, 0, true
		}
		i = end
	}
}

// skimAttributes returns the index behind the tag whose name ends at k, or a
// negative number if it is not whole in p, and whether it is self-closing. It skips
// at once what it can of attributes without a value and with one in quotation marks.
func (d *reading) skimAttributes(p []byte, k int) (end int, selfClosing bool) {
	w := d.window
	for {
		if !w.covers(p, k) {
			return skipAttributes(p, k)
		}
		at := k - w.from
		i := at / blockSize           // the block
		first := uint(at % blockSize) // the first bit of it that counts
		bits64 := ^uint64(0) << first
		inside := w.masks[i].inside
		inside ^= -(inside << 1 >> first & 1) // as if no quote came before
		afterEquals, noName := uint64(0), uint64(1)<<first

		done := false
		for !done {
			m := &w.masks[i]
			quote := m.quote & bits64
			opening, closing := quote&inside, quote&^inside
			outside := bits64 &^ inside
			greater, equals := m.greater&outside, m.equals&outside
			ends := closing | m.separator&outside

			// Outside of values, every equals sign has to stand between a name and a
			// quotation mark, every opening mark behind one.
			afterEquals |= equals << 1
			noName |= ends << 1
			odd := opening ^ afterEquals | equals&noName | m.apostrophe&outside
			odd &= greater&-greater - 1 // what counts is what stands before the end
			base := w.from + i*blockSize
			switch {
			case odd != 0:
				odd &= -odd
				if odd&m.apostrophe&afterEquals != 0 {
					if k = w.closing(p, base+bits.TrailingZeros64(odd)+1); k < 0 {
						return -1, false
					}
				} else {
					if closing &= odd - 1; closing != 0 {
						k = base + bits.Len64(closing)
					}
					var closed bool
					if k, closed, selfClosing = nextAttribute(p, k); closed {
						return k, selfClosing
					}
				}
				done = true
			case greater != 0:
				end := base + bits.TrailingZeros64(greater)
				return end + 1, end > k && p[end-1] == '/'
			default:
				if closing != 0 {
					k = base + bits.Len64(closing)
				}
				afterEquals, noName = equals>>(blockSize-1), ends>>(blockSize-1)
				carry := -(inside >> (blockSize - 1))
				if i++; w.from+i*blockSize >= w.to {
					if !w.covers(p, base+blockSize) {
						return skipAttributes(p, k)
					}
					i = 0
				}
				bits64, inside = ^uint64(0), w.masks[i].inside^carry
			}
		}
	}
}

// skipAttributes is [reading.skimAttributes], attribute by attribute.
func skipAttributes(p []byte, k int) (end int, selfClosing bool) {
	for {
		var closed bool
		if k, closed, selfClosing = nextAttribute(p, k); closed {
			return k, selfClosing
		}
	}
}

// nextAttribute returns the index behind the next attribute, or if there is none
// behind the tag, which is then closed; the index is negative if that is not in p.
func nextAttribute(p []byte, k int) (end int, closed, selfClosing bool) {
	for ; k < len(p); k++ {
		switch c := p[k]; {
		case c == '>':
			return k + 1, true, selfClosing
		case c == '/' || class[c]&isSpace != 0:
			selfClosing = c == '/'
		default:
			k = skipAttribute(p, k)
			return k, k < 0, false
		}
	}
	return -1, true, false
}

// prepare makes e.tag the start tag at the start of p, and returns its length, or 0 if
// it is not whole in p or longer than is shown.
func (d *reading) prepare(e *editor, p []byte, g tag, n Name, nameLen int) int {
	p = p[:min(len(p), maxTag)]
	t := &e.tag
	t.reset(n, nameLen, d.isVoid(g), true)
	attrs, end, closed := appendAttributes(t.attrs, p, nameLen, isOpen, false)
	if t.attrs = attrs; !closed {
		return 0
	}
	return end
}

// skimRaw reads raw text and the end tag behind it. It reports whether that came.
func (d *reading) skimRaw(p []byte, i int) (int, bool) {
	word := tags[d.raw].name
	for {
		if i = rawLessAt(p, i); i == len(p) {
			return i, false
		}
		k := i + len("</") + len(word)
		switch {
		case k >= len(p), p[i+1] == '!' && d.raw == tagScript:
			return i, false
		case p[i+1] != '/' || !hasWord(p[i+len("</"):], word) || class[p[k]]&endsTagName == 0:
			i++
			continue
		}
		if k, _ = d.skimAttributes(p, k); k < 0 {
			return i, false
		}
		d.state = dataState
		return k, true
	}
}

// skipAttribute returns the index behind the attribute that begins at k, or a
// negative number if it is not whole in p.
func skipAttribute(p []byte, k int) int {
	k++ // whatever it is, it belongs to the name
	for k < len(p) && class[p[k]]&endsAttrName == 0 {
		k++
	}
	for k < len(p) && class[p[k]]&isSpace != 0 {
		k++
	}
	if k < len(p) && p[k] != '=' {
		return k
	}
	k++
	for k < len(p) && class[p[k]]&isSpace != 0 {
		k++
	}
	if k >= len(p) {
		return -1
	}
	switch c := p[k]; c {
	case '"', '\'':
		n := bytes.IndexByte(p[k+1:], c)
		if n < 0 {
			return -1
		}
		return k + 1 + n + 1
	}
	for k < len(p) && class[p[k]]&endsUnquoted == 0 {
		k++
	}
	return k
}

// hasWord reports whether p begins with a word of lower-case letters in any case.
func hasWord(p []byte, word string) bool {
	for i := range len(word) {
		if lower[p[i]] != word[i] {
			return false
		}
	}
	return true
}

const (
	ones   = 0x0101010101010101
	highs  = 0x80 * ones
	spaces = ' ' * ones
)

// indexByte is [bytes.IndexByte], faster where the byte is near.
func indexByte(p []byte, c byte) int {
	if len(p) >= 16 {
		pattern := uint64(c) * ones
		x := binary.LittleEndian.Uint64(p) ^ pattern
		if x = (x - ones) &^ x & highs; x != 0 {
			return bits.TrailingZeros64(x) / 8
		}
		x = binary.LittleEndian.Uint64(p[8:]) ^ pattern
		if x = (x - ones) &^ x & highs; x != 0 {
			return 8 + bits.TrailingZeros64(x)/8
		}
	}
	return bytes.IndexByte(p, c)
}

// nameSize returns the length of the tag name at the start of eight bytes, the
// first of them lowest. It takes any byte up to the space for the end of a name.
func nameSize(x uint64) int {
	// Each term has the high bit of the first byte that it looks for, and after
	// it maybe others.
	slash, greater := x^'/'*ones, x^'>'*ones
	end := (x-'!'*ones)&^x | (slash-ones)&^slash | (greater-ones)&^greater
	return bits.TrailingZeros64(end&highs) / 8
}

// attrNameSize is nameSize for the name of an attribute. It takes "<" and "?" for
// its end too, which stand beside "=" and ">".
func attrNameSize(x uint64) int {
	slash, equals := x^'/'*ones, (x^'<'*ones)&(0xfc*ones)
	end := (x-'!'*ones)&^x | (slash-ones)&^slash | (equals-ones)&^equals
	return bits.TrailingZeros64(end&highs) / 8
}
