package weburl

import (
	"iter"
	"strings"
)

// Refresh goes through the URLs that browsers may read out of the content of
// <meta http-equiv=refresh> or of a Refresh header: none where it names no URL, and
// two where browsers differ about the quotation mark that ends it. White space of
// every kind is off their ends, as in Chromium. Whether the time before is one is not
// looked at.
func Refresh(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		s = strings.TrimLeft(s, spaces)
		i := strings.IndexAny(s, ";,"+spaces)
		if i < 0 {
			return
		}
		s = strings.TrimLeft(s[i:], spaces)
		if s != "" && (s[0] == ';' || s[0] == ',') {
			s = s[1:]
		}
		s = afterURLWord(strings.TrimLeft(s, spaces))
		if s == "" {
			return
		}
		quote := s[0]
		if quote != '"' && quote != '\'' {
			yield(strings.TrimSpace(s))
			return
		}
		s = s[1:]
		first, last := strings.IndexByte(s, quote), strings.LastIndexByte(s, quote)
		if first < 0 {
			yield(strings.TrimSpace(s))
			return
		}
		// The standard says the first, Chromium takes the last.
		if yield(strings.TrimSpace(s[:first])) && last != first {
			yield(strings.TrimSpace(s[:last]))
		}
	}
}

const spaces = " \t\n\f\r"

// afterURLWord returns what stands behind "url=", or all where that is missing.
func afterURLWord(s string) string {
	if !hasPrefixFold(s, "url") {
		return s
	}
	if rest, ok := strings.CutPrefix(strings.TrimLeft(s[3:], spaces), "="); ok {
		return strings.TrimLeft(rest, spaces)
	}
	return s
}
