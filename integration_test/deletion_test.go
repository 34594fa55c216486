package integration_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// kinds are the ways to set a cookie that a deletion has to match: domain,
// path, partition, name. %[1]s is the name, %[2]s the folder of the page.
var kinds = []string{
	"%[1]s=v; Path=/",
	"%[1]s=v",
	"%[1]s=v; Path=/; Domain=example.test",
	"%[1]s=v; Path=/; Domain=www.example.test",
	"%[1]s=v; Path=%[2]s",
	"%[1]s=v; Path=%[2]s/",
	"%[1]s=v; Path=/; Secure",
	"%[1]s=v; Path=/; HttpOnly",
	"%[1]s=v; Path=/; SameSite=None; Secure",
	"%[1]s=v; Path=/; SameSite=None; Secure; Partitioned",
	"%[1]s=v; Path=/; Max-Age=86400",
	"=%[1]s; Path=/",
}

// combined are ways in which several of these differ at once.
var combined = []string{
	"%[1]s=v; Path=%[2]s; Domain=example.test",
	"%[1]s=v; Path=%[2]s/; Domain=example.test",
	"%[1]s=v; Path=%[2]s; Domain=www.example.test",
	"%[1]s=v; Path=%[2]s/; Domain=www.example.test; HttpOnly",
	"%[1]s=v; Path=%[2]s/page; Domain=example.test",
	"%[1]s=v; Path=%[2]s/page",
	"%[1]s=v; Path=/; Domain=example.test; SameSite=None; Secure; Partitioned",
	"%[1]s=v; Path=/; Domain=www.example.test; SameSite=None; Secure; Partitioned",
	"%[1]s=v; Path=%[2]s; SameSite=None; Secure; Partitioned",
	"%[1]s=v; Path=%[2]s/; SameSite=None; Secure; Partitioned; HttpOnly",
	"%[1]s=v; Path=%[2]s; Domain=example.test; SameSite=None; Secure; Partitioned",
	"%[1]s=v; Path=%[2]s/; Domain=example.test; SameSite=None; Secure; Partitioned; Max-Age=99999",
}

// plant has the application set cookies on a page below folder, through a site
// without the directive: a host's ports share their cookies.
func plant(t *testing.T, b *browser, plain *server, folder string, lines []string) {
	t.Helper()
	for batch := range slices.Chunk(lines, 20) {
		b.open(plain.url(folder + "/plant?" + strings.ReplaceAll(strings.ReplaceAll(strings.Join(batch, "&"), " ", "+"), ";", "%3B")))
	}
}

// deletionSite is a site under policy and further directives, and the same without
// either. The pages of the application themselves let nothing load.
func deletionSite(t *testing.T, directives ...string) (s, plain *server, app *application) {
	app = newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/plant") {
			for line := range strings.SplitSeq(r.URL.RawQuery, "&") {
				setCookies(w, strings.ReplaceAll(strings.ReplaceAll(line, "+", " "), "%3B", ";"))
			}
		} else {
			setCookies(w, sessionCookie)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src data:")
		if strings.HasPrefix(r.URL.Path, "/shop") {
			w.Header().Set("Content-Security-Policy", "style-src 'nonce-abc'")
		}
		// The icon keeps the browser from asking for one on its own.
		io.WriteString(w, `<!DOCTYPE html><head><link rel="icon" href="data:,"></head><body>page</body>`)
	})
	plain = &server{httpsPort: freePort(t)}
	s = start(t, site(policy+strings.Join(directives, "\n")+"\nreverse_proxy "+app.addr)+
		siteFor("https://"+net.JoinHostPort(host, strconv.Itoa(plain.httpsPort)), "reverse_proxy "+app.addr))
	return s, plain, app
}

// checkWithheld checks that no request since the last look carried a cookie
// other than the necessary one to the application.
func checkWithheld(t *testing.T, app *application) {
	t.Helper()
	for _, r := range app.requests() {
		if cookies := strings.Join(r.Header["Cookie"], "; "); cookies != "" && cookies != pair(sessionCookie) {
			t.Errorf("%s reached the application with the cookies %q", r.URL, cookies)
		}
	}
}

// many are n ways to set a cookie, each with a name of its own.
func many(kinds []string, folder string, n int) []string {
	var lines []string
	for i := range n {
		kind := kinds[i%len(kinds)]
		if strings.HasPrefix(kind, "=") && i >= len(kinds) {
			kind = kinds[0] // a jar holds one cookie without a name for each path
		}
		lines = append(lines, fmt.Sprintf(kind, "track"+strconv.Itoa(i), folder))
	}
	return lines
}

