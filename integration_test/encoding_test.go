package integration_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
)

// encode is content in a content coding (RFC 9110, section 8.4.1).
func encode(t testing.TB, coding, content string) string {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "":
		return content
	case "gzip", "x-gzip":
		w = gzip.NewWriter(&out)
	case "deflate":
		w = zlib.NewWriter(&out)
	case "raw deflate": // what some servers send under the name deflate
		w, _ = flate.NewWriter(&out, flate.DefaultCompression)
	case "br":
		w = brotli.NewWriter(&out)
	case "zstd":
		w, _ = zstd.NewWriter(&out)
	default:
		t.Fatalf("no coding %q", coding)
	}
	io.WriteString(w, content)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// decode undoes encode.
func decode(t testing.TB, coding, content string) string {
	t.Helper()
	var r io.Reader
	var err error
	switch coding {
	case "":
		return content
	case "gzip":
		r, err = gzip.NewReader(strings.NewReader(content))
	case "zstd":
		r, err = zstd.NewReader(strings.NewReader(content))
	default:
		t.Fatalf("no coding %q", coding)
	}
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// longPage is a page that is worth compressing.
var longPage = strings.Replace(page, "<h1>", strings.Repeat("<p>One more paragraph about nothing in particular.</p>\n", 400)+"<h1>", 1)

// A backend that compresses whatever it is asked for: pages are read and
// rewritten all the same, anything else passes as it came.
func TestEncodedBackends(t *testing.T) {
	for _, coding := range []string{"gzip", "x-gzip", "deflate", "raw deflate", "br", "zstd"} {
		t.Run(coding, func(t *testing.T) {
			encoded := encode(t, coding, longPage)
			app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
				setCookies(w, allCookies...)
				w.Header().Set("Content-Encoding", strings.TrimPrefix(coding, "raw "))
				w.Header().Set("Content-Type", strings.TrimPrefix(r.URL.Path, "/"))
				io.WriteString(w, encoded)
			})
			s := start(t, site(policy+"reverse_proxy "+app.addr))
			for _, v := range s.visitors(t) {
				for _, protocol := range protocols {
					accept := "Accept-Encoding: gzip, deflate, br, zstd"
					res := s.do(t, protocol, request{path: "/text/html", header: slices.Concat(navigation, []string{accept, v.cookieLine()})})
					if got := res.header.Get("Content-Encoding"); got != "" || res.err != nil {
						t.Fatalf("Content-Encoding %q, error %v", got, res.err)
					}
					checkInsertion(t, longPage, res.body)
					v.checkBanner(t, res.body)
					v.checkCookies(t, res.cookies())

					res = s.do(t, protocol, request{path: "/text/css", header: slices.Concat(subresource, []string{accept, v.cookieLine()})})
					if res.body != encoded || res.header.Get("Content-Encoding") == "" {
						t.Error("a stylesheet was changed")
					}
					v.checkCookies(t, res.cookies())
				}
			}
		})
	}
}

// encode in front compresses what comes out, whatever the backend did.
func TestEncodeInFront(t *testing.T) {
	for _, backend := range []string{"", "gzip", "br"} {
		app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			if backend != "" {
				w.Header().Set("Content-Encoding", backend)
			}
			io.WriteString(w, encode(t, backend, longPage))
		})
		s := start(t, site("encode\n"+policy+"reverse_proxy "+app.addr))
		for _, coding := range []string{"gzip", "zstd"} {
			for _, protocol := range protocols {
				t.Run(backend+"/"+coding+"/"+protocol, func(t *testing.T) {
					res := s.do(t, protocol, request{path: "/", header: slices.Concat(navigation, []string{"Accept-Encoding: " + coding})})
					if got := res.header.Get("Content-Encoding"); got != coding {
						t.Fatalf("Content-Encoding %q, want %q", got, coding)
					}
					checkInsertion(t, longPage, decode(t, coding, res.body))
				})
			}
		}
	}
}

