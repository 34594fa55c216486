package banner

import (
	"html/template"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// A fragment is markup that was rendered beforehand, all but what differs from
// request to request.
type fragment struct {
	pieces []piece
	length int // of all pieces
	slots  int
}

// A piece is a run of constant text and what follows it.
type piece struct {
	text     string
	slot     slot
	category string // of slotChecked
}

type slot uint8

const (
	slotNone        slot = iota
	slotOrigin           // the origin, where a page leads elsewhere, in a quoted attribute value
	slotReturnTo         // the address to return to, in a quoted attribute value
	slotReturnQuery      // the same, in the query of an address in a quoted attribute value
	slotChecked          // the checked attribute of a category that is on
	slotStyleNonce       // the nonce attribute of a style sheet
)

// append appends the fragment as it is for one request.
func (f *fragment) append(dst []byte, at Place, d *consent.Decision) []byte {
	const longestEscape, longestAttribute = len("&#34;"), len(` nonce=""`)
	dst = slices.Grow(dst, f.length+f.slots*(longestEscape*max(len(at.ReturnTo), len(at.Origin), len(at.StyleNonce))+longestAttribute))
	for i := range f.pieces {
		p := &f.pieces[i]
		dst = append(dst, p.text...)
		switch p.slot {
		case slotOrigin:
			dst = appendAttribute(dst, at.Origin)
		case slotReturnTo:
			dst = appendAttribute(dst, at.ReturnTo)
		case slotReturnQuery:
			dst = appendQuery(dst, at.ReturnTo)
		case slotChecked:
			if d.Category(p.category) == consent.Granted {
				dst = append(dst, "checked"...)
			}
		case slotStyleNonce:
			if at.StyleNonce != "" {
				dst = append(dst, ` nonce="`...)
				dst = appendAttribute(dst, at.StyleNonce)
				dst = append(dst, '"')
			}
		case slotNone:
		}
	}
	return dst
}

// A fragmentWriter receives the output of a template and cuts it into pieces
// wherever the template asks for a slot: templates write as they run, so that
// what was written before a slot's method was called is what stands before it.
type fragmentWriter struct {
	fragment
	text strings.Builder
}

// Write implements [io.Writer].
func (w *fragmentWriter) Write(p []byte) (int, error) { return w.text.Write(p) }

func (w *fragmentWriter) cut(s slot, category string) {
	text := ascii(w.text.String())
	w.text.Reset()
	w.pieces = append(w.pieces, piece{text, s, category})
	w.length += len(text)
	w.slots++
}

// Origin, ReturnTo, ReturnQuery, Checked and StyleNonce stand in a template where the
// slots are.

func (w *fragmentWriter) Origin() string {
	w.cut(slotOrigin, "")
	return ""
}

func (w *fragmentWriter) ReturnTo() string {
	w.cut(slotReturnTo, "")
	return ""
}

func (w *fragmentWriter) ReturnQuery() string {
	w.cut(slotReturnQuery, "")
	return ""
}

func (w *fragmentWriter) Checked(category string) template.HTMLAttr {
	w.cut(slotChecked, category)
	return ""
}

func (w *fragmentWriter) StyleNonce() template.HTMLAttr {
	w.cut(slotStyleNonce, "")
	return ""
}

// ascii replaces every character beyond ASCII by a numeric character
// reference, so that the text is right in every encoding that a page may have
// and that agrees with ASCII, and every control character by a space: ESC would
// switch a page in ISO-2022-JP to another set of characters.
func ascii(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		switch {
		case unicode.IsControl(r):
			b.WriteByte(' ')
		case r < utf8.RuneSelf:
			b.WriteByte(byte(r))
		default:
			b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
		}
	}
	return b.String()
}

const hexDigits = "0123456789ABCDEF"

// appendAttribute appends an address for a quoted attribute value. Bytes that
// no address holds are percent-encoded, which is what a browser makes of them.
func appendAttribute(dst []byte, address string) []byte {
	for i := range len(address) {
		switch c := address[i]; {
		case c <= ' ' || c >= 0x7F:
			dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
		case c == '"' || c == '\'' || c == '&' || c == '<' || c == '>':
			dst = append(dst, '&', '#')
			dst = strconv.AppendUint(dst, uint64(c), 10)
			dst = append(dst, ';')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// appendQuery appends an address as a value in a query (RFC 3986, section
// 3.4): everything but unreserved characters and the slash is percent-encoded.
func appendQuery(dst []byte, address string) []byte {
	for i := range len(address) {
		c := address[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return dst
}
