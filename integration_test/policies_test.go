package integration_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// ownPolicy is a content security policy of an application, in lines of the header
// and in meta elements. SITE stands for the host with its port, THIRD for that of
// somebody else.
type ownPolicy struct {
	lines, metas []string

	formless bool // whether no policy can be made to let the banner's form work
	logged   bool // whether the operator is told so
}

func lines(s ...string) ownPolicy { return ownPolicy{lines: s} }

const inlineHash = "'sha256-mFiJNXhXqeYq/x9Xs9FhcRbbOGWyqI7u4ZDuM3eJTSc='" // of some other script

var ownPolicies = []ownPolicy{
	{},
	lines("script-src 'self'"),
	lines("script-src 'nonce-abc'"),
	lines("script-src 'self' 'nonce-abc' 'strict-dynamic'"),
	lines("script-src 'nonce-abc' 'strict-dynamic'"),
	lines("script-src " + inlineHash),
	lines("default-src 'none'"),
	lines("script-src 'none'", "script-src 'self'"),
	lines("script-src 'nonce-abc'", "script-src 'self'"),
	lines("script-src 'self', script-src 'none'"),
	lines("script-src 'self'", "script-src 'nonce-abc' 'strict-dynamic'"),
	{metas: []string{"default-src 'none'"}},
	lines("require-trusted-types-for 'script'"),
	lines("style-src 'self'"),
	lines("connect-src 'none'"),
	lines("form-action 'none'"),
	lines("form-action 'self'"),
	lines("style-src 'nonce-abc'"),

	lines("default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"),
	lines("default-src 'none'; form-action 'none'", "default-src 'self'; style-src 'none'", "style-src 'nonce-xyz', form-action https://pay.test"),
	lines("default-src 'self' 'unsafe-inline'; img-src *"),
	lines("default-src 'unsafe-inline' https://THIRD; form-action https://THIRD"),
	lines("default-src https://THIRD 'nonce-abc'"),
	lines("style-src 'unsafe-inline'"),
	lines("style-src 'unsafe-inline' 'nonce-abc'"),
	lines("style-src 'nonce-abc'", "style-src 'nonce-xyz'"),
	lines("style-src 'nonce-abc'", "style-src https://THIRD"),
	lines("style-src 'none'; style-src-elem 'none'; style-src-attr 'none'"),
	lines("style-src SITE/css/ *.SITE 'report-sample'; form-action SITE/search"),
	lines("default-src SITE; form-action SITE"),
	lines("default-src https:; form-action https:"),
	lines("img-src 'none'"),
	lines("object-src 'none'; script-src 'nonce-abc' 'unsafe-inline' 'strict-dynamic' https: http:; base-uri 'none'"),
	lines("upgrade-insecure-requests; block-all-mixed-content; default-src 'none'"),
	lines("require-trusted-types-for 'script'; trusted-types 'none'; default-src 'none'; form-action 'none'"),
	lines(" ;; STYLE-SRC\t'NONE'\t; style-src * ;Form-Action 'None';", ", ,"),
	lines("frame-src 'none'; child-src 'none'; worker-src 'none'; manifest-src 'none'; font-src 'none'"),
	{metas: []string{"default-src 'none'; form-action 'none'"}, lines: []string{"style-src 'nonce-abc'"}},
	{metas: []string{"style-src 'nonce-abc'; form-action 'none'", "style-src 'none'"}},
	{metas: []string{"default-src &#39;self&#39;; style-src &#39;none&#39;"}, lines: []string{"default-src 'self'"}},

	{lines: []string{"sandbox allow-scripts allow-forms allow-same-origin; default-src 'none'; form-action 'none'"}},
	{lines: []string{"sandbox"}, formless: true, logged: true},
	{lines: []string{"sandbox allow-scripts"}, formless: true, logged: true},
	{lines: []string{"sandbox allow-scripts allow-same-origin; style-src 'none'"}, formless: true, logged: true},
	{lines: []string{"sandbox allow-forms; default-src 'none'"}, formless: true, logged: true}, // what it sends comes from nowhere
	{metas: []string{"sandbox; default-src 'none'; form-action 'none'"}},                       // it has no meaning there
}

// policedPage is a page with something in it of every kind that a policy decides about.
const policedPage = `<!DOCTYPE html><html><head><title>x</title>%s
<script>window.inline = true</script><script nonce="abc">window.nonced = true</script>
<script src="/own.js"></script><script src="https://THIRD/foreign.js"></script>
<style>#styled { color: rgb(1, 2, 3) }</style><link rel="stylesheet" href="https://THIRD/foreign.css"></head>
<body><p id="styled">x</p><p id="linked">x</p><img src="https://THIRD/foreign.gif"><img src="/own.gif"></body></html>`

