package charset

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/text/encoding/japanese"

	"github.com/cookieconsent/caddy-cookie-consent/consent/mimetype"
)

func TestLookup(t *testing.T) {
	for want, labels := range map[Encoding]string{
		ISO2022JP:   "iso-2022-jp|ISO-2022-JP|csISO2022JP|\t iso-2022-jp\n",
		UTF16LE:     "utf-16|utf-16le|ucs-2|unicode|csunicode|iso-10646-ucs-2|unicodefeff",
		UTF16BE:     "utf-16be|unicodefffe",
		Replacement: "hz-gb-2312|iso-2022-cn|iso-2022-cn-ext|iso-2022-kr|csiso2022kr|replacement",
		ASCIICompatible: "utf-8|utf8|unicode-1-1-utf-8|latin1|ascii|us-ascii|iso-8859-1|iso_8859-1:1987|windows-1252|x-cp1252|iso-8859-15|iso-8859-8-i|logical|visual|" +
			"koi8-r|koi|koi8-u|macintosh|x-mac-cyrillic|ibm866|big5|big5-hkscs|gbk|gb2312|gb18030|shift_jis|x-sjis|windows-31j|euc-jp|euc-kr|windows-949|tis-620|x-user-defined",
		Undeclared: "|utf-7|utf-32|utf-16-le|utf16|iso-2022-jp-1|iso-2022-jp-2|iso2022jp|iso-2022-jp words|'utf-8'|ibm500|cp037|jis|none|\vutf-8|utf-8\xa0|\u212aoi8-r",
	} {
		for label := range strings.SplitSeq(labels, "|") {
			if got := Lookup(label); got != want {
				t.Errorf("%q is %v, want %v", label, got, want)
			}
		}
	}
}

const (
	metaJP   = "<meta charset=iso-2022-jp>"
	metaUTF8 = "<meta charset=utf-8>"
)

func TestPrescan(t *testing.T) {
	for page, want := range map[string]Encoding{
		metaJP:                                     ISO2022JP,
		"<META/CHARSET='iso-2022-jp'>":             ISO2022JP,
		`<meta charset="iso-2022-jp`:               ISO2022JP,
		"<meta x charset = iso-2022-jp >":          ISO2022JP,
		"<metax charset=iso-2022-jp>":              Undeclared,
		"<meta>" + metaJP:                          ISO2022JP,
		metaUTF8 + metaJP:                          ASCIICompatible,
		"<meta charset=nothing>" + metaJP:          ISO2022JP,
		"<meta charset=utf-16be>":                  ASCIICompatible,
		"<meta charset=x-user-defined>":            ASCIICompatible,
		"<meta charset=iso-2022-kr>":               Replacement,
		"<meta charset=utf-8 charset=iso-2022-jp>": ASCIICompatible,
		"<meta http-equiv=content-type content='text/html; charset=iso-2022-jp'>":    ISO2022JP,
		"<meta content='charset=iso-2022-jp' http-equiv=Content-Type>":               ISO2022JP,
		"<meta content='charset=iso-2022-jp'>":                                       Undeclared,
		"<meta http-equiv=refresh content='charset=iso-2022-jp'>":                    Undeclared,
		"<meta http-equiv=content-type content='charset=utf-8' charset=iso-2022-jp>": ISO2022JP,
		"<meta charset=iso-2022-jp http-equiv=content-type content='charset=utf-8'>": ISO2022JP,
		"<meta http-equiv=content-type content='charsetcharset = \"iso-2022-jp\"'>":  ISO2022JP,
		"<meta http-equiv=content-type content='charset=\"iso-2022-jp'>":             Undeclared,
		"<meta http-equiv=content-type content='charset;charset=iso-2022-jp;'>":      ISO2022JP,
		"<meta http-equiv=content-type content='charset='>":                          Undeclared,
		"<meta charset=iso-2022&#45;jp>":                                             Undeclared,
		"<!-- " + metaJP + " -->":                                                    Undeclared,
		"<!-->" + metaJP:                                                             ISO2022JP,
		"<!--->" + metaJP:                                                            ISO2022JP,
		"<!-- " + metaJP:                                                             Undeclared,
		"<!x " + metaJP:                                                              Undeclared,
		"<? x >" + metaJP:                                                            ISO2022JP,
		"</p x='>" + metaJP + "'>":                                                   Undeclared,
		"<p title='" + metaJP + "'>":                                                 Undeclared,
		"<p title=" + metaJP:                                                         Undeclared,
		"</3>" + metaJP:                                                              ISO2022JP,
		"< <" + metaJP:                                                               ISO2022JP,
		"<p" + metaJP:                                                                Undeclared,
		"<script>'" + metaJP + "'</script>":                                          ISO2022JP, // it knows no elements
		strings.Repeat(" ", prescanLength-len(metaJP)) + metaJP:                      ISO2022JP,
		strings.Repeat(" ", prescanLength-len(metaJP)+1) + strings.Replace(metaJP, ">", " x>", 1): ISO2022JP,
		strings.Repeat(" ", prescanLength-len(metaJP)+3) + metaJP:                                 Undeclared,
		"": Undeclared, "<": Undeclared, "<meta": Undeclared, "<meta charset": Undeclared, "<meta charset=": Undeclared, "<!--": Undeclared, "</": Undeclared,
	} {
		if got := prescan([]byte(page)); got != want {
			t.Errorf("%.80q declares %v, want %v", page, got, want)
		}
	}
}

