package banner

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

func write(t *testing.T, file, text string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestStylesheetOfATheme(t *testing.T) {
	const css = ":root{--cookie-consent-button:#080}\n.cookie-consent-page{background:url(/logo.svg) url('data:image/png;base64,AA==')}\n" +
		"@font-face{font-family:Own;src:url(\"/own.woff2\")}\na::after{content:\"https://shown.example/\"}\n/* .cookie-consent-accept { */.cookie-consent-accept,.cookie-consent-reject{font-weight:400}\nb{filter:url(#blur)}"
	theme, err := ReadTheme(write(t, filepath.Join(t.TempDir(), "theme.css"), "\ufeff"+css), "")
	if err != nil {
		t.Fatal(err)
	}
	r, plain := newRenderer(t, &consent.Config{}, Config{Theme: theme}), newRenderer(t, &consent.Config{}, Config{})
	if r.Stylesheet() == plain.Stylesheet() || r.Edition() == plain.Edition() {
		t.Error("the name of the style sheet, or the edition, does not tell of the theme")
	}
	page, err := r.Page("en", Page{Decision: notAsked(r)})
	if err != nil {
		t.Fatal(err)
	}
	for kind, document := range map[string][]byte{"banner": inPage(r, "en", "/", notAsked(r)), "page": page} {
		_, name, _ := strings.Cut(string(document), `href="/.cookie-consent/`+kind+".")
		name, _, _ = strings.Cut(name, `"`)
		body, _, ok := r.Asset(kind + "." + name)
		if !ok || !strings.HasSuffix(string(body), "\n"+css) || r.Stylesheets()[kind+"."+name] != string(body) {
			t.Errorf("%s: style sheet %q: %s", kind, name, body)
		}
	}
	if _, _, ok := r.Asset(plain.Stylesheet()); ok {
		t.Error("the style sheet without the theme is there too")
	}
}

func TestMistakesInAStylesheet(t *testing.T) {
	file := filepath.Join(t.TempDir(), "theme.css")
	for css, want := range map[string]string{
		"a{}\n@import url(/x.css);":                                     `theme.css:2: "@import" is not allowed`,
		"@IMPORT '//x.example/x.css';":                                  `theme.css:1: "@IMPORT" is not allowed`,
		"a{}\n@\\69mport '//x.example/';":                               `theme.css:2: "//x.example/" is no address of this site`,
		"\n\na{background:url(https://x.example/a.png)}":                `theme.css:3: "https://x.example/a.png" is no address of this site`,
		"a{background:url(\"//x.example/\")}":                           `theme.css:1: "//x.example/"`,
		"a{background:url(\\2f\\2fx.example/)}":                         `theme.css:1: "//x.example/"`,
		"a{background:url('/\\\\x.example/')}":                          "theme.css:1: ",
		"a{background:url(image.png)}":                                  `theme.css:1: "image.png"`,
		"a{background:image-set('a.png' 1x)}":                           `theme.css:1: "a.png"`,
		"a{--x:'https://x.example/';background:image-set(var(--x) 1x)}": `theme.css:1: "https://x.example/"`,
		"a{background:url(javascript:alert(1))}":                        "theme.css:1: ",
		"a{}</style><script>":                                           `theme.css:1: "</" is not allowed`,
		"a{}\xff":                                                       "theme.css: is not a text in UTF-8",
		"a{}\x00":                                                       "theme.css: is not a text in UTF-8",
		"a{}/*\n{*/\n.cookie-consent-reject{opacity:.5}":                "theme.css:3: one of the buttons that accept and reject everything has a rule of its own",
		"@media print{b{}\n[value=accept_all]:hover{color:red}}":        "theme.css:2: one of the buttons",
		"#cookie-consent{\n.cookie-consent-accept{order:-1}}":           "theme.css:2: one of the buttons",
		strings.Repeat(" ", maxStylesheet+1):                            "theme.css: is longer than 64 KiB",
	} {
		_, err := ReadTheme(write(t, file, css), "")
		if mistake, ok := errors.AsType[*ThemeError](err); !ok || mistake.File != file || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %s", css, err, want)
		}
	}
	for name, want := range map[string]string{filepath.Join(t.TempDir(), "none.css"): "can't be read: no such file", t.TempDir(): "can't be read: is a directory"} {
		if _, err := ReadTheme(name, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// themed returns a renderer, or an error, with templates that are the module's own but for
// one change in one file.
func themed(t *testing.T, file, old, changed string) (*Renderer, error) {
	t.Helper()
	source, err := templateFiles.ReadFile(file)
	if err != nil || !strings.Contains(string(source), old) {
		t.Fatalf("%s does not hold %q (%v)", file, old, err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, file), strings.ReplaceAll(string(source), old, changed))
	theme, err := ReadTheme("", dir)
	if err != nil {
		return nil, err
	}
	return New(newPolicy(t, declared()), Config{Prefix: "/.cookie-consent/", MaxAge: 182 * 24 * time.Hour, CookieName: "cookies_preferences", Theme: theme})
}

// What operators declare may have several lines.
func TestTemplatesAndTextsOfSeveralLines(t *testing.T) {
	dir := t.TempDir()
	source, err := templateFiles.ReadFile("page.html")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "page.html"), string(source))
	theme, err := ReadTheme("", dir)
	if err != nil {
		t.Fatal(err)
	}
	cfg := declared()
	lines := consent.Text{"": "One line,\r\n\tanother & <more>"}
	cfg.Categories[0].Title, cfg.Services[0].Purpose = lines, lines
	newRenderer(t, cfg, Config{Theme: theme})
}

func TestTemplatesOfATheme(t *testing.T) {
	r, err := themed(t, "banner.html", `<h2 id="cookie-consent-title">`, "<h2 id=\"cookie-consent-title\">\n\tÉtat of things: ")
	if err != nil {
		t.Fatal(err)
	}
	banner := inPage(r, "fr", "/", notAsked(r))
	if !strings.Contains(string(banner), "&#201;tat of things: ") {
		t.Errorf("the banner is not that of the theme: %s", banner)
	}
	if r.Edition() == newRenderer(t, declared(), Config{}).Edition() {
		t.Error("the edition does not tell of the theme")
	}
	for _, files := range [][3]string{
		{"page.html", `<h1>{{.Title}}</h1>`, `<h1>{{.Title}}</h1><p>own words</p>`},
		{"placeholder.html", `<h1>{{.Title}}</h1>`, `<h1>{{.Title}}</h1><p>own words</p>`},
	} {
		r, err := themed(t, files[0], files[1], files[2])
		if err != nil {
			t.Fatal(err)
		}
		page, err := r.Page("de", Page{Decision: notAsked(r)})
		if err != nil {
			t.Fatal(err)
		}
		placeholder, _ := r.PlaceholderPage("de", Placeholder{Category: consent.ThirdParty})
		if strings.Contains(string(page), "own words") != (files[0] == "page.html") || strings.Contains(string(placeholder), "own words") != (files[0] == "placeholder.html") {
			t.Errorf("%s does not take the place of the module's own alone", files[0])
		}
	}
}

// Where a template of a theme fails for what it did not meet before, visitors get the
// module's own page.
func TestTemplateThatFailsLater(t *testing.T) {
	r, err := themed(t, "page.html", `<header>`, `<header><p>own words</p>{{if eq .ReturnTo "/x"}}{{index .Categories 99}}{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	for returnTo, own := range map[string]bool{"/": true, "/x": false} {
		page, err := r.Page("en", Page{Decision: notAsked(r), ReturnTo: returnTo})
		if err != nil || strings.Contains(string(page), "own words") != own || !strings.Contains(string(page), `value="reject_all"`) {
			t.Errorf("%s: %v: %s", returnTo, err, page)
		}
	}
}

func TestMistakesInTemplates(t *testing.T) {
	const reject = `<button type="submit" form="cookie-consent-form" name="choice" value="reject_all" class="cookie-consent-button cookie-consent-reject">{{.T "reject_all"}}</button>`
	for _, test := range []struct{ file, old, changed, want string }{
		{"banner.html", reject, "", "banner.html: as rendered in ar, there has to be one visible button of the form with name=choice and value=reject_all"},
		{"banner.html", reject, "{{if ne .Lang \"mt\"}}" + reject + "{{end}}", "banner.html: as rendered in mt, there has to be one visible button"},
		{"banner.html", reject, "<details>" + reject + "</details>", "must not be folded up"},
		{"banner.html", reject, "<div hidden>" + reject + "</div>", "one visible button of the form with name=choice and value=reject_all"},
		{"banner.html", reject, `<button form="cookie-consent-form" name="choice" value="reject_all" class="link">No</button>`, "have to be alike"},
		{"banner.html", reject, reject + reject, "one visible button of the form with name=choice and value=reject_all"},
		{"banner.html", ` form="cookie-consent-form"`, "", "one visible button of the form"},
		{"banner.html", `<form id="cookie-consent-form" method="post"`, `<form id="cookie-consent-form"`, "one form with the id"},
		{"banner.html", `action="{{.Origin}}{{.Prefix}}preferences"`, `action="/save"`, "one form with the id"},
		{"banner.html", `name="category" value="{{.Name}}" autocomplete="off"{{if .Exempt}} {{$.Checked .Name}}{{end}}>`, `name="category" value="{{.Name}}" autocomplete="off" checked>`, "must not be checked before the visitor chose"},
		{"banner.html", `name="service" value="{{.Name}}" autocomplete="off">`, `name="service" value="{{.Name}}" autocomplete="off" checked>`, "the checkbox of a service must not be checked before the visitor chose"},
		{"banner.html", `<input type="checkbox" form="cookie-consent-form" name="category" value="{{.Name}}" autocomplete="off"{{if .Exempt}} {{$.Checked .Name}}{{end}}>`, "", "one visible checkbox of the form with name=category and value="},
		{"banner.html", `href="{{.Origin}}{{.Prefix}}?return_to={{.ReturnQuery}}">{{.T "banner_more"}}`, `href="/x">`, "lacks a link to the cookies policy"},
		{"banner.html", `{{template "settings" .}}`, "", "lacks a template element"},
		{"banner.html", `name="return_to"`, `name="back"`, `lacks the hidden field "return_to"`},
		{"banner.html", `{{.Title}}`, "", "is not named"},
		{"page.html", `name="choice" value="reject_all"`, `name="choice" value="accept_all"`, "page.html: as rendered in ar, there has to be one visible button"},
		{"page.html", `<bdi>{{.Purpose}}</bdi></td>`, `</td>`, "does not declare"},
		{"page.html", `{{template "policy" .}}`, "", "does not declare"},
		{"page.html", `<p><a href="{{.Prefix}}">{{.T "settings"}}</a></p>`, "", "the page of an error lacks a link"},
		{"placeholder.html", `name="choice" value="placeholder"`, `name="choice" value="accept_all"`, "placeholder.html: as rendered in ar, the placeholder needs one form"},
		{"placeholder.html", `<button type="submit">{{.Allow}}</button>`, "", "the placeholder needs one form"},
		{"banner.html", `{{.T "banner_title"}}`, `{{.T "baner_title"}}`, `banner.html:20: executing "banner" at <.T>: error calling T: language ar has no text "baner_title"`},
		{"banner.html", `{{.T "banner_title"}}`, `{{.Titel}}`, `banner.html:20: executing "banner" at <.Titel>: can't evaluate field Titel`},
		{"banner.html", `{{.T "banner_title"}}`, `{{.T "banner_title"`, "banner.html:20: "},
		{"banner.html", `{{.T "banner_title"}}`, `{{upper "x"}}`, `banner.html:20: function "upper" not defined`},
		{"page.html", `<h1>{{.Title}}</h1>`, `<h1 {{.Title}}</h1>`, `page.html: html/template:page: "<" in attribute name`},
		{"banner.html", `{{define "end" -}}`, "\n<p>lost</p>\n{{define \"end\" -}}", "banner.html:72: something stands outside of"},
	} {
		_, err := themed(t, test.file, test.old, test.changed)
		if _, ok := errors.AsType[*ThemeError](err); !ok || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s with %.60q in place of %.60q: %v, want %s", test.file, test.changed, test.old, err, test.want)
		}
	}

	dir := t.TempDir()
	if _, err := ReadTheme("", dir); err == nil || !strings.Contains(err.Error(), "holds none of the templates banner.html, page.html, placeholder.html") {
		t.Errorf("an empty directory: %v", err)
	}
	write(t, filepath.Join(dir, "baner.html"), "")
	if _, err := ReadTheme("", dir); err == nil || !strings.Contains(err.Error(), "baner.html: is no template; allowed: banner.html") {
		t.Errorf("another name: %v", err)
	}
	if _, err := ReadTheme("", filepath.Join(dir, "none")); err == nil || !strings.Contains(err.Error(), "can't be read: no such file") {
		t.Errorf("no directory: %v", err)
	}
}