// seenInPage is what of it the browser let work.
const seenInPage = `JSON.stringify({
	inline: !!window.inline, nonced: !!window.nonced, own: !!window.own, foreign: !!window.foreign,
	styled: getComputedStyle(document.getElementById("styled")).color,
	linked: getComputedStyle(document.getElementById("linked")).color,
	images: [...document.images].map(i => i.naturalWidth),
	violations: (window.violations ?? []).map(v => v.replace(location.host, "SITE")).sort(),
})`

// confirmedPage is the page of an application that makes a nonce for every response,
// those with status 304 too, which replace the policy that the browser has stored.
func confirmedPage(t *testing.T) *application {
	var served atomic.Int32
	return newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Etag", `"v1"`)
		w.Header().Set("Content-Security-Policy", fmt.Sprintf("style-src 'nonce-n%d'", served.Add(1)))
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(page))
	})
}

// A page that the browser has stored carries the nonce of another response.
func TestStyleOfConfirmedPage(t *testing.T) {
	app := confirmedPage(t)
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	sites := &policedSites{browser: openBrowser(t, chromedp.Flag("disable-features", "BackForwardCache,Translate"))}
	for range 3 {
		sites.open("http://" + s.authority("http") + "/") // over HTTPS it stores nothing with such a certificate
		if !sites.isFixed("#cookie-consent") {
			t.Error("the banner is without style")
		}
	}
	confirmed := slices.ContainsFunc(app.requests(), func(r *http.Request) bool { return r.Header.Get("If-None-Match") == `"v1"` })
	if !confirmed {
		t.Error("the browser asked for no confirmation")
	}
}

// noteViolations is run ahead of every page.
const noteViolations = `window.violations = []
document.addEventListener("securitypolicyviolation", e => window.violations.push(e.effectiveDirective + " " + e.blockedURI))`

// policedSites is a browser, and Caddy before an application whose pages have the
// policy by the number in their path.
type policedSites struct {
	*browser
	server *server
	scheme string
	port   string

	mu       sync.Mutex
	messages []string // of the browser about the page
}

// The sites, by the first label of their name: without the directive, and with it.
const (
	plainSite  = "plain"
	openSite   = "open" // the wall is off
	walledSite = "walled"
)

func newPolicedSites(t *testing.T, scheme string, policies []ownPolicy) *policedSites {
	app := httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
		_, port, _ := strings.Cut(r.Host, ":")
		fill := strings.NewReplacer("SITE", r.Host, "THIRD", "third.others.test:"+port).Replace
		header := w.Header()
		switch r.URL.Path {
		case "/foreign.js", "/own.js":
			header.Set("Content-Type", "text/javascript")
			fmt.Fprintf(w, "window.%s = true", r.URL.Path[1:len(r.URL.Path)-len(".js")])
			return
		case "/foreign.css":
			header.Set("Content-Type", "text/css")
			io.WriteString(w, "#linked { color: rgb(4, 5, 6) }")
			return
		case "/foreign.gif", "/own.gif":
			header.Set("Content-Type", "image/gif")
			io.WriteString(w, pixel)
			return
		}
		i, err := strconv.Atoi(r.URL.Path[1:])
		if err != nil {
			http.NotFound(w, r)
			return
		}
		for _, line := range policies[i].lines {
			header.Add("Content-Security-Policy", fill(line))
		}
		header.Set("Content-Type", "text/html; charset=utf-8")
		var metas strings.Builder
		for _, meta := range policies[i].metas {
			fmt.Fprintf(&metas, `<meta http-equiv="Content-Security-Policy" content="%s">`, fill(meta))
		}
		fmt.Fprintf(w, strings.ReplaceAll(policedPage, "THIRD", "third.others.test:"+port), metas.String())
	})
	proxy := "reverse_proxy " + app
	of := func(name string) string { return scheme + "://" + name }
	s := start(t, siteFor(of(plainSite+".site.test"), proxy)+
		siteFor(of("third.others.test"), proxy)+
		siteFor(of(openSite+".site.test"), "cookie_consent {\nbanner always\nwall off\nfirst_party third.others.test\n}\n"+proxy)+
		siteFor(of(walledSite+".site.test"), "cookie_consent {\nbanner always\nfirst_party third.others.test\n}\n"+proxy))
	sites := &policedSites{browser: openBrowser(t), server: s, scheme: scheme}
	_, sites.port, _ = strings.Cut(s.addr(scheme), ":")
	if scheme == "https" {
		for _, name := range []string{plainSite + ".site.test", openSite + ".site.test", walledSite + ".site.test", "third.others.test"} {
			s.awaitCertificate(t, name)
		}
	}
	if err := chromedp.Listen(sites.ctx, func(ev any) {
		sites.mu.Lock()
		defer sites.mu.Unlock()
		switch ev := ev.(type) {
		case *cdplog.EventEntryAdded:
			if ev.Entry.Source != cdplog.EntrySourceNetwork { // where the icon comes from
				sites.messages = append(sites.messages, ev.Entry.Text)
			}
		case *cdpruntime.EventExceptionThrown:
			sites.messages = append(sites.messages, ev.ExceptionDetails.Text)
		}
	}); err != nil {
		t.Fatal(err)
	}
	script := cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: noteViolations}
	if _, err := chromedp.Call(sites.ctx, cdppage.AddScriptToEvaluateOnNewDocument, script); err != nil {
		t.Fatal(err)
	}
	return sites
}

