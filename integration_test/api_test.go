package integration_test

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Scripts of the site learn the choice, take it for the visitor who presses a button of
// the site, and are told when it changes.
func TestScriptsUseTheChoice(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.URL.Path == "/framed" {
			io.WriteString(w, `<!DOCTYPE html><title>f</title><iframe src="/"></iframe>`)
			return
		}
		io.WriteString(w, `<!DOCTYPE html><html class="own" lang="en"><title>t</title><link rel="icon" href="data:,"><style>.cookie-consent-has-statistics #counted { color: rgb(1, 2, 3) }</style><script>
			window.heard = []
			for (const type of ["consent", "change"]) cookieConsent.addEventListener(type, e => heard.push(type + " " + e.detail.categories.statistics + " " + e.detail.services.matomo + " " + e.detail.asked))
		</script><body style="padding-bottom: 40em">
		<p id="counted">Counted</p>
		<button id="yes" onclick="cookieConsent.accept().then(() => window.done = 'yes', e => window.done = String(e))">Yes</button>
		<button id="but" onclick="cookieConsent.save({ statistics: true, matomo: false }).then(() => window.done = 'but', e => window.done = String(e))">But</button>
		<button id="some" onclick="cookieConsent.save({ statistics: false, matomo: true }).then(() => window.done = 'some', e => window.done = String(e))">Some</button>
		<a id="open" href="/elsewhere" data-cookie-consent-open><b id="inner">Cookies</b></a></body></html>`)
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	check := func(when, expression, want string) {
		t.Helper()
		if got := js[string](b, "(async () => String("+expression+"))()"); got != want {
			t.Errorf("%s: %s is %s, want %s", when, expression, got, want)
		}
	}
	settled := func(done string) {
		t.Helper()
		b.await("the choice is taken", `window.done !== undefined`)
		check("the choice", "window.done", done)
	}

	b.open(s.url("/page"))
	check("before a choice", "JSON.stringify(cookieConsent.state)", `{"asked":false,"categories":{"necessary":"granted","statistics":"not_asked","first_party":"not_asked","third_party":"not_asked"},"services":{"matomo":"not_asked"}}`)
	check("before a choice", `["necessary", "statistics", "matomo", "nothing"].map(name => cookieConsent.has(name))`, "true,false,false,false")
	check("before a choice", "document.documentElement.className", "own")
	check("before a choice", "heard.join()", "")

	// Nobody but the visitor agrees.
	for _, call := range []string{"accept()", "save({ statistics: true })", "save({ matomo: true })"} {
		check("without the visitor", "await cookieConsent."+call+".catch(e => e.name)", "NotAllowedError")
	}
	check("with an unknown name", "await cookieConsent.save({ statistic: false }).catch(e => e.name + e.message)", `RangeErrorno category or service "statistic"`)
	check("without the visitor", "await fetch('"+prefix+"state.json').then(r => r.json()).then(s => s.asked)", "false")

	// A link of the site opens what the banner holds.
	b.do(clickOn("#inner"))
	b.await("the choice is open", `document.querySelector("#cookie-consent details").open && document.activeElement.localName === "summary"`)

	// What is agreed to holds on the page, which stays as it is.
	js[bool](b, `document.querySelector("#cookie-consent details").open = false, true`) // which covers the page
	b.mark()
	b.do(clickOn("#yes"))
	settled("yes")
	if !b.isMarked() {
		t.Error("the page was loaded anew although nothing on it was held back")
	}
	check("after accepting", "heard.join()", "consent granted granted true,change granted granted true")
	check("after accepting", "cookieConsent.has('statistics') && cookieConsent.has('matomo')", "true")
	check("after accepting", "document.documentElement.className", "own cookie-consent-asked cookie-consent-has-statistics cookie-consent-has-first_party cookie-consent-has-third_party cookie-consent-has-matomo")
	check("after accepting", `getComputedStyle(document.getElementById("counted")).color`, "rgb(1, 2, 3)")
	check("who listens late", `await new Promise(done => { const late = []; for (const once of [true, false]) for (const type of ["consent", "change"]) cookieConsent.addEventListener(type, e => late.push(type), { once }); cookieConsent.addEventListener("change", { handleEvent: e => late.push("object") }); setTimeout(() => done(late)) })`, "consent,change,consent,change,object")

	// What is taken back ends with the page.
	check("with the visitor's refusal", "await cookieConsent.reject().then(() => 'taken', e => e.name)", "taken")
	b.await("the page is a new one", `!window.mark && document.readyState === "complete"`)
	check("on the next page", "await new Promise(done => setTimeout(() => done(heard.join())))", "consent refused refused true")
	check("on the next page", "document.documentElement.className", "own cookie-consent-asked")

	// A service that was refused is not agreed to by naming its category.
	b.do(clickOn("#but"))
	settled("but")
	check("all but one service", "JSON.stringify([cookieConsent.has('statistics'), cookieConsent.has('matomo')])", "[true,false]")
	js[bool](b, "new Promise(done => setTimeout(() => done(true), 5500))") // until the click is past
	check("without the visitor", "await cookieConsent.save({ statistics: true }).catch(e => e.name)", "NotAllowedError")
	check("without the visitor", "cookieConsent.has('matomo')", "false")
	b.mark()
	check("with the visitor's refusal", "await cookieConsent.reject().then(() => 'taken', e => e.name)", "taken")
	b.await("the page is a new one", `!window.mark && document.readyState === "complete"`)

	// One service alone.
	b.do(clickOn("#some"))
	settled("some")
	check("with one service", "JSON.stringify([cookieConsent.state.categories.statistics, cookieConsent.state.services.matomo, cookieConsent.has('statistics'), cookieConsent.has('matomo')])", `["refused","granted",false,true]`)

	// What is not named stays as it is.
	check("refusing what was refused", "await cookieConsent.save({ third_party: false }).then(() => cookieConsent.has('matomo'))", "true")

	// Once there is a choice, the page of preferences opens, which leads back.
	b.open(s.url("/page?a=1&b=2"))
	b.click("#open")
	check("opened", "location.pathname", prefix)
	if !b.has(`a[href="/page?a=1&b=2"]`) {
		t.Error("the preferences page leads back to somewhere else")
	}

	// In a frame it is the same, for the page around it.
	b.open(s.url("/framed"))
	check("in a frame", "frames[0].cookieConsent.has('matomo')", "true")
	b.await("the frame's link leads the page around it to the preferences", `(frames[0] && frames[0].document.getElementById("open").click(), location.pathname === "`+prefix+`")`)
}

