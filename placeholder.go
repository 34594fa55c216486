package cookieconsent

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/banner"
)

// placeholderName is the endpoint of what is shown in place of a frame that is blocked.
const placeholderName = "placeholder"

// framedPolicy is the policy of those pages. Unlike the other own pages they are meant
// for frames, but of this site alone.
const framedPolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"

// maxContent bounds the address of what a placeholder stands for, in bytes.
const maxContent = 2048

// placeholder appends the address of a page to be shown in place of what leads to a
// destination.
func (b *pageWriter) placeholder(address []byte, to consent.Destination, content string) []byte {
	address = append(address, b.origin...)
	if b.origin == "" && b.guard.Based() {
		address = append(address, b.x.origin()...)
	}
	if b.placeholders == "" {
		b.placeholders = b.x.handler.Prefix + placeholderName +
			"?language=" + b.x.handler.banner.Language(b.language, b.x.language) +
			"&return_to=" + url.QueryEscape(b.x.returnTo())
	}
	address = append(address, b.placeholders...)
	category := b.x.handler.policy.Config().UnknownHosts
	if to.Rule != nil {
		category = to.Rule.Category
		for _, service := range to.Rule.Services {
			address = append(append(address, "&service="...), service...)
		}
	}
	address = append(append(address, "&category="...), category...)
	if to.Host != "" {
		address = appendQueryEscaped(append(address, "&host="...), to.Host)
	}
	if content = b.absolute(content); content != "" {
		address = appendQueryEscaped(append(address, "&content="...), content)
	}
	return address
}

// appendQueryEscaped appends what [url.QueryEscape] returns.
func appendQueryEscaped(b []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == '~':
			b = append(b, c)
		case c == ' ':
			b = append(b, '+')
		default:
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return b
}

// absolute returns the address that a URL of the page leads to, to be opened on its
// own; "" if it has none that is short and sure.
func (b *pageWriter) absolute(content string) string {
	content = strings.TrimSpace(content)
	if len(content) > maxContent {
		return ""
	}
	if rest, ok := strings.CutPrefix(content, "//"); ok {
		return b.x.scheme() + "://" + rest
	}
	// Most have their scheme; one that has not may be meant beside a base element.
	if scheme, _, ok := strings.Cut(content, "://"); ok && (scheme == "https" || scheme == "http") {
		return content
	}
	u, err := url.Parse(content)
	if err != nil || !u.IsAbs() && b.guard.Based() {
		return ""
	}
	u = (&url.URL{Scheme: b.x.scheme(), Host: b.x.address, Path: b.x.url.Path}).ResolveReference(u)
	if u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return u.String()
}

// returnTo returns the local address of the page, for the way back to it.
func (x *exchange) returnTo() string {
	if x.local == "" {
		x.local = localPathOrRoot(x.url.RequestURI())
	}
	return x.local
}

// servePlaceholder answers with what is shown in place of a frame. Whoever opens it on
// its own gets to the preferences: it says things that whoever made the link says.
func (h *Handler) servePlaceholder(w http.ResponseWriter, r *http.Request, x *exchange) error {
	query := x.url.Query()
	header := w.Header()
	addVary(header, "Sec-Fetch-Dest")
	returnTo := localPathOrRoot(query.Get("return_to"))
	view := banner.Placeholder{Services: query["service"], Category: query.Get("category"), ReturnTo: returnTo}
	// Browsers that do not say what they ask for may show the page on its own.
	if content := query.Get("content"); viewOf(r) == viewFrame && len(content) <= maxContent {
		view.Host, view.Content = query.Get("host"), content
	}
	page, ok := h.banner.PlaceholderPage(h.banner.Language(query.Get("language"), x.language), view)
	if !ok || r.Header.Get("Sec-Fetch-Dest") == "document" {
		header.Set("Cache-Control", "no-store")
		header.Set("Location", h.Prefix+"?"+url.Values{"return_to": {returnTo}}.Encode())
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	header.Set(policyName, framedPolicy)
	header.Set("Cross-Origin-Embedder-Policy", "require-corp") // as the page around may demand
	header.Set("Cache-Control", "private, no-cache")
	header.Set("Content-Type", "text/html; charset=utf-8")
	metrics.placeholders.Inc()
	_, err := w.Write(page)
	return err
}
