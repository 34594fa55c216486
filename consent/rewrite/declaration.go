package rewrite

import "bytes"

// nextDeclaration is next inside a comment, DOCTYPE or CDATA section: between
// "<!", "<?" or "</" and ">".
func (s *scanner) nextDeclaration(p []byte, i int) (event, int) {
	for i < len(p) {
		c := p[i]
		switch s.state {
		case markupDeclaration:
			s.matched = 1
			switch {
			case c == '-':
				s.state = declarationDash
				i++
			case c == 'd' || c == 'D':
				s.state = declarationDoctype
				i++
			case c == '[' && s.cdataAllowed:
				s.state = declarationCDATA
				i++
			default:
				s.state = bogusComment
				s.bracketed = c == '['
			}
		case declarationDash:
			s.state = bogusComment
			if c == '-' {
				s.state = commentStart
				i++
			}
		case declarationDoctype, declarationCDATA:
			word, then := "doctype", doctypeState
			if s.state == declarationCDATA {
				word, then = "[CDATA[", cdataState
			}
			if c != word[s.matched] && (then == cdataState || lower[c] != word[s.matched]) {
				s.state = bogusComment
				continue
			}
			i++
			if s.matched++; s.matched == len(word) {
				s.state = then
			}
		case bogusComment, doctypeState:
			j := bytes.IndexByte(p[i:], '>')
			if j < 0 {
				return more, len(p)
			}
			ev := comment
			if s.state == doctypeState {
				ev = doctype
			}
			s.state = dataState
			return ev, i + j + 1

		case commentStart, commentStartDash:
			switch c {
			case '-':
				if s.state == commentStart {
					s.state = commentStartDash
				} else {
					s.state = commentEnd
				}
				i++
			case '>':
				s.state = dataState
				return comment, i + 1
			default:
				s.state = commentState
			}
		case commentState:
			j := bytes.IndexByte(p[i:], '-')
			if j < 0 {
				return more, len(p)
			}
			s.state = commentEndDash
			i += j + 1
		case commentEndDash:
			s.state = commentState
			if c == '-' {
				s.state = commentEnd
				i++
			}
		case commentEnd:
			switch c {
			case '>':
				s.state = dataState
				return comment, i + 1
			case '-':
				i++
			case '!':
				s.state = commentEndBang
				i++
			default:
				s.state = commentState
			}
		case commentEndBang:
			switch c {
			case '>':
				s.state = dataState
				return comment, i + 1
			case '-':
				s.state = commentEndDash
				i++
			default:
				s.state = commentState
			}

		case cdataState:
			j := bytes.IndexByte(p[i:], ']')
			if j < 0 {
				return more, len(p)
			}
			s.state = cdataBracket
			i += j + 1
		case cdataBracket:
			s.state = cdataState
			if c == ']' {
				s.state = cdataEnd
				i++
			}
		case cdataEnd:
			switch c {
			case '>':
				s.state = dataState
				return cdata, i + 1
			case ']':
				i++
			default:
				s.state = cdataState
			}
		default:
			return more, i
		}
	}
	return more, i
}
