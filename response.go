package cookieconsent

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/cookie"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

// filterHeader makes a final header fit for this visitor, and for this visitor
// alone where it may differ between visitors.
func (x *exchange) filterHeader(header http.Header, method string) {
	x.filterSetCookies(header, method)
	x.guardHeader(header)
	name := x.handler.PassHeader
	if x.consulted = x.consulted || name != "" && lists(header["Vary"], name); x.consulted {
		makePrivate(header)
		addVary(header, "Cookie, Sec-GPC")
	}
}

// filterSetCookies takes out of a header every cookie that the visitor did not
// agree to, whatever the response's status and type, and cuts down lifetimes to
// what is declared. How cookies are set that may have to be deleted one day is
// learned, whether they pass or not.
func (x *exchange) filterSetCookies(header http.Header, method string) {
	personal := false // whether a cookie passes because this visitor agreed
	controls := false // whether shared caches are told something of their own
	var learner cookie.Learner
	judge := func(name, attributes string) cookie.Verdict {
		if name == x.handler.CookieName {
			return cookie.Verdict{}
		}
		x.visit.Set(name, attributes)
		state, rule := x.decision.Cookie(name)
		if rule.Category != consent.Necessary {
			learner.Learn(name, attributes)
			personal = personal || state == consent.Granted
		}
		if state != consent.Granted {
			return cookie.Verdict{}
		}
		return cookie.Verdict{Keep: true, Session: rule.Lifetime.Session, Lifetime: rule.Lifetime.Duration}
	}
	dropped := func(line string) { x.noteDropped(line, header, method) }
	counted := func() time.Time { return responseTime(header) }
	for key, lines := range header {
		controls = controls || isCDNControl(key)
		if len(key) != len("Set-Cookie") || !strings.EqualFold(key, "Set-Cookie") || len(lines) == 0 {
			continue
		}
		learner = learned.On(x.host)
		if kept := cookie.FilterSetCookie(lines, counted, judge, dropped); kept == nil {
			delete(header, key)
		} else {
			header[key] = kept
		}
	}
	if personal {
		if controls {
			removeCDNControls(header)
		}
		forbidSharing(header)
	}
}

// learned is the variants of cookies that were set, in memory alone. It outlives
// configurations: visitors still have what was set under the one before.
var learned = cookie.NewLearned()

// responseTime returns the time from which browsers count Expires: the earlier of
// the response's Date and now.
func responseTime(header http.Header) time.Time {
	now := time.Now()
	if dates := header["Date"]; len(dates) > 0 {
		if date, err := http.ParseTime(dates[0]); err == nil && date.Before(now) {
			return date
		}
	}
	return now
}

// noteDropped counts a withheld Set-Cookie line and tells the operator about one
// that nobody declared.
func (x *exchange) noteDropped(line string, header http.Header, method string) {
	name := cookie.SetCookieName(line)
	if name == x.handler.CookieName {
		x.handler.notices.ownCookie(name)
		return
	}
	x.withheld = true
	_, rule := x.decision.Cookie(name)
	x.handler.asking.note(rule)
	x.countCookie(inventory.Dropped, rule.Category)
	if rule.Declared {
		return
	}
	kind := noticeResponse
	if method == http.MethodPost {
		if c := cookie.ParseSetCookie(line, responseTime(header)); c.HttpOnly && !c.Persistent {
			kind = noticeLogin
		}
	}
	x.handler.notices.undeclared(kind, name, rule.Category)
}

// markPage makes a header true of the page that the visitor gets: it is one
// variant of several, nobody else's, and not the bytes that the application
// described. Browsers may still keep it for Back and Forward, which "no-store"
// would forbid.
func (x *exchange) markPage(header http.Header) {
	removeDigests(header)
	x.markVariant(header)
}

// removeDigests deletes what a header says about bytes that are sent in another form.
func removeDigests(header http.Header) {
	for _, name := range []string{
		"Content-Length", "Accept-Ranges", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest", "Last-Modified",
	} {
		delete(header, name)
	}
}

// markVariant marks a page, or the confirmation of one in a 304, as this variant.
func (x *exchange) markVariant(header http.Header) {
	if tag := header.Get("Etag"); tag != "" {
		if own := variantTag(tag, x.variant()); own != "" {
			header.Set("Etag", own)
		} else {
			header.Del("Etag")
		}
	}
	if x.handler.Language == "" {
		addVary(header, "Cookie, Sec-GPC, Accept-Language")
	} else {
		addVary(header, "Cookie, Sec-GPC")
	}
	directives := cacheDirectives(header)
	if !slices.Contains(directives, "no-store") {
		kept := []string{"private", "no-cache"}
		if slices.Contains(directives, "no-transform") {
			kept = append(kept, "no-transform")
		}
		header["Cache-Control"] = []string{strings.Join(kept, ", ")}
	}
	removeCDNControls(header)
}

// removeContentHeaders deletes what a header says about a body that is not sent.
func removeContentHeaders(header http.Header) {
	for _, name := range []string{
		"Accept-Ranges", "Cache-Control", "Content-Digest", "Content-Disposition", "Content-Encoding", "Content-Language",
		"Content-Length", "Content-Location", "Content-Md5", "Content-Range", "Content-Type", "Digest", "Etag", "Expires",
		"Last-Modified", "Link", "Location", "Refresh", "Repr-Digest", "Trailer",
	} {
		delete(header, name)
	}
	removeCDNControls(header)
}

// removeCDNControls deletes what tells particular shared caches to store a
// response whatever Cache-Control says (RFC 9213 and vendors' own).
func removeCDNControls(header http.Header) {
	for key := range header {
		if isCDNControl(key) {
			delete(header, key)
		}
	}
}

