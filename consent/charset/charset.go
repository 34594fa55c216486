// Package charset finds out how a page's bytes are to be read: by its byte order
// mark, the charset of its Content-Type, or what the page itself declares, in that
// order, as browsers do (HTML Standard, section 13.2.3).
//
// What a page means by its bytes from 0x80 on is of no concern here. In nearly every
// encoding of the web the bytes below always mean ASCII, so that a page can be read
// and added to without knowing which one it is. Only the others are told apart.
package charset

import (
	"io"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Encoding is how the bytes of a page are to be read.
type Encoding uint8

// The encodings.
const (
	// Undeclared is that of a page that nothing was said about, or nothing that
	// browsers understand. They guess, and take it for ASCIICompatible.
	Undeclared Encoding = iota

	// ASCIICompatible is every encoding in which the bytes below 0x80 mean ASCII
	// wherever markup is concerned: UTF-8 and all but a few of the others. The
	// second byte of a character in Shift_JIS, Big5 or GB18030 may lie below 0x80
	// too, but is never one of the signs of markup, and what else it is it could
	// only be in a name that is not one of HTML.
	ASCIICompatible

	// ISO2022JP switches between character sets by escape sequences.
	ISO2022JP

	// UTF16LE and UTF16BE have two bytes for each ASCII character.
	UTF16LE
	UTF16BE

	// Replacement is that of the charsets that browsers refuse to read: a page
	// becomes a single U+FFFD.
	Replacement

	// Doubtful is that of a page that browsers may read in different ways.
	Doubtful
)

// String returns the encoding in a word or two, for logs.
func (e Encoding) String() string {
	return [...]string{
		"undeclared", "ASCII-compatible", "ISO-2022-JP", "UTF-16LE", "UTF-16BE",
		"a charset that browsers do not read", "a charset that browsers have to guess",
	}[e]
}

// Lookup returns the encoding that a label of the Encoding Standard stands for
// (section 4.2), or Undeclared for any other word.
func Lookup(label string) Encoding {
	label = strings.Trim(label, "\t\n\f\r ")
	for i := range len(label) {
		if label[i] <= ' ' || label[i] >= 0x7f {
			return Undeclared
		}
	}
	found, err := htmlindex.Get(label)
	if err != nil {
		return Undeclared
	}
	switch found {
	case japanese.ISO2022JP:
		return ISO2022JP
	case utf16LE:
		return UTF16LE
	case utf16BE:
		return UTF16BE
	case encoding.Replacement:
		return Replacement
	default:
		return ASCIICompatible
	}
}

var (
	utf16LE = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	utf16BE = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
)

// inMarkup returns the encoding that a page has which declares e in its markup.
// That it can be read at all shows that it is not UTF-16: UTF-8 is meant.
func (e Encoding) inMarkup() Encoding {
	if e == UTF16LE || e == UTF16BE {
		return ASCIICompatible
	}
	return e
}

// Transcoder returns a writer that passes on in UTF-8 to dst what is written to it
// in UTF-16. What is no character becomes U+FFFD, as in browsers; Close is for an
// incomplete character at the end. It is nil for any other encoding.
func (e Encoding) Transcoder(dst io.Writer) io.WriteCloser {
	switch e {
	case UTF16LE:
		return transform.NewWriter(dst, utf16LE.NewDecoder())
	case UTF16BE:
		return transform.NewWriter(dst, utf16BE.NewDecoder())
	default:
		return nil
	}
}
