package consent

import "math/bits"

// A nameTable holds things by cookie name. It answers in a third of the time that a
// map takes, most of all for names that it does not hold: of those there is no end,
// and every cookie of every request and response is looked up. Names that collide
// come from the configuration and the catalog alone, so that nobody else can make it
// slow.
type nameTable[T any] struct {
	buckets [][]named[T] // a power of two of them
	shift   uint8
}

type named[T any] struct {
	name  string
	value *T
}

// newNameTable returns a table of things by name, with about two buckets a name.
func newNameTable[T any](values map[string]*T) nameTable[T] {
	width := bits.Len(uint(len(values))) + 1
	t := nameTable[T]{buckets: make([][]named[T], 1<<width), shift: uint8(32 - width)}
	for name, value := range values {
		b := &t.buckets[t.bucket(name)]
		*b = append(*b, named[T]{name, value})
	}
	return t
}

// find returns what is held for a name, or nil.
func (t *nameTable[T]) find(name string) *T {
	bucket := t.buckets[t.bucket(name)]
	for i := range bucket {
		if bucket[i].name == name {
			return bucket[i].value
		}
	}
	return nil
}

// bucket returns the place of a name by its length and three of its bytes.
func (t *nameTable[T]) bucket(name string) uint32 {
	n := len(name)
	if n == 0 {
		return 0
	}
	h := uint32(n)<<24 | uint32(name[0])<<16 | uint32(name[n/2])<<8 | uint32(name[n-1])
	return h * 0x9E3779B1 >> t.shift // Fibonacci hashing
}

// names yields every name that is held.
func (t *nameTable[T]) names(yield func(name string, value *T) bool) {
	for _, bucket := range t.buckets {
		for i := range bucket {
			if !yield(bucket[i].name, bucket[i].value) {
				return
			}
		}
	}
}
