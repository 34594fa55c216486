package rewrite

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// pieces are what generated pages are made of: every construct that decides
// where a body begins or what is open at the end, whole and broken.
var pieces = []string{
	"<!DOCTYPE html>", "<html>", "<html lang=en>", "<head>", "</head>", "<body>", "<body class='a>'>", "</body>", "</html>", "</br>",
	"<title>", "</title>", "<title>x</title>", "<meta charset=utf-8>", "<link rel=x>", "<base>", "<style>", "</style>", "<style>a{}</style>",
	"<script>", "</script>", "<script>x</script>", "<script><!--", "<script", "-->", "<!--", "<!-->", "--!>", "<!x", "<?", "</ ", "</>", "<![CDATA[", "]]>", "]",
	"<noscript>", "</noscript>", "<noscript><link></noscript>", "<template>", "</template>", "<textarea>", "</textarea>", "<xmp>", "</xmp>", "<iframe>", "</iframe>",
	"<noframes>", "</noframes>", "<noembed>", "</noembed>", "<svg>", "</svg>", "<svg/>", "<g>", "</g>", "<path/>", "<desc>", "</desc>", "<foreignObject>", "</foreignObject>",
	"<math>", "</math>", "<mi>", "</mi>", "<mglyph>", "<annotation-xml>", "<annotation-xml encoding='text/html'>", "</annotation-xml>", "<font>", "<font color=x>", "</font>",
	"<table>", "<tr>", "<td>", "</table>", "<div>", "</div>", "<p>", "</p>", "<a>", "</a>", "<form>", "</form>", "<br>", "<img src=x>", "<input>", "<button>", "</button>", "<h1>", "</h2>", "<li>", "</ul>", "<ul>", "<dd>", "<b>", "</b>", "<th>", "<caption>", "<tbody>", "</td>", "</tr>", "<object>", "</object>", "<frameset>", "<col>", "<span>", "</span>", "<style", "<title", "</script", "</title", "<script><!--<script>", "<x-long-name>", "</x-long-name>", "<p", "<hr>",
	" ", "\n", "\t", "x", "&", "&#32;", "&#32", "&amp;", "<", ">", "</", "\"", "'", "=", "/", "-", "\x00", "\r", "\f", "<b", "<p a=\"", "<p a='", "<p a=b", "<p a = ", "/>", "é",
}

func randomPage(rnd *rand.Rand) string {
	start := ""
	if rnd.IntN(2) == 0 {
		start = "<!DOCTYPE html>"
	}
	return start + randomly(rnd, pieces, 12)
}

// randomly joins some pieces, at most that many.
func randomly(rnd *rand.Rand, pieces []string, most int) string {
	var b strings.Builder
	for range 1 + rnd.IntN(most) {
		b.WriteString(pieces[rnd.IntN(len(pieces))])
	}
	return b.String()
}

func TestAgainstParser(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	n := 20000
	if testing.Short() {
		n = 5000
	}
	for range n {
		checkInsertion(t, randomPage(rnd))
	}
}

// checkInsertion inserts marks into a page and compares the documents that
// html.Parse makes of it without and with them.
func checkInsertion(t *testing.T, page string) {
	t.Helper()
	out, r := rewritten(t, marks(false), page, len(page)+1)
	checkIdentity(t, page, out, r)
	if parserDiffers(page) == "" {
		checkDocuments(t, page, out, r, parse(t, page), parse(t, out))
	}
}

// checkDocuments compares the document of a page with that of what a Rewriter
// made of it.
func checkDocuments(t *testing.T, page, out string, r *Rewriter, before, after *html.Node) {
	t.Helper()
	start, end := find(after, "marker-start"), find(after, "marker-end")
	fail := func(what string) {
		t.Helper()
		t.Fatalf("%s\n page   %q\n result %q\n before\n%s after\n%s", what, page, out, dump(before), dump(after))
	}
	if find(before, "") != nil {
		// A frameset replaces a body in which there is nothing visible yet. That
		// is decided too late to know where a body is implied.
		return
	}
	if r.Inserted() != (start != nil) {
		fail("no start marker in the document")
	}
	if (r.Skipped() == Complete) != (end != nil) {
		fail("no end marker in the document")
	}
	// Where browsers without scripting see the page very differently, the text at
	// the start of the body comes later.
	postponed := strings.Contains(strings.ToLower(page), "<noscript")
	if start != nil && !postponed {
		if start.Parent.Data != "body" || start.Parent.Parent.Data != "html" {
			fail("start marker not in the body")
		}
		if start.PrevSibling != nil {
			fail("start marker not first in the body")
		}
	}
	for _, n := range []*html.Node{start, end} {
		if n == nil {
			continue
		}
		if n.Namespace != "" {
			fail("marker became an element of " + n.Namespace)
		}
		for p := n.Parent; p != nil; p = p.Parent { // in an integration point of svg a form is a form
			if slices.Contains([]string{"script", "style", "textarea", "template", "select"}, p.Data) {
				fail("marker inside " + p.Data)
			}
		}
		n.Parent.RemoveChild(n)
	}
	if dump(before) != dump(after) {
		fail("the document changed")
	}
}

