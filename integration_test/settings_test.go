package integration_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// The link to the settings is where the operator wants it: in a corner, as the last
// line of the page, or a link that the page has.
func TestPlaceOfTheSettings(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		link := `<a class="cookies" href="/about">Cookies</a>`
		if r.URL.Path == "/other" {
			link = ""
		}
		io.WriteString(w, `<!DOCTYPE html><html lang="en"><head><title>t</title><link rel="icon" href="data:,"></head><body>`+link+`<main id="main">words</main></body></html>`)
	})
	with := func(options string) string {
		return site(strings.Replace(policy, "cookie_consent {", "cookie_consent {\n"+options, 1) + "reverse_proxy " + app.addr)
	}
	s := start(t, with("settings footer"))
	b := openBrowser(t)
	isLast := `(() => { const { lastElementChild: last } = document.body; return last.id === "cookie-consent-corner" && getComputedStyle(last).position === "static" && last.getBoundingClientRect().top >= document.getElementById("main").getBoundingClientRect().bottom })()`

	b.open(s.url("/page"))
	b.mark()
	b.press(rejectButton)
	if !b.isMarked() {
		t.Error("the choice was not taken on the page")
	}
	b.await("the link is the last line of the page that stayed", isLast)
	b.open(s.url("/page"))
	b.await("the link is the last line of the next page", isLast)
	b.click("#cookie-consent-settings")
	if got := js[string](b, "location.pathname"); got != prefix {
		t.Errorf("the link leads to %s", got)
	}

	if err := s.load(with("settings_link a.cookies")); err != nil {
		t.Fatal(err)
	}
	b.open(s.url("/page"))
	b.await("the page's own link is the only one", `!document.getElementById("cookie-consent-settings").checkVisibility()`)
	b.click("a.cookies")
	if got := js[string](b, "location.pathname"); got != prefix {
		t.Errorf("the page's own link leads to %s", got)
	}
	b.open(s.url("/other"))
	if !b.has("#cookie-consent-settings") {
		t.Error("a page without a link of its own has none")
	}
	b.reset()
	b.open(s.url("/page"))
	js[bool](b, `document.querySelector("a.cookies").click(), true`)
	b.await("the page's own link opens the banner", `location.pathname === "/page" && document.querySelector("#cookie-consent details").open`)
	js[bool](b, "document.querySelector('"+rejectButton+"').focus(), true")
	b.key("\r")
	b.await("the page's own link is the only one after the choice, and has the focus", `!document.getElementById("cookie-consent") && !document.getElementById("cookie-consent-settings").checkVisibility() && document.activeElement.className === "cookies"`)
	if !eventually(func() bool { return b.status() == "Your choice is saved." }) {
		t.Errorf("screen readers are told %q", b.status())
	}
	b.disableScripts()
	b.open(s.url("/page"))
	if !b.has("#cookie-consent-settings") {
		t.Error("without JavaScript there is no link")
	}
}

// What only a browser can tell to be no selector leaves the link where it is.
func TestSelectorThatIsNone(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, page)
	})
	s := start(t, site(strings.Replace(policy, "cookie_consent {", "cookie_consent {\nsettings_link \"a:no-such(thing)\"", 1)+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.open(s.url("/page"))
	b.press(rejectButton)
	if !b.has("#cookie-consent-settings") || !js[bool](b, `cookieConsent.has("necessary")`) {
		t.Error("the link is gone, or the script is")
	}
}