func TestFromXML(t *testing.T) {
	for page, want := range map[string]Encoding{
		"<?xml version='1.0' encoding='iso-2022-jp'?>": ISO2022JP,
		`<?xml encoding = "iso-2022-jp"?>`:             ISO2022JP,
		"<?xml encoding='utf-16'?>":                    ASCIICompatible,
		" <?xml encoding='iso-2022-jp'?>":              Undeclared,
		"<?xml encoding='iso 2022-jp'?>":               Undeclared,
		"<?xml encoding=iso-2022-jp?>":                 Undeclared,
		"<?xml encoding='iso-2022-jp?>":                Undeclared,
		"<?xml?>":                                      Undeclared, "<?xml encoding": Undeclared, "<?xml encoding>": Undeclared, "<?xml encoding=>": Undeclared,
	} {
		if got := fromXML([]byte(page)); got != want {
			t.Errorf("%q declares %v, want %v", page, got, want)
		}
	}
}

// pageReading is what a detector made of a page.
type pageReading struct {
	encoding Encoding // of the end
	from     int      // the position from which on that is so
}

// readPage gives a page to a detector in pieces, and its tags as soon as they are
// passed.
func readPage(t testing.TB, label, page string, size int) pageReading {
	t.Helper()
	var d Detector
	d.Reset(label)
	reported := 0 // metas before that position
	report := func(start []byte, from int) {
		for _, m := range metas(start) {
			if m.end > from {
				d.Meta(m.httpEquiv, m.content, m.charset)
			}
		}
	}
	d.Lookahead = func(start []byte) { report(start, reported) }
	at, seen := 0, 0
	for {
		seen = min(seen+size, len(page))
		last := seen == len(page)
		for {
			e, n := d.Next([]byte(page[at:seen]), last)
			if e != ASCIICompatible && e != Undeclared {
				return pageReading{e, at}
			}
			at += n
			report([]byte(page[:at]), reported)
			reported = at
			if n == 0 || at == seen {
				break
			}
		}
		if last {
			if at < len(page) {
				t.Fatalf("byte %d of %d is never to be read", at, len(page))
			}
			return pageReading{ASCIICompatible, 0}
		}
		if seen-at >= prescanLength && d.begun && d.encoding == Undeclared {
			t.Fatalf("%d bytes are held back", seen-at)
		}
	}
}

type metaTag struct {
	httpEquiv, content, charset string
	end                         int
}

// metas are the complete <meta> tags in the start of a page as a tokenizer sees them.
func metas(p []byte) []metaTag {
	var found []metaTag
	z := html.NewTokenizer(bytes.NewReader(p))
	for at := 0; ; {
		kind := z.Next()
		at += len(z.Raw())
		if kind == html.ErrorToken {
			return found
		}
		if token := z.Token(); token.Data == "meta" && (kind == html.StartTagToken || kind == html.SelfClosingTagToken) {
			m := metaTag{end: at}
			for _, a := range token.Attr {
				switch a.Key {
				case "http-equiv":
					m.httpEquiv = a.Val
				case "content":
					m.content = a.Val
				case "charset":
					m.charset = a.Val
				}
			}
			found = append(found, m)
		}
	}
}

