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

// placeholder returns the address of a page to be shown in place of what leads to a
// destination.
func (b *pageWriter) placeholder(to consent.Destination, content string) string {
	address := append(b.address[:0], b.origin...)
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
		address = append(append(address, "&host="...), url.QueryEscape(to.Host)...)
	}
	if content = b.absolute(content); content != "" {
		address = append(append(address, "&content="...), url.QueryEscape(content)...)
	}
	b.address = address
	return string(address)
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
func (x *exchange) returnTo() string { return localPathOrRoot(x.url.RequestURI()) }

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
