package cookie

import (
	"iter"
	"strconv"
	"strings"
	"time"
)

// SetCookie is one line of a Set-Cookie field, read as browsers read it
// (RFC 6265bis, section 5.6).
type SetCookie struct {
	// Raw is the line as it was received.
	Raw string

	// Name is empty for a nameless cookie; [SetCookie.Names] knows more.
	Name, Value string

	// Domain is in lower case and without a leading dot, empty for a
	// host-only cookie. Path is empty for the default path.
	Domain, Path string

	// SameSite is "strict", "lax", "none", or empty for the browser's default.
	SameSite string

	HttpOnly    bool
	Secure      bool
	Partitioned bool

	// Persistent is false for a cookie that ends with the browser session.
	Persistent bool

	// Lifetime is how long a persistent cookie is kept, by the longest of
	// the browsers' readings and at most 400 days. It is zero for a cookie
	// that every browser deletes.
	Lifetime time.Duration
}

// Verdict is what may become of a cookie. The zero value leaves it out.
type Verdict struct {
	// Keep lets the cookie pass.
	Keep bool

	// Session makes a cookie that is kept end with the browser session.
	Session bool

	// Lifetime is the longest life of a cookie that is kept, in whole
	// seconds; zero stands for any.
	Lifetime time.Duration
}

func (v Verdict) and(w Verdict) Verdict {
	v.Keep = v.Keep && w.Keep
	v.Session = v.Session || w.Session
	if v.Lifetime == 0 || w.Lifetime != 0 && w.Lifetime < v.Lifetime {
		v.Lifetime = w.Lifetime
	}
	return v
}

