package rewrite

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"

	"github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

// TestAgainstChromium is [TestAgainstParser] with a real browser, with scripting
// and without.
func TestAgainstChromium(t *testing.T) {
	ctx := browser.Start(t)

	var pages []string
	for _, c := range insertions {
		if in, _ := expand(c.page); !hasLongNumber(in) {
			pages = append(pages, in)
		}
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	for len(pages) < 500 {
		// A page without a tag takes a path of its own in Chromium, where
		// white space by reference is text.
		if page := randomPage(rnd); strings.Contains(page, "<") {
			pages = append(pages, page)
		}
	}
	const batch = 100
	for len(pages) > 0 {
		n := min(batch, len(pages))
		checkInChromium(t, ctx, pages[:n])
		pages = pages[n:]
	}
}

func checkInChromium(t *testing.T, ctx context.Context, pages []string) {
	t.Helper()
	inputs := slices.Clone(pages)
	var done []*Rewriter
	for _, page := range pages {
		out, r := rewritten(t, marks(false), page, len(page)+1)
		inputs = append(inputs, out)
		done = append(done, r)
	}
	for i := range inputs {
		inputs[i] = strings.TrimPrefix(inputs[i], bomUTF8) // that is for the decoder
	}
	arg, err := json.Marshal(inputs)
	if err != nil {
		t.Fatal(err)
	}
	// Of each page the document with scripting and that without.
	docs, err := chromedp.Run(ctx, chromedp.Evaluate[[][]json.RawMessage]("("+parseInBrowser+")("+string(arg)+")"))
	if err != nil {
		t.Fatalf("parsing pages in chromium: %v", err)
	}
	n := len(pages)
	for i, page := range pages {
		for scripting := range 2 {
			before, after := nodeOf(t, docs[i][scripting]), nodeOf(t, docs[n+i][scripting])
			if scripting == 1 && strings.Contains(page, "<noscript") {
				// What is open inside noscript may stay open behind it, so that
				// not all is the same; where the readings agree, both see marks.
				if framed := find(before, "") != nil; !framed && !done[i].forked &&
					(done[i].Inserted() != (find(after, "marker-start") != nil) ||
						(done[i].Skipped() == Complete) != (find(after, "marker-end") != nil)) {
					t.Fatalf("without scripting, no marks in %q", inputs[n+i])
				}
				continue
			}
			checkDocuments(t, page, inputs[n+i], done[i], before, after)
		}
	}
}

// parseInBrowser returns the documents of pages as arrays of a namespace, a name,
// attributes and children, or of a text or comment.
const parseInBrowser = `pages => {
	const dump = n => {
		switch (n.nodeType) {
		case Node.TEXT_NODE: return ["#text", n.data];
		case Node.COMMENT_NODE: return ["#comment", n.data];
		case Node.DOCUMENT_TYPE_NODE: return ["#doctype", n.name];
		}
		// Processing instructions, or the comments that stand for them, are
		// nothing if unfinished; finished, they end at their first ">".
		const children = [...(n.content || n).childNodes].filter(c =>
			c.nodeType != Node.PROCESSING_INSTRUCTION_NODE && !(c.nodeType == Node.COMMENT_NODE && c.data.startsWith("?")));
		return [n.namespaceURI || "", n.localName || "", [...n.attributes || []].map(a => [a.name, a.value]), children.map(dump)];
	};
	return pages.map(page => {
		const frame = document.body.appendChild(document.createElement("iframe"));
		const doc = frame.contentDocument;
		doc.open();
		doc.write(page);
		doc.close();
		const scripted = dump(doc);
		frame.remove();
		return [scripted, dump(new DOMParser().parseFromString(page, "text/html"))];
	});
}`

// nodeOf makes a node of what parseInBrowser returned.
func nodeOf(t *testing.T, raw json.RawMessage) *html.Node {
	t.Helper()
	var parts []json.RawMessage
	var kind, name string
	read := func(raw json.RawMessage, v any) {
		if err := json.Unmarshal(raw, v); err != nil {
			t.Fatalf("reading %.100s: %v", raw, err)
		}
	}
	read(raw, &parts)
	read(parts[0], &kind)
	read(parts[1], &name)
	n := &html.Node{Data: name}
	switch kind {
	case "#text":
		n.Type = html.TextNode
		return n
	case "#comment":
		n.Type = html.CommentNode
		return n
	case "#doctype":
		n.Type = html.DoctypeNode
		return n
	case "":
		n.Type = html.DocumentNode
	default:
		n.Type = html.ElementNode
		if kind != "http://www.w3.org/1999/xhtml" {
			n.Namespace = kind
		}
	}
	var attrs [][2]string
	read(parts[2], &attrs)
	for _, a := range attrs {
		n.Attr = append(n.Attr, html.Attribute{Key: a[0], Val: a[1]})
	}
	var children []json.RawMessage
	read(parts[3], &children)
	for _, c := range children {
		n.AppendChild(nodeOf(t, c))
	}
	return n
}
