//go:build screenshots

package banner

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

// What visitors see, as pictures in the directory that SCREENSHOTS names.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		t.Fatal("SCREENSHOTS names no directory: run make screenshots")
	}
	ctx := browser.Start(t)
	site, _ := newSite(t, newRenderer(t, declared(), Config{Controller: "City of Example", Contact: "privacy@city.example", PrivacyPolicy: "/privacy"}))
	for _, size := range [][2]int64{{1280, 800}, {390, 844}} {
		for _, scheme := range []string{"light", "dark"} {
			folder := filepath.Join(dir, fmt.Sprintf("%dx%d-%s", size[0], size[1], scheme))
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			for _, lang := range []string{"en", "de", "ar", "ja"} {
				for _, piece := range []struct{ name, path, script string }{
					{"banner", "/site/none", ""},
					{"choose", "/site/none", `document.querySelector("#cookie-consent details").open = true`},
					{"preferences", "/page", ""},
					{"placeholder", "/placeholder", ""},
					{"error", "/error", ""},
				} {
					_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
						Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
					})
					if err == nil {
						err = chromedp.Do(ctx, chromedp.EmulateViewport(size[0], size[1]), chromedp.Navigate(site+piece.path+"?lang="+lang))
					}
					if err == nil {
						_, err = chromedp.Run(ctx, chromedp.Evaluate[bool](cmp.Or(piece.script, "true")))
					}
					var picture []byte
					if err == nil {
						picture, err = chromedp.Run(ctx, chromedp.CaptureScreenshot())
					}
					if err == nil {
						err = os.WriteFile(filepath.Join(folder, piece.name+"-"+lang+".png"), picture, 0o644)
					}
					if err != nil {
						t.Fatalf("%s in %s: %v", piece.name, lang, err)
					}
				}
			}
		}
	}
}
