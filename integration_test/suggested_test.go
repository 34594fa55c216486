package integration_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// vendorScripts are the files of known products by host and path, which store and
// contact what those of the products do.
var vendorScripts = map[string]string{
	"www.googletagmanager.com/gtag/js": `
		document.cookie = "_ga=GA1.1.1.2; max-age=34560000; path=/; domain=example.test"
		document.cookie = "_ga_ABC123DEF4=GS2.1.s1; max-age=34560000; path=/; domain=example.test"
		fetch("https://region1.google-analytics.com/g/collect?v=2", {method: "POST", mode: "no-cors"}).catch(() => {})`,
	// A container, in which there is a recorder.
	"www.googletagmanager.com/gtm.js": `
		document.cookie = "_gcl_au=1.1.1.2; max-age=7776000; path=/; domain=example.test"
		const s = document.createElement("script")
		s.async = true
		s.src = "https://static.hotjar.com/c/hotjar-4711.js?sv=6"
		document.head.append(s)`,
	"static.hotjar.com/c/hotjar-4711.js": `
		document.cookie = "_hjSessionUser_4711=e30=; max-age=31536000; path=/; domain=example.test"
		document.cookie = "_hjSession_4711=e30=; max-age=1800; path=/; domain=example.test"
		localStorage.setItem("_hjid", "1")
		sessionStorage.setItem("hjViewportId", "1")
		fetch("https://content.hotjar.io/?gzip=1", {method: "POST", mode: "no-cors", body: "1"}).catch(() => {})`,
	"cdn.matomo.cloud/library.matomo.cloud/matomo.js": matomoScript("library.matomo.cloud"),
	"stats.example.test/matomo.js":                    matomoScript("stats.example.test"),
	"connect.facebook.net/en_US/fbevents.js": `
		document.cookie = "_fbp=fb.1.1.2; max-age=7776000; path=/; domain=example.test"
		localStorage.setItem("lastExternalReferrer", "empty")
		new Image().src = "https://www.facebook.com/tr/?id=4711&ev=PageView"`,
	"client.crisp.chat/l.js": `
		document.cookie = "crisp-client%2Fsession%2F4711=session_1; max-age=15552000; path=/"
		localStorage.setItem("crisp-client/session/4711", "1")
		try { new WebSocket("wss://client.relay.crisp.chat/w/b1/") } catch (e) {}`,
	// Somebody whom nobody knows.
	"count.agency.test/count.js": `
		document.cookie = "agency_visit=1; max-age=9999999; path=/"
		sessionStorage.setItem("agency_pages", "1")
		navigator.sendBeacon("https://beacon.agency.test/")`,
	"www.youtube-nocookie.com/embed/4711": `<!DOCTYPE html><title>Film</title><img src="https://i.ytimg.com/vi/4711/hq.jpg">`,
	"fonts.googleapis.com/css2":           `@font-face { font-family: Lora; src: url(https://fonts.gstatic.com/s/lora.woff2) } body { font-family: Lora }`,
}

func matomoScript(host string) string {
	return `
		document.cookie = "_pk_id.1.1fff=1; max-age=33955200; path=/; samesite=lax"
		document.cookie = "_pk_ses.1.1fff=1; max-age=1800; path=/; samesite=lax"
		navigator.sendBeacon("https://` + host + `/matomo.php?idsite=1")`
}

