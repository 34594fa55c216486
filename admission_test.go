package cookieconsent

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/csp"
)

func TestAdmissionOfPages(t *testing.T) {
	const page = "<!DOCTYPE html><html><head></head><body>x</body></html>"
	h := newTestHandler(t, &Handler{Wall: wallOff})
	style := " site.example/.cookie-consent/" + h.banner.Stylesheet()
	script := "; script-src site.example/.cookie-consent/" + h.shim.Name()
	const (
		frame = "; frame-src site.example/.cookie-consent/placeholder"
		form  = " site.example/.cookie-consent/preferences"
		sweep = " site.example/.cookie-consent/sweep.css"
	)
	document := []string{"Sec-Fetch-Dest: document"}
	refused := &consent.Choice{Method: consent.RejectAll}
	for _, test := range []struct {
		name, body, contentType string
		lines                   []string
		choice                  *consent.Choice
		policies, want          []string // want is nil if they are to stay as they are
		nonce                   bool     // whether the style sheet has the nonce "n1"
	}{
		{name: "no policy", body: page},
		{name: "admitting", body: page, policies: []string{"default-src 'self'", "img-src 'none'"}},
		{
			name: "closed", body: page, policies: []string{"default-src 'none'; form-action 'none'", "img-src 'none', style-src 'none'"},
			want: []string{"default-src 'none'; form-action" + form + script + "; style-src" + style + frame, "img-src 'none', style-src" + style},
		},
		{
			name: "after the choice", body: page, choice: refused, policies: []string{"default-src 'none'; form-action 'none'"},
			want: []string{"default-src 'none'; form-action 'none'" + script + "; style-src" + style + frame},
		},
		{
			name: "with refused cookies left", body: page, choice: refused, lines: []string{"Cookie: zz=1"}, policies: []string{"style-src a"},
			want: []string{"style-src a" + style + sweep},
		},
		{name: "nonce", body: page, policies: []string{"style-src 'nonce-n1'"}, nonce: true},
		{name: "nonce not to be had", body: page, policies: []string{"style-src 'nonce-\"'"}, want: []string{"style-src 'nonce-\"'" + style}},
		{name: "JSON", body: `{"a": 1}`, policies: []string{"default-src 'none'"}},
		{name: "text", body: "x", contentType: "text/plain", policies: []string{"default-src 'none'"}},
		{
			name: "frame", body: page, lines: []string{"Sec-Fetch-Dest: iframe"}, policies: []string{"default-src 'none'"},
			want: []string{"default-src 'none'" + script + frame},
		},
		{name: "fetched", body: page, lines: []string{"Sec-Fetch-Dest: empty"}, policies: []string{"default-src 'none'"}},
		{name: "fragment", body: "<p>x", lines: []string{"Accept: */*"}, policies: []string{"default-src 'none'"}},
	} {
		for range 2 { // from memory too
			lines := test.lines
			if !slices.ContainsFunc(lines, func(s string) bool { return !strings.HasPrefix(s, "Cookie") }) {
				lines = slices.Concat(document, lines)
			}
			if test.contentType == "" {
				test.contentType = "text/html"
			}
			own := slices.Clone(test.policies)
			header := http.Header{"Content-Type": {test.contentType}}
			if own != nil {
				header["Content-Security-Policy"] = own
			}
			w, _ := answered(t, h, "/", lines, test.choice, header, test.body)
			if test.want == nil {
				test.want = test.policies
			}
			if got := w.Result().Header["Content-Security-Policy"]; !slices.Equal(got, test.want) {
				t.Errorf("%s: %q, want %q", test.name, got, test.want)
			}
			if got := strings.Contains(w.Body.String(), ` nonce="n1" href="/.cookie-consent/banner`); got != test.nonce {
				t.Errorf("%s: nonce %t: %s", test.name, got, w.Body)
			}
			if strings.Contains(w.Body.String(), "sweep.css") || !slices.Equal(own, test.policies) {
				t.Errorf("%s: %q %s", test.name, own, w.Body)
			}
		}
	}
}

// What belongs to one nonce is never given to a response with another.
func TestAdmissionForgetsNonces(t *testing.T) {
	h := newTestHandler(t, &Handler{Wall: wallOff})
	for _, nonce := range []string{"n1", "n2", "n1"} {
		header := http.Header{"Content-Type": {"text/html"}, "Content-Security-Policy": {"style-src 'nonce-" + nonce + "'"}}
		w, _ := answered(t, h, "/", []string{"Sec-Fetch-Dest: document"}, nil, header, "<!DOCTYPE html>")
		if !strings.Contains(w.Body.String(), `nonce="`+nonce+`"`) {
			t.Errorf("nonce %s: %s", nonce, w.Body)
		}
	}
	if len(h.admissions.kept) != 0 {
		t.Errorf("%v is kept", h.admissions.kept)
	}
	for range 2 * maxAdmissions {
		a := admissionKey{policies: strings.Repeat("x", len(h.admissions.kept)%(maxAdmission/2))}
		h.admissions.put(a, csp.Admission{})
	}
	if n := len(h.admissions.kept); n > maxAdmissions {
		t.Errorf("%d are kept", n)
	}
}

