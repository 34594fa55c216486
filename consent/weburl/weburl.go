// Package weburl reads the URLs of web pages as browsers do (the WHATWG URL
// standard, https://url.spec.whatwg.org), to tell whom a browser would contact,
// and finds URLs in the attributes and style sheets that hold several things.
//
// It answers for the sake of blocking: what it cannot read is [Unknown], never
// harmless. Everything it takes is UTF-8 with character references decoded; what
// other bytes there are make a host that is not known.
package weburl

import "strings"

// Kind says what a browser makes of a URL.
type Kind uint8

// The kinds.
const (
	Unknown Kind = iota // may lead anywhere: not understood, or of a scheme of which nothing is known
	Invalid             // no URL to any browser: nobody is contacted, and a <base> of it is ignored
	Local               // contacts nobody: data:, blob:, about:, javascript: and the like, or a place in the document itself
	Remote              // contacts Host
)

// URL is what matters of a URL for telling whom it contacts.
type URL struct {
	Kind Kind

	// Scheme is the scheme of a Remote URL: http, https, ws, wss or ftp; and that of
	// a Local one, "" for a place in the document. What a data: or javascript: URL
	// holds may contact others when it becomes a document.
	Scheme string

	// Host is the host of a Remote URL as browsers write it: lower-case labels in
	// ASCII, an IPv4 address in four decimal numbers, or an IPv6 address in
	// brackets. It has no port, and no dot at its end.
	Host string

	dir  string // the directory of the base that ref is relative to, "" if ref is not relative
	ref  string // the path and what follows it, as written
	same bool   // whether the path is that of dir as a whole
}

// Base is what the URLs of a document are relative to.
type Base struct {
	scheme, host string
	path         string // as browsers write it: from "/" on
	opaque       bool   // a base to which nothing is relative
	declared     bool   // whether a <base> says so
}

// NewBase returns the base of a document that was fetched from a host, with a port
// or not, and a path, which may have a query. The scheme is http or https.
func NewBase(scheme, host, path string) Base {
	b := Base{scheme: scheme}
	u := Base{opaque: true}.Parse(scheme + "://" + host)
	b.host = u.Host
	if u.Kind != Remote || strings.ContainsAny(host, `/\?#@`) {
		// The document is there, so that this is its host all the same.
		b.host = strings.ToLower(host)
	}
	b.path = string(appendResolved(nil, "", path))
	return b
}

// Host returns the host of the base, as in [URL]; "" where nothing is relative to it.
func (b Base) Host() string { return b.host }

// Rebase returns the base that a document has by <base href>. One that no browser
// takes changes nothing; with one that is not understood, everything relative is
// Unknown.
func (b Base) Rebase(href string) Base {
	u := b.Parse(href)
	switch {
	case u.Kind == Remote:
		return Base{scheme: u.Scheme, host: u.Host, path: u.path(), declared: true}
	case u.Kind == Invalid,
		u.Kind == Local && u.Scheme == "",
		u.Scheme == "data", u.Scheme == "javascript": // ignored by section 4.2.3 of the HTML standard
		return b
	}
	return Base{opaque: true, declared: true}
}

// Parse reads a URL as it stands in an attribute. URLs of plain characters cost no
// allocation.
func (b Base) Parse(s string) URL {
	s, ok := trim(s)
	if !ok {
		return URL{}
	}
	u, ok := b.parse(s)
	if !ok {
		u, _ = b.parse(withoutBreaks(s))
	}
	return u
}

// esc begins the sequences by which ISO-2022-JP changes the meaning of the bytes
// that follow and that browsers take out. Nobody else has it in a URL.
const esc = 0x1b

// trim removes the control characters and blanks at both ends. It reports whether
// that is what a browser does in every charset.
func trim(s string) (string, bool) {
	for s != "" && s[0] <= ' ' {
		if s[0] == esc {
			return s, false
		}
		s = s[1:]
	}
	for s != "" && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	return s, true
}

// withoutBreaks removes tabs and line breaks, which may stand anywhere.
func withoutBreaks(s string) string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if classes[s[i]]&isBreak == 0 {
			b = append(b, s[i])
		}
	}
	return string(b)
}

// What the characters of a URL are good for.
const (
	inScheme byte = 1 << iota // anything but the first character of a scheme
	inHost                    // the host of a URL, without changing there
	isBreak                   // to be removed
	isEnd                     // ends an authority, and a segment of a path
)

var classes = func() (t [256]byte) {
	for c := range t {
		switch c := byte(c); {
		case isLower(c), isDigit(c), c == '-':
			t[c] = inScheme | inHost
		case 'A' <= c && c <= 'Z', c == '+':
			t[c] = inScheme
		case c == '.':
			t[c] = inScheme | inHost
		case c == '_':
			t[c] = inHost
		case c == '\t', c == '\n', c == '\r':
			t[c] = isBreak
		case c == '/', c == '\\', c == '?', c == '#':
			t[c] = isEnd
		}
	}
	return t
}()

