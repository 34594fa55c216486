package rewrite

// iso2022jp follows the escape sequences of a page in ISO-2022-JP, so that such a
// page can be scanned and passed on as it is: forms of a page in another encoding
// would submit other bytes than the application expects.
//
// It is the decoder of the Encoding Standard (https://encoding.spec.whatwg.org/,
// section 12.2.1), but for the characters themselves. The zero value is ready for
// the start of a page.
type iso2022jp struct {
	set    jisSet
	trail  bool // behind the first byte of a character of two
	silent bool // nothing was shown since the last escape sequence

	first  jisSet     // the set at the start of what mask was given
	shifts []jisShift // the escape sequences in it
}

// jisSet is the character set that bytes are taken from.
type jisSet uint8

const (
	jisASCII    jisSet = iota
	jisRoman           // ASCII but for the backslash and the tilde
	jisKatakana        // one byte each
	jisKanji           // two bytes each
)

// jisShift is an escape sequence.
type jisShift struct {
	start  int // its position in what mask was given
	set    jisSet
	silent bool // whether it stands for nothing; else for U+FFFD
}

const (
	jisEscape = 0x1b
	jisLength = 3 // of an escape sequence, in bytes

	// jisOther stands in a mask for all that is no ASCII character.
	jisOther = 0x80
)

// mask appends to dst what a scanner has to see in place of p: the bytes that
// stand for the ASCII character that they look like, and jisOther for the others.
// It leaves out an escape sequence, or what may become one, at the end of p unless
// p is the last: the mask is then up to three bytes shorter than p, and the rest of
// p has to come again before what follows it.
//
// The scanner must not see the bytes of d.gaps at all: "<", an escape sequence and
// "p" are a tag to a browser.
func (d *iso2022jp) mask(dst, p []byte, last bool) []byte {
	d.first, d.shifts = d.set, d.shifts[:0]
	for i := 0; i < len(p); {
		c := p[i]
		if c != jisEscape {
			dst = append(dst, d.byte(c))
			i++
			continue
		}
		set, whole, broken := escapeSequence(p[i:])
		if !broken && !last && len(p)-i <= jisLength {
			return dst
		}
		inCharacter := d.trail
		d.trail = false
		if !whole {
			d.silent = false
			dst = append(dst, jisOther)
			i++
			continue
		}
		d.shifts = append(d.shifts, jisShift{start: i, set: set, silent: !d.silent && !inCharacter})
		d.set, d.silent = set, true
		dst = append(dst, jisOther, jisOther, jisOther)
		i += jisLength
	}
	return dst
}

// byte returns the mask of a byte that is in no escape sequence.
func (d *iso2022jp) byte(c byte) byte {
	d.silent = false
	switch d.set {
	case jisASCII:
		if c < 0x80 && c != 0x0e && c != 0x0f {
			return c
		}
	case jisRoman:
		if c < 0x80 && c != 0x0e && c != 0x0f && c != '\\' && c != '~' {
			return c
		}
	case jisKatakana:
	case jisKanji:
		d.trail = !d.trail && 0x21 <= c && c <= 0x7e
	}
	return jisOther
}

// escapeSequence looks at bytes that begin with jisEscape. What is neither whole
// nor broken may become an escape sequence.
func escapeSequence(p []byte) (set jisSet, whole, broken bool) {
	if len(p) == 1 {
		return 0, false, false
	}
	if p[1] != '(' && p[1] != '$' {
		return 0, false, true
	}
	if len(p) == 2 {
		return 0, false, false
	}
	switch {
	case p[1] == '(' && p[2] == 'B':
		return jisASCII, true, false
	case p[1] == '(' && p[2] == 'J':
		return jisRoman, true, false
	case p[1] == '(' && p[2] == 'I':
		return jisKatakana, true, false
	case p[1] == '$' && (p[2] == '@' || p[2] == 'B'):
		return jisKanji, true, false
	default:
		return 0, false, true
	}
}

// gap returns the first position from i on at which bytes begin that stand for
// nothing, jisLength of them, and whether there is one.
func (d *iso2022jp) gap(i int) (int, bool) {
	for _, s := range d.shifts {
		if s.silent && s.start >= i {
			return s.start, true
		}
	}
	return 0, false
}

// place returns where ASCII text goes that is to stand before p[at], p being what
// mask was given: at, or the start of an escape sequence right before it, which
// would show as U+FFFD if another followed. before and after are what has to
// surround the text so that it and what follows are read as they are meant.
func (d *iso2022jp) place(at int) (moved int, before, after string) {
	set := d.first
	for _, s := range d.shifts {
		if s.start >= at {
			break
		}
		if s.silent && s.start+jisLength == at {
			return s.start, set.leave(), ""
		}
		set = s.set
	}
	return at, set.leave(), set.enter()
}

// leave returns what leads from the set to ASCII.
func (s jisSet) leave() string {
	if s == jisASCII {
		return ""
	}
	return "\x1b(B"
}

// enter returns what leads from ASCII to the set.
func (s jisSet) enter() string {
	return [...]string{"", "\x1b(J", "\x1b(I", "\x1b$B"}[s]
}
