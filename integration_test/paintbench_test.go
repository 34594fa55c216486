package integration_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/internal/pages"
)

// BenchmarkFirstPaint compares when Chromium first paints a page of 40 KB of text to the
// same page from the same Caddy without the directive, in rounds that alternate: for a
// visitor who is asked, for one who has chosen, and for a page that came with the banner
// as it stands, style sheet included, and with nothing else of the module, which tells
// what painting its words takes by itself. The differences are medians in milliseconds;
// banner-ms is how long after the page the banner is laid out, a frame being 16.7, and
// shift the most that the layout ever shifted.
func BenchmarkFirstPaint(b *testing.B) {
	page := string(pages.Generate(7, 40<<10, 1, 0, 0, 0))
	var standing string
	app := newApplication(b, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		body := page
		switch {
		case r.URL.Path == "/site.css":
			w.Header().Set("Content-Type", "text/css")
			w.Header().Set("Cache-Control", "max-age=3600")
			body = "body{font:16px/1.5 sans-serif}"
		case strings.HasPrefix(r.Host, "standing."):
			body = standing
		}
		if _, err := w.Write([]byte(body)); err != nil {
			b.Error(err)
		}
	})
	plain := "encode\nreverse_proxy " + app.addr + "\n"
	s := start(b, siteFor("http://asked.example.test, http://chosen.example.test", policy+plain)+
		siteFor("http://without.example.test, http://standing.example.test", plain))
	get := func(path string) string {
		return s.do(b, h1, request{scheme: "http", path: path, host: "asked.example.test", header: navigation}).body
	}
	_, banner, _ := strings.Cut(get("/"), `<body class="home page">`)
	banner, _, _ = strings.Cut(banner, "\n<p>")
	link := regexp.MustCompile(`<link rel="stylesheet" href="([^"]+)">`).FindStringSubmatch(banner)
	banner = strings.ReplaceAll(banner, link[0], "<style>"+get(link[1])+"</style>")
	standing = strings.Replace(page, "\n<p>", banner+"\n<p>", 1)

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
	paint := func(name string) painted {
		tab.open("http://" + name + ".example.test:" + strconv.Itoa(s.httpPort) + "/")
		return js[painted](tab, `new Promise(done => {
			const look = () => {
				const [first] = performance.getEntriesByName("first-contentful-paint")
				if (first) setTimeout(() => done({ Page: first.startTime, Banner: window.bannerAt || 0, Shift: window.shift }), 200)
				else requestAnimationFrame(look)
			}
			look()
		})`)
	}
	names := []string{"without", "asked", "chosen", "standing"}
	for _, name := range names { // what every visitor has once
		paint(name)
	}
	tab.open("http://chosen.example.test:" + strconv.Itoa(s.httpPort) + "/")
	tab.press(rejectButton)

	for b.Loop() {
		later := map[string][]float64{}
		var after []float64
		var shift float64
		for round := range 2 * rounds {
			at := map[string]painted{}
			for i := range names {
				name := names[(i+round)%len(names)]
				at[name] = paint(name)
			}
			if at["asked"].Banner == 0 || at["standing"].Banner == 0 || at["without"].Banner+at["chosen"].Banner != 0 {
				b.Fatalf("the banner is where it should not be: %v", at)
			}
			for name, p := range at {
				later[name] = append(later[name], p.Page-at["without"].Page)
			}
			after = append(after, at["asked"].Banner-at["asked"].Page)
			shift = max(shift, at["asked"].Shift, at["chosen"].Shift)
		}
		for _, name := range names[1:] {
			b.ReportMetric(median(later[name]), name+"-ms")
		}
		b.ReportMetric(median(after), "banner-ms")
		b.ReportMetric(shift, "shift")
	}
}
