package charset

import (
	"bytes"
	"strings"
)

// Detector finds out the encoding of one page while it streams by, and holds back
// no byte that is the same whatever the encoding.
//
// Nearly every page needs a look at its first byte. Only where nothing is declared
// before the page begins, and then only from an escape sequence of ISO-2022-JP on,
// may it take the declarations in the page to know what follows.
type Detector struct {
	// Lookahead is given the start of a page that can't be read on before its
	// declarations are known, and has to call [Detector.Meta] for every <meta> tag
	// in it. Without it, such a page is Doubtful.
	Lookahead func(start []byte)

	declared Encoding // by the header
	encoding Encoding // what is certain
	begun    bool     // the first bytes were looked at
	meta     Encoding // the first declaration that a tokenizer found

	head []byte // of a page of which nothing is declared: the start, as far as it was passed
}

// Reset makes d ready for a page with that charset in its Content-Type, "" if
// there is none. It keeps the memory.
func (d *Detector) Reset(label string) {
	*d = Detector{Lookahead: d.Lookahead, declared: Lookup(label), head: d.head[:0]}
}

// mark is a start of a page that says how it is encoded.
type mark struct {
	bytes    string
	encoding Encoding
	beats    bool // the header too
}

var marks = []mark{
	{"\xef\xbb\xbf", ASCIICompatible, true},
	{"\xfe\xff", UTF16BE, true},
	{"\xff\xfe", UTF16LE, true},
	{"<\x00?\x00x\x00", UTF16LE, false},
	{"\x00<\x00?\x00x", UTF16BE, false},
}

// Next returns how the next n bytes of p are to be read. p is what follows the
// bytes that earlier calls returned, as far as it is there, and last whether it is
// the rest of the page. While n is less than len(p), Next has to be called again
// with the rest: if n is 0, with more of the page. Once anything but
// ASCIICompatible was returned, all that follows is to be read in the same way.
func (d *Detector) Next(p []byte, last bool) (e Encoding, n int) {
	if !d.begun {
		if !d.begin(p, last) {
			return ASCIICompatible, 0
		}
		d.begun = true
	}
	if d.encoding != Undeclared {
		return d.encoding, len(p)
	}
	at := findEscape(p, last)
	if at > 0 || len(p) == 0 {
		d.pass(p[:at])
		return ASCIICompatible, at
	}
	if _, whole := isEscape(p); !whole || len(d.head)+len(p) < prescanLength && !last {
		return ASCIICompatible, 0
	}
	d.decide(p)
	return d.encoding, len(p)
}

// begin looks at the first bytes and reports whether there are enough of them.
func (d *Detector) begin(p []byte, last bool) bool {
	for _, m := range marks {
		if !m.beats && d.declared != Undeclared {
			continue
		}
		if strings.HasPrefix(string(p[:min(len(p), len(m.bytes))]), m.bytes) {
			d.encoding = m.encoding
			return true
		}
		if !last && strings.HasPrefix(m.bytes, string(p[:min(len(p), len(m.bytes))])) {
			return false
		}
	}
	d.encoding = d.declared
	return true
}

// pass notes bytes that are the same in every encoding that is possible.
func (d *Detector) pass(p []byte) {
	if n := min(len(p), prescanLength-len(d.head)); n > 0 {
		d.head = append(d.head, p[:n]...)
	}
	d.settle()
}

// Meta reports a <meta> tag that a tokenizer met in the page, outside the body if
// not in the first 1024 bytes, with the values of its attributes, "" for one that
// is missing. It has to be called before Next is given what follows the tag.
func (d *Detector) Meta(httpEquiv, content, charset string) {
	if d.meta != Undeclared {
		return
	}
	if charset == "" && strings.EqualFold(httpEquiv, "content-type") {
		charset, _ = labelIn(content)
	}
	d.meta = Lookup(charset).inMarkup()
	d.settle()
}

// settle spares looking for escape sequences once they mean nothing in any browser.
func (d *Detector) settle() {
	if d.begun && d.encoding == Undeclared && d.meta != Undeclared && d.meta != ISO2022JP &&
		len(d.head) >= prescanLength && prescan(d.head) == d.meta {
		d.encoding = ASCIICompatible
	}
}

// decide finds the encoding of a page that goes on, behind what was passed, with
// an escape sequence.
//
// Browsers look for declarations in different ways: the standard, at bytes, within
// the first 1024; Chromium, at tags, as long as the head lasts. Where one finds
// what the other does not, the page is Doubtful; a declaration that comes later
// than the prescan reaches is found by tags alone. Where nothing is declared,
// Chromium 156 reads escape sequences as text, but Firefox guesses ISO-2022-JP.
func (d *Detector) decide(p []byte) {
	start := d.head
	if n := prescanLength - len(d.head); n > 0 {
		start = append(start, p[:min(n, len(p))]...)
		if d.Lookahead != nil && d.meta == Undeclared {
			d.Lookahead(start)
		}
	}
	byBytes, byTags := prescan(start), d.meta
	switch {
	case byBytes == Undeclared && byTags == Undeclared:
		byTags = fromXML(start)
	case byBytes == Undeclared:
	case byBytes != byTags:
		byTags = Undeclared
	}
	switch byTags {
	case Undeclared:
		d.encoding = Doubtful
	case ISO2022JP:
		d.encoding = ISO2022JP
	default:
		d.encoding = ASCIICompatible
	}
}

// findEscape returns the position of the first escape sequence of ISO-2022-JP in p,
// or of what may become one at the end of p, or else the length of p.
func findEscape(p []byte, last bool) int {
	for i := 0; ; i++ {
		next := bytes.IndexByte(p[i:], 0x1b)
		if next < 0 {
			return len(p)
		}
		i += next
		if possible, whole := isEscape(p[i:]); whole || possible && !last {
			return i
		}
	}
}

// isEscape reports whether p may begin with an escape sequence, and whether it does.
func isEscape(p []byte) (possible, whole bool) {
	for _, sequence := range []string{"\x1b(B", "\x1b(J", "\x1b(I", "\x1b$@", "\x1b$B"} {
		start := string(p[:min(len(p), len(sequence))])
		possible = possible || strings.HasPrefix(sequence, start)
		whole = whole || start == sequence
	}
	return possible, whole
}
