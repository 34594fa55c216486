package integration_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

// byteBackend answers each request with the bytes for its path, and keeps those of the
// requests.
type byteBackend struct {
	addr    string
	replies map[string]string

	mu   sync.Mutex
	seen []string
}

func newByteBackend(t testing.TB, replies map[string]string) *byteBackend {
	b := &byteBackend{replies: replies}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.addr = listener.Addr().String()
	var running sync.WaitGroup
	t.Cleanup(func() { listener.Close(); running.Wait() })
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { b.answer(conn) })
		}
	})
	return b
}

func (b *byteBackend) answer(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	var raw bytes.Buffer
	r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(conn, &raw)))
	if err != nil {
		return
	}
	io.Copy(io.Discard, r.Body)
	b.mu.Lock()
	b.seen = append(b.seen, raw.String())
	b.mu.Unlock()
	io.WriteString(conn, b.replies[r.URL.Path])
}

// last returns the bytes of the last request.
func (b *byteBackend) last() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.seen) == 0 {
		return ""
	}
	return b.seen[len(b.seen)-1]
}

// ask sends a request to a port of Caddy, and returns the bytes of the response and of
// the request that the backend got.
func (b *byteBackend) ask(t testing.TB, port int, request string) (response, passed string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer), b.last()
}

func reply(status string, body string, header ...string) string {
	return "HTTP/1.1 " + status + "\r\nDate: Sat, 31 Jan 2026 12:00:00 GMT\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n" +
		strings.Join(append(header, ""), "\r\n") + "\r\n" + body
}

func gzipped(body string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, body)
	w.Close()
	return b.String()
}

// reportOnly is the only line by which a response may differ in observe mode.
var reportOnly = regexp.MustCompile(`(?m)^Content-Security-Policy-Report-Only: default-src 'self' [^\r\n]*; report-uri /\.cookie-consent/csp-report\r\n`)

