package wall

import (
	"strconv"
	"strings"

	"github.com/cookieconsent/caddy-cookie-consent/consent/rewrite"
)

// leastBox is the width and height from which something is meant to be seen, in CSS
// pixels. Frames that only count visits have none or next to none.
const leastBox = 16

// sources are the attributes that name the page in an element that shows one.
var sources = map[rewrite.Name]string{
	rewrite.NameOf("iframe"): "src",
	rewrite.NameOf("frame"):  "src",
	rewrite.NameOf("embed"):  "src",
	rewrite.NameOf("object"): "data",
}

var (
	heightAttribute  = rewrite.NameOf("height")
	hiddenAttribute  = rewrite.NameOf("hidden")
	sandboxAttribute = rewrite.NameOf("sandbox")
	srcdocAttribute  = rewrite.NameOf("srcdoc")
	styleAttribute   = rewrite.NameOf("style")
	widthAttribute   = rewrite.NameOf("width")
)

// showsPage reports whether an element shows a page in a box that visitors see, as
// far as its tag tells.
func showsPage(t *rewrite.Tag) bool {
	if sources[t.Name()] == "" || t.Find(hiddenAttribute) >= 0 {
		return false
	}
	for _, name := range [...]rewrite.Name{widthAttribute, heightAttribute} {
		if i := t.Find(name); i >= 0 {
			value := strings.TrimSuffix(strings.TrimSpace(string(t.Value(i))), "px")
			if n, err := strconv.ParseFloat(value, 64); err == nil && n < leastBox {
				return false
			}
		}
	}
	if i := t.Find(styleAttribute); i >= 0 {
		style := strings.ToLower(strings.Join(strings.Fields(string(t.AppendValue(nil, i))), ""))
		if strings.Contains(style, "display:none") || strings.Contains(style, "visibility:hidden") {
			return false
		}
	}
	return true
}

// addressOf returns the value of an attribute if it is the address of a page.
func (g *Guard) addressOf(t *rewrite.Tag, i int, r reading) string {
	if r != framed || t.Partial(i) {
		return ""
	}
	if value := g.text(t, i); !isInline(value) {
		return value
	}
	return ""
}

// showInstead makes an element whose page is blocked show another page, unless
// something of its own is left to show.
func showInstead(t *rewrite.Tag, address string) {
	source := sources[t.Name()]
	if !t.Whole() || t.Find(srcdocAttribute) >= 0 || t.Find(rewrite.NameOf(source)) >= 0 {
		return
	}
	t.Rename(sandboxAttribute, renamedSandbox) // which would forbid to answer
	if t.Rename(typeAttribute, renamedType) {
		t.Set("type", "text/html")
	}
	t.Set(source, address)
}
