package rewrite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

const (
	startMark = `<div id="marker-start"></div>`
	endMark   = `</form><form id="marker-end"></form>`
)

func marks(documentOnly bool) Options {
	return Options{
		BodyStart:    func(Head) []byte { return []byte(startMark) },
		End:          func() []byte { return []byte(endMark) },
		DocumentOnly: documentOnly,
	}
}

// rewritten writes in to a new Rewriter in chunks of n bytes.
func rewritten(tb testing.TB, o Options, in string, n int) (string, *Rewriter) {
	tb.Helper()
	var out bytes.Buffer
	r := New(&out, o)
	for p := []byte(in); len(p) > 0; {
		c := p[:min(n, len(p))]
		if m, err := r.Write(bytes.Clone(c)); m != len(c) || err != nil {
			tb.Fatalf("Write of %d bytes returned %d, %v", len(c), m, err)
		}
		p = p[len(c):]
	}
	if err := r.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.String(), r
}

var chunkSizes = []int{1, 2, 3, 7, 64, 4096, 1 << 20}

// insertions are pages in which [[ stands for the text at the start of the body
// and ]] for that at the end. What stands between + and ]] closes the page.
var insertions = []struct{ name, page string }{
	{"document", "<!DOCTYPE html><html><head><title>x</title></head><body class=a>[[<p>x</p></body></html>]]"},
	{"nothing implied", "<title>x</title>[[]]"},
	{"empty", "[[]]"},
	{"text", "[[hello]]"},
	{"space then text", " \t\n\f\r [[hello]]"},
	{"paragraph", "<title>x</title>\n[[<p>x]]"},
	{"upper case", "<HTML><HEAD><TITLE>x</TITLE></HEAD><BODY>[[x]]"},
	{"all that may stand in a head", "<base><basefont><bgsound><link><meta><title></title><noframes><body></noframes><style><body></style><script><body></script><template><body></template><noscript><link></noscript>[[x]]"},
	{"head tags anywhere", "<head><head></head></head><head>[[x]]"},
	{"unknown end tags", "</div></p></x>[[x]]"},
	{"end of body", "<head></head>[[</body>]]"},
	{"end of html", "<head>[[</html>]]"},
	{"end of br", "<head>[[</br>]]"},
	{"noscript in head", "<head><noscript><style></style></noscript>[[<p>]]"},
	{"noscript after head", "<head></head>[[<noscript></noscript>]]"},
	{"body after text in head", "<head>[[x</head><body>]]"},
	{"body twice", "<body>[[<body>]]"},
	{"body in a comment", "<!-- <body> --><body>[[]]"},
	{"short comment", "<!--><body>[[--></body>]]"},
	{"shorter comment", "<!---><body>[[]]"},
	{"comment with bang", "<!-- <body> --!><body>[[]]"},
	{"comment with dashes", "<!-- <body> --->[[<p>]]"},
	{"comment in comment", "<!-- <!-- <body> -->[[x -->]]"},
	{"comment with a dash", "<!-- - -- > -- - --!- <body> -->[[x]]"},
	{"bogus comments", "<!x <body><?xml version='1.0'></ x><!><?></!>[[x]]"},
	{"CDATA is a bogus comment", "<![CDATA[ <p> [[]]>]]"},
	{"odd DOCTYPE", `<!DOCTYPE html PUBLIC "><body>[[">]]`},
	{"body with attributes", `<body class="a>b" data-x='>' y=">" z=a/b / =x>[[x]]`},
	{"equals in odd places", `<body a= ">" =">[[x]]`},
	{"quote in a name", `<body a"b">[[x">]]`},
	{"quoted quotes", `<body a='"' b="'">[[x]]`},
	{"unquoted quotes", `<body a=x">[[">]]`},
	{"attributes without space", `<body a="x"b='y>'c>[[x]]`},
	{"self-closing body", "<body/>[[x]]"},
	{"body and more", "[[<bodyx>]]"},
	{"body and NUL", "[[<body\x00>]]"},
	{"NUL", "\x00[[x]]"},
	{"form feed in a tag", "<html\flang=x\f><body\fa>[[x]]"},
	{"carriage returns", "<html\rlang=x\r>\r<body\ra>[[x]]"},
	{"less than", "[[< body>]]"},
	{"less than at the end", "<head>[[<]]"},
	{"empty end tag", "</>[[x]]"},
	{"attributes of end tags", `</head a=">">[[</body a=">">]]`},
	{"title", "<title><body></titlex></title/x>[[x]]"},
	{"title with end tag open", "<title></tit</title >[[x]]"},
	{"style", "<style></style </style>[[x]]"},
	{"script", "<script>'<body>'</script>[[x]]"},
	{"escaped script", "<script><!-- <body> </script>[[x]]"},
	{"doubly escaped script", "<script><!-- <script> </script> <body> --></script>[[x]]"},
	{"doubly escaped script with end", "<script><!-- <script></script> <body> </script>[[x]]"},
	{"not doubly escaped script", "<script><!-- <scripty> </script>[[x]]"},
	{"nearly doubly escaped script", "<script><!-- <scxipt> </script>[[x]]"},
	{"escape ended", "<script><!-- --><script></script>[[x]]"},
	{"short escape", "<script><!--></script>[[x]]"},
	{"shortest escape", "<script><!-</script>[[x]]"},
	{"template", "<template><p><body><frameset></template><body>[[]]"},
	{"nested templates", "<template><template></template><body></template>[[<p>]]"},
	{"svg template in template", "<template><svg><template></template></svg></template>[[<p>]]"},
	{"template closed in svg", "<template><svg></template>[[<p>]]"},
	{"stray end of template", "</template><body>[[]]"},
	{"byte order mark", "\xef\xbb\xbf<title>x</title>[[x]]"},
	{"byte order mark later", "\n[[\xef\xbb\xbf]]"},
	{"half a byte order mark", "[[\xef\xbb]]"},
	{"bytes of a UTF-16 mark later", " [[\xff\xfe]]"},
	{"references to space", "&#32;&#x20;&#0000010;\n&#13&#9 &Tab;&NewLine;&#X0c;<title></title>[[x]]"},
	{"reference to space before text", "&#32[[x]]"},
	{"reference to space before less than", "&#32[[<]]"},
	{"reference to space at the end", "&#32[[]]"},
	{"reference to other text", "[[&nbsp;]]"},
	{"unfinished references", "&#32[[&#]]"},
	{"not a named reference", "[[&Tab ]]"},
	{"reference to a quote", " [[&#34;]]"},
	{"very long reference", "[[&#" + strings.Repeat("0", 100) + "32;]]"},
	{"frameset in a body", "<body>[[<frameset>]]"},
	{"noscript that both read alike", `<head><noscript><img alt="</body>"></noscript><body>[[x]]`},
	{"table in noscript", `<head><noscript><table></table></noscript><body>[[x]]`},
	{"noscript with an open comment", `<head><noscript><!--</noscript><body><p>--></p>[[x]]`},
	{"noscript with an open attribute", `<head><noscript><img alt="</noscript><body>"><p>x</p>[[x]]`},

	{"comment at the end", "<body>[[<!-- x+-->]]"},
	{"comment with dash at the end", "<body>[[<!-- x-+->]]"},
	{"comment with dashes at the end", "<body>[[<!-- x--+>]]"},
	{"comment with bang at the end", "<body>[[<!-- x--!+>]]"},
	{"comment just begun", "<body>[[<!--+-->]]"},
	{"comment just begun with dash", "<body>[[<!---+->]]"},
	{"declaration at the end", "<body>[[<!+>]]"},
	{"declaration with dash at the end", "<body>[[<!-+>]]"},
	{"half a DOCTYPE at the end", "<body>[[<!DOCTYP+>]]"},
	{"bogus comment at the end", "<body>[[<?x+>]]"},
	{"textarea at the end", "<body>[[<textarea>x+</textarea>]]"},
	{"textarea with half an end tag", "<body>[[<textarea>x</texta+</textarea>]]"},
	{"title at the end", "<title>x+</title>[[]]"},
	{"style at the end", "<style>x+</style>[[]]"},
	{"xmp at the end", "<body>[[<xmp>+</xmp>]]"},
	{"iframe at the end", "<body>[[<iframe>+</iframe>]]"},
	{"noembed at the end", "<body>[[<noembed>+</noembed>]]"},
	{"noframes at the end", "<noframes>+</noframes>[[]]"},
	{"noscript at the end", "<body>[[<noscript>+</noscript>]]"},
	{"comment in noscript at the end", "<body>[[<noscript><!--+--></noscript>]]"},
	{"template at the end", "<template><p>+</template>[[]]"},
	{"half a tag after a template", "<template><p><+</template>[[]]"},
	{"templates at the end", "<body>[[<template><template>+</template></template>]]"},
	{"select at the end", "<body>[[<select><option>+</select>]]"},
	{"select in select at the end", "<body>[[<select><select>]]"},
	{"svg at the end", "<body>[[<svg><g><path>+</svg>]]"},
	{"svg in svg at the end", "<body>[[<svg><svg><g>+</svg></svg>]]"},
	{"self-closing svg at the end", "<body>[[<svg/>]]"},
	{"CDATA at the end", "<body>[[<svg><![CDATA[<p>+]]></svg>]]"},
	{"CDATA with bracket at the end", "<body>[[<svg><![CDATA[<p>]+]]></svg>]]"},
	{"svg style at the end", "<body>[[<svg><style><a></a>+</svg>]]"},
	{"svg title with HTML at the end", "<body>[[<svg><title><b><style><a>+</style></b></svg>]]"},
	{"math at the end", "<body>[[<math><mi>x+</math>]]"},
	{"svg in math at the end", "<body>[[<math><annotation-xml><svg>+</svg></math>]]"},
	{"foreignObject at the end", "<body>[[<svg><foreignObject><div><p>+</p></div></svg>]]"},
	{"svg left by a breakout", "<body>[[<svg><p>]]"},
	{"table at the end", "<body>[[<table><tr><td>+</table>]]"},
	// The style is raw text where its end tag is wanted, an element of svg or
	// math where "<a>" and "<p>" are tags in it.
	{"end tag of raw text in svg", "<body>[[<svg><title><title>x</title><style><p>+</style></svg>]]"},
	{"table that a stray end tag does not close", "<body>[[<div><table></div>+</table>]]"},
	{"mglyph", "<body>[[<math><mi><mglyph><style><p>+</p></math>]]"},
	{"HTML in mi", "<body>[[<math><mi><b><style><p>+</style></b></math>]]"},
	{"annotation in HTML", "<body>[[<math><annotation-xml encoding='Text/HTML'><style><p>+</style></math>]]"},
	{"annotation in XHTML", "<body>[[<math><annotation-xml ENCODING=application/xhtml+xml><style><p>+</style></math>]]"},
	{"other annotation", "<body>[[<math><annotation-xml encoding=x encoding=text/html><style><p>]]"},
	{"annotation of two kinds", "<body>[[<math><annotation-xml encoding encoding=text/html><style><p>]]"},
	{"svg in an annotation", "<body>[[<math><annotation-xml><svg><desc><style><p>+</style></svg></math>]]"},
	{"font in svg", "<body>[[<svg><font><style><a>+</svg>]]"},
	{"font that leaves svg", "<body>[[<svg><font x color=y><style><a>+</style>]]"},
	{"end of p leaves svg", "<body>[[<svg></p><style><a>+</style>]]"},
	{"end of br leaves svg", "<body>[[<svg></br><style><a>+</style>]]"},
	{"end tag from outside closes svg", "<body>[[<div><svg></div><style><a>+</style>]]"},
	{"end tag from outside closes svg deep inside", "<body>[[<div><svg><g><g></div><style><a>+</style>]]"},
	{"stray end tag in svg", "<body>[[<svg></div><style><a>+</svg>]]"},
	{"end of list item closes svg", "<body>[[<ul><li><svg></li><style><a>+</style>]]"},
	{"end of list closes svg", "<body>[[<ul><li><svg></ul><style><a>+</style>]]"},
	{"end of link closes svg", "<body>[[<p><a><svg></a><style><a>+</style>]]"},
	{"end of formatting perhaps closes svg", "<body>[[<b><div></b><svg></b><i>+</svg></math>]]"},
	{"end of formatting around a paragraph perhaps closes svg", "<body>[[<b><p><svg></b><i>+</svg></math>]]"},
	{"end of cell closes svg", "<body>[[<table><tr><td><svg></td><td><style><a>+</style></table>]]"},
	{"end of cell in svg", "<body>[[<svg></td><style><a>+</svg>]]"},
	{"self-closing elements in svg", "<body>[[<svg><style/><title/><desc /><style><a>+</svg>]]"},
	{"slash in a value in svg", "<body>[[<svg><desc x=/><style><p>+</style></svg>]]"},
	{"p closed in foreignObject", "<body>[[<svg><desc><p><div></div></desc><style><a>+</svg>]]"},
	{"p in a button in foreignObject", "<body>[[<svg><desc><p><button><div></div></button></p></desc><style><a>+</svg>]]"},
	{"div left open in a button in a p", "<body>[[<svg><desc><p><button><div></desc><style><a>+</style></div></button></p></svg>]]"},
	{"p left open in foreignObject", "<body>[[<svg><desc><p></desc><style><a>+</style></p></svg>]]"},
	{"misnested formatting", "<body>[[<svg><desc><b><div></b></desc><style><a>+</style></div></svg>]]"},
	{"list items", "<body>[[<svg><desc><li><div><li></li></desc><style><a>+</svg>]]"},
	{"definitions", "<body>[[<svg><desc><dl><dt>x<dd>y</dl></desc><style><a>+</svg>]]"},
	{"headings", "<body>[[<svg><desc><h1><h2></h3></desc><style><a>+</svg>]]"},
	{"anchors", "<body>[[<svg><desc><a><a></a></desc><style><a>+</svg>]]"},
	{"buttons", "<body>[[<svg><desc><button><button></button></desc><style><a>+</svg>]]"},
	{"form", "<body>[[<svg><desc><form><div></form></div></desc><style><a>+</svg>]]"},
	{"cells", "<body>[[<svg><desc><table><tr><td><tr><td><td></table></desc><style><a>+</svg>]]"},
	{"cell without a table", "<body>[[<svg><desc><td></desc><style><a>+</svg>]]"},
	{"any element", "<body>[[<svg><desc><x-y><span></x-y></desc><style><a>+</svg>]]"},
	{"special element in any element", "<body>[[<svg><desc><x-y><div></x-y></div></x-y></desc><style><a>+</svg>]]"},
	{"less than at the end of a body", "<body>[[x<]]"},
	{"reference at the end of a body", "<body>[[x &am]]"},
}

