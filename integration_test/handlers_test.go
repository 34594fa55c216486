package integration_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// write puts a file into a folder of the test and returns the folder.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Pages from the disk, which Caddy would send past the response writer with
// sendfile, carry the banner; other files are sent as they are.
func TestFileServer(t *testing.T) {
	data := strings.Repeat("\x00<body>\xff", 50_000)
	dir := write(t, map[string]string{"index.html": longPage, "data.bin": data, "style.css": "body{}"})
	s := start(t, site("encode\n"+policy+"root * "+dir+"\nfile_server"))
	for _, v := range s.visitors(t) {
		for _, protocol := range protocols {
			t.Run(v.name+"/"+protocol, func(t *testing.T) {
				header := slices.Concat(navigation, []string{v.cookieLine()})
				res := s.do(t, protocol, request{path: "/", header: header})
				checkInsertion(t, longPage, res.body)
				v.checkBanner(t, res.body)
				for path, want := range map[string]string{"/data.bin": data, "/style.css": "body{}"} {
					res := s.do(t, protocol, request{path: path, header: subresource})
					if res.body != want || res.err != nil {
						t.Errorf("%s: %d bytes, error %v, want %d", path, len(res.body), res.err, len(want))
					}
				}
				// A part of a page cannot be rewritten, so the whole comes.
				res = s.do(t, protocol, request{path: "/", header: append(header, "Range: bytes=0-99")})
				if res.status != http.StatusOK {
					t.Fatalf("part of a page: status %d, want 200", res.status)
				}
				checkInsertion(t, longPage, res.body)
				// A part of anything else is a part.
				res = s.do(t, protocol, request{path: "/data.bin", header: append(slices.Clone(subresource), "Range: bytes=7-20")})
				if res.status != http.StatusPartialContent || res.body != data[7:21] {
					t.Errorf("part of a file: status %d, body %q", res.status, res.body)
				}
			})
		}
	}
}

// Pages that Caddy itself makes: by templates, and by respond.
func TestTemplatesAndRespond(t *testing.T) {
	dir := write(t, map[string]string{"index.html": `<!DOCTYPE html><body>{{.Req.URL.Path}} {{.Cookie "sessionid"}} {{.Cookie "last_seen"}}</body>`})
	s := start(t, site("encode\n"+policy+"root * "+dir+`
	templates
	header Set-Cookie "`+strings.ReplaceAll(unknownCookie, `"`, `\"`)+`"
	respond /respond "`+"<!DOCTYPE html><body>hello</body>"+`" 200
	header /respond Content-Type text/html
	file_server`))
	for _, v := range s.visitors(t) {
		t.Run(v.name, func(t *testing.T) {
			res := s.get(t, "/", "Cookie: sessionid=8c1f; last_seen=9; "+v.preference)
			want := `<!DOCTYPE html><body>/ 8c1f </body>`
			if slices.Contains(v.allowed, unknownCookie) {
				want = `<!DOCTYPE html><body>/ 8c1f 9</body>`
			}
			checkInsertion(t, want, res.body)
			v.checkBanner(t, res.body)
			checkUnknown := func(res response) {
				sets := slices.Contains(res.cookies(), unknownCookie)
				if want := slices.Contains(v.allowed, unknownCookie); sets != want {
					t.Errorf("the cookie of the header directive is set: %t, want %t", sets, want)
				}
			}
			checkUnknown(res)
			res = s.get(t, "/respond", "Cookie: "+v.preference)
			checkInsertion(t, "<!DOCTYPE html><body>hello</body>", res.body)
			v.checkBanner(t, res.body)
			checkUnknown(res)
		})
	}
}

