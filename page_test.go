package cookieconsent

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/cookieconsent/caddy-cookie-consent/consent/charset"
)

// pageResponse is a response to a navigation, written in pieces of so many bytes.
func pageResponse(t testing.TB, h *Handler, header http.Header, body string, size int) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	err := h.ServeHTTP(w, navigation(newTestRequest(http.MethodGet, "https://site.example/")), respond(func(w http.ResponseWriter) error {
		for key, lines := range header {
			w.Header()[key] = slices.Clone(lines)
		}
		w.WriteHeader(http.StatusOK)
		for p := range slices.Chunk([]byte(body), size) {
			if _, err := w.Write(p); err != nil {
				return err
			}
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func inUTF16(s string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		b.WriteByte(byte(u))
		b.WriteByte(byte(u >> 8))
	}
	return b.String()
}

// However a body is split, the response is the same: in its bytes, and in what the
// header says of them.
func TestPagesInPieces(t *testing.T) {
	const page = "<!doctype html><html><head><title>é</title></head><body><p>words</body></html>"
	html := func(charset string) http.Header { return http.Header{"Content-Type": {"text/html" + charset}} }
	for _, c := range []struct {
		name        string
		header      http.Header
		body        string
		contentType string
		banner      bool
		contains    string
	}{
		{"UTF-8", html("; charset=utf-8"), page, "text/html; charset=utf-8", true, "<title>é</title>"},
		{"UTF-8 with a mark", html(""), "\xef\xbb\xbf" + page, "text/html", true, "\xef\xbb\xbf<!doctype"},
		{"UTF-16", html("; charset=utf-16"), inUTF16(page), "text/html; charset=utf-8", true, "<title>é</title>"},
		{"UTF-16 with a mark", html("; charset=latin1"), inUTF16("\ufeff" + page), "text/html; charset=utf-8", true, "\ufeff<!doctype html>"},
		{"charset that is not read", html("; charset=iso-2022-kr"), page, "text/html; charset=iso-2022-kr", false, page},
		{"nothing declared", html(""), page + "\x1b$B4A\x1b(B", "text/html", false, "<p>words</body></html>\x1b$B4A\x1b(B"},
		{"ISO-2022-JP", html("; charset=iso-2022-jp"), "<!doctype html><title>\x1b$B</title><body>\x1b(B</title><body>\x1b$B4A", "text/html; charset=iso-2022-jp", true, "\x1b$B</title><body>\x1b(B</title><body><"},
		{"ISO-2022-JP by a late meta", html(""), "<!doctype html><!--" + strings.Repeat("-", 2000) + "--><meta charset=iso-2022-jp><title>\x1b$B</title><body>\x1b(B</title><body>", "text/html", true, "\x1b$B</title><body>\x1b(B</title><body><"},
		{"ISO-2022-JP by a meta behind it", html(""), "<!doctype html><title>\x1b$B4A\x1b(B</title><meta charset=iso-2022-jp>\x1b$B<body>\x1b(B<p>", "text/html", true, "<meta charset=iso-2022-jp><"},
		{"escape sequences in another charset", html(""), "<!doctype html><meta charset=utf-8><title>\x1b$B</title><body>x", "text/html", true, "\x1b$B</title><body><"},
		{"JSON", html(""), " \n{ \"a\": \"<p>\"}", "text/html", false, " \n{ \"a\": \"<p>\"}"},
		{"no JSON", html(""), " \n{ name }", "text/html", true, "{ name }"},
		{"unknown type", http.Header{"Content-Type": {"*/*"}}, page, "*/*", true, "<p>words"},
		{"gzip", http.Header{"Content-Type": {"text/html"}, "Content-Encoding": {"gzip"}, "Content-Length": {strconv.Itoa(len(encoded(t, []byte(page), "gzip")))}}, string(encoded(t, []byte(page), "gzip")), "text/html", true, "<p>words"},
		{"gzip in UTF-16", http.Header{"Content-Type": {"text/html"}, "Content-Encoding": {"gzip"}}, string(encoded(t, []byte(inUTF16("\ufeff"+page)), "gzip")), "text/html; charset=utf-8", true, "<p>words"},
		{"gzip without a type", http.Header{"Content-Encoding": {"gzip"}}, string(encoded(t, []byte(page), "gzip")), "", true, "<p>words"},
		{"nothing", html(""), "", "text/html", true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var whole string
			for _, size := range []int{1 << 20, 1, 2, 3, 7, 64} {
				w := pageResponse(t, newTestHandler(t, &Handler{}), c.header, c.body, size)
				got := w.Body.String()
				if whole == "" {
					whole = got
				}
				banner := strings.Contains(got, `id="cookie-consent-form"`)
				if got != whole || banner != c.banner || !strings.Contains(got, c.contains) {
					t.Errorf("in pieces of %d bytes: banner %v, want %v, in %d bytes, else %d", size, banner, c.banner, len(got), len(whole))
				}
				if got := w.Header().Get("Content-Type"); got != c.contentType || w.Header().Get("Content-Encoding") != "" {
					t.Errorf("in pieces of %d bytes: %q", size, w.Header())
				}
				if n := w.Header().Get("Content-Length"); n != "" && n != strconv.Itoa(len(got)) {
					t.Errorf("in pieces of %d bytes: the length is %s, not %d", size, n, len(got))
				}
			}
		})
	}
}

// A response that can't be decoded is refused as long as nothing is sent, without
// what its header says of it, and without cookies.
func TestRefusedPages(t *testing.T) {
	for name, next := range map[string]caddyhttp.HandlerFunc{
		"a handler that returns the error": func(w http.ResponseWriter, _ *http.Request) error {
			_, err := w.Write([]byte("<!doctype html>"))
			return err
		},
		"a handler that ignores it": func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = w.Write([]byte("<!doctype html>"))
			_ = http.NewResponseController(w).Flush()
			return nil
		},
		"a handler that panics": func(w http.ResponseWriter, _ *http.Request) error {
			if _, err := w.Write([]byte("<!doctype html>")); err == nil {
				t.Error("it can be written")
			}
			panic(http.ErrAbortHandler)
		},
		"a body that ends too early": func(w http.ResponseWriter, _ *http.Request) error {
			_, err := w.Write([]byte("\x1f\x8b\x08"))
			return err
		},
	} {
		w := httptest.NewRecorder()
		err := newTestHandler(t, &Handler{}).ServeHTTP(w, navigation(newTestRequest(http.MethodGet, "https://site.example/")), caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			w.Header()["Content-Type"] = []string{"text/html"}
			w.Header()["Content-Encoding"] = []string{"gzip"}
			w.Header()["Etag"] = []string{`"1"`}
			w.Header()["Content-Security-Policy"] = []string{"default-src 'self'"} // the site's, not the page's
			w.Header()["Set-Cookie"] = []string{"_ga=1", "sessionid=2"}
			return next(w, r)
		}))
		handlerErr, ok := errors.AsType[caddyhttp.HandlerError](err)
		if !ok || handlerErr.StatusCode != http.StatusBadGateway {
			t.Errorf("%s: %v", name, err)
		}
		if h := w.Header(); h["Content-Type"] != nil || h["Content-Encoding"] != nil || h["Etag"] != nil || h["Content-Security-Policy"] == nil || !slices.Equal(h["Set-Cookie"], []string{"sessionid=2"}) || w.Body.Len() > 0 {
			t.Errorf("%s: %q, body %q", name, h, w.Body)
		}
	}
}