// A script is told that a choice counts only if the server said so after it.
func TestScriptsLearnWhatIsNotConfirmed(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<!DOCTYPE html><html lang="en"><title>t</title><link rel="icon" href="data:,"><body style="padding-bottom: 40em">
			<script>const take = promise => promise.then(() => window.done = "taken", e => window.done = e.name + ": " + e.message)</script>
			<button id="yes" onclick="take(cookieConsent.accept())">Yes</button>
			<button id="some" onclick="take(cookieConsent.save({ matomo: true }))">Some</button>
			<button id="no" onclick="take(cookieConsent.reject())">No</button></body></html>`)
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	block := func(endpoints ...string) {
		t.Helper()
		var params network.SetBlockedURLsParams
		for _, name := range endpoints {
			params.URLPatterns = append(params.URLPatterns, &network.BlockPattern{URLPattern: "*://*:*" + prefix + name + "*", Block: true})
		}
		if _, err := chromedp.Call(b.ctx, network.SetBlockedURLs, params); err != nil {
			t.Fatal(err)
		}
	}
	preference := func() string {
		t.Helper()
		for _, c := range b.jar() {
			if c.Name == preferenceCookie {
				return c.Value
			}
		}
		return ""
	}
	const notConfirmed = "Error: choice not confirmed"
	for _, test := range []struct {
		desc, button string
		blocked      []string
		want         string
		kept         bool // whether the browser has a choice all the same
	}{
		{"nothing is reached", "yes", []string{"preferences", "state.json"}, notConfirmed, false},
		{"the choice is not reached", "no", []string{"preferences"}, notConfirmed, false},
		{"the state is not reached", "yes", []string{"state.json"}, notConfirmed, true},
		{"the state is not reached", "no", []string{"state.json"}, notConfirmed, true},
		{"what else holds is not known", "some", []string{"state.json"}, notConfirmed, false},
		{"all is reached", "some", nil, "taken", true},
	} {
		block()
		b.reset()
		b.open(s.url("/page"))
		block(test.blocked...)
		b.do(clickOn("#" + test.button))
		b.await("the script is told", `window.done !== undefined`)
		if got := js[string](b, "window.done"); got != test.want {
			t.Errorf("%s, %s: the script is told %q, want %q", test.desc, test.button, got, test.want)
		}
		if got := preference() != ""; got != test.kept {
			t.Errorf("%s, %s: the browser has a choice: %t, want %t", test.desc, test.button, got, test.kept)
		}
		if got := js[bool](b, `cookieConsent.has("matomo")`); got != (test.want == "taken") {
			t.Errorf("%s, %s: matomo is granted to the page: %t", test.desc, test.button, got)
		}
	}

	// What another tab took back is not given again by a page that has not heard of it.
	block()
	b.choose(s, "accept_all")
	b.open(s.url("/page"))
	block("state.json")
	b.tab().choose(s, "reject_all")
	refused := preference()
	if got := js[string](b, `cookieConsent.save({ third_party: false }).then(() => "taken", String)`); got != notConfirmed || preference() != refused {
		t.Errorf("saved on a page that does not know of the refusal: %s, and the choice is another one: %t", got, preference() != refused)
	}
}

// What is promised to programmers is there.
func TestDefinitionsOfTheScript(t *testing.T) {
	definitions, err := os.ReadFile("../consent/shim/cookie-consent.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	app := newApplication(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, page)
	})
	s := start(t, site(strings.Replace(policy, "cookies _pk_*", "cookies _pk_*\nstorage _pk_*", 1)+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.open(s.url("/page"))
	_, members, _ := strings.Cut(string(definitions), "interface CookieConsent {")
	members, _, _ = strings.Cut(members, "\n}")
	all := regexp.MustCompile(`(?m)^\t(?:readonly )?(\w+)`).FindAllStringSubmatch(members, -1)
	if len(all) < 8 {
		t.Fatalf("only %q are defined", all)
	}
	for _, member := range all {
		if js[string](b, `typeof cookieConsent["`+member[1]+`"]`) == "undefined" {
			t.Errorf("there is no %s", member[1])
		}
	}
	names := js[string](b, `Object.getOwnPropertyNames(cookieConsent).join()`)
	for name := range strings.SplitSeq(names, ",") {
		if name != "constructor" && !strings.Contains(members, "\t"+name) && !strings.Contains(members, " "+name) {
			t.Errorf("%s is not in the definitions", name)
		}
	}
}
