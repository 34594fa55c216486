package rewrite

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// deviations are the cases of the html5lib tokenizer tests that the scanner
// reads otherwise on purpose, by description and initial state, and why. Not run
// at all are those of xmlViolation.test, which are about what an XML parser makes of
// the tokens. Nor are errors, and the flag and identifiers of DOCTYPEs, compared:
// nothing depends on them here.
var deviations = map[[2]string]string{
	{"lowercase endtags", "Script data state"}:             "script data that </xmp> ends does not exist: only </script> does",
	{"Named entity: nGt; with a semi-colon", "Data state"}: "not in the table of Go's html package; of no use in an address or a type",
	{"Named entity: nLt; with a semi-colon", "Data state"}: "as nGt;",
}

// rawElements are the elements whose content begins in a state. html5lib has tests
// with one or two of them only.
var rawElements = map[string][]string{
	"RCDATA state":  {"textarea", "title"},
	"RAWTEXT state": {"iframe", "noembed", "noframes", "noscript", "style", "xmp"},
}

// TestHTML5Lib runs the tokenizer tests of the html5lib project, which are read
// from beside the repository, through the scanner. What the scanner leaves to
// others is done by tokens: decoding, and the end of the input. DOCTYPEs are
// compared as such, not by what they declare, which the scanner does not read.
func TestHTML5Lib(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "vectors", "html5lib", "tokenizer")
	files, err := filepath.Glob(filepath.Join(dir, "*.test"))
	if err != nil || len(files) == 0 {
		t.Skip("the tokenizer tests of html5lib are not there")
	}
	skipped := 0
	ran := make(map[string]int) // by initial state
	for _, file := range files {
		check := func(c html5libCase, initial string) {
			t.Helper()
			ran[initial]++
			for _, n := range chunkSizes {
				got := fmt.Sprintf("%q", tokens(c.Input, initial, c.LastStartTag, n))
				want := fmt.Sprintf("%q", c.want)
				if got != want {
					t.Errorf("%s: %s: %q as %s in chunks of %d\n got  %s\n want %s",
						filepath.Base(file), c.Description, c.Input, initial, n, got, want)
					return
				}
			}
		}
		for _, c := range readHTML5Lib(t, file) {
			for _, initial := range c.InitialStates {
				if deviations[[2]string{c.Description, initial}] != "" {
					skipped++
					continue
				}
				check(c, initial)
				if c.LastStartTag != "" {
					for _, name := range rawElements[initial] {
						check(c.in(name), initial)
					}
				}
				if initial == "Data state" { // to which an end tag leads back
					c := c
					c.Input, c.LastStartTag, c.want = "</title>"+c.Input, "title", append([]string{"end title"}, c.want...)
					check(c, "RCDATA state")
				}
			}
		}
	}
	t.Logf("cases in %d files: %v", len(files), ran)
	if skipped != len(deviations) {
		t.Errorf("%d cases deviate, %d are listed", skipped, len(deviations))
	}
	for _, initial := range []string{"CDATA section state", "Data state", "PLAINTEXT state", "RAWTEXT state", "RCDATA state", "Script data state"} {
		if ran[initial] < 50 {
			t.Errorf("only %d cases begin in the %s", ran[initial], initial)
		}
	}
}

// in returns the case in an element of another name.
func (c html5libCase) in(name string) html5libCase {
	old := regexp.MustCompile("(?i)" + c.LastStartTag)
	rename := func(s string) string {
		return old.ReplaceAllStringFunc(s, func(found string) string {
			switch found {
			case strings.ToLower(found):
				return name
			case strings.ToUpper(found):
				return strings.ToUpper(name)
			}
			return name[:1] + strings.ToUpper(name[1:2]) + name[2:]
		})
	}
	c.Input, c.LastStartTag = rename(c.Input), name
	c.want = slices.Clone(c.want)
	for i := range c.want {
		c.want[i] = rename(c.want[i])
	}
	return c
}

// html5libCase is one test of html5lib. Its tokens are told as by tokens.
type html5libCase struct {
	Description   string
	Input         string
	Output        []json.RawMessage
	InitialStates []string
	LastStartTag  string
	DoubleEscaped bool

	want []string
}

