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

// The backend is asked for pages without a coding, and for anything else as the
// browser asked.
func TestAcceptEncodingToTheBackend(t *testing.T) {
	app := statusApplication(t)
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	const accept = "Accept-Encoding: gzip, br, zstd, dcb, dcz"
	s.get(t, "/", accept)
	if got := app.requests()[0].Header.Get("Accept-Encoding"); got != "identity" {
		t.Errorf("for a page the backend was asked for %q", got)
	}
	s.do(t, h1, request{path: "/", header: append([]string{accept}, subresource...)})
	if got := app.requests()[0].Header.Get("Accept-Encoding"); "Accept-Encoding: "+got != accept {
		t.Errorf("for a subresource the backend was asked for %q", got)
	}
}

// A page in a coding that no one can undo passes as it is, with a warning and
// without the cookies that wait for consent.
func TestUnreadableCodings(t *testing.T) {
	const unreadable = "\xff\x44\x43\x42 no one can read this"
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		setCookies(w, allCookies...)
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", strings.TrimPrefix(r.URL.Path, "/"))
		io.WriteString(w, unreadable)
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	for _, coding := range []string{"dcb", "compress", "unheard-of"} {
		res := s.get(t, "/"+coding)
		if res.status != http.StatusOK || res.body != unreadable || res.header.Get("Content-Encoding") != coding {
			t.Errorf("%s: status %d, body %q", coding, res.status, res.body)
		}
		visitor{allowed: []string{sessionCookie, csrfCookie}}.checkCookies(t, res.cookies())
		if !strings.Contains(s.logged(t), coding) {
			t.Errorf("%s: no warning", coding)
		}
	}
}

// A coded page that is cut off or damaged never arrives as if it were whole.
func TestDamagedCodedPages(t *testing.T) {
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		whole := encode(t, coding, longPage)
		app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Encoding", coding)
			io.WriteString(w, whole[:len(whole)/2])
		})
		s := start(t, site(policy+"reverse_proxy "+app.addr))
		for _, protocol := range protocols {
			t.Run(coding+"/"+protocol, func(t *testing.T) {
				res, err := s.try(protocol, request{path: "/", header: navigation})
				if err == nil && res.err == nil && res.status == http.StatusOK {
					t.Errorf("half a page arrived as a whole one of %d bytes", len(res.body))
				}
			})
		}
	}
}
