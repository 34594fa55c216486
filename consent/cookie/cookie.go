// Package cookie reads and filters the fields Cookie and Set-Cookie on the
// wire, as browsers read them (RFC 6265bis) and without ever writing a cookie
// anew: what passes, passes with its bytes.
//
// It does not use net/http's cookie readers. They refuse names and values that
// browsers store, re-quote values, and stop reading at 3,000 cookies; a filter
// built on them lets cookies through that it cannot see and breaks sessions of
// applications that it does see.
//
// Names are bytes: they are compared as they are, case included. Where browsers
// disagree about the name of a cookie, it passes only if it may pass under each
// of them.
package cookie

import (
	"iter"
	"strings"
)

// Keep reports whether a cookie of that name may pass. The name is empty for a
// nameless cookie.
type Keep func(name string) bool

// FilterCookie cuts the cookies that keep refuses out of the lines of a Cookie
// field and returns the lines that are left, nil if there are none. Lines of
// which nothing is cut are the same strings; if nothing is cut at all, the same
// slice is returned and nothing is allocated. The slice is never written to.
//
// For each name that keep refuses dropped is called, unless it is nil.
//
// Only ";" separates cookies (RFC 6265bis, section 5.8.3). A comma, a blank or
// a quotation mark is part of a value: browsers store and send them, and to cut
// there would break values such as JSON. A pair of quotation marks does not
// hide a ";" either, because no browser sends one within a value.
func FilterCookie(lines []string, keep Keep, dropped func(name string)) []string {
	out, changed := lines, false
	for i, line := range lines {
		left := filterLine(line, keep, dropped)
		if !changed {
			if len(left) == len(line) {
				continue
			}
			out, changed = append(make([]string, 0, len(lines)), lines[:i]...), true
		}
		if left != "" {
			out = append(out, left)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// filterLine returns the line without the cookies that keep refuses: the runs
// of segments between them, each with its bytes. A single run is a part of the
// line and costs nothing.
func filterLine(line string, keep Keep, dropped func(name string)) string {
	var left runs
	run := 0 // where the segments begin that were kept last
	for at := 0; at <= len(line); {
		end := len(line)
		if i := strings.IndexByte(line[at:], ';'); i >= 0 {
			end = at + i
		}
		if !passes(line[at:end], keep, dropped) {
			if at > run {
				left.add(line[run:at-1], len(line))
			}
			run = end + 1
		}
		at = end + 1
	}
	if run == 0 {
		return line
	}
	if run <= len(line) {
		left.add(line[run:], len(line))
	}
	return left.line()
}

// runs are the parts of a line that stay.
type runs struct {
	first  string
	joined strings.Builder // all of them, once there are several
}

// add adds a part of a line of the given length.
func (r *runs) add(run string, length int) {
	switch {
	case r.joined.Len() > 0:
	case r.first == "":
		r.first = strings.TrimLeft(run, " \t")
		return
	default:
		r.joined.Grow(length)
		r.joined.WriteString(r.first)
	}
	r.joined.WriteByte(';')
	r.joined.WriteString(run)
}

// line returns the parts as a line, empty if there is no cookie in it.
func (r *runs) line() string {
	line := r.first
	if r.joined.Len() > 0 {
		line = r.joined.String()
	}
	if strings.Trim(line, "; \t") == "" {
		return ""
	}
	return line
}

// passes reports whether one segment of a Cookie line may stay.
func passes(segment string, keep Keep, dropped func(name string)) bool {
	name, other, two := names(segment)
	if name == "" && trim(segment) == "" {
		return true // nothing between two semicolons
	}
	ok := keep(name)
	if !ok && dropped != nil {
		dropped(name)
	}
	if two && !keep(other) {
		ok = false
		if dropped != nil {
			dropped(other)
		}
	}
	return ok
}

// Pairs yields the name and value of each cookie in the lines of a Cookie
// field, in their order and as often as they occur. A nameless cookie has an
// empty name. Nothing is decoded or unquoted.
func Pairs(lines []string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for _, line := range lines {
			for line != "" {
				segment := line
				if i := strings.IndexByte(line, ';'); i >= 0 {
					segment, line = line[:i], line[i+1:]
				} else {
					line = ""
				}
				name, value := pair(segment)
				if name == "" && value == "" {
					continue
				}
				if !yield(name, value) {
					return
				}
			}
		}
	}
}

// pair splits what stands before the first ";" of a Set-Cookie line, or between
// two of a Cookie line, at the first "=". Without one, all of it is the value
// of a nameless cookie (RFC 6265bis, section 5.6).
func pair(s string) (name, value string) {
	name, value, ok := strings.Cut(s, "=")
	if !ok {
		return "", trim(s)
	}
	return trim(name), trim(value)
}

// names returns the name of a pair and, if two is true, the other name under
// which some browser keeps the cookie or a server reads it: "a" is nameless in
// Chromium and called "a" in Firefox; "=a=b" is refused by both, but older
// browsers kept it without a name and sent it as "a=b".
func names(s string) (name, other string, two bool) {
	equals := strings.IndexByte(s, '=') //nolint:modernize // strings.Cut is not inlined
	if equals < 0 {
		other = trim(s)
		return "", other, other != ""
	}
	if name = trim(s[:equals]); name != "" {
		return name, "", false
	}
	if rest, _, ok := strings.Cut(s[equals+1:], "="); ok {
		return "", trim(rest), true
	}
	return "", "", false
}

// trim removes the blanks that browsers remove: spaces and horizontal tabs.
func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
