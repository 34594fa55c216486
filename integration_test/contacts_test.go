package integration_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// others is a server for every host that is not the site's. It notes who is
// contacted: by the name in the TLS handshake, or by that in a request and, where
// the name does not tell for which document, the page it is for.
type others struct {
	addr string

	mu        sync.Mutex
	contacted map[string]bool
}

// newOthers listens at an address of its own, and at further ones.
func newOthers(t testing.TB, addresses ...string) *others {
	o := &others{contacted: make(map[string]bool)}
	server := httptest.NewUnstartedServer(o)
	server.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		o.note(hello.ServerName)
		return nil, nil
	}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Config.SetKeepAlivesEnabled(false)
	server.StartTLS()
	t.Cleanup(func() {
		server.Config.Close()
		server.Close()
	})
	for _, address := range addresses {
		go server.Config.Serve(tls.NewListener(listen(t, address), server.TLS))
	}
	o.addr = server.Listener.Addr().String()
	return o
}

func listen(t testing.TB, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (o *others) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
	leadsTo  string        // where the tab is in the end, as far as that is known
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
	return [location.href, copy.documentElement?.outerHTML ?? "", inserted[0] ? "banner" : "", document.readyState]
})()`

// A tab of a browser shows one page after the other.
type tab interface {
	// navigate begins to load a page, of which scripts run or not.
	navigate(ctx context.Context, url string, scripts bool) error

	// evaluate returns the value of an expression as JSON.
	evaluate(ctx context.Context, expression string) (string, error)

	close()
}

func evaluate[T any](ctx context.Context, t tab, expression string) (value T, err error) {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	text, err := t.evaluate(ctx, expression)
	if err == nil {
		err = json.Unmarshal([]byte(text), &value)
	}
	return value, err
}

// load loads a document in a tab, and waits until it has contacted whom it is
// expected to contact, or for a while.
func (o *others) load(t tab, v *visit) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	name := v.letter + v.ID[1:] + "."
	err := t.navigate(ctx, "https://"+name+"site.test/", v.scripts)
	if err != nil {
		return fmt.Errorf("navigating: %w", err)
	}
	const step, least = 50 * time.Millisecond, 150 * time.Millisecond
	clicked, waited := v.Click == "", step
	for ; waited < v.longest; waited += step { // without what the browser takes to answer
		time.Sleep(step)
		state, err := evaluate[[]string](ctx, t, "[document.readyState, location.href]")
		if err != nil || state[0] != "complete" || namesDocument.FindString(state[1]) != name {
			continue
		}
		if !clicked {
			clicked, _ = evaluate[bool](ctx, t, `(e => !!e && (e.click(), true))(document.querySelector("`+v.Click+`"))`)
			continue
		}
		if waited >= least && o.hasContacted(v) && (v.leadsTo == "" || v.unnamed(v.way, state[1]) == v.leadsTo) {
			break
		}
	}
	v.location, v.html, v.banner = "", "", false
	for ; ctx.Err() == nil; time.Sleep(step) { // the tab may be on its way to another page
		waited += step
		var seen []string
		if seen, err = evaluate[[]string](ctx, t, snapshot); err == nil && (seen[3] == "complete" || waited > v.longest) {
			if namesDocument.FindString(seen[0]) == name { // or it is saved, and what is shown is another one
				v.location, v.html, v.banner = v.unnamed(v.way, seen[0]), v.unnamed(v.way, seen[1]), seen[2] != ""
			}
			return nil
		}
	}
	return fmt.Errorf("reading the document: %w", err)
}

func (o *others) hasContacted(v *visit) bool {
	return containsAll(o.contacts(v), v.expected)
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// visit loads documents in several tabs of a browser at once.
func (o *others) visit(open func() (tab, error), visits []*visit) {
	next := make(chan *visit)
	var tabs sync.WaitGroup
	for range 6 {
		tabs.Go(func() {
			t, err := open()
			if err == nil {
				defer t.close()
			}
			for v := range next {
				if v.err = err; err == nil {
					v.err = o.load(t, v)
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

// A documentBrowser is a browser in which documents are looked at.
type documentBrowser struct {
	visit    func(visits []*visit)
	recorded func(d *document, w way) []string // whom it was seen to contact

	// Documents that are something else with the directive, and why: those of which it
	// depends on the browser's pace whom they contact, those that are changed although
	// everybody whom they contact is allowed, and those that still contact somebody
	// before the visitor agrees.
	racing, guarded, left map[string]string

	saved []string // documents that are not shown
}

// check checks that a document with the banner in it contacts whom it contacts without,
// and is the same document but for the banner, and that before the visitor agrees, it
// contacts nobody.
func (b *documentBrowser) check(t *testing.T, o *others, all []*document) {
	t.Helper()
	var plain, consent []*visit
	for _, d := range all {
		for i := range plainWays {
			plain = append(plain, &visit{document: d, way: plainWays[i], expected: b.recorded(d, plainWays[i])})
			consent = append(consent, &visit{document: d, way: consentWays[i]})
		}
	}
	differ := func(p, c *visit) string {
		got, want := o.contacts(c), o.contacts(p)
		switch {
		case b.guarded[p.ID] != "":
			return ""
		case p.err != nil || c.err != nil:
			return fmt.Sprintf("loading: %v", cmp.Or(p.err, c.err))
		case (p.location == "" || c.location == "") && !slices.Contains(b.saved, p.ID):
			return "is not shown"
		case !containsAll(want, p.expected):
			return fmt.Sprintf("contacts %q, recorded are %q", want, p.expected)
		case !slices.Equal(got, want) && b.racing[p.ID] == "":
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
		b.visit(ps)
		for i, p := range ps {
			cs[i].expected, cs[i].leadsTo = o.contacts(p), p.location
		}
		b.visit(cs)
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
		if found := o.contacts(p); len(found) > 0 || p.contactsSomebody() {
			v := &visit{document: p.document, way: blockedWays[i%len(blockedWays)], longest: attempts[0]}
			if b.left[p.ID] != "" {
				v.expected = found
				v.longest = attempts[len(attempts)-1]
			}
			blocked = append(blocked, v)
		}
	}
	b.visit(blocked)
	unseen := func(v *visit) bool { return v.location == "" && !slices.Contains(b.saved, v.ID) }
	for _, longest := range attempts[1:] {
		var again []*visit
		for _, v := range blocked {
			if unseen(v) {
				v.longest = longest
				again = append(again, v)
			}
		}
		b.visit(again)
	}
	contacted := make(map[string]bool)
	for _, v := range blocked {
		if hosts := o.contacts(v); len(hosts) > 0 {
			if contacted[v.ID] = true; b.left[v.ID] == "" {
				t.Errorf("%s still contacts %q", v, hosts)
			}
		}
		if v.err != nil {
			t.Errorf("loading %s: %v", v, v.err)
		} else if unseen(v) {
			t.Errorf("%s is not shown", v)
		}
	}
	for id := range b.left {
		if !contacted[id] {
			t.Errorf("%s contacts nobody any more", id)
		}
	}
}
