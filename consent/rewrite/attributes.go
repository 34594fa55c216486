package rewrite

import "encoding/binary"

// maxAttributes is how many attributes are shown at a time.
const maxAttributes = 128

// ending says what the end of a part of a tag is to its last attribute.
type ending uint8

const (
	isOpen ending = iota // the attribute is for later if it is not whole
	isCut                // only a part of the attribute is there
	isEnd                // the attribute ends there too
)

// appendAttributes appends the attributes of a part of a tag from index k on,
// which is not inside one. It returns the index behind the tag, if that is closed
// there, or else where the attributes that are for later begin, or the length of p.
// With gaps, p is a mask that may have some.
func appendAttributes(attrs []attr, p []byte, k int, end ending, gaps bool) (_ []attr, n int, closed bool) {
	for k < len(p) {
		switch c := p[k]; {
		case c == '>':
			return attrs, k + 1, true
		case c == '/' || class[c]&isSpace != 0:
			k++
			continue
		}
		if len(attrs) == maxAttributes {
			return attrs, k, false
		}
		a, whole := attributeAt(p, k, gaps)
		if !whole && end == isOpen {
			return attrs, k, false
		}
		a.partial = !whole && end == isCut
		attrs = append(attrs, a)
		k = int(a.end)
	}
	return attrs, k, false
}

// attributeAt returns the attribute that begins at k, and whether it ends in p.
func attributeAt(p []byte, k int, gaps bool) (a attr, whole bool) {
	a.from = uint16(k)
	a.id, k = attributeName(p, k, gaps)
	a.to = uint16(k)
	j := k
	for j < len(p) && class[p[j]]&isSpace != 0 {
		j++
	}
	if j < len(p) && p[j] == '=' {
		for k = j + 1; k < len(p) && class[p[k]]&isSpace != 0; k++ {
		}
	}
	a.value, a.valueTo, a.end = uint16(k), uint16(k), uint16(k)
	switch {
	case j == len(p) || k == len(p):
		return a, false
	case p[j] != '=':
		return a, true
	case p[k] == '"' || p[k] == '\'':
		k++
		a.value = uint16(k)
		n := indexByte(p[k:], p[k-1])
		if n < 0 {
			a.valueTo, a.end = uint16(len(p)), uint16(len(p))
			return a, false
		}
		a.valueTo, a.end = uint16(k+n), uint16(k+n+1)
		return a, true
	}
	for k < len(p) && class[p[k]]&endsUnquoted == 0 {
		k++
	}
	a.valueTo, a.end = uint16(k), uint16(k)
	return a, k < len(p)
}

// attributeName returns the name that begins at k, and the index behind it.
func attributeName(p []byte, k int, gaps bool) (Name, int) {
	if !gaps && len(p)-k > 8 {
		x := binary.LittleEndian.Uint64(p[k:])
		if n := attrNameSize(x); 0 < n && n < 8 && class[p[k+n]]&endsAttrName != 0 {
			return Name((x | spaces) & (1<<(8*n) - 1)), k + n
		}
	}
	id := Name(0).add(0, lower[p[k]]) // whatever it is, it belongs to the name
	size := 1
	for k++; k < len(p) && class[p[k]]&endsAttrName == 0; k++ {
		if gaps && p[k] == jisGap {
			continue
		}
		id = id.add(size, lower[p[k]])
		size++
	}
	return id, k
}
