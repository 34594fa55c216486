package banner

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// Languages returns the tags of the languages that there are texts for, sorted.
func Languages() []string { return slices.Clone(languages()) }

// A locale is a language file: every text that visitors read, in one language.
type locale struct {
	// Lang is the language tag, the name of the file.
	Lang string `json:"-"`

	// Autonym is what the language calls itself.
	Autonym string `json:"autonym"`

	// Dir is "ltr" or "rtl".
	Dir string `json:"direction"`

	// Reviewed says who has checked the texts: "source" for the language that
	// the others are translated from, "none" for a translation that nobody
	// has read since, "native" for one that a native speaker has.
	Reviewed string `json:"reviewed"`

	Months   [12]string `json:"months"`
	FirstDay string     `json:"first_day"` // how the first day of a month is written
	Date     string     `json:"date"`      // {day} {month} {year}

	// Durations holds the plural forms of each unit by CLDR plural category.
	Durations map[string]map[string]string `json:"durations"`

	Texts map[string]string `json:"texts"`

	// Purposes holds a sentence for each word that a declaration may name as its
	// purpose, those of the catalog.
	Purposes map[string]string `json:"purposes"`
}

//go:embed lang/*.json
var localeFiles embed.FS

var languages = sync.OnceValue(func() []string {
	files, err := localeFiles.ReadDir("lang")
	if err != nil {
		panic("banner: reading embedded languages: " + err.Error())
	}
	tags := make([]string, len(files)) // ReadDir sorts
	for i, file := range files {
		tags[i] = strings.TrimSuffix(file.Name(), ".json")
	}
	return tags
})

// locales reads each language when it is first needed: a site's visitors speak few.
var locales = sync.OnceValue(func() map[string]func() *locale {
	all := map[string]func() *locale{}
	for _, lang := range languages() {
		all[lang] = sync.OnceValue(func() *locale {
			l := &locale{Lang: lang}
			if err := json.Unmarshal(localeFile(lang), l); err != nil {
				panic("banner: reading embedded language " + lang + ": " + err.Error())
			}
			return l
		})
	}
	return all
})

func localeFile(lang string) []byte {
	text, err := localeFiles.ReadFile("lang/" + lang + ".json")
	if err != nil {
		panic("banner: reading embedded language " + lang + ": " + err.Error())
	}
	return text
}

// localeIn returns the texts in a language, or in another one where there are none.
func localeIn(lang, otherwise string) *locale {
	read, ok := locales()[lang]
	if !ok {
		read = locales()[otherwise]
	}
	return read()
}

// T returns a text with its placeholders replaced: T("responsible",
// "controller", name) puts name where the text says {controller}.
func (l *locale) T(key string, pairs ...any) (string, error) {
	text, ok := l.Texts[key]
	if !ok {
		return "", fmt.Errorf("language %s has no text %q", l.Lang, key)
	}
	return l.fill(text, pairs...), nil
}

// Purpose returns the sentence that visitors read, in a language, where a declaration
// has a word of the catalog for its purpose; "" for any other word.
func Purpose(word, lang string) string { return localeIn(lang, "en").Purposes[word] }

// purpose returns what something is for: the operator's text or, where that is a word
// of the catalog and not meant for one language alone, the sentence for it.
func (l *locale) purpose(declared consent.Text) string {
	text := declared.In(l.Lang)
	if text != declared[""] {
		return text
	}
	return cmp.Or(l.Purposes[text], text)
}

// fill replaces {name} by the value that follows the name in pairs. Names and addresses
// are written from left to right even here, so in a text from right to left each value
// is isolated (Unicode Standard Annex 9, section 2.7): it would reorder the text
// around it.
func (l *locale) fill(text string, pairs ...any) string {
	if l.Dir == "rtl" {
		pairs = slices.Clone(pairs)
		for i := 1; i < len(pairs); i += 2 {
			pairs[i] = fmt.Sprintf("\u2068%v\u2069", pairs[i])
		}
	}
	return fill(text, pairs...)
}

// Day writes a day, counted since 1 January 1970, with the month as a word, so
// that no reader takes the month for the day.
func (l *locale) Day(day int) string {
	year, month, dayOfMonth := time.Unix(int64(day)*24*60*60, 0).UTC().Date()
	number := strconv.Itoa(dayOfMonth)
	if dayOfMonth == 1 {
		number = l.FirstDay
	}
	return fill(l.Date, "day", number, "month", l.Months[month-1], "year", year)
}

// Moment writes a time of day in UTC behind its day.
func (l *locale) Moment(t time.Time) string {
	t = t.UTC()
	return l.Day(int(t.Unix()/(24*60*60))) + ", " + t.Format("15:04:05") + " UTC"
}

// Lifetime writes how long a cookie is kept: "Until the browser is closed",
// "12 months", "1 day 12 hours".
func (l *locale) Lifetime(lifetime consent.Lifetime) (string, error) {
	switch {
	case lifetime.Session:
		return l.T("session")
	case lifetime.IsZero():
		return l.T("not_stated")
	}
	return l.duration(lifetime.Duration), nil
}

func (l *locale) duration(d time.Duration) string {
	const day = 24 * time.Hour
	if d%day == 0 {
		days := int(d / day)
		if months, ok := wholeMonths(days); ok {
			return l.count("month", months)
		}
		if days%7 == 0 {
			return l.count("week", days/7)
		}
	}
	var parts []string
	for _, unit := range []struct {
		name   string
		length time.Duration
	}{{"day", day}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		if n := int(d / unit.length); n > 0 {
			parts = append(parts, l.count(unit.name, n))
			d %= unit.length
		}
	}
	return strings.Join(parts, " ")
}

// wholeMonths returns the number of months that people mean by a number of
// days: 30 for one month, 182 for half a year, 365 for a year.
func wholeMonths(days int) (int, bool) {
	const daysPerYear = 365.25
	months := max(1, int(float64(days)*12/daysPerYear+0.5))
	exact := float64(months) * daysPerYear / 12
	return months, days == 30*months || float64(days) > exact-1 && float64(days) < exact+1
}

// count writes a number of things in the plural form that the number takes.
func (l *locale) count(unit string, n int) string {
	forms := l.Durations[unit]
	form, ok := forms[pluralCategory(l.Lang, n)]
	if !ok {
		form = forms["other"]
	}
	return fill(form, "n", n)
}

// pluralCategory names the CLDR plural category of a whole number.
func pluralCategory(lang string, n int) string {
	switch plural.Cardinal.MatchPlural(language.Make(lang), n, 0, 0, 0, 0) {
	case plural.Zero:
		return "zero"
	case plural.One:
		return "one"
	case plural.Two:
		return "two"
	case plural.Few:
		return "few"
	case plural.Many:
		return "many"
	default:
		return "other"
	}
}

// fill replaces {name} by the value that follows the name in pairs.
func fill(text string, pairs ...any) string {
	if len(pairs) == 0 {
		return text
	}
	replacements := make([]string, len(pairs))
	for i, p := range pairs {
		replacements[i] = fmt.Sprint(p)
		if i%2 == 0 {
			replacements[i] = "{" + replacements[i] + "}"
		}
	}
	return strings.NewReplacer(replacements...).Replace(text)
}
