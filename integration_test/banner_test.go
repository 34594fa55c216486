package integration_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// Without JavaScript: whoever refuses on a deep page lands on the same page,
// without the banner, with the settings at hand, and without the cookies.
func TestRefuseWithoutScripts(t *testing.T) {
	app := statusApplication(t)
	s := start(t, site("encode\n"+policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.disableScripts()
	deep := s.url("/catalogue/item;v=1/?q=caf%C3%A9&sort=a%26b&page=2")
	b.open(deep)
	if !b.has("#cookie-consent") || b.has("#cookie-consent-settings") {
		t.Fatal("the banner is not shown")
	}
	b.press(rejectButton)
	if got := value(b, chromedp.Location()); got != deep {
		t.Errorf("landed on %s, want %s", got, deep)
	}
	if b.has("#cookie-consent") || !b.has("#cookie-consent-settings") {
		t.Error("after the choice the banner is still there, or no settings link")
	}
	if got := b.names(); !slices.Equal(got, []string{"csrftoken", "sessionid"}) {
		t.Errorf("after refusing the jar holds %q", got)
	}
	// The settings lead to a page on which the choice can be changed.
	b.click("#cookie-consent-settings")
	b.click(`button[value="accept_all"]`)
	b.open(deep)
	if got := b.names(); !slices.Equal(got, []string{"_pk_id.7.1fff", "adsid", "csrftoken", "last_seen", "sessionid"}) {
		t.Errorf("after accepting the jar holds %q", got)
	}
}

// A single category is chosen behind the details, without JavaScript as well.
func TestChooseOneCategory(t *testing.T) {
	app := statusApplication(t)
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.disableScripts()
	b.open(s.url("/"))
	if b.has(`#cookie-consent input[value="statistics"]`) {
		t.Error("the categories are shown on the first layer")
	}
	b.do(chromedp.Click(chromedp.CSS("#cookie-consent details summary")))
	for _, category := range []string{"statistics", "first_party", "third_party"} {
		if js[bool](b, `document.querySelector('#cookie-consent input[value="`+category+`"]').checked`) {
			t.Errorf("%s is chosen beforehand", category)
		}
	}
	b.do(chromedp.Click(chromedp.CSS(`#cookie-consent input[value="statistics"]`)))
	b.press(`#cookie-consent button[value="save"]`)
	if got := b.names(); !slices.Equal(got, []string{"_pk_id.7.1fff", "csrftoken", "sessionid"}) {
		t.Errorf("the jar holds %q", got)
	}
}

// Accept and reject are the same control in the same place.
func TestButtonsAreAlike(t *testing.T) {
	app := statusApplication(t)
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.open(s.url("/"))
	look := func(button string) string {
		return js[string](b, `(() => {
			const e = document.querySelector('`+button+`'), s = getComputedStyle(e), r = e.getBoundingClientRect()
			return [e.tagName, e.type, r.height, r.width, s.color, s.backgroundColor, s.fontSize, s.fontWeight, s.borderTopColor].join(" ")
		})()`)
	}
	if accept, reject := look(acceptButton), look(rejectButton); accept != reject {
		t.Errorf("accept looks like %s, reject like %s", accept, reject)
	}
	if !js[bool](b, `(([a, b]) => a.top === b.top || a.left === b.left)([`+"`"+acceptButton+"`"+`, `+"`"+rejectButton+"`"+`].map(button => document.querySelector(button).getBoundingClientRect()))`) {
		t.Error("accept and reject stand neither side by side nor one above the other")
	}
}

// The pages of an application that must not notice that something was inserted.
const (
	scriptedPage = `<!DOCTYPE html><html><head><title>t</title></head><body>
<form id="own" action="/own"><input name="a"></form>
<form id="second"></form>
<script>
window.atParse = document.forms[0].id + document.forms.length
addEventListener("load", () => { window.atLoad = document.forms[0].id + document.forms[1].id })
</script></body></html>`

	openFormPage = `<!DOCTYPE html><html><body><p>Search</p>
<form id="own" action="/own"><table><tr><td><input name="q" value="1"></td><td><input type="submit" id="go"></td></tr>
<p>never closed`

	brokenPage = `<p>no html, no body<div><form id="own"><table><form><select><option>a<textarea id="last"></form><p>&lt;`
)

// Scripts that count forms find the application's own first, a form that is
// left open stays apart from the banner's, and the banner works in both.
func TestFormsStayTheApplications(t *testing.T) {
	for name, document := range map[string]string{"document.forms": scriptedPage, "open form": openFormPage} {
		t.Run(name, func(t *testing.T) {
			app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				setCookies(w, statsCookie)
				io.WriteString(w, document)
			})
			s := start(t, site(policy+"reverse_proxy "+app.addr))
			b := openBrowser(t)
			b.open(s.url("/page?x=1"))
			if got := js[string](b, "document.forms[0].id"); got != "own" {
				t.Errorf("document.forms[0] is %q", got)
			}
			if name == "document.forms" {
				if got := js[string](b, "window.atParse + ' ' + window.atLoad"); got != "own2 ownsecond" {
					t.Errorf("the page's script saw the forms %q", got)
				}
			}
			if got := js[string](b, `Array.from(document.querySelectorAll('#cookie-consent button')).map(e => e.form && e.form.id).join()`); strings.Trim(strings.ReplaceAll(got, formID, ""), ",") != "" {
				t.Errorf("the buttons belong to the forms %q", got)
			}
			if js[bool](b, "Array.from(document.forms[0].elements).some(e => e.closest('#cookie-consent'))") {
				t.Error("the application's form has elements of the banner")
			}
			b.press(rejectButton)
			if got := value(b, chromedp.Location()); got != s.url("/page?x=1") {
				t.Errorf("landed on %s", got)
			}
			if b.has("#cookie-consent") || !b.has("#cookie-consent-settings") {
				t.Error("the choice was not taken")
			}
			if name == "open form" {
				b.click("#go")
				if got := value(b, chromedp.Location()); got != s.url("/own?q=1") {
					t.Errorf("the application's form led to %s", got)
				}
			}
		})
	}
}

