package integration_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// pagesApplication answers with pages that each have something of their own.
func pagesApplication(t testing.TB) *application {
	return newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		head, body := "", ""
		switch r.URL.Path {
		case "/writes":
			head = `<script>document.cookie = "_pk_id.1=1"</script>`
		case "/reads":
			head = `<script>document.cookie = "csrftoken=1"; window.read = document.cookie</script>`
		case "/blocked":
			body = `<img src="https://pixel.other.example/1.png">`
		case "/sets":
			setCookies(w, statsCookie)
		case "/strict":
			w.Header().Set("Content-Security-Policy", "default-src 'self'; require-trusted-types-for 'script'")
		case "/alone":
			w.Header().Set("Content-Security-Policy", "connect-src 'none'")
		case "/posted":
			body = `<p id="method">` + r.Method + `</p>`
		}
		io.WriteString(w, `<!DOCTYPE html><html lang="en"><head><title>t</title><link rel="icon" href="data:,">`+head+`<script>
			addEventListener("pageshow", e => { if (e.persisted) sessionStorage.restored = 1 })
		</script></head><body><h1>Page</h1><form id="own" method="post" action="/posted"><input id="field" name="q"></form>`+body+`</body></html>`)
	})
}

// mark makes a page known again, for as long as it is not loaded anew.
func (b *browser) mark() {
	b.t.Helper()
	js[bool](b, "window.mark = true")
}

func (b *browser) isMarked() bool {
	b.t.Helper()
	return js[bool](b, "window.mark === true")
}

