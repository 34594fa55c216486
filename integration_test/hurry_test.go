package integration_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// A gate is in front of the endpoint that takes choices.
type gate struct {
	mu    sync.Mutex
	taken []url.Values // the choices that came
	fails bool

	held    string        // the choice that waits, "" for none
	release chan struct{} // lets it go on
}

// through starts Caddy with the gate in front.
func (g *gate) through(t *testing.T, app string) *server {
	var s *server
	addr := httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		g.mu.Lock()
		g.taken = append(g.taken, form)
		fails, holds := g.fails, g.held == form.Get("choice")
		g.mu.Unlock()
		if holds {
			<-g.release
		}
		if fails {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, "<title>t</title><p id=failed>Not now.")
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.Header.Set("X-Passed", "1")
		through := &httputil.ReverseProxy{
			Rewrite: func(pr *httputil.ProxyRequest) {
				pr.Out.URL.Scheme, pr.Out.URL.Host, pr.Out.Host = "https", s.addr("https"), r.Host
			},
			Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: host}, DisableKeepAlives: true}, //nolint:gosec // its own certificate
		}
		through.ServeHTTP(w, r)
	})
	s = start(t, site("route {\n@gated {\nmethod POST\npath "+preferencesPath+"\nnot header X-Passed *\n}\nreverse_proxy @gated "+addr+"\n"+policy+"\nreverse_proxy "+app+"\n}"))
	return s
}

// choices returns the choices that came since the last call.
func (g *gate) choices() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []string
	for _, form := range g.taken {
		all = append(all, strings.Join(form["choice"], "+"))
	}
	g.taken = nil
	return strings.Join(all, " ")
}

func (g *gate) set(fails bool, held string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fails, g.held = fails, held
}

// What a visitor does in a hurry, or where the way to the server is bad: a choice counts
// once and as it was meant last, and one that did not arrive can be made again.
func TestHurriedVisitors(t *testing.T) {
	app := pagesApplication(t)
	g := &gate{release: make(chan struct{})}
	s := g.through(t, app.addr)
	b := openBrowser(t)
	open := func(path string) {
		t.Helper()
		g.set(false, "")
		b.reset()
		b.open(s.url(path))
		b.mark()
		g.choices()
	}
	holds := func(when, want string) {
		t.Helper()
		b.await(when+" the choice is "+want, `fetch("`+prefix+`state.json").then(r => r.json()).then(s => s.state === "`+want+`")`)
	}
	click := func(button string) { // by a script, which may do so in a page that is back too
		t.Helper()
		js[bool](b, "document.querySelector('"+button+"').click(), true")
	}
	back := func() {
		t.Helper()
		js[bool](b, "setTimeout(() => history.back()), true")
		b.await("the page is back", `document.readyState === "complete" && !!document.getElementById("cookie-consent")`)
	}

	// A double click.
	open("/plain")
	js[bool](b, `{ const accept = document.querySelector('`+acceptButton+`'); accept.click(); accept.click(); true }`)
	holds("after a double click", "accepted")
	if got := g.choices(); got != "accept_all" || !b.isMarked() {
		t.Errorf("after a double click came the choices %q, or the page is a new one", got)
	}

	// The server fails, and the visitor goes back to try again.
	open("/plain")
	g.set(true, "")
	click(acceptButton)
	b.await("the visitor sees that it failed", `!!document.getElementById("failed")`)
	g.set(false, "")
	g.choices()
	back()
	if !b.isMarked() {
		t.Error("the browser did not keep the page, which this test is about")
	}
	click(rejectButton)
	holds("after a failure", "refused")
	if got := g.choices(); got != "reject_all" || !b.isMarked() {
		t.Errorf("after a failure came the choices %q, or the page is a new one", got)
	}

	// No way to the server.
	open("/plain")
	offline := func(is bool) {
		t.Helper()
		params := network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{}}
		if is {
			params.MatchedNetworkConditions = append(params.MatchedNetworkConditions, &network.Conditions{DownloadThroughput: -1, UploadThroughput: -1, Offline: true})
		}
		if _, err := chromedp.Call(b.ctx, network.EmulateNetworkConditionsByRule, params); err != nil {
			t.Fatal(err)
		}
	}
	offline(true)
	click(acceptButton)
	b.await("the browser says that there is none", `location.protocol === "chrome-error:" || document.documentElement.outerHTML.includes("ERR_")`)
	offline(false)
	back()
	click(rejectButton)
	holds("after being offline", "refused")

	// On second thoughts, while the first is on its way.
	open("/plain")
	g.set(false, "accept_all")
	click(acceptButton)
	if !eventually(func() bool { g.mu.Lock(); defer g.mu.Unlock(); return len(g.taken) == 1 }) {
		t.Fatal("the first choice did not come")
	}
	click(rejectButton)
	holds("on second thoughts", "refused")
	close(g.release)
	time.Sleep(500 * time.Millisecond)
	holds("at last", "refused")
	if got := g.choices(); got != "accept_all reject_all" {
		t.Errorf("on second thoughts came the choices %q", got)
	}
}
