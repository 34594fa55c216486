package banner

import (
	"bytes"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/net/html"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

func newPolicy(t testing.TB, cfg *consent.Config) *consent.Policy {
	t.Helper()
	policy, err := consent.New(*cfg)
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

// newRenderer fills in what every operator's configuration has.
func newRenderer(t testing.TB, declared *consent.Config, cfg Config) *Renderer {
	t.Helper()
	if cfg.Prefix == "" {
		cfg.Prefix = "/.cookie-consent/"
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = 182 * 24 * time.Hour
	}
	if cfg.CookieName == "" {
		cfg.CookieName = "cookies_preferences"
	}
	r, err := New(newPolicy(t, declared), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func notAsked(r *Renderer) *consent.Decision { return r.policy.Decide(nil, false) }

func signalled(r *Renderer) *consent.Decision { return r.policy.Decide(nil, true) }

func chosen(r *Renderer, p *consent.Preference) *consent.Decision { return r.policy.Decide(p, false) }

func unsafeString(b []byte) string { return unsafe.String(&b[0], len(b)) }

// parse reads a whole document.
func parse(t testing.TB, document []byte) *html.Node {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// inPage returns a page with the banner's pieces where they belong.
func inPage(r *Renderer, lang, returnTo string, d *consent.Decision) []byte {
	page := []byte(`<!DOCTYPE html><title>t</title><body>`)
	page = r.AppendBodyStart(page, Place{Language: lang, ReturnTo: returnTo}, d)
	page = append(page, `<form action="/search"><input name="q">`...)
	return r.AppendEnd(page, Place{}, d)
}

// shown yields what is below a node, but for the content of templates.
func shown(root *html.Node) iter.Seq[*html.Node] {
	return func(yield func(*html.Node) bool) {
		for n := range root.Descendants() {
			inTemplate := false
			for a := range n.Ancestors() {
				inTemplate = inTemplate || a.Data == "template"
			}
			if !inTemplate && !yield(n) {
				return
			}
		}
	}
}

// elements returns every element below a node for which the condition holds.
func elements(root *html.Node, condition func(*html.Node) bool) []*html.Node {
	var found []*html.Node
	for n := range shown(root) {
		if n.Type == html.ElementNode && condition(n) {
			found = append(found, n)
		}
	}
	return found
}

func named(name string) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.Data == name }
}

func withAttr(key, value string) func(*html.Node) bool {
	return func(n *html.Node) bool { return attr(n, key) == value }
}

// one returns the only element for which the condition holds.
func one(t testing.TB, root *html.Node, what string, condition func(*html.Node) bool) *html.Node {
	t.Helper()
	found := elements(root, condition)
	if len(found) != 1 {
		t.Fatalf("%d elements are %s, want one", len(found), what)
	}
	return found[0]
}

func has(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// text returns the text of a node with runs of spaces as one space.
func text(root *html.Node) string {
	var b strings.Builder
	for n := range shown(root) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.FieldsFunc(b.String(), func(r rune) bool { return r <= ' ' }), " ")
}

// serve starts a site of one page, with the assets, and returns its address.
func serve(t testing.TB, r *Renderer, page http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", page)
	mux.HandleFunc("/.cookie-consent/{name}", func(w http.ResponseWriter, req *http.Request) {
		body, contentType, _ := r.Asset(req.PathValue("name"))
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(body)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}