// expand returns the input and the output of a case.
func expand(page string) (in, out string) {
	head, rest, _ := strings.Cut(page, "[[")
	end := strings.LastIndex(rest, "]]")
	rest, after := rest[:end], rest[end+2:]
	if after != "" {
		panic("text behind ]]")
	}
	closed := func(s string) (in, out string) {
		if i := strings.LastIndexByte(s, '+'); i >= 0 {
			return s[:i], s[:i] + s[i+1:]
		}
		return s, s
	}
	headIn, headOut := closed(head)
	restIn, restOut := closed(rest)
	return headIn + restIn, headOut + startMark + restOut + endMark
}

func TestInsert(t *testing.T) {
	for _, c := range insertions {
		t.Run(c.name, func(t *testing.T) {
			in, want := expand(c.page)
			for _, n := range chunkSizes {
				got, r := rewritten(t, marks(false), in, n)
				if got != want {
					t.Fatalf("chunks of %d:\n in   %q\n got  %q\n want %q", n, in, got, want)
				}
				if !r.Inserted() || r.Skipped() != Complete {
					t.Fatalf("Inserted() = %t, Skipped() = %s", r.Inserted(), r.Skipped())
				}
			}
		})
	}
}

// TestLeaveOut has pages in which something is not inserted. [[ stands for the
// text at the start of the body where that is.
func TestLeaveOut(t *testing.T) {
	for _, c := range []struct {
		page         string
		documentOnly bool
		want         Reason
	}{
		{"\xfe\xff\x00<\x00p", false, UTF16},
		{"\xff\xfe<\x00p\x00", false, UTF16},
		{"<frameset><frame></frameset>", false, Frameset},
		{"<html><head><title>x</title></head>\n<FRAMESET a>", false, Frameset},
		{"<title>x</title><frameset", false, Unclosed},
		{"<p>x</p>", true, Fragment},
		{"x<html>", true, Fragment},
		{"</p><html>", true, Fragment},
		{"<title>x</title><body>", true, Fragment},
		{"<frameset>", true, Fragment},
		{"&nbsp;<html>", true, Fragment},
		{"<!-- x --> \n", true, Fragment},
		{"", true, Fragment},
		{`{"a":"<html>"}`, true, Fragment},
		{"<", true, Fragment},
		{"<bo", false, Unclosed},
		{"<body", false, Unclosed},
		{"<body a='", false, Unclosed},
		{"</", false, Unclosed},
		{"<!DOCTYPE", false, Unclosed},
		{"<!DOCTYPE html ", true, Fragment},
		{"<script>x", false, Unclosed},
		{"<script><!-- <script> ", false, Unclosed},
		{"<body>[[<script></scr", false, Unclosed},
		{"<body>[[<p", false, Unclosed},
		{"<body>[[<p a=", false, Unclosed},
		{"<body>[[<p a='>", false, Unclosed},
		{"<body>[[<p a=\">", false, Unclosed},
		{"<body>[[<p /", false, Unclosed},
		{"<body>[[x</", false, Unclosed},
		{"<body>[[x</p", false, Unclosed},
		{"<body>[[<textarea></textarea ", false, Unclosed},
		{"[[<plaintext>x", false, Unclosed},
		{"<body>[[<svg><script>x", false, Unclosed},
		{"<body>[[<noscript><p a='", false, Unclosed},
		{"<body>[[" + strings.Repeat("<svg>", maxDepth+1), false, Unclosed},
		{"<body>[[<b><p><svg></b><style><a></style>", false, Unclosed},
		{"<body>[[<b><p><svg></b><![CDATA[ > ", false, Unclosed},
		{"<body>[[<b><p><svg></b><![CDATA[ ", false, Unclosed},
	} {
		in := strings.Replace(c.page, "[[", "", 1)
		want := strings.Replace(c.page, "[[", startMark, 1)
		for _, n := range chunkSizes {
			got, r := rewritten(t, marks(c.documentOnly), in, n)
			if got != want || r.Skipped() != c.want || r.Inserted() != (in != want) {
				t.Fatalf("%q in chunks of %d: got %q, %s, inserted %t; want %q, %s", in, n, got, r.Skipped(), r.Inserted(), want, c.want)
			}
		}
	}
}

