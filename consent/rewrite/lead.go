package rewrite

// maxReference is how many bytes of a character reference are looked at; a longer
// one is taken for text.
const maxReference = 40

// verdict is what a byte of text before the body means.
type verdict uint8

const (
	leadsOn      verdict = iota // it is white space, or may still become that
	leadsNowhere                // there is other text, from lead.start on
	leadsToUTF16                // the page is in UTF-16
)

// lead recognises what may stand before the body as text: white space, character
// references to white space and, as the very first bytes, a byte order mark.
type lead struct {
	state leadState
	begun bool // something was read: no byte order mark any more

	// start is the position of what is undecided, or of the text found.
	start int64

	size  int    // bytes since start
	word  string // what is to follow
	value uint32 // of a numeric reference so far
}

type leadState uint8

const (
	leadSpace     leadState = iota
	leadMark                // in a UTF-8 byte order mark; word is the rest
	leadMark16              // in one of UTF-16
	leadAmpersand           // behind "&"
	leadName                // in a named reference to white space
	leadNumber              // behind "&#"
	leadHexNumber           // behind "&#x"
	leadDecimal             // in the digits
	leadHex
)

// next looks at a byte of text at a position.
func (l *lead) next(c byte, at int64) verdict {
	if l.state == leadSpace {
		l.start, l.size = at, 0
		first := !l.begun
		l.begun = true
		switch {
		case class[c]&isSpace != 0, c == 0: // to Chromium, NUL is nothing
		case c == '&':
			l.state = leadAmpersand
		case first && c == bomUTF8[0]:
			l.state, l.word = leadMark, bomUTF8[1:]
		case first && c == bomUTF16BE[0]:
			l.state, l.word = leadMark16, bomUTF16BE[1:]
		case first && c == bomUTF16LE[0]:
			l.state, l.word = leadMark16, bomUTF16LE[1:]
		default:
			return leadsNowhere
		}
		return leadsOn
	}

	if l.size++; l.size > maxReference {
		return leadsNowhere
	}
	switch l.state {
	case leadMark, leadMark16, leadName:
		if c != l.word[0] {
			return leadsNowhere
		}
		if l.word = l.word[1:]; l.word == "" {
			if l.state == leadMark16 {
				return leadsToUTF16
			}
			l.state = leadSpace
		}
	case leadAmpersand:
		switch c {
		case '#':
			l.state, l.value = leadNumber, 0
		case 'T':
			l.state, l.word = leadName, "ab;"
		case 'N':
			l.state, l.word = leadName, "ewLine;"
		default:
			return leadsNowhere
		}
	case leadNumber, leadDecimal:
		switch {
		case '0' <= c && c <= '9':
			l.state = leadDecimal
			l.value = min(10*l.value+uint32(c-'0'), 1<<16)
		case l.state == leadNumber && c|0x20 == 'x':
			l.state = leadHexNumber
		default:
			return l.endNumber(c, at)
		}
	case leadHexNumber, leadHex:
		switch {
		case '0' <= c && c <= '9':
			l.state = leadHex
			l.value = min(16*l.value+uint32(c-'0'), 1<<16)
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			l.state = leadHex
			l.value = min(16*l.value+uint32(c|0x20-'a'+10), 1<<16)
		default:
			return l.endNumber(c, at)
		}
	}
	return leadsOn
}

// endNumber looks at the byte behind a numeric reference.
func (l *lead) endNumber(c byte, at int64) verdict {
	switch {
	case !l.end():
		return leadsNowhere
	case c == ';':
		return leadsOn
	}
	return l.next(c, at)
}

// end ends the text: it reports false if that leaves other text than white space,
// from start on.
func (l *lead) end() bool {
	l.begun = true
	switch l.state {
	case leadSpace:
		return true
	case leadDecimal, leadHex:
		if l.value < 0x80 && class[l.value]&isSpace != 0 {
			l.state = leadSpace
			return true
		}
	}
	return false
}

// pending reports whether the bytes from start on are undecided.
func (l *lead) pending() bool { return l.state != leadSpace }

const (
	bomUTF8    = "\xef\xbb\xbf"
	bomUTF16BE = "\xfe\xff"
	bomUTF16LE = "\xff\xfe"
)