// What owners paste into the head of their pages and before the end, as the vendors say.
const (
	vendorHead = `
<link rel="preconnect" href="https://fonts.googleapis.com">
<link rel="preconnect" href="https://fonts.gstatic.com" crossorigin>
<link rel="stylesheet" href="https://fonts.googleapis.com/css2?family=Lora&display=swap">
<link rel="dns-prefetch" href="//www.google-analytics.com">
<script>(function(w, d, l) { w[l] = w[l] || []; w[l].push({"gtm.start": Date.now(), event: "gtm.js"})
var s = d.createElement("script"); s.async = true; s.src = "https://www.googletagmanager.com/gtm.js?id=GTM-4711"
d.head.appendChild(s) })(window, document, "dataLayer")</script>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-ABC123DEF4"></script>
<script>window.dataLayer = window.dataLayer || []; function gtag() { dataLayer.push(arguments) }
gtag("js", new Date()); gtag("config", "G-ABC123DEF4")</script>
<script>var _paq = window._paq = window._paq || []; _paq.push(["trackPageView"]); _paq.push(["enableLinkTracking"]);
(function() { _paq.push(["setTrackerUrl", "https://MATOMO/matomo.php"]); _paq.push(["setSiteId", "1"])
var g = document.createElement("script"); g.async = true; g.src = "https://MATOMOSCRIPT"; document.head.appendChild(g) })()</script>
<script>!function(w, d) { if (w.fbq) return; var n = w.fbq = function() { n.queue.push(arguments) }; n.queue = []
var t = d.createElement("script"); t.async = true; t.src = "https://connect.facebook.net/en_US/fbevents.js"; d.head.appendChild(t) }(window, document)
fbq('init', '4711'); fbq('track', 'PageView')</script>
<noscript><img height="1" width="1" style="display:none" src="https://www.facebook.com/tr?id=4711&ev=PageView&noscript=1"></noscript>
`
	vendorFoot = `
<noscript><iframe src="https://www.googletagmanager.com/ns.html?id=GTM-4711" height="0" width="0" style="display:none"></iframe></noscript>
<script>window.$crisp = []; window.CRISP_WEBSITE_ID = "4711"; (function() { var s = document.createElement("script")
s.src = "https://client.crisp.chat/l.js"; s.async = 1; document.head.appendChild(s) })()</script>
<script defer src="https://count.agency.test/count.js"></script>
`
	vendorFilm = `<iframe width="320" height="180" src="https://www.youtube-nocookie.com/embed/4711" title="Film" allowfullscreen></iframe>`
)

// What all that contacts and keeps once it may, but for Matomo's hosts.
var (
	vendorHosts = []string{
		"beacon.agency.test", "client.crisp.chat", "client.relay.crisp.chat", "connect.facebook.net", "content.hotjar.io", "count.agency.test", "fonts.googleapis.com",
		"fonts.gstatic.com", "i.ytimg.com", "region1.google-analytics.com", "static.hotjar.com", "www.facebook.com",
		"www.googletagmanager.com", "www.youtube-nocookie.com",
	}
	vendorCookies = []string{
		"_fbp", "_ga", "_ga_ABC123DEF4", "_gcl_au", "_hjSessionUser_4711", "_hjSession_4711", "_pk_id.1.1fff", "_pk_ses.1.1fff", "agency_visit",
		"crisp-client%2Fsession%2F4711",
	}
)

// ownedSite is an application that nobody can change, of an owner who pasted snippets.
type ownedSite struct {
	directives string         // what passes requests on to it
	film       string         // path of the page with the film
	hosts      []string       // of Matomo
	work       func(*browser) // what somebody does there who logs in and out again
	necessary  []string       // cookies that it can't do without
	others     []string       // those of its own that need consent
	suggested  []string       // what lines of the suggestion begin with
}

const ownedOrigin = "https://" + host

