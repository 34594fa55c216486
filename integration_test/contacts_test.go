package integration_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// others is a server for every host that is not the site's. It notes who is
// contacted: by the name in the TLS handshake, or by that in a request and, where
// the name does not tell for which document, the page it is for.
type others struct {
	addr string

	mu        sync.Mutex
	contacted map[string]bool
}

func newOthers(t testing.TB) *others {
	o := &others{contacted: make(map[string]bool)}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Host
		if !namesDocument.MatchString(name) {
			if referrer, err := url.Parse(r.Referer()); err == nil {
				name += " for " + referrer.Host
			}
		}
		o.note(name)
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cache-Control", "no-store")
		switch {
		case strings.HasSuffix(r.URL.Path, ".png"):
			w.Header().Set("Content-Type", "image/gif")
			io.WriteString(w, pixel)
		case strings.HasSuffix(r.URL.Path, ".html"):
			w.Header().Set("Content-Type", "text/html")
		case strings.HasSuffix(r.URL.Path, ".js"):
			w.Header().Set("Content-Type", "text/javascript")
		case strings.HasSuffix(r.URL.Path, ".css"):
			w.Header().Set("Content-Type", "text/css")
		}
	}))
	server.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		o.note(hello.ServerName)
		return nil, nil
	}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Config.SetKeepAlivesEnabled(false)
	server.StartTLS()
	t.Cleanup(server.Close)
	o.addr = server.Listener.Addr().String()
	return o
}

var namesDocument = regexp.MustCompile(`\b[q-v]\d\d\d\.`)

func (o *others) note(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.contacted[strings.TrimSuffix(strings.ToLower(name), ".")] = true
}

// contacts are the hosts that were contacted for a document on a way so far, by
// their names in the document.
func (o *others) contacts(v *visit) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var hosts []string
	for name := range o.contacted {
		if strings.Contains(name, v.letter+v.ID[1:]+".") {
			name, _, _ = strings.Cut(name, " for ")
			hosts = append(hosts, v.unnamed(v.way, name))
		}
	}
	slices.Sort(hosts)
	return hosts
}

// A visit is a document that is loaded on a way.
type visit struct {
	*document
	way
	expected []string      // whom it contacts, as far as that is known
	longest  time.Duration // how long that is waited for

	// What became of it: where the tab is, and the document there without what was
	// inserted; nothing if there is none.
	location, html string
	banner         bool
	err            error
}

func (v *visit) String() string {
	return fmt.Sprintf("%s (%s, scripts %t)", v.ID, v.Note, v.scripts)
}

// snapshot returns what is loaded.
const snapshot = `(() => {
	const copy = document.cloneNode(true)
	const inserted = ["cookie-consent", "cookie-consent-form"].map(id => copy.querySelector("#" + id))
	for (const e of inserted) e?.remove()
	copy.querySelector("script[src^='/.cookie-consent/shim.']")?.remove() // where scripts do not run
	copy.normalize()
	return [location.href, copy.documentElement?.outerHTML ?? "", inserted[0] ? "banner" : ""]
})()`

// load loads a document in a tab, and waits until it has contacted whom it is
// expected to contact, or for a while.
func (o *others) load(tab context.Context, v *visit) error {
	ctx, cancel := context.WithTimeout(tab, 2*patience)
	defer cancel()
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !v.scripts}); err != nil {
		return err
	}
	navigated, err := chromedp.Call(ctx, cdppage.Navigate, cdppage.NavigateParams{URL: "https://" + v.letter + v.ID[1:] + ".site.test/"})
	if err != nil {
		return fmt.Errorf("navigating: %w", err)
	}
	const step, least = 50 * time.Millisecond, 150 * time.Millisecond
	clicked := v.Click == ""
	for waited := step; waited < v.longest; waited += step { // without what the browser takes to answer
		time.Sleep(step)
		if state, err := evaluate[string](ctx, "document.readyState"); err != nil || state != "complete" {
			continue
		}
		if !clicked {
			clicked, _ = evaluate[bool](ctx, `(e => !!e && (e.click(), true))(document.querySelector("`+v.Click+`"))`)
			continue
		}
		if waited >= least && o.hasContacted(v) {
			break
		}
	}
	v.location, v.html, v.banner = "", "", false
	if navigated.ErrorText != "" { // it is saved, not shown
		return nil
	}
	var seen []string
	for ; ctx.Err() == nil; time.Sleep(step) { // the tab may be on its way to another page
		if seen, err = evaluate[[]string](ctx, snapshot); err == nil {
			v.location, v.html, v.banner = v.unnamed(v.way, seen[0]), v.unnamed(v.way, seen[1]), seen[2] != ""
			return nil
		}
	}
	return fmt.Errorf("reading the document: %w", err)
}

