package rewrite

// buffer holds what is there of a page: the last chunk, and of what came before it
// as much as has to be seen again.
type buffer struct {
	held, chunk []byte
	joined      []byte // a part of both
}

// between returns the bytes between two positions; the chunk begins at base.
func (b *buffer) between(base, from, to int64) []byte {
	if from >= base {
		return b.chunk[from-base : to-base]
	}
	before := b.held[len(b.held)-int(base-from):]
	if to <= base {
		return before[:to-from]
	}
	b.joined = append(append(b.joined[:0], before...), b.chunk[:to-base]...)
	return b.joined
}

// holdFrom keeps what stands from a position on, and lets go of the chunk.
func (b *buffer) holdFrom(base, from int64) {
	switch old := int(base - from); {
	case old <= 0:
		b.held = append(b.held[:0], b.chunk[-old:]...)
	default:
		if old < len(b.held) {
			b.held = b.held[:copy(b.held, b.held[len(b.held)-old:])]
		}
		b.held = append(b.held, b.chunk...)
	}
	b.chunk = nil
}

// reset forgets the page, but keeps the memory.
func (b *buffer) reset() {
	*b = buffer{held: b.held[:0], joined: b.joined[:0]}
}