// Observe mode is invisible: requests reach the application and responses reach the
// visitor with the bytes that they have without the module, but for one line of a header
// on a page a second. What pages load is noted all the same.
func TestObserveChangesNothing(t *testing.T) {
	pageFor := func(name string) string {
		return `<!DOCTYPE html><html><head><title>x</title></head><body><img src="//` + name + `.example.net/p.gif"><form></form></body></html>`
	}
	const html = "Content-Type: text/html; charset=utf-8"
	utf16Page := func(s string) string {
		b := []byte{0xff, 0xfe}
		for _, c := range utf16.Encode([]rune(s)) {
			b = append(b, byte(c), byte(c>>8))
		}
		return string(b)
	}
	replies := map[string]string{
		"/plain":      reply("200 OK", pageFor("plain"), html, "Set-Cookie: sid=1; HttpOnly", "Set-Cookie: _odd={\"a\": 1}", `ETag: "a"`, "Last-Modified: Sat, 31 Jan 2026 12:00:00 GMT", "Accept-Ranges: bytes"),
		"/gzip":       reply("200 OK", gzipped(pageFor("gzip")), html, "Content-Encoding: gzip", "Digest: sha-256=x"),
		"/damaged":    reply("200 OK", gzipped(pageFor("damaged"))[:60], html, "Content-Encoding: gzip"),
		"/mislabeled": reply("200 OK", "not gzip at all", html, "Content-Encoding: gzip"),
		"/utf16":      reply("200 OK", utf16Page(pageFor("utf16")), "Content-Type: text/html"),
		"/chunked":    "HTTP/1.1 200 OK\r\nDate: Sat, 31 Jan 2026 12:00:00 GMT\r\n" + html + "\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n", len(pageFor("chunked")), pageFor("chunked")) + "0\r\nX-End: 1\r\n\r\n",
		"/endless":    "HTTP/1.1 200 OK\r\nDate: Sat, 31 Jan 2026 12:00:00 GMT\r\n" + html + "\r\nConnection: close\r\n\r\n" + pageFor("endless"),
		"/hints":      "HTTP/1.1 103 Early Hints\r\nLink: <https://hint.example.net/a.css>; rel=preload\r\n\r\n" + reply("200 OK", "ok", "Content-Type: text/plain"),
		"/link":       reply("200 OK", "{}", "Content-Type: application/json", "Link: <https://link.example.net/x>; rel=preload, </own>; rel=next", "Refresh: 5; url=https://refresh.example.net/"),
		"/policy":     reply("200 OK", pageFor("policy"), html, "Content-Security-Policy: default-src 'self'", "Content-Security-Policy-Report-Only: img-src 'none'"),
		"/public":     reply("200 OK", pageFor("public"), html, "Cache-Control: public, max-age=60"),
		"/304":        reply("304 Not Modified", "", `ETag: "a"`),
		"/206":        reply("206 Partial Content", "abc", html, "Content-Range: bytes 0-2/9"),
		"/204":        "HTTP/1.1 204 No Content\r\nDate: Sat, 31 Jan 2026 12:00:00 GMT\r\nSet-Cookie: late=1\r\n\r\n",
		"/redirect":   reply("302 Found", pageFor("redirect"), html, "Location: https://other.example.net/"),
		"/500":        reply("500 Internal Server Error", pageFor("error"), html),
		"/binary":     reply("200 OK", "\x00\xff\r\n\r\n\x01", "Content-Type: image/gif"),
		"/untyped":    reply("200 OK", pageFor("untyped")),
		"/latin1":     reply("200 OK", pageFor("latin1")+"\xe4", "Content-Type: text/html; charset=iso-8859-1"),
	}
	backend := newByteBackend(t, replies)
	port := freePort(t)
	c := startChild(t, quietSite("reverse_proxy "+backend.addr)+
		fmt.Sprintf("http://:%d {\ncookie_consent {\nmode observe\npass_header X-Consent\n}\nreverse_proxy %s\n}\n", port, backend.addr))
	header := "Host: " + host + "\r\nConnection: close\r\nAccept: text/html,application/xhtml+xml\r\nAccept-Encoding: gzip, br;q=0.5, dcb\r\n" +
		"Cookie: sid=1; _odd={\"a\": [1,2]}; cookies_preferences=x; =n; _ga_ABC123DEF4=GS1.1;;\r\nCookie: script_made=secret-value\r\n" +
		"If-None-Match: \"a\", W/\"b-cc1234\"\r\nIf-Modified-Since: Sat, 31 Jan 2026 12:00:00 GMT\r\nRange: bytes=0-2\r\nSec-GPC: 1\r\nX-Odd:  two\r\n"
	asked := 0
	for path := range replies {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			r := method + " " + path + "?q=%61;b HTTP/1.1\r\n" + header
			if method == "POST" {
				r += "Content-Length: 3\r\n\r\na=b"
			} else {
				r += "\r\n"
			}
			if method == "HEAD" && (path == "/chunked" || path == "/hints" || path == "/endless" || path == "/500") {
				continue // the answer of the backend is none to HEAD
			}
			if method == "GET" {
				time.Sleep(1100 * time.Millisecond) // one page a second is read
			}
			plain, plainRequest := backend.ask(t, c.httpPort, r)
			observed, observedRequest := backend.ask(t, port, r)
			if observedRequest != plainRequest || plainRequest == "" {
				t.Errorf("%s %s: the application got\n%q, not\n%q", method, path, observedRequest, plainRequest)
			}
			if lines := reportOnly.FindAllString(observed, -1); len(lines) > 0 {
				asked++
				observed = reportOnly.ReplaceAllString(observed, "")
				if len(lines) != 1 || path == "/public" || strings.Contains(plain, lines[0]) {
					t.Errorf("%s %s: %q", method, path, lines)
				}
			}
			if observed != plain || plain == "" {
				t.Errorf("%s %s: the visitor got\n%q, not\n%q", method, path, observed, plain)
			}
		}
	}
	if asked < 8 {
		t.Errorf("%d pages ask for reports", asked)
	}

	c.cmd.Process.Signal(syscall.SIGTERM)
	c.cmd.Process.Wait()
	stored, err := inventory.Read(c.inventoryFile())
	if err != nil {
		t.Fatal(err)
	}
	noted := map[string]bool{}
	for _, site := range stored.Sites {
		if site.Host != host {
			t.Errorf("site %q", site.Host)
		}
		for i := range site.Hosts {
			noted[site.Hosts[i].Host] = true
		}
		for i := range site.Cookies {
			noted[site.Cookies[i].Name] = true
		}
	}
	for _, want := range []string{
		"plain.example.net", "gzip.example.net", "utf16.example.net", "chunked.example.net", "endless.example.net", "latin1.example.net", "error.example.net",
		"link.example.net", "refresh.example.net", "hint.example.net", "sid", "_odd", "late", "script_made", "_ga_<upnum:6-12>",
	} {
		if !noted[want] {
			t.Errorf("%s is not noted", want)
		}
	}
	if noted["cookies_preferences"] || noted["redirect.example.net"] {
		t.Errorf("noted are %v", noted)
	}
}

