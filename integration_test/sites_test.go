package integration_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// chooseAt accepts everything on a host and returns the preference cookie's line.
func (s *server) chooseAt(t *testing.T, host string, header ...string) string {
	t.Helper()
	res := s.do(t, h1, request{scheme: "http", method: http.MethodPost, host: host, path: preferencesPath, header: append(header, sameOrigin...), body: acceptAll.Encode()})
	if len(res.cookies()) != 1 {
		t.Fatalf("%s: status %d, cookies %q", host, res.status, res.cookies())
	}
	return res.cookies()[0]
}

// asks reports whether a host asks a visitor who sends cookies.
func (s *server) asks(t *testing.T, host, cookies string) bool {
	t.Helper()
	res := s.do(t, h1, request{scheme: "http", host: host, path: "/", header: append([]string{"Cookie: " + cookies}, navigation...)})
	return strings.Contains(res.body, bannerMark)
}

// With cookie_domain one choice holds on every host below the domain and nowhere
// else; without it, only on the host where it was made.
func TestCookieDomain(t *testing.T) {
	app := statusApplication(t)
	const www, shop, other = "www.example.test", "shop.example.test", "www.other.test"
	for _, shared := range []bool{true, false} {
		option := ""
		if shared {
			option = "cookie_domain example.test"
		}
		s := start(t, siteFor("http://", "cookie_consent {\n"+option+"\n}\nreverse_proxy "+app.addr))
		line := s.chooseAt(t, www)
		if got := strings.HasSuffix(line, "; Domain=example.test"); got != shared {
			t.Errorf("shared %t: %q", shared, line)
		}
		if s.asks(t, www, pair(line)) {
			t.Errorf("shared %t: the choice does not hold where it was made", shared)
		}
		if s.asks(t, shop, pair(line)) == shared || s.asks(t, "example.test", pair(line)) == shared {
			t.Errorf("shared %t: the choice on a sibling host", shared)
		}
		if !s.asks(t, other, pair(line)) || !s.asks(t, "notexample.test", pair(line)) {
			t.Errorf("shared %t: the choice holds on another site", shared)
		}
		if line := s.chooseAt(t, other); strings.Contains(line, "Domain") || s.asks(t, other, pair(line)) {
			t.Errorf("shared %t: a host outside of the domain keeps %q", shared, line)
		}
		// Of two copies, the one that the module does not write goes.
		res := s.do(t, h1, request{scheme: "http", host: www, path: "/", header: append([]string{"Cookie: " + pair(line) + "; " + pair(line)}, navigation...)})
		for domain, goes := range map[string]bool{"": shared, ";Domain=example.test": !shared} {
			if got := slices.Contains(res.cookies(), preferenceCookie+"=;Max-Age=0;Path=/"+domain); got != goes {
				t.Errorf("shared %t: of %q the copy %q goes: %t, want %t", shared, res.cookies(), domain, got, goes)
			}
		}
	}
}

// What a proxy says of the visitor's connection counts if Caddy trusts it.
func TestSecureBehindAProxy(t *testing.T) {
	for _, trusted := range []bool{true, false} {
		option := ""
		if trusted {
			option = "servers {\n\t\ttrusted_proxies static 127.0.0.1/32\n\t}"
		}
		s := start(t, siteFor("http://", "cookie_consent"), option)
		for proto, want := range map[string]bool{"https": trusted, "http": false} {
			line := s.chooseAt(t, host, "X-Forwarded-Proto: "+proto)
			if got := strings.Contains(line, "Secure"); got != want {
				t.Errorf("trusted %t, %s: %q", trusted, proto, line)
			}
		}
	}
}

