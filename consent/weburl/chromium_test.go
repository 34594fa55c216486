package weburl

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

// parsedBy returns what the browser makes of URLs relative to a base: protocol,
// host and path of each, or nothing.
func parsedBy(t *testing.T, ctx context.Context, base string, urls []string) [][]string {
	t.Helper()
	arg, err := json.Marshal(append([]string{base}, urls...))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := chromedp.Run(ctx, chromedp.Evaluate[[][]string](`(([base, ...urls]) => urls.map(s => {
		try {
			const u = new URL(s, base);
			return [u.protocol.slice(0, -1), u.hostname, u.pathname];
		} catch {
			return [];
		}
	}))(`+string(arg)+`)`))
	if err != nil {
		t.Fatalf("parsing URLs in chromium: %v", err)
	}
	return parsed
}

// TestAgainstChromium compares URLs of every kind with what a real browser makes of them.
func TestAgainstChromium(t *testing.T) {
	ctx := browser.Start(t)
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, base := range bases {
		var urls []string
		for len(urls) < 5000 {
			if in := randomURL(rnd); utf8.ValidString(in) {
				urls = append(urls, in)
			}
		}
		for _, u := range confusing {
			urls = append(urls, u, "https:"+u, "http:"+u, "ws:"+u)
		}
		address := base.document
		if base.href != "" {
			address = "https:" + strings.TrimPrefix(strings.TrimPrefix(base.href, "https:"), "http:")
			if strings.HasPrefix(base.href, "http:") {
				address = base.href
			}
		}
		b := baseOf(base.document, base.href)
		known, failed := 0, 0
		for i, p := range parsedBy(t, ctx, address, urls) {
			got := b.Parse(urls[i])
			if got.Kind != Unknown {
				known++
			}
			if len(p) == 0 {
				failed++
				checkAgainst(t, urls[i], base.href != "", got, false, "", "", "")
			} else {
				checkAgainst(t, urls[i], base.href != "", got, true, p[0], p[1], p[2])
			}
		}
		t.Logf("%+v: of %d URLs, %d understood; the browser takes %d for none", base, len(urls), known, failed)
	}
}

