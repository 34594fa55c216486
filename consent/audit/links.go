package audit

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"
)

// acts are words in an address behind which something may be done. The client is
// nobody who is logged in, and asks for pages as search engines do; but it has no
// business there.
var acts = []string{
	"logout", "signout", "logoff", "signoff", "delete", "remove", "destroy", "unsubscribe", "cancel", "revoke",
	"disconnect", "deactivate", "add", "checkout", "buy", "vote",
}

// phrases are the same where they are written as two words.
var phrases = [][2]string{{"log", "out"}, {"sign", "out"}, {"log", "off"}, {"sign", "off"}, {"opt", "out"}}

// files are the ends of paths that are no pages.
var files = []string{
	".7z", ".avif", ".bmp", ".bz2", ".css", ".csv", ".doc", ".docx", ".epub", ".exe", ".gif", ".gz", ".ico", ".ics", ".iso",
	".jpeg", ".jpg", ".js", ".json", ".mjs", ".mov", ".mp3", ".mp4", ".odp", ".ods", ".odt", ".ogg", ".pdf", ".png", ".ppt",
	".pptx", ".rar", ".rss", ".svg", ".tar", ".tgz", ".tif", ".tiff", ".txt", ".wav", ".webm", ".webmanifest", ".webp",
	".woff", ".woff2", ".xls", ".xlsx", ".xml", ".xz", ".zip",
}

// maxAddress bounds the addresses that are followed, in bytes.
const maxAddress = 2048

// isPage reports whether a link may lead to a page that is to be visited.
func isPage(u *url.URL) bool {
	if u.Opaque != "" || u.User != nil || len(u.String()) > maxAddress {
		return false
	}
	if slices.Contains(files, strings.ToLower(path.Ext(u.Path))) {
		return false
	}
	query, _ := url.QueryUnescape(u.RawQuery)
	words := strings.FieldsFunc(strings.ToLower(u.Path+" "+query), func(r rune) bool { return !unicode.IsLetter(r) })
	for i, word := range words {
		if slices.Contains(acts, word) || i > 0 && slices.Contains(phrases, [2]string{words[i-1], word}) {
			return false
		}
	}
	return true
}

// sameHost reports whether two addresses are of the same host and port, by HTTP or HTTPS.
func sameHost(a, b *url.URL) bool { return isWeb(a) && isWeb(b) && strings.EqualFold(a.Host, b.Host) }

func isWeb(u *url.URL) bool { return u.Scheme == "http" || u.Scheme == "https" }

// queue holds the addresses that are to be visited, each once.
type queue struct {
	waiting []visit
	seen    map[string]bool
}

// visit is a page to be visited, and that which has the link to it.
type visit struct{ to, from *url.URL }

// add puts an address at the end.
func (q *queue) add(to, from *url.URL) {
	bare := *to
	bare.Fragment, bare.RawFragment = "", ""
	if bare.Path == "" {
		bare.Path = "/"
	}
	if key := bare.String(); !q.seen[key] {
		q.seen[key] = true
		q.waiting = append(q.waiting, visit{&bare, from})
	}
}

// next takes the first address.
func (q *queue) next() (visit, bool) {
	if len(q.waiting) == 0 {
		return visit{}, false
	}
	v := q.waiting[0]
	q.waiting = q.waiting[1:]
	return v, true
}
