package rewrite

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// document is one of the documents that were made to show where browsers see more
// in a page than others, of which testdata tells what it is.
type document struct {
	ID, Group, Note string
	Type            *string
	Body            string
	Base64          []byte
}

// documents returns the bodies of all documents by what they are about.
func documents(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "documents.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Documents []document }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	bodies := make(map[string]string)
	for _, d := range file.Documents {
		body := d.Body
		if d.Base64 != nil {
			body = string(d.Base64)
		}
		bodies[d.ID+" "+d.Group+" "+d.Note] = body
	}
	if len(bodies) != 288 {
		t.Fatalf("%d documents, want 288", len(bodies))
	}
	return bodies
}

// TestDocuments leaves every document as it is, inserts into it and blocks in it
// what others provide, in chunks of every size.
func TestDocuments(t *testing.T) {
	blocked := 0
	for name, page := range documents(t) {
		t.Run(name, func(t *testing.T) {
			checkUntouched(t, page, chunkSizes)
			checkPage(t, page)
			checkHeadStart(t, page, chunkSizes)
			checkHeadDocument(t, page)
			if checkBlocking(t, page, chunkSizes) {
				blocked++
			}
			checkBlockedDocument(t, page)
		})
	}
	if blocked < 150 {
		t.Errorf("something was blocked in only %d documents", blocked)
	}
}

// checkPage checks all that holds for every page.
func checkPage(t *testing.T, page string) {
	t.Helper()
	for _, documentOnly := range []bool{false, true} {
		checkMarks(t, page, documentOnly, chunkSizes)
	}
	for _, n := range chunkSizes {
		checkSkim(t, []byte(page), n)
	}
	if utf8.ValidString(page) {
		checkInsertion(t, page)
	}
}

// checkMarks inserts marks into a page, in chunks.
func checkMarks(t *testing.T, page string, documentOnly bool, chunks []int) {
	t.Helper()
	want, whole := rewritten(t, marks(documentOnly), page, len(page)+1)
	checkIdentity(t, page, want, whole)
	for _, n := range chunks {
		got, r := rewritten(t, marks(documentOnly), page, n)
		if got != want || r.Skipped() != whole.Skipped() {
			t.Fatalf("in chunks of %d, %.300q became\n %.300q, %s, instead of\n %.300q, %s", n, page, got, r.Skipped(), want, whole.Skipped())
		}
	}
}

// checkUntouched checks that a page with which there is nothing to do stays as it
// is, by whichever way it goes through.
func checkUntouched(t *testing.T, page string, chunks []int) {
	t.Helper()
	var value []byte
	looking := Options{Elements: thirdPartyElements, Edit: func(t *Tag) {
		for i := range t.Len() {
			value = t.AppendValue(value[:0], i)
		}
	}}
	for _, n := range chunks {
		for name, o := range map[string]Options{"without options": {}, "with tags looked at": looking} {
			if got, _ := rewritten(t, o, page, n); got != page {
				t.Fatalf("%s, %.300q in chunks of %d became\n %.300q", name, page, n, got)
			}
		}
	}
}

const headMark = `<script id="marker-head"></script>`

// checkHeadStart inserts a mark at the start of the head.
func checkHeadStart(t *testing.T, page string, chunks []int) {
	t.Helper()
	o := Options{HeadStart: func() []byte { return []byte(headMark) }}
	out, r := rewritten(t, o, page, len(page)+1)
	inserted := strings.Count(out, headMark) == 1
	rest, ok := strings.CutPrefix(strings.Replace(out, headMark, "", 1), page)
	closed := rest == "" || strings.HasSuffix(out, rest+headMark) // a comment that the page left open
	if !ok || !closed || r.Skipped() == Complete && !inserted {
		t.Fatalf("%.300q became, %s,\n %.300q", page, r.Skipped(), out)
	}
	for _, n := range chunks {
		if got, _ := rewritten(t, o, page, n); got != out {
			t.Fatalf("%.300q became\n %.300q, in chunks of %d\n %.300q", page, out, n, got)
		}
	}
}

// checkHeadDocument compares the documents before and after that.
func checkHeadDocument(t *testing.T, page string) {
	t.Helper()
	out, _ := rewritten(t, Options{HeadStart: func() []byte { return []byte(headMark) }}, page, len(page)+1)
	if !strings.Contains(out, headMark) || !utf8.ValidString(page) || parserDiffers(page) != "" {
		return
	}
	before, after := parse(t, page), parse(t, out)
	mark := find(after, "marker-head")
	if mark == nil || mark.Parent.Data != "head" || mark.PrevSibling != nil {
		t.Fatalf("%.300q became %.300q: the mark is not the first in the head", page, out)
	}
	mark.Parent.RemoveChild(mark)
	if dump(before) != dump(after) {
		t.Fatalf("%.300q became\n %.300q\n before\n%s after\n%s", page, out, dump(before), dump(after))
	}
}

