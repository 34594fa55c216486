package rewrite

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// loading are attributes that make browsers load something, or do.
var loading = []string{"src", "srcset", "href", "xlink:href", "data", "poster", "action", "background"}

var shownElements = NewElements("a", "body", "html", "iframe", "image", "img", "input", "link", "object", "script", "svg", "td", "video", "x-long-name")

// disarm renames what loads, and makes scripts inert.
func disarm(t *Tag) {
	for _, attr := range loading {
		t.Rename(NameOf(attr), NewDataName("data-x-"+strings.ReplaceAll(attr, ":", "-")))
	}
	if t.Name() == nameScript && !t.Ahead() {
		t.Rename(NameOf("type"), NewDataName("data-x-type"))
		t.Set("type", "text/plain")
	}
}

func disarming() Options { return Options{Edit: disarm, Elements: shownElements} }

func TestEdit(t *testing.T) {
	long := strings.Repeat("x", 2*maxTag)
	for _, c := range []struct{ name, page, want string }{
		{"none", "<p src=x>", "<p src=x>"},
		{"unquoted", "<img src=x>", "<img data-x-src=x>"},
		{"quoted", `<img alt="<img src=x>" src="a>b" id=1>`, `<img alt="<img src=x>" data-x-src="a>b" id=1>`},
		{"any case", "<IMG\nSRC = 'x'/>", "<IMG\ndata-x-src = 'x'/>"},
		{"duplicates", "<img src=x SRC='y' src>", "<img data-x-src=x data-x-SRC='y' data-x-src>"},
		{"no space", `<img/src="x"srcset='y'>`, `<img/data-x-src="x"data-x-srcset='y'>`},
		{"equals in a name", "<img =src=x src==x>", "<img =src=x data-x-src==x>"},
		{"end tag", "<img src=x></img src=x>", "<img data-x-src=x></img src=x>"},
		{"in CDATA", "<svg><![CDATA[<img src=x><img src=x>]]><image href=x>", "<svg><![CDATA[<img src=x><img data-x-src=x>]]><image data-x-href=x>"},
		{"in CDATA that is none", "<![CDATA[<img src=x><img src=x>]]>", "<![CDATA[<img src=x><img data-x-src=x>]]>"},
		{"in CDATA without end", "<svg><![CDATA[><img src=x><script src=x type=y>a</script> ", "<svg><![CDATA[><img data-x-src=x><script data-x-src=x type=y>a</script> "},
		{"behind style in svg", `<svg><style><!--</style><img src=x><noscript><img src=x></noscript>--><img src=x></style><img src=x>`, `<svg><style><!--</style><img data-x-src=x><noscript><img data-x-src=x></noscript>--><img data-x-src=x></style><img data-x-src=x>`},
		{"in a value behind style in svg", `<svg><style><a title="</style><script src=x></script>" href=x>`, `<svg><style><a title="</style><script data-x-src=x></script>" data-x-href=x>`},
		{"title in title in svg", `<svg><title><svg><title><style></title></svg><img src=x></style><img src=x>`, `<svg><title><svg><title><style></title></svg><img data-x-src=x></style><img data-x-src=x>`},
		{"text in svg", `<svg><title>x</title><style>y</style><script>z</script><image href=x></svg>`, `<svg><title>x</title><style>y</style><script type="text/plain">z</script><image data-x-href=x></svg>`},
		{"script in svg", `<svg><script src=x><![CDATA[</script><img src=x>]]></script><img src=x>`, `<svg><script type="text/plain" data-x-src=x><![CDATA[</script><img data-x-src=x>]]></script><img data-x-src=x>`},
		{"plaintext in svg", `<svg><plaintext><script src=x type=y></script></svg><img src=x>`, `<svg><plaintext><script type="text/plain" data-x-src=x data-x-type=y></script></svg><img data-x-src=x>`},
		{"unfinished", "<img src=x><img src=x ", "<img data-x-src=x><img src=x "},
		{"in a comment", "<!-- <img src=x> --><img src=x>", "<!-- <img src=x> --><img data-x-src=x>"},
		{"in a script", `<script>"<img src=x>"</script>`, `<script type="text/plain">"<img src=x>"</script>`},
		{"script", `<script async src=x type=module TYPE="text/javascript">`, `<script type="text/plain" async data-x-src=x data-x-type=module data-x-type="text/javascript">`},
		{"in svg style", "<svg><style><image href=x /></style>", "<svg><style><image data-x-href=x /></style>"},
		{"in style", "<style><image href=x /></style>", "<style><image href=x /></style>"},
		{"in a template", "<template><img src=x></template>", "<template><img data-x-src=x></template>"},
		{"in noscript", "<noscript><img src=x><style><img src=x></style></noscript><img src=x>", "<noscript><img data-x-src=x><style><img src=x></style></noscript><img data-x-src=x>"},
		{"that begins in noscript", `<noscript><p title="</noscript><img src=x>">`, `<noscript><p title="</noscript><img data-x-src=x>">`},
		{"open in noscript", `<noscript><img src=x title="</noscript>"><img src=x>`, `<noscript><img src=x title="</noscript>"><img data-x-src=x>`},
		{"head", "<html background=x><head><link href=x><body background=x>", "<html data-x-background=x><head><link data-x-href=x><body data-x-background=x>"},
		{"long name", "<x-long-name src=x>", "<x-long-name data-x-src=x>"},
		{"longer name", "<x-long-names src=x>", "<x-long-names src=x>"},
		{"long value", `<img src="` + long + `" alt=x data=y>`, `<img data-x-src="` + long + `" alt=x data-x-data=y>`},
		{"long other value", `<img alt="` + long + `" src=y><img src=y>`, `<img alt="` + long + `" data-x-src=y><img data-x-src=y>`},
		{"long unquoted value", `<img alt=` + long + ` src=y>`, `<img alt=` + long + ` data-x-src=y>`},
		{"long values", `<img src=y alt="` + long + `"src='` + long + `'src=y>`, `<img data-x-src=y alt="` + long + `"data-x-src='` + long + `'data-x-src=y>`},
		{"long attribute name", `<img ` + long + `=1 src=y ` + long + ` src="z">`, `<img ` + long + `=1 data-x-src=y ` + long + ` data-x-src="z">`},
		{"long space", `<img src` + strings.Repeat(" ", 2*maxTag) + `=y src=y>`, `<img data-x-src` + strings.Repeat(" ", 2*maxTag) + `=y data-x-src=y>`},
		{"long script tag", `<script a="` + long + `" type=module src=y>`, `<script type="text/plain" a="` + long + `" data-x-type=module data-x-src=y>`},
		{"many attributes", "<img" + strings.Repeat(" a", 3*maxAttributes) + " src=x>", "<img" + strings.Repeat(" a", 3*maxAttributes) + " data-x-src=x>"},
		{"very many attributes", "<img" + strings.Repeat(" src", maxTag) + ">", "<img" + strings.Repeat(" data-x-src", maxTag) + ">"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := strings.ReplaceAll(c.want, "data-x-SRC", "data-x-src")
			for _, n := range append(chunkSizes, maxTag-1, maxTag, maxTag+1) {
				if got, _ := rewritten(t, disarming(), c.page, n); got != want {
					t.Fatalf("chunks of %d:\n page %.300q\n got  %.300q\n want %.300q", n, c.page, got, want)
				}
			}
		})
	}
}

