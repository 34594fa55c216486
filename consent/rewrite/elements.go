package rewrite

// Elements is a set of names of elements, compiled once for many Rewriters. It is
// safe for concurrent use.
type Elements struct {
	kinds   [tagCount]bool // whether the set may have elements of a kind
	ids     []Name         // a hash table with linear probing
	longest int            // the length of the longest name
}

// NewElements returns the set of the given names.
func NewElements(names ...string) *Elements {
	size := 8
	for size < 4*len(names) {
		size *= 2
	}
	e := &Elements{ids: make([]Name, size)}
	for _, s := range names {
		n := NameOf(s)
		e.longest = max(e.longest, len(s))
		e.kinds[tagOf(n)] = true
		i := slot(n)
		for e.at(i) != 0 && e.at(i) != n {
			i++
		}
		e.ids[i%uint(len(e.ids))] = n
	}
	return e
}

func (e *Elements) at(i uint) Name { return e.ids[i%uint(len(e.ids))] }

// has reports whether a name, which is of kind g, is in the set.
func (e *Elements) has(g tag, n Name) bool {
	if e == nil || !e.kinds[g] {
		return false
	}
	for i := slot(n); ; i++ {
		if id := e.at(i); id == n || id == 0 {
			return id == n
		}
	}
}
