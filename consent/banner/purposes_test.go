package banner

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
)

// Every language has a sentence for each word of the catalog, and for nothing else.
func TestEveryLanguageKnowsThePurposes(t *testing.T) {
	for _, lang := range Languages() {
		l := locales()[lang]()
		if got, want := slices.Sorted(maps.Keys(l.Purposes)), catalog.Purposes(); !slices.Equal(got, want) {
			t.Errorf("%s: words differ from those of the catalog:\n got %q\nwant %q", lang, got, want)
		}
		end := "."
		if lang == "ja" || lang == "zh" {
			end = "。"
		}
		words := map[string]string{}
		for word, sentence := range l.Purposes {
			if before, ended := strings.CutSuffix(sentence, end); !ended || strings.ContainsAny(before, ".。{}") {
				t.Errorf("%s: %s is not one sentence: %s", lang, word, sentence)
			}
			if other := words[sentence]; other != "" {
				t.Errorf("%s: %s and %s are both %q", lang, word, other, sentence)
			}
			words[sentence] = word
		}
	}
}

// A word of the catalog is a sentence in every language; what is no such word, or is
// meant for one language, stays as it is.
func TestPurpose(t *testing.T) {
	for _, test := range []struct {
		declared   consent.Text
		en, de, fr string
	}{
		{consent.Text{"": "maps"}, "Shows maps.", "Zeigt Karten.", "Affiche des cartes."},
		{consent.Text{"": "maps", "fr": "Indique le chemin"}, "Shows maps.", "Zeigt Karten.", "Indique le chemin"},
		{consent.Text{"": "Finds the way", "de": "maps"}, "Finds the way", "maps", "Finds the way"},
		{consent.Text{"": "map"}, "map", "map", "map"},
		{consent.Text{"": "Maps"}, "Maps", "Maps", "Maps"},
		{consent.Text{"": "maps and plans"}, "maps and plans", "maps and plans", "maps and plans"},
		{consent.Text{"en": "maps"}, "maps", "maps", "maps"},
	} {
		for lang, want := range map[string]string{"en": test.en, "de": test.de, "fr": test.fr} {
			if got := locales()[lang]().purpose(test.declared); got != want {
				t.Errorf("%s: %q is %q, want %q", lang, test.declared, got, want)
			}
		}
	}
	for word, want := range map[string]string{"maps": "Zeigt Karten.", "map": "", "": ""} {
		if got := Purpose(word, "de"); got != want {
			t.Errorf("Purpose(%q) is %q, want %q", word, got, want)
		}
	}
}

// Wherever visitors read what something is for, they read it in their language, and the
// word nowhere.
func TestPurposesAreShownInTheLanguageOfThePage(t *testing.T) {
	cfg := declared()
	cfg.Cookies[0].Purpose = consent.Text{"": "forgery-protection"}
	cfg.Services[0].Purpose = consent.Text{"": "audience-measurement"}
	r := newRenderer(t, cfg, Config{})
	for lang, want := range map[string][2]string{
		"en": {"Protects forms against forged requests.", "Measures how visitors use the site."},
		"de": {"Schützt Formulare vor gefälschten Anfragen.", "Misst, wie Besucher die Website nutzen."},
		"ar": {"حماية النماذج من الطلبات المزوّرة.", "قياس كيفية استخدام الزوار للموقع."},
	} {
		page := renderPage(t, r, lang, Page{Decision: notAsked(r)})
		placeholder, ok := r.PlaceholderPage(lang, Placeholder{Services: []string{"tiles"}})
		if !ok {
			t.Fatal("no placeholder")
		}
		data, err := json.Marshal(r.Declaration(lang))
		if err != nil {
			t.Fatal(err)
		}
		for what, shown := range map[string]string{"page": text(page), "placeholder": text(parse(t, placeholder)), "declaration": string(data)} {
			if what != "placeholder" && !strings.Contains(shown, want[0]) || !strings.Contains(shown, want[1]) {
				t.Errorf("%s: the %s does not say %q: %s", lang, what, want, shown)
			}
			if strings.Contains(shown, "forgery-protection") || strings.Contains(shown, "audience-measurement") {
				t.Errorf("%s: the %s says the word: %s", lang, what, shown)
			}
		}
	}
}
