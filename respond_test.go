package cookieconsent

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// navigation makes a request look like that of a browser that opens a page.
func navigation(r *http.Request) *http.Request {
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	return r
}

func respond(write func(w http.ResponseWriter) error) caddyhttp.Handler {
	return caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error { return write(w) })
}

func TestErrorsCarryNoCookies(t *testing.T) {
	h := newTestHandler(t, &Handler{})
	w := httptest.NewRecorder()
	failure := errors.New("no upstream")
	err := h.ServeHTTP(w, newTestRequest(http.MethodGet, "https://site.example/"), respond(func(w http.ResponseWriter) error {
		w.Header().Add("Set-Cookie", "_ga=1")
		return failure
	}))
	if !errors.Is(err, failure) || len(w.Header()["Set-Cookie"]) > 0 {
		t.Errorf("error %v with %q", err, w.Header()["Set-Cookie"])
	}
}

// Header maps are ordinary maps: their keys may be spelled in other ways than
// net/http spells them, and net/http sends them as they are.
func TestHeaderKeysInAnyCase(t *testing.T) {
	h := newTestHandler(t, &Handler{})
	for name, write := range map[string]func(w http.ResponseWriter) error{
		"page":    func(w http.ResponseWriter) error { _, err := w.Write([]byte("<html><body>")); return err },
		"interim": func(w http.ResponseWriter) error { w.WriteHeader(http.StatusEarlyHints); return nil },
		"nothing": func(http.ResponseWriter) error { return nil },
		"flush":   func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
		"error":   func(http.ResponseWriter) error { return errors.New("failed") },
	} {
		w := httptest.NewRecorder()
		for _, key := range []string{"Set-Cookie", "set-cookie", "SET-COOKIE"} {
			w.Header()[key] = []string{"_ga=1", "sessionid=2"}
		}
		_ = h.ServeHTTP(w, navigation(newTestRequest(http.MethodGet, "https://site.example/")), respond(write))
		for _, key := range []string{"Set-Cookie", "set-cookie", "SET-COOKIE"} {
			if lines := w.Header()[key]; !slices.Equal(lines, []string{"sessionid=2"}) {
				t.Errorf("%s: %s: %q", name, key, lines)
			}
		}
	}
}

func TestEndpointsCarryNoCookiesOfOthers(t *testing.T) {
	h := newTestHandler(t, &Handler{})
	for _, path := range []string{"", "state.json", "declaration.json", "nothing"} {
		w := httptest.NewRecorder()
		w.Header().Add("Set-Cookie", "_ga=1")
		if err := h.ServeHTTP(w, newTestRequest(http.MethodGet, "https://site.example"+h.Prefix+path), nil); err != nil {
			t.Fatal(err)
		}
		if lines := w.Header()["Set-Cookie"]; len(lines) > 0 {
			t.Errorf("%q answers with %q", path, lines)
		}
	}
}

func TestEnforcingInsideOfObserving(t *testing.T) {
	outer := newTestHandler(t, &Handler{Mode: modeObserve})
	inner := newTestHandler(t, &Handler{})
	w := httptest.NewRecorder()
	r := newTestRequest(http.MethodGet, "https://site.example/")
	r.Header.Set("Cookie", "_ga=1; sessionid=2")
	seen := ""
	err := outer.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return inner.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			seen = r.Header.Get("Cookie")
			w.Header().Add("Set-Cookie", "_ga=1")
			w.WriteHeader(http.StatusNoContent)
			return nil
		}))
	}))
	if err != nil || seen != "sessionid=2" || len(w.Header()["Set-Cookie"]) > 0 {
		t.Errorf("error %v, the application saw %q, the visitor got %q", err, seen, w.Header()["Set-Cookie"])
	}
}

