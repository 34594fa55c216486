package banner

import (
	"net/url"
	"slices"
	"testing"

	"golang.org/x/net/html"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// Whatever the page and the browser say of languages, there are texts in the answer.
func FuzzLanguage(f *testing.F) {
	for _, seed := range [][2]string{{"", ""}, {"de-AT", "fr;q=0.5,en"}, {"en_US.UTF-8", "*;q=0"}, {"x-y", "zh-Hant-TW-u-co-pinyin"}, {"\xff", "a-,-b;q=1e9"}} {
		f.Add(seed[0], seed[1])
	}
	r := newRenderer(f, &consent.Config{}, Config{})
	f.Fuzz(func(t *testing.T, htmlLang, acceptLanguage string) {
		lang := r.Language(htmlLang, acceptLanguage)
		if !slices.Contains(Languages(), lang) {
			t.Errorf("Language(%q, %q) = %q", htmlLang, acceptLanguage, lang)
		}
		if again := r.Language(htmlLang, acceptLanguage); again != lang {
			t.Errorf("Language(%q, %q) = %q, then %q", htmlLang, acceptLanguage, lang, again)
		}
	})
}

// No address to return to changes the elements of the page, and each arrives
// as it was.
func FuzzReturnTo(f *testing.F) {
	for _, seed := range []string{"/", `/"><script>alert(1)</script>`, "/a?b=c&d=%22#e", "/\x00\x1b\xff", "/' onclick='x"} {
		f.Add(seed)
	}
	r := newRenderer(f, &consent.Config{}, Config{})
	count := func(t *testing.T, document []byte) int {
		return len(elements(parse(t, document), func(*html.Node) bool { return true }))
	}
	f.Fuzz(func(t *testing.T, address string) {
		page := inPage(r, "de", address, notAsked(r))
		if got, want := count(t, page), count(t, inPage(r, "de", "/", notAsked(r))); got != want {
			t.Errorf("%d elements with %q, %d with /", got, address, want)
		}
		root := parse(t, page)
		if got, want := attr(one(t, root, "return_to", withAttr("name", "return_to")), "value"), percentEncodeOctets(address); got != want {
			t.Errorf("return_to %q, want %q", got, want)
		}
		link, err := url.Parse(attr(one(t, root, "the policy link", withAttr("class", "cookie-consent-policy")), "href"))
		if err != nil || link.Query().Get("return_to") != address {
			t.Errorf("link with %q (%v), want %q", link.Query().Get("return_to"), err, address)
		}
	})
}
