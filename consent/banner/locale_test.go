package banner

import (
	"iter"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// everyText calls f with every text of a language that visitors may read.
func everyText(l *locale, f func(key, text string)) {
	f("autonym", l.Autonym)
	f("date", l.Date)
	f("first_day", l.FirstDay)
	for _, month := range l.Months {
		f("months", month)
	}
	for unit, forms := range l.Durations {
		for category, form := range forms {
			f(unit+" "+category, form)
		}
	}
	for key, text := range l.Texts {
		f(key, text)
	}
	for word, sentence := range l.Purposes {
		f("purpose "+word, sentence)
	}
}

func TestEveryLanguageSaysTheSame(t *testing.T) {
	source := locales()["en"]()
	for lang, read := range locales() {
		l := read()
		if got, want := slices.Sorted(maps.Keys(l.Texts)), slices.Sorted(maps.Keys(source.Texts)); !slices.Equal(got, want) {
			t.Errorf("%s: keys differ from those of en:\n got %q\nwant %q", lang, got, want)
		}
		for key, text := range source.Texts {
			if got, want := slices.Sorted(slices.Values(placeholder.FindAllString(l.Texts[key], -1))), slices.Sorted(slices.Values(placeholder.FindAllString(text, -1))); !slices.Equal(got, want) {
				t.Errorf("%s: %s has the placeholders %q, want %q", lang, key, got, want)
			}
		}
		if got, want := slices.Sorted(maps.Keys(l.Durations)), slices.Sorted(maps.Keys(source.Durations)); !slices.Equal(got, want) {
			t.Errorf("%s: units %q, want %q", lang, got, want)
		}
		for unit, forms := range l.Durations {
			if forms["other"] == "" {
				t.Errorf("%s: no form of %q for numbers in general", lang, unit)
			}
		}
		for _, part := range []string{"{day}", "{month}", "{year}"} {
			if strings.Count(l.Date, part) != 1 {
				t.Errorf("%s: date %q, want one %s", lang, l.Date, part)
			}
		}
		if l.Dir != "ltr" && l.Dir != "rtl" {
			t.Errorf("%s: direction %q", lang, l.Dir)
		}
		if !slices.Contains([]string{"source", "native", "none"}, l.Reviewed) {
			t.Errorf("%s: reviewed %q", lang, l.Reviewed)
		}
		everyText(l, func(key, text string) {
			if strings.TrimSpace(text) == "" || strings.TrimSpace(text) != text {
				t.Errorf("%s: %s is empty or has space around it: %q", lang, key, text)
			}
			if strings.ContainsAny(text, "<>&\x00\n\t") || strings.ContainsRune(text, '\uFFFD') {
				t.Errorf("%s: %s is not plain text: %q", lang, key, text)
			}
		})
	}
}

func TestAutonymsAndDirections(t *testing.T) {
	want := map[string]string{
		"ar": "العربية rtl", "bg": "Български ltr", "cs": "Čeština ltr", "da": "Dansk ltr", "de": "Deutsch ltr",
		"el": "Ελληνικά ltr", "en": "English ltr", "es": "Español ltr", "et": "Eesti ltr", "fi": "Suomi ltr",
		"fr": "Français ltr", "ga": "Gaeilge ltr", "he": "עברית rtl", "hr": "Hrvatski ltr", "hu": "Magyar ltr",
		"is": "Íslenska ltr", "it": "Italiano ltr", "ja": "日本語 ltr", "lt": "Lietuvių ltr", "lv": "Latviešu ltr",
		"mt": "Malti ltr", "nb": "Norsk bokmål ltr", "nl": "Nederlands ltr", "pl": "Polski ltr", "pt": "Português ltr",
		"ro": "Română ltr", "sk": "Slovenčina ltr", "sl": "Slovenščina ltr", "sv": "Svenska ltr", "tr": "Türkçe ltr",
		"uk": "Українська ltr", "zh": "简体中文 ltr",
	}
	if got, want := Languages(), slices.Sorted(maps.Keys(want)); !slices.Equal(got, want) {
		t.Fatalf("Languages() = %q, want %q", got, want)
	}
	for lang, want := range want {
		if l := locales()[lang](); l.Autonym+" "+l.Dir != want {
			t.Errorf("%s: %s %s, want %s", lang, l.Autonym, l.Dir, want)
		}
	}
}

// Each language has a form for every whole number, and none that no number takes, but
// for the one for numbers in general. A form names the number unless it stands for no
// other one, as the dual does.
func TestPluralForms(t *testing.T) {
	for _, lang := range Languages() {
		numbers := map[string]int{"other": 2}
		for n := range 1001 {
			numbers[pluralCategory(lang, n)]++
		}
		for unit, forms := range locales()[lang]().Durations {
			if got, want := slices.Sorted(maps.Keys(forms)), slices.Sorted(maps.Keys(numbers)); !slices.Equal(got, want) {
				t.Errorf("%s: forms of %q for %q, want %q", lang, unit, got, want)
			}
			for category, form := range forms {
				if numbers[category] != 1 && strings.Count(form, "{n}") != 1 {
					t.Errorf("%s: %q counts nothing", lang, form)
				}
			}
		}
	}
}

// Words that are written alike in English.
var alike = map[string]bool{
	"de sent_name": true, "nl cookies_caption": true, "de cookies_caption": true, "fr cookies_caption": true, "fr services_caption": true,
	"da cookies_caption": true, "el cookies_caption": true, "es cookies_caption": true, "pt cookies_caption": true, "cs cookies_caption": true,
	"mt cookies_caption": true, "nl contact": true, "ro contact": true, "et receipt_number": true,
}

func TestNoEnglishIsLeft(t *testing.T) {
	english := regexp.MustCompile(`(?i)\b(the|your?|this|with|which|because|cannot)\b`)
	letters := map[string][]*unicode.RangeTable{
		"ar": {unicode.Arabic}, "bg": {unicode.Cyrillic}, "el": {unicode.Greek}, "he": {unicode.Hebrew},
		"ja": {unicode.Han, unicode.Hiragana, unicode.Katakana}, "uk": {unicode.Cyrillic}, "zh": {unicode.Han},
	}
	source := locales()["en"]()
	for _, lang := range Languages() {
		if lang == "en" {
			continue
		}
		script := letters[lang]
		if script == nil {
			script = []*unicode.RangeTable{unicode.Latin}
		}
		own := func(r rune) bool { return unicode.In(r, script...) }
		check := func(key, text, inEnglish string) {
			if (text == inEnglish) != alike[lang+" "+key] {
				t.Errorf("%s: %s is %q, in English %q", lang, key, text, inEnglish)
			}
			if word := english.FindString(text); word != "" {
				t.Errorf("%s: %s says %q in English: %s", lang, key, word, text)
			}
			if !strings.ContainsFunc(text, own) && !strings.HasPrefix(text, "Cookie") {
				t.Errorf("%s: %s is in other letters: %s", lang, key, text)
			}
			for r := range foreignLetters(lang, text, own) {
				t.Errorf("%s: %s has the letter %c of another script in a word: %s", lang, key, r, text)
			}
		}
		for key, text := range locales()[lang]().Texts {
			check(key, text, source.Texts[key])
		}
		for word, sentence := range locales()[lang]().Purposes {
			check("purpose "+word, sentence, source.Purposes[word])
		}
	}
}

// foreignLetters yields the letters in a text that stand in a word of the language and
// belong to another script, such as a Latin o in a Cyrillic word.
func foreignLetters(lang, text string, own func(rune) bool) iter.Seq[rune] {
	return func(yield func(rune) bool) {
		if lang == "ja" || lang == "zh" {
			return // have no spaces around foreign words
		}
		for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }) {
			if !strings.ContainsFunc(word, own) {
				continue
			}
			for _, r := range word {
				if unicode.IsLetter(r) && !own(r) && !yield(r) {
					return
				}
			}
		}
	}
}

