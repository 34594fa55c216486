package integration_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// The banner is not in front of what has the focus, wherever a page lets that be, and
// it is in the window even if the page's body is what the fixed is fixed to.
func TestBannerGivesWay(t *testing.T) {
	pages := map[string]string{
		"/long":  `<body>` + strings.Repeat(`<p>Words.</p>`, 60) + `<p><a href="#last" id="last">Last</a></p>`,
		"/short": `<body style="margin:0;height:100vh;display:flex;flex-direction:column;justify-content:space-between"><h1>t</h1><p><a href="#last" id="last">Last</a></p>`,
		"/inner": `<body style="margin:0"><main style="height:100vh;overflow:auto">` + strings.Repeat(`<p>Words.</p>`, 60) + `<p><a href="#last" id="last">Last</a></p></main>`,
		"/frame": `<body style="transform:translateZ(0)">` + strings.Repeat(`<p>Words.</p>`, 60) + `<p><a href="#last" id="last">Last</a></p>`,
	}
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<!DOCTYPE html><html lang="en"><head><title>t</title><link rel="icon" href="data:,"></head>`+pages[r.URL.Path])
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.do(chromedp.EmulateViewport(1280, 800))
	const banner = `document.getElementById("cookie-consent").getBoundingClientRect()`
	for path := range pages {
		b.open(s.url(path))
		b.await(path+": the banner is in the window", banner+`.bottom <= innerHeight && `+banner+`.top > innerHeight / 2`)
		height := js[float64](b, `document.querySelector("h1, main, body").getBoundingClientRect().height`)
		js[bool](b, `document.getElementById("last").focus(), true`)
		b.await(path+": what has the focus is in sight", `(() => {
			const a = document.getElementById("last"), { x, y, width, height } = a.getBoundingClientRect()
			return document.activeElement === a && document.elementFromPoint(x + width / 2, y + height / 2) === a
		})()`)
		if got := js[float64](b, `document.querySelector("h1, main, body").getBoundingClientRect().height`); got != height {
			t.Errorf("%s: the page changes", path)
		}
		if scrolls := js[bool](b, `document.documentElement.scrollHeight > innerHeight`); scrolls != (path == "/long" || path == "/frame") {
			t.Errorf("%s: that the page can be scrolled is %t", path, scrolls)
		}
		js[bool](b, `document.querySelector("#cookie-consent summary").focus(), true`)
		b.await(path+": the banner is back", banner+`.bottom > innerHeight - 10`)
	}
}
