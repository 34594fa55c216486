// Package mimetype tells what browsers take a response for: by its Content-Type
// lines, by its Content-Disposition, and by the first bytes of its body where the
// header does not say.
//
// It follows the Fetch Standard (https://fetch.spec.whatwg.org/, section 2.2.2,
// "extract a MIME type") and the MIME Sniffing Standard
// (https://mimesniff.spec.whatwg.org/, section 7.1). Where Chromium differs from
// them, it follows Chromium, as measured in version 156: what most visitors' browsers show as a
// page is a page.
package mimetype

import (
	"iter"
	"strings"
)

// The types that make a difference.
const (
	HTML  = "text/html"
	XHTML = "application/xhtml+xml"
	XML   = "text/xml"
)

// Type is what the header of a response says about its body.
type Type struct {
	// Essence is the type in lower case, such as "text/html"; "" if the header
	// says nothing that browsers go by, so that they look at the body.
	Essence string

	// Charset is the value of the charset parameter, as it is; "" if there is none.
	Charset string
}

// FromHeader returns the type that the lines of Content-Type make together. The
// last one that is a type counts; a charset before it stays in force where the
// type is the same.
func FromHeader(lines []string) Type {
	var t Type
	for value := range split(join(lines), ',') {
		essence := value
		if end := strings.IndexAny(value, " \t;("); end >= 0 {
			essence = value[:end]
		}
		if value == "*/*" || strings.IndexByte(essence, '/') < 0 {
			continue
		}
		essence = strings.ToLower(essence)
		if charset := charsetOf(value); charset != "" || essence != t.Essence {
			t.Charset = charset
		}
		t.Essence = essence
	}
	switch t.Essence {
	case "unknown/unknown", "application/unknown", "*/*":
		t.Essence = ""
	}
	return t
}

// join makes one value of the lines of a list (RFC 9110, section 5.3).
func join(lines []string) string {
	if len(lines) == 1 {
		return lines[0]
	}
	return strings.Join(lines, ", ")
}

// charsetOf returns the first charset parameter of a type that is not empty.
func charsetOf(value string) string {
	name := true // the type comes first
	for parameter := range split(value, ';') {
		key, text, _ := strings.Cut(parameter, "=")
		if !name && strings.EqualFold(key, "charset") {
			if text = unquote(strings.Trim(text, " \t")); text != "" {
				return text
			}
		}
		name = false
	}
	return ""
}

// unquote returns what a quoted string means. The closing quotation mark may be
// missing.
func unquote(s string) string {
	if s == "" || s[0] != '"' {
		return s
	}
	s = s[1:]
	var b strings.Builder
	for i := 0; i < len(s) && s[i] != '"'; i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// split yields the parts of a header value that a byte separates, without the
// blanks around them. Inside a quoted string it separates nothing.
func split(s string, separator byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		quoted, from := false, 0
		for i := 0; i < len(s); i++ {
			switch {
			case s[i] == '"':
				quoted = !quoted
			case s[i] == '\\' && quoted:
				i++
			case s[i] == separator && !quoted:
				if !yield(strings.Trim(s[from:i], " \t")) {
					return
				}
				from = i + 1
			}
		}
		yield(strings.Trim(s[from:], " \t"))
	}
}

// IsAttachment reports whether the lines of Content-Disposition make browsers save
// a response (RFC 6266, section 4.2): every type but "inline" does. What is no type
// at all is ignored. Several different values are a mistake after which Chromium
// shows nothing, so that they count as an attachment too.
func IsAttachment(lines []string) bool {
	for _, line := range lines {
		disposition, _, _ := strings.Cut(line, ";")
		for value := range split(disposition, ',') {
			if isToken(value) && !strings.EqualFold(value, "inline") {
				return true
			}
		}
	}
	return false
}

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// Nosniff reports whether the lines of X-Content-Type-Options keep browsers from
// looking at the body: their first member does.
func Nosniff(lines []string) bool {
	if len(lines) == 0 {
		return false
	}
	first, _, _ := strings.Cut(lines[0], ",")
	return strings.EqualFold(strings.Trim(first, " \t"), "nosniff")
}
