package inventory

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Day is what was chosen on a site, and kept back, from midnight to midnight UTC.
type Day struct {
	// Date is written as 2026-01-31.
	Date string `json:"date"`

	// Choices counts choices by method, as records of a ledger have it, and by the
	// language in which visitors were asked. [Others] stands for languages beyond the
	// bound.
	Choices map[string]map[string]uint64 `json:"choices,omitempty"`

	// Blocked counts by category what was kept back. [Others] stands for categories
	// beyond the bound.
	Blocked map[string]Blocked `json:"blocked,omitempty"`
}

// Blocked counts what was kept back.
type Blocked struct {
	// Dropped counts cookies taken out of responses, Stripped those taken out of
	// requests.
	Dropped  uint64 `json:"dropped,omitempty"`
	Stripped uint64 `json:"stripped,omitempty"`

	// Contacts counts elements, headers and requests that were kept from contacting
	// somebody.
	Contacts uint64 `json:"contacts,omitempty"`
}

const (
	// maxDays is how many days are kept of a site: as long as browsers keep a cookie.
	maxDays = int(maxAge / (24 * time.Hour))

	// maxLanguages and maxCategories bound the names of a day.
	maxLanguages  = 8
	maxCategories = 24

	// maxMethods bounds the methods of a day that is read.
	maxMethods = 8
)

// dayOf returns the number of a day since 1970.
func dayOf(t time.Time) int { return int(t.Unix() / (24 * 60 * 60)) }

func dateOf(day int) string {
	return time.Unix(int64(day)*24*60*60, 0).UTC().Format(time.DateOnly)
}

// choose counts choices.
func (d *Day) choose(method, language string, n uint64) {
	if d.Choices == nil {
		d.Choices = map[string]map[string]uint64{}
	}
	if d.Choices[method] == nil {
		if len(d.Choices) >= maxMethods {
			return
		}
		d.Choices[method] = map[string]uint64{}
	}
	of := d.Choices[method]
	of[nameIn(of, language, maxLanguages)] += n
}

// block counts what was kept back.
func (d *Day) block(category string, n Blocked) {
	if d.Blocked == nil {
		d.Blocked = map[string]Blocked{}
	}
	category = nameIn(d.Blocked, category, maxCategories)
	d.Blocked[category] = d.Blocked[category].plus(n)
}

// nameIn returns the name under which something is counted: its own, as long as there
// are fewer than most others.
func nameIn[V any](counts map[string]V, name string, most int) string {
	if _, known := counts[Others]; known {
		most++
	}
	if _, known := counts[name]; !known && len(counts) >= most {
		return Others
	}
	return name
}

func (b Blocked) plus(other Blocked) Blocked {
	return Blocked{b.Dropped + other.Dropped, b.Stripped + other.Stripped, b.Contacts + other.Contacts}
}

// names returns the texts of the day.
func (d *Day) names() []string {
	names := slices.Concat([]string{d.Date}, slices.Collect(maps.Keys(d.Choices)), slices.Collect(maps.Keys(d.Blocked)))
	for _, languages := range d.Choices {
		names = slices.AppendSeq(names, maps.Keys(languages))
	}
	return names
}

// add adds what another day has.
func (d *Day) add(other *Day) {
	for method, languages := range other.Choices {
		for language, n := range languages {
			d.choose(method, language, n)
		}
	}
	for category, n := range other.Blocked {
		d.block(category, n)
	}
}

// beyond returns by how much the counts of the day are larger than those of another one.
func (d *Day) beyond(other *Day) *Day {
	more := &Day{Date: d.Date}
	for method, languages := range d.Choices {
		for language, n := range languages {
			if was := other.Choices[method][language]; n > was {
				more.choose(method, language, n-was)
			}
		}
	}
	for category, n := range d.Blocked {
		was := other.Blocked[category]
		n = Blocked{n.Dropped - min(n.Dropped, was.Dropped), n.Stripped - min(n.Stripped, was.Stripped), n.Contacts - min(n.Contacts, was.Contacts)}
		if n != (Blocked{}) {
			more.block(category, n)
		}
	}
	return more
}

// addDay returns days, which are sorted, with another one, and leaves out the oldest if
// there are too many.
func addDay(days []Day, day *Day) []Day {
	i, found := slices.BinarySearchFunc(days, day.Date, func(d Day, date string) int { return cmp.Compare(d.Date, date) })
	if !found {
		days = slices.Insert(days, i, Day{Date: strings.Clone(day.Date)})
	}
	days[i].add(day)
	return days[max(0, len(days)-maxDays):]
}