// url is the address of the page with policy i.
func (s *policedSites) url(site string, i int) string {
	return fmt.Sprintf("%s://%s.site.test:%s/%d", s.scheme, site, s.port, i)
}

// messagesSince returns the messages of the browser since the last call.
func (s *policedSites) messagesSince() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	messages := s.messages
	s.messages = nil
	return messages
}

// seen is what the browser shows of the application's page, and its messages about it.
func (s *policedSites) seen() (page string, messages []string) {
	s.t.Helper()
	return js[string](s.browser, seenInPage), s.messagesSince()
}

// isFixed reports whether an element is there, and where its style sheet puts it.
func (s *policedSites) isFixed(id string) bool {
	s.t.Helper()
	return s.has(id) && js[string](s.browser, "getComputedStyle(document.querySelector("+quote(id)+")).position") == "fixed"
}

// Under every policy that an application may have, the banner shows as it should and
// takes a choice, and the page itself is what it is without the directive: what its
// policy lets work works, and nothing else.
func TestPoliciesOfApplications(t *testing.T) {
	t.Run("https", func(t *testing.T) { checkPolicies(t, newPolicedSites(t, "https", ownPolicies), ownPolicies) })
	// Without the scheme that most policies name.
	plain := []ownPolicy{
		lines("default-src 'none'; form-action 'none'"),
		lines("default-src http://SITE https: 'nonce-abc'; form-action https:"),
		{metas: []string{"default-src 'none'; form-action 'none'"}},
		{lines: []string{"sandbox allow-forms"}, formless: true, logged: true},
	}
	t.Run("http", func(t *testing.T) { checkPolicies(t, newPolicedSites(t, "http", plain), plain) })
}

var waysToChoose = []struct {
	state  string // of the choice, as state.json has it
	choose func(b *browser)
}{
	{"refused", func(b *browser) { b.press(rejectButton) }},
	{"accepted", func(b *browser) { b.press(acceptButton) }},
	{"custom", func(b *browser) {
		b.do(clickOn("#cookie-consent details summary"), clickOn(`#cookie-consent input[value="statistics"]`))
		b.press(`#cookie-consent button[value="save"]`)
	}},
}

func checkPolicies(t *testing.T, s *policedSites, policies []ownPolicy) {
	for i, p := range policies {
		name := fmt.Sprintf("%q %q", p.lines, p.metas)
		s.messagesSince()
		s.open(s.url(plainSite, i))
		want, messages := s.seen()
		compare := func(site string) {
			t.Helper()
			if got, told := s.seen(); got != want || len(told) > len(messages) {
				t.Errorf("%s, %s: is\n%s with messages\n%q, without the directive\n%s with\n%q", name, site, got, told, want, messages)
			}
		}
		if _, err := chromedp.Call(s.ctx, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
			t.Fatal(err)
		}
		for _, site := range []string{openSite, walledSite} {
			s.messagesSince()
			s.open(s.url(site, i))
			if !s.isFixed("#cookie-consent") {
				t.Errorf("%s, %s: no banner, or it is without style", name, site)
			}
			compare(site)
		}
		if p.formless {
			// The form does nothing, but the link leads to one that does.
			s.click(".cookie-consent-policy")
			s.click(`button[value="reject_all"]`)
			s.open(s.url(walledSite, i))
		} else {
			// Two of them: with its neighbours in the list, which are much like it, it meets all.
			for n := range 2 {
				if n > 0 {
					s.reset()
					s.open(s.url(walledSite, i))
				}
				way := waysToChoose[(i+n)%len(waysToChoose)]
				way.choose(s.browser)
				if want := way.state; js[string](s.browser, `fetch("`+prefix+`state.json").then(r => r.json()).then(s => s.state, () => "`+want+`")`) != want {
					t.Errorf("%s: the choice %s was not taken", name, want)
				}
			}
			s.messagesSince()
			s.open(s.url(walledSite, i)) // on which the script may have put the link in place of the banner
		}
		if got := value(s.browser, chromedp.Location()); got != s.url(walledSite, i) {
			t.Errorf("%s: the choice led to %s", name, got)
		}
		if s.has("#cookie-consent") || !s.isFixed("#cookie-consent-corner") || !s.has("#cookie-consent-settings") {
			t.Errorf("%s: after the choice the banner is still there, or no link to the settings, or it is without style", name)
		}
		if !p.formless { // the messages of the other pages would count too
			compare("after the choice")
		}
	}
	logged := s.server.logged(t)
	for _, p := range policies {
		if line := strings.Join(p.lines, ", "); len(p.lines) == 1 && p.logged != strings.Contains(logged, strconv.Quote(line)) {
			t.Errorf("%q is logged as one that can't admit the banner: %t", line, !p.logged)
		}
	}
}
