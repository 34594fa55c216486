package cookieconsent

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
	"github.com/cookieconsent/caddy-cookie-consent/consent/report"
)

// A command never waits long for a running Caddy, and never asks one that the
// configuration does not mean.
func TestAskRunning(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	address := silent.Addr().String()
	begin := time.Now()
	told := onStandardError(t, func() {
		if r, _, err := askRunning("", []byte(`{"admin":{"listen":"`+address+`"}}`), "caddy.json"); r != nil || err != nil {
			t.Errorf("of one that is silent: %v, %v", r, err)
		}
	})
	if !strings.Contains(told, "asking the running Caddy at "+address+": no answer within 3s; the file is read instead") {
		t.Errorf("of one that is silent is said: %s", told)
	}
	if took := time.Since(begin); took > 2*adminPatience {
		t.Errorf("it took %s", took)
	}
	asked := make(chan struct{}, 8)
	go func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			asked <- struct{}{}
			conn.Close()
		}
	}()
	<-asked // the one before
	if r, _, err := askRunning("", []byte(`{"admin":{"disabled":true,"listen":"`+address+`"}}`), "caddy.json"); r != nil || err != nil || len(asked) > 0 {
		t.Errorf("of one without an endpoint: %v, %v, asked %d times", r, err, len(asked))
	}
	if _, _, err := askRunning(address, nil, ""); err == nil || !strings.Contains(err.Error(), "asking the running Caddy at "+address) {
		t.Errorf("of one that is named and does not answer: %v", err)
	}
	if _, _, err := askRunning("", []byte(`{`), "caddy.json"); err == nil {
		t.Error("no error about a configuration that can't be read")
	}
}

// One that refuses, or that is no Caddy, is no reason to fail, unless it is named; but whoever
// reads the file in its place is told.
func TestAskRunningThatRefuses(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"HTTP 403":          func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "host not allowed", http.StatusForbidden) },
		"invalid character": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<p>something else") },
		"":                  nil,
	} {
		server := httptest.NewServer(answer)
		address := server.Listener.Addr().String()
		if answer == nil {
			name = "connection refused"
			server.Close()
		}
		told := onStandardError(t, func() {
			if r, snapshot, err := askRunning("", []byte(`{"admin":{"listen":"`+address+`"}}`), "caddy.json"); r != nil || snapshot != nil || err != nil {
				t.Errorf("%s: %v, %v, %v", name, r, snapshot, err)
			}
		})
		if !strings.Contains(told, address) || !strings.Contains(told, name) || !strings.Contains(told, "the file is read instead") {
			t.Errorf("%s: said is %q", name, told)
		}
		if _, _, err := readSeen(nil, address, nil, ""); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: of one that is named: %v", name, err)
		}
		if answer != nil {
			r := &running{address}
			if told := onStandardError(t, func() { r.ledgerProblem() }); !strings.Contains(told, "whether the ledger can record is not known") {
				t.Errorf("%s: said of the ledger is %q", name, told)
			}
			server.Close()
		}
	}
}

// onStandardError returns what is said there meanwhile.
func onStandardError(t *testing.T, do func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stderr
	os.Stderr = w
	do()
	os.Stderr = before
	w.Close()
	told, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(told)
}

func TestUnseen(t *testing.T) {
	h, err := newConfiguredHandler([]byte(`{
		"cookies": [{"patterns": ["sid", "pref_*", "basket_48213", "gone", "likes_a"], "category": "necessary", "provider": "Shop", "purpose": {"": "Shop"}}],
		"services": [{"id": "count", "category": "statistics", "provider": "Count Ltd", "purpose": {"": "Counts"}, "cookies": ["_cnt*", "_never*"],
			"hosts": ["count.example"]},
			{"id": "near", "category": "statistics", "provider": "Near Ltd", "purpose": {"": "Counts"}, "cookies": ["_near"], "hosts": ["*.eu.count.example"]},
			{"id": "far", "category": "statistics", "provider": "Far Ltd", "purpose": {"": "Counts"}, "cookies": ["_far*"], "hosts": ["away.example", "*.far.example"]},
			{"id": "local", "category": "statistics", "provider": "Shop", "purpose": {"": "Counts"}, "paths": ["/count/*"]}]
	}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := &inventory.Site{
		Host: "www.example.test",
		Cookies: []inventory.Cookie{
			{Name: "sid"}, {Name: "pref_<hex:32>"}, {Name: "basket_<digit:4-64>"}, {Name: "likes_*"}, {Name: "_cnt.x"}, {Name: "goner"},
		},
		Hosts: []inventory.Host{{Host: "count.example"}, {Host: "*.eu.count.example"}, {Host: "notfar.example"}},
	}
	var names []string
	for _, unseen := range h.unseen(seen) {
		names = append(names, unseen.Kind+" "+unseen.Name+" of "+unseen.Of)
	}
	if got, want := strings.Join(names, ", "), "cookie gone of Shop, service far of Far Ltd"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Each name has the lines that the whole suggestion has about it, and no other.
func TestLinesOfNames(t *testing.T) {
	h, err := newConfiguredHandler([]byte(`{"cookies": [{"patterns": ["sid"], "category": "necessary", "provider": "Shop", "purpose": {"": "Log-in"}}]}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	site := &inventory.Site{
		Host:    "www.example.test",
		Cookies: []inventory.Cookie{{Name: "sid", Set: 1}, {Name: "_ga", Sent: 2}, {Name: "csrftoken", Set: 1}, {Name: "odd", Set: 1}, {Name: "odd#{}", Set: 1}},
		Hosts:   []inventory.Host{{Host: "www.google-analytics.com", Markup: 1}, {Host: "odd.example.net", Markup: 1}, {Host: "cdn.jsdelivr.net", Markup: 1}},
	}
	whole := suggest(h, []*inventory.Site{site})
	group := &siteGroup{h, []*inventory.Site{site}}
	found := group.report()
	items := slices.Concat(found.Cookies, found.Hosts)
	for name, want := range map[string]string{
		"sid": "", "_ga": "service google-analytics {", "csrftoken": "cookie csrftoken {", "odd": "# cookie odd {", "odd#{}": "# cookie `odd#{}` {",
		"www.google-analytics.com": "service google-analytics {", "odd.example.net": "# service <id> {", "cdn.jsdelivr.net": "# first_party cdn.jsdelivr.net",
	} {
		i := slices.IndexFunc(items, func(item report.Item) bool { return item.Name == name })
		lines := items[i].Lines
		if !strings.Contains(lines, want) || (lines == "") != (want == "") || strings.Contains(lines, "odd.example.net") != (name == "odd.example.net") {
			t.Errorf("%s has %q, want %q", name, lines, want)
		}
		for line := range strings.Lines(lines) {
			if !strings.Contains(whole, strings.TrimSpace(line)) {
				t.Errorf("%q is not suggested in\n%s", line, whole)
			}
		}
	}
}
