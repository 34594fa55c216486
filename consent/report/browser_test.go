package report

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

// serve answers with a report, under its policy.
func serve(t *testing.T, r *Report) (address string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", Policy())
		if err := Write(w, r); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// axe-core finds nothing wrong with a report.
func TestAxe(t *testing.T) {
	ctx := browser.Start(t)
	browser.Axe(t, ctx)
	browser.CheckAxe(t, ctx, serve(t, example()), "html")
	browser.CheckAxe(t, ctx, serve(t, &Report{Made: made, Version: "v1.2.3"}), "html")
}

// Browsers apply the style sheet under the policy, in both schemes, and the page never has
// to be scrolled sideways, whatever is opened and however long the names are.
func TestReportInBrowser(t *testing.T) {
	r := example()
	long := strings.Repeat("averylongname", 7)
	r.Sites[0].Name += ", " + long + ".example.test"
	r.Sites[0].Cookies[0].Name, r.Sites[0].Cookies[1].Lines = long, "cookie "+long+" {\n}"
	r.Sites[0].Hosts[0].Name, r.Sites[0].Hosts[0].Category = strings.Repeat("label.", 14)+"example.net", long
	address := serve(t, r)
	ctx := browser.Start(t)
	for _, window := range []struct {
		width, height      int64
		scheme, background string
	}{{1280, 800, "light", "rgb(255, 255, 255)"}, {390, 844, "dark", "rgb(28, 33, 41)"}, {320, 256, "light", "rgb(255, 255, 255)"}} {
		if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: window.scheme}},
		}); err != nil {
			t.Fatal(err)
		}
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(window.width, window.height), chromedp.Navigate(address)); err != nil {
			t.Fatal(err)
		}
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](`(() => {
			const closed = document.documentElement.scrollWidth
			document.querySelectorAll("details").forEach(d => d.open = true)
			return [Math.max(closed, document.documentElement.scrollWidth) - innerWidth, getComputedStyle(document.documentElement).backgroundColor,
				document.querySelectorAll(".bars rect").length > 5 && document.querySelector(".bars rect").getBoundingClientRect().height > 10].join("|")
		})()`))
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("0|%s|true", window.background); got != want {
			t.Errorf("%d×%d: beyond the window, background, bars: %s, want %s", window.width, window.height, got, want)
		}
	}
}