const formID = "cookie-consent-form"

// In a page that is broken in many ways the banner is there and works.
func TestBrokenPage(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, brokenPage)
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.open(s.url("/"))
	if !b.has("#cookie-consent") {
		t.Fatal("no banner")
	}
	b.press(acceptButton)
	if b.has("#cookie-consent") {
		t.Error("the choice was not taken")
	}
}

// What a browser shows inside a page carries no banner of its own.
func TestNoBannerInFrames(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.URL.Path == "/" {
			io.WriteString(w, `<!DOCTYPE html><body><iframe src="/frame"></iframe><div id="d"></div>`)
			return
		}
		io.WriteString(w, `<!DOCTYPE html><body><p id="inside">inside</p>`)
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.open(s.url("/"))
	if !b.has("#cookie-consent") {
		t.Fatal("no banner on the page")
	}
	if !js[bool](b, `frames[0].document.getElementById("inside") !== null && frames[0].document.getElementById("cookie-consent") === null`) {
		t.Error("a banner inside the frame")
	}
	if got := js[string](b, `fetch("/fragment").then(r => r.text())`); strings.Contains(got, "cookie-consent") {
		t.Errorf("a banner in what a script loads: %q", got)
	}
}

// Back shows what the visitor decided: the page from before is asked for again.
func TestBackAfterTheChoice(t *testing.T) {
	app := statusApplication(t)
	s := start(t, site("encode\n"+policy+"reverse_proxy "+app.addr))
	// Without scripts, the page after the choice is one more.
	for name, pages := range map[string]int{"with scripts": 1, "without scripts": 2} {
		t.Run(name, func(t *testing.T) {
			// A page that the browser froze as it was is another matter.
			b := openBrowser(t, chromedp.Flag("disable-features", "BackForwardCache,Translate"))
			if pages == 2 {
				b.disableScripts()
			}
			b.open(s.url("/first"))
			b.open(s.url("/second"))
			b.press(rejectButton)
			for range pages {
				b.do(chromedp.NavigateBack())
				if b.has("#cookie-consent") || !b.has("#cookie-consent-settings") {
					t.Errorf("%s asks again", value(b, chromedp.Location()))
				}
			}
			if got := value(b, chromedp.Location()); got != s.url("/first") {
				t.Errorf("back led to %s", got)
			}
		})
	}
}