// followSuggestion observes a site, uses what is suggested then as it is printed, and
// looks at what visitors get.
func followSuggestion(t *testing.T, o ownedSite) {
	k := newTrackers(t, vendorScripts)
	c := startChild(t, site("cookie_consent {\nmode observe\n}\n"+o.directives))
	c.awaitCertificate(t, host)
	rules := fmt.Sprintf("MAP %s:443 %s", host, c.addr("https"))
	for _, name := range slices.Concat(vendorHosts, o.hosts) {
		rules += fmt.Sprintf(", MAP %s:443 127.0.0.1:%s", name, k.port)
	}
	open := func() *browser { // which ends pages that are left, with what they were about to contact
		return openBrowser(t, chromedp.WindowSize(1200, 1600), chromedp.Flag("host-resolver-rules", rules+", MAP * ~NOTFOUND"),
			chromedp.Flag("disable-features", "Translate,BackForwardCache"))
	}

	b := open()

	// everything waits until all are contacted and keep what they keep.
	everything := func(when string) {
		t.Helper()
		var contacts []string
		if !eventually(func() bool {
			contacts = append(contacts, k.contacts()...)
			return containsAll(contacts, slices.Concat(vendorHosts, o.hosts)) && containsAll(b.names(), slices.Concat(o.others, vendorCookies)) &&
				len(b.stored(ownedOrigin)) == 5
		}) {
			t.Errorf("%s: contacted are %q, kept is %q and %q", when, contacts, b.names(), b.stored(ownedOrigin))
		}
	}

	// Observe for as many pages as somebody opens in two minutes.
	for range 2 {
		b.open(ownedOrigin + o.film)
		o.work(b)
	}
	everything("observed")
	b.open("about:blank")

	// Use what is suggested as it is printed.
	c.stop(t)
	suggested := c.commands(t)(0, "suggest", "--config", c.config, "--adapter", "caddyfile")
	t.Log("\n" + suggested)
	for _, want := range slices.Concat(o.suggested, []string{
		"\tservice crisp {", "\tservice google-ads {", "\tservice google-analytics {", "\tservice google-tag-manager {", "\tservice hotjar {",
		"\tservice matomo {", "\tservice meta-pixel {", "\tservice youtube {", "\t# Needed to render? fonts.googleapis.com (Google Fonts)",
		"\t# agency_visit: not known", "\t# count.agency.test: not known",
	}) {
		if !strings.Contains(suggested, "\n"+want) {
			t.Errorf("it is not suggested: %s", want)
		}
	}
	c.write(t, site(suggested+o.directives))
	if out, err := c.caddyCommand(t, "validate", "--config", c.config, "--adapter", "caddyfile").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c.again(t)

	// nothing checks that the browser contacts nobody and keeps nothing but what is
	// necessary or left.
	nothing := func(when string, left ...string) {
		t.Helper()
		time.Sleep(time.Second)
		kept := b.stored(ownedOrigin)
		for _, name := range b.names() {
			if !slices.Contains(o.necessary, name) {
				kept = append(kept, "cookie "+name)
			}
		}
		if contacts := k.contacts(); len(contacts) > 0 || !containsAll(left, kept) {
			t.Errorf("%s: contacted are %q, kept is %q", when, contacts, kept)
		}
	}
	choose := func(choice string) {
		b.open(ownedOrigin + prefix)
		b.click(`button[value="` + choice + `"]`)
	}
	visit := func(b *browser) {
		b.open(ownedOrigin + o.film)
		b.open(ownedOrigin)
	}
	b = open()
	k.contacts() // of the browser before
	withoutScripts := b.tab()
	withoutScripts.disableScripts()
	visit(withoutScripts)
	b.open(ownedOrigin + o.film)
	o.work(b)
	visit(b)
	if !b.has("#cookie-consent") {
		t.Error("nobody is asked")
	}
	nothing("before a choice")
	b.press(rejectButton)
	visit(b)
	nothing("rejected")

	choose("accept_all")
	visit(b)
	everything("accepted")
	choose("reject_all")
	visit(b)
	k.contacts() // on the page that was left
	visit(b)
	// Others' cookies on their own hosts and what is stored under names that nobody
	// knows are nobody's to delete.
	nothing("withdrawn", "cookie visitor", "session agency_pages")
}

// withMatomo returns a snippet for a Matomo at a host, with its script at an address.
func withMatomo(snippet, host, script string) string {
	return strings.NewReplacer("MATOMOSCRIPT", script, "MATOMO", host).Replace(snippet)
}

// writeFiles writes files into a folder.
func writeFiles(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// What is suggested for the Django application keeps everything that needs consent back,
// and nothing that the application needs.
func TestSuggestedForDjango(t *testing.T) {
	const matomo = "library.matomo.cloud"
	app := startDjango(t, withMatomo(vendorHead, matomo, "cdn.matomo.cloud/"+matomo+"/matomo.js"), vendorFilm+vendorFoot)
	text := func(b *browser, id string) string {
		return js[string](b, `document.getElementById("`+id+`").textContent`)
	}
	followSuggestion(t, ownedSite{
		directives: "reverse_proxy " + app, film: "/", hosts: []string{matomo, "cdn.matomo.cloud"},
		necessary: []string{"csrftoken", "django_language", "sessionid"}, others: []string{"stats"},
		suggested: []string{"\tcookie csrftoken {", "\tcookie django_language {", "\tcookie sessionid {", "\t# stats: not known"},
		work: func(b *browser) {
			b.open(ownedOrigin + "/login")
			b.do(chromedp.SendKeys(chromedp.CSS("#id_username"), "ada"), chromedp.SendKeys(chromedp.CSS("#id_password"), "lovelace"))
			b.click("#enter")
			if got := text(b, "user"); got != "ada" {
				b.t.Fatalf("logged in is %q", got)
			}
			b.do(chromedp.SendKeys(chromedp.CSS("#notes input[name=note]"), "hello"))
			b.click("#keep")
			if got := text(b, "note"); got != "hello" {
				b.t.Errorf("the form sent %q", got)
			}
			b.click("#speak")
			b.open(ownedOrigin + "/")
			if user, language := text(b, "user"), text(b, "language"); user != "ada" || language != "fr" {
				b.t.Errorf("logged in is %q, in %q", user, language)
			}
			b.click("#leave")
			if got := text(b, "user"); got != "nobody" {
				b.t.Errorf("logged out is %q", got)
			}
		},
	})
}