// TestEditMeta shows <meta> tags before the body alone, beside what Edit is shown.
func TestEditMeta(t *testing.T) {
	name := func(tag *Tag) { tag.Set("name", "m") }
	for _, c := range []struct{ page, want string }{
		{"<meta a><p><meta a>", `<meta name="m" a>[body]<p><meta a>`},
		{"<html><head><META A/></head><meta b><body><meta c>", `<html><head><META name="m" A/></head><meta name="m" b><body>[body]<meta c>`},
		{"<title><meta></title><script><meta></script><!-- <meta> --><style><meta></style>x<meta>", "<title><meta></title><script><meta></script><!-- <meta> --><style><meta></style>[body]x<meta>"},
		{"<head><noscript><meta a></noscript><meta b><body>", `<head><noscript><meta a></noscript><meta name="m" b><body>[body]`},
		{"<template><meta a></template><body>", `<template><meta name="m" a></template><body>[body]`},
		{"<meta a", "<meta a"},
	} {
		for _, n := range chunkSizes {
			options := Options{EditMeta: name, BodyStart: func(Head) []byte { return []byte("[body]") }}
			if got, _ := rewritten(t, options, c.page, n); got != c.want {
				t.Errorf("%q in chunks of %d:\n got  %q\n want %q", c.page, n, got, c.want)
			}
		}
	}
}

