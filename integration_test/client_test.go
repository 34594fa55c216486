package integration_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// The protocols that a browser may speak to Caddy.
const (
	h1 = "HTTP/1.1"
	h2 = "HTTP/2"
	h3 = "HTTP/3"
)

var protocols = []string{h1, h2, h3}

// patience bounds everything that a client does. It is long, as no test is about
// how fast a busy machine is.
const patience = time.Minute

// navigation are the header fields of a browser that opens a page.
var navigation = []string{
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
	"Accept-Language: en",
	"Sec-Fetch-Dest: document",
	"Sec-Fetch-Mode: navigate",
	"Sec-Fetch-Site: none",
	"Sec-Fetch-User: ?1",
}

// subresource are the header fields of a browser that loads something for a page.
var subresource = []string{
	"Accept: */*",
	"Sec-Fetch-Dest: empty",
	"Sec-Fetch-Mode: cors",
	"Sec-Fetch-Site: same-origin",
}

// request is what a client sends. Header fields are lines, so that HTTP/1.1
// carries them byte by byte.
type request struct {
	scheme string // default https
	method string // default GET
	host   string // default the authority of the scheme
	path   string
	header []string
	body   string
}

// response is what a client got.
type response struct {
	status  int
	header  http.Header
	interim []http.Header // of 1xx responses
	body    string
	trailer http.Header

	// err is what ended the body before its end.
	err error
}

// cookies are the Set-Cookie field values, in order.
func (r response) cookies() []string { return r.header["Set-Cookie"] }

// do sends a request and reads the whole response.
func (s *server) do(t testing.TB, protocol string, req request) response {
	t.Helper()
	res, err := s.try(protocol, req)
	if err != nil {
		t.Fatalf("%s %s over %s: %v", req.method, req.path, protocol, err)
	}
	return res
}

// get opens a page over HTTP/1.1 as a browser does, with further header lines.
func (s *server) get(t testing.TB, path string, header ...string) response {
	t.Helper()
	return s.do(t, h1, request{path: path, header: append(header, navigation...)})
}

// try is do for requests that may fail.
func (s *server) try(protocol string, req request) (response, error) {
	if req.scheme == "" {
		req.scheme = "https"
	}
	if req.method == "" {
		req.method = http.MethodGet
	}
	if req.host == "" {
		req.host = s.authority(req.scheme)
	}
	if protocol == h1 {
		conn, err := s.dial(req.scheme, req.host)
		if err != nil {
			return response{}, err
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, req.bytes()); err != nil {
			return response{}, fmt.Errorf("sending the request: %w", err)
		}
		return readResponse(bufio.NewReader(conn), req.method)
	}
	transport := s.transport(protocol)
	defer transport.Close()
	return roundTrip(transport, req)
}

// dial opens a connection that speaks HTTP/1.1.
func (s *server) dial(scheme, authority string) (net.Conn, error) {
	dialer := &net.Dialer{Deadline: time.Now().Add(patience)}
	var conn net.Conn
	var err error
	if scheme == "http" {
		conn, err = dialer.Dial("tcp", s.addr(scheme))
	} else {
		conn, err = tls.DialWithDialer(dialer, "tcp", s.addr(scheme), clientTLS(authority, "http/1.1"))
	}
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return conn, conn.SetDeadline(time.Now().Add(patience))
}

// dialHTTP2 opens a connection that has agreed to speak HTTP/2.
func (s *server) dialHTTP2() (net.Conn, error) {
	dialer := &net.Dialer{Deadline: time.Now().Add(patience)}
	conn, err := tls.DialWithDialer(dialer, "tcp", s.addr("https"), clientTLS(host, "h2"))
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return conn, conn.SetDeadline(time.Now().Add(patience))
}

func clientTLS(authority string, protocols ...string) *tls.Config {
	name, _, err := net.SplitHostPort(authority)
	if err != nil {
		name = authority
	}
	return &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: protocols}
}

// bytes is the request as HTTP/1.1.
func (r request) bytes() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.method, r.path, r.host)
	for _, line := range r.header {
		b.WriteString(line + "\r\n")
	}
	if r.body != "" || r.method == http.MethodPost {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.body))
	}
	b.WriteString("\r\n" + r.body)
	return b.String()
}

// readResponse reads one HTTP/1.1 response to its end.
func readResponse(r *bufio.Reader, method string) (response, error) {
	var res response
	for {
		status, header, err := readHead(r)
		if err != nil {
			return res, err
		}
		if status/100 == 1 && status != http.StatusSwitchingProtocols {
			res.interim = append(res.interim, header)
			continue
		}
		res.status, res.header = status, header
		break
	}
	// The head is known; net/http only undoes the framing of the body.
	head := fmt.Sprintf("HTTP/1.1 %d \r\n", res.status)
	for _, name := range []string{"Content-Length", "Transfer-Encoding", "Trailer"} {
		for _, value := range res.header[name] {
			head += name + ": " + value + "\r\n"
		}
	}
	framed, err := http.ReadResponse(bufio.NewReader(io.MultiReader(strings.NewReader(head+"\r\n"), r)), &http.Request{Method: method})
	if err != nil {
		return res, fmt.Errorf("reading the body: %w", err)
	}
	defer framed.Body.Close()
	if res.status != http.StatusSwitchingProtocols {
		body, err := io.ReadAll(framed.Body)
		res.body, res.err = string(body), err
		res.trailer = framed.Trailer
	}
	return res, nil
}

