package rewrite

import (
	"bytes"
	"html"
	"unicode/utf8"
)

// appendDecoded appends the value of an attribute with its character references
// decoded (section 13.2.5.72 and following of the HTML standard).
func appendDecoded(b, value []byte) []byte {
	for {
		i := bytes.IndexByte(value, '&')
		if i < 0 {
			return append(b, value...)
		}
		b = append(b, value[:i]...)
		value = value[i:]
		var n int
		switch {
		case bytes.HasPrefix(value, ampersand): // as most are
			b, n = append(b, '&'), len(ampersand)
		case len(value) > 1 && value[1] == '#':
			b, n = appendNumericReference(b, value)
		default:
			b, n = appendNamedReference(b, value)
		}
		value = value[n:]
	}
}

var ampersand = []byte("&amp;")

// appendNumericReference appends the character of the reference that s begins
// with, and returns the length of the reference; if it is none, that is "&".
func appendNumericReference(b, s []byte) ([]byte, int) {
	i, base := 2, uint32(10)
	if i < len(s) && s[i]|0x20 == 'x' {
		i, base = 3, 16
	}
	first, code := i, uint32(0)
	for ; i < len(s); i++ {
		digit, ok := hexDigit(s[i])
		if !ok || digit >= base {
			break
		}
		code = min(code*base+digit, utf8.MaxRune+1)
	}
	switch {
	case i == first:
		return append(b, '&'), 1
	case 0x80 <= code && code <= 0x9f:
		b = append(b, html.UnescapeString("&#"+string(rune('0'+code/100))+string(rune('0'+code/10%10))+string(rune('0'+code%10))+";")...)
	case code == 0 || !utf8.ValidRune(rune(code)):
		b = utf8.AppendRune(b, utf8.RuneError)
	default:
		b = utf8.AppendRune(b, rune(code))
	}
	if i < len(s) && s[i] == ';' {
		i++
	}
	return b, i
}

// appendNamedReference does the same for a named reference.
func appendNamedReference(b, s []byte) ([]byte, int) {
	i := 1
	for i < len(s) && (isLetter(s[i]) || '0' <= s[i] && s[i] <= '9') {
		i++
	}
	closed := i < len(s) && s[i] == ';'
	if closed {
		i++
	} else if i < len(s) && s[i] == '=' {
		return append(b, '&'), 1
	}
	// What stands for the reference in text does so in an attribute too unless
	// it stands for a part of it only.
	decoded := html.UnescapeString(string(s[:i]))
	whole := decoded[0] != '&' || decoded == "&" && i > 1
	if closed {
		whole = whole && (decoded[len(decoded)-1] != ';' || decoded == ";")
	} else {
		whole = whole && utf8.RuneCountInString(decoded) == 1
	}
	if !whole {
		return append(b, '&'), 1
	}
	return append(b, decoded...), i
}

func hexDigit(c byte) (uint32, bool) {
	switch {
	case '0' <= c && c <= '9':
		return uint32(c - '0'), true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return uint32(c|0x20-'a') + 10, true
	}
	return 0, false
}
