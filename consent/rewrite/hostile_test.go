package rewrite

import (
	"fmt"
	"strings"
	"testing"
)

// repeated returns the family of pages that repeat something between two texts.
func repeated(before, s, after string) func(n int) string {
	return func(n int) string { return before + strings.Repeat(s, n) + after }
}

// numbered is repeated with %d in place of which a number goes up.
func numbered(before, s, after string) func(n int) string {
	return func(n int) string {
		var b strings.Builder
		b.WriteString(before)
		for i := range n {
			fmt.Fprintf(&b, s, i)
		}
		return b.String() + after
	}
}

// hostileTrees are pages that made tree builders and tokenizers slow, or misled
// them: CVE-2025-22872, CVE-2025-47911, CVE-2026-25681, CVE-2026-27136,
// CVE-2026-42502, CVE-2026-42506 and GO-2026-5028 are of these kinds.
var hostileTrees = map[string]func(n int) string{
	"adoption":                repeated("", "<a><div>", "</a>"),
	"adoptions":               func(n int) string { return strings.Repeat("<b><p>", n) + strings.Repeat("</b>", n) },
	"formatting in cells":     repeated("<table>", "<tr><td><b><i><u>", ""),
	"formatting, all unlike":  numbered("", "<font size=%d>", ""),
	"formatting, reopened":    func(n int) string { return strings.Repeat("<b><i><u><s>", maxDepth/8) + strings.Repeat("<p></p>", n) },
	"nobr":                    repeated("", "<nobr>", ""),
	"anchors":                 repeated("", "<a>", ""),
	"buttons":                 repeated("", "<button><p>", ""),
	"forms":                   repeated("", "<form>", ""),
	"list items":              repeated("", "<li>", ""),
	"nested lists":            repeated("", "<ul><li>", ""),
	"definitions":             repeated("", "<dl><dd>", ""),
	"headings":                repeated("", "<h1>", ""),
	"options":                 repeated("<select>", "<optgroup><option>", ""),
	"selects":                 repeated("", "<select>", ""),
	"ruby":                    repeated("<ruby>", "<rb><rt><rtc><rp>", ""),
	"nested tables":           repeated("", "<table><tr><td>", ""),
	"tables in tables":        repeated("", "<table>", ""),
	"foster parents":          repeated("<table>", "x<b>", ""),
	"foster parents, nested":  repeated("", "<table><div>", ""),
	"captions":                repeated("<table>", "<caption><col>", ""),
	"ends of p":               repeated("", "</p>", ""),
	"ends of br":              repeated("", "</br>", ""),
	"ends of nothing":         repeated("<div>", "</x>", ""),
	"ends of body":            repeated("<body>", "</body>x", ""),
	"bodies":                  numbered("", "<body a%d>", ""),
	"roots":                   numbered("", "<html a%d>", ""),
	"heads":                   repeated("", "<head>", ""),
	"framesets":               repeated("", "<frameset>", ""),
	"template ends":           repeated("<template>", "</template><template>", ""),
	"templates with tables":   repeated("", "<template><table><tr>", ""),
	"svg and title":           repeated("", "<svg><title>", ""),
	"svg and desc and p":      repeated("", "<svg><desc><p>", ""),
	"svg and foreignObject":   repeated("", "<svg><foreignObject>", ""),
	"svg, left and entered":   repeated("", "<svg><g><p>", ""),
	"svg and self-closing":    repeated("<svg>", "<g/><path/>", ""),
	"svg and style":           repeated("<svg>", "<style><a>", ""),
	"svg and font":            repeated("", "<svg><font size=1>", ""),
	"math and svg":            repeated("", "<math><mi><svg><title>", ""),
	"math and annotation":     repeated("", "<math><annotation-xml encoding='text/html'>", ""),
	"math and mglyph":         repeated("<math>", "<mi><mglyph>", ""),
	"foreign stray ends":      repeated(strings.Repeat("<svg><desc>", maxDepth/4), "</svg></p></i>", ""),
	"CDATA, closed":           repeated("<svg>", "<![CDATA[x]]>", ""),
	"CDATA and brackets":      repeated("<svg><![CDATA[", "]", ""),
	"CDATA in HTML":           repeated("", "<![CDATA[", ""),
	"CDATA in and out":        repeated("", "<svg><![CDATA[</svg>]]></svg><![CDATA[>", ""),
	"comments, short":         repeated("", "<!-->", ""),
	"comments, bang":          repeated("<!--", "--!", ""),
	"comments, dashes":        repeated("<!--", "-- >", ""),
	"questions":               repeated("", "<?", ""),
	"declarations":            repeated("", "<!DOCTYPE ", ""),
	"slashes":                 repeated("", "</", ""),
	"slash ends a value":      repeated("<math>", "<a b=/ c=x/>", ""),
	"slashes in a tag":        repeated("<a", "/", ">"),
	"attributes, all unlike":  numbered("<a", " b%d", ">"),
	"attributes, long unlike": numbered("<a", " attribute-number-%d=x", ">"),
	"references in a value":   repeated(`<html lang="`, "&amp;", `"><body>`),
	"number in a value":       repeated(`<html lang="&#`, "0", `"><body>`),
	"named reference":         repeated("&", "a", ""),
	"script ends":             repeated("<script>", "</script", ""),
	"script, escaped":         repeated("<script><!--", "--><!--", ""),
	"script, twice escaped":   repeated("<script><!--", "<script></script>", ""),
	"textareas":               repeated("", "<textarea></textarea>", ""),
	"plaintext":               repeated("<plaintext>", "</plaintext>", ""),
	"noscript, open value":    repeated("", `<noscript><p a="</noscript>`, ""),
	"noscript, tables":        repeated("", "<noscript><table></noscript><b>", ""),
	"NULs":                    repeated("<a", "\x00", ">"),
}

