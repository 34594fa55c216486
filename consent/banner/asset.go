package banner

import (
	"crypto/sha256"
	_ "embed" // the style sheets
	"encoding/hex"
	"regexp"
	"strings"
	"sync"
)

// Asset returns a static file by the name that the pages call it by, such as
// "banner.3f9a2c1b.css". The name changes with the content, so that a browser
// may keep what it has for ever.
func (r *Renderer) Asset(name string) (body []byte, contentType string, ok bool) {
	for _, a := range []*asset{r.bannerCSS, r.pageCSS} {
		if a.name == name {
			return a.body, a.contentType, true
		}
	}
	return nil, "", false
}

// Stylesheet returns the name of the style sheet of the banner and of the link to the
// settings.
func (r *Renderer) Stylesheet() string { return r.bannerCSS.name }

// Stylesheets returns the style sheets of banner and pages, by the names that
// [Renderer.Asset] knows.
func (r *Renderer) Stylesheets() map[string]string {
	return map[string]string{
		r.bannerCSS.name: string(r.bannerCSS.body),
		r.pageCSS.name:   string(r.pageCSS.body),
	}
}

type asset struct {
	kind        string // what the name begins with
	name        string
	contentType string
	body        []byte
}

var (
	//go:embed banner.css
	bannerSource string

	//go:embed page.css
	pageSource string
)

// bannerCSS is banner.css with every declaration made important: the page
// around the banner has a style sheet of its own that nobody can foresee.
var bannerCSS = sync.OnceValue(func() *asset {
	return newStylesheet("banner", strings.ReplaceAll(squeeze(bannerSource), ";", "!important;"))
})

var pageCSS = sync.OnceValue(func() *asset { return newStylesheet("page", squeeze(pageSource)) })

// with returns the style sheet with another one behind it.
func (a *asset) with(css string) *asset { return newStylesheet(a.kind, string(a.body)+"\n"+css) }

func newStylesheet(kind, css string) *asset {
	hash := sha256.Sum256([]byte(css))
	return &asset{
		kind:        kind,
		name:        kind + "." + hex.EncodeToString(hash[:4]) + ".css",
		contentType: "text/css; charset=utf-8",
		body:        []byte(css),
	}
}

var (
	cssComment = regexp.MustCompile(`(?s)/\*.*?\*/`)
	cssSpace   = regexp.MustCompile(`\s*([{};,])\s*|(:) |\s*\n\s*`)
)

// squeeze takes comments and needless white space out of a style sheet whose
// strings hold neither.
func squeeze(css string) string {
	return cssSpace.ReplaceAllString(cssComment.ReplaceAllString(css, ""), "$1$2")
}
