package consent

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A shape is a name with parts that differ from site to site: runs of characters of
// a class, as in "SESS<hex:32>", where "<class:n>" stands for n characters and
// "<class:m-n>" for m to n of them, or one run of any characters, a star.
type shape struct {
	text     string
	example  string // a shortest name of the shape
	segments []segment
	star     bool   // any characters follow the segments, and then the suffix
	suffix   string // only behind a star
}

// A segment is literal text and the run that follows it, if any.
type segment struct {
	literal  string
	class    *[256]bool
	min, max int
}

// compileShape reads the notation. A run has to be followed by something that it
// cannot hold itself, so that there is one way alone to read a name.
func compileShape(text string) (*shape, error) {
	s := &shape{text: text}
	head, suffix, star := strings.Cut(text, "*")
	if star {
		s.star, s.suffix = true, suffix
		if strings.ContainsAny(suffix, "*<>") {
			return nil, fmt.Errorf("%q has another star or a run behind the star", text)
		}
	}
	for rest := head; rest != ""; {
		literal, run, found := strings.Cut(rest, "<")
		if strings.Contains(literal, ">") {
			return nil, fmt.Errorf("%q closes a run that it does not open", text)
		}
		s.example += literal
		if len(s.segments) > 0 {
			before := &s.segments[len(s.segments)-1]
			if literal == "" || before.class[literal[0]] {
				return nil, fmt.Errorf("%q has a run that would take what follows it", text)
			}
		}
		if !found {
			s.segments = append(s.segments, segment{literal: literal})
			break
		}
		if run, rest, found = strings.Cut(run, ">"); !found {
			return nil, fmt.Errorf("%q opens a run that it does not close", text)
		}
		seg, err := compileRun(run)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		seg.literal = literal
		sample := slices.IndexFunc([]byte("0A*"), func(c byte) bool { return seg.class[c] })
		s.example += strings.Repeat("0A*"[sample:sample+1], seg.min)
		s.segments = append(s.segments, seg)
	}
	if star && len(s.segments) > 0 && s.segments[len(s.segments)-1].class != nil {
		return nil, fmt.Errorf("%q has a run before the star, which would take it", text)
	}
	s.example += s.suffix
	return s, nil
}

// compileRun reads "hex:32" or "digit:1-3".
func compileRun(text string) (segment, error) {
	name, count, _ := strings.Cut(text, ":")
	low, high, isRange := strings.Cut(count, "-")
	if !isRange {
		high = low
	}
	seg := segment{class: classes[name]}
	if seg.class == nil {
		return seg, fmt.Errorf("%q is not a class of characters; allowed: alnum, base64, digit, hex, lownum, pool, star, upnum, upper", name)
	}
	var errMin, errMax error
	seg.min, errMin = strconv.Atoi(low)
	seg.max, errMax = strconv.Atoi(high)
	if errMin != nil || errMax != nil || seg.min < 1 || seg.max < seg.min || seg.max > maxPattern*2 {
		return seg, fmt.Errorf("%q is not a count such as 32 or 1-3", count)
	}
	return seg, nil
}

// prefix returns the literal text that names of the shape begin with.
func (s *shape) prefix() string {
	if len(s.segments) == 0 {
		return ""
	}
	return s.segments[0].literal
}

// match reports whether the whole name has the shape. Runs take all they can,
// which is right because no class holds the character that follows its run.
func (s *shape) match(name string) bool {
	for i := range s.segments {
		seg := &s.segments[i]
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
	if s.star {
		return strings.HasSuffix(name, s.suffix)
	}
	return name == ""
}

// expression returns a regular expression for the whole name, in a syntax that Go
// and browsers share.
func (s *shape) expression() string {
	var b strings.Builder
	literal := func(text string) {
		for _, c := range []byte(text) {
			if !isAlnum(c) && c != '_' && c != '-' && c != '%' && c < 0x80 {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		}
	}
	for _, seg := range s.segments {
		literal(seg.literal)
		if seg.class == nil {
			continue
		}
		b.WriteString(classExpression(seg.class) + "{" + strconv.Itoa(seg.min))
		if seg.max > seg.min {
			b.WriteString("," + strconv.Itoa(seg.max))
		}
		b.WriteByte('}')
	}
	if s.star {
		b.WriteString(`[\s\S]*`)
		literal(s.suffix)
	}
	return b.String()
}

// classExpression returns a class of characters, with the ends of its runs alone.
func classExpression(class *[256]bool) string {
	var b strings.Builder
	end := func(c int) {
		if c == '-' {
			b.WriteByte('\\')
		}
		b.WriteByte(byte(c))
	}
	b.WriteByte('[')
	for from := 0; from < len(class); from++ {
		if !class[from] {
			continue
		}
		to := from
		for to+1 < len(class) && class[to+1] {
			to++
		}
		end(from)
		if to > from {
			b.WriteByte('-')
			end(to)
		}
		from = to
	}
	b.WriteByte(']')
	return b.String()
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
	"star":   class(func(c byte) bool { return c == '*' }),
}

func class(contains func(byte) bool) *[256]bool {
	var set [256]bool
	for c := range set {
		set[c] = contains(byte(c))
	}
	return &set
}
