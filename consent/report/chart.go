package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

// A chart shows a few series over time, one bar a period, on top of each other. The same
// numbers are in its table.
type chart struct {
	Unit    string // of its periods: day, week, month
	Series  []series
	Periods []period
	Total   uint64
	Most    uint64 // at the top of the chart
	Width   int    // in units of the drawing, of which a period takes barPitch
}

// series is one thing that is counted.
type series struct {
	Name  string
	Class string // of its colour
	Total uint64
}

// period is a bar of a chart and a line of its table.
type period struct {
	Label  string
	Values []uint64 // by series
	Total  uint64
	Bars   []bar
}

// bar is a piece of a bar, in units of the drawing.
type bar struct {
	Class         string
	X, Y          int
	Width, Height int
}

const (
	barPitch  = 10
	barWidth  = 8
	barHeight = 1000 // of the drawing

	// leastPeriods is how many there is place for at least.
	leastPeriods = 12

	// colours is how many series differ in colour.
	colours = 7
)

// span is a period of days.
type span struct {
	label string
	last  string // date
}

type spans struct {
	unit string
	all  []span
}

// periodsOf divides the time that days cover, up to now, into periods of which there are
// not too many to be seen apart.
func periodsOf(days []inventory.Day, now time.Time) spans {
	if len(days) == 0 {
		return spans{}
	}
	first, err := time.Parse(time.DateOnly, days[0].Date)
	if err != nil {
		return spans{}
	}
	last := now.UTC().Format(time.DateOnly)
	if latest := days[len(days)-1].Date; latest > last {
		last = latest // another machine's clock is ahead
	}
	end, err := time.Parse(time.DateOnly, last)
	if err != nil {
		return spans{}
	}
	s := spans{unit: "day"}
	label, next := "2 Jan 2006", func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }
	switch covered := end.Sub(first) / (24 * time.Hour); {
	case covered > 200:
		s.unit, label = "month", "Jan 2006"
		first = first.AddDate(0, 0, 1-first.Day())
		next = func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }
	case covered > 40:
		s.unit = "week"
		first = first.AddDate(0, 0, -(int(first.Weekday())+6)%7) // Monday
		next = func(t time.Time) time.Time { return t.AddDate(0, 0, 7) }
	}
	for at := first; !at.After(end); at = next(at) {
		s.all = append(s.all, span{at.Format(label), next(at).AddDate(0, 0, -1).Format(time.DateOnly)})
	}
	return s
}

// newChart makes a chart of what count adds of each day to the values of the series.
func newChart(days []inventory.Day, periods spans, of []series, count func(day *inventory.Day, values []uint64)) *chart {
	c := &chart{Unit: periods.unit, Series: of, Width: barPitch * max(leastPeriods, len(periods.all))}
	for _, p := range periods.all {
		c.Periods = append(c.Periods, period{Label: p.label, Values: make([]uint64, len(of))})
	}
	for i := range days {
		at, _ := slices.BinarySearchFunc(periods.all, days[i].Date, func(p span, date string) int { return cmp.Compare(p.last, date) })
		if at < len(c.Periods) {
			count(&days[i], c.Periods[at].Values)
		}
	}
	for i := range c.Periods {
		p := &c.Periods[i]
		for j, n := range p.Values {
			p.Total += n
			c.Series[j].Total += n
		}
		c.Total += p.Total
		c.Most = max(c.Most, p.Total)
	}
	c.Most = roundUp(c.Most)
	c.draw()
	return c
}

// draw makes the bars.
func (c *chart) draw() {
	for i := range c.Periods {
		p, below := &c.Periods[i], uint64(0)
		for j, n := range p.Values {
			if n == 0 {
				continue
			}
			bottom := scaled(below, c.Most)
			below += n
			p.Bars = append(p.Bars, bar{
				c.Series[j].Class, i*barPitch + (barPitch-barWidth)/2, barHeight - scaled(below, c.Most),
				barWidth, scaled(below, c.Most) - bottom,
			})
		}
	}
}

// scaled returns how high a number is in a drawing.
func scaled(n, most uint64) int { return int(float64(n) / float64(most) * barHeight) }

// class returns the class of a colour.
func class(i int) string { return "c" + string(rune('0'+min(i, colours-1))) }

// Half is what is half-way up the chart.
func (c *chart) Half() uint64 { return c.Most / 2 }

// First and Last label the axis.
func (c *chart) First() string { return c.Periods[0].Label }

// Last is the label of the last period.
func (c *chart) Last() string { return c.Periods[len(c.Periods)-1].Label }

// roundUp returns the next number that reads well and has a half.
func roundUp(n uint64) uint64 {
	for unit := uint64(1); ; unit *= 10 {
		for _, most := range []uint64{2, 4, 10} {
			if n <= most*unit || unit > 1e17 {
				return max(n, most*unit)
			}
		}
	}
}
