package integration_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// taggedApplication answers conditional requests as RFC 9110 says.
func taggedApplication(t testing.TB) *application {
	return newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Etag", `"v1"`)
		http.ServeContent(w, r, "", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), strings.NewReader(page))
	})
}

// A page that was kept under one choice is never revived under another, and the
// one that still holds is not sent twice.
func TestRevalidation(t *testing.T) {
	app := taggedApplication(t)
	for _, with := range []string{"", "encode\n"} {
		s := start(t, site(with+policy+"reverse_proxy "+app.addr))
		visitors := s.visitors(t)
		tags := make([]string, len(visitors))
		for i, v := range visitors {
			res := s.get(t, "/", "Cookie: "+v.preference)
			tags[i] = res.header.Get("Etag")
			if tags[i] == `"v1"` || tags[i] == "" {
				t.Errorf("%s: ETag %s of a rewritten page", v.name, tags[i])
			}
			if got := res.header.Get("Last-Modified"); got != "" {
				t.Errorf("%s: Last-Modified %s of a rewritten page", v.name, got)
			}
		}
		for i, v := range visitors {
			for j, tag := range tags {
				res := s.get(t, "/", "Cookie: "+v.preference, "If-None-Match: "+tag, "If-Modified-Since: Fri, 02 Jan 2026 03:04:05 GMT")
				same := v.preference == visitors[j].preference
				if revived := res.status == http.StatusNotModified; revived != same {
					t.Errorf("%s with the page of %s: status %d", v.name, visitors[j].name, res.status)
				}
				if res.status == http.StatusNotModified {
					if !strings.Contains(res.header.Get("Vary"), "Cookie") || res.header.Get("Etag") != tags[i] {
						t.Errorf("%s: 304 with Vary %q and ETag %s", v.name, res.header.Get("Vary"), res.header.Get("Etag"))
					}
					continue
				}
				checkInsertion(t, page, res.body)
				v.checkBanner(t, res.body)
			}
			// The application's own tag names a page that no browser has seen.
			if res := s.get(t, "/", "Cookie: "+v.preference, `If-None-Match: "v1"`); res.status != http.StatusOK {
				t.Errorf("%s with the application's own tag: status %d", v.name, res.status)
			}
		}
	}
}

// Every rewritten page says that it depends on the visitor, keeps what the
// application said where that is stricter, and may go into the back/forward
// cache.
func TestCacheControlOfPages(t *testing.T) {
	tests := []struct {
		application []string
		want        []string // directives that must be there
	}{
		{nil, []string{"private", "no-cache"}},
		{[]string{"Cache-Control: public, max-age=3600, s-maxage=7200", "CDN-Cache-Control: max-age=60", "Surrogate-Control: max-age=60"}, []string{"private", "no-cache"}},
		{[]string{"Cache-Control: no-store"}, []string{"no-store"}},
	}
	for _, test := range tests {
		app := newApplication(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Vary", "Accept-Encoding")
			for _, line := range test.application {
				name, value, _ := strings.Cut(line, ": ")
				w.Header().Set(name, value)
			}
			io.WriteString(w, page)
		})
		s := start(t, site(policy+"reverse_proxy "+app.addr))
		for _, v := range s.visitors(t) {
			res := s.get(t, "/", "Cookie: "+v.preference)
			control := strings.Join(res.header["Cache-Control"], ", ")
			directives := strings.FieldsFunc(control, func(r rune) bool { return r == ',' || r == ' ' })
			for _, want := range test.want {
				if !slices.Contains(directives, want) {
					t.Errorf("%s: Cache-Control %q lacks %s", v.name, control, want)
				}
			}
			if slices.Contains(directives, "public") || strings.Contains(control, "s-maxage") {
				t.Errorf("%s: Cache-Control %q lets shared caches store the page", v.name, control)
			}
			if !slices.Contains(test.want, "no-store") && slices.Contains(directives, "no-store") {
				t.Errorf("%s: Cache-Control %q keeps the page out of the back/forward cache", v.name, control)
			}
			if res.header.Get("Cdn-Cache-Control")+res.header.Get("Surrogate-Control") != "" {
				t.Errorf("%s: a cache in front is told otherwise: %v", v.name, res.header)
			}
			vary := strings.Join(res.header["Vary"], ", ")
			for _, name := range []string{"Cookie", "Sec-GPC", "Accept-Encoding"} {
				if !strings.Contains(vary, name) {
					t.Errorf("%s: Vary %q lacks %s", v.name, vary, name)
				}
			}
		}
	}
}