// A part that templates request from Caddy itself, with the header of the request
// for the page, is no page: nobody who chose is asked again in the middle of one.
func TestTemplatesInclude(t *testing.T) {
	part := `<html><body>{{.Cookie "sessionid"}} {{.Cookie "last_seen"}}</body></html>`
	dir := write(t, map[string]string{
		"index.html": `<!DOCTYPE html><html><body>{{httpInclude "/part.html"}}</body></html>`,
		"part.html":  part,
	})
	s := start(t, site("encode\n"+policy+"root * "+dir+"\ntemplates\nfile_server"))
	for _, v := range s.visitors(t) {
		res := s.get(t, "/", v.cookieLine())
		v.checkBanner(t, res.body)
		want := "<!DOCTYPE html><html><body><html><body>8c1f </body></html></body></html>"
		checkInsertion(t, want, res.body)
	}
}

// What the documentation says about handle_errors: a snippet that is imported
// in both places covers Caddy's error pages too.
func TestHandleErrors(t *testing.T) {
	errorPage := `<!DOCTYPE html><html><body>Sorry</body></html>`
	backend := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		setCookies(w, allCookies...)
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, errorPage)
	})
	dead := rawBackend(t, func(*http.Request, net.Conn) {})
	s := start(t, "(consent) {\n"+policy+"\n}\n"+site(`
	import consent
	handle /dead {
		reverse_proxy `+dead+`
	}
	handle /raised {
		error 404
	}
	handle_errors {
		import consent
		reverse_proxy `+backend.addr+`
	}`))
	for _, v := range s.visitors(t) {
		for _, protocol := range protocols {
			for _, path := range []string{"/dead", "/raised"} {
				t.Run(v.name+"/"+protocol+path, func(t *testing.T) {
					backend.requests()
					res := s.do(t, protocol, request{path: path, header: slices.Concat(navigation, []string{v.cookieLine()})})
					checkInsertion(t, errorPage, res.body)
					v.checkBanner(t, res.body)
					v.checkCookies(t, res.cookies())
					if got, want := backend.lastCookies(t), strings.Join(pairs(v.allowed), "; "); got != want {
						t.Errorf("the backend of the error page got the cookies %q, want %q", got, want)
					}
				})
			}
		}
	}
}

// An error of a handler behind the directive stays the error that it was.
func TestHandlerErrorPasses(t *testing.T) {
	dead := rawBackend(t, func(*http.Request, net.Conn) {})
	for _, with := range []string{"", "encode\n"} {
		s := start(t, site(with+policy+`
	handle /dead {
		reverse_proxy `+dead+`
	}
	handle {
		error 418
	}`))
		if got := s.get(t, "/dead").status; got != http.StatusBadGateway {
			t.Errorf("dead backend: status %d, want 502", got)
		}
		if got := s.get(t, "/").status; got != http.StatusTeapot {
			t.Errorf("raised error: status %d, want 418", got)
		}
	}
}

// The directive twice in one chain is the directive once, and one behind
// encode's place, as in a route, still works.
func TestPlaceInTheChain(t *testing.T) {
	app := statusApplication(t)
	for name, directives := range map[string]string{
		"twice":           policy + "handle {\n" + policy + "reverse_proxy " + app.addr + "\n}",
		"in front":        "route {\n" + policy + "encode\nreverse_proxy " + app.addr + "\n}",
		"in handle":       "handle {\n" + policy + "reverse_proxy " + app.addr + "\n}",
		"with templates":  "encode\n" + policy + "templates\nreverse_proxy " + app.addr,
		"with intercept":  "encode\n" + policy + "intercept {\n@gone status 410\nreplace_status @gone 404\n}\nreverse_proxy " + app.addr,
		"handle_response": policy + "reverse_proxy " + app.addr + " {\nhandle_response {\ncopy_response\n}\n}",
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, site(directives))
			for _, v := range s.visitors(t) {
				res := s.get(t, "/", v.cookieLine())
				checkInsertion(t, page, res.body)
				v.checkBanner(t, res.body)
				v.checkCookies(t, res.cookies())
				if n := strings.Count(res.body, bannerMark); n > 1 {
					t.Errorf("%d banners", n)
				}
			}
		})
	}
}