// hostileTags are pages with tags that are to be shown and changed.
var hostileTags = map[string]func(n int) string{
	"many tags":            repeated("", "<img src=x>", ""),
	"many scripts":         repeated("", "<script src=x type=y></script>", ""),
	"many edits":           repeated("", "<img src=a srcset=b data=c poster=d src=e SRC='f' background=\"g\">", ""),
	"no edit":              repeated("", "<img alt=x>", ""),
	"open tags":            repeated("", "<img ", ""),
	"open names":           repeated("", "<img", ""),
	"open value":           repeated("", `<img src="`, ""),
	"CDATA with tags":      repeated("<svg>", "<![CDATA[><img src=x>]]>", ""),
	"CDATA left open":      repeated("<svg><![CDATA[", "<img src=x>", ""),
	"style in svg":         repeated("<svg>", "<style><!--</style><img src=x>-->", ""),
	"plaintext in svg":     repeated("<svg><plaintext>", "<image href=x>", ""),
	"titles in svg":        repeated("<svg>", "<title>x<b></title>", ""),
	"values in values":     repeated("", `<img src="x" alt='"`, ""),
	"quotes":               repeated("<img ", `"'`, ">"),
	"quotes and equals":    repeated("<img ", `"='"'="`, ">"),
	"equals":               repeated("<img src", "=", ">"),
	"slashes":              repeated("<img", "/src", ">"),
	"space":                repeated("<img src", " ", "=x>"),
	"spaces and equals":    repeated("<img", " src = ", ">"),
	"long value":           repeated("<img src='", "x", "'>"),
	"long other value":     repeated("<img alt='", "x", "' src=x>"),
	"long unquoted value":  repeated("<img src=", "x", ">"),
	"long name":            repeated("<img ", "x", "=1 src=y>"),
	"names, all unlike":    numbered("<img", " name%d", " src=x>"),
	"names, all the same":  repeated("<img", " src", ">"),
	"values, all the same": repeated("<img", " src=x", ">"),
	"references":           repeated("<img src='", "&amp;", "'>"),
	"number":               repeated("<img src='&#", "0", "'>"),
	"longest tags held":    repeated("", "<img alt='"+strings.Repeat("x", maxTag-50)+"' src=x>", ""),
	"longest names held":   repeated("", "<img "+strings.Repeat("x", maxTag-50)+" src=x>", ""),
	"longer tags":          repeated("", "<img alt='"+strings.Repeat("x", maxTag)+"' src=x>", ""),
	"most attributes":      repeated("", "<img"+strings.Repeat(" src=x", maxAttributes)+">", ""),
	"more attributes":      repeated("", "<img"+strings.Repeat(" src=x", maxAttributes+1)+">", ""),
	"in noscript":          repeated("", "<noscript><img src=x></noscript>", ""),
	"in one noscript":      repeated("<noscript>", "<img src=x>", "</noscript>"),
	"open in noscript":     repeated("", `<noscript><img src="</noscript>`, ""),
	"both readings":        repeated("<noscript><table></noscript>", "<img src=x>", ""),
	"in svg":               repeated("<svg>", "<image xlink:href=x /><style>", ""),
	"in templates":         repeated("", "<template><img src=x>", ""),
	"NULs":                 repeated("", "<img\x00 src=x><img s\x00rc=x>", ""),
}

// BenchmarkHostileTrees is [BenchmarkHostile] with pages that are hard on parsers.
func BenchmarkHostileTrees(b *testing.B) {
	o := disarming()
	o.BodyStart = func(Head) []byte { return nil }
	o.End = func() []byte { return nil }
	benchmarkDoubling(b, o, hostileTrees)
}

// BenchmarkHostileTags is [BenchmarkHostile] with tags that are changed.
func BenchmarkHostileTags(b *testing.B) { benchmarkDoubling(b, disarming(), hostileTags) }

// TestHostile checks all that holds for every page with the hostile ones.
func TestHostile(t *testing.T) {
	for _, families := range []map[string]func(n int) string{hostile, hostileTrees, hostileTags} {
		for name, family := range families {
			t.Run(name, func(t *testing.T) {
				page := family(1)
				for n := 2; n <= 1000 && len(page) < 10000; n *= 2 {
					page = family(n)
				}
				chunks := []int{1, 61, 4096}
				checkUntouched(t, page, chunks)
				checkMarks(t, page, false, chunks)
				checkHeadStart(t, page, chunks)
				checkEditSplits(t, page, chunks...)
			})
		}
	}
}
