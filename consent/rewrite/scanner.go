package rewrite

import "bytes"

// event is what [scanner.next] found. Every byte of the input belongs to exactly
// one event, which begins at scanner.start and ends where next says.
type event uint8

const (
	more      event = iota // the chunk is used up
	text                   // characters, possibly not the last of their run
	startTag               // < and the name of a start tag
	endTag                 // </ and the name of an end tag
	attribute              // the name of an attribute
	value                  // a part of the attribute's value, without quotes
	tagEnd                 // the > of a tag; scanner.selfClosing says whether / came right before it
	comment                // a whole comment, bogus ones and "</>" included
	doctype                // a whole DOCTYPE
	cdata                  // a whole CDATA section
)

// state is a state of the tokenizer of the HTML standard, section 13.2.5. States
// that differ only in parse errors, or in what they do to character references,
// are one.
type state uint8

const (
	dataState state = iota
	tagOpen
	endTagOpen
	tagName
	beforeAttrName
	attrName
	afterAttrName
	beforeValue
	valueDouble
	valueSingle
	valueUnquoted
	afterValue
	selfClosingTag
	markupDeclaration
	declarationDash
	declarationDoctype
	declarationCDATA
	bogusComment
	doctypeState
	commentStart
	commentStartDash
	commentState
	commentEndDash
	commentEnd
	commentEndBang
	cdataState
	cdataBracket
	cdataEnd
	rawState // RCDATA, RAWTEXT and script data
	rawLess
	rawEndOpen
	rawEndName
	scriptEscapeStart
	scriptEscapeStartDash
	escapedState
	escapedDash
	escapedDashDash
	escapedLess
	escapedEndOpen
	escapedEndName
	doubleEscapeStart
	doubleEscapedState
	doubleEscapedDash
	doubleEscapedDashDash
	doubleEscapedLess
	doubleEscapeEnd
	plaintextState
)

// scanner is the tokenizer of the HTML standard as a push machine: next reads
// one chunk of the input after the other and reports tokens as ranges of bytes.
// It keeps no input and decodes nothing; NUL, CR and character references are
// left to who needs the text. What the tree builder tells the tokenizer comes
// from outside: see [scanner.enterRaw], cdataAllowed and [tree].
type scanner struct {
	state state

	// offset is the position in the document of the chunk that next reads.
	offset int64

	// start is the position in the document of the first byte of the event.
	start int64

	// name is the name of the tag, attr that of the attribute in it.
	name    name
	attr    name
	nameLen int
	attrLen int

	// selfClosing and closing describe the tag: "/>" at its end, "</" at its start.
	selfClosing bool
	closing     bool

	// endsRaw is true of the end tag that ends raw text.
	endsRaw bool

	// attributes makes next report the attributes of the tag it is in. It is
	// false at the start of every tag.
	attributes bool

	// cdataAllowed is true where "<![CDATA[" begins a CDATA section: in foreign content.
	cdataAllowed bool

	// raw is the element whose content rawState and its successors read.
	raw tag

	// matched counts the bytes seen of a word that the state waits for.
	matched int
}

// enterRaw makes what follows the content of a RCDATA, RAWTEXT, script or
// plaintext element.
func (s *scanner) enterRaw(t tag) {
	s.raw = t
	s.state = rawState
	if t == tagPlaintext {
		s.state = plaintextState
	}
}

