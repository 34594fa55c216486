package integration_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// endpoints runs the site that the tests of the own endpoints talk to.
func endpoints(t testing.TB) (*server, *application) {
	app := statusApplication(t)
	return start(t, site("encode\n"+policy+"reverse_proxy "+app.addr)), app
}

// changesNothing checks that a response neither stores nor deletes a cookie.
func changesNothing(t *testing.T, res response) {
	t.Helper()
	if len(res.cookies()) > 0 {
		t.Errorf("cookies %q", res.cookies())
	}
	if got := res.header.Get("Location"); got != "" {
		t.Errorf("Location %q", got)
	}
}

// A choice is taken from a page of the site itself and from nowhere else.
func TestWhoMayChoose(t *testing.T) {
	s, _ := endpoints(t)
	own := "https://" + s.authority("https")
	tests := []struct {
		name   string
		site   string // Sec-Fetch-Site
		origin string
		want   bool
	}{
		{"form of the site", "same-origin", own, true},
		{"form of a site without referrers", "same-origin", "null", true},
		{"old browser", "", own, true},
		{"other site", "cross-site", "https://evil.test", false},
		{"other site that forges nothing but the origin", "cross-site", own, false},
		{"sibling host", "same-site", "https://shop.example.test", false},
		{"typed address", "none", "", false},
		{"old browser, other site", "", "https://evil.test", false},
		{"old browser, other scheme", "", "http://" + s.authority("https"), false},
		{"old browser, other port", "", "https://" + host, false},
		{"old browser, suffix", "", own + ".evil.test", false},
		{"old browser, sandboxed", "", "null", false},
		{"nothing known", "", "", false},
		{"unknown value", "same-origin, cross-site", own, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			header := []string{"Content-Type: application/x-www-form-urlencoded"}
			if test.site != "" {
				header = append(header, "Sec-Fetch-Site: "+test.site)
			}
			if test.origin != "" {
				header = append(header, "Origin: "+test.origin)
			}
			res := s.do(t, h1, request{method: http.MethodPost, path: preferencesPath, header: header, body: acceptAll.Encode()})
			if test.want {
				if res.status != http.StatusOK || len(res.cookies()) != 1 {
					t.Errorf("status %d, cookies %q", res.status, res.cookies())
				}
				return
			}
			if res.status/100 != 4 {
				t.Errorf("status %d", res.status)
			}
			changesNothing(t, res)
		})
	}
	t.Run("two values", func(t *testing.T) {
		res := s.do(t, h1, request{method: http.MethodPost, path: preferencesPath, body: acceptAll.Encode(), header: append(slices.Clone(sameOrigin), "Sec-Fetch-Site: cross-site")})
		if res.status/100 != 4 {
			t.Errorf("status %d", res.status)
		}
		changesNothing(t, res)
	})
}

// Only POST changes anything, and only with a form of bounded size that says
// what it wants.
func TestWhatCountsAsAChoice(t *testing.T) {
	s, app := endpoints(t)
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
		res := s.do(t, h1, request{method: method, path: preferencesPath + "?" + acceptAll.Encode(), header: sameOrigin})
		if res.status/100 != 4 {
			t.Errorf("%s: status %d", method, res.status)
		}
		changesNothing(t, res)
	}
	bodies := map[string]string{
		"nothing":          "",
		"no choice":        "category=statistics",
		"unknown choice":   "choice=accept",
		"unknown category": "choice=save&category=no_such_category",
		"unknown service":  "choice=save&service=no_such_service",
		"bad escape":       "choice=accept_all&x=%zz",
		"too large":        "choice=accept_all&x=" + strings.Repeat("a", 8<<10),
	}
	for name, body := range bodies {
		res := s.do(t, h1, request{method: http.MethodPost, path: preferencesPath, header: sameOrigin, body: body})
		if res.status/100 != 4 {
			t.Errorf("%s: status %d", name, res.status)
		}
		changesNothing(t, res)
	}
	for _, contentType := range []string{"text/plain", "multipart/form-data; boundary=x", "application/json", ""} {
		header := slices.Clone(sameOrigin)
		header[0] = "Content-Type: " + contentType
		res := s.do(t, h1, request{method: http.MethodPost, path: preferencesPath, header: header, body: acceptAll.Encode()})
		if res.status/100 != 4 {
			t.Errorf("Content-Type %q: status %d", contentType, res.status)
		}
		changesNothing(t, res)
	}
	if seen := app.requests(); len(seen) > 0 {
		t.Errorf("%d requests to the own endpoints reached the application", len(seen))
	}
}

