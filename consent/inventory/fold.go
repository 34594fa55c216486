package inventory

import (
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

const (
	// maxName bounds a name that is kept, in bytes. What is longer ends in a star.
	maxName = 96

	// maxRun is the length of the longest run of letters and digits that is looked at.
	maxRun = 128

	// maxPath bounds an example path, in bytes, and maxSegments its segments.
	maxPath     = 96
	maxSegments = 5

	// maxWord is the length of the longest segment of a path that is kept as a word.
	maxWord = 32
)

// foldName returns the name of a cookie with every part that looks random replaced, in
// the notation of [consent.KnownCookie]: "DW<hex:32>". What the notation cannot
// express, and what is too long, becomes a star at the end.
func foldName(name string) string {
	if isUUIDAt(name, 0) && len(name) == uuidLength {
		return uuidShape
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		if b.Len() >= maxName || !isPlain(name[i]) {
			b.WriteByte('*')
			break
		}
		if !isAlnum(name[i]) {
			b.WriteByte(name[i])
			i++
			continue
		}
		if isUUIDAt(name, i) {
			b.WriteString(uuidShape)
			i += uuidLength
			continue
		}
		if n := opaque(name[i:]); n > 0 {
			b.WriteString("<base64:24-512>")
			i += n
			continue
		}
		end := i
		for end < len(name) && isAlnum(name[end]) {
			end++
		}
		if end-i > maxRun {
			b.WriteByte('*')
			break
		}
		b.WriteString(foldWord(name[i:end]))
		i = end
	}
	folded := b.String()
	if literal := strings.IndexAny(folded, "<*"); literal > maxName || literal < 0 && len(folded) > maxName {
		folded = folded[:maxName] + "*"
	}
	if strings.HasSuffix(folded, ">*") { // a run takes all that follows it
		folded = folded[:strings.LastIndexByte(folded, '<')] + "*"
	}
	return folded
}

// foldWord returns a run of letters and digits with what looks random in it replaced:
// numbers, and parts in which letters and digits take turns. The counts are the same
// for parts of like length, so that those of different length do not become many names.
func foldWord(word string) string {
	number := len(word)
	for number > 0 && isDigit(word[number-1]) {
		number--
	}
	hex := len(word)
	for hex > 0 && isHex(word[hex-1]) {
		hex--
	}
	switch {
	case len(word)-hex >= 8 && turns(word[hex:]) >= 2: // letters of a name may come before it
		return word[:hex] + "<hex:" + hexLength(len(word)-hex) + ">"
	case len(word) >= 8 && turns(word) >= 3:
		switch word {
		case strings.ToUpper(word):
			return "<upnum:8-128>"
		case strings.ToLower(word):
			return "<lownum:8-128>"
		}
		return "<alnum:8-128>"
	case len(word)-number >= 4:
		return word[:number] + "<digit:4-64>"
	}
	return word
}

// turns counts where a digit follows a letter or a letter a digit.
func turns(word string) int {
	n := 0
	for i := 1; i < len(word); i++ {
		if isDigit(word[i]) != isDigit(word[i-1]) {
			n++
		}
	}
	return n
}

// hexLength returns the count for a run of hexadecimal digits: exact for the lengths
// that digests and identifiers have.
func hexLength(n int) string {
	switch n {
	case 16, 24, 32, 40, 64, 128:
		return strconv.Itoa(n)
	}
	return "8-128"
}

// opaque returns how much of the beginning of s is one long token in base64 for URLs,
// in which "-" and "_" separate nothing; 0 if it is none. In such a token three in five
// characters are of another class than the one before, and two in five are in upper
// case, in words hardly one in three and one in six.
func opaque(s string) int {
	n, changes, count := 0, 0, [4]int{}
	for ; n < len(s) && (isAlnum(s[n]) || s[n] == '-' || s[n] == '_'); n++ {
		count[class(s[n])]++
		if n > 0 && class(s[n]) != class(s[n-1]) {
			changes++
		}
	}
	if n < 24 || n > 512 || changes*100 < n*45 || count[digit] == 0 || count[lower]*6 < n || count[upper]*6 < n {
		return 0
	}
	return n
}

const (
	digit = iota
	lower
	upper
	other
)

func class(c byte) int {
	switch {
	case isDigit(c):
		return digit
	case isLower(c):
		return lower
	case isAlnum(c):
		return upper
	}
	return other
}

const (
	uuidLength = 36
	uuidShape  = "<hex:8>-<hex:4>-<hex:4>-<hex:4>-<hex:12>"
)

// isUUIDAt reports whether a UUID in lower case (RFC 9562, section 4) stands at i.
func isUUIDAt(s string, i int) bool {
	if len(s)-i < uuidLength || len(s)-i > uuidLength && isAlnum(s[i+uuidLength]) {
		return false
	}
	for j, c := range []byte(s[i : i+uuidLength]) {
		if j == 8 || j == 13 || j == 18 || j == 23 {
			if c != '-' {
				return false
			}
		} else if !isHex(c) {
			return false
		}
	}
	return true
}

// familyOf returns the part of a name that others of its kind have in common with it:
// all up to the last separator, or the registrable domain of a host that is not one; ""
// if that says too little.
func familyOf(k kind, name string) string {
	if !k.isCookie() {
		domain, err := publicsuffix.EffectiveTLDPlusOne(strings.TrimPrefix(name, "*."))
		if err != nil || domain == name {
			return ""
		}
		return domain
	}
	const separators = "-_.:"
	if at := strings.IndexAny(name, "<*"); at >= 0 {
		name = name[:at]
	} else {
		name = strings.TrimRight(name, separators)
	}
	if at := strings.LastIndexAny(name, separators); at >= 2 {
		return name[:at+1]
	}
	return ""
}

// foldHost returns a host in lower case without a port, with the labels below its
// registrable domain that look random replaced by a star; "" for what is no host.
func foldHost(host string) string {
	host = strings.TrimSuffix(host, ".")
	if !isHost(host) {
		return "" // or an IPv6 address, which no declaration can name
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return host // a name of the local network
	}
	for rest := host; len(rest) > len(domain); {
		var label string
		label, rest, _ = strings.Cut(rest, ".")
		if looksRandom(label) {
			host = "*." + rest // with all labels before it
		}
	}
	return host
}

// isHost reports whether s is a host name or an IPv4 address in lower case.
func isHost(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLower(c) && !isDigit(c) && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= consent.MaxHost
}

// isSite reports whether s is the host of a site: a client can name anything.
func isSite(s string) bool {
	if strings.Contains(s, ":") {
		addr, err := netip.ParseAddr(s)
		return err == nil && addr.Zone() == ""
	}
	return isHost(s)
}

// foldPath returns a path without query, in which what may lead to a person is replaced
// by "*": segments that look like identifiers, and those that follow a word for people
// and what belongs to them.
func foldPath(path string) string {
	path, _, _ = strings.Cut(path, "?")
	if path == "" || path[0] != '/' {
		return "/"
	}
	var b strings.Builder
	personal := false
	for segment := range strings.SplitSeq(path[1:], "/") {
		if b.Len() > 0 && strings.Count(b.String(), "/") >= maxSegments || b.Len() > maxPath {
			b.WriteString("/*")
			break
		}
		b.WriteByte('/')
		if segment == "" {
			continue
		}
		if personal || !isWord(segment) {
			b.WriteByte('*')
		} else {
			b.WriteString(segment)
		}
		personal = people[strings.ToLower(segment)]
	}
	return b.String()
}

// people are segments of paths behind which somebody is named.
var people = map[string]bool{
	"account": true, "accounts": true, "author": true, "authors": true, "by": true, "client": true, "clients": true,
	"contact": true, "contacts": true, "customer": true, "customers": true, "email": true, "invite": true, "invoice": true,
	"invoices": true, "member": true, "members": true, "order": true, "orders": true, "patient": true, "patients": true,
	"people": true, "person": true, "profile": true, "profiles": true, "reset": true, "share": true, "shared": true,
	"student": true, "students": true, "token": true, "u": true, "unsubscribe": true, "user": true, "users": true, "verify": true,
}

// isWord reports whether a segment of a path is a word and not an identifier.
func isWord(segment string) bool {
	if len(segment) > maxWord || looksRandom(segment) {
		return false
	}
	upper := 0
	for i := range len(segment) {
		c := segment[i]
		if !isAlnum(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
		if i > 0 && 'A' <= c && c <= 'Z' && isLower(segment[i-1]) {
			upper++
		}
	}
	return upper <= 3
}

// looksRandom reports whether a part of a name holds more digits than words do.
func looksRandom(s string) bool { return hasDigits(s, 4) || len(s) >= 8 && hasDigits(s, 2) }

func hasDigits(s string, n int) bool {
	for i := range len(s) {
		if isDigit(s[i]) {
			if n--; n == 0 {
				return true
			}
		}
	}
	return n <= 0
}

// isPlain reports whether a character of a name stands for itself in the notation and
// wherever names are shown.
func isPlain(c byte) bool {
	return c > ' ' && c < 0x7f && strings.IndexByte("<>*\"`\\{}", c) < 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isHex(c byte) bool   { return isDigit(c) || 'a' <= c && c <= 'f' }
func isAlnum(c byte) bool { return isDigit(c) || isLower(c) || 'A' <= c && c <= 'Z' }
