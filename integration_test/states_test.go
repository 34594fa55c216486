package integration_test

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// statusApplication answers /status/<code> with that status, a page, and all
// its cookies.
func statusApplication(t testing.TB) *application {
	return newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		setCookies(w, allCookies...)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Location", "/elsewhere")
		status, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/status/"))
		if err != nil {
			status = http.StatusOK
		}
		w.WriteHeader(status)
		if status != http.StatusNoContent && status != http.StatusNotModified {
			io.WriteString(w, page)
		}
	})
}

// In every state of consent, over every protocol and with every status, only
// allowed cookies reach the browser, and only allowed ones the application.
func TestStatesOfConsent(t *testing.T) {
	app := statusApplication(t)
	s := start(t, site("encode\n"+policy+"reverse_proxy "+app.addr))
	statuses := []int{200, 204, 302, 304, 401, 404, 500}
	for _, v := range s.visitors(t) {
		for _, protocol := range protocols {
			for _, status := range statuses {
				t.Run(v.name+"/"+protocol+"/"+strconv.Itoa(status), func(t *testing.T) {
					app.requests()
					res := s.do(t, protocol, request{
						path:   "/status/" + strconv.Itoa(status),
						header: slices.Concat(navigation, []string{v.cookieLine()}),
					})
					if res.status != status || res.err != nil {
						t.Fatalf("status %d, error %v", res.status, res.err)
					}
					v.checkCookies(t, res.cookies())
					if v.deletes && !slices.ContainsFunc(res.cookies(), isDeletion) {
						t.Error("no refused cookie is deleted")
					}
					if got, want := app.lastCookies(t), strings.Join(pairs(v.allowed), "; "); got != want {
						t.Errorf("the application got the cookies %q, want %q", got, want)
					}
					if status == http.StatusNoContent || status == http.StatusNotModified {
						if res.body != "" {
							t.Errorf("a body after status %d: %q", status, res.body)
						}
						return
					}
					if status == http.StatusFound { // no browser shows it
						if res.body != page {
							t.Errorf("the body of a redirect was changed: %q", res.body)
						}
						return
					}
					checkInsertion(t, page, res.body)
					v.checkBanner(t, res.body)
				})
			}
		}
	}
}

// A visitor who was not asked keeps what the browser holds: it is withheld from
// the application, but nothing deletes it.
func TestNotAskedDeletesNothing(t *testing.T) {
	app := statusApplication(t)
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	v := s.visitors(t)[0]
	for _, path := range []string{"/", prefix, prefix + "state.json"} {
		res := s.get(t, path, v.cookieLine())
		if slices.ContainsFunc(res.cookies(), isDeletion) {
			t.Errorf("%s deletes cookies: %q", path, res.cookies())
		}
	}
}

// The names of the built-in list are necessary under a bare directive, so that
// log-ins go on working; everything else waits for consent.
func TestBareDirective(t *testing.T) {
	necessary := []string{"PHPSESSID=1", "JSESSIONID=2; Path=/app", "csrftoken=3", "sessionid=4"}
	app := newApplication(t, func(w http.ResponseWriter, _ *http.Request) {
		setCookies(w, slices.Concat(necessary, []string{"_ga=5", "visitor=6", "phpsessid=7", "PHPSESSID_tracker=8"})...)
		io.WriteString(w, page)
	})
	s := start(t, site("cookie_consent\nreverse_proxy "+app.addr))
	res := s.get(t, "/")
	if !slices.Equal(res.cookies(), necessary) {
		t.Errorf("cookies %q, want %q", res.cookies(), necessary)
	}
	checkInsertion(t, page, res.body)
	visitor{}.checkBanner(t, res.body)
}

// HEAD has the header that GET has, as far as it holds without a body.
func TestHead(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, _ *http.Request) {
		setCookies(w, allCookies...)
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	for _, v := range s.visitors(t) {
		for _, protocol := range protocols {
			t.Run(v.name+"/"+protocol, func(t *testing.T) {
				res := s.do(t, protocol, request{method: http.MethodHead, path: "/", header: slices.Concat(navigation, []string{v.cookieLine()})})
				if res.status != http.StatusOK || res.body != "" || res.err != nil {
					t.Fatalf("status %d, body %q, error %v", res.status, res.body, res.err)
				}
				v.checkCookies(t, res.cookies())
				if length := res.header.Get("Content-Length"); length == strconv.Itoa(len(page)) {
					t.Error("Content-Length is that of the page before anything was inserted")
				}
				if got := res.header.Get("Vary"); !strings.Contains(got, "Cookie") {
					t.Errorf("Vary %q does not name Cookie", got)
				}
			})
		}
	}
}

