package rewrite

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// attributePieces are what the tags of TestAgainstTokenizer are made of.
var attributePieces = []string{
	"<a", "<img", "<script", "<textarea", "<div", "</a", "</script", "</textarea", ">", "/>", " ", "\n", "\t", "\f", "\r", "/", "=", "\"", "'",
	" src", " SRC", " a", " b", "=x", "=\"x\"", "='x'", " = ", "x", ">", "<", "&amp;", "&", "&#x41;", "&lt", "-", "`", "\x00", "é", "<!--", "-->", "\" ", "' ",
}

func TestAgainstTokenizer(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	for range 50000 {
		checkTokens(t, randomly(rnd, attributePieces, 16))
	}
}

func FuzzTokens(f *testing.F) {
	for _, c := range insertions {
		in, _ := expand(c.page)
		f.Add(in)
	}
	f.Fuzz(checkTokens)
}

// leavesEscape is of pages in which a "<" that begins nothing in an escaped script makes
// x/net/html take the script for one that is not escaped. In the standard it stays
// escaped (section 13.2.5.23), and a script in it goes on behind its own end tag.
var leavesEscape = regexp.MustCompile(`(?is)<script.*<!--.*<(?:[^/a-z<].*)?<script`)

func TestScriptStaysEscaped(t *testing.T) {
	for page, want := range map[string]string{
		"<script><!--<script </script>":    `[false "script"]`,
		"<script><!--<<script </script>":   `[false "script"]`,
		"<script><!-- < <script </script>": `[false "script"]`,
		"<script><!-- < </script>":         `[false "script" true "script"]`,
	} {
		if got := fmt.Sprint(scanTags(page)); got != want {
			t.Errorf("%q: %s, not %s", page, got, want)
		}
	}
}

// checkTokens compares the tags and attributes that the scanner finds with those
// of the tokenizer of x/net/html.
func checkTokens(t *testing.T, page string) {
	t.Helper()
	if leavesEscape.MatchString(page) {
		return
	}
	var want []string
	z := html.NewTokenizer(strings.NewReader(page))
	for tt := z.Next(); tt != html.ErrorToken; tt = z.Next() {
		if tt != html.StartTagToken && tt != html.SelfClosingTagToken && tt != html.EndTagToken {
			continue
		}
		name, more := z.TagName()
		token := fmt.Sprintf("%t %q", tt == html.EndTagToken, name)
		for more {
			var k, v []byte
			k, v, more = z.TagAttr()
			if tt != html.EndTagToken {
				token += fmt.Sprintf(" %q=%q", k, v)
			}
		}
		want = append(want, token)
	}
	got := scanTags(page)
	// NULs are left as they are, but for those in names x/net/html.
	same := strings.NewReplacer(`\x00`, "\ufffd")
	if same.Replace(fmt.Sprint(got)) != same.Replace(fmt.Sprint(want)) {
		t.Fatalf("%q\n got  %s\n want %s", page, got, want)
	}
}

// scanTags returns the tags of a page, raw text taken for that wherever it is.
func scanTags(page string) []string {
	clean := strings.NewReplacer("\r\n", "\n", "\r", "\n")
	var (
		s           scanner
		found       []string
		token, attr string
		val         []byte
		inAttr      bool
		seen        map[string]bool // the attributes of the tag
	)
	endAttr := func() {
		if inAttr && !seen[attr] {
			seen[attr] = true
			token += fmt.Sprintf(" %q=%q", attr, appendDecoded(nil, []byte(clean.Replace(string(val)))))
		}
		val, inAttr = nil, false
	}
	p := []byte(page)
	for i := 0; i < len(p); {
		var ev event
		ev, i = s.next(p, i)
		part := page[s.start:i]
		switch ev {
		case startTag, endTag:
			token = fmt.Sprintf("%t %q", s.closing, toLower(strings.TrimLeft(part, "</")))
			s.attributes, seen = !s.closing, map[string]bool{}
		case attribute:
			endAttr()
			attr, inAttr = toLower(part), true
		case value:
			val = append(val, part...)
		case tagEnd:
			endAttr()
			found = append(found, token)
			if g := tagOf(s.name); !s.closing && (tags[g].flags&rawText != 0 || g == tagNoscript) {
				s.enterRaw(g)
			}
		}
	}
	return found
}
