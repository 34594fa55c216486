package integration_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	visitors "github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

// Where a script puts the body of another page in the place of that of the page, the
// banner and the link to the settings come back, once, and keep working.
func TestBodiesThatScriptsReplace(t *testing.T) {
	for _, library := range []struct {
		name, script, head, body string
	}{
		{"turbo", "@hotwired/turbo/dist/turbo.es2017-umd.js", ``, `<body>`},
		{"htmx", "htmx.org/dist/htmx.min.js", ``, `<body hx-boost="true">`},
		{
			"pjax", "jquery-pjax/jquery.pjax.js",
			`<script>$(document).pjax("a[href^='/page']", "body", { fragment: "body" })</script>`, `<body>`,
		},
	} {
		t.Run(library.name, func(t *testing.T) {
			script, jquery := visitors.NPM(t, library.script), visitors.NPM(t, "jquery/dist/jquery.min.js")
			app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/library.js":
					w.Header().Set("Content-Type", "text/javascript")
					io.WriteString(w, script)
				case "/jquery.js":
					w.Header().Set("Content-Type", "text/javascript")
					io.WriteString(w, jquery)
				default:
					w.Header().Set("Content-Type", "text/html; charset=utf-8")
					fmt.Fprintf(w, `<!DOCTYPE html><html lang="en"><head><title>%s</title><link rel="icon" href="data:,"><script src="/jquery.js"></script><script src="/library.js"></script>%s</head>%s
						<h1>%[1]s</h1><p><a id="one" href="/page1">One</a> <a id="two" href="/page2">Two</a></p></body></html>`, r.URL.Path, library.head, library.body)
				}
			})
			s := start(t, site(policy+"reverse_proxy "+app.addr))
			b := openBrowser(t)
			follow := func(link, path string) {
				t.Helper()
				js[bool](b, `document.querySelector("`+link+`").click(), true`) // which the banner may cover
				b.await("the other body is there", `document.querySelector("h1").textContent === "`+path+`" && location.pathname === "`+path+`"`)
				if !b.isMarked() {
					t.Fatal("the page was loaded anew, which this test is not about")
				}
			}
			once := func(selector, other string) {
				t.Helper()
				b.await(selector+" is there once, and not "+other, `document.querySelectorAll("`+selector+`").length === 1 && !document.querySelector("`+other+`") && document.querySelectorAll("#cookie-consent-form").length === 1`)
				if !b.has(selector) {
					t.Errorf("%s can't be seen", selector)
				}
			}
			const banner, settings = "#cookie-consent", "#cookie-consent-settings"

			b.open(s.url("/page1"))
			b.mark()
			once(banner, settings)
			for range 2 {
				follow("#two", "/page2")
				once(banner, settings)
				follow("#one", "/page1")
				once(banner, settings)
			}

			b.press(acceptButton)
			if !b.isMarked() {
				t.Error("the choice was not taken on the page")
			}
			for range 2 {
				follow("#two", "/page2")
				b.await(settings+" is there", `document.querySelectorAll("`+settings+`").length === 1 && !document.getElementById("cookie-consent")`)
				js[bool](b, "history.back(), true")
				b.await("the body of before is there", `document.querySelector("h1").textContent === "/page1"`)
				b.await(settings+" is there", `document.querySelectorAll("`+settings+`").length === 1 && !document.getElementById("cookie-consent")`)
			}
			b.click(settings)
			if got := js[string](b, "location.pathname"); got != prefix {
				t.Errorf("the link to the settings leads to %s", got)
			}
		})
	}
}