// await waits until an expression is true, in whatever page there is by then.
func (b *browser) await(what, expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression, chromedp.EvalAwaitPromise))
		if err == nil && is {
			return
		}
		if ctx.Err() != nil {
			b.t.Fatalf("waiting until %s: in vain", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// enter types into the field of the page.
func (b *browser) enter(words string) {
	b.t.Helper()
	js[bool](b, `document.getElementById("field").focus(), true`)
	if _, err := chromedp.Call(b.ctx, input.InsertText, input.InsertTextParams{Text: words}); err != nil {
		b.t.Fatal(err)
	}
}

// tab opens another tab of the browser.
func (b *browser) tab() *browser {
	b.t.Helper()
	ctx, closeTab := chromedp.NewContext(b.ctx)
	b.t.Cleanup(closeTab)
	if err := chromedp.Do(ctx); err != nil { // whose context would be the tab's
		b.t.Fatal(err)
	}
	return &browser{b.t, ctx}
}

// reset makes the visitor one who was not asked.
func (b *browser) reset() {
	b.t.Helper()
	for _, c := range b.jar() {
		if _, err := deleteCookie(b, c); err != nil {
			b.t.Fatal(err)
		}
	}
}

// A choice by which nothing on the page changes leaves the page as it is, also where the
// application's policy lets scripts ask nobody; every other one loads it anew.
func TestChoosingWithoutReload(t *testing.T) {
	app := pagesApplication(t)
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	for _, c := range []struct {
		path, button string
		stays        bool
	}{
		{"/plain", rejectButton, true},
		{"/plain", acceptButton, true},
		{"/strict", acceptButton, true},
		{"/writes", rejectButton, true},
		{"/writes", acceptButton, false},
		{"/blocked", rejectButton, true},
		{"/blocked", acceptButton, false},
		{"/sets", rejectButton, true},
		{"/sets", acceptButton, false},
		{"/alone", rejectButton, true},
	} {
		b.reset()
		b.open(s.url(c.path))
		b.mark()
		js[bool](b, `document.querySelector('`+c.button+`').focus(), true`)
		b.press(c.button)
		if got := b.isMarked(); got != c.stays {
			t.Errorf("%s on %s: the page stays: %t, want %t", c.button, c.path, got, c.stays)
		}
		if !b.has("#cookie-consent-settings") || b.has("#cookie-consent") {
			t.Errorf("%s on %s: no link to the settings, or still the banner", c.button, c.path)
		}
		if c.stays {
			b.await("the link has the focus", `document.activeElement.id === "cookie-consent-settings"`)
			b.await("the link looks like one", `getComputedStyle(document.getElementById("cookie-consent-corner")).position === "fixed"`)
			b.await("the script has the new state", `(document.cookie = "_pk_id.now=1", document.cookie.includes("_pk_id.now") === `+map[bool]string{true: "true", false: "false"}[c.button == acceptButton]+`)`)
		}
		asked := js[bool](b, `fetch("`+prefix+`state.json").then(r => r.json()).then(s => s.asked && s.state === "`+map[bool]string{true: "accepted", false: "refused"}[c.button == acceptButton]+`")`)
		if !asked {
			t.Errorf("%s on %s: the choice was not taken", c.button, c.path)
		}
	}
}

// Cookies that are refused and still there are deleted by the page that follows.
func TestRefusingWithCookiesLeft(t *testing.T) {
	app := pagesApplication(t)
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.open(s.url(prefix))
	js[bool](b, `document.cookie = "_pk_id.1=1; path=/", true`)
	b.open(s.url("/plain"))
	b.mark()
	b.press(rejectButton)
	if b.isMarked() || len(b.names()) > 0 {
		t.Errorf("the page stayed, or the browser holds %q", b.names())
	}
}

// What is taken back in one tab ends in the others; what is given is seen there, and
// costs nobody what was typed.
func TestTabsFollowTheChoice(t *testing.T) {
	app := pagesApplication(t)
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)

	b.open(s.url("/plain"))
	other, typing, blocked := b.tab(), b.tab(), b.tab()
	other.open(s.url("/plain?other"))
	typing.open(s.url("/blocked?typing"))
	typing.enter("words")
	blocked.open(s.url("/blocked?blocked"))
	for _, tab := range []*browser{other, typing, blocked} {
		tab.mark()
	}
	b.press(acceptButton)
	for _, tab := range []*browser{other, typing, blocked} {
		tab.await("the banner is gone", `!document.getElementById("cookie-consent") && document.readyState === "complete"`)
	}
	if !other.isMarked() || !typing.isMarked() || blocked.isMarked() {
		t.Errorf("after consent the pages stay: %t (as it is), %t (typed in), %t (without its image); want true, true, false", other.isMarked(), typing.isMarked(), blocked.isMarked())
	}
	if got := js[string](typing, `document.getElementById("field").value`); got != "words" {
		t.Errorf("what was typed is %q", got)
	}

	// One that may not ask what holds.
	alone := b.tab()
	alone.open(s.url("/alone"))
	alone.mark()

	// The answer to a form.
	posted := b.tab()
	posted.open(s.url("/plain"))
	js[bool](posted, `document.getElementById("own").submit(), true`)
	posted.await("the answer is there", `!!document.getElementById("method") && document.readyState === "complete"`)
	posted.mark()
	blocked.mark()
	app.requests()

	b.open(s.url(prefix))
	b.click(`button[value="reject_all"]`)
	b.open(s.url("/plain"))
	for _, tab := range []*browser{other, typing, blocked, alone} {
		tab.await("the page is loaded anew", `window.mark !== true && document.readyState === "complete"`)
	}
	posted.await("the answer is guarded", `(document.cookie = "_pk_id.2=1", !document.cookie.includes("_pk_id.2"))`)
	if !posted.isMarked() || js[string](posted, `document.getElementById("method").textContent`) != "POST" {
		t.Error("the answer to a form is gone")
	}
	for _, r := range app.requests() {
		if strings.HasPrefix(r.URL.Path, "/posted") {
			t.Errorf("%s %s was sent again", r.Method, r.URL.Path)
		}
	}
	time.Sleep(300 * time.Millisecond)
	for _, tab := range []*browser{other, typing, blocked, alone} {
		tab.mark()
	}
	b.open(s.url("/plain?again"))
	time.Sleep(300 * time.Millisecond)
	for _, tab := range []*browser{other, typing, blocked, alone} {
		if !tab.isMarked() {
			t.Error("a page is loaded anew although nothing changed")
		}
	}
}

// A page that the browser froze does not come back as it was before a withdrawal.
func TestFrozenPagesFollowTheChoice(t *testing.T) {
	app := pagesApplication(t)
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.open(s.url("/plain"))
	b.press(acceptButton)
	b.open(s.url("/reads"))
	b.mark()
	b.open(s.url("/plain?2"))
	js[bool](b, `history.back(), true`)
	b.await("the page is back", `location.pathname === "/reads" && document.readyState === "complete"`)
	if !b.isMarked() || js[string](b, "sessionStorage.restored") != "1" {
		t.Fatal("the browser did not keep the page")
	}

	js[bool](b, `delete sessionStorage.restored`)
	b.open(s.url(prefix))
	b.click(`button[value="reject_all"]`)
	b.open(s.url("/plain?3"))
	js[bool](b, `history.go(-3), true`)
	b.await("the page is loaded anew", `location.pathname === "/reads" && window.mark !== true && document.readyState === "complete"`)
	if got := js[string](b, "String(sessionStorage.restored)"); got != "1" {
		t.Errorf("the browser did not keep the page: restored is %s", got)
	}
	if js[bool](b, `(document.cookie = "_pk_id.1=1", document.cookie.includes("_pk_id"))`) {
		t.Error("the page writes what was taken back")
	}
}