func TestDocumentOnly(t *testing.T) {
	for _, page := range []string{
		"<!DOCTYPE html>[[<p>]]",
		"\xef\xbb\xbf <!-- x --><?xml version='1.0'?>&#13;<html>[[<p>]]",
		"<head>[[x]]",
		"<body>[[x]]",
		"<html>[[]]",
	} {
		in, want := expand(page)
		for _, n := range chunkSizes {
			if got, _ := rewritten(t, marks(true), in, n); got != want {
				t.Fatalf("%q in chunks of %d: got %q, want %q", in, n, got, want)
			}
		}
	}
}

func TestLang(t *testing.T) {
	long := strings.Repeat("x", maxLang)
	for _, c := range []struct{ page, want string }{
		{"<html lang=fr><body>", "fr"},
		{"<html class=x LANG = 'de-AT'><body>", "de-AT"},
		{`<html lang="pt" lang="en"><body>`, "pt"},
		{`<html><html lang="pt"><html lang=en><body>`, "pt"},
		{"<html lang><html lang=en><body>", ""},
		{"<html><body lang=en>", ""},
		{"<html xml:lang=en><body>", ""},
		{"<body><html lang=en>", ""},
		{"<template><html lang=en></template><body>", ""},
		{"<html lang=" + long + "><body>", long},
		{"<html lang=x" + long + "><body>", ""},
		{"<html lang=x" + long + long + "><body>", ""},
		{"<html lang=fr", "-"},
		{"<html lang='fr'>", "fr"},
	} {
		for _, n := range chunkSizes {
			got := "-"
			o := Options{BodyStart: func(h Head) []byte { got = h.Lang; return nil }}
			rewritten(t, o, c.page, n)
			if got != c.want {
				t.Fatalf("%q in chunks of %d: lang %q, want %q", c.page, n, got, c.want)
			}
		}
	}
}

