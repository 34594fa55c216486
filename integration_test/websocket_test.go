package integration_test

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

// websocketBackend accepts a WebSocket (RFC 6455), sets all cookies on the
// answer, and sends back every byte that it gets.
func websocketBackend(t testing.TB) *application {
	app := &application{}
	app.addr = rawBackend(t, func(r *http.Request, conn net.Conn) {
		app.mu.Lock()
		app.seen = append(app.seen, r)
		app.mu.Unlock()
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Accept: "+base64.StdEncoding.EncodeToString(sum[:])+"\r\n")
		for _, line := range allCookies {
			io.WriteString(conn, "Set-Cookie: "+line+"\r\n")
		}
		io.WriteString(conn, "\r\n")
		io.Copy(conn, conn)
	})
	return app
}

// message is a masked text frame; to the proxy only bytes.
var message = []byte("\x81\x86\x01\x02\x03\x04<body>")

// checkEnd checks that nothing but the end follows. Caddy, which is about to be
// stopped, has then let go of the connection.
func checkEnd(t *testing.T, r io.Reader) {
	t.Helper()
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Errorf("after the end of the connection: %q, error %v", rest, err)
	}
}

// A WebSocket works in every state of consent, and the answer to its handshake
// sets no cookie that waits for consent.
func TestWebSocket(t *testing.T) {
	app := websocketBackend(t)
	s := start(t, site("encode\n"+policy+"reverse_proxy "+app.addr))
	for _, v := range s.visitors(t) {
		t.Run(v.name, func(t *testing.T) {
			conn, err := s.dial("https", s.authority("https"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			handshake := request{method: http.MethodGet, path: "/socket", host: s.authority("https"), header: []string{
				"Upgrade: websocket",
				"Connection: Upgrade",
				"Sec-WebSocket-Version: 13",
				"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
				"Origin: https://" + s.authority("https"),
				"Sec-Fetch-Dest: websocket",
				"Sec-Fetch-Mode: websocket",
				"Sec-Fetch-Site: same-origin",
				v.cookieLine(),
			}}
			io.WriteString(conn, handshake.bytes())
			r := bufio.NewReader(conn)
			res, err := readResponse(r, http.MethodGet)
			if err != nil {
				t.Fatal(err)
			}
			if res.status != http.StatusSwitchingProtocols || res.header.Get("Sec-Websocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
				t.Fatalf("status %d, header %v", res.status, res.header)
			}
			v.checkCookies(t, res.cookies())
			if got, want := app.lastCookies(t), strings.Join(pairs(v.allowed), "; "); got != want {
				t.Errorf("the application got the cookies %q, want %q", got, want)
			}
			for range 3 {
				conn.Write(message)
				echo := make([]byte, len(message))
				if _, err := io.ReadFull(r, echo); err != nil || !bytes.Equal(echo, message) {
					t.Fatalf("echo %q, error %v", echo, err)
				}
			}
			conn.(*tls.Conn).CloseWrite()
			checkEnd(t, r)
		})
	}
}

// The same over HTTP/2, where a WebSocket is an extended CONNECT (RFC 8441)
// that is answered by 200 without a Content-Type.
func TestWebSocketOverHTTP2(t *testing.T) {
	app := websocketBackend(t)
	s := start(t, site("encode\n"+policy+"reverse_proxy "+app.addr))
	for _, v := range s.visitors(t) {
		t.Run(v.name, func(t *testing.T) {
			conn, err := s.dialHTTP2()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			client, err := (&xhttp2.Transport{}).NewClientConn(conn) //nolint:staticcheck // net/http itself would refuse :protocol
			if err != nil {
				t.Fatal(err)
			}
			body, send := io.Pipe()
			defer send.Close()
			r, err := http.NewRequest(http.MethodConnect, s.url("/socket"), body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set(":protocol", "websocket")
			r.Header.Set("Sec-WebSocket-Version", "13")
			r.Header.Set("Origin", "https://"+s.authority("https"))
			r.Header.Set("Cookie", strings.TrimPrefix(v.cookieLine(), "Cookie: "))
			res, err := client.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Fatalf("status %d", res.StatusCode)
			}
			v.checkCookies(t, slices.Clone(res.Header["Set-Cookie"]))
			if got, want := app.lastCookies(t), strings.Join(pairs(v.allowed), "; "); got != want {
				t.Errorf("the application got the cookies %q, want %q", got, want)
			}
			for range 3 {
				send.Write(message)
				echo := make([]byte, len(message))
				if _, err := io.ReadFull(res.Body, echo); err != nil || !bytes.Equal(echo, message) {
					t.Fatalf("echo %q, error %v", echo, err)
				}
			}
			send.Close()
			checkEnd(t, res.Body)
		})
	}
}

// Before the visitor agrees, a page opens WebSockets to whom it may contact, and to
// nobody else.
func TestWebSocketsOfPages(t *testing.T) {
	open := strings.Replace(policy, "cookie_consent {", "cookie_consent {\nfirst_party live.owner.test", 1)
	s := start(t, siteFor("http://www.site.test, https://www.site.test", open+
		"header Content-Type text/html\nrespond \"<!DOCTYPE html><title>x</title><body>x\""))
	s.awaitCertificate(t, "www.site.test")
	b := openBrowser(t)
	for scheme, socket := range map[string]string{"http": "ws://", "https": "wss://"} {
		_, port, _ := strings.Cut(s.addr(scheme), ":")
		b.open(scheme + "://www.site.test:" + port + "/")
		for to, want := range map[string]string{"www.site.test": "tried", "live.site.test": "tried", "live.owner.test": "tried", "live.tp.test": "blocked"} {
			if got := js[string](b, `new Promise(resolve => {
				document.addEventListener("securitypolicyviolation", () => resolve("blocked"), {once: true})
				try {
					const s = new WebSocket(`+quote(socket+to+":"+port+"/")+`)
					s.onopen = s.onerror = () => setTimeout(() => resolve("tried"), 100)
				} catch (e) { resolve(e.message) }
			})`); got != want {
				t.Errorf("%s%s is %s, want %s", socket, to, got, want)
			}
		}
	}
}
