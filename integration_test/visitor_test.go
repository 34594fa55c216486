package integration_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	prefix           = "/.cookie-consent/"
	preferencesPath  = prefix + "preferences"
	preferenceCookie = "cookies_preferences"
)

// sameOrigin are the header fields of a form that a page of the site itself sends.
var sameOrigin = []string{
	"Content-Type: application/x-www-form-urlencoded",
	"Sec-Fetch-Dest: document",
	"Sec-Fetch-Mode: navigate",
	"Sec-Fetch-Site: same-origin",
	"Sec-Fetch-User: ?1",
}

// The choices that visitors make.
var (
	acceptAll      = url.Values{"choice": {"accept_all"}}
	rejectAll      = url.Values{"choice": {"reject_all"}}
	statisticsOnly = url.Values{"choice": {"save"}, "category": {"statistics"}}
)

// choose sends a choice as the banner's form does and returns the preference
// cookie, name=value, that the browser keeps from then on. cookies are what it
// sent with the form.
func (s *server) choose(t testing.TB, choice url.Values, cookies ...string) string {
	t.Helper()
	res := s.post(t, choice, cookies...)
	if res.status != http.StatusOK && res.status != http.StatusSeeOther {
		t.Fatalf("choosing %v: status %d: %s", choice, res.status, res.body)
	}
	for _, line := range res.cookies() {
		if nameOf(line) == preferenceCookie {
			return pair(line)
		}
	}
	t.Fatalf("choosing %v: no preference cookie in %q", choice, res.cookies())
	return ""
}

func (s *server) post(t testing.TB, form url.Values, cookies ...string) response {
	t.Helper()
	header := slices.Concat(sameOrigin, []string{"Origin: https://" + s.authority("https")})
	if len(cookies) > 0 {
		header = append(header, "Cookie: "+strings.Join(cookies, "; "))
	}
	return s.do(t, h1, request{method: http.MethodPost, path: preferencesPath, header: header, body: form.Encode()})
}

// visitor is someone in one state of consent.
type visitor struct {
	name       string
	preference string   // the preference cookie, "" where nothing was chosen
	allowed    []string // the Set-Cookie lines of the application that may pass
	deletes    bool     // refused cookies that the browser sends are deleted
}

// visitors makes one visitor in each state of consent under policy.
func (s *server) visitors(t testing.TB) []visitor {
	t.Helper()
	sameDay()
	necessary := []string{sessionCookie, csrfCookie}
	granted := s.choose(t, acceptAll)
	return []visitor{
		{name: "no choice", allowed: necessary},
		{name: "reject", preference: s.choose(t, rejectAll), allowed: necessary, deletes: true},
		{name: "accept", preference: granted, allowed: allCookies},
		{name: "statistics only", preference: s.choose(t, statisticsOnly), allowed: []string{sessionCookie, csrfCookie, statsCookie}, deletes: true},
		{name: "withdrawal", preference: s.choose(t, rejectAll, granted), allowed: necessary, deletes: true},
	}
}

// cookieLine is the Cookie header line of a visitor whose browser holds every
// cookie of the application, from before the choice.
func (v visitor) cookieLine() string {
	cookies := pairs(allCookies)
	if v.preference != "" {
		cookies = slices.Insert(cookies, 2, v.preference)
	}
	return "Cookie: " + strings.Join(cookies, "; ")
}

// refuses reports whether the visitor refused, or was not asked for, a cookie
// that a Set-Cookie line sets.
func (v visitor) refuses(line string) bool {
	return !slices.ContainsFunc(v.allowed, func(allowed string) bool { return nameOf(allowed) == nameOf(line) })
}

// isDeletion reports whether a browser that stores the line is left without the
// cookie and without its value: RFC 6265bis, section 5.6.
func isDeletion(line string) bool {
	_, value, _ := strings.Cut(pair(line), "=")
	if value != "" {
		return false
	}
	expires := ""
	for attribute := range strings.SplitSeq(line, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(attribute), "=")
		if strings.EqualFold(name, "Max-Age") {
			expires = value
		}
	}
	return expires == "0" || strings.HasPrefix(expires, "-")
}

// checkCookies checks the Set-Cookie lines that reached a visitor: exactly the
// allowed ones of those that the application sent, byte by byte and in order,
// and deletions only of what was refused.
func (v visitor) checkCookies(t *testing.T, got []string) {
	t.Helper()
	var kept, deleted []string
	for _, line := range got {
		if isDeletion(line) {
			deleted = append(deleted, line)
		} else {
			kept = append(kept, line)
		}
	}
	if !slices.Equal(kept, v.allowed) {
		t.Errorf("cookies set: %q, want %q", kept, v.allowed)
	}
	for _, line := range deleted {
		if !v.refuses(line) || !v.deletes {
			t.Errorf("%q deletes a cookie that was not refused", line)
		}
	}
}

// checkInsertion checks that got is the document with text inserted after its
// body tag and before its end, and nothing else changed.
func checkInsertion(t *testing.T, document, got string) {
	t.Helper()
	got = scriptTag.ReplaceAllString(got, "")
	tag := strings.Index(document, "<body")
	split := tag + strings.IndexByte(document[tag:], '>') + 1
	before, after := document[:split], document[split:]
	rest, ok := strings.CutPrefix(got, before)
	if !ok {
		t.Errorf("the document was changed before its body: %.300q", got)
		return
	}
	banner, form, ok := strings.Cut(rest, after)
	if !ok {
		t.Errorf("the document was changed after its body tag: %q", rest)
		return
	}
	if banner == "" && form == "" {
		t.Error("nothing was inserted")
	}
	if strings.Contains(form, bannerMark) || strings.Contains(form, settingsMark) {
		t.Error("the banner or the settings link is not at the start of the body")
	}
	if strings.Contains(banner, formMark) {
		t.Error("the banner's form is not at the end of the document")
	}
}

// scriptTag is what is inserted at the start of the head.
var scriptTag = regexp.MustCompile(`<script src="/\.cookie-consent/shim\.[0-9a-f]{8}\.js" data-state="[^"]*"(?: data-site="[^"]*")?></script>`)

// template is what the banner holds for scripts.
var template = regexp.MustCompile(`<template>.*?</template>`)

// Marks of what is inserted into a page.
const (
	bannerMark   = `id="cookie-consent"`
	formMark     = `id="cookie-consent-form"`
	settingsMark = `id="cookie-consent-settings"`
)

// checkBanner checks that a page asks a visitor who has not chosen, and offers
// the settings to one who has.
func (v visitor) checkBanner(t *testing.T, body string) {
	t.Helper()
	asked := v.preference == ""
	body = template.ReplaceAllString(body, "")
	if strings.Contains(body, bannerMark) != asked {
		t.Errorf("banner present: %t, want %t", !asked, asked)
	}
	if strings.Contains(body, formMark) != asked {
		t.Errorf("banner form present: %t, want %t", !asked, asked)
	}
	if strings.Contains(body, settingsMark) == asked {
		t.Errorf("settings link present: %t, want %t", asked, !asked)
	}
}
