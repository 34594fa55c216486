package cookieconsent

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// BenchmarkPage measures what the handler adds to a page of 12 KB that comes in two
// pieces, as a proxy reads it, for a visitor who has yet to choose and for one who
// agreed to everything.
func BenchmarkPage(b *testing.B) {
	page := bytes.NewBufferString("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>A page</title></head><body>")
	for i := 0; page.Len() < 12<<10; i++ {
		fmt.Fprintf(page, "<p>Some words about <a href=\"/page/%d\">a page</a> and what can be found there, long enough to be a paragraph of an article.</p>\n", i)
	}
	length := []string{fmt.Sprint(page.Len())}
	cookies := []string{"sessionid=8c1f; Path=/; HttpOnly", "_pk_id=6c2; Path=/; Expires=Wed, 09 Jun 2027 10:18:14 GMT", "last_seen=1; Path=/"}
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
		h := w.Header()
		h["Content-Type"] = []string{"text/html; charset=utf-8"}
		h["Content-Length"] = length
		h["Etag"] = []string{`"abc"`}
		h["Cache-Control"] = []string{"max-age=60"}
		h["Set-Cookie"] = cookies
		for _, piece := range [][]byte{page.Bytes()[:3600], page.Bytes()[3600:]} {
			if _, err := w.Write(piece); err != nil {
				return err
			}
		}
		return nil
	})
	for _, choice := range []consent.Method{"", consent.AcceptAll} {
		b.Run("choice="+string(choice), func(b *testing.B) {
			h := newTestHandler(b, &Handler{Services: declaredStatistics()})
			line := "sessionid=8c1f; _pk_id=6c2; last_seen=1"
			if choice != "" {
				line += "; " + h.CookieName + "=" + preferenceValue(b, h, consent.Choice{Method: choice})
			}
			r := newTestRequest(http.MethodGet, "https://site.example/page")
			r.Header["Sec-Fetch-Dest"] = []string{"document"}
			r.Header["Accept-Language"] = []string{"en-GB,en;q=0.5"}
			vars := map[string]any{}
			ctx := context.WithValue(r.Context(), caddyhttp.VarsCtxKey, vars)
			r = r.WithContext(context.WithValue(ctx, caddy.ReplacerCtxKey, nil))
			w := &discard{header: make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				clear(vars)
				w.reset()
				r.Header["Cookie"] = []string{line}
				if err := h.ServeHTTP(w, r, next); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// preferenceValue returns the value of a preference cookie for the test site.
func preferenceValue(tb testing.TB, h *Handler, c consent.Choice) string {
	tb.Helper()
	key, err := h.keys.signing()
	if err != nil {
		tb.Fatal(err)
	}
	x := h.newExchange(newTestRequest(http.MethodGet, "https://site.example/"), nil)
	pref, err := h.policy.Choose(c, time.Now(), false)
	if err != nil {
		tb.Fatal(err)
	}
	value, err := h.policy.EncodePreference(pref, x.site, key)
	if err != nil {
		tb.Fatal(err)
	}
	return value
}
