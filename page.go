package cookieconsent

import (
	"iter"
	"mime"
	"net/http"
	"strings"

	"go.uber.org/zap"
)

// examinePage decides whether a response is a page that gets the banner, and
// returns the content codings to undo. It goes by what browsers make of the
// header, not by what the header means to say.
func (x *exchange) examinePage(status int, sniffed string, header http.Header) (codings []string, isPage bool) {
	if x.view == viewOther || !bodyAllowed(status) || status == http.StatusPartialContent || isRedirect(status, header) || isAttachment(header) {
		return nil, false
	}
	essence, charset := effectiveType(sniffed, header["Content-Type"])
	if essence != "text/html" {
		return nil, false
	}
	if reason := unreadableCharset(charset); reason != "" {
		x.passUnread("charset " + charset)
		return nil, false
	}
	codings, ok := contentCodings(header["Content-Encoding"])
	if !ok {
		x.passUnread("content coding " + strings.Join(header["Content-Encoding"], ", "))
		return nil, false
	}
	return codings, true
}

// passUnread reports a page that passed without the banner because it can't be
// read safely or has no place for it, once a host and reason.
func (x *exchange) passUnread(reason string) {
	countPage(pageUnread)
	x.handler.notices.once(noticeUnreadPage, x.host+" "+reason, func(l *zap.Logger) {
		l.Warn("a page passed without the banner", zap.String("host", x.host), zap.String("reason", reason))
	})
}

// bodyAllowed reports whether a response of that status can have a body that a
// browser shows (RFC 9110, section 15).
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusResetContent && status != http.StatusNotModified
}

func isRedirect(status int, header http.Header) bool {
	return status >= 300 && status <= 399 && header["Location"] != nil
}

// isAttachment reports whether the browser saves the response (RFC 6266): with
// every disposition type but "inline".
func isAttachment(header http.Header) bool {
	for _, line := range header["Content-Disposition"] {
		disposition, _, _ := strings.Cut(line, ";")
		if disposition = strings.TrimSpace(disposition); disposition != "" && !strings.EqualFold(disposition, "inline") &&
			!strings.ContainsAny(disposition, "= ") {
			return true
		}
	}
	return false
}

// effectiveType returns the MIME type and charset that browsers take from the
// lines of Content-Type: the last valid one counts, and a charset before it stays
// in force where the type is the same (Fetch, section 2.2.2). sniffed stands in
// where no line says anything (MIME Sniffing, section 7).
func effectiveType(sniffed string, lines []string) (essence, charset string) {
	for _, line := range lines {
		for value := range listMembers(line) {
			mediaType, _, _ := strings.Cut(value, ";")
			mediaType = strings.ToLower(strings.Trim(mediaType, " \t"))
			if !isMediaType(mediaType) {
				continue
			}
			charset = charsetAfter(value, mediaType == essence, charset)
			essence = mediaType
		}
	}
	if essence == "" || essence == "unknown/unknown" || essence == "application/unknown" {
		essence, _, _ = strings.Cut(sniffed, ";")
		return essence, ""
	}
	return essence, charset
}

func isMediaType(s string) bool {
	major, minor, ok := strings.Cut(s, "/")
	return ok && major != "" && minor != "" && s != "*/*" && !strings.ContainsAny(s, " \t\"")
}

// charsetAfter returns the charset in force after a value of Content-Type.
func charsetAfter(value string, sameType bool, before string) string {
	if strings.IndexByte(value, ';') >= 0 {
		if _, params, _ := mime.ParseMediaType(value); params["charset"] != "" {
			return strings.ToLower(params["charset"])
		}
	}
	if sameType {
		return before
	}
	return ""
}

// listMembers yields the members of a comma-separated list. A comma between
// quotation marks separates nothing.
func listMembers(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		quoted, from := false, 0
		for i := range len(s) {
			switch {
			case s[i] == '"':
				quoted = !quoted
			case s[i] == ',' && !quoted:
				if !yield(strings.Trim(s[from:i], " \t")) {
					return
				}
				from = i + 1
			}
		}
		yield(strings.Trim(s[from:], " \t"))
	}
}

// unreadableCharset reports the charsets in which the bytes of "<" and ">" do not
// mean what they mean in ASCII.
func unreadableCharset(charset string) string {
	if strings.HasPrefix(charset, "utf-16") || strings.HasPrefix(charset, "utf-32") || strings.HasPrefix(charset, "utf16") ||
		strings.HasPrefix(charset, "ucs-2") || strings.HasPrefix(charset, "iso-2022") || strings.HasPrefix(charset, "csiso2022") ||
		charset == "unicode" || charset == "hz-gb-2312" || charset == "iso-10646-ucs-2" || charset == "unicodefeff" ||
		charset == "unicodefffe" || charset == "csunicode" || charset == "replacement" {
		return charset
	}
	return ""
}

func hasNosniff(header http.Header) bool {
	first, _, _ := strings.Cut(header.Get("X-Content-Type-Options"), ",")
	return strings.EqualFold(strings.TrimSpace(first), "nosniff")
}
