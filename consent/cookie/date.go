package cookie

import (
	"strings"
	"time"
)

// date collects the parts of an Expires attribute.
type date struct {
	month                     time.Month // zero if there is none
	day, year                 int
	hour, minute, second      int
	hasDay, hasYear, hasClock bool
}

// time returns the date, with parts that are too large carried over, and whether
// it has a day, a month and a year.
func (d *date) time() (t time.Time, ok bool) {
	t = time.Date(d.year, d.month, d.day, d.hour, d.minute, d.second, 0, time.UTC)
	return t, d.hasDay && d.month != 0 && d.hasYear
}

// setYear takes years of two digits as browsers do.
func (d *date) setYear(year int) {
	switch {
	case year < 70:
		year += 2000
	case year < 100:
		year += 1900
	}
	d.year, d.hasYear = year, true
}

// setClock takes "hour:minute:second" at the beginning of s, of which the second
// may be missing, and returns how many of the three it found and what follows.
func (d *date) setClock(s string) (found int, rest string) {
	var parts [3]int
	for found < len(parts) {
		n, digits := number(s)
		if digits == 0 || digits > 2 {
			break
		}
		parts[found], s = n, s[digits:]
		if found++; found == len(parts) || !strings.HasPrefix(s, ":") {
			break
		}
		s = s[1:]
	}
	if d.hasClock = found >= 2; d.hasClock {
		d.hour, d.minute, d.second = parts[0], parts[1], parts[2]
	}
	return found, s
}

// readDate reads a date as Chromium does, which is much what RFC 6265bis, section
// 5.1.1, says: tokens in any order, of which the first that looks like a clock, a
// day, a month or a year is taken for it.
func readDate(s string) (time.Time, bool) {
	var d date
	for s != "" {
		token := s
		if i := strings.IndexFunc(s, isDateDelimiter); i >= 0 {
			token, s = s[:i], s[i+1:]
		} else {
			s = ""
		}
		n, digits := number(token)
		switch {
		case digits == 0:
			if d.month == 0 {
				d.month = monthOf(token)
			}
		case strings.Contains(token, ":"):
			if !d.hasClock {
				found, rest := d.setClock(token)
				d.hasClock = found == 3 && rest == ""
			}
		case digits < len(token): // such as 9th
		case !d.hasDay && digits <= 2:
			d.day, d.hasDay = n, true
		case !d.hasYear && digits <= 5:
			d.setYear(n)
		}
	}
	t, ok := d.time()
	return t, ok && d.hasClock && d.hour < 24 && d.minute < 60 && d.second < 60 && t.Day() == d.day
}

func isDateDelimiter(c rune) bool {
	return c == '\t' || c >= ' ' && c <= '/' || c >= ';' && c <= '@' || c >= '[' && c <= '`' || c >= '{' && c <= '~'
}

// readDateLoosely reads a date as Firefox does, which also takes dates without a
// clock or seconds, numeric dates and the names of some time zones, and carries
// over parts that are too large.
func readDateLoosely(s string) (time.Time, bool) {
	const separators = " \t,;/()[]"
	var d date
	zone, hasZone := time.Duration(0), false // east of Greenwich
	for s = strings.TrimLeft(s, separators); s != ""; {
		letter := isLetter(s[0])
		switch n, digits := number(s); {
		case letter:
			if m := monthOf(s); m != 0 {
				if d.month == 0 {
					d.month = m
				}
			} else if offset, ok := zoneOf(s); ok && !hasZone {
				zone, hasZone = offset, true
			}
		case s[0] == '+' || s[0] == '-':
			if offset, ok := offsetOf(s); ok && zone == 0 {
				zone, hasZone = offset, true
			}
			s = s[1:]
		case digits > 0:
			s = d.setLoosely(s, n, digits)
		default:
			s = s[1:]
		}
		if i := strings.IndexAny(s, separators+"+-"); i >= 0 {
			s = s[i:]
		} else {
			s = ""
		}
		// A hyphen joins, unless a number follows that may be a zone.
		for {
			s = strings.TrimLeft(s, separators)
			if !strings.HasPrefix(s, "-") {
				break
			}
			if _, digits := number(s[1:]); digits > 0 && (!letter || d.hasYear) {
				break
			}
			s = s[1:]
		}
	}
	t, ok := d.time()
	return t.Add(-zone), ok
}

