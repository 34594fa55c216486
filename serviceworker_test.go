package cookieconsent

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// The script of a service worker is the application's, byte by byte, and then the line;
// what is none, or can't be read, has no line.
func TestLineOfServiceWorkers(t *testing.T) {
	h := newTestHandler(t, &Handler{})
	const script = `"use strict"; skipWaiting() // end`
	for _, test := range []struct {
		desc   string
		asked  string // the value of Service-Worker
		header map[string]string
		status int
		line   bool
	}{
		{"a service worker", "script", nil, http.StatusOK, true},
		{"another script", "", nil, http.StatusOK, false},
		{"coded", "script", map[string]string{"Content-Encoding": "br"}, http.StatusOK, false},
		{"no script", "script", map[string]string{"Content-Type": "application/json"}, http.StatusOK, false},
		{"not found", "script", nil, http.StatusNotFound, false},
	} {
		r := newTestRequest(http.MethodGet, "https://site.example/worker.js")
		r.Header.Set("Accept-Encoding", "gzip, deflate, br, zstd")
		r.Header.Set("If-None-Match", `"1"`)
		if test.asked != "" {
			r.Header.Set("Service-Worker", test.asked)
			r.Header.Set("Sec-Fetch-Dest", "serviceworker")
		}
		w := httptest.NewRecorder()
		if err := h.ServeHTTP(w, r, respond(func(w http.ResponseWriter) error {
			w.Header().Set("Content-Type", "text/javascript")
			w.Header().Set("Content-Length", "33")
			w.Header().Set("Etag", `"1"`)
			for name, value := range test.header {
				w.Header().Set(name, value)
			}
			w.WriteHeader(test.status)
			_, err := w.Write([]byte(script))
			return err
		})); err != nil {
			t.Fatal(err)
		}
		want := script
		if test.line {
			want += string(workerLine(h.Prefix))
		}
		if got := w.Body.String(); got != want {
			t.Errorf("%s: the body is %q, want %q", test.desc, got, want)
		}
		if kept := w.Header().Get("Etag") != "" && w.Header().Get("Content-Length") != ""; kept == test.line {
			t.Errorf("%s: the header %v is of the bytes of the application: %t", test.desc, w.Header(), kept)
		}
		if asked := test.asked != ""; asked && (r.Header["If-None-Match"] != nil || r.Header.Get("Accept-Encoding") != "identity") {
			t.Errorf("%s: the application is asked by %v", test.desc, r.Header)
		}
	}
}