// checkIdentity checks that only the marks and what closes the page was added.
func checkIdentity(t *testing.T, page, out string, r *Rewriter) {
	t.Helper()
	rest := strings.Replace(out, startMark, "", 1)
	if r.Skipped() == Complete {
		rest = strings.TrimSuffix(rest, endMark)
	}
	if !strings.HasPrefix(rest, page) || strings.ContainsAny(rest[len(page):], "= \"'") {
		t.Fatalf("page %q became %q", page, out)
	}
}

// parserDiffers returns why html.Parse reads a page otherwise than browsers, so
// that it proves nothing, or "".
func parserDiffers(page string) string {
	if leavesEscape.MatchString(page) {
		return "html.Parse takes an escaped script for one that is not"
	}
	page = strings.ToLower(page)
	has := func(s string) bool { return strings.Contains(page, s) }
	switch {
	case hasLongNumber(page):
		return "numbers that long are not looked at"
	case has("<template") && (has("<svg") || has("<math")):
		return "html.Parse gives up on a template in foreign content"
	case has("\x00"):
		return "to html.Parse, a NUL before the body is text"
	case has("<select"):
		return "html.Parse does not let a select contain any element"
	}
	return ""
}

// hasLongNumber reports whether a page may have a character reference longer than
// a Rewriter looks at.
func hasLongNumber(page string) bool {
	return strings.Contains(page, strings.Repeat("0", maxReference/2))
}

func parse(t *testing.T, page string) *html.Node {
	t.Helper()
	// Decoding takes a byte order mark away before html.Parse would.
	n, err := html.Parse(strings.NewReader(strings.TrimPrefix(page, bomUTF8)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// find returns the element with an id; the id "" finds a frameset.
func find(n *html.Node, id string) *html.Node {
	for c := range n.Descendants() {
		if c.Type != html.ElementNode {
			continue
		}
		if id == "" && c.Data == "frameset" || id != "" && slices.Contains(c.Attr, html.Attribute{Key: "id", Val: id}) {
			return c
		}
	}
	return nil
}

func dump(n *html.Node) string {
	var b bytes.Buffer
	var walk func(n *html.Node, depth int)
	walk = func(n *html.Node, depth int) {
		if n.Type == html.TextNode && n.Parent.Data == "noscript" {
			return // it may end in end tags for browsers without scripting
		}
		// html.Parse sorts the attributes of some elements.
		attrs := slices.SortedFunc(slices.Values(n.Attr), func(a, b html.Attribute) int { return strings.Compare(a.Key, b.Key) })
		fmt.Fprintf(&b, "%*s%d %s %q %q\n", depth, "", n.Type, n.Namespace, n.Data, attrs)
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, depth+1)
		}
	}
	walk(n, 0)
	return b.String()
}

func FuzzInsert(f *testing.F) {
	for _, c := range insertions {
		in, _ := expand(c.page)
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, page string) { checkInsertion(t, page) })
}

// FuzzSplit checks that the result does not depend on how a page is split.
func FuzzSplit(f *testing.F) {
	for i, c := range insertions {
		in, _ := expand(c.page)
		f.Add(in, uint8(i), uint8(7*i))
	}
	f.Fuzz(func(t *testing.T, page string, first, second uint8) {
		for _, documentOnly := range []bool{false, true} {
			want, whole := rewritten(t, marks(documentOnly), page, len(page)+1)
			checkSplit := func(got string, r *Rewriter) {
				t.Helper()
				if got != want || r.Skipped() != whole.Skipped() || r.Inserted() != whole.Inserted() {
					t.Fatalf("%q gives\n %q, %s, split otherwise\n %q, %s", page, want, whole.Skipped(), got, r.Skipped())
				}
			}
			checkSplit(rewritten(t, marks(documentOnly), page, 1))

			var out bytes.Buffer
			r := New(&out, marks(documentOnly))
			i := min(int(first), len(page))
			j := min(i+int(second), len(page))
			for _, p := range []string{page[:i], page[i:j], "", page[j:]} {
				if _, err := r.Write([]byte(p)); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			checkSplit(out.String(), r)
		}
	})
}