// TestTag looks at what a Tag tells and does.
func TestTag(t *testing.T) {
	for _, c := range []struct {
		page, want string
		edit       func(*Tag) string
		told       string
	}{
		{
			`<link rel="a&amp;b" HREF=//x&#x2f;y REL>`, "", func(t *Tag) string {
				return fmt.Sprintf("%t %d %q %q %q %d", t.Whole(), t.Len(), t.Value(0), t.AppendValue(nil, 1), t.Value(2), t.Find(NameOf("REL")))
			}, `true 3 "a&amp;b" "//x/y" "" 0`,
		},
		{`<link a>`, "", func(t *Tag) string { return fmt.Sprint(t.Find(NameOf("b")), t.Attribute(0) == NameOf("A")) }, "-1 true"},
		{`<link b>x`, "x", func(t *Tag) string { return fmt.Sprint(t.Drop()) }, "true"},
		{`<svg><link b>x`, "", func(t *Tag) string { return fmt.Sprint(t.Drop()) }, "false"},
		{`<svg><img b>x`, "<svg>x", func(t *Tag) string { return fmt.Sprint(t.Drop()) }, "true"},
		{`<script>x`, "", func(t *Tag) string { return fmt.Sprint(t.Drop()) }, "false"},
		{`<link b>x`, "<b></b>x", func(t *Tag) string { return fmt.Sprint(t.Replace("<b></b>")) }, "true"},
		{`<img src=x alt>`, `<img src="a&amp;&#34;&lt;&gt;&#233;&#10;" alt>`, func(t *Tag) string { return fmt.Sprint(t.Set("src", "a&\"<>é\n")) }, "true"},
		{`<img src='x'alt>`, `<img src="y"alt>`, func(t *Tag) string { return fmt.Sprint(t.Set("src", "y")) }, "true"},
		{`<img src = >`, `<img src="y">`, func(t *Tag) string { return fmt.Sprint(t.Set("src", "y")) }, "true"},
		{`<img src src="">`, `<img src="y" src="y">`, func(t *Tag) string { return fmt.Sprint(t.Set("src", "y")) }, "true"},
		{`<img/>`, `<img a="1" b="2"/>`, func(t *Tag) string { return fmt.Sprint(t.Set("a", "1"), t.Set("b", "2")) }, "true true"},
		{`<img src=x>`, `<img src="y" data-z=x>`, func(t *Tag) string {
			return fmt.Sprint(t.Rename(NameOf("src"), NewDataName("data-z")), t.Set("src", "y"), t.Rename(NameOf("b"), NewDataName("data-b")))
		}, "true true false"},
		{`<img src=x>`, `<img data-z="y">`, func(t *Tag) string {
			return fmt.Sprint(t.Rename(NameOf("src"), NewDataName("data-z")), t.Set("data-z", "y"))
		}, "true true"},
	} {
		for _, n := range chunkSizes {
			told := ""
			o := Options{Elements: NewElements("link", "img", "script"), Edit: func(t *Tag) { told = c.edit(t) }}
			want := c.want
			if want == "" {
				want = c.page
			}
			if got, _ := rewritten(t, o, c.page, n); got != want || told != c.told {
				t.Fatalf("%q in chunks of %d:\n got  %q, told %s\n want %q, told %s", c.page, n, got, told, want, c.told)
			}
		}
	}
	for name, edit := range map[string]func(*Tag){
		"rename to a name with a meaning": func(t *Tag) { t.Rename(nameScript, NewDataName("src")) },
		"rename to no name":               func(t *Tag) { t.Rename(nameScript, NewDataName("data-x y")) },
		"set an event handler":            func(t *Tag) { t.Set("onload", "x") },
		"set no name":                     func(t *Tag) { t.Set("a b", "x") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			rewritten(t, Options{Elements: shownElements, Edit: edit}, "<img>", 9)
		})
	}
}

// TestLongTagParts looks at what is shown of tags that are too long to be shown whole.
func TestLongTagParts(t *testing.T) {
	long := strings.Repeat("y", maxTag)
	page := `<img alt=a src="//x/` + long + `" src=z` + strings.Repeat(" b", maxTag) + ">"
	for _, n := range append(chunkSizes, maxTag) {
		var told []string
		attributes := 0
		o := Options{Elements: shownElements, Edit: func(t *Tag) {
			if t.Whole() || t.Drop() {
				told = append(told, "whole")
			}
			for i := range t.Len() {
				if attributes++; attributes > 3 {
					continue
				}
				told = append(told, fmt.Sprintf("%.9q %t %t", t.Value(i), t.Partial(i), t.Set("src", "")))
			}
		}}
		rewritten(t, o, page, n)
		if want := []string{`"a" false true`, `"//x/yyyyy" true false`, `"z" false true`}; !slices.Equal(told, want) || attributes != 3+maxTag {
			t.Fatalf("in chunks of %d: told %q and %d attributes, want %q and %d", n, told, attributes, want, 3+maxTag)
		}
	}
}

