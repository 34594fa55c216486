package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

// methods are how visitors choose, in the words of the report.
var methods = [...]struct {
	method string
	name   string
	answer answer
}{
	{string(consent.AcceptAll), "Agreed to everything", accepted},
	{string(consent.Save), "Agreed to a part", partly},
	{string(consent.Placeholder), "Allowed blocked content", partly},
	{string(consent.RejectAll), "Refused everything", refused},
	{ledger.Withdraw, "Took everything back", refused},
}

// answer is what a choice comes to.
type answer uint8

const (
	accepted answer = iota
	partly
	refused
	answers
)

// choicesOf returns the chart of the choices.
func choicesOf(days []inventory.Day, periods spans) *chart {
	of := make([]series, len(methods))
	for i, m := range methods {
		of[i] = series{Name: m.name, Class: class(i)}
	}
	return newChart(days, periods, of, func(day *inventory.Day, values []uint64) {
		for i, m := range methods {
			for _, n := range day.Choices[m.method] {
				values[i] += n
			}
		}
	})
}

// share is how visitors of one language chose.
type share struct {
	Language string
	Total    uint64
	counts   [answers]uint64
}

// Accepted, Partly and Refused are shares in words.
func (s share) Accepted() string { return s.percent(accepted) }

// Partly is the share of those who agreed to a part.
func (s share) Partly() string { return s.percent(partly) }

// Refused is the share of those who refused everything, or took everything back.
func (s share) Refused() string { return s.percent(refused) }

func (s share) percent(a answer) string {
	return fmt.Sprintf("%d %%", (s.counts[a]*100+s.Total/2)/s.Total)
}

// sharesOf returns the shares by language, the most frequent first, and those of all
// where there are several.
func sharesOf(days []inventory.Day) []share {
	const other = "other languages"
	byLanguage, all := map[string]*share{}, &share{Language: "all"}
	for i := range days {
		for _, m := range methods {
			for language, n := range days[i].Choices[m.method] {
				if language == inventory.Others {
					language = other
				}
				if byLanguage[language] == nil {
					byLanguage[language] = &share{Language: language}
				}
				for _, s := range []*share{byLanguage[language], all} {
					s.Total += n
					s.counts[m.answer] += n
				}
			}
		}
	}
	var shares []share
	for _, s := range byLanguage {
		if s.Total > 0 {
			shares = append(shares, *s)
		}
	}
	slices.SortFunc(shares, func(a, b share) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Language, b.Language))
	})
	if len(shares) > 1 {
		shares = append(shares, *all)
	}
	return shares
}

// blockedOf returns the charts of cookies and of contacts that were kept back.
func blockedOf(s *Site, periods spans) (cookies, contacts *chart) {
	names := slices.Clone(s.Categories)
	for i := range s.Days {
		for category := range s.Days[i].Blocked {
			if !slices.Contains(names, category) {
				names = append(names, category)
			}
		}
	}
	slices.Sort(names[len(s.Categories):])
	count := func(of func(inventory.Blocked) uint64) *chart {
		var used []string
		var shown []series
		for i, name := range names {
			if !slices.ContainsFunc(s.Days, func(d inventory.Day) bool { return of(d.Blocked[name]) > 0 }) {
				continue
			}
			used = append(used, name)
			if name == inventory.Others {
				name = "other categories"
			}
			shown = append(shown, series{Name: name, Class: class(i)})
		}
		return newChart(s.Days, periods, shown, func(day *inventory.Day, values []uint64) {
			for i, name := range used {
				values[i] += of(day.Blocked[name])
			}
		})
	}
	return count(func(b inventory.Blocked) uint64 { return b.Dropped + b.Stripped }), count(func(b inventory.Blocked) uint64 { return b.Contacts })
}
