package cookie

import (
	"math"
	"time"
)

// life says what becomes of a cookie; a longer life is a larger number. Zero is
// a deletion, one a cookie that ends with the browser session, everything above
// the seconds of a persistent cookie plus one.
type life int64

const (
	deletion life = iota
	session

	// longestLife is the longest that browsers keep a cookie, 400 days
	// (RFC 6265bis, section 5.5).
	longestLife = 400*24*60*60 + session
)

// lifeOf returns the life of a cookie that is kept for so many seconds.
func lifeOf(seconds int64) life {
	if seconds <= 0 {
		return deletion
	}
	return life(min(seconds, int64(longestLife-session))) + session
}

// expiry collects the attributes that limit the life of a cookie and finds the
// longest life that some browser gives it. Max-Age goes before Expires, and the
// last attribute of a name before the others. Browsers that cannot read an
// attribute fall back to the other attribute, or to an earlier one of the name.
type expiry struct {
	now     time.Time
	maxAge  reading
	expires reading
}

// reading is what browsers make of the attributes of one name.
type reading struct {
	longest life
	agreed  bool // whether all browsers read the last attribute
}

func (r *reading) add(l life, agreed bool) {
	if !agreed {
		l = max(l, r.longest)
	}
	r.longest, r.agreed = l, agreed
}

func (e *expiry) addMaxAge(value string) { e.maxAge.add(readMaxAge(value)) }

func (e *expiry) addExpires(value string) {
	strict, ok := readDate(value)
	loose, okLoose := readDateLoosely(value)
	longest := deletion
	if ok {
		longest = max(longest, e.until(strict))
	}
	if okLoose {
		longest = max(longest, e.until(loose))
	}
	e.expires.add(longest, ok && okLoose)
}

// until returns the life of a cookie that expires at t.
func (e *expiry) until(t time.Time) life {
	return lifeOf(int64(math.Ceil(t.Sub(e.now).Seconds())))
}

func (e *expiry) longest() life {
	if e.maxAge.agreed {
		return e.maxAge.longest
	}
	l := max(e.maxAge.longest, e.expires.longest)
	if !e.expires.agreed {
		l = max(l, session)
	}
	return l
}

// readMaxAge reads the value of a Max-Age attribute (RFC 6265bis, section
// 5.6.2): the longest life that some browser reads, and whether all read it.
// Only Chromium takes a plus sign, only Firefox anything after a minus sign, and
// both stop where the number becomes too large.
func readMaxAge(s string) (longest life, agreed bool) {
	if s == "" {
		return deletion, false
	}
	digits := s
	if s[0] == '+' || s[0] == '-' {
		digits = s[1:]
	}
	agreed = s[0] != '+' && digits != ""
	seconds := int64(0)
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			if seconds < math.MaxInt32 {
				return deletion, false
			}
			agreed = false
			break
		}
		seconds = min(seconds*10+int64(digits[i]-'0'), math.MaxInt32)
	}
	if s[0] == '-' {
		return deletion, agreed
	}
	return lifeOf(seconds), agreed
}
