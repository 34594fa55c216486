package consent

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// KnownCookie is a cookie name of which it is known what it is for although no
// operator declared it.
type KnownCookie struct {
	// Name is the name, byte by byte. In it "<class:n>" stands for n characters of a
	// class, "<class:m-n>" for m to n of them, and "*" for any run of characters, of
	// which there may be one. The classes are hex (lower case), digit, upper, lownum
	// and upnum (lower- and upper-case letters, with digits), alnum, base64 (alnum,
	// "-" and "_"), pool (base64, "." and "~") and star (a "*" itself).
	//
	// "@" stands for itself and for "%40", as which it arrives.
	Name string

	// Category is one of the built-in categories.
	Category string
}

// Known is a compiled list of known cookies. It is safe for concurrent use and
// never changes.
type Known struct {
	cookies []KnownCookie
	exact   nameTable[knownName]

	// shapes are from the most to the least specific one. Those that begin with at
	// least three literal bytes are found by these, short and suffixes one by one.
	shapes   []*knownName
	byStart  [][]*knownName // a power of two of them
	shift    uint8
	short    [256][]*knownName // by the first byte
	suffixes []*knownName
}

// A knownName is a name of the list with what was compiled of it.
type knownName struct {
	*shape          // nil for an exact name
	name     string // as it is to be found: with "%40"
	index    int    // in the list
	category uint8  // as in builtIn
	tied     bool   // another entry has the same exact name
}

// builtIn are the built-in categories, the mildest first.
var builtIn = [...]string{Necessary, Statistics, FirstParty, ThirdParty}

// NewKnown compiles a list of known cookies. Several entries may have the same name.
func NewKnown(cookies []KnownCookie) (*Known, error) {
	k := &Known{cookies: cookies}
	exact := make(map[string]*knownName, len(cookies))
	for i, c := range cookies {
		category := slices.Index(builtIn[:], c.Category)
		if category < 0 {
			return nil, fmt.Errorf("cookie %q: %q is not a category; allowed: %s", c.Name, c.Category, strings.Join(builtIn[:], ", "))
		}
		if err := CheckKnownName(c.Name); err != nil {
			return nil, err
		}
		spellings := []string{c.Name}
		if strings.Contains(c.Name, "@") {
			spellings = append(spellings, strings.ReplaceAll(c.Name, "@", "%40"))
		}
		for _, name := range spellings {
			known := &knownName{name: name, index: i, category: uint8(category)}
			if strings.ContainsAny(name, "<>*") {
				s, err := compileShape(name)
				if err != nil {
					return nil, err
				}
				known.shape = s
				k.shapes = append(k.shapes, known)
				continue
			}
			other := exact[name]
			if other == nil {
				exact[name] = known
				continue
			}
			if known.category > other.category {
				exact[name] = known
			}
			exact[name].tied = true
		}
	}
	k.exact = newNameTable(exact)
	k.index()
	return k, nil
}

// nothingKnown is a list without entries.
var nothingKnown, _ = NewKnown(nil)

// index sorts the shapes and files them by how they begin.
func (k *Known) index() {
	slices.SortStableFunc(k.shapes, func(a, b *knownName) int {
		return cmp.Or(
			a.compareSpecificity(b),
			cmp.Compare(b.category, a.category), // the strictest first
			strings.Compare(a.name, b.name),
		)
	})
	width := bits.Len(uint(len(k.shapes))) + 1
	k.byStart, k.shift = make([][]*knownName, 1<<width), uint8(32-width)
	for _, s := range k.shapes {
		switch prefix := s.prefix(); len(prefix) {
		case 0:
			k.suffixes = append(k.suffixes, s)
		case 1, 2:
			k.short[prefix[0]] = append(k.short[prefix[0]], s)
		default:
			at := k.start(prefix)
			k.byStart[at] = append(k.byStart[at], s)
		}
	}
}

// compareSpecificity is negative if a says more of a name than b: by the text that
// names begin with, then by having no star, then by the text that they end with.
func (a *knownName) compareSpecificity(b *knownName) int {
	return cmp.Or(
		cmp.Compare(len(b.prefix()), len(a.prefix())),
		cmp.Compare(bit(a.star), bit(b.star)),
		cmp.Compare(len(b.suffix), len(a.suffix)),
	)
}