// Whatever way a refused cookie was set, the browser is rid of it after the
// next page: verified in its jar, for up to 12 cookies.
func TestRefusedCookiesAreDeleted(t *testing.T) {
	tests := []struct {
		name, folder string
		kinds        []string
	}{
		{"one folder", "/dir", kinds},
		{"two folders", "/shop/cart", kinds},
		{"combined", "/dir", combined},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, plain, app := deletionSite(t)
			b := openBrowser(t)
			folder, lines := test.folder, many(test.kinds, test.folder, len(test.kinds))
			plant(t, b, plain, folder, lines)
			if got := b.names(); len(got) != len(lines) {
				t.Fatalf("the jar holds %q of %q", got, lines)
			}
			app.requests()
			b.open(s.url(folder + "/page"))
			checkWithheld(t, app)
			if got := b.names(); len(got) != len(lines)+1 {
				t.Fatalf("before any choice %q are left", got)
			}
			b.press(rejectButton)
			b.open(s.url(folder + "/page?next"))
			checkWithheld(t, app)
			if got := b.names(); !slices.Equal(got, []string{"sessionid"}) {
				t.Errorf("after the next page the jar holds %q", got)
				for _, cookie := range b.jar() {
					t.Logf("%s Domain=%s Path=%s Secure=%t HttpOnly=%t partition %v", cookie.Name, cookie.Domain, cookie.Path, cookie.Secure, cookie.HTTPOnly, cookie.PartitionKey)
				}
			}
		})
	}
}

// Sixty cookies take some pages, since the deletions in one response are bounded.
func TestManyRefusedCookiesAreDeleted(t *testing.T) {
	s, plain, app := deletionSite(t)
	b := openBrowser(t)
	lines := many(kinds, "/dir", 60)
	plant(t, b, plain, "/dir", lines)
	if got := b.names(); len(got) != len(lines) {
		t.Fatalf("the jar holds %d cookies of %d", len(got), len(lines))
	}
	app.requests()
	b.open(s.url("/dir/page"))
	b.press(rejectButton)
	pages := 1
	for ; pages < 20 && len(b.names()) > 1; pages++ {
		b.open(s.url("/dir/page?" + strconv.Itoa(pages)))
	}
	checkWithheld(t, app)
	if got := b.names(); !slices.Equal(got, []string{"sessionid"}) {
		t.Errorf("after %d pages the jar holds %q", pages, got)
	}
	t.Logf("%d cookies were gone after %d pages", len(lines), pages)
}

// Without a choice, after any number of pages, nothing is lost.
func TestVisitorWhoWasNotAskedLosesNothing(t *testing.T) {
	s, plain, app := deletionSite(t)
	b := openBrowser(t)
	lines := many(kinds, "/dir", 24)
	plant(t, b, plain, "/dir", lines)
	before := b.names()
	app.requests()
	for i := range 5 {
		b.open(s.url("/dir/page?" + strconv.Itoa(i)))
	}
	b.open(s.url(prefix))
	checkWithheld(t, app)
	after := slices.DeleteFunc(b.names(), func(name string) bool { return name == "sessionid" })
	if !slices.Equal(after, before) {
		t.Errorf("of %q the jar holds %q", before, after)
	}
}

// The deletions of one response stay within bounds, and no response that others
// might get from a cache carries any.
func TestDeletionsAreBounded(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/public.css" {
			w.Header().Set("Content-Type", "text/css")
			w.Header().Set("Cache-Control", "public, max-age=600")
		}
		io.WriteString(w, page)
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	var cookies []string
	for i := range 150 {
		cookies = append(cookies, "a_tracking_cookie_with_a_long_name_"+strconv.Itoa(i)+"=v")
	}
	line := "Cookie: " + s.choose(t, rejectAll) + "; sessionid=1; " + strings.Join(cookies, "; ")
	size := 0
	for _, deletion := range s.get(t, "/a/b/c/d/e/f", line).cookies() {
		if !isDeletion(deletion) {
			t.Errorf("%q", deletion)
		}
		size += len("Set-Cookie: ") + len(deletion) + len("\r\n")
	}
	if size == 0 || size > 2<<10+200 {
		t.Errorf("%d bytes of deletions", size)
	}
	if got := s.do(t, h1, request{path: "/public.css", header: append([]string{line}, subresource...)}).cookies(); len(got) > 0 {
		t.Errorf("a public style sheet carries %d deletions", len(got))
	}
}
