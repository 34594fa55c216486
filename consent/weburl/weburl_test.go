package weburl

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/nlnwa/whatwg-url/url"
)

// at is the base of the tests unless they say otherwise.
var at = NewBase("https", "www.example.com", "/dir/page.html?a=/b/")

// describe writes what a URL is in a word: the host of a Remote one, with the scheme.
func describe(u URL) string {
	switch u.Kind {
	case Remote:
		return u.Scheme + "://" + u.Host
	case Local:
		return strings.TrimSuffix("local "+u.Scheme, " ")
	case Invalid:
		return "invalid"
	default:
		return "unknown"
	}
}

func TestParse(t *testing.T) {
	const own = "https://www.example.com"
	for _, tt := range []struct{ in, want string }{
		{"", "local"},
		{"#top", "local"},
		{" \n#top", "local"},
		{"?q", own},
		{"a/b", own},
		{"/a", own},
		{"//tp.test/x", "https://tp.test"},
		{"https://tp.test", "https://tp.test"},
		{"http://tp.test?x", "http://tp.test"},
		{"HTTPS://tp.test#x", "https://tp.test"},
		{"wss://tp.test:8443/x", "wss://tp.test"},
		{"ws:tp.test", "ws://tp.test"},
		{"ftp:\\tp.test\\x", "ftp://tp.test"},
		{"https:tp.test", own},
		{"https:/tp.test", own},
		{"https:\\tp.test", own},
		{"https:\\\\tp.test", "https://tp.test"},
		{"https:/\\tp.test", "https://tp.test"},
		{"https:?//tp.test", own},
		{"https:", "local"},
		{"https:#//tp.test", "local"},
		{"http:tp.test", "http://tp.test"},
		{"http:/tp.test", "http://tp.test"},
		{"https:///tp.test", "https://tp.test"},
		{"https://///\\//tp.test", "https://tp.test"},
		{"///tp.test", "https://tp.test"},
		{"\\\\tp.test", "https://tp.test"},
		{"/\\tp.test", "https://tp.test"},
		{"\\/tp.test", "https://tp.test"},
		{"/\t/tp.test", "https://tp.test"},
		{"\t/\n/\rtp.test", "https://tp.test"},
		{"ht\ntps:\t/\r/t\tp.test", "https://tp.test"},
		{"https:\t//tp.test", "https://tp.test"},
		{"\x01\x00 //tp.test\x1f", "https://tp.test"},
		{"https://tp.test \x00", "https://tp.test"},
		{"https://www.example.com@tp.test/", "https://tp.test"},
		{"https://www.example.com:x@tp.test/", "https://tp.test"},
		{"https://a@www.example.com@tp.test:80/@x", "https://tp.test"},
		{"https://tp.test\\@www.example.com", "https://tp.test"},
		{"https://tp.test?@www.example.com", "https://tp.test"},
		{"https://tp.test#@www.example.com", "https://tp.test"},
		{"https://tp.test./", "https://tp.test"},
		{"https://tp.test:/", "https://tp.test"},
		{"https://TP.test/", "https://tp.test"},
		{"https://%74p.test/", "https://tp.test"},
		{"https://t\u00adp.test/", "https://tp.test"},
		{"https://ｔｐ。test/", "https://tp.test"},
		{"https://bücher.test/", "https://xn--bcher-kva.test"},
		{"https://xn--bcher-kva.test/", "https://xn--bcher-kva.test"},
		{"https://straße.test/", "https://xn--strae-oqa.test"},
		{"https://127.1/", "https://127.0.0.1"},
		{"https://0x7f.1/", "https://127.0.0.1"},
		{"https://0177.0.0.01/", "https://127.0.0.1"},
		{"https://2130706433/", "https://127.0.0.1"},
		{"https://127.0.0.1./", "https://127.0.0.1"},
		{"https://[::1]:8080/", "https://[::1]"},
		{"https://[0:0:0:0:0:0:0:1]/", "https://[::1]"},
		{"https://1.2.3.+4/", "unknown"},
		{"https://a_b.test", "https://a_b.test"},
		{"https://tp.test..", "unknown"},
		{"https://.tp.test", "unknown"},
		{"https://a..tp.test", "unknown"},
		{"https://.", "unknown"},
		{"https://", "invalid"},
		{"https:///", "invalid"},
		{"//", "invalid"},
		{"https://a@/", "invalid"},
		{"https://:80/", "invalid"},
		{"https://tp.test:99999/", "invalid"},
		{"https://tp.test:8x/", "invalid"},
		{"https://t p.test/", "unknown"},
		{"https://tp<.test/", "invalid"},
		{"https://1.2.3.4.5/", "invalid"},
		{"https://256.0.0.1/", "invalid"},
		{"https://[::1/", "unknown"},
		{"https://[[::1]]/", "unknown"},
		{"https://[::01.2.3.4]/", "unknown"},
		{"https://*.test/", "unknown"},
		{"https://{{host}}/", "unknown"},
		{"https://a\u1e9e.test/", "unknown"},
		{"https://a%e1%BA%9e.test/", "unknown"},
		{"https://xn--ä/", "unknown"},
		{"https://%00/", "unknown"},
		{"https://\xff.test/", "unknown"},
		{"https://" + strings.Repeat("\u00ad", 3000) + "tp.test/", "unknown"},
		{"data:text/html,<img src=//tp.test>", "local data"},
		{"DaTa:,", "local data"},
		{"blob:https://tp.test/x", "local blob"},
		{"about:blank", "local about"},
		{"java\nscript:0", "local javascript"},
		{"mailto:a@tp.test", "local mailto"},
		{"foo://tp.test/", "unknown"},
		{"view-source:https://tp.test/", "unknown"},
		{"file:///etc/passwd", "unknown"},
		{"file://tp.test/share", "unknown"},
		{"%2f%2ftp.test", own},
		{"1https://tp.test", own},
		{":https://tp.test", own},
		{".//tp.test", own},
		{"a b:c", own},
		{"/a//tp.test", own},
		// In ISO-2022-JP, what the browser takes out hides the rest.
		{"\x1b(Bhttps://tp.test/", "unknown"},
		{"\x1b(B//tp.test/", "unknown"},
		{"/\x1b(B/tp.test/", "unknown"},
		{"ht\x1b(Btps://tp.test/", "unknown"},
		{"https:\x1b(B//tp.test/", "unknown"},
		{"http:\x1b(B//tp.test/", "unknown"},
		{"//www.example.com\x1b(B.tp.test/", "unknown"},
		{"/a\x1b(B/tp.test/", own},
	} {
		if got := describe(at.Parse(tt.in)); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestBase(t *testing.T) {
	for _, tt := range []struct{ href, in, want, path string }{
		{"//tp.test/a/", "x", "https://tp.test", "/a/x"},
		{"//tp.test/a/", "#x", "https://tp.test", "/a/"},
		{"//tp.test/a/?b/", "", "https://tp.test", "/a/"},
		{"//tp.test/a/", "/x", "https://tp.test", "/x"},
		{"http://tp.test", "x", "http://tp.test", "/x"},
		{"http://tp.test", "?x", "http://tp.test", "/"},
		{"http://tp.test", "http:x", "http://tp.test", "/x"},
		{"http://tp.test", "https:x", "https://x", "/"},
		{"http://tp.test", "//x", "http://x", "/"},
		{"/other/", "x", "https://www.example.com", "/other/x"},
		{"../x", "y", "https://www.example.com", "/y"},
		{"?x", "y", "https://www.example.com", "/dir/y"},
		{"?x", "#y", "https://www.example.com", "/dir/page.html"},
		// Ignored.
		{"", "x", "https://www.example.com", "/dir/x"},
		{"#x", "y", "https://www.example.com", "/dir/y"},
		{"data:,", "x", "https://www.example.com", "/dir/x"},
		{" JavaScript\n:", "x", "https://www.example.com", "/dir/x"},
		{"https://", "x", "https://www.example.com", "/dir/x"},
		{"https://<host>/", "x", "https://www.example.com", "/dir/x"},
		// Not known.
		{"about:blank", "x", "unknown", ""},
		{"about:blank", "#x", "local", ""},
		{"foo://tp.test/", "x", "unknown", ""},
		{"foo://tp.test/", "//tp.test/", "unknown", ""},
		{"foo://tp.test/", "https:tp.test", "https://tp.test", "/"},
		{"https://xn--ä/", "x", "unknown", ""},
	} {
		u := at.Rebase(tt.href).Parse(tt.in)
		if got := describe(u); got != tt.want {
			t.Errorf("%q, %q: got %s, want %s", tt.href, tt.in, got, tt.want)
		} else if got := string(u.AppendPath(nil)); u.Kind == Remote && got != tt.path {
			t.Errorf("%q, %q: got %s, want %s", tt.href, tt.in, got, tt.path)
		}
	}
}

func TestNewBase(t *testing.T) {
	for host, want := range map[string]string{
		"example.com":      "example.com",
		"Example.com.:443": "example.com",
		"[::1]:80":         "[::1]",
		"127.0.0.1:8080":   "127.0.0.1",
		"a@b":              "a@b",
		"":                 "",
	} {
		if got := NewBase("http", host, "/").Host(); got != want {
			t.Errorf("%q: got %q, want %q", host, got, want)
		}
		if u := NewBase("http", host, "/").Parse("x"); u.Kind != Remote || u.Host != want {
			t.Errorf("%q: what is relative is %+v", host, u)
		}
	}
}

// pieces are what URLs of the tests are made of.
var pieces = []string{
	"http", "https", "HTTPS", "ws", "wss", "ftp", "file", "data", "javascript", "foo", "blob", ":", ":", ":", "/", "/", "//", "//", "\\", "\\\\",
	"\t", "\n", " ", "\x00", "\x01", "\x1f", "\x7f", "@", "?", "#", "%", "%2f", "%2e", "%41", "%00", "%25", "[", "]", "[::1]", "[::ffff:1.2.3.4]", "[1::2%25]", ".", "..", "./", "../",
	"www.example.com", "example.com", "tp.test", "TP.test", "tp.test.", "tp.test:80", ":443", ":65536", ":08", "1.2.3.4", "0x7f.1", "0300.1", "256", "1.2.3.4.5", "0xg", "08",
	"xn--bcher-kva", "xn--", "xn--a", "bücher", "ß", "ｔｐ", "。", "\u00ad", "\u200d", "☃", "é", "e\u0301", "\xff", "\u202e", "א", "a1", "_", "-", "*", "!", "$", "&", "'", "(", ")", "+", ",", ";", "=", "~", "{", "}", "|", "^", "`", "<", ">", "\"",
	"a", "b.c", "user", "user:pass", "index.html",
}

func randomURL(rnd *rand.Rand) string {
	var b strings.Builder
	if rnd.IntN(2) == 0 {
		b.WriteString([]string{"https://", "http://", "//", "https:", "/", "\\\\", " https:\t//", "ws://"}[rnd.IntN(8)])
	}
	for range rnd.IntN(7) {
		b.WriteString(pieces[rnd.IntN(len(pieces))])
	}
	return b.String()
}

// bases are bases of the tests, as a document's address and what <base> says.
var bases = []struct{ document, href string }{
	{"https://www.example.com/dir/page.html", ""},
	{"http://www.example.com/", ""},
	{"https://www.example.com/", "//tp.test/a/b?c"},
	{"https://www.example.com/", "http://tp.test"},
}

func baseOf(document, href string) Base {
	scheme, rest, _ := strings.Cut(document, "://")
	host, path, _ := strings.Cut(rest, "/")
	b := NewBase(scheme, host, "/"+path)
	if href != "" {
		b = b.Rebase(href)
	}
	return b
}

// checkAgainst compares what is made of a URL with what another parser makes of it:
// its scheme and host, or that it is none.
func checkAgainst(t *testing.T, in string, declared bool, got URL, ok bool, scheme, host, path string) {
	t.Helper()
	host = strings.TrimSuffix(host, ".")
	isSpecial := false
	for _, name := range special {
		isSpecial = isSpecial || scheme == name
	}
	switch got.Kind {
	case Unknown:
	case Invalid:
		if ok {
			t.Errorf("%q: got invalid, want %s://%s", in, scheme, host)
		}
	case Local:
		// A place in the document itself.
		if ok && isSpecial && (declared || host != "www.example.com") {
			t.Errorf("%q: got local, want %s://%s", in, scheme, host)
		}
	case Remote:
		if strings.Contains(got.Host, "xn--") && (!ok || host == "") {
			return // taken as it is: whether it can be decoded is not looked at
		}
		if !ok || scheme != got.Scheme || host != got.Host {
			t.Errorf("%q: got %s://%s, want %s://%s, %v", in, got.Scheme, got.Host, scheme, host, ok)
		} else if p := string(got.AppendPath(nil)); p != Decode(path) && utf8.ValidString(in) {
			t.Errorf("%q: got path %q, want %q", in, p, Decode(path))
		}
	}
}

// checkLibrary compares a URL with what another implementation of the standard says.
func checkLibrary(t *testing.T, document, href, in string) {
	t.Helper()
	if strings.Contains(in, "\x1b") {
		return // not a matter of the standard
	}
	base, err := url.Parse(document)
	if err == nil && href != "" {
		base, err = base.Parse(href)
	}
	if err != nil {
		t.Fatal(err)
	}
	u, err := base.Parse(in)
	got := baseOf(document, href).Parse(in)
	if err != nil && strings.Contains(got.Host, ".-") {
		return // and for a wrong one
	}
	if err != nil {
		checkAgainst(t, in, href != "", got, false, "", "", "")
		return
	}
	if u.IsIPv4() && strings.Contains(got.Host, "-") {
		return // the other implementation takes signed numbers for an address
	}
	checkAgainst(t, in, href != "", got, true, u.Scheme(), u.Hostname(), u.Pathname())
}

func TestAgainstLibrary(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	known := 0
	for range 20_000 {
		in := randomURL(rnd)
		base := bases[rnd.IntN(len(bases))]
		checkLibrary(t, base.document, base.href, in)
		if baseOf(base.document, base.href).Parse(in).Kind != Unknown {
			known++
		}
		if t.Failed() {
			t.Fatalf("relative to %+v", base)
		}
	}
	if known < 10_000 {
		t.Errorf("only %d of the URLs were understood", known)
	}
}

func FuzzParse(f *testing.F) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		f.Add(randomURL(rnd), uint8(rnd.IntN(len(bases))))
	}
	f.Fuzz(func(t *testing.T, in string, base uint8) {
		b := bases[int(base)%len(bases)]
		checkLibrary(t, b.document, b.href, in)
	})
}

