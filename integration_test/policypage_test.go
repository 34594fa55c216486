package integration_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// The cookies policy stands in a page of the operator's own, put there by the server, in
// the language that the page asks for.
func TestPolicyWithinAPage(t *testing.T) {
	const own = `<!DOCTYPE html><html lang="fr"><title>Cookies</title><body><h1>Cookies</h1>{{httpInclude "/.cookie-consent/policy.html?lang=fr"}}<footer>end</footer>`
	app := newApplication(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	s := start(t, site(policy+"handle /cookies {\n\theader Content-Type text/html\n\ttemplates\n\trespond <<HTML\n\t"+own+"\n\tHTML\n}\nreverse_proxy "+app.addr))
	body := s.get(t, "/cookies").body
	before, after, ok := strings.Cut(body, `<div class="cookie-consent-declaration" lang="fr" dir="ltr">`)
	if !ok || !strings.Contains(before, "<h1>Cookies</h1>") || !strings.Contains(after, "<footer>end</footer>") {
		t.Fatalf("the policy is not in the page: %s", body)
	}
	for _, text := range []string{"Politique relative aux cookies", "Matomo", "_pk_*", "sessionid", "Example Ads", "1 mois", `href="/.cookie-consent/?lang=fr"`} {
		if !strings.Contains(after, text) {
			t.Errorf("the policy does not say %s", text)
		}
	}
}

// Both forms of the policy are the same for everybody, and confirmed as long as they hold.
func TestPolicyEndpoints(t *testing.T) {
	s, app := endpoints(t)
	preference := "Cookie: " + s.choose(t, acceptAll)
	for path, contentType := range map[string]string{prefix + "policy.html": "text/html; charset=utf-8", prefix + "declaration.json": "application/json"} {
		res := s.get(t, path)
		tag := res.header.Get("Etag")
		if res.status != http.StatusOK || res.header.Get("Content-Type") != contentType || res.header.Get("Cache-Control") != "no-cache" || tag == "" || !strings.Contains(res.header.Get("Vary"), "Accept-Language") {
			t.Errorf("%s: status %d, header %v", path, res.status, res.header)
		}
		if other := s.get(t, path, preference, "Sec-GPC: 1"); other.body != res.body || len(other.cookies()) > 0 {
			t.Errorf("%s differs for a visitor who has chosen", path)
		}
		if again := s.get(t, path, "If-None-Match: "+tag); again.status != http.StatusNotModified || again.body != "" {
			t.Errorf("%s with its entity tag: status %d", path, again.status)
		}
		german := s.get(t, path+"?lang=de-CH", "If-None-Match: "+tag)
		if german.status != http.StatusOK || german.header.Get("Etag") == tag || !strings.Contains(german.body, "Statistik") {
			t.Errorf("%s in German: status %d: %s", path, german.status, german.body)
		}
		if unknown := s.get(t, path+"?lang=%3Cscript%3E"); unknown.status != http.StatusOK || unknown.body != res.body {
			t.Errorf("%s in no language: status %d", path, unknown.status)
		}
		if head := s.do(t, h1, request{method: http.MethodHead, path: path, header: navigation}); head.header.Get("Etag") != tag {
			t.Errorf("%s: HEAD has the header %v", path, head.header)
		}
		if post := s.do(t, h1, request{method: http.MethodPost, path: path, header: sameOrigin}); post.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: POST has the status %d", path, post.status)
		}
	}
	// A frame of this site may show it.
	if csp := s.get(t, prefix+"policy.html").header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'self'") || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("Content-Security-Policy %q", csp)
	}
	var declaration struct {
		Fingerprint, Language string
		Languages             []string
		Categories            []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(s.get(t, prefix+"declaration.json?lang=pt-BR").body), &declaration); err != nil || declaration.Language != "pt" || len(declaration.Languages) != 32 || len(declaration.Categories) != 4 {
		t.Errorf("declaration %+v (%v)", declaration, err)
	}
	if seen := app.requests(); len(seen) > 0 {
		t.Errorf("%d requests reached the application", len(seen))
	}
}
