package integration_test

import (
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// firefoxPages answers with a page that sets all cookies and one that sets none; both
// notice when the browser brings them back as they were.
func firefoxPages(t testing.TB, film string) *application {
	return newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		body := ""
		switch r.URL.Path {
		case "/sets":
			setCookies(w, allCookies...)
		case "/film":
			body = `<iframe width="560" height="315" src="` + film + `"></iframe>`
		}
		io.WriteString(w, `<!DOCTYPE html><html lang="en"><head><title>t</title><link rel="icon" href="data:,"><script>
			document.cookie = "_pk_id.page=1"
			localStorage.setItem("film_volume", "1")
			window.wrote = document.cookie.includes("_pk_id.page") + " " + localStorage.getItem("film_volume")
			addEventListener("pageshow", e => { if (e.persisted) sessionStorage.restored = 1 })
		</script></head><body><h1>Page</h1>`+body+`</body></html>`)
	})
}

// The banner does in Firefox what it does in Chromium, with and without JavaScript.
func TestBannerInFirefox(t *testing.T) {
	var films atomic.Int32
	const film = "https://www.film.test/watch"
	cinema := newApplication(t, func(w http.ResponseWriter, _ *http.Request) {
		films.Add(1)
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<p>film")
	})
	app := firefoxPages(t, film)
	service := strings.Replace(policy, "cookie_consent {", `cookie_consent {
		service film {
			category third_party
			provider "Film & Co"
			purpose "Shows films."
			hosts *.film.test
			storage film_volume
		}`, 1)
	s := start(t, site("encode\n"+service+"reverse_proxy "+app.addr)+siteFor("https://www.film.test", "reverse_proxy "+cinema.addr))
	s.awaitCertificate(t, "www.film.test")
	names := newNameServer(t, s.httpPort, s.httpsPort, func(string) netip.Addr { return blockedAddress })
	const origin = "https://" + host

	for name, preferences := range map[string]map[string]any{"with scripts": nil, "without scripts": {"javascript.enabled": false}} {
		t.Run(name, func(t *testing.T) {
			scripts := preferences == nil
			browser := openFirefox(t, names, preferences)

			f := browser.newVisitor()
			deep := origin + "/sets?q=caf%C3%A9&sort=a%26b"
			f.open(deep)
			f.await("the banner is shown", visible("#cookie-consent")+" && "+visible(acceptButton)+" && "+visible(rejectButton)+" && !"+visible("#cookie-consent-settings"))
			if got := f.names(); !slices.Equal(got, []string{"csrftoken", "sessionid"}) {
				t.Errorf("before the choice the jar holds %q", got)
			}
			f.click(rejectButton)
			f.await("the refusal is taken", chosen)
			if got := evaluateIn[string](f, "location.href"); got != deep {
				t.Errorf("landed on %s, want %s", got, deep)
			}
			if got := f.names(); !slices.Equal(got, []string{"csrftoken", "sessionid"}) {
				t.Errorf("after the refusal the jar holds %q", got)
			}
			f.follow("#cookie-consent-settings")
			f.follow(`button[value="accept_all"]`)
			f.open(deep)
			all := []string{"_pk_id.7.1fff", "adsid", "csrftoken", "last_seen", "sessionid"}
			if scripts {
				all = slices.Insert(all, 1, "_pk_id.page")
			}
			if got := f.names(); !slices.Equal(got, all) {
				t.Errorf("after consent the jar holds %q", got)
			}

			// Accepting on the page.
			f = browser.newVisitor()
			f.open(deep)
			f.click(acceptButton)
			f.await("consent is taken", chosen)
			if got := f.names(); !slices.Equal(got, all) {
				t.Errorf("after consent on the page the jar holds %q", got)
			}

			// A film that is allowed where it would be shown.
			films.Store(0)
			f = browser.newVisitor()
			f.open(origin + "/film")
			frame := f.frame()
			frame.await("the placeholder is there", `document.readyState === "complete" && document.body.innerText.includes("Film & Co")`)
			if n := films.Load(); n != 0 {
				t.Errorf("%d contacts before consent", n)
			}
			frame.click("button")
			f.await("the film is there", `document.readyState === "complete" && document.querySelector("iframe").src === `+quote(film))
			if !eventually(func() bool { return films.Load() == 1 }) {
				t.Errorf("%d contacts, want one for the film", films.Load())
			}
			if !evaluateIn[bool](f, visible("#cookie-consent")) {
				t.Error("the banner is gone although it was not answered")
			}
		})
	}

	t.Run("scripts", func(t *testing.T) {
		f := openFirefox(t, names, nil).newVisitor()
		const wrote = `window.wrote`
		f.open(origin + "/plain")
		if got := evaluateIn[string](f, wrote); got != "false null" {
			t.Errorf("before the choice the page's script wrote %s", got)
		}
		// What it wrote is refused, so that nothing on the page changes.
		evaluateIn[bool](f, "window.mark = true")
		f.click(rejectButton)
		f.await("the refusal is taken", chosen)
		if !evaluateIn[bool](f, "window.mark === true") {
			t.Error("the page is loaded anew although nothing on it changes")
		}
		f.open(origin + "/plain?2")
		if got := evaluateIn[string](f, wrote); got != "false null" {
			t.Errorf("after the refusal the page's script wrote %s", got)
		}
		if got := f.names(); len(got) > 0 {
			t.Errorf("after the refusal the jar holds %q", got)
		}

		// A page that the browser froze does not come back as it was before a withdrawal.
		decide := func(choice string) {
			t.Helper()
			f.open(origin + prefix)
			f.follow(`button[value="` + choice + `"]`)
		}
		decide("accept_all")
		f.open(origin + "/granted")
		if got := evaluateIn[string](f, wrote); got != "true 1" {
			t.Errorf("after consent the page's script wrote %s", got)
		}
		evaluateIn[bool](f, "window.mark = true")
		f.open(origin + "/plain?3")
		evaluateIn[bool](f, "(history.back(), true)")
		f.await("the page is back", `location.pathname === "/granted" && document.readyState === "complete"`)
		f.await("the browser brings back the page that it kept", `window.mark === true && sessionStorage.restored === "1"`)
		evaluateIn[bool](f, "delete sessionStorage.restored")
		decide("reject_all")
		f.open(origin + "/plain?4")
		evaluateIn[bool](f, `(history.go(-3), true)`)
		f.await("the page is loaded anew", `location.pathname === "/granted" && window.mark !== true && document.readyState === "complete"`)
		if got := evaluateIn[string](f, "String(sessionStorage.restored)"); got != "1" {
			t.Errorf("the browser did not keep the page: restored is %s", got)
		}
		if got := evaluateIn[string](f, wrote); got != "false null" {
			t.Errorf("after the withdrawal the page's script wrote %s", got)
		}
	})
}

// visible is an expression for whether the page has an element that a person can see.
func visible(selector string) string {
	return `((e => !!e && e.checkVisibility({visibilityProperty: true}))(document.querySelector(` + quote(selector) + `)))`
}

// chosen is an expression for whether the choice on the banner is taken.
const chosen = `document.readyState === "complete" && !document.getElementById("cookie-consent") && !!document.getElementById("cookie-consent-settings")`
