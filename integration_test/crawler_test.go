package integration_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// What a search engine finds is the application's page: it stays in the index under its
// own address, and nothing of the banner becomes part of what is shown of it.
func TestPagesForSearchEngines(t *testing.T) {
	const document = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Portal</title><meta name="description" content="Data of the city">` +
		`<link rel="canonical" href="https://www.example.test/datasets"><meta name="robots" content="max-snippet:200"></head><body><h1>Datasets</h1><p>All of the city's data.</p></body></html>`
	app := newApplication(t, func(w http.ResponseWriter, _ *http.Request) {
		setCookies(w, allCookies...)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Link", `<https://www.example.test/datasets>; rel="canonical"`)
		io.WriteString(w, document)
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	for _, agent := range []string{
		"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Googlebot/2.1; +http://www.google.com/bot.html) Chrome/140.0.0.0 Safari/537.36",
		"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
	} {
		for _, accept := range []string{"text/html,application/xhtml+xml,application/signed-exchange;v=b3,application/xml;q=0.9,*/*;q=0.8", "*/*"} {
			for _, choice := range []string{"", "Cookie: " + s.choose(t, rejectAll)} {
				res := s.do(t, h2, request{path: "/datasets", header: slices.DeleteFunc([]string{"User-Agent: " + agent, "Accept: " + accept, choice}, func(line string) bool { return line == "" })})
				if got := res.header["X-Robots-Tag"]; res.status != http.StatusOK || got != nil || strings.Contains(res.body, "noindex") {
					t.Errorf("%s: status %d, X-Robots-Tag %q, or noindex in %s", agent, res.status, got, res.body)
				}
				if !slices.Equal(res.header["Link"], []string{`<https://www.example.test/datasets>; rel="canonical"`}) || strings.Count(res.body, "canonical") != 1 {
					t.Errorf("%s: the canonical address is lost: %q", agent, res.header["Link"])
				}
				if got, want := indexed(t, res.body), indexed(t, document); got != want {
					t.Errorf("%s: is indexed as\n%s, the application's page as\n%s", agent, got, want)
				}
				if found := strings.Contains(res.body, bannerMark) || strings.Contains(res.body, settingsMark); !found {
					t.Errorf("%s: neither banner nor settings: nothing is tested", agent)
				}
			}
		}
	}
}

// indexed is what search engines take from a page: its head, but for scripts, and its text,
// but for what they are told to leave out, which they heed on three elements.
func indexed(t *testing.T, document string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		heeds := n.Data == "div" || n.Data == "span" || n.Data == "section"
		switch {
		case n.Type == html.TextNode:
			b.WriteString(n.Data)
		case n.Data == "script", n.Data == "style", n.Data == "template",
			heeds && slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "data-nosnippet" }):
			return
		case n.Data == "meta", n.Data == "link":
			for _, a := range n.Attr {
				b.WriteString(" " + a.Key + "=" + a.Val)
			}
		}
		for child := range n.ChildNodes() {
			walk(child)
		}
	}
	walk(root)
	return b.String()
}
