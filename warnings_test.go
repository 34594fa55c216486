package cookieconsent

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
)

// A purpose that looks like a word of the catalog and is none is told of, both when the
// configuration is loaded and by the command that looks for mistakes.
func TestWarningsOfMisspeltPurposes(t *testing.T) {
	for purpose, warned := range map[string]bool{
		"audience-mesurement":                  true,
		"analytics":                            true,
		"audience-measurement":                 false,
		"ab-testing":                           false,
		"Statistics":                           false,
		"Statistik":                            false,
		`"counts visits"`:                      false,
		"fr statistiques":                      false,
		"analytics\npurpose de Nutzungszahlen": true,
	} {
		for _, block := range []string{
			"cookie seen {\ncategory statistics\nprovider P\nlifetime 1d\npurpose " + purpose + "\n}",
			"service counter {\ncategory statistics\nprovider P\ncookies seen\npurpose " + purpose + "\n}",
		} {
			h := handlerIn(t, "cookie_consent {\n"+block+"\n}")
			if got := h.warnings(); len(got) > 0 != warned || warned && !strings.Contains(got[0], "audience-measurement, ") {
				t.Errorf("%s\n%q, want a warning: %t", block, got, warned)
			}
			if got := slices.ContainsFunc(h.check(), func(s string) bool { return strings.Contains(s, "no word of the catalog") }); got != warned {
				t.Errorf("%s\n%q", block, h.check())
			}
		}
	}
	for _, word := range catalog.Purposes() {
		if !purposeWord.MatchString(word) {
			t.Errorf("%q is of another form than words", word)
		}
	}
}

func TestReadmeListsThePurposes(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(readme), "**Purposes** are ")
	list, _, _ = strings.Cut(list, ". ")
	var words []string
	for _, quoted := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(list, -1) {
		words = append(words, quoted[1])
	}
	if want := catalog.Purposes(); !slices.Equal(words, want) {
		t.Errorf("it lists %q, want %q", words, want)
	}
}
