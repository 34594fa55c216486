package banner

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

const (
	doctype = `<!DOCTYPE html><html lang="en">`

	modernBody = `<header class="navbar"><div class="container"><h1>Town</h1><button class="btn btn-primary">Menu</button></div></header>
		<main class="container"><div class="row"><div class="col-md-6"><p>Words</p><ul><li>a</li><li>b</li></ul></div><div class="col-md-6"><form><label>Name <input class="form-control" name="n"></label>
		<fieldset><legend>Kind</legend><input type="checkbox"> x</fieldset><button>Send</button></form><details><summary>More</summary><p>Text</p></details></div></div></main><footer><a href="#">Imprint</a></footer>`

	tableBody = `<center><table width="760" border="0" cellspacing="0" cellpadding="4"><tr><td colspan="2" bgcolor="#003366"><font face="Arial" size="5" color="#ffffff"><b>Town</b></font></td></tr>
		<tr><td width="150" valign="top" bgcolor="#cccccc"><font size="2"><a href="#">Home</a><br><a href="#">News</a></font></td><td><p><font face="Times New Roman">Words <i>and</i> more</font><form><input name="q" size="20"><input type="submit"></form></td></tr></table></center>`
)

// The page's CSS can't break the banner, and the banner leaves every box of the page
// where it is.
func TestBannerAndPageLeaveEachOtherAlone(t *testing.T) {
	pages := map[string]struct{ start, css, body string }{
		"plain":     {doctype, "", "<p>Words</p>"},
		"bootstrap": {doctype, browser.NPM(t, "bootstrap/dist/css/bootstrap.min.css"), modernBody},
		"tailwind":  {doctype, browser.NPM(t, "tailwindcss/preflight.css"), modernBody},
		"reset": {doctype, `*, ::before, ::after { all: unset !important }
			* { font-family: fantasy !important; pointer-events: none !important; writing-mode: vertical-rl !important }
			button { display: none !important } details > * { display: none !important } ::before { content: "x" !important }
			div { position: static !important; transform: rotate(9deg) !important; float: left !important; zoom: 2 !important }
			h2 ~ * { opacity: 0 !important } body > :first-child { visibility: hidden !important; content-visibility: hidden !important }`, modernBody},
		"small root": {doctype, `html { font-size: 62.5% } body { font: 1.4rem/3 serif; letter-spacing: 2px; text-align: right; color: #eee; background: #222 }`, modernBody},
		"app":        {doctype, `html, body { height: 100%; margin: 0; overflow: hidden } body { display: grid; grid: auto 1fr auto / auto; gap: 20px } main { overflow: auto }`, modernBody},
		"2003":       {`<html>`, `body, td, p, a, div { font-family: Verdana; font-size: 9px; color: #333 } td { line-height: 11px } form { display: inline } a { text-decoration: none }`, tableBody},
		"2003 bare":  {`<html>`, ``, tableBody},
	}
	r := newRenderer(t, declared(), Config{PrivacyPolicy: "/privacy"})
	address := serve(t, r, func(w http.ResponseWriter, req *http.Request) {
		page := pages[req.FormValue("page")]
		document := fmt.Appendf(nil, `%s<head><title>t</title><meta name="viewport" content="width=device-width"><style>%s</style></head><body bgcolor="#ffffee" text="#000080" link="#cc0000">`, page.start, page.css)
		if req.FormValue("banner") != "" {
			document = r.AppendBodyStart(document, Place{Language: "en", ReturnTo: "/"}, notAsked(r))
		}
		document = append(document, page.body...)
		if req.FormValue("banner") != "" {
			document = r.AppendEnd(document, Place{}, notAsked(r))
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(document)
	})
	ctx := browser.Start(t)

	type element struct {
		Name  string
		Box   []float64
		Style map[string]string
	}
	look := func(name string, banner bool, script string) []element {
		t.Helper()
		address := address + "/?page=" + strings.ReplaceAll(name, " ", "+")
		if banner {
			address += "&banner=1"
		}
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(1000, 700), chromedp.Navigate(address)); err != nil {
			t.Fatal(err)
		}
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string](script))
		if err != nil {
			t.Fatal(err)
		}
		var found []element
		if err := json.Unmarshal([]byte(text), &found); err != nil || len(found) == 0 {
			t.Fatalf("%s: %d elements, %v", name, len(found), err)
		}
		return found
	}
	// What depends on sizes is in the boxes; a border of no width has a colour all the same.
	const ownElements = `(() => {
		const banner = document.getElementById("cookie-consent");
		const of = s => Object.fromEntries([...s].filter(p => !/origin|size$|width$|height$|^(top|bottom|left|right|inset|margin)|^--/.test(p)).map(p => [p, s.getPropertyValue(p)]));
		const list = (state) => [banner, ...banner.querySelectorAll("*")].filter(e => e.localName !== "template").flatMap(e => {
			const r = e.getBoundingClientRect();
			return [
				{ Name: state + e.localName + "." + e.className, Box: [r.x, r.y, r.width, r.height], Style: of(getComputedStyle(e)) },
				...["::before", "::after", "::marker"].map(p => ({ Name: state + e.localName + p, Box: [0, 0, 0, 0], Style: { content: getComputedStyle(e, p).content, display: getComputedStyle(e, p).display } })),
			];
		});
		const closed = list("");
		banner.querySelector("details").open = true;
		return JSON.stringify([...closed, ...list("opened ")]);
	})()`
	const pageElements = `JSON.stringify([...document.querySelectorAll("html, body, body *")].filter(e => !e.closest("#cookie-consent, #cookie-consent-form")).map(e => {
		const r = e.getBoundingClientRect();
		return { Name: e.localName, Box: [r.x, r.y, r.width, r.height] };
	}))`
	far := func(a, b []float64) bool {
		return !slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) <= 1 })
	}
	plain := look("plain", true, ownElements)
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		for i, got := range look(name, true, ownElements) {
			want := plain[i]
			if got.Name != want.Name || far(got.Box, want.Box) {
				t.Errorf("%s: %s of the banner is at %v, else %s at %v", name, got.Name, got.Box, want.Name, want.Box)
			}
			for property, value := range want.Style {
				if got.Style[property] != value {
					t.Errorf("%s: %s of the banner has %s: %s, else %s", name, got.Name, property, got.Style[property], value)
				}
			}
		}
		without := look(name, false, pageElements)
		with := look(name, true, pageElements)
		if len(with) != len(without) {
			t.Fatalf("%s: %d elements with the banner, %d without", name, len(with), len(without))
		}
		for i := range with {
			if with[i].Name != without[i].Name || far(with[i].Box, without[i].Box) {
				t.Errorf("%s: %s is at %v with the banner, else at %v", name, with[i].Name, with[i].Box, without[i].Box)
			}
		}
	}
}