func isCDNControl(name string) bool {
	const suffix = "Cdn-Cache-Control"
	if len(name) < len("Edge-Control") {
		return false // as most names are
	}
	if from := len(name) - len(suffix); from >= 0 && strings.EqualFold(name[from:], suffix) {
		return true
	}
	return strings.EqualFold(name, "Surrogate-Control") || strings.EqualFold(name, "Edge-Control") || strings.EqualFold(name, "X-Accel-Expires")
}

// cacheDirectives returns the names of the Cache-Control directives, in lower case.
func cacheDirectives(header http.Header) []string {
	var names []string
	for _, line := range header["Cache-Control"] {
		for directive := range listMembers(line) {
			name, _, _ := strings.Cut(directive, "=")
			names = append(names, strings.ToLower(name))
		}
	}
	return names
}

// isPrivate reports whether no shared cache may store the response (RFC 9111,
// section 3).
func isPrivate(header http.Header) bool {
	for _, line := range header["Cache-Control"] {
		for directive := range listMembers(line) {
			// private="field" only protects that field
			if strings.EqualFold(directive, "private") || strings.EqualFold(directive, "no-store") {
				return true
			}
		}
	}
	return false
}

// makePrivate keeps a response that is meant for this visitor out of shared caches.
func makePrivate(header http.Header) {
	removeCDNControls(header)
	forbidSharing(header)
}

// forbidSharing is makePrivate for a header without words to particular caches.
func forbidSharing(header http.Header) {
	if isPrivate(header) {
		return
	}
	directives := []string{"private"}
	for _, line := range header["Cache-Control"] {
		for directive := range listMembers(line) {
			name, _, _ := strings.Cut(strings.ToLower(directive), "=")
			if directive != "" && name != "public" && name != "s-maxage" && name != "private" {
				directives = append(directives, directive)
			}
		}
	}
	header["Cache-Control"] = []string{strings.Join(directives, ", ")}
}

// addVary adds the members of a list to Vary, but for those that are there.
func addVary(header http.Header, list string) {
	lines := header["Vary"]
	if lines == nil {
		header["Vary"] = []string{list}
		return
	}
	if lists(lines, "*") {
		return
	}
	for name := range strings.SplitSeq(list, ", ") {
		if !lists(lines, name) {
			lines = append(slices.Clip(lines), name)
		}
	}
	header["Vary"] = lines
}

// lists reports whether a name is a member of a header that lists names of headers.
func lists(lines []string, name string) bool {
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(member), name) {
				return true
			}
		}
	}
	return false
}

// withholdTrailer takes Set-Cookie out of the fields announced as trailer.
// Browsers ignore cookies there, other clients may not.
func withholdTrailer(header http.Header) {
	removeMember(header, "Trailer", "Set-Cookie")
}

// removeMember takes a member out of a header that lists names of headers.
func removeMember(header http.Header, list, name string) {
	var kept []string
	for _, line := range header[list] {
		for member := range strings.SplitSeq(line, ",") {
			if member = strings.TrimSpace(member); member != "" && !strings.EqualFold(member, name) {
				kept = append(kept, member)
			}
		}
	}
	if len(kept) == 0 {
		delete(header, list)
	} else {
		header[list] = kept
	}
}

// removeTrailer deletes Set-Cookie from the trailer fields that net/http accepts
// after the body although nobody announced them.
func removeTrailer(header http.Header) {
	const name = http.TrailerPrefix + "Set-Cookie"
	for key := range header {
		if len(key) == len(name) && strings.EqualFold(key, name) {
			delete(header, key)
		}
	}
}

// deletionBudget is how many bytes of Set-Cookie values that delete cookies one
// response may carry. Proxies in front of Caddy limit the size of a header.
const deletionBudget = 2048

// expireRefused deletes refused cookies that the browser still sends, and copies
// of the preference cookie that shadow it. A Cookie header does not say with which
// domain and path a cookie was stored, so that all that are possible have to be
// deleted: first those with which the site was seen to set it, then the likeliest
// ones, the others in a window that begins somewhere else on every response. It
// reports whether some did not fit.
//
// Responses that a shared cache may keep are left alone: one visitor's refusal
// must not delete another's cookies.
func (x *exchange) expireRefused(header http.Header) (more bool) {
	if len(x.refused) == 0 && !x.shadowed {
		return false
	}
	if x.view != viewDocument && !isPrivate(header) {
		return false
	}
	makePrivate(header)
	lines := x.expireShadows(deletionBudget / 4)
	if len(x.refused) > 0 {
		d := cookie.NewDeletions(x.host, x.url.EscapedPath(), x.secure, x.refused, learned)
		first, next := d.Lines(0, deletionBudget*5/8)
		lines = append(lines, first...)
		if more = next < d.Len(); more {
			window, _ := d.Lines(next+rand.IntN(d.Len()-next), deletionBudget/8)
			lines = append(lines, window...)
		}
	}
	header["Set-Cookie"] = append(slices.Clip(header["Set-Cookie"]), lines...)
	x.countDeletions(lines)
	return more
}

// expireShadows returns lines that delete every copy of the preference cookie but
// the one that the handler itself writes.
func (x *exchange) expireShadows(budget int) []string {
	if !x.shadowed {
		return nil
	}
	own := cookie.Variant{Path: "/"}
	if x.site != x.host || x.site == x.handler.CookieDomain {
		own.Domain = x.site
	}
	var lines []string
	for variant := range cookie.Variants(x.host, x.url.EscapedPath(), x.secure) {
		if variant == own {
			continue
		}
		line := string(cookie.AppendDeletion(nil, x.handler.CookieName, variant))
		if budget -= len(line); budget < 0 {
			break
		}
		lines = append(lines, line)
	}
	return lines
}
