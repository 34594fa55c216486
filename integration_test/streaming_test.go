package integration_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// lockstep is a backend that writes one piece after the other, each only when
// the client has reported the one before: a proxy that holds anything back
// makes the exchange stand still.
type lockstep struct {
	addr string
	next chan struct{}
}

// newLockstep sends head at once and then the pieces as HTTP chunks.
func newLockstep(t testing.TB, head string, pieces []string) *lockstep {
	l := &lockstep{next: make(chan struct{}, len(pieces))}
	l.addr = rawBackend(t, func(_ *http.Request, conn net.Conn) {
		io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+head+"Transfer-Encoding: chunked\r\n\r\n")
		for i, piece := range pieces {
			if i > 0 {
				select {
				case <-l.next:
				case <-time.After(patience):
					return
				}
			}
			fmt.Fprintf(conn, "%x\r\n%s\r\n", len(piece), piece)
		}
		io.WriteString(conn, "0\r\n\r\n")
	})
	return l
}

// follow reads the response piece by piece, each up to its marker, and tells
// the backend to go on. It returns everything that arrived.
func (l *lockstep) follow(t *testing.T, st stream, markers []string) string {
	t.Helper()
	var all strings.Builder
	for _, marker := range markers {
		got, err := st.readUntil(marker)
		all.WriteString(got)
		if err != nil {
			t.Fatal(err)
		}
		l.next <- struct{}{}
	}
	rest, err := io.ReadAll(st.body)
	if err != nil {
		t.Fatal(err)
	}
	return all.String() + string(rest)
}

// A page that the application writes slowly arrives as it is written.
func TestSlowPage(t *testing.T) {
	pieces := []string{
		"<!DOCTYPE html><html><head><title>Slow</title></head><bo",
		"dy><p>first paragraph</p>",
		"<p>second paragraph</p><scr",
		"ipt>var third;</script>",
		"</body></html>",
	}
	// Each marker is what can be passed on of a piece, up to a tag cut in two.
	markers := []string{"</head>", "first paragraph</p>", "second paragraph</p>", "var third;"}
	for _, with := range []string{"", "encode\n"} {
		for _, protocol := range protocols {
			t.Run(strings.TrimSpace(with)+"/"+protocol, func(t *testing.T) {
				backend := newLockstep(t, "Content-Type: text/html\r\n", pieces)
				s := start(t, site(with+policy+"reverse_proxy "+backend.addr))
				st := s.open(t, protocol, request{path: "/", header: navigation})
				got := backend.follow(t, st, markers)
				checkInsertion(t, strings.Join(pieces, ""), got)
				visitor{}.checkBanner(t, got)
			})
		}
	}
}

// A page that arrives one byte at a time is the same page.
func TestPageByteByByte(t *testing.T) {
	addr := rawBackend(t, func(_ *http.Request, conn net.Conn) {
		conn.(*net.TCPConn).SetNoDelay(true)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n")
		for _, b := range []byte(page) {
			fmt.Fprintf(conn, "1\r\n%c\r\n", b)
		}
		io.WriteString(conn, "0\r\n\r\n")
	})
	s := start(t, site(policy+"reverse_proxy "+addr+` {
		flush_interval -1
	}`))
	for _, protocol := range protocols {
		res := s.do(t, protocol, request{path: "/", header: navigation})
		checkInsertion(t, page, res.body)
		visitor{}.checkBanner(t, res.body)
	}
}

// Server-sent events arrive one by one and unchanged, compressed by encode too.
func TestServerSentEvents(t *testing.T) {
	events := []string{"data: 1\n\n", "data: <body>\n\n", "data: 3\n\n"}
	for _, coding := range []string{"identity", "gzip"} {
		for _, protocol := range protocols {
			t.Run(coding+"/"+protocol, func(t *testing.T) {
				backend := newLockstep(t, "Content-Type: text/event-stream\r\nSet-Cookie: "+unknownCookie+"\r\nSet-Cookie: "+sessionCookie+"\r\n", events)
				s := start(t, site("encode {\nmatch header Content-Type text/event-stream\n}\n"+policy+"reverse_proxy "+backend.addr))
				st := s.open(t, protocol, request{path: "/", header: slices.Concat(subresource, []string{"Accept: text/event-stream", "Accept-Encoding: " + coding})})
				if coding == "gzip" {
					if got := st.header.Get("Content-Encoding"); got != coding {
						t.Fatalf("Content-Encoding %q", got)
					}
					var err error
					if st.body, err = gzip.NewReader(st.body); err != nil {
						t.Fatal(err)
					}
				}
				if got := backend.follow(t, st, events[:2]); got != strings.Join(events, "") {
					t.Errorf("events %q", got)
				}
				if got := st.header["Set-Cookie"]; !slices.Equal(got, []string{sessionCookie}) {
					t.Errorf("cookies %q", got)
				}
			})
		}
	}
}

// When the backend fails in the middle of a page the browser learns of it, and
// nothing is written behind the break as if the page had ended there.
func TestBackendAbort(t *testing.T) {
	half := page[:strings.Index(page, "<form")]
	replies := map[string]string{
		"chunked": fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(half), half),
		"length":  fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s", len(page), half),
	}
	for name, reply := range replies {
		addr := rawReply(t, reply)
		for _, with := range []string{"", "encode\n"} {
			s := start(t, site(with+policy+"reverse_proxy "+addr))
			for _, protocol := range protocols {
				t.Run(name+"/"+strings.TrimSpace(with)+"/"+protocol, func(t *testing.T) {
					res, err := s.try(protocol, request{path: "/", header: navigation})
					if err == nil && res.err == nil {
						t.Errorf("half a page arrived as a whole one: status %d, %d bytes", res.status, len(res.body))
					}
					if strings.Contains(res.body, formMark) {
						t.Error("the end of the page was written after the break")
					}
				})
			}
		}
	}
}

// An upload reaches the application whole, and its answer is a page like any other.
func TestUpload(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<body>%d bytes", n)
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	body := strings.Repeat("0123456789", 200_000)
	for _, protocol := range protocols {
		res := s.do(t, protocol, request{method: http.MethodPost, path: "/upload", header: navigation, body: body})
		if !strings.Contains(res.body, fmt.Sprint(len(body), " bytes")) {
			t.Errorf("%s: %.200q", protocol, res.body)
		}
	}
}
