package cookieconsent

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/publicsuffix"
)

// reservedHeaders are request headers that other parties give a meaning, so that
// telling the application the visitor's choice in them would break something.
var reservedHeaders = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Accept-Language": true, "Authorization": true,
	"Connection": true, "Content-Encoding": true, "Content-Length": true, "Content-Type": true,
	"Cookie": true, "Date": true, "Expect": true, "Forwarded": true, "Host": true,
	"If-Match": true, "If-Modified-Since": true, "If-None-Match": true, "If-Range": true,
	"If-Unmodified-Since": true, "Keep-Alive": true, "Origin": true, "Proxy-Authorization": true,
	"Range": true, "Referer": true, "Set-Cookie": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true, "User-Agent": true, "Via": true,
	"X-Forwarded-For": true, "X-Forwarded-Host": true, "X-Forwarded-Proto": true, "X-Real-Ip": true,
}

// isFreeHeader reports whether the visitor's choice may be told in a header of that
// name. Names that begin with "Sec-" belong to browsers (Fetch, section 2.2.2).
func isFreeHeader(name string) bool {
	key := http.CanonicalHeaderKey(name)
	return httpguts.ValidHeaderFieldName(name) && !reservedHeaders[key] && !strings.HasPrefix(key, "Sec-")
}

// validPrefix reports whether s can be the path below which the handler answers:
// unambiguous in every place that compares paths, and never the whole site.
func validPrefix(s string) bool {
	if len(s) < 3 || s[0] != '/' || s[len(s)-1] != '/' || strings.Contains(s, "//") || strings.Contains(s, "/../") || strings.Contains(s, "/./") {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !isAlphanumeric(c) && c != '.' && c != '_' && c != '-' && c != '/' {
			return false
		}
	}
	return true
}

// validDomain reports whether browsers accept s as Domain attribute of a cookie
// (RFC 6265bis, section 5.7): a lower-case host name below a public suffix.
func validDomain(s string) bool {
	if s != strings.ToLower(s) || net.ParseIP(s) != nil {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" {
			return false
		}
		for i := range len(label) {
			if !isAlphanumeric(label[i]) && label[i] != '-' {
				return false
			}
		}
	}
	_, err := publicsuffix.EffectiveTLDPlusOne(s)
	return err == nil
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// validLink reports whether s can be linked to: an http(s) URL or a path of the
// site, never a script.
func validLink(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	if u.Scheme == "http" || u.Scheme == "https" {
		return u.Host != ""
	}
	return localPath(s) == s
}

// validSelector reports whether s may be a CSS selector: only a browser knows all of
// them, but what is cut off in the middle is none.
func validSelector(s string) bool {
	var open []byte
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c < ' ' || c == 0x7f:
			return false
		case c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(' || c == '[':
			open = append(open, c+1+c%2) // "(" is next to ")", and "[" next but one to "]"
		case c == ')' || c == ']':
			if len(open) == 0 || open[len(open)-1] != c {
				return false
			}
			open = open[:len(open)-1]
		case c == '{' || c == '}' || c == ';':
			return false
		}
	}
	return strings.TrimSpace(s) != "" && quote == 0 && len(open) == 0
}

// removeHeader deletes a header that must not come from a client, also in the
// spellings that gateway interfaces can't tell apart: CGI and its descendants
// turn hyphens into underscores.
func removeHeader(header http.Header, name string) {
	if name == "" {
		return
	}
	for key := range header {
		if len(key) == len(name) && sameGatewayName(key, name) {
			delete(header, key)
		}
	}
}

func sameGatewayName(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, "_", "-"), strings.ReplaceAll(b, "_", "-"))
}
