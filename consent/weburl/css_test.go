package weburl

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestCSS(t *testing.T) {
	for in, want := range map[string]string{
		``:                                     "",
		`color: red`:                           "",
		`background: url(/a.png)`:              "!/a.png",
		`background: URL( /a.png )`:            "!/a.png",
		`background: url("/a.png")`:            "!/a.png",
		`background: url( '/a.png' )`:          "!/a.png",
		`background: url(/a.png`:               "!/a.png",
		`background: url("/a.png`:              "!/a.png",
		`background: u\72l(/a.png)`:            "!/a.png",
		`background: \75 r\6C("/a.png")`:       "!/a.png",
		`background: url(\2f\2f t.test)`:       "!//t.test",
		`background: url("\68ttps://t.test/")`: "!https://t.test/",
		`background: url(a\)b)`:                "!a)b",
		`background: url("a\"b\
c")`: `!a"bc`,
		"background: url('a\\\r\nb')":                 "!ab",
		`background: url(a b)`:                        "!a b",
		`background: url(a"b)`:                        `!a"b`,
		`background: url()`:                           "!",
		`background: url (a)`:                         "",
		`background: xurl(a)`:                         "",
		`background: -url(a)`:                         "",
		`background: 1url(a) 1e3url(b) 2.5eurl(c)`:    "",
		`background: 1 url(a)`:                        "!a",
		`background: 1.url(a)`:                        "!a",
		`#url(a) @url(b)`:                             "",
		`/* url(a) */ url(b) /* url(c)`:               "!b",
		`/*/url(a)*/url(b)`:                           "!b",
		`"/*" url(a) "*/"`:                            "/* !a */",
		`<!--url(a)-->url(b)`:                         "!a !b",
		`--url(a)`:                                    "",
		`--x: url(a); --y: "b"`:                       "!a b",
		`image-set("a" 1x, url(b) 2x, 'c' 3x)`:        "!a !b !c",
		`-webkit-image-set(var(--x, "a") 1x) "b"`:     "!a b",
		`image-set(type("a") ) "b"; image-set("c"`:    "!a b !c",
		`src("a") image("b")`:                         "!a !b",
		`@import "a";`:                                "!a",
		`@import/**/'a' screen;`:                      "!a",
		`@IM\port "a"`:                                "!a",
		`@import url(a) layer(x) supports(y: "z")`:    "!a !z",
		`@import "a"; "b"`:                            "!a b",
		`@import //t.test/a; "b"`:                     "!//t.test/a b",
		`@import /**/ http://t.test/"a b" x`:          `!http://t.test/"a !a b`,
		`@import x"a"`:                                `!x"a" !a`,
		`@import xurl(a"b)c"`:                         `!b)c`,
		`@import u\72l(a"b)`:                          `!a"b`,
		`@import \//t.test`:                           `!\//t.test`,
		`@import /*`:                                  "",
		"@import \"a\n//t.test\"; \"b\"":              "!a\n//t.test !;  !",
		"x: 'a\nurl(b)":                               "a !b",
		`@namespace url(a); @namespace x "b"; url(c)`: "!c",
		`@font-face{font-family:"f";src:local("g"),url(h) format("i")}`: "f g !h i",
		`a[href^="https://t.test"]{x:url(a)}`:                           "!a",
		`a[href="b"{--x:"c"}`:                                           "c",
		`a::before{content:"https://t.test" url(a) image-set("b" 1x)}`:  "!a !b",
		`a{con\74 ent /**/ : "x"; quotes: "y"}`:                         "y",
		`content "x"`:                                                   "x",
		`a{content:"x}`:                                                 "",
		`@charset "utf-8";`:                                             "utf-8",
		`"a\`:                                                           "a",
		`url(a\`:                                                        "!a",
		`\`:                                                             "",
		`"\0 \d800 \110000 \10ffff"`:                                    "\ufffd\ufffd\ufffd\U0010ffff",
		`"\1F600x\é"`:                                                   "😀xé",
	} {
		var got []string
		for ref := range CSS(in) {
			url := ref.URL
			if ref.Sure {
				url = "!" + url
			}
			got = append(got, url)
			if ref.Start < 0 || ref.Start >= ref.End || ref.End > len(in) || !ref.Sure && in[ref.Start] != '"' && in[ref.Start] != '\'' {
				t.Errorf("%q: %q from %d to %d", in, ref.URL, ref.Start, ref.End)
			}
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%q:\ngot  %q\nwant %q", in, got, want)
		}
	}
}

func TestRefsAreWholeTokens(t *testing.T) {
	in := `@import "a" screen; b { x: URL( c ) 'd\'e' url( "f" ) }`
	var tokens []string
	for ref := range CSS(in) {
		tokens = append(tokens, in[ref.Start:ref.End])
	}
	if want := []string{`"a"`, `URL( c )`, `'d\'e'`, `"f"`}; !slices.Equal(tokens, want) {
		t.Errorf("got %q, want %q", tokens, want)
	}
}

// In pieces of any length, the same is found at the same places.
func TestStyleInPieces(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	for range 300 {
		var b strings.Builder
		for b.Len() < 3*lookAhead {
			b.WriteString(randomStyle(rnd))
			b.WriteString([]string{"", "@import //t.test/x", "content/*" + strings.Repeat("x", rnd.IntN(2*lookAhead)) + "*/:'y'"}[max(rnd.IntN(30)-27, 0)])
		}
		sheet := b.String()
		want := slices.Collect(CSS(sheet))
		var got []Ref
		var style Style
		for from, to := 0, 0; from < len(sheet); to = min(to+1+rnd.IntN(700), len(sheet)) {
			for {
				n, ref, ok := style.Next(sheet[from:to], to == len(sheet))
				if ok {
					ref.Start += from
					ref.End += from
					got = append(got, ref)
				}
				if from += n; !ok {
					break
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q:\ngot  %+v\nwant %+v", sheet, got, want)
		}
	}
}

func TestSrcset(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "",
		" , ,":                           "",
		"a":                              "a",
		"a 1x":                           "a",
		"a, b 2x":                        "a b",
		"a 1x,b 2x":                      "a b",
		"a,b 2x":                         "a,b",
		"a,, b":                          "a b",
		", a 1x ,,b":                     "a b",
		"a (x, y) 1x, b":                 "a b",
		"a ((x), b":                      "a b",
		"a (x, b":                        "a",
		"a\t1x\n,\fb\r2x":                "a b",
		"data:,a 1x, //t.test/?a,b=c 2x": "data:,a //t.test/?a,b=c",
		"a nonsense, b":                  "a b",
	} {
		if got := join(Srcset(in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestSpaced(t *testing.T) {
	for in, want := range map[string]string{
		"":                  "",
		" \n":               "",
		"a":                 "a",
		" a\tb\n\f\rc,d ":   "a b c,d",
		"https://t.test/ /": "https://t.test/ /",
	} {
		if got := join(Spaced(in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestRefresh(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"5":                     "",
		"5;":                    "",
		"5; ":                   "",
		"0;url=/a":              "/a",
		"0;URL = /a ":           "/a",
		" 0 ; url=/a":           "/a",
		"0,url=/a":              "/a",
		"0 url=/a":              "/a",
		"0 /a":                  "/a",
		"0;/a":                  "/a",
		"0;;/a":                 ";/a",
		"0.5;url=/a":            "/a",
		"0;url='/a'":            "/a",
		"0;url=\"/a\" x":        "/a",
		"0;url='/a":             "/a",
		"0;'/a'":                "/a",
		"0;url='//t.test/a'/b'": "//t.test/a //t.test/a'/b",
		"0;url=''":              "",
		"0;url":                 "url",
		"0;ur=/a":               "ur=/a",
		"0;url /a":              "url /a",
		"0;url=url=/a":          "url=/a",
		"0;url=a b":             "a b",
		"0;\n\tURL\f=\r/a":      "/a",
	} {
		if got := join(Refresh(in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func join(urls iter.Seq[string]) string {
	return strings.TrimSpace(strings.Join(slices.Collect(urls), " "))
}

// styles are what style sheets of the tests are made of.
var styles = []string{"url(", "URL(", "\\75rl(", "image-set(", "@import ", "@namespace ", "content:", "--x:", "a", "b.png", "1", "2x", "e", "-", "--", "+", ".", "#", "\"", "'", "\"", "'", "(", ")", ")", "[", "]", "{", "}", ";", ":", ",", "/*", "*/", "/", "<!--", "-->", "\\", "\\\n", "\\2f", "\n", "\r\n", "\f", " ", " ", "é", "\x00", "\xff"}

func randomStyle(rnd *rand.Rand) string {
	var b strings.Builder
	for range rnd.IntN(12) {
		b.WriteString(styles[rnd.IntN(len(styles))])
	}
	return b.String()
}

// FuzzLists holds what is found against what it was found in.
func FuzzLists(f *testing.F) {
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 50 {
		f.Add(randomStyle(rnd))
	}
	f.Add("a 1x, b (2x,3x), c")
	f.Add("0; url='a'b'")
	f.Fuzz(func(t *testing.T, in string) {
		end := 0
		for ref := range CSS(in) {
			if ref.Start < end || ref.End <= ref.Start || ref.End > len(in) {
				t.Fatalf("%q from %d to %d, after %d", ref.URL, ref.Start, ref.End, end)
			}
			end = ref.End
		}
		for name, urls := range map[string]iter.Seq[string]{"srcset": Srcset(in), "spaced": Spaced(in), "refresh": Refresh(in)} {
			for url := range urls {
				if !strings.Contains(in, url) {
					t.Fatalf("%s: %q", name, url)
				}
				break // and no more
			}
			for url := range urls {
				if name != "refresh" && (url == "" || strings.ContainsAny(url, spaces)) {
					t.Fatalf("%s: %q", name, url)
				}
			}
		}
	})
}

func TestListsAllocateNothing(t *testing.T) {
	style := strings.Repeat(`a[href^="https://"]{background:#fff url("//t.test/a.png") 0 0/10px 1.5e3px no-repeat;src:url(b.woff2) format('woff2')}`, 10)
	n := 0
	allocs := testing.AllocsPerRun(10, func() {
		for ref := range CSS(style) {
			n += len(ref.URL)
		}
		for url := range Srcset("a.jpg 480w, b.jpg 800w, //t.test/c.jpg 1600w") {
			n += len(url)
		}
		for url := range Spaced("/ping https://t.test/ping") {
			n += len(url)
		}
		for url := range Refresh("5; url='https://t.test/'") {
			n += len(url)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkCSS(b *testing.B) {
	style := strings.Repeat(".nav > li:hover a[href^=\"https://\"] { margin: 0 auto 1.5em; background: #fff url(\"/img/a.png\") no-repeat; font-family: \"Open Sans\", sans-serif }\n/* a comment of some length */\n", 100)
	b.SetBytes(int64(len(style)))
	b.ReportAllocs()
	for b.Loop() {
		for range CSS(style) {
		}
	}
}

func BenchmarkSrcset(b *testing.B) {
	const srcset = "/img/a-480.jpg 480w, /img/a-800.jpg 800w, https://cdn.t.test/img/a-1600.jpg 1600w"
	b.SetBytes(int64(len(srcset)))
	b.ReportAllocs()
	for b.Loop() {
		for range Srcset(srcset) {
		}
	}
}

// Hostile lists take time in proportion to their length.
func BenchmarkHostile(b *testing.B) {
	for name, piece := range map[string]string{"brackets": "[(", "escapes": `\`, "comments": "/*", "strings": "@import '\n", "content": "content/*", "numbers": "-.", "urls": "url(", "quotes": `"'`} {
		for _, n := range []int{1 << 12, 1 << 14} {
			b.Run(fmt.Sprint(name, " ", n), func(b *testing.B) {
				in := strings.Repeat(piece, n)
				b.SetBytes(int64(len(in)))
				for b.Loop() {
					for range CSS(in) {
					}
				}
			})
		}
	}
}
