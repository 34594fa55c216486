package csp

import (
	"slices"
	"strings"
	"testing"
)

const (
	testScript    = "/.c/shim.1.js"
	testStyle     = "/.c/banner.1.css"
	testImage     = "/.c/pixel.gif"
	testConnect   = "/.c/state.json"
	testForm      = "/.c/preferences"
	testFrame     = "/.c/placeholder"
	testIntegrity = "sha384-WmszYVdGl7I3ttxlqB1fDSF8gvtdUs28MHsnqRXZPDSzKz1KvaEUnUbMMvRbzLhY"

	ours = "site.example"
)

// testPage returns a page with pieces of some kinds.
func testPage(of ...Kind) *Page {
	p := &Page{Secure: true, Host: ours}
	for _, piece := range allPieces {
		if slices.Contains(of, piece.Kind) {
			p.Pieces = append(p.Pieces, piece)
		}
	}
	return p
}

var allPieces = []Piece{
	{Kind: Script, Path: testScript, Integrity: testIntegrity},
	{Kind: Style, Path: testStyle},
	{Kind: Image, Path: testImage},
	{Kind: Connect, Path: testConnect},
	{Kind: Form, Path: testForm},
	{Kind: Frame, Path: testFrame},
}

func TestAdmit(t *testing.T) {
	const (
		script  = " " + ours + testScript
		style   = " " + ours + testStyle
		image   = " " + ours + testImage
		connect = " " + ours + testConnect
		form    = " " + ours + testForm
		frame   = " " + ours + testFrame
		hash    = " '" + testIntegrity + "'"
	)
	one := func(k ...Kind) []Kind { return k }
	for _, test := range []struct {
		name, policy string
		of           []Kind
		want         string // "" if the policy is to stay as it is
		nonce        string
		integrity    bool
	}{
		{name: "nothing said", policy: "", of: one(Script, Style, Form)},
		{name: "of something else", policy: "frame-ancestors 'none'; base-uri 'self'; upgrade-insecure-requests", of: one(Script, Style, Form)},
		{name: "self", policy: "default-src 'self'", of: one(Script, Style, Image, Connect, Form, Frame)},
		{name: "form is not governed by default-src", policy: "default-src 'none'", of: one(Form)},
		{name: "scheme", policy: "style-src https:", of: one(Style)},
		{name: "another scheme", policy: "style-src data: wss:", of: one(Style), want: "style-src data: wss:" + style},
		{name: "less safe scheme", policy: "style-src http:", of: one(Style)},
		{name: "everything", policy: "style-src *", of: one(Style)},
		{name: "own host", policy: "style-src HTTPS://Site.Example", of: one(Style)},
		{name: "own host with its port", policy: "style-src site.example:443/.c/", of: one(Style)},
		{name: "any port", policy: "style-src https://*.example:*", of: one(Style)},
		{name: "another port", policy: "style-src site.example:8443", of: one(Style), want: "style-src site.example:8443" + style},
		{name: "hosts below", policy: "style-src *.site.example", of: one(Style), want: "style-src *.site.example" + style},
		{name: "another path", policy: "style-src site.example/css/", of: one(Style), want: "style-src site.example/css/" + style},
		{name: "file", policy: "style-src site.example/.c/banner.1.css", of: one(Style)},
		{name: "encoded file", policy: "style-src site.example/%2ec/banner.1.css", of: one(Style)},
		{name: "directory without slash", policy: "style-src site.example/.c", of: one(Style), want: "style-src site.example/.c" + style},

		{name: "none", policy: "style-src 'none'", of: one(Style), want: "style-src" + style},
		{name: "none in capitals", policy: "STYLE-SRC 'NONE' ; img-src x", of: one(Style), want: "STYLE-SRC" + style + " ; img-src x"},
		{name: "none beside others", policy: "style-src 'none' a.example", of: one(Style), want: "style-src 'none' a.example" + style},
		{name: "empty", policy: "style-src", of: one(Style), want: "style-src" + style},
		{name: "inline only", policy: "style-src 'unsafe-inline'", of: one(Style), want: "style-src 'unsafe-inline'" + style},
		{name: "second of a name", policy: "style-src 'self'; style-src 'none'", of: one(Style)},
		{name: "not ASCII", policy: "style-src é; style-src 'self'", of: one(Style)},
		{name: "odd space", policy: ";;\tstyle-src\t'none'\t;; ", of: one(Style), want: ";;\tstyle-src" + style + "\t;; "},

		{name: "copy of none", policy: "default-src 'none'", of: one(Script, Style, Image, Connect, Form, Frame), want: "default-src 'none'; " +
			"script-src" + script + "; style-src" + style + "; img-src" + image + "; connect-src" + connect + "; frame-src" + frame},
		{
			name: "copy", policy: "default-src a.example 'unsafe-inline' ;", of: one(Script, Style),
			want: "default-src a.example 'unsafe-inline' ; script-src a.example 'unsafe-inline'" + script + "; style-src a.example 'unsafe-inline'" + style,
		},
		{name: "copy of child-src", policy: "default-src 'self'; child-src 'none'", of: one(Frame), want: "default-src 'self'; child-src 'none'; frame-src" + frame},
		{
			name: "elements", policy: "script-src 'self'; script-src-elem 'none'; style-src 'none'; style-src-elem 'self'", of: one(Script, Style),
			want: "script-src 'self'; script-src-elem" + script + "; style-src 'none'; style-src-elem 'self'",
		},
		{
			name: "attributes", policy: "default-src 'none'; style-src-attr 'unsafe-inline'", of: one(Style),
			want: "default-src 'none'; style-src-attr 'unsafe-inline'; style-src" + style,
		},
		{name: "form", policy: "form-action 'none'", of: one(Form), want: "form-action" + form},
		{name: "form elsewhere", policy: "form-action https://pay.example", of: one(Form), want: "form-action https://pay.example" + form},

		{name: "style with nonce", policy: "style-src 'nonce-abc'", of: one(Style), nonce: "abc"},
		{name: "style with nonce of default-src", policy: "default-src 'nonce-a+/_-1=='", of: one(Style), nonce: "a+/_-1=="},
		{name: "nonce is not needed", policy: "style-src 'self' 'nonce-abc'", of: one(Style)},
		{name: "no nonces", policy: "style-src 'nonce-' 'nonce-<a>' 'nonce-a===' nonce-b", of: one(Style), want: "style-src 'nonce-' 'nonce-<a>' 'nonce-a===' nonce-b" + style},
		{name: "image has no nonce", policy: "default-src 'nonce-abc'", of: one(Image), want: "default-src 'nonce-abc'; img-src 'nonce-abc'" + image},
		{name: "script with nonce", policy: "script-src 'nonce-abc'", of: one(Script), nonce: "abc"},
		{name: "nonce and strict-dynamic", policy: "script-src 'self' 'nonce-abc' 'Strict-Dynamic'", of: one(Script), nonce: "abc", integrity: true},
		{
			name: "hash and strict-dynamic", policy: "script-src 'sha256-AA=' 'strict-dynamic' https:", of: one(Script),
			want: "script-src 'sha256-AA=' 'strict-dynamic' https:" + hash, integrity: true,
		},
		{name: "strict-dynamic says nothing of styles", policy: "default-src 'self' 'strict-dynamic'", of: one(Style)},
		{name: "hash", policy: "script-src 'sha256-AA='", of: one(Script), want: "script-src 'sha256-AA='" + script},
	} {
		lines := []string{test.policy}
		if test.want == "" {
			test.want = test.policy
		}
		a := testPage(test.of...).Admit(lines)
		if got := strings.Join(a.Lines, "|"); got != test.want {
			t.Errorf("%s: %q became\n%q, want\n%q", test.name, test.policy, got, test.want)
		}
		if a.ScriptNonce+a.StyleNonce != test.nonce || a.Integrity != test.integrity || len(a.Impossible) > 0 {
			t.Errorf("%s: %+v", test.name, a)
		}
		if test.want == test.policy && &a.Lines[0] != &lines[0] {
			t.Errorf("%s: the slice is another one", test.name)
		}
		if lines[0] != test.policy {
			t.Errorf("%s: the slice was written to", test.name)
		}
		if again := testPage(test.of...).Admit(a.Lines); &again.Lines[0] != &a.Lines[0] {
			t.Errorf("%s: %q became %q when admitted once more", test.name, a.Lines, again.Lines)
		}
	}
}

