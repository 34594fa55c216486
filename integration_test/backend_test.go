package integration_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// rawBackend listens for connections and lets answer write whatever bytes it
// likes; the connection is closed after it. The request has been read to the
// end of its header.
func rawBackend(t testing.TB, answer func(r *http.Request, conn net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(2 * patience))
				if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					answer(r, conn)
				}
			})
		}
	})
	return listener.Addr().String()
}

// rawReply answers every request with the same bytes.
func rawReply(t testing.TB, reply string) string {
	return rawBackend(t, func(_ *http.Request, conn net.Conn) { io.WriteString(conn, reply) })
}

// httpBackend runs a handler and returns its network address.
func httpBackend(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	backend := httptest.NewServer(handler)
	t.Cleanup(backend.Close)
	return backend.Listener.Addr().String()
}

// The cookies of the stand-in application, by the category of policy, as it
// sets them. One value has bytes that net/http would refuse.
const (
	sessionCookie = `sessionid=8c1f; Path=/; HttpOnly; SameSite=Lax`
	csrfCookie    = `csrftoken=Zk3; Path=/`
	statsCookie   = `_pk_id.7.1fff=6c2; Path=/; Max-Age=33868800`
	unknownCookie = `last_seen={"a": [1,2]}; Path=/; HttpOnly`
	adsCookie     = `adsid=77; Domain=example.test; Path=/; Max-Age=86400`
)

var allCookies = []string{sessionCookie, csrfCookie, statsCookie, unknownCookie, adsCookie}

// policy declares the cookies of the stand-in application, but for the unknown one.
const policy = `
	cookie_consent {
		cookie sessionid {
			category necessary
			provider "The portal"
			function "Remembers that you are logged in"
			purpose "Log-in"
			lifetime 14d
		}
		cookie csrftoken {
			category necessary
			provider "The portal"
			function "Tells your own requests from forged ones"
			purpose "Security"
			lifetime 365d
		}
		cookie django_language {
			category necessary
			provider "The portal"
			function "Remembers the language"
			purpose "Language"
			lifetime 365d
		}
		cookie adsid {
			category third_party
			provider "Example Ads"
			function "Recognises you on other sites"
			purpose "Advertising"
			lifetime 30d
		}
		service matomo {
			category statistics
			provider "The portal's own Matomo"
			purpose "Counts visits"
			cookies _pk_*
		}
	}
`

// pair is the name=value of a Set-Cookie line, as browsers send it back.
func pair(line string) string {
	name, _, _ := strings.Cut(line, ";")
	return name
}

func pairs(lines []string) []string {
	var all []string
	for _, line := range lines {
		all = append(all, pair(line))
	}
	return all
}

// nameOf is the name of a cookie that a Set-Cookie line or a name=value sets.
func nameOf(line string) string {
	name, _, _ := strings.Cut(pair(line), "=")
	return name
}

// application is a backend that remembers the requests which reached it.
type application struct {
	addr string

	mu   sync.Mutex
	seen []*http.Request
}

// newApplication runs a handler as an application.
func newApplication(t testing.TB, handler http.HandlerFunc) *application {
	app := &application{}
	app.addr = httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
		app.mu.Lock()
		app.seen = append(app.seen, r.Clone(r.Context()))
		app.mu.Unlock()
		handler(w, r)
	})
	return app
}

// requests are the requests since the last call.
func (a *application) requests() []*http.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := a.seen
	a.seen = nil
	return seen
}

// lastCookies is the Cookie header of the last request, as it arrived.
func (a *application) lastCookies(t testing.TB) string {
	t.Helper()
	seen := a.requests()
	if len(seen) == 0 {
		t.Fatal("no request reached the application")
	}
	return strings.Join(seen[len(seen)-1].Header["Cookie"], " || ")
}

// setCookies adds Set-Cookie lines as they are.
func setCookies(w http.ResponseWriter, lines ...string) {
	w.Header()["Set-Cookie"] = slices.Concat(w.Header()["Set-Cookie"], lines)
}

// page is an HTML document that has its own form and a body to insert into.
const page = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Portal</title></head>
<body class="portal">
<h1>Portal</h1>
<form id="search" action="/search"><input name="q"></form>
<script>var tag = "<body>";</script>
</body>
</html>
`
