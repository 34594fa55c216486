package integration_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	cdplog "github.com/chromedp/cdproto/log"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// openBrowserWithoutCookies starts Chromium as a visitor has it who blocks all cookies.
func openBrowserWithoutCookies(t *testing.T) *browser {
	t.Helper()
	profile := tempDir(t)
	if err := os.Mkdir(filepath.Join(profile, "Default"), 0o700); err != nil {
		t.Fatal(err)
	}
	settings := `{"profile": {"default_content_setting_values": {"cookies": 2}}}`
	if err := os.WriteFile(filepath.Join(profile, "Default", "Preferences"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return openBrowser(t, chromedp.UserDataDir(profile))
}

// A browser that keeps no cookies keeps no choice either. The visitor is asked on every
// page, is not told that a choice is saved, learns why where something was to be
// switched on, and nothing is; no page is loaded over and over.
func TestBrowserThatKeepsNothing(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		setCookies(w, allCookies...)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		blocked := ""
		if r.URL.Path == "/blocked" {
			blocked = `<img src="https://pixel.other.example/1.png">`
		}
		io.WriteString(w, `<!DOCTYPE html><html lang="en"><title>t</title><link rel="icon" href="data:,"><h1>Page</h1>`+blocked+`</html>`)
	})
	plain := newApplication(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<!DOCTYPE html><html lang="en"><title>t</title><link rel="icon" href="data:,"><h1>Page</h1></html>`)
	})
	stored := strings.Replace(policy, "cookies _pk_*", "cookies _pk_*\nstorage _pk_*", 1)
	s := start(t, site(stored+"@plain path /plain*\nreverse_proxy @plain "+plain.addr+"\nreverse_proxy "+app.addr))
	b := openBrowserWithoutCookies(t)

	var mu sync.Mutex
	var messages []string
	if err := chromedp.Listen(b.ctx, func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch ev := ev.(type) {
		case *cdplog.EventEntryAdded:
			messages = append(messages, ev.Entry.Text)
		case *cdpruntime.EventExceptionThrown:
			messages = append(messages, ev.ExceptionDetails.Exception.Description)
		}
	}); err != nil {
		t.Fatal(err)
	}
	const (
		why     = `document.body.innerText.includes("If your browser keeps no cookies, it cannot keep your choice either")`
		nothing = `cookieConsent.has("statistics") || cookieConsent.state.asked`
	)
	ask := func(path string) {
		t.Helper()
		b.open(s.url(path))
		if !b.has("#cookie-consent") || b.has("#cookie-consent-settings") {
			t.Fatalf("%s does not ask", path)
		}
		b.mark()
	}

	ask("/plain")
	if storage := js[string](b, `(() => { try { return String(localStorage) } catch (e) { return e.name } })()`); storage != "SecurityError" || len(b.jar()) > 0 {
		t.Fatalf("the browser keeps %d cookies, and for storage it says %s", len(b.jar()), storage)
	}
	b.press(rejectButton)
	time.Sleep(500 * time.Millisecond) // in which it would be told
	if !b.isMarked() || b.status() != "" || js[bool](b, nothing) {
		t.Errorf("after the refusal the page is loaded anew, or screen readers are told %q, or it counts as a choice", b.status())
	}
	if got := js[string](b, `cookieConsent.reject().then(() => "taken", e => e.message)`); got != "choice not confirmed" {
		t.Errorf("a script is told that its choice is %s", got)
	}

	ask("/plain?2")
	b.do(clickOn(acceptButton))
	b.await("the visitor learns why nothing is switched on", `location.pathname === "`+prefix+`" && document.readyState === "complete" && `+why)
	b.follow("Back to the page")
	b.key("\r")
	b.await("the page asks again", `location.search === "?2" && !!document.getElementById("cookie-consent")`)
	if js[bool](b, nothing) {
		t.Error("something is granted")
	}

	// Where a choice needs another page.
	app.requests()
	ask("/blocked")
	b.click(acceptButton)
	b.await("the page asks again", `document.readyState === "complete" && !!document.getElementById("cookie-consent")`)
	time.Sleep(500 * time.Millisecond)
	if n := len(app.requests()); n != 2 || b.isMarked() || js[bool](b, nothing) {
		t.Errorf("%d pages were loaded, want 2; or something is granted", n)
	}

	b.choose(s, "accept_all")
	if !js[bool](b, why) {
		t.Error("the preferences do not say that the choice may not last")
	}
	time.Sleep(300 * time.Millisecond)
	if len(b.jar()) > 0 {
		t.Errorf("the browser has %v", b.jar())
	}
	b.disableScripts()
	ask("/plain")
	b.click(rejectButton)
	ask("/plain")

	mu.Lock()
	defer mu.Unlock()
	if len(messages) > 0 {
		t.Errorf("the browser says %q", messages)
	}
}