func TestAdmitBySeveral(t *testing.T) {
	const style, script, hash = " " + ours + testStyle, " " + ours + testScript, " '" + testIntegrity + "'"
	for _, test := range []struct {
		lines, want   []string
		script, style string
		integrity     bool
	}{
		{
			lines: []string{"style-src 'self', style-src 'none'", "default-src 'none'"},
			want:  []string{"style-src 'self', style-src" + style, "default-src 'none'; script-src" + script + "; style-src" + style},
		},
		{lines: []string{"script-src 'nonce-a'", "script-src 'self' 'nonce-b'"}, script: "a"},
		{lines: []string{"script-src 'nonce-a'", "script-src 'nonce-b'"}, want: []string{"script-src 'nonce-a'", "script-src 'nonce-b'" + script}, script: "a"},
		{
			lines: []string{"script-src 'nonce-a'", "script-src 'nonce-b' 'nonce-c'", "script-src 'nonce-c'"},
			want:  []string{"script-src 'nonce-a'" + script, "script-src 'nonce-b' 'nonce-c'", "script-src 'nonce-c'"}, script: "c",
		},
		{
			lines: []string{"script-src 'nonce-a'", "script-src 'nonce-b' 'strict-dynamic'"},
			want:  []string{"script-src 'nonce-a'" + script, "script-src 'nonce-b' 'strict-dynamic'"}, script: "b", integrity: true,
		},
		{
			lines: []string{"script-src 'nonce-a' 'strict-dynamic'", "script-src 'nonce-b' 'strict-dynamic'"},
			want:  []string{"script-src 'nonce-a' 'strict-dynamic'", "script-src 'nonce-b' 'strict-dynamic'" + hash}, script: "a", integrity: true,
		},
		{lines: []string{"script-src 'nonce-a'; style-src 'nonce-b'"}, script: "a", style: "b"},
		{lines: []string{"img-src x, default-src 'self' , style-src y,, "}, want: []string{"img-src x, default-src 'self' , style-src y" + style + ",, "}},
	} {
		if test.want == nil {
			test.want = test.lines
		}
		a := testPage(Script, Style).Admit(test.lines)
		if !slices.Equal(a.Lines, test.want) || a.ScriptNonce != test.script || a.StyleNonce != test.style || a.Integrity != test.integrity {
			t.Errorf("%q became\n%q with nonces %q and %q, integrity %t; want\n%q", test.lines, a.Lines, a.ScriptNonce, a.StyleNonce, a.Integrity, test.want)
		}
		if lasting := !strings.Contains(strings.Join(test.lines, ""), "nonce"); a.Lasting != lasting {
			t.Errorf("%q: lasting is %t", test.lines, a.Lasting)
		}
	}
}