// readHead reads a status line and the header fields after it as they are, in
// bytes; net/http would refuse or change some of them.
func readHead(r *bufio.Reader) (status int, header http.Header, err error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, nil, fmt.Errorf("reading the status line: %w", err)
	}
	if _, err := fmt.Sscanf(line, "HTTP/1.1 %d", &status); err != nil {
		return 0, nil, fmt.Errorf("reading the status line %q: %w", line, err)
	}
	header = http.Header{}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return 0, nil, fmt.Errorf("reading the header: %w", err)
		}
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if line == "" {
			return status, header, nil
		}
		name, value, found := strings.Cut(line, ":")
		if !found {
			return 0, nil, fmt.Errorf("reading the header: line %q has no colon", line)
		}
		key := textproto.CanonicalMIMEHeaderKey(name)
		header[key] = append(header[key], strings.TrimPrefix(value, " "))
	}
}

// transport is a client for HTTP/2 or HTTP/3 that connects to Caddy whatever
// the name in the URL.
type transport struct {
	http.RoundTripper
	close func()
}

func (t transport) Close() { t.close() }

func (s *server) transport(protocol string) transport {
	switch protocol {
	case h2:
		client := &http.Transport{
			ForceAttemptHTTP2:  true,
			DisableCompression: true,
			TLSClientConfig:    &tls.Config{InsecureSkipVerify: true},
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, network, s.addr("https"))
			},
		}
		return transport{client, client.CloseIdleConnections}
	case h3:
		client := &http3.Transport{
			DisableCompression: true,
			TLSClientConfig:    &tls.Config{InsecureSkipVerify: true},
			QUICConfig:         &quic.Config{HandshakeIdleTimeout: patience, MaxIdleTimeout: patience},
			Dial: func(ctx context.Context, _ string, config *tls.Config, settings *quic.Config) (*quic.Conn, error) {
				return quic.DialAddr(ctx, s.addr("https"), config, settings)
			},
		}
		return transport{client, func() { client.Close() }}
	}
	panic("no transport for " + protocol)
}

// roundTrip sends a request by one of Go's clients.
func roundTrip(rt http.RoundTripper, req request) (response, error) {
	var res response
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(_ int, header textproto.MIMEHeader) error {
			res.interim = append(res.interim, http.Header(header))
			return nil
		},
	})
	var body io.Reader
	if req.body != "" {
		body = strings.NewReader(req.body)
	}
	r, err := http.NewRequestWithContext(ctx, req.method, req.scheme+"://"+req.host+req.path, body)
	if err != nil {
		return res, err
	}
	for _, line := range req.header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	answer, err := rt.RoundTrip(r)
	if err != nil {
		return res, err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	res.status, res.header, res.body, res.err, res.trailer = answer.StatusCode, answer.Header, string(content), err, answer.Trailer
	return res, nil
}

// stream is a response that is read while it arrives.
type stream struct {
	status int
	header http.Header
	body   io.Reader
	close  func()
}

// open sends a request and returns as soon as the header is there.
func (s *server) open(t testing.TB, protocol string, req request) stream {
	t.Helper()
	if req.method == "" {
		req.method = http.MethodGet
	}
	if req.scheme == "" {
		req.scheme = "https"
	}
	if req.host == "" {
		req.host = s.authority(req.scheme)
	}
	var rt http.RoundTripper
	closeIdle := func() {}
	if protocol == h1 {
		client := &http.Transport{
			DisableCompression: true,
			TLSClientConfig:    clientTLS(req.host, "http/1.1"),
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, network, s.addr(req.scheme))
			},
		}
		rt, closeIdle = client, client.CloseIdleConnections
	} else {
		tr := s.transport(protocol)
		rt, closeIdle = tr, tr.Close
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r, err := http.NewRequestWithContext(ctx, req.method, req.scheme+"://"+req.host+req.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range req.header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	answer, err := rt.RoundTrip(r)
	if err != nil {
		t.Fatalf("opening %s over %s: %v", req.path, protocol, err)
	}
	st := stream{answer.StatusCode, answer.Header, answer.Body, func() {
		cancel()
		answer.Body.Close()
		closeIdle()
	}}
	t.Cleanup(st.close)
	return st
}

// readUntil reads until the end of a marker and returns everything so far.
func (s stream) readUntil(marker string) (string, error) {
	var got bytes.Buffer
	buf := make([]byte, 4096)
	for !strings.Contains(got.String(), marker) {
		n, err := s.body.Read(buf)
		got.Write(buf[:n])
		if err != nil && !strings.Contains(got.String(), marker) {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return got.String(), fmt.Errorf("waiting for %q after %q: %w", marker, got.String(), err)
		}
	}
	return got.String(), nil
}