// FilterSetCookie returns the lines of a Set-Cookie field without those that
// judge does not keep and with the lives of the others cut down; nil if none is
// left. If nothing changes, the same slice is returned and nothing is
// allocated. The slice is never written to.
//
// Judge is given a name and the attributes, which are what stands behind the name
// and the value. A line that browsers read in two ways is judged under both names,
// and the stricter verdict holds. A comma does not join two lines: no browser splits
// there. A line with a NUL, CR or LF is not a field value
// (RFC 9110, section 5.5) and is left out: who reads it may cut or split it.
//
// A life is cut down by appending "; Max-Age=<seconds>", because the last
// attribute of a name wins; everything before keeps its bytes. Only where the
// verdict is [Verdict.Session] are the attributes Expires and Max-Age cut out. A
// line that deletes a cookie stays as it is.
//
// Browsers count Expires from the field Date of the same response: now returns the
// earlier of that and the clock, and is asked only if it matters. For each line
// that is left out dropped is called, unless it is nil.
func FilterSetCookie(lines []string, now func() time.Time, judge func(name, attributes string) Verdict, dropped func(line string)) []string {
	out, changed := lines, false
	for i, line := range lines {
		verdict, end := Verdict{}, len(line)
		if isFieldValue(line) {
			if at := strings.IndexByte(line, ';'); at >= 0 {
				end = at
			}
			name, other, two := names(line[:end])
			verdict = judge(name, line[end:])
			if two {
				verdict = verdict.and(judge(other, line[end:]))
			}
		}
		left := line
		if verdict.Keep && (verdict.Session || verdict.Lifetime > 0) {
			left = shorten(line, line[end:], now(), verdict)
		}
		if !changed {
			if verdict.Keep && len(left) == len(line) {
				continue
			}
			out, changed = append(make([]string, 0, len(lines)), lines[:i]...), true
		}
		if verdict.Keep {
			out = append(out, left)
		} else if dropped != nil {
			dropped(line)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func isFieldValue(line string) bool {
	return strings.IndexByte(line, '\n') < 0 && strings.IndexByte(line, '\r') < 0 && strings.IndexByte(line, 0) < 0
}

// shorten returns the line of a cookie that lives no longer than the verdict allows.
func shorten(line, attributes string, now time.Time, v Verdict) string {
	l := longestLife(attributes, now)
	switch {
	case l <= session:
		return line
	case v.Session:
		return cutLifetime(line)
	case l.duration() > v.Lifetime:
		return line + "; Max-Age=" + strconv.FormatInt(int64(v.Lifetime/time.Second), 10)
	}
	return line
}

// cutLifetime removes the attributes that make a cookie persistent.
func cutLifetime(line string) string {
	var left strings.Builder
	left.Grow(len(line))
	for i, rest, more := 0, line, true; more; i++ {
		var segment string
		segment, rest, more = strings.Cut(rest, ";")
		if i == 0 {
			left.WriteString(segment)
			continue
		}
		key, _ := attribute(segment)
		if !equalFold(key, "max-age") && !equalFold(key, "expires") {
			left.WriteByte(';')
			left.WriteString(segment)
		}
	}
	return left.String()
}

// ParseSetCookie reads one line of a Set-Cookie field. It never fails: browsers
// ignore attributes that they do not understand, or the whole cookie. now is what
// Expires is counted from.
func ParseSetCookie(line string, now time.Time) SetCookie {
	first, rest, more := strings.Cut(line, ";")
	c := SetCookie{Raw: line}
	c.Name, c.Value = pair(first)
	l := longestLife(rest, now)
	c.Persistent, c.Lifetime = l != session, l.duration()
	for more {
		var segment string
		segment, rest, more = strings.Cut(rest, ";")
		switch key, value := attribute(segment); {
		case len(value) > maxAttribute || strings.ContainsFunc(value, isControl):
		case equalFold(key, "path"):
			c.Path = value
		case equalFold(key, "domain"):
			c.Domain = strings.ToLower(strings.TrimPrefix(value, "."))
		case equalFold(key, "samesite"):
			c.SameSite = sameSite(value)
		case equalFold(key, "httponly"):
			c.HttpOnly = true
		case equalFold(key, "secure"):
			c.Secure = true
		case equalFold(key, "partitioned"):
			c.Partitioned = true
		}
	}
	if !strings.HasPrefix(c.Path, "/") {
		c.Path = ""
	}
	return c
}

// SetCookieName returns the name in one line of a Set-Cookie field, empty for a
// nameless cookie; [SetCookie.Names] knows more.
func SetCookieName(line string) string {
	first, _, _ := strings.Cut(line, ";")
	name, _ := pair(first)
	return name
}

// maxAttribute is the length beyond which browsers ignore the value of an
// attribute (RFC 6265bis, section 5.6), in bytes.
const maxAttribute = 1024

// attribute splits a segment after the first ";" of a Set-Cookie line.
func attribute(s string) (key, value string) {
	key, value, _ = strings.Cut(s, "=")
	return trim(key), trim(value)
}

// equalFold compares a string with one in lower case as browsers do: only ASCII
// letters have two cases.
func equalFold(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// isControl reports whether no field value and no cookie may hold the character;
// a horizontal tab is a blank.
func isControl(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }

func sameSite(value string) string {
	for _, known := range [...]string{"strict", "lax", "none"} {
		if equalFold(value, known) {
			return known
		}
	}
	return ""
}

// Deletes reports whether the line deletes the cookie in every browser.
func (c SetCookie) Deletes() bool { return c.Persistent && c.Lifetime == 0 }

// Names yields each name under which some browser keeps the cookie. The empty
// name is that of a nameless cookie.
func (c SetCookie) Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		first, _, _ := strings.Cut(c.Raw, ";")
		name, other, two := names(first)
		if yield(name) && two {
			yield(other)
		}
	}
}

// Variant returns the identity under which a browser keeps the cookie if it was
// set by a response to a request for that path.
func (c SetCookie) Variant(requestPath string) Variant {
	v := Variant{Domain: c.Domain, Path: c.Path, Partitioned: c.Partitioned}
	if v.Path == "" {
		v.Path = defaultPath(requestPath)
	}
	return v
}