// What was kept carries other nonces than those of the response that confirms it, and
// so may what is behind a meta element.
func TestAdmitWithoutNonces(t *testing.T) {
	const line = "script-src 'nonce-a' 'strict-dynamic'; style-src 'nonce-a'"
	page := testPage(Script, Style)
	const style = "; style-src 'nonce-a' " + ours + testStyle
	if got, want := page.AdmitStored([]string{line}).Lines, []string{"script-src 'nonce-a' 'strict-dynamic' '" + testIntegrity + "'" + style}; !slices.Equal(got, want) {
		t.Errorf("stored: %q, want %q", got, want)
	}
	if got, want := page.AdmitMeta(line), "script-src 'nonce-a' 'strict-dynamic'"+style; got != want {
		t.Errorf("meta: %q, want %q", got, want)
	}
	const inert = "sandbox; form-action "
	if got, want := testPage(Form).AdmitMeta(inert+"'none'"), inert+ours+testForm; got != want {
		t.Errorf("meta with a sandbox: %q, want %q", got, want)
	}
	if got := page.AdmitStored(nil).Lines; got != nil {
		t.Errorf("no lines became %q", got)
	}
}

func TestImpossible(t *testing.T) {
	for _, test := range []struct {
		host, policy string
		want         []Kind
	}{
		{ours, "sandbox", []Kind{Script, Connect, Form}},
		{ours, "sandbox Allow-Scripts", []Kind{Connect, Form}},
		{ours, "sandbox allow-scripts allow-same-origin", []Kind{Form}},
		{ours, "sandbox allow-forms", []Kind{Script, Connect, Form}},
		{ours, "sandbox allow-forms allow-same-origin", []Kind{Script, Connect}},
		{ours, "sandbox allow-forms allow-scripts allow-same-origin", nil},
		{"[::1]:8080", "default-src 'none'; script-src 'strict-dynamic'; style-src 'nonce-a'", []Kind{Image, Connect, Frame}},
		{"[::1]:8080", "default-src 'self'", nil},
		{"site.example.", "style-src a", []Kind{Style}},
		{"site.example; script-src *", "style-src a", []Kind{Style}},
		{"a,b", "style-src a", []Kind{Style}},
		{ours, "style-src é; style-src 'none'", []Kind{Style}},
		{"site.example:443x", "style-src a", []Kind{Style}},
		{"", "style-src a", []Kind{Style}},
	} {
		p := &Page{Secure: true, Host: test.host, Pieces: allPieces}
		if a := p.Admit([]string{test.policy}); !slices.Equal(a.Impossible, test.want) {
			t.Errorf("%s %q: impossible %v, want %v", test.host, test.policy, a.Impossible, test.want)
		}
	}
}

