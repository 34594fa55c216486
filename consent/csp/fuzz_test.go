package csp

import (
	"slices"
	"strings"
	"testing"
)

// FuzzAdmit checks that what comes out admits the pieces, is admitted as it is, and
// says of everything else what was said before.
func FuzzAdmit(f *testing.F) {
	for _, line := range []string{
		"default-src 'none'", "default-src 'self'; style-src 'nonce-a' b.example", "script-src 'strict-dynamic' 'sha256-AA='",
		"script-src 'nonce-a' 'strict-dynamic', script-src 'nonce-b' 'strict-dynamic'", "child-src a.example/x; worker-src 'self'",
		"form-action\t'none';;style-src;style-src *;", "sandbox allow-forms; img-src https: data:", "STYLE-SRC 'NONE', ,default-src *:* http://*.example:*/%2ec/",
		"script-src-elem 'unsafe-inline'; script-src-attr é; default-src 'none' 'self'",
	} {
		f.Add(line, "style-src 'nonce-c'", ours, true)
	}
	f.Fuzz(func(t *testing.T, first, second, host string, secure bool) {
		lines := []string{first, second}
		page := &Page{Secure: secure, Host: host, Pieces: allPieces}
		a := page.Admit(lines)
		before, after := policiesOf(lines), policiesOf(a.Lines)
		if len(before) != len(after) {
			t.Fatalf("%q became %q: %d policies, then %d", lines, a.Lines, len(before), len(after))
		}
		for i := range before {
			checkAdmitted(t, page, &a, after[i])
			checkUnchanged(t, page, before[i].text, after[i].text)
		}
		if again := page.Admit(a.Lines); &again.Lines[0] != &a.Lines[0] || again.ScriptNonce != a.ScriptNonce || again.StyleNonce != a.StyleNonce {
			t.Fatalf("%q became %q, and then %q", lines, a.Lines, again.Lines)
		}
		stored := policiesOf(page.AdmitStored(lines).Lines)
		for i := range before {
			checkUnchanged(t, page, before[i].text, stored[i].text)
		}
	})
}

func policiesOf(lines []string) []*policy {
	var all []*policy
	for _, line := range lines {
		for text := range strings.SplitSeq(line, ",") {
			all = append(all, parse(text))
		}
	}
	return all
}

func checkAdmitted(t *testing.T, page *Page, a *Admission, p *policy) {
	t.Helper()
	g := newAdmitting(page, inResponse)
	for _, piece := range page.Pieces {
		d := p.governing(piece.Kind)
		if d == nil || slices.Contains(a.Impossible, piece.Kind) {
			continue
		}
		nonce := map[Kind]string{Script: a.ScriptNonce, Style: a.StyleNonce}[piece.Kind]
		g.kind = piece.Kind
		if !g.allows(d.sources, piece) && (nonce == "" || !d.sources.hasNonce(nonce)) {
			t.Fatalf("%q does not admit the %s with nonce %q", p.text, piece.Kind, nonce)
		}
	}
}

// fetched are the directives by which browsers decide, with those that stand for
// them where they are missing.
var fetched = [][]string{
	{"script-src-elem", "script-src", "default-src"},
	{"script-src-attr", "script-src", "default-src"},
	{"script-src", "default-src"},
	{"style-src-elem", "style-src", "default-src"},
	{"style-src-attr", "style-src", "default-src"},
	{"style-src", "default-src"},
	{"worker-src", "child-src", "script-src", "default-src"},
	{"frame-src", "child-src", "default-src"},
	{"child-src", "default-src"},
	{"img-src", "default-src"},
	{"connect-src", "default-src"},
	{"font-src", "default-src"},
	{"media-src", "default-src"},
	{"object-src", "default-src"},
	{"manifest-src", "default-src"},
	{"default-src"},
	{"form-action"},
	{"base-uri"},
	{"frame-ancestors"},
	{"sandbox"},
	{"report-uri"},
	{"report-to"},
	{"require-trusted-types-for"},
	{"upgrade-insecure-requests"},
}

// checkUnchanged checks that two policies differ by sources of the pieces alone.
func checkUnchanged(t *testing.T, page *Page, before, after string) {
	t.Helper()
	origin, _ := originOf(page.Secure, page.Host)
	isOurs := func(source string, list sources) bool {
		return slices.ContainsFunc(page.Pieces, func(p Piece) bool {
			return source == origin.authority()+p.Path || p.Kind == Script && list.has(strictDynamic) && source == "'"+p.Integrity+"'"
		})
	}
	for _, names := range fetched {
		was, governed := listOf(before, names)
		is, governs := listOf(after, names)
		if governed != governs {
			t.Fatalf("%q became %q: %s", before, after, names[0])
		}
		if slices.Equal(was, is) {
			continue
		}
		rest := is
		if !was.isNone() {
			if len(rest) < len(was) || !slices.Equal(rest[:len(was)], was) {
				t.Fatalf("%q became %q: %s", before, after, names[0])
			}
			rest = rest[len(was):]
		}
		for _, source := range rest {
			if !isOurs(source, was) {
				t.Fatalf("%q became %q: %s gained %s", before, after, names[0], source)
			}
		}
		for _, u := range foreign {
			if was.allowsURL(&origin, &u) != is.allowsURL(&origin, &u) {
				t.Fatalf("%q became %q: %s allows %+v", before, after, names[0], u)
			}
		}
	}
}

// listOf is the value of the first of some directives that a policy has, read as
// section 2.2.1 says.
func listOf(policy string, names []string) (sources, bool) {
	directives := map[string]sources{}
	for token := range strings.SplitSeq(policy, ";") {
		if strings.IndexFunc(token, func(r rune) bool { return r > 0x7f }) >= 0 {
			continue
		}
		words := strings.FieldsFunc(token, func(r rune) bool { return strings.ContainsRune(" \t\n\f\r", r) })
		if len(words) == 0 {
			continue
		}
		if name := strings.ToLower(words[0]); directives[name] == nil {
			directives[name] = append(sources{}, words[1:]...)
		}
	}
	for _, name := range names {
		if list := directives[name]; list != nil {
			return list, true
		}
	}
	return nil, false
}

var foreign = []location{
	{scheme: "https", host: ours, path: "/"},
	{scheme: "https", host: ours, path: "/.c/"},
	{scheme: "https", host: ours, path: testStyle + "x"},
	{scheme: "https", host: ours, port: "8443", path: testStyle},
	{scheme: "https", host: "evil.example", path: testStyle},
	{scheme: "https", host: "a.site.example", path: testScript},
	{scheme: "http", host: "evil.example", path: "/x.js"},
	{scheme: "wss", host: "evil.example", path: "/"},
	{scheme: "data", path: "text/css,"},
}
