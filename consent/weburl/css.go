package weburl

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// Ref is a place in a style sheet that has a URL, or what may be one.
type Ref struct {
	// URL is the URL with escapes decoded.
	URL string

	// Start and End are where the token lies that holds it, in bytes: from the
	// opening quotation mark, or from "url(", behind what closes it.
	Start, End int

	// Sure tells a URL from a string that only is one if a variable, or something
	// that is not known yet, brings it where URLs are read. Such a string may be
	// anything, such as the name of a font.
	Sure bool
}

// CSS goes through the URLs of a style sheet or a style attribute, read as the CSS
// Syntax module says: those of url() and @import, strings in functions that load, and
// all other strings but those in attribute selectors and in content, which browsers
// only show. Namespaces are no URLs to load. What a browser drops as a mistake is
// gone through too.
func CSS(s string) iter.Seq[Ref] {
	return func(yield func(Ref) bool) {
		c := cssScanner{s: s}
		for c.i < len(s) {
			if ref, ok := c.next(); ok && !yield(ref) {
				return
			}
		}
	}
}

// Style reads a style sheet that comes in pieces, as [CSS] does.
type Style struct{ where cssContext }

// lookAhead is how far behind a token it may depend on what follows, in bytes.
const lookAhead = 1024

// Next reads a text, which begins where the last one was read to, up to the end of the
// next reference. It returns how far that is. Without a reference, that is as far as
// can be told: everything if this is the last text of the sheet, else up to some token
// for which there has to be more text.
func (s *Style) Next(text string, last bool) (n int, ref Ref, ok bool) {
	c := cssScanner{s: text, cssContext: s.where}
	for c.i < len(text) {
		ref, ok = c.next()
		if !last && len(text)-c.i < lookAhead {
			return n, Ref{}, false
		}
		n, s.where = c.i, c.cssContext
		if ok {
			return n, ref, true
		}
	}
	return n, Ref{}, false
}

// A cssScanner reads tokens.
type cssScanner struct {
	s string
	i int
	cssContext
}

// cssContext says where a token lies, since the last ";", "{" or "}".
type cssContext struct {
	inImport    bool // behind @import
	inNamespace bool // behind @namespace
	inContent   bool // behind "content:"
	brackets    int  // in so many "["
	parens      int  // in so many "("
	loading     int  // parens in the outermost function that loads; 0 outside
}

// next reads a token, or a function's name and its parenthesis, and returns the
// reference that it is, if it is one.
func (c *cssScanner) next() (Ref, bool) {
	switch b := c.s[c.i]; b {
	case ' ', '\t', '\n', '\f', '\r':
		for c.i < len(c.s) && isSpace(c.s[c.i]) {
			c.i++
		}
	case '"', '\'':
		return c.readString()
	case '@':
		return c.readAt()
	case '#':
		c.i++
		c.readName()
	case '/':
		c.readSlash()
	case '<':
		c.skip("<!--")
	default:
		switch {
		case c.startsNumber(c.i):
			c.skipNumber()
		case c.startsName(c.i) && !c.at("-->"):
			return c.readIdent()
		case b == '-':
			c.skip("-->")
		default:
			c.punctuation(b)
			c.i++
		}
	}
	return Ref{}, false
}

// skip skips a token, or if it is not there, a byte.
func (c *cssScanner) skip(token string) {
	if c.at(token) {
		c.i += len(token)
	} else {
		c.i++
	}
}

// readSlash reads a comment, or a slash.
func (c *cssScanner) readSlash() {
	if !c.at("/*") {
		c.i++
	} else if end := strings.Index(c.s[c.i+2:], "*/"); end >= 0 {
		c.i += 2 + end + 2
	} else {
		c.i = len(c.s)
	}
}

// readAt reads the name of a rule.
func (c *cssScanner) readAt() (Ref, bool) {
	c.i++
	if !c.startsName(c.i) {
		return Ref{}, false
	}
	name := c.readName()
	c.inNamespace = c.inNamespace || strings.EqualFold(name, "namespace")
	if strings.EqualFold(name, "import") {
		c.inImport = true
		return c.bareImport()
	}
	return Ref{}, false
}

