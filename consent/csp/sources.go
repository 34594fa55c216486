package csp

import (
	"slices"
	"strings"

	"github.com/cookieconsent/caddy-cookie-consent/consent/weburl"
)

// sources is the value of a directive, mostly a source list (section 2.3.1).
type sources []string

const strictDynamic = "'strict-dynamic'"

// has reports whether a list has a keyword.
func (s sources) has(keyword string) bool {
	return slices.ContainsFunc(s, func(source string) bool { return strings.EqualFold(source, keyword) })
}

// isNone reports whether the list says 'none', which means nothing beside others.
func (s sources) isNone() bool { return len(s) == 1 && strings.EqualFold(s[0], "'none'") }

// nonces returns the nonces of a list, up to a number of them.
func (s sources) nonces(limit int) []string {
	var found []string
	for _, source := range s {
		if nonce, ok := nonceOf(source); ok && len(found) < limit {
			found = append(found, nonce)
		}
	}
	return found
}

func (s sources) hasNonce(nonce string) bool {
	return slices.ContainsFunc(s, func(source string) bool {
		found, ok := nonceOf(source)
		return ok && found == nonce
	})
}

// nonceOf returns the nonce that a source names.
func nonceOf(source string) (nonce string, ok bool) {
	const prefix = "'nonce-"
	if len(source) < len(prefix)+len("x'") || !strings.EqualFold(source[:len(prefix)], prefix) || source[len(source)-1] != '\'' {
		return "", false
	}
	nonce = source[len(prefix) : len(source)-1]
	value := strings.TrimSuffix(strings.TrimSuffix(nonce, "="), "=")
	return nonce, value != "" && consistsOf(value, isBase64)
}

// allowsURL reports whether a list allows an address (section 6.7.2.7).
func (s sources) allowsURL(page, u *location) bool {
	return slices.ContainsFunc(s, func(source string) bool { return matches(source, page, u) })
}

// location is a place that a page has or loads something from.
type location struct {
	scheme string // in lower case
	host   string // the same
	port   string // empty if it is that of the scheme
	path   string
}

// originOf returns the origin of a page of a host, and whether a source can name it:
// IPv6 addresses and names that end in a dot have no place in the grammar.
func originOf(secure bool, host string) (o location, named bool) {
	o.scheme = "http"
	if secure {
		o.scheme = "https"
	}
	o.host, o.port = strings.ToLower(host), ""
	if colon := strings.LastIndexByte(o.host, ':'); colon > strings.LastIndexByte(o.host, ']') {
		o.host, o.port = o.host[:colon], o.host[colon+1:]
	}
	named = isHost(o.host) && consistsOf(o.port, isDigit)
	if o.port == defaultPort(o.scheme) {
		o.port = ""
	}
	return o, named
}

// authority returns the source that names host and port, of the page's own scheme.
func (l *location) authority() string {
	if l.port == "" {
		return l.host
	}
	return l.host + ":" + l.port
}

// matches reports whether a source allows an address to a page (section 6.7.2.8),
// before a redirect. Where browsers differ it reports false.
func matches(source string, page, u *location) bool {
	switch {
	case source == "*":
		return u.scheme == "http" || u.scheme == "https" || u.scheme == "ws" || u.scheme == "wss" || u.scheme == page.scheme
	case strings.EqualFold(source, "'self'"):
		return u.host == page.host && (u.port == page.port && u.scheme == page.scheme ||
			u.port == "" && page.port == "" && isUpgrade(page.scheme, u.scheme))
	}
	if scheme, ok := strings.CutSuffix(source, ":"); ok && isScheme(scheme) {
		return isUpgrade(strings.ToLower(scheme), u.scheme)
	}
	scheme, rest, ok := strings.Cut(source, "://")
	switch {
	case !ok:
		scheme, rest = page.scheme, source
	case !isScheme(scheme):
		return false
	}
	authority, path := rest, ""
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		authority, path = rest[:slash], rest[slash:]
	}
	host, port, hasPort := strings.Cut(authority, ":")
	if hasPort && port != "*" && (port == "" || !consistsOf(port, isDigit)) || strings.ContainsAny(path, "?#") {
		return false
	}
	return isUpgrade(strings.ToLower(scheme), u.scheme) && matchesHost(host, u.host) && matchesPort(port, u) && matchesPath(path, u.path)
}

// isUpgrade reports whether a scheme that is allowed allows another one: the same or
// a safer one (section 6.7.2.9).
func isUpgrade(from, to string) bool {
	return from == to || from == "http" && to == "https" || from == "ws" && to == "wss"
}

// matchesHost is section 6.7.2.10.
func matchesHost(pattern, host string) bool {
	switch {
	case host == "":
		return false
	case pattern == "*":
		return true
	}
	if domain, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasPrefix(domain, ".") && isHost(domain[1:]) &&
			len(host) > len(domain) && strings.EqualFold(host[len(host)-len(domain):], domain)
	}
	return isHost(pattern) && strings.EqualFold(pattern, host)
}

// matchesPort is section 6.7.2.11.
func matchesPort(port string, u *location) bool {
	return port == "*" || port == u.port || u.port == "" && port == defaultPort(u.scheme)
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	default:
		return ""
	}
}

// matchesPath is section 6.7.2.12.
func matchesPath(pattern, path string) bool {
	if pattern == "" || pattern == "/" && path == "" {
		return true
	}
	directory := strings.HasSuffix(pattern, "/")
	wanted, is := strings.Split(pattern, "/"), strings.Split(path, "/")
	if directory {
		wanted = wanted[:len(wanted)-1]
	}
	if len(wanted) > len(is) || !directory && len(wanted) != len(is) {
		return false
	}
	for i := range wanted {
		if weburl.Decode(wanted[i]) != weburl.Decode(is[i]) {
			return false
		}
	}
	return true
}

// isHost reports whether a host can stand in a source: names and IPv4 addresses.
// Browsers allow the underscore too.
func isHost(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || !consistsOf(label, func(c byte) bool { return isAlphanumeric(c) || c == '-' || c == '_' }) {
			return false
		}
	}
	return true
}

func isScheme(s string) bool {
	return s != "" && isAlphanumeric(s[0]) && !isDigit(s[0]) &&
		consistsOf(s, func(c byte) bool { return isAlphanumeric(c) || c == '+' || c == '-' || c == '.' })
}

func consistsOf(s string, class func(byte) bool) bool {
	for i := range len(s) {
		if !class(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlphanumeric(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isBase64(c byte) bool {
	return isAlphanumeric(c) || c == '+' || c == '/' || c == '-' || c == '_'
}
