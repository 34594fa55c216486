package integration_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// What visitors see in the list of the preferences page, they can delete: in Chromium,
// without JavaScript, whatever way it was set and whatever its category is.
func TestVisitorDeletesCookies(t *testing.T) {
	s, plain, _ := deletionSite(t)
	b := openBrowser(t)
	b.disableScripts()
	long := strings.Repeat("long-", 60)
	lines := []string{
		"host_only=v; Path=/; HttpOnly",
		"parent=v; Path=/; Domain=example.test; Max-Age=86400",
		"www=v; Path=/; Domain=www.example.test; HttpOnly",
		"__Host-one=v; Path=/; Secure; HttpOnly",
		"__Secure-one=v; Path=/; Secure; Domain=example.test",
		"parted=v; Path=/; SameSite=None; Secure; Partitioned",
		"parted_parent=v; Path=/; Domain=example.test; SameSite=None; Secure; Partitioned; HttpOnly",
		"own_path=v; Path=/.cookie-consent; Domain=example.test",
		long + "=v; Path=/.cookie-consent/; Domain=www.example.test; SameSite=None; Secure; Partitioned",
		"=nameless; Path=/",
		"csrftoken=v; Path=/; HttpOnly",
	}
	const elsewhere = "elsewhere"
	plant(t, b, plain, "", append(slices.Clone(lines), elsewhere+"=v; Path=/app"))
	const markup = `"'><script>alert(1)</script>&`
	set := network.SetCookieParams{Name: markup, Value: "v", URL: s.url("/"), HTTPOnly: new(true)}
	if _, err := chromedp.Call(b.ctx, network.SetCookie, set); err != nil {
		t.Fatal(err)
	}
	lines = append(lines, markup+"=v; Path=/; HttpOnly")
	if got := b.names(); len(got) != len(lines)+1 {
		t.Fatalf("the jar holds %q", got)
	}
	// The application sets a session cookie whenever the browser asks for the site's icon.
	rest := func(names []string) []string {
		return slices.DeleteFunc(names, func(name string) bool { return name == "sessionid" })
	}
	listed := func() []string {
		return rest(js[[]string](b, `[...document.querySelectorAll('button[name="name"]')].map(button => button.value)`))
	}
	b.open(s.url(prefix + "?return_to=/shop/&lang=fr"))
	if got := listed(); len(got) != len(lines) || slices.Contains(got, elsewhere) {
		t.Errorf("the page lists %q", got)
	}
	for _, line := range lines {
		name, _, _ := strings.Cut(line, "=")
		b.click(`button[name="name"][value=` + quote(name) + `]`)
		at, err := url.Parse(js[string](b, `location.href`))
		if err != nil || at.Path != prefix || at.Query().Get("return_to") != "/shop/" || at.Query().Get("lang") != "fr" || at.Fragment != "sent" {
			t.Errorf("after %.20q the browser is at %s", name, at)
		}
		if got := b.names(); slices.Contains(got, name) {
			t.Errorf("%.20q is not deleted: %q", name, got)
		}
		if got := listed(); slices.Contains(got, name) {
			t.Errorf("%.20q is still listed", name)
		}
	}
	if got := rest(b.names()); !slices.Equal(got, []string{elsewhere}) {
		t.Errorf("the jar holds %q", got)
	}

	// Whoever deletes the choice is asked again.
	b.click(`button[value="accept_all"]`)
	b.open(s.url("/"))
	if b.has("#cookie-consent") {
		t.Fatal("the choice was not taken")
	}
	b.open(s.url(prefix))
	b.click(`button[name="name"][value="` + preferenceCookie + `"]`)
	b.open(s.url("/"))
	if !b.has("#cookie-consent") {
		t.Error("the visitor is not asked again")
	}
}

