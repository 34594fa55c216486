package browser

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Axe gives axe-core to every page that is opened from then on.
func Axe(t testing.TB, ctx context.Context) {
	t.Helper()
	script := page.AddScriptToEvaluateOnNewDocumentParams{Source: NPM(t, "axe-core/axe.min.js")}
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, script); err != nil {
		t.Fatal(err)
	}
}

// CheckAxe lets axe-core look at what is opened at an address, or at the part of it that
// a selector names: light and dark, in a wide window and in the narrowest, with
// everything unfolded. What it finds wrong is an error of the test.
func CheckAxe(t testing.TB, ctx context.Context, address, selector string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	for _, look := range []struct {
		width  int64
		scheme string
	}{{1280, "light"}, {1280, "dark"}, {320, "dark"}, {320, "light"}} {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme}},
		})
		if err == nil {
			err = chromedp.Do(ctx, chromedp.EmulateViewport(look.width, 800))
		}
		var found string
		if err == nil {
			found, err = chromedp.Run(ctx, chromedp.Evaluate[string](fmt.Sprintf(`
				document.querySelectorAll("details").forEach(e => { e.open = true });
				axe.run(%q, { resultTypes: ["violations"] }).then(r => r.passes.length + " " +
					r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 150)).join(", ")).join("; "))`, selector), chromedp.EvalAwaitPromise))
		}
		passed, violations, _ := strings.Cut(found, " ")
		if err != nil || len(passed) < 2 || violations != "" {
			t.Errorf("%s, %d pixels wide, %s: %s rules passed; %s (%v)", address, look.width, look.scheme, passed, violations, err)
		}
	}
}