// What is not a page of the site passes byte by byte, whatever it looks like.
func TestOtherContentIsUntouched(t *testing.T) {
	contents := []struct {
		name   string
		header []string // of the response
		asks   []string // of the request
		body   string
	}{
		{"JSON", []string{"Content-Type: application/json"}, subresource, `{"html": "<html><body></body></html>"}`},
		{"script", []string{"Content-Type: text/javascript"}, subresource, "document.write('<body>')"},
		{"text", []string{"Content-Type: text/plain"}, navigation, page},
		{"no sniffing", []string{"X-Content-Type-Options: nosniff"}, navigation, page},
		{"download", []string{"Content-Type: text/html", `Content-Disposition: attachment; filename="a.html"`}, navigation, page},
		{"fragment", []string{"Content-Type: text/html"}, subresource, "<tr><td>1</td></tr>"},
		{"frame", []string{"Content-Type: text/html"}, []string{"Accept: text/html", "Sec-Fetch-Dest: iframe", "Sec-Fetch-Mode: navigate"}, page},
		{"binary", []string{"Content-Type: application/octet-stream"}, subresource, "\x00\xff<body>\x1f\x8b"},
		{"empty", []string{"Content-Type: image/png"}, subresource, ""},
	}
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		if err != nil || number >= len(contents) {
			return
		}
		w.Header()["Content-Type"] = nil
		for _, line := range contents[number].header {
			name, value, _ := strings.Cut(line, ": ")
			w.Header().Set(name, value)
		}
		w.Header().Set("Etag", `"v1"`)
		setCookies(w, allCookies...)
		io.WriteString(w, contents[number].body)
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	for _, v := range s.visitors(t) {
		for number, content := range contents {
			for _, protocol := range protocols {
				t.Run(v.name+"/"+content.name+"/"+protocol, func(t *testing.T) {
					res := s.do(t, protocol, request{path: "/" + strconv.Itoa(number), header: slices.Concat(content.asks, []string{v.cookieLine()})})
					body := res.body
					if content.name == "frame" {
						body = scriptTag.ReplaceAllString(body, "") // which frames get too
					}
					if body != content.body || res.err != nil {
						t.Errorf("body %q, error %v, want %q", res.body, res.err, content.body)
					}
					// A frame is as it is before consent because it has nothing of others.
					if got := res.header.Get("Etag"); (got == `"v1"`) == (content.name == "frame") {
						t.Errorf("ETag %s", got)
					}
					v.checkCookies(t, res.cookies())
				})
			}
		}
	}
}

// A response without a Content-Type is read by a browser as what it looks like.
func TestSniffedPage(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		setCookies(w, allCookies...)
		io.WriteString(w, page)
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	v := s.visitors(t)[0]
	res := s.get(t, "/", v.cookieLine())
	checkInsertion(t, page, res.body)
	v.checkBanner(t, res.body)
	v.checkCookies(t, res.cookies())
}

// Interim responses and trailers carry no cookie that waits for consent.
func TestInterimResponsesAndTrailers(t *testing.T) {
	addr := rawReply(t, "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\nSet-Cookie: "+unknownCookie+"\r\n\r\n"+
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\nTrailer: Set-Cookie, X-Sum\r\n\r\n"+
		"5\r\n<body\r\n1\r\n>\r\n0\r\nSet-Cookie: "+statsCookie+"\r\nX-Sum: 7\r\n\r\n")
	s := start(t, site(policy+"reverse_proxy "+addr))
	for _, protocol := range []string{h1, h2} {
		res := s.do(t, protocol, request{path: "/", header: navigation})
		if res.err != nil {
			t.Fatal(res.err)
		}
		if len(res.interim) != 1 || res.interim[0].Get("Link") == "" {
			t.Fatalf("%s: interim responses %v, want one with a Link", protocol, res.interim)
		}
		if got := res.interim[0]["Set-Cookie"]; got != nil {
			t.Errorf("%s: the interim response sets %q", protocol, got)
		}
		if got := res.trailer["Set-Cookie"]; len(got) > 0 {
			t.Errorf("%s: the trailer sets %q", protocol, got)
		}
		if got := res.trailer.Get("X-Sum"); got != "7" {
			t.Errorf("%s: the trailer X-Sum is %q", protocol, got)
		}
	}
}

// Cookies of a request keep their bytes and order, on every Cookie line; what
// the proxy does not withhold reaches the application as it was sent.
func TestRequestCookiesKeepTheirBytes(t *testing.T) {
	app := statusApplication(t)
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	granted := s.choose(t, acceptAll)
	odd := []string{
		`Cookie: sessionid="a\"b"; csrftoken=a b,c; x={"k":[1;2]}; nameless`,
		`Cookie: a[b]=1;c/d=2;  e=ü`,
	}
	want := []string{`sessionid="a\"b"; csrftoken=a b,c; x={"k":[1;2]}; nameless`, `a[b]=1;c/d=2;  e=ü`}
	s.get(t, "/", append(odd, "Cookie: "+granted)...)
	if got := app.requests()[0].Header["Cookie"]; !slices.Equal(got, want) {
		t.Errorf("granted: the application got %q, want %q", got, want)
	}
	s.get(t, "/", odd...)
	if got, want := app.lastCookies(t), `sessionid="a\"b"; csrftoken=a b,c`; got != want {
		t.Errorf("not asked: the application got %q, want %q", got, want)
	}
}

// More cookies than net/http reads do not blind the filter.
func TestThousandsOfCookies(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, _ *http.Request) {
		setCookies(w, slices.Repeat([]string{"a=b"}, 3001)...)
		setCookies(w, sessionCookie)
		io.WriteString(w, page)
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	rejected := s.choose(t, rejectAll)
	res := s.get(t, "/", "Cookie: "+strings.Repeat("a=b; ", 3001)+rejected+"; "+pair(sessionCookie))
	kept := slices.DeleteFunc(res.cookies(), isDeletion)
	if !slices.Equal(kept, []string{sessionCookie}) {
		t.Errorf("%d cookies set, want only %q", len(kept), sessionCookie)
	}
	if got := app.lastCookies(t); got != pair(sessionCookie) {
		t.Errorf("the application got %d bytes of cookies: %.100q", len(got), got)
	}
	visitor{preference: rejected}.checkBanner(t, res.body)
}
