package banner

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

// Whoever walks through a page with the keyboard, without JavaScript, sees all that gets
// the focus, to the end of the page (WCAG 2.2, section 2.4.11).
func TestFocusIsNotCovered(t *testing.T) {
	ctx := browser.Start(t)
	r := newRenderer(t, &consent.Config{}, Config{})
	const links = 60
	address := serve(t, r, func(w http.ResponseWriter, _ *http.Request) {
		document := r.AppendBodyStart([]byte("<!DOCTYPE html><meta name=viewport content='width=device-width'><title>t</title><body>"), Place{Language: "en", ReturnTo: "/"}, notAsked(r))
		for i := range links {
			document = fmt.Appendf(document, "<p><a href='#%d'>Link %[1]d</a></p>", i)
		}
		_, _ = w.Write(r.AppendEnd(document, Place{}, notAsked(r)))
	})
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	for _, window := range [][2]int64{{1280, 800}, {390, 844}} {
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(window[0], window[1]), chromedp.Navigate(address+"/"), chromedp.KeyEvent("\t\t\t\t")); err != nil {
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

// The focus goes through everything that can be activated in the order of the words, on
// beyond the last of it, and back. All of what has it is in sight, and a line of enough
// breadth and contrast tells so, be the page's style sheet hostile, the scheme dark, or
// the colours the visitor's own (WCAG 2.2, sections 2.1.2, 2.4.3, 2.4.7, 2.4.12, 2.4.13).
func TestFocusIsSeen(t *testing.T) {
	ctx := browser.Start(t)
	site, _ := newSite(t, newRenderer(t, declared(), Config{PrivacyPolicy: "/privacy", Contact: "privacy@city.example"}))
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	for _, look := range []struct {
		width, height        int64
		feature, value, path string
		stops                int
	}{
		{800, 600, "prefers-color-scheme", "light", "/site/table", 11},
		{320, 640, "prefers-color-scheme", "dark", "/site/none", 11},
		{800, 600, "forced-colors", "active", "/site/framework", 11},
		{320, 640, "prefers-color-scheme", "dark", "/page", 14},
		{800, 600, "forced-colors", "active", "/page", 14},
		{320, 200, "prefers-color-scheme", "light", "/placeholder", 3},
	} {
		t.Run(fmt.Sprintf("%s %dx%d %s", look.path[1:], look.width, look.height, look.value), func(t *testing.T) {
			evaluate := func(script string) []float64 {
				t.Helper()
				got, err := chromedp.Run(ctx, chromedp.Evaluate[[]float64](script))
				if err != nil {
					t.Fatal(err)
				}
				return got
			}
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: look.feature, Value: look.value}},
			})
			if err == nil {
				err = chromedp.Do(ctx, chromedp.EmulateViewport(look.width, look.height), chromedp.Navigate(site+look.path+"?lang=en"))
			}
			if err != nil {
				t.Fatal(err)
			}
			// The numbers of those before which one lies higher, but for one at its side.
			jumps := evaluate(`
				document.querySelectorAll("details").forEach(e => { e.open = true });
				stops = [...(document.getElementById("cookie-consent") || document).querySelectorAll("a[href], button, input:not([type=hidden]), select, summary")].filter(e => e.checkVisibility());
				boxes = stops.map(e => e.getBoundingClientRect());
				[stops.length, ...boxes.keys().filter(i => i && stops[i].closest(".cookie-consent-text") === stops[i - 1].closest(".cookie-consent-text") && boxes[i].bottom <= boxes[i - 1].top && boxes[i].left < boxes[i - 1].right)]`)
			if int(jumps[0]) != look.stops || len(jumps) > 1 {
				t.Errorf("%v stops, after jumps to %v, want %d", jumps[0], jumps[1:], look.stops)
			}
			const where = `(() => {
				const e = document.activeElement, box = e.getBoundingClientRect();
				const met = [[box.x + 4, box.y + 4], [box.right - 4, box.y + 4], [box.x + 4, box.bottom - 4], [box.right - 4, box.bottom - 4]].map(at => document.elementFromPoint(...at));
				const seen = met.every(m => m && (e.contains(m) || m.contains(e)));
				return [stops.indexOf(e), +seen, box.x, box.y, box.right, box.bottom];
			})()`
			for i := range look.stops {
				if err := chromedp.Do(ctx, chromedp.KeyEvent("\t")); err != nil {
					t.Fatal(err)
				}
				at := evaluate(where)
				if int(at[0]) != i || at[1] != 1 {
					t.Fatalf("stop %d: the focus is at %v, all in sight: %v, %v", i, at[0], at[1], at[2:])
				}
				focused := screenshot(t, ctx)
				evaluate(`document.activeElement.style.setProperty("outline", "none", "important"), []`)
				plain := screenshot(t, ctx)
				evaluate(`document.activeElement.style.removeProperty("outline"), []`)
				around := image.Rect(int(at[2])-6, int(at[3])-6, int(at[4])+6, int(at[5])+6)
				perimeter := 2 * (at[4] - at[2] + at[5] - at[3])
				if breadth := float64(changed(focused, plain, around)) / perimeter; breadth < 2 {
					t.Errorf("stop %d: the line around what has the focus is %.1f pixels wide, want 2 at least", i, breadth)
				}
			}
			// Beyond the last one, which may be the browser's own controls, and back.
			press := func(modifier chromedp.Modifier) int {
				t.Helper()
				if err := chromedp.Do(ctx, chromedp.KeyEvent("\t", chromedp.KeyModifiers(modifier))); err != nil {
					t.Fatal(err)
				}
				return int(evaluate(where)[0])
			}
			if at := press(chromedp.ModifierNone); at > 0 {
				t.Fatalf("after the last stop the focus is at %d", at)
			}
			last := look.stops - 1
			for range 3 {
				if press(chromedp.ModifierShift) == last {
					break
				}
			}
			for i := last - 1; i >= 0; i-- {
				if at := press(chromedp.ModifierShift); at != i {
					t.Fatalf("on the way back the focus is at %d, want %d", at, i)
				}
			}
		})
	}
}

func screenshot(t *testing.T, ctx context.Context) image.Image {
	t.Helper()
	result, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{OptimizeForSpeed: new(true)})
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(result.Data))
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

// changed counts the pixels that have a contrast of 3:1 at least to what they were.
func changed(now, before image.Image, within image.Rectangle) int {
	within = within.Intersect(now.Bounds())
	n := 0
	for y := within.Min.Y; y < within.Max.Y; y++ {
		for x := within.Min.X; x < within.Max.X; x++ {
			a, b := color.RGBAModel.Convert(now.At(x, y)).(color.RGBA), color.RGBAModel.Convert(before.At(x, y)).(color.RGBA)
			if a != b && contrast(fmt.Sprintf("#%02x%02x%02x", a.R, a.G, a.B), fmt.Sprintf("#%02x%02x%02x", b.R, b.G, b.B)) >= 3 {
				n++
			}
		}
	}
	return n
}
