package banner

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

// Visitors' own tools find the banner and refuse, without having heard of it: autoconsent
// by its heuristics alone, and a script that knows nothing but the words of a button.
func TestToolsOfVisitorsRefuse(t *testing.T) {
	autoconsent := `window.autoconsentSendMessage = message => {
		if (message.type === "init") setTimeout(() => autoconsentReceiveMessage({
			type: "initResp", rules: { autoconsent: [] },
			config: {
				enabled: true, autoAction: "optOut", disabledCmps: [], enablePrehide: false, enableCosmeticRules: false, enableGeneratedRules: false,
				detectRetries: 20, isMainWorld: false, prehideTimeout: 2000, enableHeuristicDetection: true, heuristicMode: "reject", heuristicPopupSearchTimeout: 5000,
				logs: {},
			},
		}));
		if (message.type === "eval") setTimeout(() => autoconsentReceiveMessage({ type: "evalResp", id: message.id, result: false }));
		return Promise.resolve();
	};` + browser.NPM(t, "@duckduckgo/autoconsent/dist/autoconsent.playwright.js")
	ctx := browser.Start(t)
	site, posted := newSite(t, newRenderer(t, declared(), Config{Controller: "City of Example"}))
	for lang, words := range map[string]string{
		"en": "Reject all", "fr": "Tout refuser", "de": "Alle ablehnen", "es": "Rechazar todo", "nl": "Alles weigeren", "it": "Rifiuta tutto",
	} {
		for tool, script := range map[string]string{
			"autoconsent": autoconsent,
			"by words":    fmt.Sprintf(`[...document.querySelectorAll("button")].find(e => e.innerText.trim() === %q).click()`, words),
		} {
			if lang == "it" && tool == "autoconsent" {
				continue // whose heuristics know no banner in Italian
			}
			t.Run(lang+"/"+tool, func(t *testing.T) {
				err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 800), chromedp.Navigate(site+"/site/none?lang="+lang))
				if err == nil {
					_, err = chromedp.Run(ctx, chromedp.Evaluate[bool](script+"; true"))
				}
				if err != nil {
					t.Fatal(err)
				}
				select {
				case got := <-posted:
					want := "/.cookie-consent/preferences " + url.Values{"return_to": {"/site/none?lang=" + lang}}.Encode() + "&language=" + lang + "&category=statistics&choice=reject_all"
					if got != want {
						t.Errorf("posted %q, want %q", got, want)
					}
				case <-time.After(30 * time.Second):
					t.Error("nothing is refused")
				}
			})
		}
	}
}
