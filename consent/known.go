package consent

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// KnownNecessary returns the product whose log-in, forgery protection, language
// choice or load balancing needs a cookie of this name, and whether there is
// one. The names are exact or have a tail of a fixed shape, so that nothing else
// is likely to bear them; names of the list may have the prefixes "__Host-" and
// "__Secure-" (RFC 6265bis, section 4.1.3).
func KnownNecessary(name string) (product string, ok bool) {
	if product, ok = knownNames()[name]; ok {
		return product, true
	}
	if shape := findKnownShape(name); shape != nil {
		return shape.product, true
	}
	return "", false
}

// knownNames returns the products by cookie name, prefixed names included.
var knownNames = sync.OnceValue(func() map[string]string {
	names := make(map[string]string, 3*len(knownCookies))
	for name, product := range knownCookies {
		names[name] = product
		names["__Host-"+name] = product
		names["__Secure-"+name] = product
	}
	return names
})

func findKnownShape(name string) *shape {
	if name == "" {
		return nil
	}
	shapes := compiledShapes()[name[0]]
	for i := range shapes {
		if strings.HasPrefix(name, shapes[i].segments[0].literal) && shapes[i].match(name) {
			return &shapes[i]
		}
	}
	return nil
}

// compiledShapes returns the shapes by their first byte.
var compiledShapes = sync.OnceValue(func() *[256][]shape {
	var byFirst [256][]shape
	for _, text := range slices.Sorted(maps.Keys(knownShapes)) {
		s := compileShape(text)
		s.text, s.product = text, knownShapes[text]
		byFirst[text[0]] = append(byFirst[text[0]], s)
	}
	return &byFirst
})

// A shape is a name with runs of characters of a class: "SESS<hex:32>". In the
// text of a shape, "<class:n>" stands for n characters and "<class:m-n>" for m
// to n of them.
type shape struct {
	text, product string
	example       string // a shortest name of the shape
	segments      []segment
}

// A segment is literal text and the run that follows it, if any.
type segment struct {
	literal  string
	class    *[256]bool
	min, max int
}

func compileShape(text string) shape {
	var s shape
	for rest := text; rest != ""; {
		literal, run, found := strings.Cut(rest, "<")
		s.example += literal
		if !found {
			s.segments = append(s.segments, segment{literal: literal})
			break
		}
		run, rest, _ = strings.Cut(run, ">")
		class, count, _ := strings.Cut(run, ":")
		low, high, isRange := strings.Cut(count, "-")
		if !isRange {
			high = low
		}
		seg := segment{literal: literal, class: classes[class]}
		var errMin, errMax error
		seg.min, errMin = strconv.Atoi(low)
		seg.max, errMax = strconv.Atoi(high)
		if seg.class == nil || errMin != nil || errMax != nil || seg.min < 1 || seg.max < seg.min {
			panic("consent: embedded shape " + text)
		}
		sample := "0"
		if !seg.class['0'] {
			sample = "A"
		}
		s.example += strings.Repeat(sample, seg.min)
		s.segments = append(s.segments, seg)
	}
	return s
}

// match reports whether the whole name has the shape. Runs take all they can,
// which is right because no class holds the character that follows its run.
func (s *shape) match(name string) bool {
	for _, seg := range s.segments {
		rest, ok := strings.CutPrefix(name, seg.literal)
		if !ok {
			return false
		}
		name = rest
		if seg.class == nil {
			continue
		}
		n := 0
		for n < len(name) && n < seg.max && seg.class[name[n]] {
			n++
		}
		if n < seg.min {
			return false
		}
		name = name[n:]
	}
	return name == ""
}

// classes are the character classes of shapes.
var classes = map[string]*[256]bool{
	"hex":    class(func(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' }),
	"digit":  class(isDigit),
	"upper":  class(isUpper),
	"lownum": class(func(c byte) bool { return isLower(c) || isDigit(c) }),
	"upnum":  class(func(c byte) bool { return isUpper(c) || isDigit(c) }),
	"alnum":  class(isAlnum),
	"base64": class(func(c byte) bool { return isAlnum(c) || c == '-' || c == '_' }),
	"pool":   class(func(c byte) bool { return isAlnum(c) || strings.IndexByte("-_.~", c) >= 0 }),
}

func class(contains func(byte) bool) *[256]bool {
	var set [256]bool
	for c := range set {
		set[c] = contains(byte(c))
	}
	return &set
}
