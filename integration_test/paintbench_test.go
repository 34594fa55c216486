package integration_test

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// BenchmarkFirstPaint compares a page with the banner to the same page from the same
// Caddy without the directive, as Chromium paints it, in rounds that alternate. Medians
// are reported: later-ms is how much later the page's first contentful paint is;
// banner-ms how long after it the banner is laid out, a frame being 16.7; shift is the
// most that the layout ever shifted.
func BenchmarkFirstPaint(b *testing.B) {
	app := newApplication(b, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<!DOCTYPE html><html lang="en"><head><title>t</title><link rel="icon" href="data:,"><style>body{font:16px/1.5 sans-serif}</style></head><body><h1>Page</h1>`+strings.Repeat(`<p>Words of the page.</p>`, 300))
	})
	s := start(b, "http://with.example.test {\nencode\n"+policy+"reverse_proxy "+app.addr+"\n}\nhttp://without.example.test {\nencode\nreverse_proxy "+app.addr+"\n}\n")
	tab := openBrowser(b)
	tab.do(chromedp.EmulateViewport(1280, 800))
	if _, err := chromedp.Call(tab.ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: `
		window.shift = 0
		new PerformanceObserver(list => { for (const e of list.getEntries()) window.shift += e.value }).observe({ type: "layout-shift", buffered: true })
		const look = () => {
			const banner = document.getElementById("cookie-consent")
			if (banner && getComputedStyle(banner).position === "fixed") window.bannerAt = performance.now()
			else requestAnimationFrame(look)
		}
		requestAnimationFrame(look)`}); err != nil {
		b.Fatal(err)
	}
	type painted struct{ Page, Banner, Shift float64 }
	paint := func(host string) painted {
		tab.open("http://" + host + ":" + strconv.Itoa(s.httpPort) + "/")
		return js[painted](tab, `new Promise(done => {
			const look = () => {
				const [first] = performance.getEntriesByName("first-contentful-paint")
				if (first) setTimeout(() => done({ Page: first.startTime, Banner: window.bannerAt || 0, Shift: window.shift }), 200)
				else requestAnimationFrame(look)
			}
			look()
		})`)
	}
	paint("with.example.test") // what every visitor has once
	paint("without.example.test")
	for b.Loop() {
		var later, banner []float64
		var shift float64
		for round := range rounds {
			var with, without painted
			if round%2 == 0 {
				with, without = paint("with.example.test"), paint("without.example.test")
			} else {
				without, with = paint("without.example.test"), paint("with.example.test")
			}
			if with.Banner == 0 || without.Banner != 0 {
				b.Fatalf("the banner is at %v with the directive, at %v without", with.Banner, without.Banner)
			}
			later = append(later, with.Page-without.Page)
			banner = append(banner, with.Banner-with.Page)
			shift = max(shift, with.Shift)
		}
		slices.Sort(later)
		slices.Sort(banner)
		b.ReportMetric(later[rounds/2], "later-ms")
		b.ReportMetric(banner[rounds/2], "banner-ms")
		b.ReportMetric(shift, "shift")
	}
}
