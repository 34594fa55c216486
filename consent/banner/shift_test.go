package banner

import (
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

// On a slow line the banner arrives in pieces, and a slow browser shows what it has read
// of it. Nothing moves meanwhile.
func TestNothingMovesWhileTheBannerArrives(t *testing.T) {
	ctx := browser.Start(t)
	r := newRenderer(t, &consent.Config{}, Config{})
	address := serve(t, r, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		document := []byte(`<!DOCTYPE html><html lang=en><title>t</title><body>`)
		document = r.AppendBodyStart(document, Place{Language: "en", ReturnTo: "/"}, notAsked(r))
		document = append(document, `<p>The page.</p>`...)
		document = r.AppendEnd(document, Place{}, notAsked(r))
		const pieces = 15
		for i := range pieces {
			_, _ = w.Write(document[i*len(document)/pieces : (i+1)*len(document)/pieces])
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			time.Sleep(60 * time.Millisecond)
		}
	})
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 800), chromedp.Navigate(address)); err != nil {
		t.Fatal(err)
	}
	type seen struct {
		Shift   float64
		Visible bool
	}
	got, err := chromedp.Run(ctx, chromedp.Evaluate[seen](`new Promise(done => {
		let shift = 0
		new PerformanceObserver(list => { for (const entry of list.getEntries()) shift += entry.value }).observe({ type: "layout-shift", buffered: true })
		setTimeout(() => done({ Shift: shift, Visible: document.getElementById("cookie-consent").checkVisibility() }), 200)
	})`, chromedp.EvalAwaitPromise))
	if want := (seen{0, true}); err != nil || got != want {
		t.Errorf("%+v, want %+v (%v)", got, want, err)
	}
}