// The backend is asked for pages without a coding, and for anything else in what
// can be decoded.
func TestAcceptEncodingToTheBackend(t *testing.T) {
	for _, test := range []struct{ option, accept, page, other string }{
		{"", "gzip, deflate, br, zstd", "identity", "gzip, deflate, br, zstd"},
		{"", "gzip, br, zstd, dcb, dcz", "identity", "gzip, br, zstd"},
		{"", "", "identity", "gzip"}, // Caddy's own wish
		{"upstream_encoding identity", "gzip", "identity", "gzip"},
		{"upstream_encoding keep", "gzip, deflate, br, zstd", "gzip, deflate, br, zstd", "gzip, deflate, br, zstd"},
		{"upstream_encoding keep", "br;q=1.0 , dcb, GZIP;q=0.5,x-gzip, *;q=0.1,identity;q=0", "br;q=1.0, GZIP;q=0.5, x-gzip, identity;q=0", "br;q=1.0, GZIP;q=0.5, x-gzip, identity;q=0"},
		{"upstream_encoding keep", "zstd;q=0.9,  gzip", "zstd;q=0.9,  gzip", "zstd;q=0.9,  gzip"},
		{"upstream_encoding keep", "dcb, compress", "identity", "identity"},
		{"upstream_encoding keep", "*", "identity", "identity"},
		{"upstream_encoding keep", "", "identity", "gzip"},
	} {
		app := statusApplication(t)
		s := start(t, site("cookie_consent {\n"+test.option+"\n}\nreverse_proxy "+app.addr))
		var accept []string
		if test.accept != "" {
			accept = []string{"Accept-Encoding: " + test.accept}
		}
		s.get(t, "/", accept...)
		if got := app.requests()[0].Header.Get("Accept-Encoding"); got != test.page {
			t.Errorf("%s, %q: for a page the backend was asked for %q, want %q", test.option, test.accept, got, test.page)
		}
		s.do(t, h1, request{path: "/", header: append(accept, subresource...)})
		if got := app.requests()[0].Header.Get("Accept-Encoding"); got != test.other {
			t.Errorf("%s, %q: for anything else the backend was asked for %q, want %q", test.option, test.accept, got, test.other)
		}
	}
}

// A page in a coding that no one can undo is refused, with the reason in the log;
// what is no coding at all is ignored, as browsers do.
func TestUnreadableCodings(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		setCookies(w, allCookies...)
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Encoding", strings.TrimPrefix(r.URL.Path, "/"))
		io.WriteString(w, page)
	})
	s := start(t, site("encode\n"+policy+"reverse_proxy "+app.addr))
	necessary := visitor{allowed: []string{sessionCookie, csrfCookie}}
	for _, protocol := range protocols {
		for _, coding := range []string{"dcb", "compress", "gzip, unheard-of"} {
			res := s.do(t, protocol, request{path: "/" + strings.ReplaceAll(coding, " ", "%20"), header: navigation})
			if res.status != http.StatusBadGateway || res.body != "" || res.header.Get("Content-Encoding") != "" || res.header.Get("ETag") != "" {
				t.Errorf("%s over %s: status %d, %q, body %q", coding, protocol, res.status, res.header, res.body)
			}
			necessary.checkCookies(t, res.cookies())
			if log := s.logged(t); !strings.Contains(log, coding) || !strings.Contains(log, "refused") {
				t.Errorf("%s: not in the log", coding)
			}
			res = s.do(t, protocol, request{path: "/" + strings.ReplaceAll(coding, " ", "%20"), header: subresource})
			if res.status != http.StatusOK || res.body != page {
				t.Errorf("%s over %s: what is no page has status %d, body %q", coding, protocol, res.status, res.body)
			}
		}
		for _, word := range []string{"none", "utf-8", "text/html"} {
			res := s.do(t, protocol, request{path: "/" + word, header: navigation})
			if res.header.Get("Content-Encoding") != word || res.err != nil {
				t.Errorf("%s over %s: %q, %v", word, protocol, res.header, res.err)
			}
			checkInsertion(t, page, res.body)
			necessary.checkCookies(t, res.cookies())
		}
	}
}

