package cookieconsent

import (
	"html"
	"net/url"
	"strings"
)

// originBeside returns the scheme, host and port that the visitor uses if a page
// with that base address would lead the handler's own addresses elsewhere, and ""
// if it would not: addresses that begin with a path need no knowledge of how the
// visitor came here, which proxies in front may hide.
func (x *exchange) originBeside(base string) string {
	base = strings.Trim(lineBreaks.Replace(html.UnescapeString(base)), " ")
	if base == "" {
		return ""
	}
	scheme := x.scheme()
	u, err := url.Parse(strings.ReplaceAll(base, `\`, "/"))
	if err == nil && u.Opaque == "" && (u.Scheme == "" || u.Scheme == scheme || u.Scheme == "https") {
		if u.Host == "" && u.Scheme == "" || strings.EqualFold(u.Host, x.address) {
			return ""
		}
	}
	return x.origin()
}

// origin returns the scheme, host and port that the visitor uses.
func (x *exchange) origin() string { return x.scheme() + "://" + x.address }

func (x *exchange) scheme() string {
	if x.secure {
		return "https"
	}
	return "http"
}

// lineBreaks removes what browsers remove from addresses (WHATWG URL, section 4.4).
var lineBreaks = strings.NewReplacer("\t", "", "\n", "", "\r", "")