// The outer and, where a language has others, no other quotation marks.
func TestQuotationMarks(t *testing.T) {
	marks := map[string]string{
		"ar": "«»", "bg": "„“", "cs": "„“", "da": "»«", "de": "„“", "el": "«»", "en": "“”", "es": "«»", "et": "„“", "fi": "””",
		"fr": "«»", "ga": "“”", "he": "”“", "hr": "„”", "hu": "„”", "is": "„“", "it": "«»", "ja": "「」", "lt": "„“", "lv": "„”",
		"mt": "“”", "nb": "«»", "nl": "‘’", "pl": "„”", "pt": "«»", "ro": "„”", "sk": "„“", "sl": "„“", "sv": "””", "tr": "“”",
		"uk": "«»", "zh": "“”",
	}
	for _, lang := range Languages() {
		pair := []rune(marks[lang])
		everyText(locales()[lang](), func(key, text string) {
			if strings.ContainsAny(text, "\"'`´") {
				t.Errorf("%s: %s has typewriter quotes: %s", lang, key, text)
			}
			var found []rune
			for _, r := range text {
				if strings.ContainsRune("„“”‚‘«»‹›「」『』", r) {
					found = append(found, r)
				}
			}
			if lang == "nl" && len(found) > 0 {
				found = append(found, '’') // the apostrophe, elsewhere
			}
			for i, r := range found {
				if r != pair[i%2] || len(found)%2 != 0 {
					t.Errorf("%s: %s has the quotation marks %s, want %s: %s", lang, key, string(found), marks[lang], text)
					break
				}
			}
		})
	}
}

