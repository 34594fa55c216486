package weburl

import "iter"

// Srcset goes through the URLs of the candidates of a srcset or imagesrcset
// attribute (section 4.8.4.3.10 of the HTML standard), those that a browser drops for
// their descriptors included.
func Srcset(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			for s != "" && (isSpace(s[0]) || s[0] == ',') {
				s = s[1:]
			}
			if s == "" {
				return
			}
			n := 0
			for n < len(s) && !isSpace(s[n]) {
				n++
			}
			url := s[:n]
			s = s[n:]
			if url[n-1] == ',' {
				for url[len(url)-1] == ',' {
					url = url[:len(url)-1]
				}
			} else {
				s = s[descriptors(s):]
			}
			if !yield(url) {
				return
			}
		}
	}
}

// descriptors returns the length of the descriptors of a candidate, up to the comma
// that ends it. A comma in parentheses does not, and these do not nest.
func descriptors(s string) int {
	inParens := false
	for i := range len(s) {
		switch s[i] {
		case '(':
			inParens = true
		case ')':
			inParens = false
		case ',':
			if !inParens {
				return i
			}
		}
	}
	return len(s)
}

// Spaced goes through the URLs of an attribute that holds several with white space
// between them, such as ping and attributionsrc.
func Spaced(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			for s != "" && isSpace(s[0]) {
				s = s[1:]
			}
			if s == "" {
				return
			}
			n := 0
			for n < len(s) && !isSpace(s[n]) {
				n++
			}
			if !yield(s[:n]) {
				return
			}
			s = s[n:]
		}
	}
}

// isSpace reports whether a byte is white space in HTML.
func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'
}