func TestParsingAllocatesNothing(t *testing.T) {
	page := at.Rebase("/x/")
	var buf [512]byte
	allocs := testing.AllocsPerRun(100, func() {
		for _, in := range plainURLs {
			u := page.Parse(in)
			u.AppendPath(buf[:0])
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// plainURLs are URLs as pages have them.
var plainURLs = []string{
	"https://www.googletagmanager.com/gtag/js?id=G-ABCDEF1234",
	"//cdn.tp.test/libs/jquery/3.7.1/jquery.min.js",
	"http://www.example.com/images/logo.png",
	"/assets/app.0123456789abcdef.js", "../fonts/open-sans.woff2", "img/%7Euser/photo.jpg?w=400", "?page=2", "#top",
	"data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==",
}

func BenchmarkParse(b *testing.B) {
	for _, in := range plainURLs {
		b.Run(fmt.Sprintf("%.20s", in), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				at.Parse(in)
			}
		})
	}
}

// Hosts that take long to read are bounded.
func BenchmarkHostileHost(b *testing.B) {
	for name, piece := range map[string]string{
		"soft hyphens": "\u00ad", "percent": "%61", "marks": "a\u0301\u0323", "punycode": "xn--", "long label": "é", "labels": "é.", "at": "@", "numbers": "1.", "wide": "ａ", "hangul": "\u1100\u1161", "users": "é@",
	} {
		b.Run(name, func(b *testing.B) {
			in := "https://" + strings.Repeat(piece, maxHost/len(piece)) + "/"
			b.ReportAllocs()
			for b.Loop() {
				at.Parse(in)
			}
		})
	}
}