// A cookie is deleted for a page of the site itself and for nobody else, and only one
// that came with the request.
func TestWhoMayDelete(t *testing.T) {
	s, app := endpoints(t)
	const path = prefix + "delete"
	own := []string{"Origin: https://" + s.authority("https"), "Cookie: sessionid=1; _pk_id=2"}
	post := func(body string, header ...string) response {
		return s.do(t, h1, request{method: http.MethodPost, path: path, header: append(header, own...), body: body})
	}
	res := post("name=sessionid&return_to=/from&language=de", sameOrigin...)
	if res.status != http.StatusSeeOther || res.header.Get("Location") != prefix+"?lang=de&return_to=%2Ffrom#sent" || len(res.cookies()) == 0 {
		t.Errorf("status %d, Location %q, cookies %q", res.status, res.header.Get("Location"), res.cookies())
	}
	for _, line := range res.cookies() {
		if !isDeletion(line) || nameOf(line) != "sessionid" {
			t.Errorf("it sets %q", line)
		}
	}
	// Nothing that did not come with the request is written into the answer.
	for _, name := range []string{"other", "", "a; Domain=evil.test", "x\r\nSet-Cookie: y=z", "SESSIONID", " sessionid"} {
		res := post(url.Values{"name": {name}, "return_to": {"//evil.test"}}.Encode(), sameOrigin...)
		if res.status != http.StatusSeeOther || len(res.cookies()) > 0 || !strings.HasPrefix(res.header.Get("Location"), prefix+"?lang=") || strings.Contains(res.header.Get("Location"), "evil") {
			t.Errorf("name %q: status %d, Location %q, cookies %q", name, res.status, res.header.Get("Location"), res.cookies())
		}
	}
	for name, body := range map[string]string{
		"no name": "return_to=/", "two names": "name=sessionid&name=_pk_id", "bad escape": "name=%zz", "too large": "name=" + strings.Repeat("a", 8<<10),
	} {
		res := post(body, sameOrigin...)
		if res.status/100 != 4 {
			t.Errorf("%s: status %d", name, res.status)
		}
		changesNothing(t, res)
	}
	const form = "Content-Type: application/x-www-form-urlencoded"
	for name, header := range map[string][]string{
		"other site":   {form, "Sec-Fetch-Site: cross-site"},
		"sibling host": {form, "Sec-Fetch-Site: same-site"},
		"other type":   {"Content-Type: text/plain", "Sec-Fetch-Site: same-origin"},
	} {
		res := post("name=sessionid", header...)
		if res.status/100 != 4 {
			t.Errorf("%s: status %d", name, res.status)
		}
		changesNothing(t, res)
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		res := s.do(t, h1, request{method: method, path: path + "?name=sessionid", header: append(slices.Clone(sameOrigin), own...)})
		if res.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: status %d", method, res.status)
		}
		changesNothing(t, res)
	}
	if seen := app.requests(); len(seen) > 0 {
		t.Errorf("%d requests reached the application", len(seen))
	}
}

// The deletions of one response stay within bounds, and so does their number.
func TestDeletionOfOneCookieIsBounded(t *testing.T) {
	s, _ := endpoints(t)
	name := strings.Repeat("n", 3000)
	path := prefix + "delete"
	for hops := 0; ; hops++ {
		res := s.do(t, h1, request{
			method: http.MethodPost, path: path, body: "name=" + name,
			header: append(slices.Clone(sameOrigin), "Origin: https://"+s.authority("https"), "Cookie: "+name+"=v"),
		})
		if size := len(strings.Join(res.cookies(), "")); size == 0 || size > len(name)+200 {
			t.Errorf("after %d redirects %d bytes of deletions", hops, size)
		}
		if res.status == http.StatusSeeOther {
			if hops < 10 {
				t.Errorf("it gives up after %d redirects", hops)
			}
			return
		}
		if path = res.header.Get("Location"); res.status != http.StatusTemporaryRedirect || hops > 16 {
			t.Fatalf("status %d after %d redirects, Location %q", res.status, hops, path)
		}
	}
}