// A page that a 304 confirms has the nonce of another response.
func TestAdmissionOfConfirmedPage(t *testing.T) {
	h := walledHandler(t, &Handler{})
	document := []string{"Sec-Fetch-Dest: document"}
	first, _ := answered(t, h, "/", document, nil, http.Header{"Content-Type": {"text/html"}, "Etag": {`"1"`}}, "<!DOCTYPE html>")
	confirmed := func(lines []string, policies ...string) []string {
		r := newTestRequest(http.MethodGet, "https://site.example/")
		for _, line := range lines {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Add(name, value)
		}
		w := httptest.NewRecorder()
		err := h.ServeHTTP(w, r, respond(func(w http.ResponseWriter) error {
			w.Header()["Etag"] = []string{`"1"`}
			w.Header()["Content-Security-Policy"] = policies
			w.WriteHeader(http.StatusNotModified)
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		return w.Result().Header["Content-Security-Policy"]
	}
	const policy = "style-src 'nonce-n2'"
	of := append(document, "If-None-Match: "+first.Result().Header.Get("Etag"))
	got := confirmed(of, policy)
	if want := policy + " site.example/.cookie-consent/" + h.banner.Stylesheet() + " site.example/.cookie-consent/sweep.css"; len(got) != 2 || got[0] != want || !strings.HasPrefix(got[1], "default-src 'self'") {
		t.Errorf("%q, want %q and the wall", got, want)
	}
	if got := confirmed(append(document, `If-None-Match: "1"`), policy); got[0] != policy {
		t.Errorf("of a page that is not ours: %q", got)
	}
	if got := confirmed(of); len(got) != 0 {
		t.Errorf("without a policy: %q", got)
	}
}

func TestAdmissionOfMeta(t *testing.T) {
	h := newTestHandler(t, &Handler{})
	style := " site.example/.cookie-consent/" + h.banner.Stylesheet()
	for _, test := range []struct{ html, want string }{
		{`<meta http-equiv="Content-Security-Policy" content="style-src 'none'">`, `content="style-src` + style + `"`},
		{`<meta content='style-src "a&#39;' HTTP-EQUIV=content-security-POLICY>`, `content="style-src &#34;a'` + style + `"`},
		{`<meta http-equiv="Content-Security-Policy" content="style-src 'nonce-n1'">`, `content="style-src 'nonce-n1'` + style + `"`},
		{`<meta http-equiv="Content-Security-Policy" content='default-src &#39;self&#39;'>`, `content='default-src &#39;self&#39;'`},
		{`<meta name="Content-Security-Policy" content="style-src 'none'">`, `content="style-src 'none'"`},
		{`<meta http-equiv="Content-Security-Policy-Report-Only" content="style-src 'none'">`, `content="style-src 'none'"`},
		{`<meta http-equiv="Content-Security-Policy">`, `<meta http-equiv="Content-Security-Policy">`},
		{`<body><meta http-equiv="Content-Security-Policy" content="style-src 'none'">`, `content="style-src 'none'"`},
		{`<meta http-equiv="Content-Security-Policy" content="style-src 'none'"` + strings.Repeat(" x", 1<<14) + `>`, `content="style-src 'none'"`},
	} {
		for name, choice := range map[string]*consent.Choice{"nothing": nil, "everything": {Method: consent.AcceptAll}} {
			w, _ := answered(t, h, "/", []string{"Sec-Fetch-Dest: document"}, choice, http.Header{"Content-Type": {"text/html"}}, test.html+"<p>x")
			if !strings.Contains(w.Body.String(), test.want) {
				t.Errorf("%s: %.200s became %.400s", name, test.html, w.Body)
			}
		}
		w, _ := answered(t, h, "/", []string{"Sec-Fetch-Dest: iframe"}, nil, http.Header{"Content-Type": {"text/html"}}, test.html)
		if got := w.Body.String(); !strings.HasSuffix(got, test.html) {
			t.Errorf("in a frame %.200s became %.200s", test.html, w.Body)
		}
	}
}

func TestInadmissible(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	h := newTestHandler(t, &Handler{})
	h.notices = newNotices(zap.New(core), h.catalog)
	for _, policy := range []string{"default-src 'none'", "sandbox; script-src 'nonce-a'", "sandbox; script-src 'nonce-b'", "sandbox allow-forms allow-same-origin"} {
		answered(t, h, "/", []string{"Sec-Fetch-Dest: document"}, nil, http.Header{"Content-Type": {"text/html"}, "Content-Security-Policy": {policy}}, "<!DOCTYPE html>")
	}
	if n := logs.Len(); n != 1 || logs.All()[0].ContextMap()["policy"] != "sandbox; script-src 'nonce'" {
		t.Errorf("%d notices: %v", n, logs.All())
	}
}
