package banner

import (
	"strings"
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// A contact that leads somewhere is a link; everything else is text, whatever it looks like.
func TestContact(t *testing.T) {
	for contact, want := range map[string]string{
		"privacy@example.org":                 "mailto:privacy@example.org",
		"a&b'c?subject=x%0A@mail.example.org": "mailto:a&b%27c%3Fsubject=x%250A@mail.example.org",
		"https://example.org/contact?a=1&b=2": "https://example.org/contact?a=1&b=2",
		"https://bücher.example/\"><script>":  "https://b%C3%BCcher.example/%22%3E%3Cscript%3E",
		"http://example.org/":                 "",
		"javascript:alert(1)":                 "",
		"https:///path":                       "",
		"https://user:word@example.org/":      "",
		"https://example.org/ or by post":     "",
		"privacy@localhost":                   "",
		"Office <privacy@example.org>":        "",
		"+33 1 23 45 67 89":                   "",
		"<b>1 Main Street</b>":                "",
	} {
		for _, lang := range []string{"en", "fr", "ar"} {
			r := newRenderer(t, &consent.Config{}, Config{Contact: contact})
			page, err := r.Page(lang, Page{Decision: r.policy.Decide(nil, false)})
			if err != nil {
				t.Fatal(err)
			}
			document := parse(t, page)
			section := one(t, document, "about who is responsible", withAttr("aria-labelledby", "responsible"))
			joined := func(s string) string { return strings.Join(strings.Fields(s), "") } // elements stand apart in text
			if got, want := joined(text(section)), joined(locales()[lang]().fill(locales()[lang]().Texts["contact"], "contact", contact)); !strings.Contains(got, want) {
				t.Errorf("%s: the page says %q, not %q", lang, got, want)
			}
			got := ""
			for _, link := range elements(section, named("a")) {
				if got = attr(link, "href"); attr(link, "rel") != "noopener" || text(link) != contact {
					t.Errorf("%s: the link of %q has rel %q and says %q", lang, contact, attr(link, "rel"), text(link))
				}
			}
			if got != want || len(elements(section, named("script")))+len(elements(section, named("b"))) > 0 {
				t.Errorf("%s: %q leads to %q, want %q", lang, contact, got, want)
			}
		}
	}
}
