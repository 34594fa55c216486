package rewrite

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// blockSize is how many bytes the bits of a number tell of.
const blockSize = 64

// mask says of 64 bytes which of them have a meaning in tags, the first byte by
// the lowest bit.
type mask struct {
	less       uint64 // <
	greater    uint64 // >
	equals     uint64 // =
	quote      uint64 // "
	apostrophe uint64 // '
	separator  uint64 // white space, all other bytes up to the space, and /

	// inside has the bits from every other quote up to before the next one.
	inside uint64
}

// classifyWords is [classify] with the means of every processor: eight bytes at a
// time.
func classifyWords(p []byte, masks []mask) {
	for i := range masks {
		m := mask{}
		for j := 0; j < blockSize; j += 8 {
			x := binary.LittleEndian.Uint64(p[i*blockSize+j:])
			m.less |= gather(equal(x, '<')) << j
			m.greater |= gather(equal(x, '>')) << j
			m.equals |= gather(equal(x, '=')) << j
			m.quote |= gather(equal(x, '"')) << j
			m.apostrophe |= gather(equal(x, '\'')) << j
			m.separator |= gather(equal(x, '/')|^((x&^highs+(0x7f-' ')*ones)|x)) << j
		}
		m.inside = between(m.quote)
		masks[i] = m
	}
}

// equal sets the high bit of the bytes of x that are c. Other bits mean nothing.
func equal(x uint64, c byte) uint64 {
	x ^= uint64(c) * ones
	return ^((x&^highs + 0x7f*ones) | x)
}

// gather collects the high bits of eight bytes.
func gather(x uint64) uint64 { return (x & highs >> 7) * 0x0102040810204080 >> 56 }

// rawLessAt returns the index of the next "<" from index i of p on that may mean something
// in raw text: one before "/" or "!", or at the end of p. It is len(p) if there is none.
func rawLessAt(p []byte, i int) int {
	if i = scanRaw(p, i); i < len(p) && isRawLess(p, i) {
		return i
	}
	for ; i < len(p); i++ {
		n := bytes.IndexByte(p[i:], '<')
		if n < 0 {
			break
		}
		if i += n; isRawLess(p, i) {
			return i
		}
	}
	return len(p)
}

func isRawLess(p []byte, i int) bool {
	return p[i] == '<' && (i+1 == len(p) || p[i+1] == '/' || p[i+1] == '!')
}

// windowBlocks is how many blocks are classified at a time.
const windowBlocks = 32

// window is a stretch of a chunk of which every byte is classified.
type window struct {
	from, to int // indexes into the chunk; empty if the same
	masks    [windowBlocks]mask
}

// reset forgets the chunk.
func (w *window) reset() { w.from, w.to = 0, 0 }

// covers makes sure that 64 bytes of p from index i on are in the window. It
// reports false where p is shorter.
func (w *window) covers(p []byte, i int) bool {
	return i >= w.from && i+blockSize <= w.to || w.move(p, i)
}

func (w *window) move(p []byte, i int) bool {
	n := min(windowBlocks, (len(p)-i)/blockSize)
	if n < 1 {
		return false
	}
	w.from, w.to = i, i+n*blockSize
	classify(p[i:w.to], w.masks[:n])
	return true
}

// less returns the index of the next "<" from index i on that the window has, or
// the end of the window.
func (w *window) less(i int) int {
	j := uint(i - w.from)
	if j >= uint(w.to-w.from) {
		return w.to
	}
	k := j / blockSize
	for x := w.masks[k].less >> (j % blockSize) << (j % blockSize); ; x = w.masks[k].less {
		if x != 0 {
			return w.from + int(k)*blockSize + bits.TrailingZeros64(x)
		}
		if k++; k*blockSize >= uint(w.to-w.from) {
			return w.to
		}
	}
}

// closing returns the index behind the next apostrophe from index i of p on, or a
// negative number.
func (w *window) closing(p []byte, i int) int {
	j := uint(i - w.from)
	if k := j / blockSize; j < uint(w.to-w.from) {
		if x := w.masks[k].apostrophe >> (j % blockSize); x != 0 {
			return i + bits.TrailingZeros64(x) + 1
		}
	}
	n := bytes.IndexByte(p[i:], '\'')
	if n < 0 {
		return -1
	}
	return i + n + 1
}

// between sets the bits from every other bit that is set up to before the next one.
func between(x uint64) uint64 {
	for n := 1; n < blockSize; n *= 2 {
		x ^= x << n
	}
	return x
}