func TestDetector(t *testing.T) {
	const kanji, plain = "\x1b$B4A;z\x1b(B", "<html><head><title>Title</title>"
	long := strings.Repeat("<p>words words</p>", 100)
	for _, c := range []struct {
		name, label, page string
		want              Encoding
		from              string // what the encoding begins with
	}{
		{"declared", "utf-8", plain + kanji, ASCIICompatible, ""},
		{"ISO-2022-JP", "iso-2022-jp", plain + kanji, ISO2022JP, plain},
		{"UTF-16", "utf-16", "<\x00p\x00>\x00", UTF16LE, "<"},
		{"not read", "iso-2022-kr", plain, Replacement, plain},
		{"byte order mark", "utf-8", "\xff\xfe<\x00", UTF16LE, "\xff\xfe"},
		{"byte order mark, big endian", "", "\xfe\xff\x00<", UTF16BE, "\xfe\xff"},
		{"byte order mark against ISO-2022-JP", "iso-2022-jp", "\xef\xbb\xbf" + kanji, ASCIICompatible, ""},
		{"byte order mark against UTF-16", "utf-16le", "\xef\xbb\xbf<p>", ASCIICompatible, ""},
		{"byte order mark against what is not read", "hz-gb-2312", "\xef\xbb\xbf<p>", ASCIICompatible, ""},
		{"half a byte order mark", "iso-2022-jp", "\xef\xbb", ISO2022JP, "\xef\xbb"},
		{"XML declaration in UTF-16", "", "<\x00?\x00x\x00m\x00", UTF16LE, "<\x00?"},
		{"XML declaration in UTF-16, big endian", "", "\x00<\x00?\x00x\x00m", UTF16BE, "\x00<\x00?"},
		{"XML declaration in UTF-16 that is declared otherwise", "utf-8", "<\x00?\x00x\x00", ASCIICompatible, ""},
		{"UTF-16 undeclared", "", "<\x00p\x00>\x00", ASCIICompatible, ""},
		{"empty", "", "", ASCIICompatible, ""},
		{"nothing declared", "", plain + long, ASCIICompatible, ""},
		{"unknown label", "nothing", plain + kanji, Doubtful, kanji},
		{"escape sequence of a terminal", "", plain + "\x1b[1m", ASCIICompatible, ""},
		{"escape sequence at the end", "", plain + "\x1b$", ASCIICompatible, ""},
		{"nothing declared, escape sequence", "", plain + kanji, Doubtful, kanji},
		{"nothing declared, late escape sequence", "", plain + long + kanji, Doubtful, kanji},
		{"meta", "", metaJP + kanji, ISO2022JP, kanji},
		{"meta behind the title", "", "<title>" + kanji + "</title>" + metaJP + kanji, ISO2022JP, kanji + "</title>"},
		{"meta of UTF-8", "", metaUTF8 + kanji, ASCIICompatible, ""},
		{"meta of UTF-8, long page", "", metaUTF8 + long + kanji, ASCIICompatible, ""},
		{"meta of UTF-8 behind the title", "", "<title>" + kanji + "</title>" + metaUTF8, ASCIICompatible, ""},
		{"late meta", "", "<!--" + long + "-->" + metaJP + kanji, ISO2022JP, kanji},
		{"late meta behind the title", "", "<!--" + long + "--><title>" + kanji + "</title>" + metaJP, Doubtful, kanji + "</title>"},
		{"late meta of UTF-8", "", "<!--" + long + "-->" + metaUTF8 + kanji, ASCIICompatible, ""},
		{"meta in a script", "", "<script>'" + metaJP + "'</script>" + kanji, Doubtful, kanji},
		{"meta in a title", "", "<title>" + metaUTF8 + "</title>" + kanji, Doubtful, kanji},
		{"meta in a comment", "", "<!-- " + metaJP + " -->" + kanji, Doubtful, kanji},
		{"meta with a character reference", "", "<meta charset=iso-2022&#45;jp>" + kanji, ISO2022JP, kanji},
		{"two metas", "", metaUTF8 + metaJP + kanji, ASCIICompatible, ""},
		{"XML declaration", "", "<?xml encoding='iso-2022-jp'?>" + kanji, ISO2022JP, kanji},
		{"XML declaration and meta", "", "<?xml encoding='iso-2022-jp'?>" + metaUTF8 + kanji, ASCIICompatible, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 7, 64, 1000, 1 << 20} {
				got := readPage(t, c.label, c.page, size)
				if got.encoding != c.want || c.want != ASCIICompatible && !strings.HasPrefix(c.page[got.from:], c.from) {
					t.Errorf("in pieces of %d bytes: %v from %d on (%.20q), want %v", size, got.encoding, got.from, c.page[got.from:], c.want)
				}
			}
		})
	}
}

func TestDetectorWithoutLookahead(t *testing.T) {
	var d Detector
	d.Reset("")
	const page = metaJP + "\x1b$B4A"
	_, n := d.Next([]byte(page), true)
	if e, _ := d.Next([]byte(page[n:]), true); e != Doubtful {
		t.Errorf("a page of which only the bytes were looked at is %v", e)
	}
}