// bareImport returns what stands behind @import without quotation marks. Chromium
// fetches it when it looks ahead for style sheets, although it is a mistake. The
// token is the first one of it.
func (c *cssScanner) bareImport() (Ref, bool) {
	rest := afterBlank(c.s[c.i:])
	start := len(c.s) - len(rest)
	c.i = start
	switch {
	case c.startsName(c.i):
		if c.readName(); c.i < len(c.s) && c.s[c.i] == '(' {
			c.i = start
			return Ref{}, false
		}
	case rest != "" && (rest[0] == '/' || rest[0] < ' '):
		c.i++
	default:
		return Ref{}, false
	}
	rest = rest[:c.i-start+len(c.ahead())]
	if end := strings.IndexAny(rest, ";"+spaces); end >= 0 {
		rest = rest[:end]
	}
	return Ref{URL: rest, Start: start, End: c.i, Sure: true}, true
}

func (c *cssScanner) punctuation(b byte) {
	switch b {
	case '(':
		c.parens++
	case ')':
		c.parens = max(c.parens-1, 0)
		if c.parens < c.loading {
			c.loading = 0
		}
	case '[':
		c.brackets++
	case ']':
		c.brackets = max(c.brackets-1, 0)
	case ';', '{', '}':
		c.cssContext = cssContext{}
	}
}

func (c *cssScanner) at(prefix string) bool { return strings.HasPrefix(c.s[c.i:], prefix) }

// ahead returns what may be looked at without reading it.
func (c *cssScanner) ahead() string { return c.s[c.i:min(c.i+lookAhead, len(c.s))] }

// loaders are the functions in which a string is a URL.
var loaders = [...]string{"url", "src", "image", "image-set", "-webkit-image-set"}

// readIdent reads a name and what it begins.
func (c *cssScanner) readIdent() (Ref, bool) {
	start := c.i
	name := c.readName()
	if c.i == len(c.s) || c.s[c.i] != '(' {
		if len(name) == len("content") && strings.EqualFold(name, "content") {
			c.inContent = c.inContent || strings.HasPrefix(afterBlank(c.ahead()), ":")
		}
		return Ref{}, false
	}
	c.i++
	if strings.EqualFold(name, "url") {
		for c.i < len(c.s) && isSpace(c.s[c.i]) {
			c.i++
		}
		if c.i == len(c.s) || c.s[c.i] != '"' && c.s[c.i] != '\'' {
			return c.readURL(start)
		}
	}
	c.parens++
	for _, loader := range loaders {
		if c.loading == 0 && strings.EqualFold(name, loader) {
			c.loading = c.parens
		}
	}
	return Ref{}, false
}

// afterBlank returns what stands behind white space and comments.
func afterBlank(s string) string {
	for {
		s = strings.TrimLeft(s, spaces)
		if !strings.HasPrefix(s, "/*") {
			return s
		}
		_, s, _ = strings.Cut(s[2:], "*/")
	}
}

// readURL reads what stands in url() without quotation marks, up to the parenthesis
// that is not escaped, whether it is allowed there or not.
func (c *cssScanner) readURL(start int) (Ref, bool) {
	from := c.i
	for c.i < len(c.s) && c.s[c.i] != ')' {
		if c.s[c.i] == '\\' && c.i+1 < len(c.s) {
			c.i++
		}
		c.i++
	}
	url := unescapeCSS(strings.TrimRight(c.s[from:c.i], spaces))
	c.i = min(c.i+1, len(c.s))
	return Ref{URL: url, Start: start, End: c.i, Sure: true}, !c.inNamespace
}

// readString reads a string, which a line break ends as a mistake.
func (c *cssScanner) readString() (Ref, bool) {
	start, quote := c.i, c.s[c.i]
	c.i++
	from := c.i
	for c.i < len(c.s) && c.s[c.i] != quote && !isLineBreak(c.s[c.i]) {
		c.i++
		if c.s[c.i-1] == '\\' && c.i < len(c.s) {
			if strings.HasPrefix(c.s[c.i:], "\r\n") {
				c.i++
			}
			c.i++
		}
	}
	text := c.s[from:c.i]
	if c.i < len(c.s) && c.s[c.i] == quote {
		c.i++
	} else if c.inImport && c.i < len(c.s) {
		// Those who look ahead for style sheets to load read on.
		if end := strings.IndexByte(c.ahead(), quote); end >= 0 {
			text = c.s[from : c.i+end]
		}
	}
	sure := c.inImport || c.loading > 0
	if c.inNamespace || !sure && (c.brackets > 0 || c.inContent && c.parens == 0) {
		return Ref{}, false
	}
	return Ref{URL: unescapeCSS(text), Start: start, End: c.i, Sure: sure}, true
}

