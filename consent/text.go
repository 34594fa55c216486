package consent

import "strings"

// Text is a text in one or several languages, by lower-case language tag. The
// empty tag holds the text for every language that has none of its own.
type Text map[string]string

// In returns the text for a language tag such as "pt-br": that of the tag, of
// its primary language, the one for every language, English, or, rather than
// nothing, that of the alphabetically first tag.
func (t Text) In(lang string) string {
	lang = strings.ToLower(lang)
	primary, _, _ := strings.Cut(lang, "-")
	for _, tag := range []string{lang, primary, "", "en"} {
		if s, ok := t[tag]; ok {
			return s
		}
	}
	first := ""
	for tag := range t {
		if first == "" || tag < first {
			first = tag
		}
	}
	return t[first]
}
