package audit

import (
	"cmp"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/publicsuffix"

	"github.com/cookieconsent/caddy-cookie-consent/consent/cookie"
)

// maxKept bounds the cookies of a jar, above what browsers keep for one site.
const maxKept = 512

// jar keeps cookies as a browser does (RFC 6265bis, section 5.7). net/http/cookiejar
// would not do: it drops names and values that browsers keep, and does not tell what
// it holds.
type jar struct {
	kept []*kept // the oldest first
}

// kept is a cookie in a jar.
type kept struct {
	cookie.SetCookie

	domain   string // without a leading dot
	hostOnly bool
	path     string
	expires  time.Time // zero for one that ends with the browser session
}

// set keeps the cookie of a line of Set-Cookie, and reports whether a browser would:
// stored for a new or changed one, removed for one that was there and is deleted.
func (j *jar) set(u *url.URL, line string, now time.Time) (c *kept, stored, removed bool) {
	c = &kept{SetCookie: cookie.ParseSetCookie(line, now)}
	host := strings.ToLower(u.Hostname())
	c.domain, c.hostOnly, c.path = host, c.Domain == "", c.Variant(u.EscapedPath()).Path
	if c.Name == "" && c.Value == "" || !httpguts.ValidHeaderFieldValue(c.Name+c.Value) || !c.admits(u, host) {
		return c, false, false
	}
	if !c.hostOnly {
		c.domain = c.Domain
	}
	before := len(j.kept)
	j.kept = slices.DeleteFunc(j.kept, func(other *kept) bool { return c.replaces(other) })
	switch {
	case c.Deletes():
		return c, false, len(j.kept) < before
	case len(j.kept) >= maxKept:
		return c, false, false
	case c.Persistent:
		c.expires = now.Add(c.Lifetime)
	}
	j.kept = append(j.kept, c)
	return c, true, false
}

// admits reports whether a host may set the cookie.
func (c *kept) admits(u *url.URL, host string) bool {
	switch {
	case c.Secure && !trustworthy(u),
		strings.HasPrefix(c.Name, "__Secure-") && !c.Secure,
		strings.HasPrefix(c.Name, "__Host-") && (!c.Secure || c.Domain != "" || c.path != "/"):
		return false
	case c.hostOnly:
		return true
	case c.Domain == host:
		c.hostOnly = net.ParseIP(host) != nil || isSuffix(host)
		return true
	}
	return net.ParseIP(host) == nil && !isSuffix(c.Domain) && strings.HasSuffix(host, "."+c.Domain)
}

func isSuffix(domain string) bool {
	suffix, _ := publicsuffix.PublicSuffix(domain)
	return suffix == domain
}

func (c *kept) replaces(other *kept) bool {
	return c.Name == other.Name && c.domain == other.domain && c.hostOnly == other.hostOnly && c.path == other.path && c.Partitioned == other.Partitioned
}

// of returns the cookies that a browser sends with a request, those with the longest
// paths first (RFC 6265bis, section 5.8.3).
func (j *jar) of(u *url.URL, now time.Time) []*kept {
	j.kept = slices.DeleteFunc(j.kept, func(c *kept) bool { return !c.expires.IsZero() && !now.Before(c.expires) })
	var sent []*kept
	for _, c := range j.kept {
		if c.goesTo(u) {
			sent = append(sent, c)
		}
	}
	slices.SortStableFunc(sent, func(a, b *kept) int { return cmp.Compare(len(b.path), len(a.path)) })
	return sent
}

func (c *kept) goesTo(u *url.URL) bool {
	host, path := strings.ToLower(u.Hostname()), cmp.Or(u.EscapedPath(), "/")
	if host != c.domain && (c.hostOnly || !strings.HasSuffix(host, "."+c.domain)) || c.Secure && !trustworthy(u) {
		return false
	}
	rest, ok := strings.CutPrefix(path, c.path)
	return ok && (rest == "" || strings.HasSuffix(c.path, "/") || rest[0] == '/')
}

// header returns the value of a Cookie field.
func header(cookies []*kept) string {
	var pairs []string
	for _, c := range cookies {
		if c.Name == "" {
			pairs = append(pairs, c.Value)
		} else {
			pairs = append(pairs, c.Name+"="+c.Value)
		}
	}
	return strings.Join(pairs, "; ")
}

// trustworthy reports whether browsers treat an address as secure: HTTPS, and this
// machine itself (Secure Contexts, section 3.1).
func trustworthy(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return true
	}
	return u.Scheme == "https" || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
