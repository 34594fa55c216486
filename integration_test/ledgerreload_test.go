package integration_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
)

// Reloading under load with another store, or other options of the same one,
// loses no choice that was answered, and every chain verifies.
func TestReloadWithAnotherLedger(t *testing.T) {
	folder := t.TempDir()
	file := func(name string) string { return filepath.Join(folder, name+".db") }
	ledgers := []string{
		"sqlite " + file("one"),
		"sqlite " + file("two"),
		"sqlite " + file("one") + "\nretention 30d",
		"sqlite " + file("one") + " {\nmax_size 64MiB\n}\nretention 30d",
	}
	sites := quietSite("cookie_consent\nrespond ok")
	s := start(t, sites, "cookie_consent {\n"+ledgers[0]+"\n}")
	var mu sync.Mutex
	answered := map[string]bool{}
	var stop atomic.Bool
	var reloading reloads
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() {
			for !stop.Load() {
				before := reloading.steps()
				res, err := s.chooseHTTP("accept_all")
				if err != nil && reloading.since(before) {
					continue
				}
				found := download.FindStringSubmatch(res.body)
				if err != nil || res.status != http.StatusOK || found == nil {
					t.Errorf("status %d, %v", res.status, err)
					return
				}
				mu.Lock()
				answered[found[1]] = true
				mu.Unlock()
			}
		})
	}
	for round := range 12 {
		time.Sleep(150 * time.Millisecond)
		s.options = []string{"cookie_consent {\n" + ledgers[(round+1)%len(ledgers)] + "\n}"}
		if err := reloading.during(func() error { return s.load(sites) }); err != nil {
			t.Errorf("reloading: %v", err)
		}
	}
	stop.Store(true)
	load.Wait()
	total := len(answered)
	for _, name := range []string{"one", "two"} {
		all := records(t, file(name))
		t.Logf("%s: %d records", name, len(all))
		for _, r := range all {
			delete(answered, r.ID)
		}
	}
	if len(answered) > 0 || total == 0 {
		t.Errorf("%d of %d answered choices are in neither ledger", len(answered), total)
	}
	if log := s.logged(t); strings.Contains(log, "panic") || strings.Contains(log, "nothing can be recorded") {
		t.Error("the log tells of a panic, or of a ledger that cannot be written")
	}
}