// TestHeadStart has pages in which [ stands for the text at the start of the head.
func TestHeadStart(t *testing.T) {
	for _, page := range []string{
		"<!DOCTYPE html><html><head a='>'>[<title>x</title></head><body>",
		"<!DOCTYPE html>\n<!-- x --><html lang=x>\n[<title>x</title><head><body>",
		"[<body>", "[<p>", " [x", "\xef\xbb\xbf[x", "[</head><p>", "</p>[</body>", "&#32;[<frameset>", "<HEAD/>[<script>",
		"<html></div>[", "<head>[", "<!-- <head> -->[<template><head></template>",
	} {
		want := strings.Replace(page, "[", "<script></script>", 1)
		in := strings.Replace(page, "[", "", 1)
		o := Options{HeadStart: func() []byte { return []byte("<script></script>") }, BodyStart: func(Head) []byte { return nil }}
		for _, n := range chunkSizes {
			if got, _ := rewritten(t, o, in, n); got != want {
				t.Errorf("%q in chunks of %d: got %q, want %q", in, n, got, want)
			}
		}
	}
	for _, c := range []struct{ page, closed string }{{"<!-- x", "-->"}, {"<!x", ">"}, {"\n<!-- x --", ">"}} {
		for _, n := range chunkSizes {
			o := Options{HeadStart: func() []byte { return []byte("[") }}
			if got, _ := rewritten(t, o, c.page, n); got != c.page+c.closed+"[" {
				t.Errorf("%q in chunks of %d: got %q", c.page, n, got)
			}
			o.BodyStart = func(Head) []byte { return []byte("]") }
			if got, _ := rewritten(t, o, c.page, n); got != c.page+c.closed+"[]" {
				t.Errorf("%q in chunks of %d: got %q", c.page, n, got)
			}
		}
	}
	o := Options{HeadStart: func() []byte { return []byte("!") }, DocumentOnly: true, Edit: disarm, Elements: shownElements}
	if got, r := rewritten(t, o, "<img src=x><head>", 3); got != "<img src=x><head>" || r.Skipped() != Fragment {
		t.Errorf("a fragment became %q, %s", got, r.Skipped())
	}
}

func TestMeta(t *testing.T) {
	const page = "<meta charset=a><title><meta charset=b></title><META content='text/html; charset&#61;c' HTTP-EQUIV=Content-Type charset=d charset=e><template><meta charset=t></template><body><meta charset=f>"
	want := []string{"||a", "Content-Type|text/html; charset=c|d", "||t"}
	for _, n := range chunkSizes {
		for i, o := range []Options{{}, marks(false), disarming()} {
			var got []string
			o.Meta = func(httpEquiv, content, charset string) { got = append(got, httpEquiv+"|"+content+"|"+charset) }
			out, _ := rewritten(t, o, page, n)
			if !slices.Equal(got, want) {
				t.Errorf("%d in chunks of %d: told %q, want %q", i, n, got, want)
			}
			if i == 0 && out != page {
				t.Errorf("the page became %q", out)
			}
		}
	}
}

// checkEdits compares the document of an edited page with the edited document of
// the page.
func checkEdits(t *testing.T, page string) {
	t.Helper()
	out, r := rewritten(t, disarming(), page, len(page)+1)
	if parserDiffers(page) != "" || r.page.lost || r.page.uncertain > 0 {
		return
	}
	before, after := parse(t, page), parse(t, out)
	for n := range before.Descendants() {
		if n.Type == html.ElementNode && shownElements.has(tagOf(NameOf(n.Data)), NameOf(n.Data)) {
			disarmNode(n)
		}
	}
	if asSeen(r, before) != asSeen(r, after) {
		t.Fatalf("page   %q\n became %q\n wanted\n%s got\n%s", page, out, dump(before), dump(after))
	}
}

// asSeen is dump, but for what is renamed in text and comments where a page was read
// ahead of parsing.
func asSeen(r *Rewriter, n *html.Node) string {
	s := dump(n)
	if r.ahead.reader != nil {
		s = strings.ReplaceAll(s, blockedPrefix, "")
	}
	return s
}

