package csp

import (
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

const shim = `
fetch("` + testConnect + `" + document.currentScript.dataset.of)
addEventListener("load", () => document.forms[0].submit())
`

// policySite serves documents under policies, each as the application would send it
// and as it is when its pieces are admitted, and notes what is asked for.
type policySite struct {
	port  string
	lines [][]string

	mu    sync.Mutex
	asked map[string]bool
}

// atOnce is how many policies are measured at a time.
const atOnce = 4

// of names a document.
func of(i int, admitted bool) string { return fmt.Sprintf("?%d-%t", i, admitted) }

func (s *policySite) has(path, of string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[path+of]
}

func (s *policySite) page() *Page {
	sum := sha512.Sum384([]byte(shim))
	pieces := slices.Clone(allPieces)
	pieces[0].Integrity = "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
	return &Page{Host: "site.localhost:" + s.port, Pieces: pieces}
}

// other is what the policies decide about beside the pieces; INLINE is that a script
// of the page itself runs.
var other = []string{
	"INLINE", "ATTRIBUTE", "/own.js", "/own.css", "/own.gif", "/own.html", testStyle + "x", testScript + "/x",
	"//other.site.localhost:PORT/foreign.js", "//other.site.localhost:PORT/foreign.css", "//other.site.localhost:PORT/foreign.gif", "//other.site.localhost:PORT/foreign.html",
	"//other.site.localhost:PORT" + testScript, "//other.site.localhost:PORT" + testStyle, "//other.site.localhost:PORT" + testFrame,
}

func (s *policySite) document(w io.Writer, a *Admission, of string) {
	page := s.page()
	fmt.Fprintf(w, "<!DOCTYPE html><script nonce=%q integrity=%q src=%q data-of=%q></script>", a.ScriptNonce, page.Pieces[0].Integrity, testScript+of, of)
	fmt.Fprintf(w, "<link rel=stylesheet nonce=%q href=%q><img src=%q><iframe src=%q></iframe>", a.StyleNonce, testStyle+of, testImage+of, testFrame+of)
	fmt.Fprintf(w, "<form method=post action=%q></form>", testForm+of)
	for _, name := range other {
		address := strings.ReplaceAll(name, "PORT", s.port) + of
		switch {
		case name == "INLINE":
			fmt.Fprintf(w, `<script>new Image().src = "/INLINE%s"</script>`, of)
		case name == "ATTRIBUTE":
			fmt.Fprintf(w, `<img src="data:image/png,x" onerror='new Image().src = "/ATTRIBUTE%s"'>`, of)
		case strings.HasSuffix(name, ".js"), strings.HasPrefix(name, testScript):
			fmt.Fprintf(w, "<script src=%q></script>", address)
		case strings.Contains(name, ".css"):
			fmt.Fprintf(w, "<link rel=stylesheet href=%q>", address)
		case strings.HasSuffix(name, ".gif"):
			fmt.Fprintf(w, "<img src=%q>", address)
		default:
			fmt.Fprintf(w, "<iframe src=%q></iframe>", address)
		}
	}
}

func (s *policySite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := ""
	if strings.HasPrefix(r.Host, "other.") {
		host = "//other.site.localhost:PORT"
	}
	s.mu.Lock()
	s.asked[host+r.URL.Path+"?"+r.URL.RawQuery] = true
	s.mu.Unlock()
	w.Header().Set("Cache-Control", "no-store")
	switch path := r.URL.Path; {
	case path == "/":
		w.Header().Set("Content-Type", "text/html")
		from, _ := strconv.Atoi(r.URL.RawQuery)
		for i := range s.lines[from:min(from+atOnce, len(s.lines))] {
			fmt.Fprintf(w, "<iframe src=%q></iframe><iframe src=%q></iframe>", "/document"+of(from+i, false), "/document"+of(from+i, true))
		}
	case path == "/document":
		w.Header().Set("Content-Type", "text/html")
		n, admitted, _ := strings.Cut(r.URL.RawQuery, "-")
		i, err := strconv.Atoi(n)
		if err != nil || i >= len(s.lines) {
			http.NotFound(w, r)
			return
		}
		a := s.page().Admit(s.lines[i])
		w.Header()["Content-Security-Policy"] = s.lines[i]
		if admitted == "true" {
			w.Header()["Content-Security-Policy"] = a.Lines
		}
		s.document(w, &a, "?"+r.URL.RawQuery)
	case path == testScript:
		w.Header().Set("Content-Type", "text/javascript")
		io.WriteString(w, shim)
	case strings.Contains(path, ".js"):
		w.Header().Set("Content-Type", "text/javascript")
	case strings.Contains(path, ".css"):
		w.Header().Set("Content-Type", "text/css")
	case path == testForm:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Content-Type", "text/html")
	}
}

// measured are policies of every kind. PORT stands for the port of the site.
var measured = [][]string{
	{"default-src 'none'"},
	{"default-src 'none'; script-src 'self'; img-src *"},
	{"default-src 'self'"},
	{"default-src 'self' 'unsafe-inline'"},
	{"default-src 'unsafe-inline' data:; img-src *"},
	{"default-src *"},
	{"default-src http:"},
	{"default-src https: data:"},
	{"default-src site.localhost:PORT"},
	{"default-src http://site.localhost:PORT"},
	{"default-src https://site.localhost:PORT"},
	{"default-src SITE.LocalHost:PORT/.C/"},
	{"default-src SITE.LocalHost:PORT/.c/"},
	{"default-src site.localhost:PORT/.c"},
	{"default-src site.localhost:*"},
	{"default-src *:PORT"},
	{"default-src *:*/.c/"},
	{"default-src *:1"},
	{"default-src site.localhost"},
	{"default-src *.localhost:*"},
	{"default-src *.site.localhost:*"},
	{"default-src localhost:*"},
	{"default-src *localhost:*"},
	{"default-src site.localhost:PORT/%2ec/"},
	{"default-src site.localhost:PORT//.c/"},
	{"default-src site.localhost:PORT/"},
	{"default-src site.localhost:PORT/?x"},
	{"default-src http://site.localhost:PORT/.c/banner.1.css?x"},
	{"default-src site.localhost:PORT/.c/shim.1.js"},
	{"default-src http://user@site.localhost:PORT"},
	{"default-src http:// site.localhost:"},
	{"default-src 'none' 'self'"},
	{"default-src 'none' 'none'"},
	{"default-src"},
	{"default-src 'SELF'"},
	{"default-src self"},
	{"default-src \xc3\xa9; style-src 'none'"},
	{"default-src 'self' \xc3\xa9; img-src *"},
	{"default-src 'self'\t;\tstyle-src\t'none'"},
	{"default-src 'self'; default-src 'none'"},
	{"default-src 'self';; ;style-src 'none' ;"},
	{"DEFAULT-SRC 'None'"},
	{"style-src 'none'"},
	{"style-src-elem 'none'"},
	{"style-src 'none'; style-src-elem 'self'"},
	{"style-src 'self'; style-src-elem 'none'"},
	{"style-src 'nonce-abc'"},
	{"style-src 'nonce-a+/_-='"},
	{"style-src 'nonce-a<b'"},
	{"style-src 'NONCE-abc'"},
	{"default-src 'nonce-abc'; img-src *"},
	{"default-src 'nonce-abc' 'strict-dynamic'; img-src *"},
	{"default-src 'self' 'strict-dynamic' 'unsafe-inline'; img-src *"},
	{"script-src 'nonce-abc'"},
	{"script-src 'nonce-abc' 'unsafe-inline'"},
	{"script-src 'nonce-abc' 'strict-dynamic' 'unsafe-inline' https:"},
	{"script-src 'strict-dynamic'"},
	{"script-src 'strict-dynamic' 'unsafe-inline'"},
	{"script-src 'STRICT-dynamic' 'sha256-Nuj4nBN7KniZWIi+SDBJssRQEOvvciKGxpSoAJW3n6Y='"},
	{"script-src 'sha256-Nuj4nBN7KniZWIi+SDBJssRQEOvvciKGxpSoAJW3n6Y='"},
	{"script-src 'unsafe-inline' 'unsafe-eval'"},
	{"script-src 'unsafe-hashes' 'sha256-Nuj4nBN7KniZWIi+SDBJssRQEOvvciKGxpSoAJW3n6Y='"},
	{"script-src 'none'; script-src-elem 'self'; script-src-attr 'unsafe-inline'"},
	{"script-src-elem 'nonce-abc' 'strict-dynamic'; script-src 'self'"},
	{"script-src-attr 'none'; default-src 'none'; img-src *"},
	{"img-src 'none'"},
	{"img-src data:"},
	{"connect-src 'none'"},
	{"form-action 'none'"},
	{"form-action https://pay.example"},
	{"frame-src 'none'"},
	{"child-src 'none'"},
	{"child-src 'none'; frame-src 'self'"},
	{"child-src 'none'; worker-src 'self'; default-src *"},
	{"default-src 'self', style-src 'none'"},
	{"default-src 'self'", "style-src 'none' , script-src 'none', , connect-src 'none'"},
	{"script-src 'nonce-a'", "script-src 'nonce-b'"},
	{"script-src 'nonce-a'", "script-src 'self'"},
	{"script-src 'nonce-a'", "script-src 'nonce-b' 'strict-dynamic'"},
	{"script-src 'nonce-a' 'strict-dynamic'", "script-src 'nonce-b' 'strict-dynamic'"},
	{"style-src 'nonce-a'", "style-src 'nonce-b'"},
	{"sandbox"},
	{"sandbox allow-scripts"},
	{"sandbox allow-scripts; default-src 'self'"},
	{"sandbox allow-scripts allow-same-origin allow-forms; default-src 'none'"},
	{"require-trusted-types-for 'script'; trusted-types 'none'"},
	{"upgrade-insecure-requests; block-all-mixed-content; frame-ancestors 'self'; base-uri 'none'"},
}

// hasty are the policies that allow a piece to Chromium but not here, which makes
// them gain a source that Chromium could do without.
var hasty = map[string]string{
	"default-src site.localhost:PORT/?x":                       "the grammar has no query",
	"default-src http://site.localhost:PORT/.c/banner.1.css?x": "the grammar has no query",
}

// TestAdmitInChromium loads a document under each policy: once it is admitted, every
// piece works, and everything else does that did before, and nothing else.
func TestAdmitInChromium(t *testing.T) {
	ctx := browser.Start(t)
	s := &policySite{asked: map[string]bool{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.port = server.URL[strings.LastIndexByte(server.URL, ':')+1:]
	for _, lines := range measured {
		lines = slices.Clone(lines)
		for i := range lines {
			lines[i] = strings.ReplaceAll(lines[i], "PORT", s.port)
		}
		s.lines = append(s.lines, lines)
	}
	for i, lines := range s.lines {
		if i%atOnce == 0 {
			if err := chromedp.Do(ctx, chromedp.Navigate(fmt.Sprintf("http://site.localhost:%s/?%d", s.port, i))); err != nil {
				t.Fatalf("%q: %v", lines, err)
			}
		}
		for range 50 { // the forms come last
			if s.has(testForm, of(i, true)) || slices.Contains(s.page().Admit(lines).Impossible, Form) {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		a := s.page().Admit(lines)
		needed := false
		for _, piece := range s.page().Pieces {
			if piece.Kind == Connect || piece.Kind == Form {
				needed = true // they only work where the script does
			}
			needed = needed || !s.has(piece.Path, of(i, false))
			// What a sandbox makes useless is asked for all the same.
			if !s.has(piece.Path, of(i, true)) && !slices.Contains(a.Impossible, piece.Kind) {
				t.Errorf("%q, admitted as\n%q: the %s is blocked", lines, a.Lines, piece.Kind)
			}
		}
		if !needed && &a.Lines[0] != &lines[0] && hasty[measured[i][0]] == "" {
			t.Errorf("%q admits everything and became %q", lines, a.Lines)
		}
		for _, name := range other {
			path := name
			if !strings.HasPrefix(name, "/") {
				path = "/" + name
			}
			if before, after := s.has(path, of(i, false)), s.has(path, of(i, true)); before != after {
				t.Errorf("%q, admitted as\n%q: %s was allowed: %t, is: %t", lines, a.Lines, name, before, after)
			}
		}
	}
}