func TestBase(t *testing.T) {
	long := strings.Repeat("y", maxNoted)
	for _, c := range []struct{ page, want string }{
		{"<title>x</title><body>", ""},
		{`<head><base href="https://other.example/">`, "https://other.example/"},
		{`<BASE target=_top HREF='//x/' href="/y"><base href=z>`, "//x/"},
		{`<base target=_top><base href=z>`, "z"},
		{`<base href><base href=z>`, ""},
		{`<basefont href=z><link href=z>`, ""},
		{`<template><base href=z></template>`, ""},
		{`<!-- <base href=z> --><script>"<base href=z>"</script>`, ""},
		{`<base href=x` + long + `>`, "x" + long[1:]},
	} {
		for _, n := range chunkSizes {
			got := "-"
			o := Options{BodyStart: func(h Head) []byte { got = h.Base; return nil }}
			rewritten(t, o, c.page, n)
			if got != c.want {
				t.Fatalf("%q in chunks of %d: base %q, want %q", c.page, n, got, c.want)
			}
		}
	}
}

// recorder remembers every write.
type recorder []string

func (w *recorder) Write(p []byte) (int, error) {
	*w = append(*w, string(p))
	return len(p), nil
}

func TestHoldBack(t *testing.T) {
	for _, c := range []struct{ in, out []string }{
		{
			[]string{"<!DOCTYPE html><he", "ad><sty", "le>x", "</sty", "le></head", "><bo", "dy cl", "ass=a>x<", "p"},
			[]string{"<!DOCTYPE html>", "<he", "ad>", "<sty", "le>x", "</sty", "le>", "</head", ">", "<bo", "dy cl", "ass=a>", "[", "x<", "p"},
		},
		{[]string{"<unknownelem", "ent>"}, []string{"[", "<unknownelem", "ent>"}},
		{[]string{"<template><bo", "dy>"}, []string{"<template><bo", "dy>"}},
		{[]string{" <", "!-- x", " -", "->"}, []string{" ", "<", "!-- x", " -", "->"}},
		{[]string{"a", "&", "<"}, []string{"[", "a", "&", "<"}},
		{[]string{" &#", "32", ";", "&", "x"}, []string{" ", "&#32", ";", "[", "&", "x"}},
	} {
		var got recorder
		r := New(&got, Options{BodyStart: func(Head) []byte { return []byte("[") }, End: func() []byte { return nil }})
		for _, p := range c.in {
			if _, err := r.Write([]byte(p)); err != nil {
				t.Fatal(err)
			}
		}
		if fmt.Sprintf("%q", []string(got)) != fmt.Sprintf("%q", c.out) {
			t.Errorf("%q was passed on as\n     %q\nwant %q", c.in, []string(got), c.out)
		}
	}
}

