package banner

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// locale returns the texts in a language, with those of the operator in their places.
func (r *Renderer) locale(lang string) *locale {
	l := localeIn(lang, r.cfg.DefaultLanguage)
	if len(r.cfg.OwnTexts) == 0 {
		return l
	}
	own := *l
	own.Texts = maps.Clone(l.Texts)
	for key, text := range r.cfg.OwnTexts {
		if words, ok := ownText(text, l.Lang); ok {
			own.Texts[key] = words
		}
	}
	return &own
}

// ownText returns the operator's text for a language: one that is meant for it or for
// all. A text in another language is none: the module has one in this.
func ownText(text consent.Text, lang string) (words string, ok bool) {
	if words, ok = text[lang]; !ok {
		words, ok = text[""]
	}
	return words, ok
}

var placeholders = regexp.MustCompile(`\{[a-z_]+\}`)

// checkTexts checks the operator's own texts. Each has the placeholders of the text that
// it stands for, because what they stand for is what visitors must be told.
func checkTexts(texts map[string]consent.Text) error {
	english := localeIn("en", "en").Texts
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		field := "texts." + key
		original, ok := english[key]
		if !ok {
			return &consent.ConfigError{
				Field: field, Value: key, Problem: "is not the name of a text",
				Allowed: slices.Sorted(maps.Keys(english)),
			}
		}
		want := slices.Compact(slices.Sorted(slices.Values(placeholders.FindAllString(original, -1))))
		for _, lang := range slices.Sorted(maps.Keys(texts[key])) {
			if lang != "" && matchTag(lang).lang != lang {
				return &consent.ConfigError{Field: field, Value: lang, Problem: "is a language that there are no texts in", Allowed: Languages()}
			}
			got := slices.Compact(slices.Sorted(slices.Values(placeholders.FindAllString(texts[key][lang], -1))))
			if !slices.Equal(got, want) {
				problem := "must have no placeholder"
				if len(want) > 0 {
					problem = fmt.Sprintf("must have the placeholders %s, and no others", strings.Join(want, ", "))
				}
				return &consent.ConfigError{Field: field, Value: texts[key][lang], Problem: problem}
			}
		}
	}
	return nil
}