func (c *cssScanner) startsNumber(i int) bool {
	if i < len(c.s) && c.s[i] > '9' {
		return false
	}
	if i < len(c.s) && (c.s[i] == '+' || c.s[i] == '-') {
		i++
	}
	if i < len(c.s) && c.s[i] == '.' {
		i++
	}
	return i < len(c.s) && isDigit(c.s[i])
}

// skipNumber skips a number with its unit, which begins no function.
func (c *cssScanner) skipNumber() {
	c.i++
	for c.i < len(c.s) && isDigit(c.s[c.i]) {
		c.i++
	}
	if c.i+1 < len(c.s) && c.s[c.i] == '.' && isDigit(c.s[c.i+1]) {
		c.i++
		for c.i < len(c.s) && isDigit(c.s[c.i]) {
			c.i++
		}
	}
	if c.i < len(c.s) && c.s[c.i]|0x20 == 'e' && c.i+1 < len(c.s) && c.s[c.i+1] != '.' && c.startsNumber(c.i+1) {
		c.i += 2
		for c.i < len(c.s) && isDigit(c.s[c.i]) {
			c.i++
		}
	}
	if c.startsName(c.i) {
		c.readName()
	}
}

// startsName reports whether a name begins at a place.
func (c *cssScanner) startsName(i int) bool {
	switch {
	case i >= len(c.s):
		return false
	case c.s[i] == '-':
		return i+1 < len(c.s) && (c.s[i+1] == '-' || isNameStart(c.s[i+1]) || c.isEscape(i+1))
	}
	return isNameStart(c.s[i]) || c.isEscape(i)
}

// isEscape reports whether an escape begins at a place.
func (c *cssScanner) isEscape(i int) bool {
	return c.s[i] == '\\' && (i+1 == len(c.s) || !isLineBreak(c.s[i+1]))
}

// readName reads a name and returns it with escapes decoded.
func (c *cssScanner) readName() string {
	start, escaped := c.i, false
	for c.i < len(c.s) {
		if inName[c.s[c.i]] {
			c.i++
		} else if c.isEscape(c.i) {
			_, n := escapeAt(c.s[c.i:])
			c.i += n
			escaped = true
		} else {
			break
		}
	}
	if escaped {
		return unescapeCSS(c.s[start:c.i])
	}
	return c.s[start:c.i]
}

// inName tells what a name consists of, apart from escapes.
var inName = func() (t [256]bool) {
	for b := range t {
		t[b] = isNameStart(byte(b)) || isDigit(byte(b)) || b == '-'
	}
	return t
}()

func isNameStart(b byte) bool { return isLower(b|0x20) || b == '_' || b >= 0x80 || b == 0 }

func isLineBreak(b byte) bool { return b == '\n' || b == '\r' || b == '\f' }

// unescapeCSS decodes the escapes of a name, a string or a URL.
func unescapeCSS(s string) string {
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for ; i >= 0; i = strings.IndexByte(s, '\\') {
		b.WriteString(s[:i])
		text, n := escapeAt(s[i:])
		b.WriteString(text)
		s = s[i+n:]
	}
	b.WriteString(s)
	return b.String()
}

// escapeAt returns what the escape that s begins with stands for, and its length.
func escapeAt(s string) (string, int) {
	n, code := 1, rune(0)
	for n < len(s) && n < 7 {
		digit := unhex(s[n])
		if digit < 0 {
			break
		}
		code = code<<4 | rune(digit)
		n++
	}
	switch {
	case len(s) == 1:
		return "", 1
	case n == 1 && strings.HasPrefix(s[1:], "\r\n"):
		return "", 3
	case n == 1 && isLineBreak(s[1]):
		return "", 2 // the string goes on in the next line
	case n == 1:
		_, size := utf8.DecodeRuneInString(s[1:])
		return s[1 : 1+size], 1 + size
	case strings.HasPrefix(s[n:], "\r\n"):
		n += 2
	case n < len(s) && isSpace(s[n]):
		n++
	}
	if code == 0 || !utf8.ValidRune(code) {
		code = utf8.RuneError
	}
	return string(code), n
}
