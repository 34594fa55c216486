package integration_test

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
)

// The demonstration shows what it promises: the log-in works, and what the
// stand-in application sets beyond it passes only once it is agreed to.
func TestExample(t *testing.T) {
	example, err := os.ReadFile("../Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, strings.NewReplacer(
		"http://localhost:8080", "http://localhost",
		"8081", strconv.Itoa(freePort(t)),
	).Replace(string(example)))
	ask := func(method, path, body string, header ...string) response {
		t.Helper()
		return s.do(t, h1, request{scheme: "http", host: "localhost", method: method, path: path, header: header, body: body})
	}
	visit := func(preference string) (received string, set []string) {
		t.Helper()
		cookies := "Cookie: sessionid=5up3rs3cr3t; _pk_id.1.1fff=1; ab_test=b"
		if preference != "" {
			cookies += "; " + preference
		}
		res := ask(http.MethodGet, "/deep/page?with=query", "", append([]string{cookies}, navigation...)...)
		_, rest, _ := strings.Cut(res.body, `<pre id="received">`)
		received, _, _ = strings.Cut(rest, "</pre>")
		if !strings.Contains(res.body, "logged in</strong>") {
			t.Errorf("with %q the visitor is not logged in", preference)
		}
		visitor{preference: preference}.checkBanner(t, res.body)
		for _, line := range res.cookies() {
			if !isDeletion(line) {
				set = append(set, nameOf(line))
			}
		}
		return received, set
	}
	choose := func(choice string) string {
		t.Helper()
		return pair(ask(http.MethodPost, preferencesPath, choice, sameOrigin...).cookies()[0])
	}

	if res := ask(http.MethodGet, "/", "", navigation...); !strings.Contains(res.body, `<pre id="received">none</pre>`) {
		t.Errorf("the first visit: %s", res.body)
	}
	res := ask(http.MethodPost, "/login", "", navigation...)
	if got := res.cookies(); res.status != http.StatusSeeOther || len(got) != 1 || nameOf(got[0]) != "sessionid" {
		t.Errorf("the log-in: status %d, cookies %q", res.status, got)
	}
	const session, all = "sessionid=5up3rs3cr3t", "sessionid=5up3rs3cr3t; _pk_id.1.1fff=1; ab_test=b"
	for _, test := range []struct {
		name, preference, received string
		set                        int
	}{
		{"no choice", "", session, 0},
		{"reject", choose("choice=reject_all"), session, 0},
		{"statistics only", choose("choice=save&category=statistics"), "sessionid=5up3rs3cr3t; _pk_id.1.1fff=1", 1},
		{"accept", choose("choice=accept_all"), all, 2},
	} {
		received, set := visit(test.preference)
		if received != test.received || len(set) != test.set {
			t.Errorf("%s: the application received %q and set %q", test.name, received, set)
		}
	}
}
