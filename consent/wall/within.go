package wall

import (
	"bytes"
	"html"
	"io"
	"strings"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/rewrite"
	"github.com/cookieconsent/caddy-cookie-consent/consent/weburl"
)

// allowsFrame reports whether a page within the page may be contacted for, and nothing
// has to be blocked in one that its URL holds. The policy applies to that too, but
// neither to what it opens a connection to nor to where it leads on.
func (g *Guard) allowsFrame(url string) bool {
	if !g.allowsURL(url) {
		return false
	}
	essence, content, isData := weburl.Data(url)
	if !isData || isPassive(essence) {
		return true
	}
	if essence == "" || !isReadable(content) || strings.HasSuffix(essence, "xml") && !isPlainXML(content) {
		g.block(consent.Destination{})
		return false
	}
	return g.allowsDocument(string(content))
}

// isPassive reports whether browsers show a type as nothing that loads anything.
func isPassive(essence string) bool {
	kind, name, _ := strings.Cut(essence, "/")
	switch kind {
	case "image":
		return !strings.HasSuffix(name, "xml")
	case "audio", "font", "video":
		return true
	case "text":
		return name == "css" || name == "javascript" || name == "plain"
	}
	return essence == "application/json" || essence == "application/pdf"
}

// isReadable reports whether a document is in no encoding in which markup looks
// otherwise: UTF-16 or ISO-2022-JP.
func isReadable(content []byte) bool {
	return bytes.IndexByte(content, 0) < 0 && bytes.IndexByte(content, esc) < 0
}

const esc = 0x1b

// isPlainXML reports whether an XML document has in it neither elements of HTML nor what
// could make any.
func isPlainXML(content []byte) bool {
	text := html.UnescapeString(string(content))
	for _, word := range [...]string{"xhtml", "<!ENTITY", "<?xml-stylesheet"} {
		if strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// allowsDocument reports whether nothing has to be blocked in a page within the page.
func (g *Guard) allowsDocument(html string) bool {
	allowed := true
	inner := &Guard{decision: g.decision, pages: g.pages, lost: g.lost, blocked: func(to consent.Destination) {
		if allowed {
			to.Host = strings.Clone(to.Host) // out of what is read on
			g.block(to)
		}
		allowed = false
	}}
	r := rewrite.New(io.Discard, rewrite.Options{Edit: inner.Edit, Elements: Elements})
	if _, err := io.WriteString(r, html); err != nil {
		return false
	}
	return r.Close() == nil && allowed
}