// Global Privacy Control refuses the cookies of third parties, unless the visitor
// agreed to them while it was on. It is no choice about anything else.
func TestGlobalPrivacyControl(t *testing.T) {
	app := statusApplication(t)
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	necessary := []string{sessionCookie, csrfCookie}
	const gpc = "Sec-GPC: 1"
	before := s.choose(t, acceptAll)
	knowing := s.do(t, h1, request{method: http.MethodPost, path: preferencesPath, header: append([]string{gpc}, sameOrigin...), body: acceptAll.Encode()})
	for _, test := range []struct {
		visitor
		refused []string
	}{
		{visitor{name: "no choice", allowed: necessary}, []string{adsCookie}},
		{visitor{name: "accepted before", preference: before, allowed: []string{sessionCookie, csrfCookie, statsCookie, unknownCookie}}, []string{adsCookie}},
		{visitor{name: "accepted knowing of it", preference: pair(knowing.cookies()[0]), allowed: allCookies}, nil},
	} {
		res := s.get(t, "/", gpc, test.cookieLine())
		test.checkBanner(t, res.body)
		var kept, deleted []string
		for _, line := range res.cookies() {
			if isDeletion(line) {
				deleted = append(deleted, nameOf(line))
			} else {
				kept = append(kept, line)
			}
		}
		if !slices.Equal(kept, test.allowed) {
			t.Errorf("%s: cookies %q, want %q", test.name, kept, test.allowed)
		}
		var refused []string
		for _, line := range test.refused {
			refused = append(refused, nameOf(line))
		}
		if !slices.Equal(slices.Compact(deleted), refused) {
			t.Errorf("%s: deletes %q, want %q", test.name, deleted, refused)
		}
		if got, want := app.lastCookies(t), strings.Join(pairs(test.allowed), "; "); got != want {
			t.Errorf("%s: the application got %q, want %q", test.name, got, want)
		}
	}
}

// An operator can let Do Not Track count as Global Privacy Control, as README says.
func TestDoNotTrack(t *testing.T) {
	app := statusApplication(t)
	s := start(t, site(`@dnt header DNT 1
		request_header @dnt Sec-GPC 1
		header +Vary DNT
		`+policy+"reverse_proxy "+app.addr))
	accepted := "Cookie: " + strings.Join(append(pairs(allCookies), s.choose(t, acceptAll)), "; ")
	for _, test := range []struct {
		header []string
		passes bool
	}{{nil, true}, {[]string{"DNT: 0"}, true}, {[]string{"DNT: 1"}, false}, {[]string{"DNT: 1", "Sec-GPC: 0"}, false}} {
		res := s.get(t, "/", append(test.header, accepted)...)
		if got := strings.Contains(app.lastCookies(t), pair(adsCookie)); got != test.passes {
			t.Errorf("%q: the application got %q", test.header, app.lastCookies(t))
		}
		if vary := strings.Join(res.header.Values("Vary"), ", "); !strings.Contains(vary, "DNT") || !strings.Contains(vary, "Sec-GPC") {
			t.Errorf("%q: Vary: %s", test.header, vary)
		}
	}
}

// No cookie lives longer than is declared of it.
func TestDeclaredLifetimes(t *testing.T) {
	lines := []string{
		"sessionid=1; Max-Age=999999999; HttpOnly",
		"csrftoken=2; Max-Age=60",
		`basket="a b"; expires=Fri, 31 Dec 9999 23:59:59 GMT; Path=/`,
		"_pk_id.1=3; Max-Age=999999999",
	}
	want := []string{
		lines[0] + "; Max-Age=1209600",
		lines[1],
		`basket="a b"; Path=/`,
		fmt.Sprintf("%s; Max-Age=%d", lines[3], 395*24*60*60),
	}
	app := newApplication(t, func(w http.ResponseWriter, _ *http.Request) {
		setCookies(w, lines...)
		io.WriteString(w, page)
	})
	s := start(t, site(strings.Replace(policy, "{\n", `{
		cookie basket {
			category necessary
			provider "The portal"
			purpose "What you bought"
			lifetime session
		}
		category statistics {
			exempt "Counts without recognising anybody"
		}
`, 1)+"reverse_proxy "+app.addr))
	if got := s.get(t, "/").cookies(); !slices.Equal(got, want) {
		t.Errorf("cookies %q, want %q", got, want)
	}
}

// Machines behind one name share the key by sharing the storage, and sites of one
// configuration do so anyway; but a choice is valid for its own host alone.
func TestChoiceOfAnotherSite(t *testing.T) {
	app := statusApplication(t)
	s := start(t, siteFor("http://one.example.test", "cookie_consent\nreverse_proxy "+app.addr)+
		siteFor("http://two.example.test", "cookie_consent\nreverse_proxy "+app.addr))
	line := s.chooseAt(t, "one.example.test")
	_, port, _ := net.SplitHostPort(s.addr("http"))
	for name, want := range map[string]bool{"one.example.test": false, "ONE.example.test.:" + port: false, "two.example.test": true} {
		if got := s.asks(t, name, pair(line)); got != want {
			t.Errorf("%s asks: %t, want %t", name, got, want)
		}
	}
}