// thirdPartyElements are those that load something or lead somewhere.
var thirdPartyElements = NewElements("a", "animate", "area", "audio", "base", "blockquote", "body", "button", "embed", "feimage", "form",
	"frame", "html", "iframe", "image", "img", "input", "link", "meta", "object", "portal", "script", "set", "source", "table", "td", "th", "track", "use", "video")

// thirdPartyAttributes are those that tell of what.
var thirdPartyAttributes = []string{
	"action", "archive", "attributionsrc", "background", "cite", "classid", "codebase", "content", "data", "formaction", "from", "href", "imagesrcset", "longdesc",
	"lowsrc", "manifest", "ping", "poster", "src", "srcdoc", "srcset", "to", "value", "values", "xlink:href",
}

// thirdParty reports whether an address, or one in a list or a text, is perhaps not
// relative. It sees addresses as browsers do, with neither control characters nor
// backslashes in them.
func thirdParty(value string) bool {
	value = strings.Map(func(r rune) rune {
		switch r {
		case '\t', '\n', '\r':
			return -1
		case '\\':
			return '/'
		}
		return r
	}, value)
	return strings.Contains(value, "//") || strings.Contains(value, ":")
}

const blockedPrefix = "data-x-"

// blockThirdParties renames every attribute that tells of something that others
// provide.
func blockThirdParties(t *Tag) {
	for _, name := range thirdPartyAttributes {
		n := NameOf(name)
		for i := range t.Len() {
			if t.Attribute(i) == n && (t.Partial(i) || thirdParty(string(t.AppendValue(nil, i)))) {
				t.Rename(n, NewDataName(blockedPrefix+name))
				break
			}
		}
	}
}

func blocking() Options { return Options{Edit: blockThirdParties, Elements: thirdPartyElements} }

// checkBlocking blocks what others provide and checks that only names of attributes
// changed. It reports whether any did.
func checkBlocking(t *testing.T, page string, chunks []int) bool {
	t.Helper()
	out, _ := rewritten(t, blocking(), page, len(page)+1)
	checkRenamed(t, page, out)
	for _, n := range chunks {
		if got, _ := rewritten(t, blocking(), page, n); got != out {
			t.Fatalf("%.300q became\n %.300q, in chunks of %d\n %.300q", page, out, n, got)
		}
	}
	return out != page
}

// checkRenamed checks that an output is the page but for a prefix before names.
func checkRenamed(t *testing.T, page, out string) {
	t.Helper()
	i, j := 0, 0
	for j < len(out) {
		if strings.HasPrefix(out[j:], blockedPrefix) && !strings.HasPrefix(page[i:], blockedPrefix) {
			j += len(blockedPrefix)
			n := 0
			for j+n < len(out) && class[out[j+n]]&endsAttrName == 0 {
				n++
			}
			if i+n > len(page) || !strings.EqualFold(page[i:i+n], out[j:j+n]) || !slices.Contains(thirdPartyAttributes, out[j:j+n]) {
				t.Fatalf("at %d, %.100q became %.100q", i, page[i:], out[j:])
			}
			i, j = i+n, j+n
			continue
		}
		if i == len(page) || page[i] != out[j] {
			t.Fatalf("at %d, %.100q became %.100q", i, page[i:], out[j:])
		}
		i, j = i+1, j+1
	}
	if i != len(page) {
		t.Fatalf("the output ends before %.100q", page[i:])
	}
}

// checkBlockedDocument compares the documents before and after blocking, and checks
// that no address of others is left.
func checkBlockedDocument(t *testing.T, page string) {
	t.Helper()
	out, r := rewritten(t, blocking(), page, len(page)+1)
	if !utf8.ValidString(page) || parserDiffers(page) != "" || r.page.lost || r.page.uncertain > 0 {
		return
	}
	before, after := parse(t, page), parse(t, out)
	for n := range after.Descendants() {
		if n.Type != html.ElementNode || !thirdPartyElements.has(tagOf(NameOf(n.Data)), NameOf(n.Data)) {
			continue
		}
		for _, a := range n.Attr {
			if slices.Contains(thirdPartyAttributes, strings.ToLower(fullName(a))) && thirdParty(a.Val) {
				t.Fatalf("%.300q became\n %.300q, where <%s> still has %s=%q", page, out, n.Data, fullName(a), a.Val)
			}
		}
	}
	withoutPrefixes(before)
	withoutPrefixes(after)
	if asSeen(r, before) != asSeen(r, after) {
		t.Fatalf("%.300q became\n %.300q\n before\n%s after\n%s", page, out, dump(before), dump(after))
	}
}

func fullName(a html.Attribute) string {
	if a.Namespace != "" {
		return a.Namespace + ":" + a.Key
	}
	return a.Key
}

func withoutPrefixes(root *html.Node) {
	for n := range root.Descendants() {
		for i, a := range n.Attr {
			n.Attr[i] = html.Attribute{Key: strings.TrimPrefix(fullName(a), blockedPrefix), Val: a.Val}
		}
	}
}
