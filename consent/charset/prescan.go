package charset

import (
	"bytes"
	"strings"
)

// prescanLength is how much of a page browsers look at for a declaration before
// they show anything.
const prescanLength = 1024

// prescan is "prescan a byte stream to determine its encoding" of the HTML
// Standard, section 13.2.3.3, on the start of a page, but for the declaration of
// XML. It returns Undeclared if there is no declaration.
func prescan(p []byte) Encoding {
	s := prescanner{p: p[:min(len(p), prescanLength)]}
	for s.at < len(s.p) {
		rest := s.p[s.at:]
		switch {
		case bytes.HasPrefix(rest, []byte("<!--")):
			// The two dashes may be those that end it: "<!-->".
			end := bytes.Index(rest[2:], []byte("-->"))
			if end < 0 {
				return Undeclared
			}
			s.at += 2 + end + len("-->")
		case hasMetaStart(rest):
			s.at += len("<meta")
			if e := s.meta(); e != Undeclared {
				return e
			}
		case len(rest) > 1 && rest[0] == '<' && isLetter(rest[1]),
			len(rest) > 2 && rest[0] == '<' && rest[1] == '/' && isLetter(rest[2]):
			end := bytes.IndexAny(rest, "\t\n\f\r >")
			if end < 0 {
				return Undeclared
			}
			s.at += end
			for {
				if _, _, ok := s.attribute(); !ok {
					break
				}
			}
			s.at++
		case len(rest) > 1 && rest[0] == '<' && (rest[1] == '!' || rest[1] == '/' || rest[1] == '?'):
			end := bytes.IndexByte(rest, '>')
			if end < 0 {
				return Undeclared
			}
			s.at += end + 1
		default:
			next := bytes.IndexByte(rest[1:], '<')
			if next < 0 {
				return Undeclared
			}
			s.at += 1 + next
		}
	}
	return Undeclared
}

func hasMetaStart(p []byte) bool {
	const start = "<meta"
	return len(p) > len(start) && strings.EqualFold(string(p[:len(start)]), start) && (isSpace(p[len(start)]) || p[len(start)] == '/')
}

// prescanner reads attributes as the prescan does, which knows nothing of
// character references.
type prescanner struct {
	p  []byte
	at int
}

// meta reads the attributes of a <meta> tag and returns what they declare.
func (s *prescanner) meta() Encoding {
	seen := make(map[string]bool)
	declared, hasCharset := Undeclared, false
	pragma, fromContent := false, false
	for {
		name, value, ok := s.attribute()
		if !ok {
			break
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		switch name {
		case "http-equiv":
			pragma = pragma || value == "content-type"
		case "content":
			if label, found := labelIn(value); found && !hasCharset {
				if e := Lookup(label); e != Undeclared {
					declared, hasCharset, fromContent = e, true, true
				}
			}
		case "charset":
			declared, hasCharset, fromContent = Lookup(value), true, false
		}
	}
	s.at++
	if fromContent && !pragma {
		return Undeclared
	}
	return declared.inMarkup()
}

// attribute is "get an attribute": it returns name and value in lower case, or
// false at the end of the tag.
func (s *prescanner) attribute() (name, value string, ok bool) {
	s.skip(func(c byte) bool { return isSpace(c) || c == '/' })
	if s.at >= len(s.p) || s.p[s.at] == '>' {
		return "", "", false
	}
	start := s.at
	s.skip(func(c byte) bool {
		return !isSpace(c) && c != '/' && c != '>' && (c != '=' || s.at == start)
	})
	name = strings.ToLower(string(s.p[start:s.at]))
	s.skip(isSpace)
	if s.at >= len(s.p) || s.p[s.at] != '=' {
		return name, "", true
	}
	s.at++
	s.skip(isSpace)
	if s.at >= len(s.p) {
		return name, "", true
	}
	start = s.at
	if quote := s.p[s.at]; quote == '"' || quote == '\'' {
		s.at++
		s.skip(func(c byte) bool { return c != quote })
		value = string(s.p[start+1 : s.at])
		s.at++
	} else {
		s.skip(func(c byte) bool { return !isSpace(c) && c != '>' })
		value = string(s.p[start:s.at])
	}
	return name, strings.ToLower(value), true
}

func (s *prescanner) skip(while func(c byte) bool) {
	for s.at < len(s.p) && while(s.p[s.at]) {
		s.at++
	}
}

// labelIn is the "algorithm for extracting a character encoding from a meta
// element", section 2.6.5, for the value of a content attribute.
func labelIn(content string) (label string, found bool) {
	const word = "charset"
	for rest := content; ; {
		i := indexFold(rest, word)
		if i < 0 {
			return "", false
		}
		rest = strings.TrimLeft(rest[i+len(word):], spaces)
		if !strings.HasPrefix(rest, "=") {
			continue
		}
		rest = strings.TrimLeft(rest[1:], spaces)
		if rest == "" {
			return "", false
		}
		if quote := rest[0]; quote == '"' || quote == '\'' {
			label, _, found = strings.Cut(rest[1:], rest[:1])
			return label, found
		}
		if end := strings.IndexAny(rest, spaces+";"); end >= 0 {
			rest = rest[:end]
		}
		return rest, true
	}
}

func indexFold(s, word string) int {
	for i := 0; i+len(word) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(word)], word) {
			return i
		}
	}
	return -1
}

// fromXML is "get an XML encoding", section 13.2.3.4: what the XML declaration at
// the start of a page says.
func fromXML(p []byte) Encoding {
	p = p[:min(len(p), prescanLength)]
	if !bytes.HasPrefix(p, []byte("<?xml")) {
		return Undeclared
	}
	end := bytes.IndexByte(p, '>')
	if end < 0 {
		return Undeclared
	}
	_, rest, found := bytes.Cut(p[:end], []byte("encoding"))
	isBlank := func(r rune) bool { return r <= ' ' }
	rest = bytes.TrimLeftFunc(rest, isBlank)
	if !found || len(rest) == 0 || rest[0] != '=' {
		return Undeclared
	}
	rest = bytes.TrimLeftFunc(rest[1:], isBlank)
	if len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
		return Undeclared
	}
	label, _, found := bytes.Cut(rest[1:], rest[:1])
	if !found || bytes.IndexFunc(label, isBlank) >= 0 {
		return Undeclared
	}
	return Lookup(string(label)).inMarkup()
}

const spaces = "\t\n\f\r "

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
