package integration_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// browser is a tab of Debian's Chromium with an empty profile, for which every
// host under .test, .com and so on is Caddy's address.
type browser struct {
	t   testing.TB
	ctx context.Context
}

// openBrowser starts Chromium until the end of the test. flags are further
// options of its command line.
func openBrowser(t testing.TB, flags ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	chromium := needFile(t, "/usr/bin/chromium")
	profile := tempDir(t)
	options := slices.Concat(chromedp.DefaultExecAllocatorOptions[:], []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium),
		chromedp.UserDataDir(profile),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.IgnoreCertErrors,
		chromedp.WSURLReadTimeout(2 * time.Minute),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * 127.0.0.1"),
		chromedp.Flag("no-proxy-server", true),
	}, flags)
	allocator, closeAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	timed, cancel := context.WithTimeout(allocator, 50*time.Minute)
	ctx, closeTab := chromedp.NewContext(timed)
	t.Cleanup(func() {
		closeTab()
		cancel()
		closeAllocator()
	})
	// The context of the first call is that of the browser.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	return &browser{t, ctx}
}

// do carries out actions and fails the test if one fails.
func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("Chromium: %v", err)
	}
}

// value carries out an action that has a result.
func value[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatalf("Chromium: %v", err)
	}
	return v
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

// click activates the element and waits for the page that this leads to.
func (b *browser) click(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		b.t.Fatalf("Chromium: clicking %s: %v", selector, err)
	}
}

// press activates a button of the banner and waits until the choice is taken, be it on
// the page or by another one.
func (b *browser) press(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		b.t.Fatalf("Chromium: pressing %s: %v", selector, err)
	}
	for {
		// A page that is being left can't tell.
		settled, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && !document.getElementById("cookie-consent") && !!document.getElementById("cookie-consent-settings")`))
		if err == nil && settled {
			return
		}
		if ctx.Err() != nil {
			b.t.Fatalf("Chromium: pressing %s: the choice was not taken", selector)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// js evaluates an expression in the page, and waits for a promise.
func js[T any](b *browser, expression string) T {
	b.t.Helper()
	return value(b, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// has reports whether the page has an element that a person can see.
func (b *browser) has(selector string) bool {
	b.t.Helper()
	return js[bool](b, `(() => { const e = document.querySelector(`+quote(selector)+`); return !!e && e.checkVisibility({visibilityProperty: true}) })()`)
}

func quote(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }

// disableScripts switches JavaScript off for the pages of the tab.
func (b *browser) disableScripts() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		b.t.Fatal(err)
	}
}

// jar is every cookie that the browser holds.
func (b *browser) jar() []*network.Cookie {
	b.t.Helper()
	result, err := chromedp.CallBrowser(b.ctx, storage.GetCookies, storage.GetCookiesParams{})
	if err != nil {
		b.t.Fatal(err)
	}
	return result.Cookies
}

// names are the names of the cookies that the browser holds, but for that of
// the preference.
func (b *browser) names() []string {
	b.t.Helper()
	var names []string
	for _, cookie := range b.jar() {
		if cookie.Name != preferenceCookie {
			names = append(names, cookie.Name)
		}
	}
	slices.Sort(names)
	return names
}

// The buttons of the banner, found as anything that submits its form with that choice.
const (
	acceptButton = `#cookie-consent button[value="accept_all"]`
	rejectButton = `#cookie-consent button[value="reject_all"]`
)

// decide makes a choice as a person does: on the banner where there is one, on
// the preferences page otherwise, and waits for the page that follows.
func (b *browser) decide(s *server, choice string) {
	b.t.Helper()
	if b.has("#cookie-consent") {
		b.press(`#cookie-consent button[value="` + choice + `"]`)
		return
	}
	b.choose(s, choice)
}

// choose makes a choice on the preferences page.
func (b *browser) choose(s *server, choice string) {
	b.t.Helper()
	b.open(s.url(prefix))
	b.click(`button[value="` + choice + `"]`)
}

// keep makes the browser keep another choice, as one that was made where its pages do not
// hear of it. The preference is a cookie, name=value.
func (b *browser) keep(preference string) {
	b.t.Helper()
	_, value, _ := strings.Cut(preference, "=")
	for _, c := range b.jar() {
		if c.Name != preferenceCookie {
			continue
		}
		changed := []*network.CookieParam{{Name: c.Name, Value: value, Domain: c.Domain, Path: c.Path, Secure: c.Secure, SameSite: c.SameSite}}
		if _, err := chromedp.CallBrowser(b.ctx, storage.SetCookies, storage.SetCookiesParams{Cookies: changed}); err != nil {
			b.t.Fatal(err)
		}
		return
	}
	b.t.Fatal("the browser keeps no choice")
}

// deleteCookie takes a cookie out of the jar.
func deleteCookie(b *browser, c *network.Cookie) (chromedp.Void, error) {
	return chromedp.Call(b.ctx, network.DeleteCookies, network.DeleteCookiesParams{Name: c.Name, Domain: c.Domain, Path: c.Path})
}

// clickOn clicks on an element and waits for nothing.
func clickOn(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(selector))
}
