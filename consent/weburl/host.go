package weburl

import (
	"net/netip"
	"strings"

	"github.com/nlnwa/whatwg-url/url"
)

// maxHost is the length up to which hosts that are not plain are read, in bytes. A
// name has 253 characters at most, each of which may be written in many bytes.
const maxHost = 1024

// canonicalHost returns the host that a browser contacts for one that has to be
// decoded, mapped (UTS 46) or computed (the host parser of the URL standard).
func canonicalHost(s string) (Kind, string) {
	if s == "" {
		return Invalid, ""
	}
	if len(s) > maxHost {
		return Unknown, ""
	}
	if addr, err := netip.ParseAddr(s); err == nil && addr.Is4() {
		return Remote, s // already as browsers write it
	}
	if strings.Contains(Decode(s), newSharpS) {
		return Unknown, ""
	}
	u, err := url.Parse("https://" + s + "/")
	if err != nil {
		if isSimple(s) {
			return Invalid, ""
		}
		return Unknown, "" // to this version of Unicode
	}
	host := u.Hostname()
	if u.IsIPv4() && !isNumber(s) || !u.IsIPv6() && !isName(host) || u.IsIPv6() && strings.Count(s, "[") != 1 {
		return Unknown, ""
	}
	return Remote, host
}

// newSharpS is the only character that browsers map in another way than the tables
// of golang.org/x/net/idna do: to itself in lower case, and not to "ss".
const newSharpS = "\u1e9e"

// isSimple reports whether there is only one opinion on a host that is none.
func isSimple(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '%' || s[i] == '[' {
			return false
		}
	}
	return !strings.Contains(strings.ToLower(s), "xn--")
}

// isName reports whether a host consists of what names have. What else the standard
// allows differs between browsers, and has no name.
func isName(host string) bool {
	for i := range len(host) {
		if classes[host[i]]&inHost == 0 {
			return false
		}
	}
	return host != ""
}

// isNumber reports whether a host has nothing but what numbers are written with.
func isNumber(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; !isDigit(s[i]) && s[i] != '.' && (c < 'a' || c > 'f') && c != 'x' {
			return false
		}
	}
	return true
}

// endsInDigits reports whether a plain host may be an IPv4 address to a browser,
// which is whatever has a number as its last label.
func endsInDigits(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	return last == "" || isDigit(last[0])
}

// hasLabels reports whether no label of a host is empty but that behind a last dot.
func hasLabels(host string) bool {
	return host[0] != '.' && !strings.Contains(host, "..")
}
