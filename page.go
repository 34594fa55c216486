package cookieconsent

import (
	"iter"
	"net/http"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/cookieconsent/caddy-cookie-consent/consent/charset"
	"github.com/cookieconsent/caddy-cookie-consent/consent/mimetype"
)

// treatment is what becomes of the body of a response.
type treatment uint8

const (
	bodyPasses  treatment = iota // it is no page that gets the banner
	bodySniffed                  // its first bytes tell whether it is one
	bodyIsPage                   // it is one
	bodyRefused                  // it is one that can't be read
)

// examine decides about the body of a response, of which essence is the type by its
// header. It goes by what browsers make of
// the header, not by what the header means to say, and gives the banner to what a
// visitor sees as a page of its own:
//
//	a frame, an object, what scripts fetch    passes
//	a status that shows no body, a redirect   passes
//	a part (206)                              passes; ranges are not asked for
//	an attachment                             passes: it is saved
//	text/html                                 a page, unless it begins as JSON
//	no type, an invalid or unknown one        a page if it begins as one, but for nosniff
//	application/xhtml+xml                     passes, with a warning: what is HTML breaks XML
//	other XML, SVG, multipart, e-mail, text   passes
//
// A page of which the content coding can't be undone is refused: no browser could
// show it either, but for one that has the dictionary of a shared one.
func (x *exchange) examine(status int, header http.Header, essence string) (t treatment, codings []string) {
	pass := func(why passReason) (treatment, []string) {
		countPass(why)
		return bodyPasses, nil
	}
	switch {
	case x.own:
		return pass(passOwn)
	case x.view == viewOther:
		return pass(passRequest)
	case !bodyAllowed(status), status == http.StatusPartialContent, isRedirect(status, header):
		return pass(passStatus)
	case mimetype.IsAttachment(header["Content-Disposition"]):
		return pass(passAttachment)
	}
	switch essence {
	case mimetype.HTML:
		t = bodyIsPage
	case "":
		if mimetype.Nosniff(header["X-Content-Type-Options"]) {
			return pass(passType)
		}
		t = bodySniffed
	case mimetype.XHTML:
		if x.view == viewDocument {
			x.passUnread(passXHTML, "it is XHTML")
			return bodyPasses, nil
		}
		return pass(passType)
	default:
		return pass(passType)
	}
	codings, ok := contentCodings(header["Content-Encoding"])
	switch {
	case ok:
		return t, codings
	case t == bodyIsPage && x.view == viewDocument:
		return bodyRefused, nil
	default:
		return pass(passCoding)
	}
}

// passUnread reports a page that passed without the banner because it can't be
// read safely or has no place for it, once a host and reason.
func (x *exchange) passUnread(why passReason, reason string) {
	countPage(pageUnread)
	countPass(why)
	x.handler.notices.once(noticeUnreadPage, x.host+" "+reason, func(l *zap.Logger) {
		l.Warn("a page passed without the banner", zap.String("host", x.host), zap.String("reason", reason))
	})
}

// bodyAllowed reports whether a response of that status can have a body that a
// browser shows (RFC 9110, section 15).
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusResetContent && status != http.StatusNotModified
}

// isRedirect reports whether browsers follow the response instead of showing it.
func isRedirect(status int, header http.Header) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return slices.ContainsFunc(header["Location"], func(s string) bool { return strings.Trim(s, " \t") != "" })
	default:
		return false
	}
}

// declareUTF8 makes the header of a page true that is sent in UTF-8 in place of
// UTF-16. What the page itself declares does not count beside it.
func declareUTF8(header http.Header, e charset.Encoding) {
	if e == charset.UTF16LE || e == charset.UTF16BE {
		header["Content-Type"] = []string{"text/html; charset=utf-8"}
	}
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
