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
	name    Name
	attr    Name
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

	// bracketed is true of a comment that would be a CDATA section there.
	bracketed bool

	// raw is the element whose content rawState and its successors read.
	raw tag

	// matched counts the bytes seen of a word that the state waits for.
	matched int
}

// next reads p from index i and returns the next event and the index behind it.
// On more, which may stand for a part of an event, that is len(p). The caller
// adds len(p) to offset before the next chunk.
func (s *scanner) next(p []byte, i int) (event, int) {
	for i < len(p) {
		var ev event
		switch {
		case s.state == dataState:
			ev, i = s.untilLess(p, i)
		case s.state < markupDeclaration:
			ev, i = s.nextTag(p, i)
		case s.state < rawState:
			ev, i = s.nextDeclaration(p, i)
		default:
			ev, i = s.nextRaw(p, i)
		}
		if ev != more {
			return ev, i
		}
	}
	return more, len(p)
}

// untilLess returns the text up to the next "<", or begins what that begins.
func (s *scanner) untilLess(p []byte, i int) (event, int) {
	s.start = s.offset + int64(i)
	switch j := bytes.IndexByte(p[i:], '<'); {
	case j < 0:
		return text, len(p)
	case j > 0:
		return text, i + j
	}
	s.state++ // tagOpen or rawLess
	return more, i + 1
}

// nextTag is next inside a tag.
func (s *scanner) nextTag(p []byte, i int) (event, int) {
	for i < len(p) {
		c := p[i]
		switch s.state {
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
		default:
			return more, i
		}
	}
	return more, i
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
	s.attr, s.attrLen = Name(0).add(0, lower[p[i]]), 1
	return i + 1
}

func (s *scanner) endOfTag(i int) (event, int) {
	s.state = dataState
	s.start = s.offset + int64(i)
	return tagEnd, i + 1
}
