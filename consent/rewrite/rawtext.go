package rewrite

// enterRaw makes what follows the content of a RCDATA, RAWTEXT, script or
// plaintext element.
func (s *scanner) enterRaw(t tag) {
	s.raw = t
	s.state = rawState
	if t == tagPlaintext {
		s.state = plaintextState
	}
}

// nextRaw is next inside the content of such an element.
func (s *scanner) nextRaw(p []byte, i int) (event, int) {
	for i < len(p) {
		c := p[i]
		switch s.state {
		case rawState:
			if ev, j := s.untilLess(p, i); ev != more {
				return ev, j
			}
			i++
		case plaintextState:
			s.start = s.offset + int64(i)
			return text, len(p)
		case rawLess, escapedLess:
			switch {
			case c == '/':
				s.state++ // rawEndOpen or escapedEndOpen
				i++
			case s.raw == tagScript && s.state == rawLess && c == '!':
				s.state = scriptEscapeStart
				i++
			case s.state == escapedLess && isLetter(c):
				s.matched = 0
				s.state = doubleEscapeStart
			default:
				return s.backToRaw(), i
			}
		case rawEndOpen, escapedEndOpen:
			if !isLetter(c) {
				return s.backToRaw(), i
			}
			s.matched = 0
			s.state++ // rawEndName or escapedEndName
		case rawEndName, escapedEndName:
			word := tags[s.raw].name
			switch {
			case s.matched < len(word) && lower[c] == word[s.matched]:
				s.matched++
				i++
			case s.matched == len(word) && class[c]&endsTagName != 0:
				s.startName(true)
				s.endsRaw = true
				s.name = tags[s.raw].id
				s.state = beforeAttrName
				return endTag, i
			default:
				return s.backToRaw(), i
			}
		case scriptEscapeStart, scriptEscapeStartDash:
			if c != '-' {
				return s.backToRaw(), i
			}
			if s.state == scriptEscapeStart {
				s.state = scriptEscapeStartDash
				i++
				continue
			}
			s.state = escapedDashDash
			return text, i + 1
		case escapedState, doubleEscapedState:
			j := i
			for j < len(p) && p[j] != '<' && p[j] != '-' {
				j++
			}
			if j > i {
				s.start = s.offset + int64(i)
				return text, j
			}
			s.start = s.offset + int64(i)
			s.escaped(c)
			i++
			if c == '-' {
				return text, i
			}
		case escapedDash, escapedDashDash, doubleEscapedDash, doubleEscapedDashDash:
			s.start = s.offset + int64(i)
			s.escaped(c)
			i++
			if c != '<' {
				return text, i
			}
		case doubleEscapedLess:
			s.state = doubleEscapedState
			if c == '/' {
				s.matched = 0
				s.state = doubleEscapeEnd
				i++
			}
			return text, i
		case doubleEscapeStart, doubleEscapeEnd:
			inside, outside := doubleEscapedState, escapedState
			if s.state == doubleEscapeEnd {
				inside, outside = outside, inside
			}
			const word = "script"
			switch {
			case class[c]&endsTagName != 0:
				i++
				s.state = outside
				if s.matched == len(word) {
					s.state = inside
				}
				return text, i
			case !isLetter(c):
				s.state = outside
				return text, i
			case s.matched < len(word) && lower[c] == word[s.matched]:
				s.matched++
			default:
				s.matched = len(word) + 1
			}
			i++
		default:
			return more, i
		}
	}
	return more, i
}

// backToRaw goes on with the raw text in which something began that looked like
// an end tag and was none; it is text.
func (s *scanner) backToRaw() event {
	if s.state >= escapedState {
		s.state = escapedState
	} else {
		s.state = rawState
	}
	return text
}

// escaped moves between the states of escaped script data, doubly escaped or not.
func (s *scanner) escaped(c byte) {
	escaped, dash, dashDash, less := escapedState, escapedDash, escapedDashDash, escapedLess
	if s.state >= doubleEscapedState {
		escaped, dash, dashDash, less = doubleEscapedState, doubleEscapedDash, doubleEscapedDashDash, doubleEscapedLess
	}
	switch {
	case c == '<':
		s.state = less
	case c == '-' && s.state == escaped:
		s.state = dash
	case c == '-':
		s.state = dashDash
	case c == '>' && s.state == dashDash:
		s.state = rawState
	default:
		s.state = escaped
	}
}