// A panic that is not ours passes.
func TestForeignPanics(t *testing.T) {
	for _, coding := range []string{"dcb", "identity"} {
		func() {
			defer func() {
				if p := recover(); p != "foreign" {
					t.Errorf("%s: recovered %v", coding, p)
				}
			}()
			_ = newTestHandler(t, &Handler{}).ServeHTTP(httptest.NewRecorder(), navigation(newTestRequest(http.MethodGet, "https://site.example/")), respond(func(w http.ResponseWriter) error {
				w.Header().Set("Content-Type", "text/html")
				w.Header().Set("Content-Encoding", coding)
				w.WriteHeader(http.StatusOK)
				panic("foreign")
			}))
		}()
	}
}

// What a coded page in flight needs is bounded, whatever it decodes to.
func TestMemoryOfCodedPages(t *testing.T) {
	const pages = 20
	h := newTestHandler(t, &Handler{})
	plain := []byte("<!doctype html><body>" + strings.Repeat("<p>A page with several paragraphs.</p>\n", 1<<17))
	for coding, most := range map[string]int64{"gzip": 256 << 10, "deflate": 256 << 10, "br": 8 << 20, "zstd": 16 << 20} {
		body := encoded(t, plain, coding)
		var before, during runtime.MemStats
		runtime.GC() // what earlier pages left in pools goes in two steps
		runtime.GC()
		runtime.GC() // what pools kept for the first
		runtime.ReadMemStats(&before)
		var open []*pageWriter
		for range pages {
			r := navigation(newTestRequest(http.MethodGet, "https://site.example/"))
			x := h.newExchange(r, nil)
			w := &discard{header: http.Header{"Content-Type": {"text/html"}}}
			b := newPageWriter(w, pageOutput{&responseWriter{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: w}}}, x, "", []string{coding}, false)
			b.begin = func(bool, charset.Encoding) {}
			if _, err := b.Write(body[:len(body)/2]); err != nil {
				t.Fatal(err)
			}
			open = append(open, b)
		}
		runtime.GC()
		runtime.ReadMemStats(&during)
		each := (int64(during.HeapAlloc+during.StackInuse) - int64(before.HeapAlloc+before.StackInuse)) / pages
		t.Logf("%s: %d KiB a page of %d MiB", coding, each>>10, len(plain)>>20)
		if each > most {
			t.Errorf("%s: %d KiB a page, want at most %d", coding, each>>10, most>>10)
		}
		for _, b := range open {
			b.release()
		}
	}
}

func TestNarrowCodings(t *testing.T) {
	for lines, want := range map[string]string{
		"gzip, deflate, br, zstd": "gzip, deflate, br, zstd", "gzip, deflate, br, zstd, dcb, dcz": "gzip, deflate, br, zstd",
		"GZIP;q=0.5 , x-gzip": "GZIP;q=0.5 , x-gzip", "br ;q=1, sdch": "br ;q=1", "identity;q=0, *": "identity;q=0",
		"*": "identity", "compress": "identity", "": "", ",": ",", "gzip|dcb|br": "gzip, br", "gzip|br": "gzip|br",
	} {
		if got := strings.Join(narrowCodings(strings.Split(lines, "|")), "|"); got != want {
			t.Errorf("%q is narrowed to %q, want %q", lines, got, want)
		}
	}
	lines := []string{"br, gzip"}
	if got := narrowCodings(lines); &got[0] != &lines[0] {
		t.Error("what needs no change is copied")
	}
}