// A browser reports what scripts load, and the module takes nothing else for a report.
func TestReports(t *testing.T) {
	app := httpBackend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, `<!DOCTYPE html><title>x</title><script>new Image().src = "https://be" + "acon.test/p.gif"</script>`)
	})
	directives := "cookie_consent {\nmode observe\n}\nreverse_proxy " + app
	s := start(t, site(directives))
	reports := func(of string) bool {
		return strings.Contains(s.logged(t), `"msg":"would keep a page from loading from a host until the visitor agrees","host":"`+of+`"`)
	}
	for i, scheme := range []string{"https", "http"} {
		b := openBrowser(t)
		if i > 0 {
			if err := s.load(site(directives)); err != nil { // and with that anew
				t.Fatal(err)
			}
			time.Sleep(1100 * time.Millisecond)
		}
		before := strings.Count(s.logged(t), "beacon.test")
		b.open(scheme + "://" + s.authority(scheme) + "/orders/4711")
		if !eventually(func() bool { return strings.Count(s.logged(t), "beacon.test") > before }) {
			t.Errorf("%s: the beacon is not reported", scheme)
		}
	}

	document := "http://" + s.authority("http") + "/x"
	body := func(of string) string {
		return `{"csp-report":{"document-uri":"` + document + `","blocked-uri":"https://` + of + `/x?secret","effective-directive":"img-src"}}`
	}
	modern := `[{"type":"csp-violation","url":"` + document + `","body":{"documentURL":"` + document + `","blockedURL":"https://modern.test/x"}},` +
		`{"type":"deprecation","body":{"documentURL":"` + document + `","blockedURL":"https://other-type.test/x"}}]`
	const oldType, newType = "Content-Type: application/csp-report", "Content-Type: application/reports+json"
	same := "Sec-Fetch-Site: same-origin"
	for _, test := range []struct {
		name, method, body string
		header             []string
		want               int
		noted              string
		never              string
	}{
		{"report-uri", "POST", body("classic.test"), []string{oldType, same}, 204, "classic.test", ""},
		{"Origin alone", "POST", body("origin.test"), []string{oldType, "Origin: http://" + s.authority("http")}, 204, "origin.test", ""},
		{"Reporting API", "POST", modern, []string{newType, same}, 204, "modern.test", "other-type.test"},
		{"own host", "POST", body(s.authority("http")), []string{oldType, same}, 204, "", host},
		{"inline", "POST", strings.Replace(body("x"), "https://x/x?secret", "inline", 1), []string{oldType, same}, 204, "", "inline"},
		{"page of another site", "POST", strings.Replace(body("foreign.test"), "http://"+host, "http://foreign.example", 1), []string{oldType, same}, 204, "", "foreign.test"},
		{"other origin", "POST", body("cross.test"), []string{oldType, "Sec-Fetch-Site: cross-site"}, 403, "", "cross.test"},
		{"no origin", "POST", body("none.test"), []string{oldType}, 403, "", "none.test"},
		{"GET", "GET", "", []string{same}, 405, "", ""},
		{"form", "POST", body("form.test"), []string{"Content-Type: application/x-www-form-urlencoded", same}, 415, "", "form.test"},
		{"no JSON", "POST", "{", []string{oldType, same}, 400, "", ""},
		{"too long", "POST", body("long.test" + strings.Repeat("/x", 40000)), []string{oldType, same}, 413, "", "long.test"},
	} {
		res := s.do(t, h1, request{scheme: "http", method: test.method, path: prefix + "csp-report", header: test.header, body: test.body})
		if res.status != test.want || len(res.cookies()) > 0 {
			t.Errorf("%s: status %d, want %d", test.name, res.status, test.want)
		}
		if test.noted != "" && !reports(test.noted) {
			t.Errorf("%s: %s is not noted", test.name, test.noted)
		}
		if test.never != "" && reports(test.never) {
			t.Errorf("%s: %s is noted", test.name, test.never)
		}
	}
	if strings.Contains(s.logged(t), "secret") {
		t.Error("the log tells more than a host")
	}
	if err := s.load(site("cookie_consent\nrespond ok")); err != nil {
		t.Fatal(err)
	}
	if res := s.do(t, h1, request{scheme: "http", method: "POST", path: prefix + "csp-report", header: []string{oldType, same}, body: body("enforced.test")}); res.status != http.StatusNotFound {
		t.Errorf("enforcing: status %d", res.status)
	}
}