func TestButtons(t *testing.T) {
	source := locales()["en"]()
	for _, lang := range Languages() {
		l := locales()[lang]()
		seen := map[string]string{}
		for _, key := range []string{"accept_all", "reject_all", "choose", "save"} {
			if other := seen[l.Texts[key]]; other != "" {
				t.Errorf("%s: %s and %s are both %q", lang, key, other, l.Texts[key])
			}
			seen[l.Texts[key]] = key
		}
		for _, key := range []string{"accept_all", "reject_all"} {
			if got, most := utf8.RuneCountInString(l.Texts[key]), 22*utf8.RuneCountInString(source.Texts[key])/10; got > most {
				t.Errorf("%s: %q has %d letters, at most %d fit", lang, l.Texts[key], got, most)
			}
		}
	}
}

// A text that nothing shows is a burden on every translator; one that is shown
// under a misspelt key would be missing from the page.
func TestEveryTextIsUsed(t *testing.T) {
	var source strings.Builder
	for _, name := range []string{"banner.html", "page.html", "placeholder.html", "banner.go", "page.go", "placeholder.go", "declaration.go", "locale.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	composed := regexp.MustCompile(`^(error_.*|.*_(title|description|brief))$`)
	for key := range locales()["en"]().Texts {
		if !strings.Contains(source.String(), `"`+key+`"`) && !composed.MatchString(key) {
			t.Errorf("nothing uses the text %q", key)
		}
	}
	for _, problem := range []Problem{NotFound, WrongMethod, WrongOrigin, TooLarge, BadForm, Unavailable, Unproven, TooMany} {
		if locales()["en"]().Texts["error_"+string(problem)] == "" {
			t.Errorf("no text for the problem %q", problem)
		}
	}
}

func TestDay(t *testing.T) {
	for _, test := range []struct {
		lang string
		day  int
		want string
	}{
		{"en", 0, "1 January 1970"},
		{"en", 20516, "4 March 2026"},
		{"de", 20516, "4. März 2026"},
		{"de", 20513, "1. März 2026"},
		{"fr", 20513, "1er mars 2026"},
		{"fr", 20516, "4 mars 2026"},
		{"en", 19782, "29 February 2024"},
		{"ar", 20516, "4 مارس 2026"},
		{"bg", 20516, "4 март 2026 г."},
		{"cs", 20516, "4. března 2026"},
		{"da", 20516, "4. marts 2026"},
		{"el", 20513, "1η Μαρτίου 2026"},
		{"el", 20516, "4 Μαρτίου 2026"},
		{"es", 20516, "4 de marzo de 2026"},
		{"et", 20516, "4. märts 2026"},
		{"fi", 20516, "4. maaliskuuta 2026"},
		{"ga", 20516, "4 Márta 2026"},
		{"he", 20516, "4 במרץ 2026"},
		{"hr", 20516, "4. ožujka 2026."},
		{"hu", 20516, "2026. március 4."},
		{"is", 20516, "4. mars 2026"},
		{"it", 20513, "1º marzo 2026"},
		{"it", 20516, "4 marzo 2026"},
		{"ja", 20516, "2026年3月4日"},
		{"lt", 20516, "2026 m. kovo 4 d."},
		{"lv", 20516, "2026. gada 4. marts"},
		{"mt", 20516, "4 ta’ Marzu 2026"},
		{"nb", 20516, "4. mars 2026"},
		{"nl", 20516, "4 maart 2026"},
		{"pl", 20516, "4 marca 2026"},
		{"pt", 20516, "4 de março de 2026"},
		{"ro", 20516, "4 martie 2026"},
		{"sk", 20516, "4. marca 2026"},
		{"sl", 20516, "4. marca 2026"},
		{"sv", 20516, "4 mars 2026"},
		{"tr", 20516, "4 Mart 2026"},
		{"uk", 20516, "4 березня 2026 року"},
		{"zh", 20516, "2026年3月4日"},
	} {
		if got := locales()[test.lang]().Day(test.day); got != test.want {
			t.Errorf("%s: day %d is %q, want %q", test.lang, test.day, got, test.want)
		}
	}
}

func TestLifetime(t *testing.T) {
	const day = 24 * time.Hour
	for _, test := range []struct {
		lifetime   consent.Lifetime
		en, de, fr string
	}{
		{consent.Lifetime{}, "Not stated", "Keine Angabe", "Non précisé"},
		{consent.Lifetime{Session: true}, "Until the browser is closed", "Bis der Browser geschlossen wird", "Jusqu’à la fermeture du navigateur"},
		{consent.Lifetime{Duration: time.Second}, "1 second", "1 Sekunde", "1 seconde"},
		{consent.Lifetime{Duration: 30 * time.Minute}, "30 minutes", "30 Minuten", "30 minutes"},
		{consent.Lifetime{Duration: 90 * time.Minute}, "1 hour 30 minutes", "1 Stunde 30 Minuten", "1 heure 30 minutes"},
		{consent.Lifetime{Duration: day}, "1 day", "1 Tag", "1 jour"},
		{consent.Lifetime{Duration: 2 * day}, "2 days", "2 Tage", "2 jours"},
		{consent.Lifetime{Duration: 36 * time.Hour}, "1 day 12 hours", "1 Tag 12 Stunden", "1 jour 12 heures"},
		{consent.Lifetime{Duration: 7 * day}, "1 week", "1 Woche", "1 semaine"},
		{consent.Lifetime{Duration: 14 * day}, "2 weeks", "2 Wochen", "2 semaines"},
		{consent.Lifetime{Duration: 30 * day}, "1 month", "1 Monat", "1 mois"},
		{consent.Lifetime{Duration: 90 * day}, "3 months", "3 Monate", "3 mois"},
		{consent.Lifetime{Duration: 100 * day}, "100 days", "100 Tage", "100 jours"},
		{consent.Lifetime{Duration: 180 * day}, "6 months", "6 Monate", "6 mois"},
		{consent.Lifetime{Duration: 182 * day}, "6 months", "6 Monate", "6 mois"},
		{consent.Lifetime{Duration: 364 * day}, "52 weeks", "52 Wochen", "52 semaines"},
		{consent.Lifetime{Duration: 365 * day}, "12 months", "12 Monate", "12 mois"},
		{consent.Lifetime{Duration: 366 * day}, "12 months", "12 Monate", "12 mois"},
		{consent.Lifetime{Duration: 395 * day}, "13 months", "13 Monate", "13 mois"},
		{consent.Lifetime{Duration: 400 * day}, "400 days", "400 Tage", "400 jours"},
	} {
		for lang, want := range map[string]string{"en": test.en, "de": test.de, "fr": test.fr} {
			got, err := locales()[lang]().Lifetime(test.lifetime)
			if err != nil || got != want {
				t.Errorf("%s: %v is %q (%v), want %q", lang, test.lifetime, got, err, want)
			}
		}
	}
}

// Numbers and the words behind them, where languages have more forms than two.
func TestCountedMonths(t *testing.T) {
	for lang, want := range map[string]map[int]string{
		"ar": {1: "شهر واحد", 2: "شهران", 6: "6 أشهر", 12: "12 شهرًا"},
		"cs": {1: "1 měsíc", 2: "2 měsíce", 6: "6 měsíců"},
		"ga": {1: "1 mhí", 2: "2 mhí", 6: "6 mhí", 7: "7 mí", 12: "12 mí"},
		"he": {1: "חודש אחד", 2: "חודשיים", 6: "6 חודשים"},
		"hr": {1: "1 mjesec", 2: "2 mjeseca", 6: "6 mjeseci", 12: "12 mjeseci"},
		"hu": {1: "1 hónap", 6: "6 hónap"},
		"ja": {1: "1か月", 6: "6か月"},
		"lt": {1: "1 mėnuo", 2: "2 mėnesiai", 12: "12 mėnesių", 13: "13 mėnesių"},
		"lv": {1: "1 mēnesis", 2: "2 mēneši", 12: "12 mēnešu"},
		"mt": {1: "1 xahar", 2: "2 xhur", 6: "6 xhur", 12: "12-il xahar"},
		"pl": {1: "1 miesiąc", 2: "2 miesiące", 6: "6 miesięcy", 12: "12 miesięcy"},
		"ro": {1: "1 lună", 2: "2 luni", 12: "12 luni", 24: "24 de luni"},
		"sk": {1: "1 mesiac", 3: "3 mesiace", 6: "6 mesiacov"},
		"sl": {1: "1 mesec", 2: "2 meseca", 3: "3 meseci", 6: "6 mesecev"},
		"uk": {1: "1 місяць", 2: "2 місяці", 6: "6 місяців", 12: "12 місяців", 21: "21 місяць"},
		"zh": {1: "1 个月", 6: "6 个月"},
	} {
		for n, want := range want {
			if got := locales()[lang]().count("month", n); got != want {
				t.Errorf("%s: %d months are %q, want %q", lang, n, got, want)
			}
		}
	}
}

// The months that are shown must not promise a shorter life than the browser's.
func TestWholeMonthsAreNearTheTruth(t *testing.T) {
	for days := 1; days <= consent.MaxLifetimeDays; days++ {
		months, ok := wholeMonths(days)
		if off := float64(days) - float64(months)*365.25/12; ok && (off > 1 || off < -6) {
			t.Errorf("%d days are called %d months, %.1f days off", days, months, off)
		}
	}
}
