package integration_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Reloading the configuration under load loses no request and lets nothing
// through: every page that arrives is whole and filtered.
func TestReloadUnderLoad(t *testing.T) {
	app := statusApplication(t)
	sites := []string{
		site("encode\n" + policy + "reverse_proxy " + app.addr),
		site("encode\n" + strings.Replace(policy, "{\n", "{\n\t\tcontroller \"The portal\"\n", 1) + "reverse_proxy " + app.addr),
	}
	s := start(t, sites[0], "grace_period 1m") // Caddy ends HTTP/3 after that
	visitors := s.visitors(t)

	var stop atomic.Bool
	var reloading reloads
	var served, refused atomic.Int64
	var clients sync.WaitGroup
	for i, v := range visitors {
		for _, protocol := range protocols {
			clients.Go(func() {
				for !stop.Load() {
					before := reloading.steps()
					res, err := s.try(protocol, request{path: "/", header: append([]string{v.cookieLine()}, navigation...)})
					if err != nil && reloading.since(before) {
						refused.Add(1)
						continue
					}
					if err != nil || res.err != nil {
						t.Errorf("%s over %s: %v, %v", v.name, protocol, err, res.err)
						return
					}
					v.checkCookies(t, res.cookies())
					v.checkBanner(t, res.body)
					checkInsertion(t, page, res.body)
					if t.Failed() {
						return
					}
					served.Add(1)
					time.Sleep(time.Duration(i) * time.Millisecond)
				}
			})
		}
	}
	for round := range 8 {
		time.Sleep(250 * time.Millisecond)
		if err := reloading.during(func() error { return s.load(sites[(round+1)%len(sites)]) }); err != nil {
			t.Errorf("reloading: %v", err)
		}
		if err := s.load(site("cookie_consent {\n\tcookie x {\n\t\tcategory nothing\n\t}\n}")); err == nil {
			t.Error("a configuration with an unknown category was loaded")
		}
	}
	stop.Store(true)
	clients.Wait()
	if strings.Contains(s.logged(t), "panic") {
		t.Error("the log tells of a panic")
	}
	if served.Load() <= refused.Load() {
		t.Errorf("only %d pages during 8 reloads, and %d connections that were closed", served.Load(), refused.Load())
	}
	t.Logf("%d pages during 8 reloads", served.Load())
}

// reloads tells which requests a reload may have cost their connection. Caddy closes
// those on which nothing has happened yet when it reloads, with or without the
// directive; clients then ask again, on a new one.
type reloads struct{ n atomic.Int64 } // odd during one

func (r *reloads) during(load func() error) error {
	r.n.Add(1)
	defer r.n.Add(1)
	return load()
}

func (r *reloads) steps() int64 { return r.n.Load() }

// since reports whether Caddy was reloading at any time since then.
func (r *reloads) since(steps int64) bool { return steps%2 == 1 || r.n.Load() != steps }

// A request that is being answered when its configuration goes is answered to
// its end.
func TestReloadDuringAResponse(t *testing.T) {
	backend := newLockstep(t, "Content-Type: text/html\r\n", []string{"<!DOCTYPE html><body><p>first</p>", "<p>second</p>", "</body>"})
	sites := site(policy + "reverse_proxy " + backend.addr)
	for _, protocol := range []string{h1, h2} {
		s := start(t, sites)
		st := s.open(t, protocol, request{path: "/", header: navigation})
		first, err := st.readUntil("first</p>")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.load(strings.Replace(sites, "{\n", "{\n\t# changed\n\theader X-Reloaded yes\n", 1)); err != nil {
			t.Fatal(err)
		}
		backend.next <- struct{}{}
		rest := backend.follow(t, st, []string{"second</p>"})
		checkInsertion(t, "<!DOCTYPE html><body><p>first</p><p>second</p></body>", first+rest)
	}
}

// A choice outlives reloads and restarts with the same storage, and is asked
// for again when what the visitor agreed to has changed.
func TestChoiceOutlivesRestarts(t *testing.T) {
	app := statusApplication(t)
	sites := site(policy + "reverse_proxy " + app.addr)
	s := start(t, sites)
	granted := s.choose(t, acceptAll)
	asked := func(why string, want bool) {
		t.Helper()
		if got := strings.Contains(s.get(t, "/", "Cookie: "+granted).body, bannerMark); got != want {
			t.Errorf("%s: asked %t, want %t", why, got, want)
		}
	}
	reload := func(old, replacement string) {
		t.Helper()
		if err := s.load(strings.Replace(sites, old, replacement, 1)); err != nil {
			t.Fatal(err)
		}
		s.awaitCertificate(t, host)
	}
	asked("unchanged", false)
	reload("cookie_consent {", "cookie_consent {\n\t\tcontroller Someone")
	asked("another controller", false)
	reload(`purpose "Counts visits"`, `purpose "Counts visits and draws heat maps"`)
	asked("another purpose", true)
	reload("cookies _pk_*", "cookies _pk_* _hj*")
	asked("more cookies", true)
	reload("cookie_consent {", "cookie_consent {\n\t\trevision 2")
	asked("a raised revision", true)
	reload("", "")
	asked("back again", false)
}