// The same address as frame, fetch or page: what one kept may not be shown as another.
func TestPagesForOtherViewsAreNotKept(t *testing.T) {
	h := newTestHandler(t, &Handler{})
	r := newTestRequest(http.MethodGet, "https://site.example/")
	r.Header.Set("Sec-Fetch-Dest", "iframe")
	w := httptest.NewRecorder()
	err := h.ServeHTTP(w, r, respond(func(w http.ResponseWriter) error {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Cache-Control", "public, max-age=600")
		w.Header().Set("CDN-Cache-Control", "max-age=600")
		w.Header().Set("X-Accel-Expires", "600")
		_, err := w.Write([]byte("<!doctype html>"))
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	header := w.Result().Header
	if !isPrivate(header) || !strings.Contains(strings.Join(header["Vary"], ","), "Sec-Fetch-Dest") ||
		header.Get("CDN-Cache-Control") != "" || header.Get("X-Accel-Expires") != "" {
		t.Errorf("a frame may be kept and shown as a page: %v", header)
	}
	if strings.Contains(w.Body.String(), "<div") {
		t.Errorf("a frame got a banner: %q", w.Body)
	}
}

func TestBytesAfterGzipAreIgnored(t *testing.T) {
	page := []byte("<!doctype html><body>page")
	for _, tail := range []string{"", "\n", "\x00\x00\x00\x00", "garbage", string(encoded(t, []byte("more"), "gzip"))} {
		var body bytes.Buffer
		zw := gzip.NewWriter(&body)
		_, _ = zw.Write(page)
		_ = zw.Close()
		body.WriteString(tail)
		var out bytes.Buffer
		d := newDecoder([]string{"gzip"}, &out)
		if err := d.Write(body.Bytes()); err != nil {
			t.Errorf("before %q: %v", tail, err)
		}
		if err := d.Close(); err != nil || !bytes.Equal(out.Bytes(), page) {
			t.Errorf("before %q: %q, %v", tail, out.Bytes(), err)
		}
		d.stop()
	}
}

func TestPageBeforeAnErrorIsSent(t *testing.T) {
	h := newTestHandler(t, &Handler{})
	failure := errors.New("too late")
	w := httptest.NewRecorder()
	err := h.ServeHTTP(w, navigation(newTestRequest(http.MethodGet, "https://site.example/")), respond(func(w http.ResponseWriter) error {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><body>page"))
		return failure
	}))
	if !errors.Is(err, failure) || !strings.Contains(w.Body.String(), "page") {
		t.Errorf("error %v with the body %q", err, w.Body)
	}
}

func TestWriteAfterTheHandlerReturned(t *testing.T) {
	h := newTestHandler(t, &Handler{})
	var late http.ResponseWriter
	err := h.ServeHTTP(httptest.NewRecorder(), navigation(newTestRequest(http.MethodGet, "https://site.example/")), respond(func(w http.ResponseWriter) error {
		late = w
		w.Header().Set("Content-Type", "text/html")
		_, err := w.Write([]byte("<body>"))
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late.Write([]byte("late")); err == nil {
		t.Error("a write after the response succeeds")
	}
}

// Which Content-Type makes browsers look at the body, and what is a page then.
func TestUselessContentTypesAreSniffed(t *testing.T) {
	h := newTestHandler(t, &Handler{})
	for contentType, page := range map[string]bool{
		"": true, "unknown/unknown": true, "application/unknown": true, "*/*": true, "text": true, "html": true, ";charset=utf-8": true,
		"text/html": true, "text/plain, text/html": true, "TEXT/HTML; charset=latin1": true,
		"text/plain": false, "text/html, text/plain": false, "application/octet-stream": false, "image/svg+xml": false, "application/xhtml+xml": false,
		"text/html; charset=iso-2022-kr": false, "text/html; charset='utf-16'": true,
	} {
		w := httptest.NewRecorder()
		err := h.ServeHTTP(w, navigation(newTestRequest(http.MethodGet, "https://site.example/")), respond(func(w http.ResponseWriter) error {
			w.Header()["Content-Type"] = []string{contentType}
			_, err := w.Write([]byte("<!doctype html><html><body>page"))
			return err
		}))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(w.Body.String(), `id="cookie-consent"`); got != page {
			t.Errorf("Content-Type %q: banner %t, want %t", contentType, got, page)
		}
	}
}

// A document is told from what programs fetch by what browsers always say.
func TestViews(t *testing.T) {
	for _, test := range []struct {
		header string
		want   view
	}{
		{"", viewPossible},
		{"Accept: */*", viewPossible},
		{"Accept: text/html", viewDocument},
		{"Accept: text/html,application/xhtml+xml,*/*;q=0.8", viewDocument},
		{"Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", viewPossible},
		{"Accept: application/json", viewOther},
		{"Accept: text/html,application/xhtml+xml\nX-Requested-With: XMLHttpRequest", viewOther},
		{"Sec-Fetch-Dest: document", viewDocument},
		{"Sec-Fetch-Dest: iframe\nAccept: text/html,application/xhtml+xml", viewFrame},
		{"Sec-Fetch-Dest: empty\nAccept: text/html,application/xhtml+xml", viewOther},
		{"Sec-Fetch-Dest: empty\nSec-Purpose: prefetch", viewDocument},
		{"Sec-Fetch-Dest: empty\nSec-Fetch-Mode: navigate", viewDocument}, // by a service worker
		{"Sec-Fetch-Dest: empty\nSec-Fetch-Mode: cors", viewOther},
		{"Sec-Fetch-Dest: document\nUpgrade: websocket", viewOther},
	} {
		r := httptest.NewRequest(http.MethodGet, "https://site.example/", nil)
		for line := range strings.Lines(test.header) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			r.Header.Set(name, value)
		}
		if got := viewOf(r); got != test.want {
			t.Errorf("%q is view %d, want %d", test.header, got, test.want)
		}
	}
}

// A preconditioned write keeps its condition, whatever its Accept says.
func TestConditionsOfWritesStay(t *testing.T) {
	h := newTestHandler(t, &Handler{})
	r := navigation(newTestRequest(http.MethodPut, "https://site.example/"))
	r.Header.Set("If-None-Match", "*")
	r.Header.Set("If-Match", `"abc"`)
	r.Header.Set("If-Modified-Since", "Mon, 23 Nov 2026 08:00:00 GMT")
	err := h.ServeHTTP(httptest.NewRecorder(), r, caddyhttp.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
		for name, want := range map[string]string{"If-None-Match": "*", "If-Match": `"abc"`, "If-Modified-Since": "Mon, 23 Nov 2026 08:00:00 GMT"} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s became %q", name, got)
			}
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
}

// What clients make up must not silence the warning that a log-in is broken.
func TestLoginWarningIsNotSilenced(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	h := newTestHandler(t, &Handler{})
	h.notices = newNotices(zap.New(core), h.catalog)
	for i := range 2 * maxNotices {
		r := newTestRequest(http.MethodGet, "https://site.example/")
		r.Header.Set("Cookie", "MYSESS=1; made_up_"+strings.Repeat("x", i)+"=1")
		if err := h.ServeHTTP(httptest.NewRecorder(), r, respond(func(http.ResponseWriter) error { return nil })); err != nil {
			t.Fatal(err)
		}
	}
	told := logs.Len()
	if told > maxNotices+1 {
		t.Errorf("%d notices about cookies of requests", told)
	}
	err := h.ServeHTTP(httptest.NewRecorder(), newTestRequest(http.MethodPost, "https://site.example/login"), respond(func(w http.ResponseWriter) error {
		w.Header().Set("Set-Cookie", "MYSESS=1; HttpOnly; Path=/")
		w.WriteHeader(http.StatusFound)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	last := logs.All()[logs.Len()-1]
	if logs.Len() != told+1 || !strings.Contains(last.Message, "log-in is probably broken") || last.ContextMap()["category"] != consent.FirstParty {
		t.Errorf("the last of %d notices is %q %v", logs.Len(), last.Message, last.ContextMap())
	}
	if declaration := last.ContextMap()["declaration"]; !strings.HasPrefix(declaration.(string), "cookie MYSESS {\n\tcategory necessary\n") {
		t.Errorf("the lines to paste are %q", declaration)
	}
}