func readHTML5Lib(t *testing.T, file string) []html5libCase {
	t.Helper()
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("no " + file)
	}
	var doc struct{ Tests []html5libCase }
	if err == nil {
		err = json.Unmarshal(b, &doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	cases := doc.Tests[:0]
	for _, c := range doc.Tests {
		if c.DoubleEscaped {
			c.Input = unescapeTwice(c.Input)
		}
		if len(c.InitialStates) == 0 {
			c.InitialStates = []string{"Data state"}
		}
		for _, raw := range c.Output {
			var token []any
			if err := json.Unmarshal(raw, &token); err != nil {
				t.Fatal(err)
			}
			data := ""
			if len(token) > 1 {
				data, _ = token[1].(string)
			}
			if c.DoubleEscaped {
				data = unescapeTwice(data)
			}
			switch token[0] {
			case "DOCTYPE":
				c.want = append(c.want, "doctype")
			case "StartTag":
				attrs := map[string]string{}
				for k, v := range token[2].(map[string]any) {
					if c.DoubleEscaped {
						k, v = unescapeTwice(k), unescapeTwice(v.(string))
					}
					attrs[k] = v.(string)
				}
				c.want = append(c.want, startTagToken(data, attrs, len(token) > 3))
			case "EndTag":
				c.want = append(c.want, "end "+data)
			case "Comment":
				c.want = append(c.want, "comment "+data)
			case "Character":
				c.want = appendText(c.want, data)
			}
		}
		cases = append(cases, c)
	}
	return cases
}

var escapes = regexp.MustCompile(`\\u[0-9A-Fa-f]{4}`)

func unescapeTwice(s string) string {
	return escapes.ReplaceAllStringFunc(s, func(s string) string {
		n, _ := strconv.ParseUint(s[2:], 16, 16)
		return string(rune(n))
	})
}

func startTagToken(name string, attrs map[string]string, selfClosing bool) string {
	s := "start " + name
	for _, k := range slices.Sorted(maps.Keys(attrs)) {
		s += fmt.Sprintf(" %q=%q", k, attrs[k])
	}
	if selfClosing {
		s += " /"
	}
	return s
}

func appendText(tokens []string, s string) []string {
	if n := len(tokens); n > 0 && strings.HasPrefix(tokens[n-1], "text ") {
		tokens[n-1] += s
		return tokens
	}
	if s == "" {
		return tokens
	}
	return append(tokens, "text "+s)
}

const cdataOpen = "<![CDATA["

// tokens returns what the scanner makes of an input, chunk by chunk of n bytes.
func tokens(input, initial, lastStartTag string, n int) []string {
	var s scanner
	last := tagOf(NameOf(lastStartTag))
	switch initial {
	case "PLAINTEXT state":
		s.enterRaw(tagPlaintext)
	case "RCDATA state", "RAWTEXT state":
		s.enterRaw(last)
	case "Script data state":
		s.enterRaw(tagScript)
	case "CDATA section state":
		s.cdataAllowed = true
		input = cdataOpen + input
	}

	var (
		out       []string
		textFrom  = -1 // where the text that was found but not told begins
		textTo    int
		decodes   = initial == "RCDATA state"
		nul       = "\ufffd"
		name      string
		attrs     map[string]string
		attr      string
		valueFrom = -1
		valueTo   int
	)
	if s.state == dataState {
		decodes, nul = true, "\x00"
	}
	crlf := strings.NewReplacer("\r\n", "\n", "\r", "\n")
	clean := func(s, nul string) string {
		return strings.ReplaceAll(crlf.Replace(s), "\x00", nul)
	}
	flushText := func() {
		if textFrom < 0 {
			return
		}
		data := clean(input[textFrom:textTo], nul)
		if decodes {
			data = decodeText(data)
		}
		if data != "" {
			out = appendText(out, data)
		}
		textFrom = -1
	}
	addText := func(from, to int) {
		if textFrom < 0 {
			textFrom = from
		}
		textTo = to
	}
	endAttr := func() {
		if valueFrom >= 0 {
			if _, ok := attrs[attr]; ok && attrs[attr] == "" {
				v := clean(input[valueFrom:valueTo], "\ufffd")
				attrs[attr] = string(appendDecoded(nil, []byte(v)))
			}
			valueFrom = -1
		}
	}

	for base := 0; base < len(input); base += n {
		chunk := []byte(input[base:min(base+n, len(input))])
		for i := 0; i < len(chunk); {
			ev, j := s.next(chunk, i)
			from, to := int(s.start), base+j
			switch ev {
			case text:
				addText(from, to)
			case startTag, endTag:
				flushText()
				decodes, nul = true, "\x00" // the scanner is in the data state after this
				name = toLower(clean(strings.TrimLeft(input[from:to], "</"), "\ufffd"))
				attrs = map[string]string{}
				s.attributes = true
			case attribute:
				endAttr()
				attr = toLower(clean(input[from:to], "\ufffd"))
				if _, ok := attrs[attr]; ok {
					attr = "" // a duplicate
				} else {
					attrs[attr] = ""
				}
			case value:
				if valueFrom < 0 {
					valueFrom = from
				}
				valueTo = to
			case tagEnd:
				endAttr()
				if s.closing {
					out = append(out, "end "+name)
				} else {
					out = append(out, startTagToken(name, attrs, s.selfClosing))
				}
			case comment:
				flushText()
				if input[from:to] == "</>" {
					break // no token to the standard
				}
				out = append(out, "comment "+clean(commentData(input[from:to]), "\ufffd"))
			case doctype:
				flushText()
				out = append(out, "doctype")
			case cdata:
				flushText()
				out = appendText(out, crlf.Replace(input[from+len(cdataOpen):to-len("]]>")]))
			}
			i = j
		}
		s.offset += int64(len(chunk))
	}

	rest := input[min(int(s.start), len(input)):]
	switch s.state {
	case tagOpen, endTagOpen, rawLess, rawEndOpen, rawEndName, escapedLess, escapedEndOpen, escapedEndName,
		doubleEscapeStart, doubleEscapedLess, doubleEscapeEnd, scriptEscapeStart, scriptEscapeStartDash:
		addText(int(s.start), len(input))
	case markupDeclaration, declarationDash, declarationDoctype, declarationCDATA, bogusComment,
		commentStart, commentStartDash, commentState, commentEndDash, commentEnd, commentEndBang:
		flushText()
		out = append(out, "comment "+clean(commentData(rest), "\ufffd"))
	case doctypeState:
		flushText()
		out = append(out, "doctype")
	case cdataState, cdataBracket, cdataEnd:
		flushText()
		out = appendText(out, crlf.Replace(rest[len(cdataOpen):]))
	}
	flushText()
	return out
}

// commentData returns what a comment says, which the input may not have closed.
func commentData(raw string) string {
	if data, ok := strings.CutPrefix(raw, "<!--"); ok {
		for _, end := range []string{"--!>", "-->", "--!", "--", "-"} {
			if rest, ok := strings.CutSuffix(data, end); ok {
				return rest
			}
		}
		if data == ">" || data == "->" {
			return ""
		}
		return data
	}
	raw = strings.TrimSuffix(raw, ">")
	if data, ok := strings.CutPrefix(raw, "</"); ok {
		return data
	}
	if data, ok := strings.CutPrefix(raw, "<?"); ok {
		return "?" + data
	}
	return strings.TrimPrefix(raw, "<!")
}

func toLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

// decodeText decodes character references in text.
func decodeText(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			return b.String() + s
		}
		b.WriteString(s[:i])
		s = s[i:]
		if strings.HasPrefix(s, "&#") {
			decoded, n := appendNumericReference(nil, []byte(s))
			b.Write(decoded)
			s = s[n:]
			continue
		}
		next := strings.IndexByte(s[1:], '&') + 1
		if next == 0 {
			next = len(s)
		}
		b.WriteString(html.UnescapeString(s[:next]))
		s = s[next:]
	}
}