// What no coding begins with is refused before anything is sent, whatever the
// handlers around do with an error.
func TestPagesThatAreNotInTheirCoding(t *testing.T) {
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
			setCookies(w, adsCookie)
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Encoding", coding)
			io.WriteString(w, longPage)
		})
		s := start(t, site("encode\n"+policy+"reverse_proxy "+app.addr+"\nhandle_errors {\nrespond \"Error {err.status_code}\"\n}"))
		for _, protocol := range protocols {
			res := s.do(t, protocol, request{path: "/", header: navigation})
			if res.status != http.StatusBadGateway || res.body != "Error 502" || res.err != nil || res.cookies() != nil {
				t.Errorf("%s over %s: status %d, body %.50q, %v, cookies %q", coding, protocol, res.status, res.body, res.err, res.cookies())
			}
		}
		if !strings.Contains(s.logged(t), "decoding the body") {
			t.Errorf("%s: not in the log", coding)
		}
	}
}

// A coded page that is cut off or damaged never arrives as if it were whole, but
// what could be decoded arrives.
func TestDamagedCodedPages(t *testing.T) {
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		start1, rest := encodeFlushed(t, coding, longPage[:len(longPage)/2], longPage[len(longPage)/2:])
		for name, body := range map[string]string{"cut off": start1, "cut off later": start1 + rest[:len(rest)/2], "damaged": start1 + strings.Repeat("\xff", 200)} {
			app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				w.Header().Set("Content-Encoding", coding)
				io.WriteString(w, body)
			})
			s := start(t, site(policy+"reverse_proxy "+app.addr))
			for _, protocol := range protocols {
				t.Run(coding+"/"+name+"/"+protocol, func(t *testing.T) {
					res, err := s.try(protocol, request{path: "/", header: navigation})
					if err == nil && res.status == http.StatusBadGateway && coding == "br" && name == "damaged" {
						return // this decoder shows nothing of a piece that it fails in
					}
					if err == nil && res.err == nil {
						t.Errorf("half a page arrived as a whole one of %d bytes", len(res.body))
					}
					_, behind, _ := strings.Cut(longPage[:len(longPage)/2], `<body class="portal">`)
					if !strings.Contains(res.body, behind) {
						t.Errorf("of %d bytes that could be decoded, not all are in the %d bytes that arrived", len(longPage)/2, len(res.body))
					}
				})
			}
			if log := s.logged(t); !strings.Contains(log, "decoding the body") {
				t.Errorf("%s, %s: not in the log", coding, name)
			}
		}
	}
}

// encodeFlushed is encode of two parts, of which the first can be decoded alone.
func encodeFlushed(t testing.TB, coding, first, second string) (string, string) {
	t.Helper()
	var out bytes.Buffer
	var w interface {
		io.WriteCloser
		Flush() error
	}
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "deflate":
		w = zlib.NewWriter(&out)
	case "br":
		w = brotli.NewWriter(&out)
	case "zstd":
		w, _ = zstd.NewWriter(&out)
	}
	io.WriteString(w, first)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	n := out.Len()
	io.WriteString(w, second)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()[:n], out.String()[n:]
}

// A bomb costs what its first bytes cost, and ends visibly.
func TestBombs(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	block := make([]byte, 1<<20)
	const blocks = 64
	for range blocks {
		if _, err := w.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	for _, protocol := range protocols {
		res, err := s.try(protocol, request{path: "/", header: navigation})
		if err != nil || res.err == nil || len(res.body) > 40<<20 {
			t.Errorf("over %s, %d of %d MiB arrived, %v, %v", protocol, len(res.body)>>20, blocks, err, res.err)
		}
	}
	if !strings.Contains(s.logged(t), "times its size") {
		t.Error("not in the log")
	}
}