func disarmNode(n *html.Node) {
	rename := func(from, to string) {
		for i := range n.Attr {
			key := n.Attr[i].Key
			if n.Attr[i].Namespace != "" {
				key = n.Attr[i].Namespace + ":" + key
			}
			if strings.EqualFold(key, from) {
				n.Attr[i].Key, n.Attr[i].Namespace = to, ""
			}
		}
	}
	for _, attr := range loading {
		rename(attr, "data-x-"+strings.ReplaceAll(attr, ":", "-"))
	}
	if n.Data == "script" {
		rename("type", "data-x-type")
		n.Attr = slices.Insert(n.Attr, 0, html.Attribute{Key: "type", Val: "text/plain"})
	}
}

// checkEditSplits checks that edits do not depend on how a page is split, and that
// there is nothing to edit in an edited page.
func checkEditSplits(t *testing.T, page string, chunks ...int) {
	t.Helper()
	want, _ := rewritten(t, disarming(), page, len(page)+1)
	for _, n := range chunks {
		if got, _ := rewritten(t, disarming(), page, n); got != want {
			t.Fatalf("%q gives\n %q, in chunks of %d\n %q", page, want, n, got)
		}
	}
	nothing := Options{Elements: shownElements, Edit: func(*Tag) {}}
	if got, _ := rewritten(t, nothing, page, len(page)/2+1); got != page {
		t.Fatalf("%q without a change became %q", page, got)
	}
	renames := Options{Elements: shownElements, Edit: func(t *Tag) { t.Rename(NameOf("src"), NewDataName("data-x-src")) }}
	once, _ := rewritten(t, renames, page, len(page)+1)
	if twice, _ := rewritten(t, renames, once, len(once)+1); twice != once {
		t.Fatalf("%q became\n %q, and that\n %q", page, once, twice)
	}
}

var editPieces = append([]string{
	"<img", "<img ", "<a", "<script", "<image", "<iframe", "<object", "<x-long-name", "<link", "<input", " src", " SRC=", "src='", `src="`, " xlink:href=x", " href = x", " type=module", "/>", ">", "></script>", "></iframe>", "</object>", " alt='", ` alt="`, "<noscript>", "</noscript>",
}, pieces...)

func TestEditAgainstParser(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	n := 20000
	if testing.Short() {
		n = 5000
	}
	for range n {
		page := randomly(rnd, editPieces, 14)
		checkEdits(t, page)
		checkEditSplits(t, page, 1, 5, 1+rnd.IntN(40))
	}
}

// FuzzEdit checks edits against the parser, and splits.
func FuzzEdit(f *testing.F) {
	for i, c := range insertions {
		in, _ := expand(c.page)
		f.Add(in+"<img src=x>", uint8(i))
	}
	for i, s := range editPieces {
		f.Add("<img src=x "+s+" src='x' "+s+"<img src=x><script type=x src=y>", uint8(i))
	}
	f.Fuzz(func(t *testing.T, page string, n uint8) {
		checkEdits(t, page)
		checkEditSplits(t, page, 1, max(1, int(n)))
	})
}

// TestEditMemory writes a tag of 100 MB.
func TestEditMemory(t *testing.T) {
	r := New(io.Discard, disarming())
	parts := []string{"<img alt='", strings.Repeat("x", 32<<10), "'", strings.Repeat(" a", 16<<10), " src=x>"}
	for _, p := range parts {
		repeat := 1
		if len(p) > 1000 {
			repeat = 100 << 20 / len(p) / 2
		}
		for range repeat {
			if _, err := r.Write([]byte(p)); err != nil {
				t.Fatal(err)
			}
		}
	}
	held := cap(r.raw.held) + cap(r.raw.joined) + cap(r.edited) + cap(r.pageEditor.tag.attrs)*32
	if held > 96<<10 {
		t.Errorf("%d bytes held", held)
	}
}

func TestEditAllocations(t *testing.T) {
	page := bytes.Repeat([]byte(`<p>x<img src="//x/y.png" alt="x"><script src=x></script><noscript><img src=x></noscript></p>`), 20)
	to := NewDataName("data-x-src")
	src := NameOf("src")
	o := Options{Elements: shownElements, Edit: func(t *Tag) { t.Rename(src, to) }}
	r := New(io.Discard, o)
	if n := testing.AllocsPerRun(100, func() {
		r.Reset(io.Discard, o)
		for p := range slices.Chunk(page, 100) {
			_, _ = r.Write(p)
		}
		_ = r.Close()
	}); n != 0 {
		t.Errorf("%v allocations per document, want 0", n)
	}
}
