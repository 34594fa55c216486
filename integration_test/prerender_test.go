package integration_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// A page that Chromium made ahead, when everything was agreed to, is shown after that was
// taken back: it was told nothing meanwhile, and gives way to the page of the refusal. A
// tab that is driven makes no pages ahead, so this one drives itself.
func TestPrerenderedPageOfAnEarlierChoice(t *testing.T) {
	made, takenBack, reports := make(chan bool, 9), make(chan bool), make(chan url.Values, 9)
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		const begin = `<!DOCTYPE html><html lang="en"><head><title>t</title><link rel="icon" href="data:,">`
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		switch r.URL.Path {
		case "/":
			io.WriteString(w, begin+`</head><body>`)
		case "/first":
			io.WriteString(w, begin+`<script type="speculationrules">{"prerender":[{"urls":["/next"],"eagerness":"immediate"}]}</script></head><body><a id="next" href="/next">Next</a><script>
				fetch("/wait").then(() => document.getElementById("next").click())
			</script>`)
		case "/next":
			io.WriteString(w, begin+`<script>
				document.cookie = "_pk_id.1=1"
				const report = when => fetch("/report?" + new URLSearchParams({ when, granted: cookieConsent.has("statistics"), cookie: document.cookie }), { keepalive: true })
				const loaded = () => setTimeout(report, 500, "loaded")
				if (document.prerendering) {
					fetch("/made")
					document.addEventListener("prerenderingchange", () => report("shown"))
				} else if (document.readyState === "complete") loaded()
				else addEventListener("load", loaded)
			</script></head><body>`)
		case "/made":
			made <- true
		case "/wait":
			select {
			case <-takenBack:
			case <-r.Context().Done():
			}
		case "/report":
			reports <- r.URL.Query()
		}
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.open(s.url("/"))
	b.press(acceptButton)
	if _, err := chromedp.CallBrowser(b.ctx, target.CreateTarget, target.CreateTargetParams{URL: s.url("/first")}); err != nil {
		t.Fatal(err)
	}
	patient := time.After(patience)
	select {
	case <-made:
	case <-patient:
		t.Fatal("the page is not made ahead")
	}
	b.keep(s.choose(t, rejectAll))
	close(takenBack)
	shown := false
	for {
		select {
		case report := <-reports:
			shown = shown || report.Get("when") == "shown"
			if report.Get("when") == "loaded" {
				if !shown {
					t.Error("the page that was made ahead is not the one that was shown")
				}
				if report.Get("granted") != "false" || strings.Contains(report.Get("cookie"), "_pk_id") {
					t.Errorf("the page that followed says %v", report)
				}
				if names := b.names(); len(names) > 0 {
					t.Errorf("the browser holds %q", names)
				}
				return
			}
		case <-patient:
			t.Fatal("the page of the refusal does not come")
		}
	}
}