// next reads p from index i and returns the next event and the index behind it.
// On more, which may stand for a part of an event, that is len(p). The caller
// adds len(p) to offset before the next chunk.
func (s *scanner) next(p []byte, i int) (event, int) {
	for i < len(p) {
		c := p[i]
		switch s.state {
		case dataState, rawState:
			j := bytes.IndexByte(p[i:], '<')
			if j != 0 {
				return s.textUntil(p, i, j)
			}
			s.start = s.offset + int64(i)
			s.state++ // tagOpen or rawLess
			i++

		case tagOpen:
			switch {
			case isLetter(c):
				s.startName(false)
			case c == '/':
				s.state = endTagOpen
				i++
			case c == '!':
				s.state = markupDeclaration
				i++
			case c == '?':
				s.state = bogusComment
			default:
				s.state = dataState
				return text, i
			}
		case endTagOpen:
			switch {
			case isLetter(c):
				s.startName(true)
			case c == '>': // "</>" is no token at all
				s.state = dataState
				return comment, i + 1
			default:
				s.state = bogusComment
			}
		case tagName:
			for ; i < len(p) && class[p[i]]&endsTagName == 0; i++ {
				s.name = s.name.add(s.nameLen, lower[p[i]])
				s.nameLen++
			}
			if i < len(p) {
				s.state = beforeAttrName
				if s.closing {
					return endTag, i
				}
				return startTag, i
			}

		case beforeAttrName:
			switch {
			case class[c]&isSpace != 0:
				i++
			case c == '/' || c == '>':
				s.state = afterAttrName
			default:
				i = s.startAttr(p, i)
			}
		case attrName:
			for ; i < len(p) && class[p[i]]&endsAttrName == 0; i++ {
				s.attr = s.attr.add(s.attrLen, lower[p[i]])
				s.attrLen++
			}
			if i < len(p) {
				s.state = afterAttrName
				if s.attributes {
					return attribute, i
				}
			}
		case afterAttrName:
			switch {
			case class[c]&isSpace != 0:
				i++
			case c == '/':
				s.state = selfClosingTag
				i++
			case c == '=':
				s.state = beforeValue
				i++
			case c == '>':
				return s.endOfTag(i)
			default:
				i = s.startAttr(p, i)
			}
		case beforeValue:
			switch {
			case class[c]&isSpace != 0:
				i++
			case c == '"':
				s.state = valueDouble
				i++
			case c == '\'':
				s.state = valueSingle
				i++
			case c == '>':
				return s.endOfTag(i)
			default:
				s.state = valueUnquoted
			}
			s.start = s.offset + int64(i)
		case valueDouble, valueSingle:
			quote := byte('"')
			if s.state == valueSingle {
				quote = '\''
			}
			if c == quote {
				s.state = afterValue
				i++
				continue
			}
			j := bytes.IndexByte(p[i:], quote)
			if j < 0 {
				j = len(p) - i
			}
			s.start = s.offset + int64(i)
			i += j
			if s.attributes {
				return value, i
			}
		case valueUnquoted:
			j := i
			for j < len(p) && class[p[j]]&endsUnquoted == 0 {
				j++
			}
			if j == i {
				s.state = beforeAttrName
				continue
			}
			s.start = s.offset + int64(i)
			i = j
			if s.attributes {
				return value, i
			}
		case afterValue:
			if c == '/' {
				s.state = selfClosingTag
				i++
			} else {
				s.state = beforeAttrName
			}
		case selfClosingTag:
			if c == '>' {
				s.selfClosing = true
				return s.endOfTag(i)
			}
			s.state = beforeAttrName

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
				return s.textUntil(p, i, j-i)
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

		case plaintextState:
			return s.textUntil(p, i, -1)
		}
	}
	return more, len(p)
}

// textUntil returns the n bytes of text at p[i:], or all of them if n is negative.
func (s *scanner) textUntil(p []byte, i, n int) (event, int) {
	s.start = s.offset + int64(i)
	if n < 0 {
		return text, len(p)
	}
	return text, i + n
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

func (s *scanner) startName(closing bool) {
	s.state = tagName
	s.closing = closing
	s.selfClosing = false
	s.endsRaw = false
	s.attributes = false
	s.name, s.nameLen = 0, 0
}

func (s *scanner) startAttr(p []byte, i int) int {
	s.state = attrName
	s.start = s.offset + int64(i)
	s.attr, s.attrLen = name(0).add(0, lower[p[i]]), 1
	return i + 1
}

func (s *scanner) endOfTag(i int) (event, int) {
	s.state = dataState
	s.start = s.offset + int64(i)
	return tagEnd, i + 1
}
