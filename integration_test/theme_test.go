package integration_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// An operator's style sheet and templates are in what visitors get, and a mistake in one
// keeps the configuration from being loaded.
func TestTheme(t *testing.T) {
	dir := t.TempDir()
	templates, css := filepath.Join(dir, "templates"), filepath.Join(dir, "theme.css")
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(templates, 0o700); err != nil {
		t.Fatal(err)
	}
	const own = `:root { --cookie-consent-button: #205c3b }`
	write(css, own)
	write(filepath.Join(templates, "placeholder.html"), "{{define \"placeholder\"}}{{template \"head\" .}}<body class=\"cookie-consent-page placeholder\"><p>Own words: {{.Title}}</p>"+
		`<form method="post" target="_parent" action="{{.Prefix}}preferences"><input type="hidden" name="choice" value="placeholder">`+
		`{{range .Services}}<input type="hidden" name="service" value="{{.ID}}">{{else}}<input type="hidden" name="category" value="{{.CategoryName}}">{{end}}`+
		`<input type="hidden" name="return_to" value="{{.ReturnTo}}"><button>{{.Allow}}</button></form><a target="_top" href="{{.Prefix}}">{{.T "settings"}}</a>{{end}}`)

	app := statusApplication(t)
	config := func() string {
		return site(strings.Replace(policy, "{\n", "{\n\t\tstylesheet "+css+"\n\t\ttemplates "+templates+"\n", 1) + "reverse_proxy " + app.addr)
	}
	s := start(t, config())
	for path, sheet := range map[string]string{"/": "banner", prefix: "page"} {
		name := regexp.MustCompile(prefix + sheet + `\.[0-9a-f]{8}\.css`).FindString(s.get(t, path).body)
		if res := s.get(t, name); res.status != http.StatusOK || !strings.HasSuffix(res.body, own) || !strings.Contains(res.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: style sheet %q: status %d: %s", path, name, res.status, res.body)
		}
	}
	frame := s.do(t, h1, request{path: prefix + "placeholder?category=third_party&return_to=/", header: []string{"Accept-Language: en", "Sec-Fetch-Dest: iframe"}})
	if !strings.Contains(frame.body, "<p>Own words: Content of another site</p>") {
		t.Errorf("the placeholder is not that of the theme: %s", frame.body)
	}

	for file, mistake := range map[string][2]string{
		css: {own + "\na { background: url(https://x.example/) }", css + `:2: "https://x.example/" is no address of this site`},
		filepath.Join(templates, "placeholder.html"): {"{{define \"placeholder\"}}\n{{.Nothing}}{{end}}", `placeholder.html:2: executing "placeholder" at <.Nothing>: can't evaluate field Nothing`},
	} {
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write(file, mistake[0])
		if err := s.load(config()); err == nil || !strings.Contains(err.Error(), mistake[1]) {
			t.Errorf("loading a configuration: %v, want %s", err, mistake[1])
		}
		if body := s.get(t, "/").body; !strings.Contains(body, bannerMark) {
			t.Error("the configuration before is gone")
		}
		write(file, string(before))
	}
}

// The resource by which a site says that it honours the signal is the application's
// unless the operator says since when it does.
func TestGPCResource(t *testing.T) {
	const path = "/.well-known/gpc.json"
	app := statusApplication(t)
	with := func(directive, block string) string {
		return site(strings.Replace(strings.Replace(policy, "cookie_consent {\n", directive+" {\n"+block+"\n", 1), "\n\n", "\n", 1) + "reverse_proxy " + app.addr)
	}
	s := start(t, with("cookie_consent", ""))
	for _, block := range []string{"", "gpc 2026-01-31\n\t\tmode observe"} {
		if err := s.load(with("cookie_consent", block)); err != nil {
			t.Fatal(err)
		}
		app.requests()
		if s.get(t, path); len(app.requests()) != 1 {
			t.Errorf("with %q the application is not asked", block)
		}
	}
	for _, directive := range []string{"cookie_consent", "cookie_consent /shop/*"} {
		if err := s.load(with(directive, "gpc 2026-01-31")); err != nil {
			t.Fatal(err)
		}
		app.requests()
		res := s.get(t, path)
		var resource map[string]any
		if err := json.Unmarshal([]byte(res.body), &resource); err != nil || len(resource) != 2 || resource["gpc"] != true || resource["lastUpdate"] != "2026-01-31" {
			t.Errorf("%s: status %d: %s (%v)", directive, res.status, res.body, err)
		}
		if res.status != http.StatusOK || res.header.Get("Content-Type") != "application/json" || len(app.requests()) != 0 {
			t.Errorf("%s: status %d, header %v", directive, res.status, res.header)
		}
		if s.get(t, prefix+path); len(app.requests()) != 0 {
			t.Error("an own address reached the application")
		}
		s.do(t, h1, request{method: http.MethodPost, path: path, header: sameOrigin})
		if s.get(t, path+"/x"); len(app.requests()) != 2 {
			t.Error("what is not that resource did not reach the application")
		}
	}
}
