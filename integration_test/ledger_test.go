package integration_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger/sqlite"
)

// withLedger runs the stand-in application behind the directive, with a ledger
// of its own, and returns the path of that.
func withLedger(t testing.TB, options string, further ...string) (*server, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "consent.db")
	global := fmt.Sprintf("cookie_consent {\nsqlite %s\n%s\n}", path, options)
	return start(t, site(policy+"reverse_proxy "+statusApplication(t).addr), append(further, global)...), path
}

// records reads a ledger, which has to verify.
func records(t testing.TB, path string) []ledger.Record {
	t.Helper()
	reader, err := sqlite.OpenReader(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := ledger.Verify(t.Context(), reader, nil, nil, func(f ledger.Finding) { t.Error(f) }, nil); err != nil {
		t.Fatal(err)
	}
	chains, err := reader.Chains(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []ledger.Record
	for entry, err := range reader.Entries(t.Context(), chains[0].ID, 0, chains[0].Last) {
		if err != nil {
			t.Fatal(err)
		}
		var r ledger.Record
		if err := json.Unmarshal(entry.Body, &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// When the answer is there, so is the record: what was chosen, and nothing of
// who chose.
func TestEveryChoiceIsRecorded(t *testing.T) {
	s, path := withLedger(t, "")
	begin := time.Now()
	var want []string
	expect := func(method string, states string) {
		t.Helper()
		want = append(want, method+" "+states)
		var got []string
		for _, r := range records(t, path) {
			got = append(got, fmt.Sprintf("%s %s,%s,%s,%s", r.Method, r.Categories["statistics"], r.Categories["first_party"], r.Categories["third_party"], r.Services["matomo"]))
		}
		if !slices.Equal(got, want) {
			t.Errorf("records %q, want %q", got, want)
		}
	}
	granted := s.choose(t, acceptAll)
	expect("accept_all", "given,given,given,given")
	s.choose(t, rejectAll)
	expect("reject_all", "refused,refused,refused,refused")
	statistics := s.choose(t, statisticsOnly, granted)
	expect("save", "given,withdrawn,withdrawn,given")
	s.choose(t, url.Values{"choice": {"save"}}, statistics)
	expect("withdraw", "withdrawn,refused,refused,withdrawn")
	s.choose(t, rejectAll, granted)
	expect("withdraw", "withdrawn,withdrawn,withdrawn,withdrawn")
	s.choose(t, url.Values{"choice": {"save"}, "service": {"matomo"}, "language": {"de"}, "source": {"preferences"}})
	expect("save", "refused,refused,refused,given")

	all := records(t, path)
	for i, r := range all {
		if r.Site != host || len(r.Policy) != 12 || r.GPC || r.Days != 182 || r.Version == "" || r.Time.Before(begin.Add(-time.Second)) || r.Time.After(time.Now()) {
			t.Errorf("record %+v", r)
		}
		if i > 0 && (r.ID <= all[i-1].ID || r.Policy != all[0].Policy) {
			t.Errorf("record %d has the id %s after %s, the policy %s after %s", i, r.ID, all[i-1].ID, r.Policy, all[0].Policy)
		}
	}
	if last := all[len(all)-1]; last.Language != "de" || last.Source != "preferences" || all[0].Language != "en" || all[0].Source != "banner" {
		t.Errorf("language %q, source %q", last.Language, last.Source)
	}
}

// A choice that is not taken leaves no record.
func TestWhatIsNotRecorded(t *testing.T) {
	s, path := withLedger(t, "")
	s.choose(t, rejectAll)
	s.post(t, url.Values{"choice": {"nothing"}})
	s.do(t, h1, request{method: http.MethodPost, path: preferencesPath, header: []string{"Sec-Fetch-Site: cross-site", "Content-Type: application/x-www-form-urlencoded"}, body: acceptAll.Encode()})
	if n := len(records(t, path)); n != 1 {
		t.Errorf("%d records, want 1", n)
	}
}

// A page view does not touch the ledger: whatever did would find that its file is
// gone, and make another, as the next choice does.
func TestPageViewsTouchNoLedger(t *testing.T) {
	s, path := withLedger(t, "")
	granted := s.choose(t, acceptAll)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+suffix, path+".moved"+suffix); err != nil {
			t.Fatal(err)
		}
	}
	for _, cookies := range [][]string{nil, {"Cookie: " + granted}} {
		for _, page := range []string{"/", prefix, prefix + "state.json", prefix + "declaration.json"} {
			if res := s.get(t, page, cookies...); res.status != http.StatusOK {
				t.Errorf("%s: status %d", page, res.status)
			}
		}
	}
	if left, _ := filepath.Glob(path + "*"); len(left) == 0 || slices.Contains(left, path) {
		t.Errorf("page views left %q", left)
	}
	if n := len(records(t, path+".moved")); n != 1 {
		t.Errorf("%d records, want 1", n)
	}
	s.choose(t, acceptAll)
	if n := len(records(t, path)); n != 1 {
		t.Errorf("%d records in a new file, want 1", n)
	}
}

func TestRecordedGPC(t *testing.T) {
	s, path := withLedger(t, "")
	s.do(t, h1, request{method: http.MethodPost, path: preferencesPath, header: append(slices.Clone(sameOrigin), "Sec-GPC: 1"), body: acceptAll.Encode()})
	r := records(t, path)
	if len(r) != 1 || !r[0].GPC || r[0].Categories["third_party"] != ledger.Given {
		t.Errorf("records %+v", r)
	}
}

// What visitors saw is kept once for each policy and language, as it was.
func TestWhatWasShown(t *testing.T) {
	app := statusApplication(t)
	path := filepath.Join(t.TempDir(), "consent.db")
	sites := site(policy + "reverse_proxy " + app.addr)
	s := start(t, sites, "cookie_consent {\nsqlite "+path+"\n}")
	inGerman := url.Values{"choice": {"accept_all"}, "language": {"de"}}
	for range 3 {
		s.choose(t, acceptAll)
		s.choose(t, inGerman)
	}
	if err := s.load(strings.Replace(sites, "cookie_consent {", "cookie_consent {\n\t\tcontroller \"The portal\"", 1)); err != nil {
		t.Fatal(err)
	}
	s.awaitCertificate(t, host)
	s.choose(t, acceptAll)

	reader, err := sqlite.OpenReader(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	documents := map[ledger.Digest]ledger.ShownDocument{}
	for shown, err := range reader.Shown(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var document ledger.ShownDocument
		if err := json.Unmarshal(shown.Document, &document); err != nil {
			t.Fatal(err)
		}
		documents[shown.Digest] = document
	}
	if len(documents) != 3 {
		t.Fatalf("%d documents, want 3", len(documents))
	}
	all := records(t, path)
	page := s.get(t, "/").body
	for i, r := range all {
		document, ok := documents[r.Shown]
		if !ok || document.Language != r.Language || document.Policy != r.Policy {
			t.Errorf("record %d: %s was not shown", i, r.Shown)
		}
		for _, text := range []string{`id="cookie-consent"`, `value="reject_all"`, `value="accept_all"`} {
			if !strings.Contains(document.Banner, text) {
				t.Errorf("no %s in the banner", text)
			}
		}
		if !strings.Contains(document.Page, "Counts visits") || !strings.Contains(string(document.Declaration), "Counts visits") || len(document.Styles) != 2 {
			t.Error("the page, the declaration or the style sheets are not whole")
		}
	}
	last := documents[all[len(all)-1].Shown]
	if !strings.Contains(string(last.Declaration), "The portal") || all[0].Shown == all[6].Shown || all[0].Policy != all[6].Policy {
		t.Error("another controller is not another thing that was shown")
	}
	start, _, _ := strings.Cut(last.Banner, `<input type="hidden"`)
	if !strings.Contains(page, start) {
		t.Error("what is kept is not what is shown")
	}
}

var download = regexp.MustCompile(`<a download="consent-([0-9a-f-]+)\.json" href="data:application/json;base64,([A-Za-z0-9+/=]+)">`)

// The preferences page answers with a receipt; the banner leads back.
func TestReceipt(t *testing.T) {
	s, path := withLedger(t, "")
	if res := s.post(t, url.Values{"choice": {"accept_all"}, "return_to": {"/x"}}); res.status != http.StatusSeeOther {
		t.Errorf("from the banner: status %d", res.status)
	}
	form := url.Values{"choice": {"save"}, "category": {"statistics"}, "return_to": {"/x"}, "language": {"en"}, "source": {"preferences"}}
	res := s.post(t, form)
	found := download.FindStringSubmatch(res.body)
	if res.status != http.StatusOK || found == nil {
		t.Fatalf("status %d: %s", res.status, res.body)
	}
	if len(res.cookies()) != 1 || strings.Contains(strings.Join(res.cookies(), ""), found[1]) {
		t.Errorf("cookies %q", res.cookies())
	}
	document, err := base64.StdEncoding.DecodeString(found[2])
	if err != nil {
		t.Fatal(err)
	}
	var receipt ledger.Exported
	if err := json.Unmarshal(document, &receipt); err != nil {
		t.Fatal(err)
	}
	all := records(t, path)
	r := all[len(all)-1]
	if r.ID != found[1] || receipt.Record.RecordID != r.ID || receipt.Record.PIIPrincipalID != r.ID || receipt.Proof.Sequence != 2 || receipt.Events[0].State != ledger.Given || !receipt.Events[0].EventTime.Equal(r.Time) {
		t.Errorf("receipt %s of record %+v", document, r)
	}
	if !strings.Contains(res.body, "<code>"+r.ID+"</code>") || !strings.Contains(res.body, "UTC</time>") {
		t.Error("the receipt cannot be read on the page")
	}
	if strings.Contains(s.get(t, prefix, "Cookie: "+pair(res.cookies()[0])).body, r.ID) {
		t.Error("the page shows the receipt to whoever comes later")
	}
}

// While a policy is only observed, nobody is asked, but who finds the preferences
// page can choose. The choice counts from when the policy is enforced, so that it
// has to be proved like any other.
func TestChoicesWhileObserving(t *testing.T) {
	observing := strings.Replace(policy, "{\n", "{\n\t\tmode observe\n", 1)
	app := statusApplication(t)
	path := filepath.Join(t.TempDir(), "consent.db")
	s := start(t, site(observing+"reverse_proxy "+app.addr), "cookie_consent {\nsqlite "+path+"\n}")
	if res := s.get(t, "/"); strings.Contains(res.body, bannerMark) || len(res.cookies()) != len(allCookies) {
		t.Errorf("cookies %q, body %q", res.cookies(), res.body)
	}
	if n := len(records(t, path)); n != 0 {
		t.Errorf("%d records before any choice", n)
	}
	chosen := url.Values{"choice": {"save"}, "category": {"statistics"}, "source": {"preferences"}}
	res := s.post(t, chosen, pairs(allCookies)...)
	all := records(t, path)
	if len(all) != 1 || all[0].Source != "preferences" || all[0].Categories["statistics"] != ledger.Given || all[0].Categories["third_party"] != ledger.Refused || !strings.Contains(res.body, all[0].ID) {
		t.Fatalf("records %+v, status %d", all, res.status)
	}
	if len(res.cookies()) != 1 || nameOf(res.cookies()[0]) != preferenceCookie {
		t.Errorf("observing, the choice sets the cookies %q", res.cookies())
	}
	preference := "Cookie: " + pair(res.cookies()[0])
	if res := s.get(t, "/", preference); len(res.cookies()) != len(allCookies) {
		t.Errorf("observing, the choice has the effect %q", res.cookies())
	}

	if err := s.load(site(policy + "reverse_proxy " + app.addr)); err != nil {
		t.Fatal(err)
	}
	s.awaitCertificate(t, host)
	if res := s.get(t, "/", preference); strings.Contains(res.body, bannerMark) || !slices.Equal(res.cookies(), []string{sessionCookie, csrfCookie, statsCookie}) {
		t.Errorf("enforcing, the choice has the effect %q", res.cookies())
	}
}

func TestLedgerOff(t *testing.T) {
	s := start(t, site(policy+"reverse_proxy "+statusApplication(t).addr), "cookie_consent {\nledger off\n}")
	if s.choose(t, acceptAll) == "" {
		t.Error("no choice")
	}
	res := s.post(t, url.Values{"choice": {"accept_all"}, "source": {"preferences"}})
	if res.status != http.StatusOK || download.MatchString(res.body) {
		t.Errorf("status %d: %s", res.status, res.body)
	}
}