// A matcher limits the directive to some paths, but never its own endpoints.
func TestMatcher(t *testing.T) {
	app := statusApplication(t)
	s := start(t, site(strings.Replace(policy, "cookie_consent {", "cookie_consent /app/* {", 1)+"reverse_proxy "+app.addr))
	if res := s.get(t, "/app/"); !strings.Contains(res.body, bannerMark) {
		t.Error("no banner where the matcher matches")
	}
	if res := s.get(t, "/other"); res.body != page || !slices.Equal(res.cookies(), allCookies) {
		t.Error("changed where the matcher does not match")
	}
	if res := s.get(t, prefix); res.status != http.StatusOK || res.body == page {
		t.Errorf("the preferences page is not answered: status %d", res.status)
	}
	if got := s.choose(t, rejectAll); got == "" {
		t.Error("no choice can be made")
	}
}

// The state of consent as placeholders, request header and matcher.
func TestStateForOtherHandlers(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Header.Get("X-Consent"))
	})
	s := start(t, site(strings.Replace(policy, "{\n", "{\n\t\tpass_header X-Consent\n", 1)+`
	handle /backend {
		reverse_proxy `+app.addr+`
	}
	handle /placeholder {
		respond "{http.cookie_consent.state} {http.cookie_consent.necessary} {http.cookie_consent.statistics} {http.cookie_consent.third_party}"
	}
	handle {
		@counted cookie_consent statistics
		respond @counted "counted"
		respond "not counted"
	}`))
	headers := map[string]string{}
	for _, v := range s.visitors(t) {
		header := []string{"Cookie: " + v.preference, "X-Consent: granted"}
		res := s.do(t, h1, request{path: "/", header: header})
		statistics := slices.Contains(v.allowed, statsCookie)
		if counted := res.body == "counted"; counted != statistics {
			t.Errorf("%s: matcher %t, want %t", v.name, counted, statistics)
		}
		res = s.do(t, h1, request{path: "/placeholder", header: header})
		fields := strings.Fields(res.body)
		if len(fields) != 4 || fields[1] != "granted" || (fields[2] == "granted") != statistics ||
			(fields[3] == "granted") != slices.Contains(v.allowed, adsCookie) {
			t.Errorf("%s: placeholders %q", v.name, res.body)
		}
		res = s.do(t, h1, request{path: "/backend", header: header})
		headers[v.name] = res.body
		// Nor can the client have it removed on the way.
		res = s.do(t, h1, request{path: "/backend", header: append(header, "Connection: close, x-consent")})
		if res.body != headers[v.name] {
			t.Errorf("%s: named by Connection, the header to the backend is %q", v.name, res.body)
		}
	}
	// Every state that differs reads differently, and none is what the client forged.
	if headers["no choice"] == headers["reject"] || headers["reject"] == headers["accept"] ||
		headers["accept"] == headers["statistics only"] || headers["reject"] != headers["withdrawal"] {
		t.Errorf("header to the backend: %q", headers)
	}
	for name, value := range headers {
		if value == "granted" || value == "" {
			t.Errorf("%s: header to the backend %q", name, value)
		}
	}
}

// mode off and mode observe change nothing for visitors and backend.
func TestModesThatChangeNothing(t *testing.T) {
	app := statusApplication(t)
	for _, mode := range []string{"off", "observe"} {
		t.Run(mode, func(t *testing.T) {
			s := start(t, site(strings.Replace(policy, "{\n", "{\n\t\tmode "+mode+"\n", 1)+"reverse_proxy "+app.addr))
			res := s.get(t, "/", visitor{}.cookieLine())
			if res.body != page || !slices.Equal(res.cookies(), allCookies) {
				t.Errorf("cookies %q, body %q", res.cookies(), res.body)
			}
			if got, want := app.lastCookies(t), strings.Join(pairs(allCookies), "; "); got != want {
				t.Errorf("the application got %q, want %q", got, want)
			}
			if observed := strings.Contains(s.logged(t), "last_seen"); observed != (mode == "observe") {
				t.Errorf("the log names what would be withheld: %t", observed)
			}
		})
	}
}
