package cookieconsent

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/cookie"
)

// newTestHandler returns a handler as Provision leaves it, with a key of its own. It
// always asks, unless it is told otherwise.
func newTestHandler(t testing.TB, h *Handler) *Handler {
	t.Helper()
	if h.Banner == "" {
		h.Banner = bannerAlways
	}
	h.setDefaults()
	if err := h.compile(); err != nil {
		t.Fatal(err)
	}
	h.logger = zap.NewNop()
	h.keys = newKeyring(&certmagic.FileStorage{Path: t.TempDir()}, nil, h.logger)
	h.unasked = h.policy.Decide(nil, false)
	h.preferences = newPreferenceCache()
	h.admissions = new(admissions)
	h.notices = newNotices(h.logger, h.catalog)
	h.asking = newAsking(h)
	h.counters = newCategoryCounters(h.policy)
	h.edition = h.banner.Edition()
	return h
}

// newTestRequest returns a request as Caddy's server hands it to handlers.
func newTestRequest(method, target string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	return caddyhttp.PrepareRequest(r, caddy.NewReplacer(), nil, &caddyhttp.Server{})
}

func declaredStatistics() []consent.Service {
	return []consent.Service{{
		ID: "visits", Category: consent.Statistics, Provider: "This site",
		Purpose: consent.Text{"": "Counts visits"}, Cookies: []string{"_pk_*"},
	}}
}

func TestPlaceholders(t *testing.T) {
	h := newTestHandler(t, &Handler{Services: declaredStatistics()})
	r := newTestRequest(http.MethodGet, "https://site.example/")
	h.newExchange(r, nil)
	repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	got := repl.ReplaceAll("{http.cookie_consent.state} {http.cookie_consent.necessary} {http.cookie_consent.statistics} [{http.cookie_consent.nothing}]", "")
	if want := "not_asked granted not_asked []"; got != want {
		t.Errorf("placeholders give %q, want %q", got, want)
	}
}

func TestMatcherOnlyBehindTheHandler(t *testing.T) {
	h := newTestHandler(t, &Handler{})
	r := newTestRequest(http.MethodGet, "https://site.example/")
	m := MatchConsent{consent.Necessary}
	if m.Match(r) {
		t.Error("the matcher matches before the handler")
	}
	h.newExchange(r, nil)
	if !m.Match(r) {
		t.Error("the matcher does not match behind the handler")
	}
	told, logs := observer.New(zap.WarnLevel)
	h.notices = newNotices(zap.New(told), h.catalog)
	if (MatchConsent{consent.Statistics}).Match(r) || logs.Len() > 0 {
		t.Error("the matcher matches, or complains of, a category that the visitor was not asked for")
	}
	for range 2 {
		if (MatchConsent{"statistic"}).Match(r) || logs.FilterField(zap.String("category", "statistic")).Len() != 1 {
			t.Errorf("a category that does not exist: %v", logs.All())
		}
	}
	if (MatchConsent{consent.Necessary, consent.Statistics}).Match(r) || (MatchConsent{}).Match(r) {
		t.Error("the matcher matches what nobody agreed to")
	}
}

func TestPassHeaderCannotBeForged(t *testing.T) {
	h := newTestHandler(t, &Handler{PassHeader: "X-Consent"})
	for _, mode := range []string{modeEnforce, modeObserve, modeOff} {
		h.Mode = mode
		r := newTestRequest(http.MethodGet, "https://site.example/")
		for _, name := range []string{"X-Consent", "X_Consent", "x-consent", "X_CONSENT"} {
			r.Header[name] = []string{"statistics=granted"}
		}
		var seen http.Header
		next := caddyhttp.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
			seen = r.Header.Clone()
			return nil
		})
		if err := h.ServeHTTP(httptest.NewRecorder(), r, next); err != nil {
			t.Fatal(err)
		}
		for name, lines := range seen {
			if strings.Contains(strings.ToLower(name), "consent") && strings.Contains(fmt.Sprint(lines), "statistics=granted") {
				t.Errorf("mode %s: the application sees the client's %s: %s", mode, name, lines)
			}
		}
		if want := "necessary=granted, statistics=not_asked, first_party=not_asked, third_party=not_asked"; mode == modeEnforce && seen.Get("X-Consent") != want {
			t.Errorf("the application sees %q, want %q", seen.Get("X-Consent"), want)
		}
	}
}

