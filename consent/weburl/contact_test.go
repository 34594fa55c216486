package weburl

import (
	"fmt"
	"html"
	"math/rand/v2"
	"net"
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

// A contactCase is markup that a browser is given, with a value in place of "%s" that
// holds URLs, and what finds them.
type contactCase struct {
	kind, markup, value string
}

// found returns the URLs that are found in a value.
func (c contactCase) found() []string {
	var urls []string
	switch c.kind {
	case "css":
		for ref := range CSS(c.value) {
			urls = append(urls, ref.URL)
		}
	case "srcset":
		urls = slices.Collect(Srcset(c.value))
	case "spaced":
		urls = slices.Collect(Spaced(c.value))
	case "refresh":
		urls = slices.Collect(Refresh(c.value))
	case "url":
		urls = []string{c.value}
	}
	return urls
}

// In values, "{H}" is a host of others with a path, and "{T}" the same behind two slashes.
var contactCases = func() []contactCase {
	var cases []contactCase
	add := func(kind, markup string, values ...string) {
		for _, v := range values {
			cases = append(cases, contactCase{kind, markup, v})
		}
	}
	add("css", `<style>%s</style>`, `@import "{T}";`, `@im\port "{T}"`, `@import url({T})`, `@import/**/'{T}'`, `@import "{T}`, `@import url({T}`, `<!-- @import "{T}"; -->`, `@charset "x"; @import "{T}";`,
		"@import \"\n{T}\";", "@import url(\n{T}\n);", "@import \"\\\n{T}\";", `@import url(a"{T});`, `@import url (a{T});`, `@layer a; @import "{T}";`, `@import u\72l({T})`, `@import "\2f\2f {H}"`, `@import url(\2f\2f {H})`,
		`@namespace "x"; @import "{T}";`, `@namespace url({T});`, `@import "{T}" supports(display: block) screen;`, `@foo; @import "{T}";`, `@import src("{T}");`, `@import image("{T}");`, `@import "/\/{H}"`, `@import "/\2f{H}"`, `@import "/\9 /{H}"`, `@import "http:{T}"`, `@import "http:\{T}"`, `@import '{T}`+"\n;", `@import {T};`, `@import url({T};`, `@import url("{T}";`, `@import url({T} ;`, `@import '{T};`, `@import "{T}';`, `@import ({T});`, `@import {T}"`, `@import {T} screen;`, `@import {T}{}`, `@import /{T};`, `@import \{T};`, `@import \\\{H};`, `@import //x@{H};`, `@import //127.0.0.1"@{H};`, `@import //127.0.0.1'@{H};`, `@import //127.0.0.1(@{H};`, `@import http:{T};`, `@import h\ttp:{T};`, `@import/**/{T};`, `@import /**/{T};`, `@import/**/ {T};`, `@import`+"\n"+`{T};`, `@im\port {T};`, `@import url{T};`, `@import url( {T};`, `@import "{T}"x;`, `@import x"{T}";`, `@import url({T})x;`, `@import xurl({T});`, `@import {T}`, `@charset {T};`, `@layer {T};`, `@namespace {T};`, `@charset "{T}"; @import {T};`, `@import "a" {T};`, `@import ""{T};`, `@import '"{T}"';`, `@import url('"{T}"');`, `@import url('{T}");`, `@import <{T}>;`, `@import {T},{T};`, `@import -{T};`, `p{} @import {T};`, `@x {T}; @import {T};`, `@media{@import {T};}`, `/* x */@import "{T}"`, `@import "{T}"/* x`)
	add("css", `<style>body{%s}</style>`, `background:url({T})`, `background:url("{T}")`, `background:u\72l({T})`, `background:url( {T} )`, `background:image-set("{T}" 1x)`, `background:-webkit-image-set("{T}" 1x)`, `background:-webkit-image-set(url({T}) 1x)`,
		`--u:url({T});background:var(--u)`, `--u:"{T}";background:image-set(var(--u) 1x)`, `background:image-set(var(--none, "{T}") 1x)`, `background:image("{T}")`, `background:src("{T}")`, `--u:"{T}";background:src(var(--u))`,
		`background:url(\2f\2f {H})`, `background:url("\68ttp:{T}")`, `background:1url({T})`, `background:url({T}`, `background:url("{T}`, `background:/*"*/url({T})`, `background:url(a b{T})`, `background:red url({T}) 1e3px/1.5em`, `background:cross-fade(url({T}),url({T}),50%)`,
		`cursor:url({T}),auto`, `filter:url({T}#a)`, `mask:url({T})`, `list-style:url({T})`, `border-image:url({T})`, `shape-outside:url({T})`, `background:image-set(type("x") "{T}" 1x)`, "x:'a\n;background:url({T})", `x:"a\";background:url({T})`, `x:[;background:url({T})`, `content:image-set("{T}" 1x)`, `background-image:paint(x), url({T})`, `--a:[; background:url({T})`)
	add("css", `<style>p::before{content:%s}</style><p>`, `url({T})`, `image-set("{T}" 1x)`, `"{T}"`, `"a" url({T}) / "b"`, `attr(x) url("{T}")`)
	add("css", `<style>%s</style><a href="{T}" title="x">y</a>`, `a[href^="http://localhost"]{background:url({T})}`, `a[href*="{H}"]{color:red}`, `a[title="x"]{background:image-set("{T}" 1x)}`)
	add("css", `<style>@font-face{font-family:f;src:%s}body{font-family:f}</style>x`, `url({T})`, `local("{T}")`, `local("none"),url("{T}") format("woff2")`, `src("{T}")`)
	add("css", `<style>@property --u{syntax:"*";inherits:false;initial-value:%s}body{background:image-set(var(--u) 1x)}</style>x`, `"{T}"`)
	add("css", `<style>@function --f() returns <string> {result:%s} body{background:image-set(--f() 1x)}</style>x`, `"{T}"`)
	add("css", `<body style="%s">x`, `background:url({T})`, `background:url('{T}')`, `background:image-set("{T}" 1x)`, `background:url(`+"\n"+`{T})`, `;;background:/**/url({T})`, `}background:url({T})`, `{background:url({T})}`, `background:u\52 L({T})`)
	add("srcset", `<img srcset="%s">`, `{T}`, `{T} 1x`, `,{T}`, ` ,, {T},`, `{T},, 2x`, `a 1x, {T} 9x`, `a (,{T} 9x`, `a (), {T} 9x`, `a ((), {T} 9x`, `{T} nonsense`, "\f{T}\v9x", "\v{T}", "\u00a0{T}", "\u2003{T}", `data:,x{T} 1x`, `a,{T} 9x`, `{T},{T} 2x`, "{T}\t9x", "http:\t{T}", `{T} 1x 2x`, `{T} 100w 1h`, `{T} (x`, `/{H}, /{T} 9x`)
	add("refresh", `<meta http-equiv=refresh content="%s">`, `0;url={T}`, `0;{T}`, `0,{T}`, `0 {T}`, `0;url='{T}'`, `0;url="{T}`, `0;url="{T}"x`, `0;url='{T}'x'`, `0;url=''{T}'`, `0;url='a'{T}'`, `0;url =  {T}`, `0;URL={T}`, `0;ur={T}`, `0;urll={T}`, `0;url{T}`, `0;url url={T}`, `;url={T}`, `0;;url={T}`, `x;url={T}`, `0.9;url={T}`, `.;{T}`, `-1;url={T}`, `+0;url={T}`,
		"0;url=\u00a0{T}", "0;url=\u2003{T}", "0;url=\u3000{T}", "0;url=\v{T}", "0;url=\x1c{T}", "0;url='\u2003{T}'", "0;url=\u2028{T}", "0;\u2003url={T}", "\u20030;url={T}", "0\u2003;url={T}", "0\v;url={T}", "0;\vurl={T}", "0;\v'{T}'", "0;url\v={T}", "0;url=\v'{T}'", "0;url='\ufeff{T}'", "0;url=\u1680{T}", "0;url=\u0085{T}", "0;url=\u200b{T}", "0;url=\u180e{T}", "\ufeff0;url={T}", "0;url=\ufeff{T}",
		"0\n;\nurl\n=\n{T}\n", "0;url=http:{T}", "0;url=/\t/{H}", `0;url=\\{H}`, `0;url="\\{H}"`, `0 url={T}`, `0 url '{T}'`, `0;"{T}`, `0;"url={T}"`, `0;url=url={T}`)
	add("url", `<img src="%s">`, `{T}`, "\u00a0{T}", "\u2003{T}", "\v{T}", "\x01{T}", "\x1c{T}", "\ufeff{T}", "/\n/{H}", `/\{H}`, `http:{T}`, `http:/{H}`, `http:{H}`, `ws:{T}`, `view-source:http:{T}`, `foo:{T}`, `//x@{H}`, `//127.0.0.1@{H}`, `//127.0.0.1\@{H}`, `//LOCALHOST%2f{H}`, `///{H}`, `//{T}`, "{T}\v", `blob:http:{T}`, `filesystem:http:{T}`, `javascript:"{T}"`, `about:{T}`)
	add("url", `<link rel=stylesheet href="%s">`, `{T}`, "\u2003{T}", "\v{T}", "\x1c{T}", `\\{H}`, "\ufeff{T}")
	add("url", `<script src="%s"></script>`, `{T}`, "\u2003{T}", "\v{T}", "\x1c{T}", `\\{H}`, "\ufeff{T}")
	add("url", `<iframe src="%s"></iframe>`, `{T}`, "\u2003{T}", "\v{T}", "\x1c{T}", `\\{H}`, `foo:{T}`, "\ufeff{T}")
	add("url", `<video poster="%s"></video><input type=image src="%[1]s"><svg><image href="%[1]s"/></svg><object data="%[1]s"></object><embed src="%[1]s"><audio src="%[1]s"></audio><body background="%[1]s">`, `{T}`, "\u2003{T}", "\u00a0{T}", "\v{T}", "\x1c{T}", `\\{H}`, "\u3000{T}")

	add("spaced", `<a id=a href=#x ping="%s">x</a><script>a.click()</script>`, `{T}`, `/a {T}`, `{T} /a`, "{T}\f/a", "/a\t\n\r{T}", `/a,{T}`, `{T},/a`, "/a\v{T}", "/a\u00a0{T}", "/a\u2003{T}", "\u2003{T}", "\v{T}", `http:{T}`, `/\{H} a`)

	rnd := rand.New(rand.NewPCG(9, 10))
	random := func(n int, kind, markup, prefix string, pieces ...string) {
		for range n {
			var b strings.Builder
			b.WriteString(prefix)
			at := rnd.IntN(6)
			for i := range 8 {
				if i == at {
					b.WriteString("{T}")
				}
				b.WriteString(pieces[rnd.IntN(len(pieces))])
			}
			add(kind, markup, b.String())
		}
	}
	sheet := []string{"", "", "", "", "url(", "url('", `"`, `"`, "'", ")", ")", ");", "(", "image-set(", "@import ", "@import ", "@import url(", "/*", "*/", "\\", "\n", "\\\n", " ", ";", ";", "{", "}", "[", "]", "<!--", "-->", "a", "1", "--x:", "background:", "content:", "@namespace ", ",", "1x", "#", "@"}
	random(80, "css", `<style>%s</style>`, "", sheet...)
	random(80, "css", `<style>%s</style>`, "@import ", sheet...)
	random(80, "css", `<style>%s</style>`, "body{background:", sheet...)
	random(60, "css", `<body style="%s">`, "background:", sheet...)
	random(80, "srcset", `<img srcset="%s">`, "", "", "", "", " ", " ", ",", ",", "(", ")", "a", "1x", "9x", "\t", "\v")
	random(80, "refresh", `<meta http-equiv=refresh content="%s">`, "0;", "", "", "", " ", "'", "'", `"`, "url", "=", ";", "\u2003", "\v", "a", "url=")
	return cases
}()

// TestContacts gives a browser every case and looks whom it contacts: the others'
// host has to be among what is found, or something that is not known.
func TestContacts(t *testing.T) {
	var mu sync.Mutex
	contacted := map[int]bool{}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	value := func(i int) string {
		host := fmt.Sprintf("localhost:%s/x/%d", port, i)
		return strings.NewReplacer("{T}", "//"+host, "{H}", host).Replace(contactCases[i].value)
	}
	mux.HandleFunc("/x/{case}", func(w http.ResponseWriter, r *http.Request) {
		number := r.PathValue("case")
		number = number[:len(number)-len(strings.TrimLeft(number, "0123456789"))]
		if i, err := strconv.Atoi(number); err == nil && strings.HasPrefix(r.Host, "localhost:") {
			mu.Lock()
			contacted[i] = true
			mu.Unlock()
		}
		w.WriteHeader(http.StatusNotFound)
	})
	mux.HandleFunc("/case/{case}", func(w http.ResponseWriter, r *http.Request) {
		i, err := strconv.Atoi(r.PathValue("case"))
		if err != nil {
			http.NotFound(w, r) // what is relative to a case
			return
		}
		v := value(i)
		if !strings.Contains(contactCases[i].markup, "<style") {
			v = html.EscapeString(v)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		markup := strings.ReplaceAll(contactCases[i].markup, "{T}", "//localhost/")
		fmt.Fprintf(w, "<!DOCTYPE html><title>x</title>"+markup, v)
	})
	mux.HandleFunc("/all/{from}/{to}", func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.PathValue("from"))
		to, _ := strconv.Atoi(r.PathValue("to"))
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!DOCTYPE html><title>x</title>")
		for i := from; i < to; i++ {
			fmt.Fprintf(w, "<iframe src=/case/%d></iframe>", i)
		}
	})

	ctx := browser.Start(t)
	for from := 0; from < len(contactCases); from += 50 {
		to := min(from+50, len(contactCases))
		if err := chromedp.Do(ctx, chromedp.Navigate(fmt.Sprintf("%s/all/%d/%d", server.URL, from, to))); err != nil {
			t.Fatal(err)
		}
		// Some contacts come after all is loaded: wait until no more come.
		for known, quiet := -1, 0; quiet < 10; time.Sleep(100 * time.Millisecond) {
			mu.Lock()
			quiet++
			if len(contacted) != known {
				known, quiet = len(contacted), 0
			}
			mu.Unlock()
		}
	}
	mu.Lock()
	defer mu.Unlock()
	page := NewBase("http", strings.TrimPrefix(server.URL, "http://"), "/case/")
	surplus := map[string]int{}
	contacts := map[string]int{}
	for i := range contactCases {
		c := contactCases[i]
		c.value = value(i)
		blocked := false
		for _, url := range c.found() {
			u := page.Parse(url)
			blocked = blocked || u.Kind == Unknown || u.Kind == Invalid || u.Kind == Remote && u.Host != page.Host()
		}
		switch {
		case contacted[i] && !blocked:
			t.Errorf("%s: %q in %s contacts others, but only %q is found", c.kind, c.value, c.markup, c.found())
		case contacted[i]:
			contacts[c.kind]++
		case blocked:
			surplus[c.kind]++
		}
	}
	t.Logf("%d cases; contacts: %v; found without: %v", len(contactCases), contacts, surplus)
	for kind, least := range map[string]int{"css": 60, "srcset": 20, "refresh": 40, "url": 20, "spaced": 5} {
		if contacts[kind] < least {
			t.Errorf("only %d cases of %s contact others", contacts[kind], kind)
		}
	}
}
