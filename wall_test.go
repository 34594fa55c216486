package cookieconsent

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// walledHandler has a service of another site and one at paths of this site.
func walledHandler(tb testing.TB, h *Handler) *Handler {
	tb.Helper()
	h.Services = []consent.Service{
		{ID: "video", Category: consent.ThirdParty, Provider: "Video", Purpose: consent.Text{"": "Shows films"}, Hosts: []string{"*.video.example"}},
		{ID: "counter", Category: consent.Statistics, Provider: "This site", Purpose: consent.Text{"": "Counts visits"}, Paths: []string{"/counter/*"}},
	}
	return newTestHandler(tb, h)
}

// answered is what a visitor gets for a request, with the given header lines and
// choice; reached is whether the application was asked.
func answered(t *testing.T, h *Handler, target string, lines []string, choice *consent.Choice, answer http.Header, body string) (w *httptest.ResponseRecorder, reached bool) {
	t.Helper()
	r := newTestRequest(http.MethodGet, "https://site.example"+target)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	if choice != nil {
		r.Header.Add("Cookie", h.CookieName+"="+preferenceValue(t, h, *choice))
	}
	w = httptest.NewRecorder()
	err := h.ServeHTTP(w, r, respond(func(w http.ResponseWriter) error {
		reached = true
		maps.Copy(w.Header(), answer)
		_, err := w.Write([]byte(body))
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	return w, reached
}

func TestWall(t *testing.T) {
	const (
		page  = `<html><head></head><body><iframe src="https://a.video.example/1"></iframe><img src=/own.png></body></html>`
		film  = ` data-cookie-consent-src="https://a.video.example/1"></iframe>`
		html  = "text/html"
		frame = "Sec-Fetch-Dest: iframe"
	)
	document := []string{"Sec-Fetch-Dest: document"}
	everything := &consent.Choice{Method: consent.AcceptAll}
	films := &consent.Choice{Method: consent.Save, Services: []string{"video"}}
	for _, test := range []struct {
		name, contentType string
		lines             []string
		choice            *consent.Choice
		wall              string

		blocked, banner bool
		policy          string // a part of it; none if ""
		reportOnly      bool
	}{
		{name: "page", contentType: html, lines: document, blocked: true, banner: true, policy: "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval' *.site.example:* ws://*.site.example:* site.example:*"},
		{name: "frame", contentType: html, lines: []string{frame}, blocked: true, policy: "default-src 'self'"},
		{name: "refused", contentType: html, lines: document, choice: &consent.Choice{Method: consent.RejectAll}, blocked: true, banner: true, policy: "default-src 'self'"},
		{name: "one service", contentType: html, lines: document, choice: films, banner: true, policy: "*.video.example:*"},
		{name: "everything", contentType: html, lines: document, choice: everything, banner: true},
		{name: "frame of everything", contentType: html, lines: []string{frame}, choice: everything},
		{name: "fetched", contentType: html, lines: []string{"Sec-Fetch-Dest: empty"}},
		{name: "XML", contentType: "application/xhtml+xml", lines: document, policy: "default-src 'self'"},
		{name: "drawing", contentType: "image/svg+xml", lines: []string{frame}, policy: "default-src 'self'"},
		{name: "parts", contentType: "multipart/x-mixed-replace; boundary=b", lines: document, policy: "default-src 'self'"},
		{name: "image", contentType: "image/png", lines: document},
		{name: "worker", contentType: "text/javascript", lines: []string{"Sec-Fetch-Dest: serviceworker"}, policy: "default-src 'self'"},
		{name: "script", contentType: "text/javascript", lines: []string{"Sec-Fetch-Dest: script"}},
		{name: "wall off", contentType: html, lines: document, wall: wallOff, blocked: true, banner: true},
		{name: "wall report", contentType: html, lines: document, wall: wallReport, blocked: true, banner: true, policy: "default-src 'self'", reportOnly: true},
	} {
		h := walledHandler(t, &Handler{Wall: test.wall})
		own := []string{"img-src 'self'"}
		w, _ := answered(t, h, "/", test.lines, test.choice, http.Header{"Content-Type": {test.contentType}, "Content-Security-Policy": own}, page)
		body, header := w.Body.String(), w.Result().Header
		instead := `<iframe src="/.cookie-consent/placeholder?language=en&amp;return_to=%2F&amp;service=video&amp;category=third_party&amp;host=a.video.example&amp;content=https%3A%2F%2Fa.video.example%2F1"`
		if got := strings.Contains(body, instead+film); got != test.blocked || !strings.Contains(body, "<img src=/own.png>") {
			t.Errorf("%s: %s", test.name, body)
		}
		if got := strings.Contains(body, `id="cookie-consent`); got != test.banner {
			t.Errorf("%s: banner %t", test.name, got)
		}
		policies := slices.Clone(header["Content-Security-Policy"])
		if test.reportOnly {
			policies = append(policies, header["Content-Security-Policy-Report-Only"]...)
		}
		if policies[0] != own[0] || (test.policy != "") != (len(policies) == 2) || !strings.Contains(policies[len(policies)-1], test.policy) {
			t.Errorf("%s: policies %q", test.name, policies)
		}
		if len(own) != 1 || cap(own) != 1 {
			t.Errorf("%s: the application's slice was written to", test.name)
		}
	}
}

// A redirect is the visitor's own doing, whoever it leads to; it is counted.
func TestRedirectsAreCounted(t *testing.T) {
	counted := func(category string) float64 {
		var m dto.Metric
		if err := metrics.redirects.WithLabelValues(category).Write(&m); err != nil {
			t.Fatal(err)
		}
		return m.GetCounter().GetValue()
	}
	h := walledHandler(t, &Handler{})
	for _, test := range []struct {
		location, category string
		status             int
		choice             *consent.Choice
		counts             bool
	}{
		{location: "https://a.video.example/1", category: consent.ThirdParty, status: 302, counts: true},
		{location: "https://gone.test/", category: consent.ThirdParty, status: 307, counts: true},
		{location: "/own", category: consent.ThirdParty, status: 302},
		{location: "https://a.video.example/1", category: consent.ThirdParty, status: 201},
		{location: "https://a.video.example/1", category: consent.ThirdParty, status: 302, choice: &consent.Choice{Method: consent.AcceptAll}},
	} {
		before := counted(test.category)
		r := newTestRequest(http.MethodGet, "https://site.example/")
		if test.choice != nil {
			r.Header.Set("Cookie", h.CookieName+"="+preferenceValue(t, h, *test.choice))
		}
		w := httptest.NewRecorder()
		if err := h.ServeHTTP(w, r, respond(func(w http.ResponseWriter) error {
			w.Header().Set("Location", test.location)
			w.WriteHeader(test.status)
			return nil
		})); err != nil {
			t.Fatal(err)
		}
		if got := w.Result().Header.Get("Location"); got != test.location {
			t.Errorf("%s: it leads to %q", test.location, got)
		}
		if got := counted(test.category) - before; (got == 1) != test.counts || got > 1 {
			t.Errorf("%s with status %d: counted %v", test.location, test.status, got)
		}
	}
}

func TestHeadersOfOthers(t *testing.T) {
	h := walledHandler(t, &Handler{})
	link := http.Header{"Content-Type": {"image/png"}, "Link": {"<https://a.video.example/x>; rel=preload, </own>; rel=preload"}}
	for name, choice := range map[string]*consent.Choice{"nothing": nil, "everything": {Method: consent.AcceptAll}} {
		want := []string{" </own>; rel=preload"}
		if choice != nil {
			want = link["Link"]
		}
		w, _ := answered(t, h, "/", []string{"Sec-Fetch-Dest: image"}, choice, link.Clone(), "x")
		if got := w.Result().Header["Link"]; !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// What a service counts by in spite of the site's name never reaches the application
// before the visitor agrees.
func TestPathsOfServices(t *testing.T) {
	h := walledHandler(t, &Handler{})
	for _, test := range []struct{ path, line, contentType, body string }{
		{"/counter/c.js", "Sec-Fetch-Dest: script", "text/javascript", ""},
		{"/counter/c.css?x", "Sec-Fetch-Dest: style", "text/css", ""},
		{"/counter/../counter/c.gif", "Sec-Fetch-Dest: image", "image/gif", emptyGIF},
		{"/%63ounter/c", "Accept: application/json", "application/json", "{}"},
		{"/counter/c", "Sec-Fetch-Dest: empty", "", ""},
	} {
		w, reached := answered(t, h, test.path, []string{test.line}, nil, nil, "counted")
		res := w.Result()
		if reached || w.Body.String() != test.body || res.Header.Get("Content-Type") != test.contentType || !isPrivate(res.Header) {
			t.Errorf("%s (%s): reached %t, %d, %v, %q", test.path, test.line, reached, res.StatusCode, res.Header, w.Body)
		}
		if (res.StatusCode == http.StatusNoContent) != (test.contentType == "") {
			t.Errorf("%s: status %d", test.path, res.StatusCode)
		}
		choice := &consent.Choice{Method: consent.Save, Categories: []string{consent.Statistics}}
		if w, reached := answered(t, h, test.path, []string{test.line}, choice, nil, "counted"); !reached || w.Body.String() != "counted" {
			t.Errorf("%s is not forwarded to who agreed: %q", test.path, w.Body)
		}
	}
	if _, reached := answered(t, h, "/counters", nil, nil, nil, ""); !reached {
		t.Error("another path is not forwarded")
	}
}

// A 304 replaces the headers that the browser keeps by those of the same name: the
// policies of the application and of the wall come together or not at all.
func TestPolicyOfConfirmedPage(t *testing.T) {
	const name = "Content-Security-Policy"
	h := walledHandler(t, &Handler{})
	document := "Sec-Fetch-Dest: document"
	own := http.Header{"Content-Type": {"text/html"}, "Etag": {`"1"`}, name: {"img-src 'self'"}}
	w, _ := answered(t, h, "/", []string{document}, nil, own.Clone(), "<html><body>x")
	kept := w.Result().Header
	for _, again := range []bool{true, false} {
		r := newTestRequest(http.MethodGet, "https://site.example/")
		r.Header.Set("Sec-Fetch-Dest", "document")
		r.Header.Set("If-None-Match", kept.Get("Etag"))
		w := httptest.NewRecorder()
		err := h.ServeHTTP(w, r, respond(func(w http.ResponseWriter) error {
			w.Header().Set("Etag", `"1"`)
			if again {
				w.Header()[name] = own[name]
			}
			w.WriteHeader(http.StatusNotModified)
			return nil
		}))
		if err != nil || w.Code != http.StatusNotModified {
			t.Fatal(w.Code, err)
		}
		policies := kept[name]
		if now := w.Result().Header[name]; now != nil {
			policies = now
		}
		if !slices.Equal(policies, kept[name]) || len(policies) != 2 {
			t.Errorf("sent again %t: the browser has %q", again, policies)
		}
	}
	reporting := walledHandler(t, &Handler{Wall: wallReport})
	w, _ = answered(t, reporting, "/", []string{document}, nil, own.Clone(), "<html><body>x")
	if got := w.Result().Header.Get("Etag"); got == kept.Get("Etag") {
		t.Errorf("a page without an enforced policy has the same tag: %s", got)
	}
}

// A worker is not kept for longer than the choice that its policy is for.
func TestCachingOfWorkers(t *testing.T) {
	h := walledHandler(t, &Handler{})
	for name, choice := range map[string]*consent.Choice{"nothing": nil, "everything": {Method: consent.AcceptAll}} {
		r := newTestRequest(http.MethodGet, "https://site.example/worker.js")
		r.Header.Set("Sec-Fetch-Dest", "worker")
		r.Header.Set("If-None-Match", `"1"`)
		r.Header.Set("If-Modified-Since", "Thu, 26 Nov 2026 00:00:00 GMT")
		if choice != nil {
			r.Header.Set("Cookie", h.CookieName+"="+preferenceValue(t, h, *choice))
		}
		w := httptest.NewRecorder()
		err := h.ServeHTTP(w, r, respond(func(w http.ResponseWriter) error {
			w.Header().Set("Content-Type", "text/javascript")
			w.Header().Set("Cache-Control", "public, max-age=31536000")
			_, err := w.Write([]byte("0"))
			return err
		}))
		header := w.Result().Header
		if err != nil || !isPrivate(header) || !lists(header["Vary"], "Cookie") || !lists(header["Vary"], "Sec-GPC") {
			t.Errorf("%s: %v, error %v", name, header, err)
		}
		if r.Header["If-None-Match"] != nil || r.Header["If-Modified-Since"] != nil {
			t.Errorf("%s: the application may confirm one with another policy: %v", name, r.Header)
		}
	}
}

// The answer in place of a page that can't be read reports to nobody either.
func TestRefusedPagesContactNobody(t *testing.T) {
	h := walledHandler(t, &Handler{})
	r := newTestRequest(http.MethodGet, "https://site.example/")
	r.Header.Set("Sec-Fetch-Dest", "document")
	w := httptest.NewRecorder()
	err := h.ServeHTTP(w, r, respond(func(w http.ResponseWriter) error {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "compress")
		w.Header().Set("Reporting-Endpoints", `default="https://reports.example.net/"`)
		_, err := w.Write([]byte("<p>"))
		return err
	}))
	if err == nil || w.Header()["Reporting-Endpoints"] != nil {
		t.Errorf("error %v, header %v", err, w.Header())
	}
}