// discard is a response writer that costs nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}
func (d *discard) reset()                      { clear(d.header) }

// BenchmarkDecideAndFilter measures what twenty cookies cost in both directions
// where all of them may pass: to decide about each, and to look for what has to be
// cut out.
func BenchmarkDecideAndFilter(b *testing.B) {
	h := newTestHandler(b, &Handler{Services: declaredStatistics()})
	x := h.newExchange(newTestRequest(http.MethodGet, "https://site.example/"), nil)
	pref, err := h.policy.Choose(consent.Choice{Method: consent.AcceptAll}, time.Now(), false)
	if err != nil {
		b.Fatal(err)
	}
	names := []string{"sessionid", "csrftoken", "django_language", "PHPSESSID", "AWSALB"}
	for len(names) < 20 {
		names = append(names, fmt.Sprintf("_pk_id.%d", len(names)), fmt.Sprintf("unknown_%d", len(names)))
	}
	names = names[:20]
	header := http.Header{"Cache-Control": {"private"}, "Content-Type": {"image/png"}}
	for _, name := range names {
		header["Set-Cookie"] = append(header["Set-Cookie"], name+"=0123456789abcdef; Path=/; HttpOnly; SameSite=Lax")
	}
	lines := []string{strings.Join(names, "=0123456789abcdef; ") + "=0123456789abcdef"}
	b.ReportAllocs()
	for b.Loop() {
		x.decision = h.policy.Decide(pref, false)
		if kept := cookie.FilterCookie(lines, x.keepRequestCookie, x.droppedRequestCookie); len(kept[0]) != len(lines[0]) {
			b.Fatal(kept)
		}
		x.filterSetCookies(header, http.MethodGet)
	}
	if len(header["Set-Cookie"]) != len(names) {
		b.Fatal(header)
	}
}

// BenchmarkNotHTML measures what the handler adds to a response that it only has
// to look at the header of. Of the allocations two are the application's. The request
// has no replacer, which would collect the placeholders of all its repetitions.
func BenchmarkNotHTML(b *testing.B) {
	for _, cookies := range []int{0, 5, 20} {
		b.Run(fmt.Sprintf("cookies=%d", cookies), func(b *testing.B) {
			h := newTestHandler(b, &Handler{Services: declaredStatistics()})
			r := newTestRequest(http.MethodGet, "https://site.example/image.png")
			r.Header["Sec-Fetch-Dest"] = []string{"image"}
			line := h.CookieName + "=" + preferenceValue(b, h, consent.Choice{Method: consent.AcceptAll})
			var set []string
			for i := range cookies {
				line = fmt.Sprintf("%s; _pk_%d=value-%d", line, i, i)
				set = append(set, fmt.Sprintf("_pk_%d=value-%d; Path=/", i, i))
			}
			w := &discard{header: make(http.Header)}
			next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
				w.Header()["Content-Type"] = []string{"image/png"}
				w.Header()["Cache-Control"] = []string{"private"}
				w.Header()["Set-Cookie"] = set
				_, err := w.Write(nil)
				return err
			})
			vars := map[string]any{}
			ctx := context.WithValue(r.Context(), caddyhttp.VarsCtxKey, vars)
			r = r.WithContext(context.WithValue(ctx, caddy.ReplacerCtxKey, nil))
			cookieHeader := []string{line}
			b.ReportAllocs()
			for b.Loop() {
				clear(vars)
				w.reset()
				r.Header["Cookie"] = cookieHeader
				if err := h.ServeHTTP(w, r, next); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