// A page that is read as the detector says shows the hosts that Chromium contacts,
// and no others.
func TestAgainstChromium(t *testing.T) {
	data, err := os.ReadFile("testdata/pages-chromium.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			ID, Note    string
			ContentType []string `json:"content_type"`
			Header      map[string]string
			Body        []byte
			Contacted   []string
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) < 36 {
		t.Fatalf("%d vectors, want 36", len(file.Vectors))
	}
	for _, v := range file.Vectors {
		kind := mimetype.FromHeader(v.ContentType)
		switch essence := kind.Essence; {
		case mimetype.IsAttachment([]string{v.Header["Content-Disposition"]}), mimetype.Nosniff([]string{v.Header["X-Content-Type-Options"]}) && essence == "":
			kind.Essence = "nothing"
		case essence == "":
			kind.Essence, _ = mimetype.Sniff(v.Body, true)
		case strings.HasSuffix(essence, "xml"):
			continue // nothing reads these
		}
		var hosts []string
		if kind.Essence == mimetype.HTML {
			hosts = contacts(t, kind.Charset, v.Body)
		}
		if !slices.Equal(hosts, v.Contacted) {
			t.Errorf("%s (%s): %q, Chromium contacts %q", v.ID, v.Note, hosts, v.Contacted)
		}
	}
}

// contacts are the hosts of images in a page.
func contacts(t *testing.T, label string, page []byte) []string {
	t.Helper()
	switch e := readPage(t, label, string(page), len(page)).encoding; e {
	case Replacement:
		return nil
	case UTF16LE, UTF16BE:
		page = []byte(transcoded(t, e, string(page), len(page)))
	case ISO2022JP:
		decoded, err := japanese.ISO2022JP.NewDecoder().Bytes(page)
		if err != nil {
			t.Fatal(err)
		}
		page = decoded
	case Doubtful:
		t.Errorf("a page that is %v", e)
	case Undeclared, ASCIICompatible:
	}
	var hosts []string
	z := html.NewTokenizer(bytes.NewReader(page))
	for z.Next() != html.ErrorToken {
		for _, a := range z.Token().Attr {
			if host, found := strings.CutPrefix(a.Val, "//"); found && a.Key == "src" {
				host, _, _ = strings.Cut(host, "/")
				hosts = append(hosts, host)
			}
		}
	}
	return hosts
}

func transcoded(t testing.TB, e Encoding, page string, size int) string {
	t.Helper()
	var out strings.Builder
	w := e.Transcoder(&out)
	for rest := page; rest != ""; {
		n := min(size, len(rest))
		if _, err := w.Write([]byte(rest[:n])); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTranscoder(t *testing.T) {
	for _, c := range []struct {
		encoding Encoding
		in, out  string
	}{
		{UTF16LE, "<\x00p\x00>\x00\xe9\x00\x22\x6f", "<p>é漢"},
		{UTF16BE, "\x00<\x00p\x00>", "<p>"},
		{UTF16LE, "\xff\xfe<\x00", "\ufeff<"}, // the mark stays one
		{UTF16LE, "\x3d\xd8\x00\xde<\x00", "😀<"},
		{UTF16LE, "\x3d\xd8<\x00p\x00", "\ufffd<p"}, // half a pair
		{UTF16LE, "\x00\xde<\x00", "\ufffd<"},
		{UTF16LE, "\x3d\xd8\x3d\xd8\x00\xde", "\ufffd😀"},
		{UTF16LE, "<\x00>", "<\ufffd"}, // half a character
		{UTF16LE, "<\x00\x3d\xd8", "<\ufffd"},
		{UTF16LE, "\x00\x00", "\x00"},
		{UTF16LE, "", ""},
	} {
		for size := 1; size < 12; size++ {
			if got := transcoded(t, c.encoding, c.in, size); got != c.out {
				t.Errorf("%q in pieces of %d bytes is %q, want %q", c.in, size, got, c.out)
			}
		}
	}
	if ASCIICompatible.Transcoder(nil) != nil {
		t.Error("what is ASCII-compatible is transcoded")
	}
}

// Whatever a page is and however it is split, the same bytes are read in the same
// way, and none is held back for long.
func FuzzDetector(f *testing.F) {
	f.Add("", "<title>\x1b$B4A\x1b(B</title>"+metaJP, 3)
	f.Add("utf-16", "\xef\xbb\xbf<p>", 1)
	f.Add("nothing", "<?xml encoding='iso-2022-jp'?>\x1b(J", 2)
	f.Add("", "<meta http-equiv=content-type content='charset=utf-8'>\x1b(I", 5)
	f.Fuzz(func(t *testing.T, label, page string, size int) {
		if size < 1 || size > 1<<20 {
			size = 1
		}
		whole := readPage(t, label, page, len(page)+1)
		if got := readPage(t, label, page, size); got != whole {
			t.Errorf("in pieces of %d bytes: %v, else %v", size, got, whole)
		}
	})
}
