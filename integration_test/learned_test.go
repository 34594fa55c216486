package integration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// How a cookie was set is learned when it passes, so that the first page after a
// withdrawal deletes cookies that lie so deep among what is possible that no response
// has room for all before them. Their application forbids style sheets, and with them
// what deletes the rest, and the configuration changes in between.
func TestWithdrawalDeletesWhatWasSeenFirst(t *testing.T) {
	const folder = "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z"
	ways := []string{
		"%[1]s=v; Domain=www.example.test; Path=%[2]s; SameSite=None; Secure; Partitioned",
		"%[1]s=v; Domain=example.test; Path=%[2]s/; SameSite=None; Secure; Partitioned; HttpOnly",
		"%[1]s=v; Path=%[2]s/; Max-Age=99999; Expires=Wed, 09 Jun 2027 10:18:14 GMT",
		"%[1]s=v; Domain=www.example.test; Path=%[2]s",
	}
	s, plain, app := deletionSite(t, `header Content-Security-Policy "style-src 'none'"`)
	for _, test := range []struct {
		name    string
		through *server // what the cookies are set through
		seen    bool
	}{
		{"seen", s, true},
		{"unseen", plain, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := openBrowser(t)
			var lines []string
			for i := range 12 {
				lines = append(lines, fmt.Sprintf(ways[i%len(ways)], fmt.Sprint(test.name, i), folder[:2*(17+i%5)]))
			}
			b.open(s.url(folder + "/page"))
			b.press(acceptButton)
			plant(t, b, test.through, folder, lines)
			if got := b.names(); len(got) != len(lines)+1 {
				t.Fatalf("the jar holds %q of %q", got, lines)
			}
			if err := s.load(strings.Replace(s.sites, "cookie_consent {", "cookie_consent {\n\t\tcontroller "+test.name, 1)); err != nil {
				t.Fatal(err)
			}
			b.keep(s.choose(t, rejectAll)) // on no page, which would begin to delete
			app.requests()
			b.open(s.url(folder + "/page?next"))
			checkWithheld(t, app)
			left := slices.DeleteFunc(b.names(), func(name string) bool { return name == "sessionid" })
			if test.seen && len(left) > 0 {
				t.Errorf("after the first page the jar still holds %q", left)
			}
			if !test.seen && len(left) < len(lines)/2 {
				t.Errorf("of cookies that were never seen only %q are left: the case is too easy", left)
			}
		})
	}
}
