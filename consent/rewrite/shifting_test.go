package rewrite

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/text/encoding/japanese"
)

// jisPages are pages in ISO-2022-JP: ~K stands for the escape sequence to kanji, ~B
// for that to ASCII, ~J for that to Roman. [[ and ]] stand for what is inserted.
var jisPages = []struct{ page, want string }{
	{
		`<html><head><title>~K8l~B</title></head><body><p>~KF|K\~B</p><img alt="~K<>"'=>~B" src=x></body></html>`,
		`<html><head><title>~K8l~B</title></head><body>[[<p>~KF|K\~B</p><img alt="~K<>"'=>~B" data-x-src=x></body></html>]]`,
	},
	{`~K<8>8~B<body><img src=x>`, `[[~K<8>8~B<body><img data-x-src=x>]]`},
	{`<body>~K8l`, `<body>[[~K8l~B]]`},
	{`<body>x~J`, `<body>[[x]]~J`},
	{`<body>x~J\`, `<body>[[x~J\~B]]`},
	{`<~Jbody><img s~Brc=x>`, `<~Jbody>~B[[~J<img data-x-src~B=x>]]`},
	{`<body><im~Jg~B src~J="x~B"~J>`, `<body>[[<im~Jg~B data-x-src~J="x~B"~J>~B]]`},
	{`<body><noscript><img alt="~K8l~B" src=x></noscript><script src="~K8l~B">`, `<body>[[<noscript><img alt="~K8l~B" data-x-src=x></noscript><script type="text/plain" data-x-src="~K8l~B">`},
}

var jisEscapes = strings.NewReplacer("~K", "\x1b$B", "~B", "\x1b(B", "~J", "\x1b(J")

func TestISO2022JP(t *testing.T) {
	for _, c := range jisPages {
		in := jisEscapes.Replace(c.page)
		want := strings.NewReplacer("[[", startMark, "]]", endMark).Replace(jisEscapes.Replace(c.want))
		for _, n := range chunkSizes {
			o := marks(false)
			o.Edit, o.Elements = disarm, shownElements
			var out bytes.Buffer
			r := New(&out, o)
			r.ReadISO2022JP()
			for p := []byte(in); len(p) > 0; p = p[min(n, len(p)):] {
				if _, err := r.Write(p[:min(n, len(p))]); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if got := out.String(); got != want {
				t.Fatalf("in chunks of %d:\n page %q\n got  %q\n want %q", n, in, got, want)
			}
			if got, err := japanese.ISO2022JP.NewDecoder().Bytes(out.Bytes()); err != nil || strings.Contains(string(got), "\ufffd") {
				t.Fatalf("%q decodes to %q, %v", out.String(), got, err)
			}
		}
	}
}
