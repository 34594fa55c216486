package cookie

import (
	"math"
	"strings"
	"time"
)

// life says what becomes of a cookie; a longer life is a larger number. Zero is
// a deletion, one a cookie that ends with the browser session, everything above
// the seconds of a persistent cookie plus one.
type life int64

const (
	deletion life = iota
	session

	// maxLife is the longest that browsers keep a cookie, 400 days
	// (RFC 6265bis, section 5.5).
	maxLife = 400*24*60*60 + session
)

// lifeOf returns the life of a cookie that is kept for so many seconds.
func lifeOf(seconds int64) life {
	if seconds <= 0 {
		return deletion
	}
	return life(min(seconds, int64(maxLife-session))) + session
}

// duration returns how long a persistent cookie is kept, zero for others.
func (l life) duration() time.Duration { return time.Duration(max(l-session, 0)) * time.Second }

// longestLife returns the longest life that some browser reads from the
// attributes of a Set-Cookie line, with or without the ";" before them.
func longestLife(attributes string, now time.Time) life {
	e := expiry{now: now}
	for attributes != "" {
		var segment string
		segment, attributes = cutAttribute(attributes)
		if segment == "" || segment[0]|0x20 != 'm' && segment[0]|0x20 != 'e' {
			continue // most attributes, and fast
		}
		switch key, value := attribute(segment); {
		case len(value) > maxAttribute:
		case equalFold(key, "max-age"):
			e.setMaxAge(value)
		case equalFold(key, "expires"):
			e.setExpires(value)
		}
	}
	return e.longest()
}

// cutAttribute returns the first attribute, without white space before it, and what
// follows its ";".
func cutAttribute(attributes string) (segment, rest string) {
	segment, rest, _ = strings.Cut(attributes, ";")
	for segment != "" && (segment[0] == ' ' || segment[0] == '\t') {
		segment = segment[1:]
	}
	return segment, rest
}

// expiry finds the longest life that Chromium or Firefox gives a cookie. The last
// attribute of a name stands for all, and Max-Age goes before Expires. A browser
// that cannot read an attribute goes on as if there were none of that name.
type expiry struct {
	now             time.Time
	maxAge, expires reading
}

// reading is what the browsers make of an attribute.
type reading struct {
	longest life // deletion if none reads it
	agreed  bool // all read it
}

func (e *expiry) setMaxAge(value string) { e.maxAge = readMaxAge(value) }

func (e *expiry) setExpires(value string) {
	chromium, ok1 := readDate(value)
	firefox, ok2 := readDateLoosely(value)
	e.expires = reading{agreed: ok1 && ok2}
	if ok1 {
		e.expires.longest = e.until(chromium)
	}
	if ok2 {
		e.expires.longest = max(e.expires.longest, e.until(firefox))
	}
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
// 5.6.2). Only Chromium takes a plus sign, only Firefox whatever follows a minus
// sign, and both stop reading where a number becomes too large.
func readMaxAge(s string) reading {
	sign, digits := byte(0), s
	if s != "" && (s[0] == '+' || s[0] == '-') {
		sign, digits = s[0], s[1:]
	}
	seconds, agreed := int64(0), digits != "" && sign != '+'
	for _, c := range []byte(digits) {
		if !isDigit(c) {
			agreed = false
			if seconds < math.MaxInt32 {
				return reading{}
			}
			break
		}
		seconds = min(seconds*10+int64(c-'0'), math.MaxInt32)
	}
	if sign == '-' {
		seconds = 0
	}
	return reading{longest: lifeOf(seconds), agreed: agreed}
}