// setLoosely takes the number of so many digits at the beginning of s for a part
// of the date and returns what follows it.
func (d *date) setLoosely(s string, n, digits int) (rest string) {
	rest = s[digits:]
	next, afterNext := byte(0), byte(0)
	if len(rest) > 0 {
		next = rest[0]
	}
	if len(rest) > 1 {
		afterNext = rest[1]
	}
	switch {
	case next == ':':
		if !d.hasClock {
			_, rest = d.setClock(s)
			d.setHalf(strings.TrimLeft(rest, " \t"))
		}
	case (next == '/' || next == '-') && isDigit(afterNext):
		if d.month == 0 {
			return d.setNumeric(s)
		}
	case isLetter(next):
	case digits == 4 || digits == 5:
		if !d.hasYear {
			d.year, d.hasYear = n, true
		}
	case digits <= 2 && n < 32 && !d.hasDay:
		d.day, d.hasDay = n, true
	case digits == 2 && !d.hasYear:
		d.setYear(n)
	}
	return rest
}

// setHalf turns an hour of twelve into one of twenty-four.
func (d *date) setHalf(s string) {
	if len(s) < 2 || d.hour > 12 {
		return
	}
	switch half := s[:2]; {
	case equalFold(half, "pm"):
		d.hour = d.hour%12 + 12
	case equalFold(half, "am"):
		d.hour %= 12
	}
}

// setNumeric reads a date such as 6/9/2027 (month first), 13/6/2027 or 99-6-9.
func (d *date) setNumeric(s string) (rest string) {
	var parts [3]int
	for i := range parts {
		if i > 0 {
			if s == "" || s[0] != '/' && s[0] != '-' {
				return s
			}
			s = s[1:]
		}
		n, digits := number(s)
		if digits == 0 || digits > 5 || digits > 2 && i < 2 {
			return s
		}
		parts[i], s = n, s[digits:]
	}
	day, month, year := parts[1], parts[0], parts[2]
	switch {
	case parts[0] > 31 || parts[0] == 0:
		day, month, year = parts[2], parts[1], parts[0]
	case parts[0] > 12:
		day, month = parts[0], parts[1]
	}
	if month >= 1 && month <= 12 && day <= 31 {
		d.day, d.hasDay, d.month = day, true, time.Month(month)
		d.setYear(year)
	}
	return s
}

// number reads the digits at the beginning of s. Numbers of more than nine
// digits are no part of a date; their value is not kept.
func number(s string) (n, digits int) {
	for digits < len(s) && isDigit(s[digits]) {
		if digits < 9 {
			n = n*10 + int(s[digits]-'0')
		}
		digits++
	}
	return n, digits
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// monthOf returns the month that s begins with, zero for none.
func monthOf(s string) time.Month {
	const months = "janfebmaraprmayjunjulaugsepoctnovdec"
	if i := indexFold(months, s); i >= 0 {
		return time.Month(i + 1)
	}
	return 0
}

// zoneOf returns the offset of the time zone that s begins with.
func zoneOf(s string) (offset time.Duration, ok bool) {
	const zones = "gmtpstpdtmstmdtcstcdtestedtastnstbstmeteetjst"
	minutes := [...]int{0, -480, -420, -420, -360, -360, -300, -300, -240, -240, -210, 60, 60, 120, 540}
	if i := indexFold(zones, s); i >= 0 {
		return time.Duration(minutes[i]) * time.Minute, true
	}
	return 0, false
}

// indexFold returns the index of the word in a list of words of three letters
// that s begins with, whatever its case, or -1.
func indexFold(words, s string) int {
	if len(s) < 3 {
		return -1
	}
	for i := 0; i < len(words); i += 3 {
		if equalFold(s[:3], words[i:i+3]) {
			return i / 3
		}
	}
	return -1
}

// offsetOf reads a time zone such as +0100, -08 or +1.
func offsetOf(s string) (offset time.Duration, ok bool) {
	n, digits := number(s[1:])
	switch digits {
	case 1, 2:
		n *= 60
	case 4:
		n = n/100*60 + n%100
	default:
		return 0, false
	}
	if s[0] == '-' {
		n = -n
	}
	return time.Duration(n) * time.Minute, true
}
