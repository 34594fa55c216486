package inventory

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// Kept is what is kept back of what passes.
type Kept uint8

// What is kept back.
const (
	Dropped  Kept = iota // a cookie, out of a response
	Stripped             // a cookie, out of a request
	Contact              // an element, header or request that would contact somebody
	kepts
)

// Choice notes that a visitor chose, by a method as records of a ledger have it, in
// a language.
func (v *Visit) Choice(method, language string) {
	if v.inventory == nil {
		return
	}
	s := v.inventory.site(v.host, v.now)
	s.mu.Lock()
	s.days.of(dayOf(v.now)).choose(method, language, 1)
	s.mu.Unlock()
	v.inventory.change()
}

// Keep notes that something of a category was kept back n times.
func (v *Visit) Keep(what Kept, category string, n int) {
	if v.inventory == nil || n <= 0 {
		return
	}
	if v.site == nil {
		v.site = v.inventory.site(v.host, v.now)
	}
	s, today := v.site, dayOf(v.now)
	t := s.days.find(today, category)
	if t == nil {
		s.mu.Lock()
		t = s.days.of(today).tally(category)
		s.mu.Unlock()
	}
	t.count(what, uint64(n))
	v.inventory.change()
}

// A tally counts what is kept back of one category on one day.
type tally struct {
	category string
	stripes  [stripes]struct {
		n [kepts]atomic.Uint64
		_ [64 - 8*kepts]byte
	}
}

func (t *tally) count(what Kept, n uint64) {
	t.stripes[rand.Uint32()%stripes].n[what].Add(n) //nolint:gosec // any will do
}

func (t *tally) total() Blocked {
	var n [kepts]uint64
	for i := range t.stripes {
		for what := range n {
			n[what] += t.stripes[i].n[what].Load()
		}
	}
	return Blocked{n[Dropped], n[Stripped], n[Contact]}
}

// A liveDay is a day on which something may still be counted.
type liveDay struct {
	number  int
	tallies atomic.Pointer[[]*tally] // which only grows

	Day // without what is in the tallies; guarded by the mutex of the site
}

// tally returns that of a category, or of all others where there is no room.
func (d *liveDay) tally(category string) *tally {
	tallies := *d.tallies.Load()
	if t := findTally(tallies, category); t != nil {
		return t
	}
	if len(tallies) >= maxCategories {
		if category = Others; len(tallies) > maxCategories {
			return tallies[maxCategories]
		}
	}
	t := &tally{category: category}
	tallies = append(slices.Clip(tallies), t) // others read what there was
	d.tallies.Store(&tallies)
	return t
}

func findTally(tallies []*tally, category string) *tally {
	for _, t := range tallies {
		if t.category == category {
			return t
		}
	}
	return nil
}

// whole returns the day with all that was counted.
func (d *liveDay) whole() *Day {
	whole := &Day{Date: d.Date}
	whole.add(&d.Day)
	for _, t := range *d.tallies.Load() {
		whole.block(t.category, t.total())
	}
	return whole
}

// days are those of a site. What has no atomic type is guarded by the mutex of the site.
type days struct {
	current atomic.Pointer[liveDay]

	// before is the day that was current before: what began on it may end today, and
	// is counted without a look at the time.
	before *liveDay

	past []Day // sorted
}

// find returns the tally of a category on the current day; nil if either is another one.
func (d *days) find(day int, category string) *tally {
	if current := d.current.Load(); current != nil && current.number == day {
		return findTally(*current.tallies.Load(), category)
	}
	return nil
}

// of makes a day the current one.
func (d *days) of(day int) *liveDay {
	current := d.current.Load()
	if current != nil && current.number == day {
		return current
	}
	next := d.before
	if next == nil || next.number != day {
		if next != nil {
			d.past = addDay(d.past, next.whole())
		}
		next = &liveDay{number: day, Day: Day{Date: dateOf(day)}}
		next.tallies.Store(new([]*tally))
	}
	d.before = current
	d.current.Store(next)
	return next
}

// restore adds days from before, but for those that are too old, and of counts that may
// be among those that there are, what they have more.
func (d *days) restore(found []Day, now time.Time, among bool) {
	oldest := dateOf(dayOf(now) - maxDays)
	var there []Day
	if among {
		there = d.all()
	}
	for i := range found {
		if found[i].Date <= oldest {
			continue
		}
		more := &found[i]
		if j := slices.IndexFunc(there, func(day Day) bool { return day.Date == more.Date }); j >= 0 {
			more = more.beyond(&there[j])
		}
		d.past = addDay(d.past, more)
	}
}

// all returns a copy of all days.
func (d *days) all() []Day {
	var all []Day
	for i := range d.past {
		all = addDay(all, &d.past[i])
	}
	for _, live := range []*liveDay{d.before, d.current.Load()} {
		if live != nil {
			all = addDay(all, live.whole())
		}
	}
	return all
}