// start returns the place of what begins with the same three bytes.
func (k *Known) start(name string) uint32 {
	h := uint32(name[0])<<16 | uint32(name[1])<<8 | uint32(name[2])
	return h * 0x9E3779B1 >> k.shift // Fibonacci hashing
}

// Find returns the position in the list of the entry that a name belongs to. A name
// may have one of the prefixes "__Host-", "__Secure-", "__Http-" and "__Host-Http-"
// (RFC 6265bis, section 4.1.3) before what is listed. An entry without runs goes
// before all others; then the entry goes first that begins with the longest literal
// text, at last those that begin with a star. Where several are equal in this, it is
// one of the strictest category, and tied is true.
func (k *Known) Find(name string) (i int, tied, ok bool) {
	found, rest := k.find(name)
	if found == nil {
		return 0, false, false
	}
	if found.shape == nil {
		return found.index, found.tied, true
	}
	for _, other := range rest {
		if other.compareSpecificity(found) != 0 {
			break
		}
		if other.index != found.index && (other.match(name) || other.match(withoutPrefix(name))) {
			return found.index, true, true
		}
	}
	return found.index, false, true
}

// find returns what a name belongs to, or nil; rest are the shapes that would have
// been tried next.
func (k *Known) find(name string) (found *knownName, rest []*knownName) {
	if name == "" {
		return nil, nil
	}
	if found := k.exact.find(name); found != nil {
		return found, nil
	}
	bare := withoutPrefix(name)
	if len(bare) != len(name) {
		if found := k.exact.find(bare); found != nil {
			return found, nil
		}
		if found, rest := k.findShape(name); found != nil {
			return found, rest
		}
	}
	return k.findShape(bare)
}

func (k *Known) findShape(name string) (found *knownName, rest []*knownName) {
	if name == "" {
		return nil, nil
	}
	if len(name) >= 3 {
		if found, rest = firstMatch(k.byStart[k.start(name)], name); found != nil {
			return found, rest
		}
	}
	if found, rest = firstMatch(k.short[name[0]], name); found != nil {
		return found, rest
	}
	return firstMatch(k.suffixes, name)
}

func firstMatch(shapes []*knownName, name string) (found *knownName, rest []*knownName) {
	for i, s := range shapes {
		if s.match(name) {
			return s, shapes[i+1:]
		}
	}
	return nil, nil
}

// withoutPrefix returns a name without a prefix that browsers give a meaning.
func withoutPrefix(name string) string {
	if !strings.HasPrefix(name, "__") {
		return name
	}
	for _, prefix := range [...]string{"__Host-Http-", "__Host-", "__Secure-", "__Http-"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			return rest
		}
	}
	return name
}

// necessaryExamples returns, for every necessary entry, its text and a name of it.
func (k *Known) necessaryExamples(yield func(text, name string) bool) {
	for _, c := range k.cookies {
		if c.Category != Necessary {
			continue
		}
		if !yield(c.Name, KnownExample(c.Name)) {
			return
		}
	}
}

// CheckKnownName returns what is wrong with the name of a [KnownCookie], or nil.
func CheckKnownName(name string) error {
	if name == "" || name == "*" {
		return fmt.Errorf("%q is no name: a star alone would be every name", name)
	}
	if !strings.ContainsAny(name, "<>*") {
		return nil
	}
	_, err := compileShape(name)
	return err
}

// KnownExample returns a shortest name that a [KnownCookie] of this name is about, or
// the name itself where it can't be compiled.
func KnownExample(name string) string {
	if !strings.ContainsAny(name, "<>*") {
		return name
	}
	s, err := compileShape(name)
	if err != nil {
		return name
	}
	return s.example
}

// KnownCovers reports whether a [KnownCookie] of the name of a pattern is about a name.
func KnownCovers(pattern, name string) bool {
	if !strings.ContainsAny(pattern, "<>*") {
		return name == pattern
	}
	s, err := compileShape(pattern)
	return err == nil && s.match(name)
}
