package banner

import (
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

// byWords is a tool that has never heard of this banner: it presses whatever visible
// control says in one of six languages that everything is refused.
const byWords = `{
	const words = [
		"reject all", "decline all", "refuse all", "deny all", "reject all cookies",
		"tout refuser", "refuser tout", "tout rejeter", "je refuse tout", "refuser tous les cookies",
		"alle ablehnen", "alles ablehnen", "alle cookies ablehnen", "alle verweigern",
		"rechazar todo", "rechazar todas", "denegar todo", "rechazar todas las cookies",
		"alles weigeren", "alles afwijzen", "alle weigeren", "alle cookies weigeren",
		"rifiuta tutto", "rifiuta tutti", "rifiutare tutto", "rifiuta tutti i cookie",
	];
	[...document.querySelectorAll("button, a, [role=button], input[type=button], input[type=submit]")]
		.find(e => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && words.includes((e.innerText || e.value || "").trim().toLowerCase()))
		.click();
}`

// Visitors' own tools find the banner and refuse without having heard of it.
func TestToolsOfVisitorsRefuse(t *testing.T) {
	autoconsent := browser.Autoconsent(t)
	ctx := browser.Start(t)
	site, posted := newSite(t, newRenderer(t, declared(), Config{Controller: "City of Example"}))
	for _, lang := range []string{"en", "fr", "de", "es", "nl", "it"} {
		for tool, script := range map[string]string{"autoconsent": autoconsent, "by words": byWords} {
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
