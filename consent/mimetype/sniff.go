package mimetype

import "bytes"

// sniffLength is how much of a body browsers look at, white space included.
const sniffLength = 512

// pageStarts are the starts of bodies of unknown type that are a page to Chromium,
// in lower case. Unlike the standard, and [net/http.DetectContentType], it does not
// ask for the end of the tag's name: "<article" begins with "<a", "<pre" with "<p".
var pageStarts = []string{
	"<!doctype html", "<!--", "<html", "<head", "<title", "<style", "<script", "<iframe",
	"<h1", "<div", "<font", "<table", "<a", "<b", "<p",
}

const xmlStart = "<?xml"

// Sniff returns the type of a body of unknown type: [HTML], [XML], or "" for all
// others. p is as much of its start as there is and last whether that is all;
// decided is false while more bytes could make a difference.
func Sniff(p []byte, last bool) (essence string, decided bool) {
	if len(p) >= sniffLength {
		p, last = p[:sniffLength], true
	}
	p = bytes.TrimLeft(p, " \t\n\v\f\r")
	if len(p) == 0 {
		return "", last
	}
	decided = true
	for _, start := range pageStarts {
		switch matchStart(p, start) {
		case matches:
			return HTML, true
		case mayMatch:
			decided = last
		case matchesNot:
		}
	}
	if len(p) >= len(xmlStart) || last {
		if bytes.HasPrefix(p, []byte(xmlStart)) {
			return XML, true
		}
	} else if bytes.HasPrefix([]byte(xmlStart), p) {
		decided = false
	}
	return "", decided
}

type match uint8

const (
	matchesNot match = iota
	mayMatch         // what is there of p matches
	matches
)

// matchStart compares the start of p, in whatever case, to a text in lower case.
func matchStart(p []byte, start string) match {
	for i := range min(len(p), len(start)) {
		c := p[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != start[i] {
			return matchesNot
		}
	}
	if len(p) < len(start) {
		return mayMatch
	}
	return matches
}

// longestGap is the white space inside the start of JSON that is looked past.
const longestGap = 256

// SniffJSON reports whether a body begins as a JSON object, an array of texts,
// objects or arrays, or an empty one. p is its start, behind all white space.
func SniffJSON(p []byte, last bool) (isJSON, decided bool) {
	if len(p) == 0 {
		return false, last
	}
	var next string
	switch p[0] {
	case '{':
		next = `"}`
	case '[':
		next = `{["]`
	default:
		return false, true
	}
	rest := bytes.TrimLeft(p[1:], " \t\n\r")
	if len(rest) == 0 {
		return false, last || len(p) > longestGap
	}
	return bytes.IndexByte([]byte(next), rest[0]) >= 0, true
}