// confusing are ways to write a host, behind any scheme or none.
var confusing = []string{
	"//tp.test", "\\\\tp.test", "/\\tp.test", "\\/tp.test", "///tp.test", "/////tp.test", "/\\/\\tp.test", "/tp.test", "tp.test", "\\tp.test",
	"/\t/tp.test", "/\n/tp.test", "\r//tp.test", "/ /tp.test", " //tp.test", "\x01//tp.test", "//\ttp.test", "//t\np.test", "// tp.test", "//tp.test\x01",
	"//www.example.com@tp.test", "//www.example.com:443@tp.test", "//tp.test@www.example.com", "//tp.test\\@www.example.com", "//tp.test/@www.example.com", "//tp.test?@www.example.com", "//tp.test#@www.example.com",
	"//www.example.com\\@tp.test", "//@tp.test", "//:@tp.test", "//@@tp.test", "//a@b@tp.test", "//a:b:c@tp.test:1", "//@", "//a@", "//a@:1",
	"//www.example.com%2f@tp.test", "//www.example.com%00.tp.test", "//www.example.com%40tp.test", "//%77ww.example.com", "//www%2eexample.com", "//www.example.com%2e", "//www.example.com%2f.tp.test", "//www.example.com%5c.tp.test", "//www.example.com%23.tp.test", "//www.example.com%3f.tp.test",
	"//www.example.com.", "//www.example.com..", "//.www.example.com", "//www..example.com", "//WWW.EXAMPLE.COM", "//www.example.com:", "//www.example.com:0443", "//www.example.com:65535", "//www.example.com:65536", "//www.example.com:-1", "//www.example.com:+1", "//www.example.com: 1", "//www.example.com:1\t2",
	"//ｗｗｗ.example.com", "//www。example．com", "//www｡example.com", "//wwⓦ.example.com", "//www.exam\u00adple.com", "//www.exam\u200bple.com", "//www.exam\u2060ple.com", "//www.exam\u200dple.com", "//www.exam\u200cple.com", "//www.exam\ufeffple.com", "//www.exam\ufe0fple.com", "//www.example.com\u00ad",
	"//www.example.com⁄tp.test", "//www.example.com／tp.test", "//www.example.com＃tp.test", "//www.example.com？tp.test", "//www.example.com＠tp.test", "//www.example.com：80", "//www.example.com＼tp.test", "//℀.test", "//ⅷ.test", "//ſ.test", "//ﬀ.test", "//K.test", "//İ.test", "//ı.test",
	"//straße.test", "//STRASSE.test", "//faß.test", "//ς.test", "//xn--fa-hia.test", "//xn--.test", "//xn--a.test", "//xn--a-ecp.ru", "//XN--BCHER-KVA.test", "//xn--bcher-kva.test", "//bücher.test", "//BÜCHER.test", "//bu\u0308cher.test", "//xn--strae-oqa.test", "//☃.test", "//💩.test", "//ja\u0310.test", "//אבג.test", "//a.אב1.test", "//1א.test", "//א1ב.test",
	"//127.0.0.1", "//127.1", "//2130706433", "//0x7f000001", "//0x7f.0x0.0x0.0x1", "//0177.0.0.1", "//0X7F.1", "//127.0.0.1.", "//127.0.0.0x", "//127.0.0.1..", "//127.0.0.08", "//1.2.3.4.5", "//256.1.1.1", "//1.256.1.1", "//4294967295", "//4294967296", "//0x100000000", "//a.1", "//a.0x1", "//a.0xg", "//a.1a", "//1", "//0", "//0x", "//０", "//１２７.０.０.１", "//%31.2.3.4", "//1.2.3.+4", "//1.2.3.-4", "//1.2.3.4%20", "//0x.0x.0", "//09", "//a.09",
	"//[::1]", "//[::1]:80", "//[0:0:0:0:0:0:0:1]", "//[::127.0.0.1]", "//[::ffff:127.0.0.1]", "//[::1", "//::1]", "//[::1%25eth0]", "//[::1%eth0]", "//[1::2::3]", "//[::1].tp.test", "//[::g]", "//[::1]a", "//[[::1]]", "//[1:2:3:4:5:6:7:8]", "//[1:2:3:4:5:6:7:8:9]", "//[1:2:3:4:5:6:7::]", "//[::1.2.3]", "//[::01.2.3.4]", "//[v1.a]", "//[]",
	"//a_b.test", "//-a.test", "//a-.test", "//a--b.test", "//ab--c.test", "//*.test", "//!.test", "//a,b.test", "//a;b.test", "//a=b.test", "//a&b.test", "//a$b.test", "//a'b.test", "//a(b).test", "//a+b.test", "//a~b.test", "//{{host}}", "//a{b}.test", "//a|b.test", "//a^b.test", "//a`b.test", "//a\"b.test", "//a<b>.test", "//a b.test", "//a%20b.test", "//a%b.test", "//a%2.test", "//%", "//a\x7fb.test", "//a%7fb.test", "//a\x01b.test", "//a\x00b.test", "//${host}", "//[% host %]", "//<?=host?>",
	"", "#", "#x", "?", "?x", "?//tp.test", "#//tp.test", ".", "..", "./", "../..", "a", "a:b", "1:b", "/", "\\", "//", "///", "/..//tp.test", "/.//tp.test", ".//tp.test", "..//tp.test", "%2f%2ftp.test", "%2f/tp.test", "/%2ftp.test", "/%5ctp.test",
	"/a/../b", "/a/%2e%2e/b", "/a/.%2E/b", "/a/%2e/b", "/a/..\\b", "/a//../b", "/../../b", "/a/b/..", "/a/b/.", "/a/...", "/a%2f..%2fb", "/a;/../b", "/%61", "/a b", "/é", "/a\tb",
}

// TestUnicodeAgainstChromium puts every character into a host: what is understood
// must be what the browser contacts, and what is not is Unknown.
func TestUnicodeAgainstChromium(t *testing.T) {
	ctx := browser.Start(t)
	var urls []string
	for r := rune(0x80); r < 0x32000; r++ {
		if !unicode.Is(unicode.Cs, r) {
			urls = append(urls, "https://a"+string(r)+"b.test/")
		}
	}
	for r := rune(0xe0000); r < 0xe0200; r++ {
		urls = append(urls, "https://a"+string(r)+"b.test/")
	}
	const batch = 20_000
	total, understood, taken := len(urls), 0, 0
	for len(urls) > 0 {
		n := min(batch, len(urls))
		for i, p := range parsedBy(t, ctx, "https://www.example.com/", urls[:n]) {
			got := at.Parse(urls[i])
			if len(p) > 0 {
				taken++
			}
			if got.Kind == Remote {
				understood++
				if len(p) > 0 && p[1] != got.Host {
					t.Errorf("%+q: got %s, want %s", urls[i], got.Host, p[1])
				}
			}
		}
		urls = urls[n:]
	}
	t.Logf("of %d hosts, the browser takes %d, and %d are understood", total, taken, understood)
	if understood < taken*9/10 {
		t.Error("too few are understood")
	}
}