// A choice that is being read when its configuration goes is recorded where that
// configuration says, although nothing else uses that ledger any more.
func TestChoiceOutlivesItsConfiguration(t *testing.T) {
	folder := t.TempDir()
	old := filepath.Join(folder, "old.db")
	sites := quietSite("cookie_consent\nrespond ok")
	s := start(t, sites, "cookie_consent {\nsqlite "+old+"\n}")
	conn, err := s.dial("http", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := url.Values{"choice": {"accept_all"}, "source": {"preferences"}}.Encode()
	req := request{method: http.MethodPost, path: preferencesPath, host: host, header: append(slices.Clone(sameOrigin), "Expect: 100-continue"), body: body}.bytes()
	io.WriteString(conn, req[:len(req)-5])
	answer := bufio.NewReader(conn)
	if status, _, err := readHead(answer); err != nil || status != http.StatusContinue { // the body is being read
		t.Fatalf("status %d, %v", status, err)
	}
	s.options = []string{"cookie_consent {\nsqlite " + filepath.Join(folder, "new.db") + "\n}"}
	if err := s.load(sites); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // what goes with the configuration has some time to
	io.WriteString(conn, req[len(req)-5:])
	res, err := readResponse(answer, http.MethodPost)
	found := download.FindStringSubmatch(res.body)
	if err != nil || res.status != http.StatusOK || found == nil {
		t.Fatalf("status %d, %v", res.status, err)
	}
	if all := records(t, old); len(all) != 1 || all[0].ID != found[1] {
		t.Errorf("records %+v, receipt %s", all, found[1])
	}
}

// One network can't fill the ledger: consents beyond the limit are not taken,
// refusals are honoured without a record, and others are not concerned.
func TestLimitOfChoices(t *testing.T) {
	const limit = 5
	s, path := withLedger(t, "choice_limit "+strconv.Itoa(limit), "servers {\ntrusted_proxies static 127.0.0.1\n}")
	from := func(address string, choice url.Values, cookies ...string) response {
		header := append(slices.Clone(sameOrigin), "X-Forwarded-For: "+address, "X-Forwarded-Proto: https")
		if len(cookies) > 0 {
			header = append(header, "Cookie: "+strings.Join(cookies, "; "))
		}
		return s.do(t, h1, request{method: http.MethodPost, path: preferencesPath, body: choice.Encode(), header: header})
	}
	// Networks that no test before has spoken for.
	network, otherNetwork := fmt.Sprintf("10.%d.%d.", rand.IntN(256), rand.IntN(256)), fmt.Sprintf("2001:db8:%x::1", rand.IntN(1<<16))
	begin := time.Now()
	// most is how many choices are within the limit, with those that became so
	// since the beginning.
	most := func() int { return limit + int(time.Since(begin).Minutes()*limit) }
	consents := 0
	for ; ; consents++ {
		res := from(network+strconv.Itoa(consents%256), acceptAll)
		if res.status == http.StatusTooManyRequests {
			if len(res.cookies()) > 0 || res.header.Get("Retry-After") == "" || !strings.Contains(res.body, "Too many choices") {
				t.Errorf("consent %d: %v %s", consents, res.header, res.body)
			}
			break
		}
		if res.status != http.StatusOK || len(res.cookies()) != 1 || consents >= most() {
			t.Fatalf("consent %d: status %d, cookies %q", consents, res.status, res.cookies())
		}
	}
	if consents < limit {
		t.Errorf("%d consents are within the limit", consents)
	}
	const refusals = 7
	for i := range refusals {
		if res := from(network+"200", rejectAll); res.status != http.StatusOK || len(res.cookies()) != 1 {
			t.Errorf("refusal %d: status %d, cookies %q", i, res.status, res.cookies())
		}
	}
	if n := len(records(t, path)) - consents; n < limit || n > min(most(), refusals) {
		t.Errorf("%d refusals are recorded", n)
	}
	for range 7 {
		if res := from("127.0.0.1", acceptAll); res.status != http.StatusOK {
			t.Errorf("this machine: status %d", res.status)
		}
	}
	if res := from(otherNetwork, acceptAll); res.status != http.StatusOK {
		t.Errorf("another network: status %d", res.status)
	}

	// What a mixed choice takes away is taken away, although it is beyond the limit.
	granted := s.choose(t, acceptAll)
	form := url.Values{"choice": {"save"}, "category": {"statistics"}}
	var res response
	for range most() + 1 { // what became possible meanwhile is taken first
		if res = from(network+"9", form, granted, pair(adsCookie)); res.status == http.StatusTooManyRequests {
			break
		}
	}
	if res.status != http.StatusTooManyRequests || len(res.cookies()) == 0 || nameOf(res.cookies()[0]) != preferenceCookie {
		t.Fatalf("status %d, cookies %q", res.status, res.cookies())
	}
	state := s.get(t, prefix+"state.json", "Cookie: "+pair(res.cookies()[0])).body
	for _, want := range []string{`"statistics": "granted"`, `"first_party": "refused"`, `"third_party": "refused"`, `"matomo": "granted"`} {
		if !strings.Contains(state, want) {
			t.Errorf("no %s in %s", want, state)
		}
	}
	if !slices.ContainsFunc(res.cookies(), func(line string) bool { return nameOf(line) == "adsid" && isDeletion(line) }) {
		t.Errorf("the refused cookie is not deleted: %q", res.cookies())
	}
}

// recordedEvents are the events that the handler of this test got.
var recordedEvents = make(chan map[string]any, 100)

type eventCollector struct{}

func init() { caddy.RegisterModule(eventCollector{}) }

func (eventCollector) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "events.handlers.collect_in_test", New: func() caddy.Module { return new(eventCollector) }}
}

func (*eventCollector) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }

func (*eventCollector) Handle(_ context.Context, e caddy.Event) error {
	recordedEvents <- e.Data
	return nil
}

var _ caddyevents.Handler = (*eventCollector)(nil)

// The site has no certificate: Caddy may tell of one that it obtained while the
// subscribers to events are still being noted, without a lock.
func TestEventOfARecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "consent.db")
	s := start(t, siteFor("http://"+host, policy+"reverse_proxy "+statusApplication(t).addr),
		"events {\non cookie_consent_recorded collect_in_test\n}", "cookie_consent {\nsqlite "+path+"\n}")
	res := s.do(t, h1, request{scheme: "http", method: http.MethodPost, path: preferencesPath, header: sameOrigin, body: statisticsOnly.Encode()})
	if res.status != http.StatusOK {
		t.Fatalf("status %d: %s", res.status, res.body)
	}
	select {
	case data := <-recordedEvents:
		r := records(t, path)[0]
		if data["id"] != r.ID || data["method"] != "save" || data["site"] != host || fmt.Sprint(data["categories"]) != "map[first_party:refused statistics:given third_party:refused]" {
			t.Errorf("event %v", data)
		}
	default:
		t.Error("no event")
	}
}

// The head is logged when the ledger opens, with what verify needs.
func TestHeadIsLogged(t *testing.T) {
	s, path := withLedger(t, "")
	s.choose(t, acceptAll)
	logged := eventually(func() bool { return strings.Contains(s.logged(t), "head of the ledger") })
	log := s.logged(t)
	if !logged || !strings.Contains(log, "the ledger is open") || strings.Contains(log, path) == false {
		t.Errorf("log: %s", log)
	}
}
