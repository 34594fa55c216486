package cookieconsent

import (
	"net/url"
	"strings"
)

// maxLocalPath bounds a return address, in bytes.
const maxLocalPath = 4096

// localPath returns s if every browser takes it as a path of the same site, else
// "". It begins with one slash; a second one, or a backslash, which browsers take
// for one, would name another host, as would a tab or line break that browsers
// drop before they read on (WHATWG URL, section 4.4).
func localPath(s string) string {
	if len(s) == 0 || len(s) > maxLocalPath || s[0] != '/' || strings.HasPrefix(s, "//") {
		return ""
	}
	path := true // whether s[i] belongs to it: behind it, backslashes are like others
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ', c >= 0x7f, c == '\\' && path:
			return ""
		case c == '?', c == '#':
			path = false
		}
	}
	u, err := url.Parse(s)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil {
		return ""
	}
	return s
}

// localPathOrRoot returns s if it is a path of the same site, else the root.
func localPathOrRoot(s string) string {
	if path := localPath(s); path != "" {
		return path
	}
	return "/"
}
