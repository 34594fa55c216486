package weburl

import (
	"bytes"
	"strings"
)

// AppendPath appends the path of a URL on its host, from its first slash on to its
// query: dot segments resolved as browsers do, and percent-encoding decoded.
func (u *URL) AppendPath(dst []byte) []byte {
	n := len(dst)
	return decode(u.appendPath(dst), n)
}

// AppendPath does the same for a path as it stands in a request, which may have a query.
func AppendPath(dst []byte, path string) []byte {
	n := len(dst)
	return decode(appendResolved(dst, "", path), n)
}

// AppendMerged appends a decoded path as servers read it that resolve after
// decoding: runs of slashes and backslashes are one slash, and dot segments resolved.
func AppendMerged(dst, path []byte) []byte {
	start := len(dst)
	dst = append(dst, '/')
	for len(path) > 0 {
		n := 0
		for n < len(path) && path[n] != '/' && path[n] != '\\' {
			n++
		}
		segment := path[:n]
		last := n == len(path)
		path = path[min(n+1, len(path)):]
		switch string(segment) {
		case "", ".":
		case "..":
			dst = parent(dst, start)
		default:
			dst = append(dst, segment...)
			if !last {
				dst = append(dst, '/')
			}
		}
	}
	return dst
}

// IsMerged reports whether [AppendMerged] changes nothing of a path that begins
// with a slash.
func IsMerged(path []byte) bool {
	for i := 1; i < len(path); i++ {
		if path[i] == '\\' || path[i-1] == '/' && (path[i] == '/' || path[i] == '.') {
			return false
		}
	}
	return true
}

func (u *URL) path() string { return string(u.appendPath(nil)) }

func (u *URL) appendPath(dst []byte) []byte {
	if u.same {
		return append(dst, u.dir...)
	}
	return appendResolved(dst, u.dir, u.ref)
}

// appendResolved appends a path with its dot segments resolved, relative to a
// directory that has none and ends with a slash, or to none (the path state of the
// URL standard).
func appendResolved(dst []byte, dir, ref string) []byte {
	start := len(dst)
	if dir == "" {
		dst = append(dst, '/')
		if ref != "" && (ref[0] == '/' || ref[0] == '\\') {
			ref = ref[1:]
		}
	} else {
		dst = append(dst, dir...)
	}
	segment := len(dst)
	for {
		n := 0
		for n < len(ref) && classes[ref[n]]&(isEnd|isBreak) == 0 {
			n++
		}
		dst = append(dst, ref[:n]...)
		var c byte = '?' // the end
		if n < len(ref) {
			c = ref[n]
			ref = ref[n+1:]
		}
		if classes[c]&isBreak != 0 {
			continue
		}
		isSlash := c == '/' || c == '\\'
		switch dots(dst[segment:]) {
		case 0:
			if isSlash {
				dst = append(dst, '/')
			}
		case 1:
			dst = dst[:segment]
		case 2:
			dst = parent(dst[:segment], start)
		}
		if !isSlash {
			return dst
		}
		segment = len(dst)
	}
}

// parent cuts the last segment of a path that ends with a slash and begins at start.
func parent(path []byte, start int) []byte {
	if len(path) == start+1 {
		return path
	}
	end := len(path) - 1
	for path[end-1] != '/' {
		end--
	}
	return path[:end]
}

// dots returns how many dots a segment is that is nothing else, if they are one or
// two; 0 for any other.
func dots(segment []byte) int {
	n := 0
	for len(segment) > 0 {
		switch {
		case segment[0] == '.':
			segment = segment[1:]
		case len(segment) >= 3 && segment[0] == '%' && segment[1] == '2' && segment[2]|0x20 == 'e':
			segment = segment[3:]
		default:
			return 0
		}
		n++
	}
	if n > 2 {
		return 0
	}
	return n
}

// decode decodes the percent-encoding behind the first n bytes, in place.
func decode(path []byte, n int) []byte {
	first := bytes.IndexByte(path[n:], '%')
	if first < 0 {
		return path
	}
	n += first
	for i := n; i < len(path); i++ {
		c := path[i]
		if c == '%' && i+2 < len(path) {
			high, low := unhex(path[i+1]), unhex(path[i+2])
			if high >= 0 && low >= 0 {
				c = byte(high<<4 | low)
				i += 2
			}
		}
		path[n] = c
		n++
	}
	return path[:n]
}

// Decode decodes percent-encoding.
func Decode(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	return string(decode([]byte(s), 0))
}

func unhex(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
