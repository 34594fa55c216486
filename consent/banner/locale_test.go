package banner

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

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
			for _, form := range forms {
				if !strings.Contains(form, "{n}") {
					t.Errorf("%s: %q counts nothing", lang, form)
				}
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

// The months that are shown must not promise a shorter life than the browser's.
func TestWholeMonthsAreNearTheTruth(t *testing.T) {
	for days := 1; days <= consent.MaxLifetimeDays; days++ {
		months, ok := wholeMonths(days)
		if off := float64(days) - float64(months)*365.25/12; ok && (off > 1 || off < -6) {
			t.Errorf("%d days are called %d months, %.1f days off", days, months, off)
		}
	}
}