// parse reads a trimmed URL. It reports false where it came upon a tab or a line
// break before it knew all.
func (b Base) parse(s string) (URL, bool) {
	if s == "" || !isLower(s[0]|0x20) {
		return b.parseRelative(s)
	}
	i := 1
	for i < len(s) && classes[s[i]]&inScheme != 0 {
		i++
	}
	switch {
	case i == len(s):
	case s[i] == ':':
		return b.parseScheme(s[:i], s[i+1:])
	case classes[s[i]]&isBreak != 0:
		return URL{}, false
	case s[i] == esc:
		return URL{}, true
	}
	return b.parseRelative(s)
}

// special are the schemes whose URLs have a host that is contacted.
var special = [...]string{"https", "http", "wss", "ws", "ftp"}

// local are schemes whose URLs contact nobody.
var local = [...]string{"data", "blob", "about", "javascript", "mailto", "tel", "sms"}

// parseScheme reads what follows a scheme and its colon.
func (b Base) parseScheme(scheme, rest string) (URL, bool) {
	for _, name := range special {
		if len(scheme) != len(name) || !hasPrefixFold(scheme, name) {
			continue
		}
		// Under a base of the same scheme, it takes two slashes to leave the host.
		if name == b.scheme && !strings.HasPrefix(rest, "//") {
			return b.parseRelative(rest)
		}
		return parseAuthority(name, rest)
	}
	for _, name := range local {
		if len(scheme) == len(name) && hasPrefixFold(scheme, name) {
			return URL{Kind: Local, Scheme: name}, true
		}
	}
	return URL{}, true
}

// parseRelative reads a URL without a scheme.
func (b Base) parseRelative(s string) (URL, bool) {
	if s == "" || s[0] == '#' {
		if !b.declared || b.opaque {
			return URL{Kind: Local}, true
		}
		return URL{Kind: Remote, Scheme: b.scheme, Host: b.host, dir: b.path, same: true}, true
	}
	if b.opaque {
		return URL{}, true
	}
	u := URL{Kind: Remote, Scheme: b.scheme, Host: b.host, ref: s}
	switch c := s[0]; {
	case classes[c]&isBreak != 0:
		return URL{}, false
	case c == esc:
		return URL{}, true
	case c == '?':
		u.dir, u.same = b.path, true
	case c != '/' && c != '\\':
		u.dir = b.path[:strings.LastIndexByte(b.path, '/')+1]
	case len(s) == 1:
	case s[1] == '/', s[1] == '\\':
		return parseAuthority(b.scheme, s[2:])
	case classes[s[1]]&isBreak != 0:
		return URL{}, false
	case s[1] == esc:
		return URL{}, true
	}
	return u, true
}

// parseAuthority reads a host and what may stand around it, after any number of
// slashes.
func parseAuthority(scheme, s string) (URL, bool) {
	for s != "" && (s[0] == '/' || s[0] == '\\') {
		s = s[1:]
	}
	start, end, colon := 0, 0, -1
	plain, bracketed := true, false
	for ; end < len(s) && classes[s[end]]&isEnd == 0; end++ {
		switch c := s[end]; {
		case classes[c]&inHost != 0:
		case classes[c]&isBreak != 0:
			return URL{}, false
		case c == esc:
			return URL{}, true
		case c == '@': // the last one ends the user
			start, colon = end+1, -1
			plain, bracketed = true, false
		case c == ':' && !bracketed:
			if colon < 0 {
				colon = end
			}
		default:
			plain = false
			bracketed = c == '[' || bracketed && c != ']'
		}
	}
	host := s[start:end]
	if colon >= 0 {
		if !isPort(s[colon+1 : end]) {
			return URL{Kind: Invalid}, true
		}
		host = s[start:colon]
	}
	u := URL{Kind: Remote, Scheme: scheme, Host: host, ref: s[end:]}
	if !plain || endsInDigits(host) {
		u.Kind, u.Host = canonicalHost(host)
	}
	if u.Kind == Remote && !hasLabels(u.Host) {
		u.Kind = Unknown
	}
	if u.Kind != Remote {
		return URL{Kind: u.Kind}, true
	}
	u.Host = strings.TrimSuffix(u.Host, ".")
	return u, true
}

func isPort(s string) bool {
	port := 0
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
		if port = 10*port + int(s[i]-'0'); port > 65535 {
			return false
		}
	}
	return true
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// hasPrefixFold reports whether s begins with a prefix of lower-case letters and
// punctuation, whatever the case of the letters in s.
func hasPrefixFold(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if c := s[i]; c != prefix[i] && (c < 'A' || c > 'Z' || c+0x20 != prefix[i]) {
			return false
		}
	}
	return true
}