// A body larger than allowed is not waited for, and does not disturb what
// follows on the connection.
func TestLargeBodyIsNotRead(t *testing.T) {
	s, _ := endpoints(t)
	conn, err := s.dial("https", s.authority("https"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\n%s\r\nContent-Length: 1000000000\r\n\r\nchoice=accept_all", preferencesPath, s.authority("https"), strings.Join(sameOrigin, "\r\n"))
	status, header, err := readHead(bufio.NewReader(conn))
	if err != nil || status/100 != 4 || len(header["Set-Cookie"]) > 0 {
		t.Errorf("status %d, cookies %q, error %v", status, header["Set-Cookie"], err)
	}
}

// After a choice the visitor is led back to where it was made, and never
// anywhere else.
func TestReturnTo(t *testing.T) {
	s, _ := endpoints(t)
	local := map[string]string{
		"/":                          "/",
		"/a/b?c=d&e=%2F%20":          "/a/b?c=d&e=%2F%20",
		"/suche?q=%C3%A9t%C3%A9":     "/suche?q=%C3%A9t%C3%A9",
		"/redirect?to=https://a.b/c": "/redirect?to=https://a.b/c",
	}
	for to, want := range local {
		res := s.post(t, url.Values{"choice": {"reject_all"}, "return_to": {to}})
		if res.status != http.StatusSeeOther || res.header.Get("Location") != want {
			t.Errorf("return_to %q: status %d, Location %q", to, res.status, res.header.Get("Location"))
		}
	}
	for _, to := range []string{
		"https://evil.test/", "//evil.test/", `/\evil.test/`, `\\evil.test/`, "/\t/evil.test/", "/\n/evil.test", "///evil.test",
		"javascript:alert(1)", "data:text/html,x", "evil.test", "/%0d%0aSet-Cookie: a=b\r\nSet-Cookie: c=d", "/\x00", " //evil.test",
		"/..//evil.test", "/./\\evil.test", "/a/..//evil.test/", "http:evil.test", "?x", "#x", "", "/" + strings.Repeat("a", 9000),
	} {
		res := s.post(t, url.Values{"choice": {"reject_all"}, "return_to": {to}})
		location := res.header.Get("Location")
		base, _ := url.Parse(s.url("/"))
		target, err := base.Parse(location)
		if err != nil || target.Host != base.Host || strings.HasPrefix(target.Path, "//") || strings.ContainsAny(location, "\\\t\r\n\x00") {
			t.Errorf("return_to %q: status %d, Location %q", to, res.status, location)
		}
		if len(res.cookies()) > 1 {
			t.Errorf("return_to %q: cookies %q", to, res.cookies())
		}
	}
}

// The prefix belongs to the module alone, exactly as it is spelled.
func TestPrefix(t *testing.T) {
	s, app := endpoints(t)
	for _, path := range []string{prefix, prefix + "state.json", prefix + "declaration.json"} {
		if res := s.get(t, path); res.status != http.StatusOK {
			t.Errorf("%s: status %d", path, res.status)
		}
	}
	for _, path := range []string{prefix + "nothing", prefix + "preferences/", prefix + "state.json/x", prefix + "../etc"} {
		if res := s.get(t, path); res.status/100 == 2 && res.body != page {
			t.Errorf("%s: status %d: %.100q", path, res.status, res.body)
		}
	}
	app.requests()
	for _, path := range []string{"/.cookie-consentx/", "/.Cookie-Consent/", "/x/.cookie-consent/", "/.cookie-consent.html"} {
		s.get(t, path)
		if len(app.requests()) != 1 {
			t.Errorf("%s did not reach the application", path)
		}
	}

	other := start(t, site(strings.Replace(policy, "{\n", "{\n\t\tprefix /privacy/\n", 1)+"reverse_proxy "+app.addr))
	if res := other.get(t, "/privacy/"); res.status != http.StatusOK || res.body == page {
		t.Errorf("configured prefix: status %d", res.status)
	}
	app.requests()
	other.get(t, prefix)
	if len(app.requests()) != 1 {
		t.Error("the default prefix is answered although another is configured")
	}
}

// Addresses of the own endpoints are read as the visitor's browser sent them, not
// as Caddy rewrote them for the application.
func TestEndpointsBehindRewrites(t *testing.T) {
	app := statusApplication(t)
	s := start(t, site("rewrite * /index.php?q={path}\n"+policy+"reverse_proxy "+app.addr))
	body := s.get(t, prefix+"?return_to=/deep/page").body
	if !strings.Contains(body, `name="return_to" value="/deep/page"`) {
		t.Error("the preferences page forgot where the visitor came from")
	}
	if body := s.get(t, "/deep/page?a=b").body; !strings.Contains(body, `name="return_to" value="/deep/page?a=b"`) {
		t.Error("the banner does not lead back to the visitor's page")
	}
}

// The own pages trust nothing but themselves, and show no one's state to
// another.
func TestOwnPages(t *testing.T) {
	s, app := endpoints(t)
	for _, v := range s.visitors(t) {
		app.requests()
		res := s.get(t, prefix, v.cookieLine())
		csp := res.header.Get("Content-Security-Policy")
		for _, directive := range []string{"default-src 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, directive) {
				t.Errorf("Content-Security-Policy %q lacks %s", csp, directive)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("Content-Security-Policy %q", csp)
		}
		if control := res.header.Get("Cache-Control"); !strings.Contains(control, "private") && !strings.Contains(control, "no-store") {
			t.Errorf("Cache-Control %q", control)
		}
		for _, text := range []string{"Matomo", "_pk_*", "sessionid", "Example Ads", "adsid", "The portal"} {
			if !strings.Contains(res.body, text) {
				t.Errorf("the cookies policy does not name %s", text)
			}
		}
		if v.preference == "" && strings.Contains(res.body, "checked") {
			t.Error("something is chosen before the visitor chose")
		}
		for _, line := range res.cookies() {
			if !isDeletion(line) || !v.refuses(line) || !v.deletes {
				t.Errorf("%s: the preferences page sets %q", v.name, line)
			}
		}
		if got := slices.ContainsFunc(res.cookies(), isDeletion); got != v.deletes {
			t.Errorf("%s: the preferences page deletes cookies: %t, want %t", v.name, got, v.deletes)
		}

		var state map[string]any
		if err := json.Unmarshal([]byte(s.get(t, prefix+"state.json", v.cookieLine()).body), &state); err != nil {
			t.Errorf("state.json: %v", err)
		}
		if text := fmt.Sprint(state); !strings.Contains(text, "statistics") {
			t.Errorf("state.json: %s", text)
		}
		if seen := app.requests(); len(seen) > 0 {
			t.Errorf("%d requests to the own endpoints reached the application", len(seen))
		}
	}
	// What a visitor refuses is deleted with the answer, on the way to the next page.
	for _, returnTo := range []string{"", "/a/b"} {
		choice := url.Values{"choice": {"reject_all"}, "return_to": {returnTo}}
		var deleted []string
		for _, line := range s.post(t, choice, pairs(allCookies)...).cookies() {
			if isDeletion(line) {
				deleted = append(deleted, nameOf(line))
			}
		}
		slices.Sort(deleted)
		if got, want := slices.Compact(deleted), []string{nameOf(statsCookie), nameOf(adsCookie), nameOf(unknownCookie)}; !slices.Equal(got, want) {
			t.Errorf("return_to %q: the choice deletes %q, want %q", returnTo, got, want)
		}
	}
	var declaration any
	if err := json.Unmarshal([]byte(s.get(t, prefix+"declaration.json").body), &declaration); err != nil {
		t.Errorf("declaration.json: %v", err)
	}
}

// Style sheets have their content in their name and are kept for good.
func TestAssets(t *testing.T) {
	s, _ := endpoints(t)
	found := regexp.MustCompile(prefix+`[^"' )]+\.css`).FindAllString(s.get(t, prefix).body+s.get(t, "/").body, -1)
	if len(found) == 0 {
		t.Fatal("no page links a style sheet")
	}
	for _, path := range found {
		res := s.do(t, h2, request{path: path, header: subresource})
		if res.status != http.StatusOK || !strings.HasPrefix(res.header.Get("Content-Type"), "text/css") || !strings.Contains(res.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: status %d, %v", path, res.status, res.header)
		}
		if res.header.Get("Vary") == "Cookie" {
			t.Errorf("%s depends on the visitor", path)
		}
	}
}

// The preference cookie says what was chosen and nothing about who chose it.
func TestPreferenceCookie(t *testing.T) {
	sameDay()
	s, app := endpoints(t)
	values := map[string]string{}
	for name, choice := range map[string]url.Values{"accept": acceptAll, "reject": rejectAll, "statistics": statisticsOnly} {
		first := s.post(t, choice)
		if len(first.cookies()) != 1 {
			t.Fatalf("%s: cookies %q", name, first.cookies())
		}
		line := first.cookies()[0]
		for _, attribute := range []string{"Path=/", "Max-Age=15724800", "SameSite=Lax", "Secure", "HttpOnly"} {
			if !strings.Contains(line+";", "; "+attribute+";") {
				t.Errorf("%s: %q lacks %s", name, line, attribute)
			}
		}
		if strings.Contains(line, "Domain") {
			t.Errorf("%s: %q", name, line)
		}
		second := s.post(t, choice, "sessionid=someone-else")
		if second.cookies()[0] != line {
			t.Errorf("%s: two visitors got %q and %q", name, line, second.cookies()[0])
		}
		value := pair(line)
		if len(value)-len(preferenceCookie) > 120 || !regexp.MustCompile(`^[A-Za-z0-9_-]+=[!#-+\--:<-\[\]-~]+$`).MatchString(value) {
			t.Errorf("%s: %q", name, value)
		}
		values[name] = value
		// Pages never write it again, and the application never sees it.
		app.requests()
		res := s.get(t, "/", "Cookie: "+value)
		if slices.ContainsFunc(res.cookies(), func(line string) bool { return nameOf(line) == preferenceCookie }) {
			t.Errorf("%s: a page writes the preference again", name)
		}
		if got := app.lastCookies(t); strings.Contains(got, preferenceCookie) {
			t.Errorf("%s: the application got %q", name, got)
		}
	}
	// The strictest of several holds, whatever their order, and what is not
	// ours never grants.
	asked := func(cookies string) bool { return strings.Contains(s.get(t, "/", "Cookie: "+cookies).body, bannerMark) }
	sees := func(cookies string) string {
		app.requests()
		s.get(t, "/", "Cookie: "+cookies+"; "+pair(unknownCookie)+"; "+pair(statsCookie))
		return app.lastCookies(t)
	}
	for _, both := range []string{values["accept"] + "; " + values["reject"], values["reject"] + "; " + values["accept"]} {
		if got := sees(both); got != "" {
			t.Errorf("of accept and reject at once, the application got %q", got)
		}
	}
	for _, both := range []string{values["accept"] + "; " + values["statistics"], values["statistics"] + "; " + values["accept"]} {
		if got := sees(both); got != pair(statsCookie) {
			t.Errorf("of accept and statistics at once, the application got %q", got)
		}
	}
	// A second copy can only come from another path or domain, and is deleted
	// there; the one that the module wrote stays.
	shadows := slices.DeleteFunc(s.get(t, "/a/b", "Cookie: "+values["accept"]+"; "+values["reject"]).cookies(), func(line string) bool {
		return nameOf(line) != preferenceCookie
	})
	if !slices.ContainsFunc(shadows, func(line string) bool { return strings.Contains(line, "Path=/a") }) ||
		!slices.ContainsFunc(shadows, func(line string) bool { return strings.Contains(line, "Domain=example.test") }) {
		t.Errorf("the copies that shadow the preference are not deleted: %q", shadows)
	}
	for _, line := range shadows {
		if !isDeletion(line) || strings.Contains(line+";", "Path=/;") && !strings.Contains(line, "Domain") && !strings.Contains(line, "Partitioned") {
			t.Errorf("%q touches the preference itself", line)
		}
	}
	for i := len(preferenceCookie) + 1; i < len(values["accept"]); i++ {
		forged := []byte(values["accept"])
		forged[i] ^= 1
		if got := sees(string(forged)); got != "" {
			t.Fatalf("a value altered at byte %d grants %q", i, got)
		}
	}
	for _, forged := range []string{"", "1", "true", "all", "accept_all", `"` + strings.TrimPrefix(values["accept"], preferenceCookie+"=") + `"`} {
		cookie := preferenceCookie + "=" + forged
		if got := sees(cookie); got != "" || !asked(cookie) {
			t.Errorf("%q: asked %t, the application got %q", cookie, asked(cookie), got)
		}
	}
	// The application cannot set it.
	forging := newApplication(t, func(w http.ResponseWriter, _ *http.Request) {
		setCookies(w, values["accept"]+"; Path=/", preferenceCookie+" =x", sessionCookie)
		io.WriteString(w, page)
	})
	s = start(t, site(policy+"reverse_proxy "+forging.addr))
	for _, cookies := range []string{"Cookie: a=b", "Cookie: " + s.choose(t, acceptAll)} {
		if got := s.get(t, "/", cookies).cookies(); !slices.Equal(got, []string{sessionCookie}) {
			t.Errorf("the application sets %q", got)
		}
	}
}