// failing accepts n writes.
type failing int

func (w *failing) Write(p []byte) (int, error) {
	if *w--; *w < 0 {
		return 0, errFull
	}
	return len(p), nil
}

var errFull = errors.New("full")

func TestWriteError(t *testing.T) {
	for n := range failing(4) {
		w := n
		r := New(&w, marks(false))
		_, err := r.Write([]byte("<title>x</title>"))
		if err == nil {
			_, err = r.Write([]byte("<p>"))
		}
		if err == nil {
			err = r.Close()
		}
		if !errors.Is(err, errFull) || !errors.Is(r.Flush(), errFull) || !errors.Is(r.Close(), errFull) {
			t.Errorf("after %d writes: %v, Flush %v", n, err, r.Flush())
		}
		if _, err := r.Write([]byte("x")); !errors.Is(err, errFull) {
			t.Errorf("after %d writes: a later Write returned %v", n, err)
		}
	}
}

func TestAllocations(t *testing.T) {
	start, end := []byte(startMark), []byte(endMark)
	o := Options{BodyStart: func(Head) []byte { return start }, End: func() []byte { return end }}
	page := []byte(`<!DOCTYPE html><html lang="de"><head><noscript><link></noscript></head><body><svg><g></g></svg><select>`)
	r := New(io.Discard, o)
	if n := testing.AllocsPerRun(100, func() {
		r.Reset(io.Discard, o)
		for p := range slices.Chunk(page, 10) {
			if _, err := r.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per document, want 0", n)
	}
}
