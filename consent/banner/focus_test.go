package banner

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

// Whoever walks through a page with the keyboard, without JavaScript, sees all that gets
// the focus, to the end of the page (WCAG 2.2, section 2.4.11).
func TestFocusIsNotCovered(t *testing.T) {
	ctx := browser.Start(t)
	r := newRenderer(t, &consent.Config{}, Config{})
	mux := http.NewServeMux()
	mux.HandleFunc("/.cookie-consent/{name}", func(w http.ResponseWriter, req *http.Request) {
		body, contentType, _ := r.Asset(req.PathValue("name"))
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(body)
	})
	const links = 60
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		document := r.AppendBodyStart([]byte("<!DOCTYPE html><meta name=viewport content='width=device-width'><title>t</title><body>"), Place{Language: "en", ReturnTo: "/"}, notAsked(r))
		for i := range links {
			document = fmt.Appendf(document, "<p><a href='#%d'>Link %[1]d</a></p>", i)
		}
		_, _ = w.Write(r.AppendEnd(document, Place{}, notAsked(r)))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	for _, window := range [][2]int64{{1280, 800}, {390, 844}} {
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(window[0], window[1]), chromedp.Navigate(server.URL+"/"), chromedp.KeyEvent("\t\t\t\t")); err != nil {
			t.Fatal(err)
		}
		for i := range links {
			if err := chromedp.Do(ctx, chromedp.KeyEvent("\t")); err != nil {
				t.Fatal(err)
			}
			got, err := chromedp.Run(ctx, chromedp.Evaluate[string](`(() => {
				const focused = document.activeElement, box = focused.getBoundingClientRect(), banner = document.getElementById("cookie-consent").getBoundingClientRect();
				return focused.textContent + (box.top < 0 || box.bottom > banner.top ? " is covered" : "");
			})()`))
			if want := fmt.Sprint("Link ", i); err != nil || got != want {
				t.Fatalf("in a window of %v: %s, want %s in sight (%v)", window, strings.TrimSpace(got), want, err)
			}
		}
	}
}