func TestHosts(t *testing.T) {
	for _, test := range []struct {
		secure     bool
		host, want string
	}{
		{true, "Site.Example", "site.example"},
		{true, "site.example:443", "site.example"},
		{true, "site.example:80", "site.example:80"},
		{false, "site.example:80", "site.example"},
		{false, "localhost:8080", "localhost:8080"},
		{false, "127.0.0.1:8080", "127.0.0.1:8080"},
	} {
		p := &Page{Secure: test.secure, Host: test.host, Pieces: []Piece{{Kind: Style, Path: "/a"}}}
		if got, want := p.Admit([]string{"style-src 'none'"}).Lines[0], "style-src "+test.want+"/a"; got != want {
			t.Errorf("%+v: %q, want %q", test, got, want)
		}
	}
}

func TestWithoutNonces(t *testing.T) {
	got := WithoutNonces([]string{"script-src 'nonce-a1==' 'self'", "style-src 'nonce-'  x"})
	if want := "script-src 'nonce' 'self', style-src 'nonce-' x"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func BenchmarkAdmit(b *testing.B) {
	page := testPage(Style, Form)
	for name, line := range map[string]string{
		"admitting": "default-src 'self'; img-src 'self' data: https://images.example; object-src 'none'; base-uri 'self'; form-action 'self'",
		"closed":    "default-src 'none'; img-src 'self' data: https://images.example; object-src 'none'; base-uri 'self'; form-action 'none'",
		"nonce":     "script-src 'nonce-abcdefghijklmnopqrstuvwx' 'strict-dynamic' https: 'unsafe-inline'; style-src 'nonce-abcdefghijklmnopqrstuvwx'; object-src 'none'",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				page.Admit([]string{line})
			}
		})
	}
}