func evaluate[T any](ctx context.Context, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression))
}

func (o *others) hasContacted(v *visit) bool {
	return containsAll(o.contacts(v), v.expected)
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// visit loads documents in several tabs at once.
func (o *others) visit(b *browser, visits []*visit) {
	next := make(chan *visit)
	var tabs sync.WaitGroup
	for range 6 {
		tabs.Go(func() {
			tab, cancel := chromedp.NewContext(b.ctx)
			defer cancel()
			opened := chromedp.Do(tab) // the context of the first call is that of the tab
			for v := range next {
				if v.err = opened; opened == nil {
					v.err = o.load(tab, v)
				}
			}
		})
	}
	for _, v := range visits {
		next <- v
	}
	close(next)
	tabs.Wait()
}

// otherHosts are the hosts of others in the documents.
var otherHosts = []string{"*.tp.test", "127.9.9.2"}

// A document is loaded some times before it counts that it contacted somebody on
// one way and not on the other: whoever is contacted at any time is. In the end it
// has longer to do so, for the sake of busy machines.
var attempts = []time.Duration{3 * time.Second, 3 * time.Second, 10 * time.Second, 30 * time.Second}

// documentSites starts Caddy with and without the directive in front of the
// documents, and a browser for which all other hosts are others.
func documentSites(t *testing.T, all []*document) (*browser, *others) {
	t.Helper()
	o := newOthers(t)
	backend := documentBackend(t, all)
	plainPort := freePort(t)
	open := strings.Replace(policy, "cookie_consent {", "cookie_consent {\nwall off\nfirst_party "+strings.Join(otherHosts, " "), 1)
	openPort := freePort(t)
	s := start(t, siteFor("https://*.site.test", policy+"reverse_proxy "+backend)+
		siteFor("https://*.site.test:"+strconv.Itoa(openPort), open+"reverse_proxy "+backend)+
		siteFor("https://*.site.test:"+strconv.Itoa(plainPort), "reverse_proxy "+backend))
	s.awaitCertificate(t, "a.site.test")
	rules := fmt.Sprintf("MAP *.site.test 127.0.0.1:%d, MAP * %s", plainPort, o.addr)
	for _, w := range consentWays {
		rules = fmt.Sprintf("MAP %s*.site.test 127.0.0.1:%d, ", w.letter, openPort) + rules
	}
	for _, w := range blockedWays {
		rules = fmt.Sprintf("MAP %s*.site.test %s, ", w.letter, s.addr("https")) + rules
	}
	b := openBrowser(t, chromedp.Flag("host-resolver-rules", rules))
	denied := cdpbrowser.SetDownloadBehaviorParams{Behavior: cdpbrowser.SetDownloadBehaviorBehaviorDeny}
	if _, err := chromedp.CallBrowser(b.ctx, cdpbrowser.SetDownloadBehavior, denied); err != nil {
		t.Fatal(err)
	}
	return b, o
}

// With the banner in it, a document contacts whom it contacts without, and is the
// same document but for the banner. Before the visitor agrees, it contacts nobody.
func TestDocumentsInChromium(t *testing.T) {
	all := documents(t)
	b, o := documentSites(t, all)

	var plain, consent []*visit
	for _, d := range all {
		for i := range plainWays {
			plain = append(plain, &visit{document: d, way: plainWays[i], expected: d.recorded(plainWays[i])})
			consent = append(consent, &visit{document: d, way: consentWays[i]})
		}
	}
	differ := func(p, c *visit) string {
		got, want := o.contacts(c), o.contacts(p)
		switch {
		case guarded[p.ID] != "":
			return ""
		case p.err != nil || c.err != nil:
			return fmt.Sprintf("loading: %v", cmp.Or(p.err, c.err))
		case !containsAll(want, p.expected):
			return fmt.Sprintf("contacts %q, recorded are %q", want, p.expected)
		case !slices.Equal(got, want) && racing[p.ID] == "":
			return fmt.Sprintf("contacts %q, without the directive %q", got, want)
		case p.location != c.location || p.html != c.html:
			return fmt.Sprintf("is\n%s\n%q\nwithout the directive\n%s\n%q", c.location, c.html, p.location, p.html)
		}
		return ""
	}
	for attempt, longest := range attempts {
		var ps, cs []*visit
		for i, p := range plain {
			if attempt == 0 || differ(p, consent[i]) != "" {
				p.longest, consent[i].longest = longest, longest
				ps, cs = append(ps, p), append(cs, consent[i])
			}
		}
		o.visit(b, ps)
		for i, p := range ps {
			cs[i].expected = o.contacts(p)
		}
		o.visit(b, cs)
	}
	banners := 0
	for i, p := range plain {
		if difference := differ(p, consent[i]); difference != "" {
			t.Errorf("%s %s", p, difference)
		}
		if consent[i].banner {
			banners++
		}
	}
	if banners < len(plain)*4/5 {
		t.Errorf("there is a banner in only %d of %d documents", banners, len(plain))
	}

	var blocked []*visit
	for i, p := range plain {
		if found := o.contacts(p); len(found) > 0 {
			v := &visit{document: p.document, way: blockedWays[i%len(blockedWays)], longest: attempts[0]}
			if left[p.ID] != "" {
				v.expected = found
				v.longest = attempts[len(attempts)-1]
			}
			blocked = append(blocked, v)
		}
	}
	o.visit(b, blocked)
	contacted := make(map[string]bool)
	for _, v := range blocked {
		if hosts := o.contacts(v); len(hosts) > 0 {
			if contacted[v.ID] = true; left[v.ID] == "" {
				t.Errorf("%s still contacts %q", v, hosts)
			}
		}
		if v.err != nil {
			t.Errorf("loading %s: %v", v, v.err)
		}
	}
	for id := range left {
		if !contacted[id] {
			t.Errorf("%s contacts nobody any more", id)
		}
	}
}

// recorded are the hosts to which a document was seen to open connections, as far
// as others can see them: Go's TLS refuses the name with a trailing dot of h352.
func (d *document) recorded(w way) []string {
	levels := d.Chromium
	if !w.scripts {
		levels = d.ChromiumWithoutScripts
	}
	var hosts []string
	for host, level := range levels {
		if level != "dns" && d.ID != "h352" {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// racing are the documents of which it depends on the browser's pace whom they
// contact.
var racing = map[string]string{
	"h378": "the address of an image is made when the parser next pauses, before or behind a base element; the banner's style sheet makes it pause",
}

// guarded are the documents that are changed although everybody whom they contact is
// allowed.
var guarded = map[string]string{
	"h194": "nobody looks into rules for what is loaded ahead",
	"h362": "the configuration names no IPv6 addresses",
	"h365": "nobody is asked for such an address, but what is not known is blocked",
	"h471": "nobody looks into rules for what is loaded ahead",
}

// left are the documents that still contact somebody.
var left = map[string]string{
	"h069": "the visitor sends a form",
	"h479": "the visitor follows a redirect",
}
