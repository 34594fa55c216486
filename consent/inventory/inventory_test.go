package inventory

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

var start = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

const host = "www.example.test"

// found returns a cookie or host of the snapshot's only site.
func found(t testing.TB, s *Snapshot, name string) (c Cookie, h Host) {
	t.Helper()
	if len(s.Sites) != 1 || s.Sites[0].Host != host {
		t.Fatalf("sites %+v", s.Sites)
	}
	for _, c := range s.Sites[0].Cookies {
		if c.Name == name {
			return c, h
		}
	}
	for _, h := range s.Sites[0].Hosts {
		if h.Host == name {
			return c, h
		}
	}
	t.Fatalf("no %q in %+v", name, s.Sites[0])
	return c, h
}

func TestWhatIsNoted(t *testing.T) {
	inv := New(nil)
	at := func(path string, after time.Duration) *Visit {
		v := inv.On(host, path, start.Add(after))
		return &v
	}
	at("/login?next=/a", 0).Set("sid", "; Path=/; HttpOnly; Secure; SameSite=Lax")
	at("/users/alice", time.Minute).Set("sid", "; Path=/app; Domain=.Example.test; Max-Age=86400")
	at("/logout", 2*time.Minute).Set("sid", "; Max-Age=0")
	at("/", 2*time.Minute).Set("gone", "; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
	for i := range 5 {
		at("/", time.Hour+time.Duration(i)).Sent("sid")
		at("/", time.Hour+time.Duration(i)).Sent("_tracker")
	}
	at("/", time.Hour).Host(Markup, "cdn.example.net")
	at("/a", time.Hour).Host(Link, "cdn.example.net")
	at("/a", time.Hour).Host(Report, "x.example.org")
	at("/a", time.Hour).Host(Report, "not a host")

	s := inv.Snapshot()
	c, _ := found(t, s, "sid")
	want := Cookie{
		Name: "sid", Set: 2, Sent: 5, Domain: "example.test", Path: "/app", Lifetime: consent.Lifetime{Duration: 24 * time.Hour},
		Seen: Seen{First: start, Last: start.Add(time.Hour), Paths: []string{"/login", "/users/*", "/"}},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	if c, _ := found(t, s, "_tracker"); !c.Script() || c.Sent != 5 {
		t.Errorf("%+v", c)
	}
	if _, h := found(t, s, "cdn.example.net"); h.Markup != 1 || h.Link != 1 || h.Report != 0 || len(h.Paths) != 2 {
		t.Errorf("%+v", h)
	}
	if n := len(s.Sites[0].Cookies) + len(s.Sites[0].Hosts); n != 4 {
		t.Errorf("%d things noted: %+v", n, s.Sites[0])
	}
	var none Visit
	none.Set("a", "")
	none.Sent("a")
	none.Host(Link, "a")
	if none.Sample() {
		t.Error("the zero value samples")
	}
}

// Lines that differ in the time of day of Expires are one, and their lifetime is that
// which they ask for; a deletion is none of them.
func TestExpires(t *testing.T) {
	inv := New(nil)
	for i := range 100 {
		now := start.Add(time.Duration(i) * time.Second)
		v := inv.On(host, "/", now)
		v.Set("a", "; path=/; Expires="+now.Add(time.Hour).Format("Mon, 02 Jan 2006 15:04:05 GMT")+"; HttpOnly")
		v.Set("a", "; expires=Thu, 01 Jan 1970 00:00:00 GMT")
	}
	c, _ := found(t, inv.Snapshot(), "a")
	if c.Set != 100 || !c.HTTPOnly || c.Lifetime.Duration != time.Hour {
		t.Errorf("%+v", c)
	}
	used := 0
	for i := range inv.recent {
		if inv.recent[i].Load() != nil {
			used++
		}
	}
	if used != 2 {
		t.Errorf("%d different lines", used)
	}
}

// A visitor's own name for a cookie tells nobody anything, and fills nothing.
func TestNamesOfVisitors(t *testing.T) {
	inv := New(nil)
	letters := func(i int) string {
		var b strings.Builder
		for ; i > 0; i /= 26 {
			b.WriteByte(byte('a' + i%26))
		}
		return b.String()
	}
	for i := range 5000 {
		v := inv.On(host, "/", start)
		v.Sent(fmt.Sprintf("basket_%d", 1000+i))
		v.Sent("likes_" + letters(17576+i))
		v.Sent(letters(456976 + i)) // nothing that could be told from a word
		v.Host(Report, letters(456976+i)+".example.net")
	}
	v := inv.On(host, "/", start)
	v.Set("sessionid", "")
	v.Host(Markup, "cdn.example.org")
	s := inv.Snapshot()
	if c, _ := found(t, s, "basket_<digit:4-64>"); c.Sent != 5000 {
		t.Errorf("%+v", c)
	}
	if c, _ := found(t, s, "likes_*"); c.Sent != 5000 {
		t.Errorf("%+v", c)
	}
	if _, h := found(t, s, "*.example.net"); h.Report != 5000 {
		t.Errorf("%+v", h)
	}
	// What the application shows has room.
	found(t, s, "sessionid")
	found(t, s, "cdn.example.org")
	if n := len(s.Sites[0].Cookies); n != room[sentCookies]+1 || s.Sites[0].Unlisted < 4000 {
		t.Errorf("%d names, %d without room", n, s.Sites[0].Unlisted)
	}
}

// What was rare and is gone makes room for what is there.
func TestRoom(t *testing.T) {
	inv := New(nil)
	word := func(i int) string { return "w" + strings.Repeat("x", i) + "q" }
	fill := func(now time.Time) {
		v := inv.On(host, "/", now)
		for range 3 {
			v.Sent("steady")
		}
		for i := range room[sentCookies] {
			v.Sent(word(i%90) + strings.Repeat("y", i/90))
		}
	}
	fill(start)
	has := func(name string) bool {
		for _, c := range inv.Snapshot().Sites[0].Cookies {
			if c.Name == name {
				return true
			}
		}
		return false
	}
	late := func(after time.Duration, name string) {
		v := inv.On(host, "/", start.Add(after))
		v.Sent(name)
	}
	if late(30*time.Minute, "late"); has("late") {
		t.Error("something that was seen just before made room")
	}
	late(50*time.Minute, "steady")
	late(90*time.Minute, "late")
	if !has("late") || !has("steady") {
		t.Error("there is no room for what is new")
	}
	// Sightings of what had to go are not lost on a record that nobody looks at.
	late(91*time.Minute, word(3))
	late(91*time.Minute+time.Second, word(3))
	for _, c := range inv.Snapshot().Sites[0].Cookies {
		if c.Last.After(start.Add(time.Hour)) && c.Name != "late" && c.Name != word(3) {
			t.Errorf("%+v", c)
		}
	}
}

func TestSites(t *testing.T) {
	inv := New(nil)
	for i := range 500 {
		v := inv.On(fmt.Sprintf("h%c%c.example", 'a'+i/26, 'a'+i%26), "/", start)
		v.Set("a", "")
	}
	for _, wrong := range []string{"", "bad host\n", "a:b:\"c", "fe80::1%eth0", strings.Repeat("a", 300)} {
		v := inv.On(wrong, "/", start)
		v.Set("b", "")
	}
	s := inv.Snapshot()
	if len(s.Sites) != maxSites+1 || s.Sites[0].Host != Others || len(s.Sites[0].Cookies) != 2 {
		t.Errorf("%d sites, %+v", len(s.Sites), s.Sites[0])
	}
	v := inv.On("late.example", "/", start.Add(2*time.Hour))
	v.Set("a", "")
	if s := inv.Snapshot(); len(s.Sites) != maxSites+1 {
		t.Errorf("%d sites", len(s.Sites))
	}
}

// Hosts of sites are kept as they are.
func TestSiteHosts(t *testing.T) {
	for _, host := range []string{"x7f3q9k2.example.com", "localhost", "203.0.113.7", "2001:db8::1"} {
		inv := New(nil)
		v := inv.On(host, "/", start)
		v.Set("a", "")
		if s := inv.Snapshot(); s.Sites[0].Host != host {
			t.Errorf("%s became %s", host, s.Sites[0].Host)
		}
	}
}

// Whatever is noted can be read again.
func FuzzNote(f *testing.F) {
	f.Add("www.example.test", "/users/alice?x", "sid", "; Path=/a; Domain=.example.test; SameSite=None", "cdn.example.net")
	f.Add("a:b:\"c", "*", "x{$HOME}", "; Path=\"/`; Domain={}", "*.x")
	f.Fuzz(func(t *testing.T, site, path, name, attributes, other string) {
		inv := New(nil)
		v := inv.On(site, path, start)
		v.Set(name, attributes)
		v.Sent(name)
		v.Host(Markup, other)
		if wrong, ok := inv.Snapshot().findWrong(); ok {
			t.Errorf("%q is noted", wrong)
		}
	})
}

// The bound on the memory holds against somebody who sets out to fill it.
func TestMemory(t *testing.T) {
	memory := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := memory()
	inv := New(nil)
	for site := range maxSites + 10 {
		for i := range 2 * room[pageHosts] {
			long := strings.Repeat(string(rune('a'+i%26)), 20+i/26)
			v := inv.On(fmt.Sprintf("%c%c.example", 'a'+site/26, 'a'+site%26), "/"+long[:20]+"/"+long[:20]+"/"+long[:20], start)
			v.Set(long, "; Domain=example; Path=/"+long)
			v.Sent("x" + long)
			v.Host(Markup, long+".m.example.x"+long[:20])
			v.Host(Report, long+".r.example.x"+long[:20])
		}
	}
	used := memory() - before
	t.Logf("%d KiB", used>>10)
	if used > 40<<20 {
		t.Errorf("%d MiB are used", used>>20)
	}
	runtime.KeepAlive(inv)
}

func TestSample(t *testing.T) {
	inv := New(nil)
	sample := func(path string, after time.Duration) bool {
		v := inv.On(host, path, start.Add(after))
		return v.Sample()
	}
	for _, step := range []struct {
		path  string
		after time.Duration
		want  bool
	}{
		{"/", 0, true},
		{"/", 999 * time.Millisecond, false},
		{"/", 1001 * time.Millisecond, true},
		{"/a", 1002 * time.Millisecond, false},
		{"/", 9 * time.Minute, true},
		{"/", 11 * time.Minute, false},      // nothing new for ten minutes
		{"/b/1234", 11 * time.Minute, true}, // but this one
		{"/b/4321", 12 * time.Minute, false},
	} {
		if got := sample(step.path, step.after); got != step.want {
			t.Errorf("%s after %s: %t", step.path, step.after, got)
		}
	}
	v := inv.On(host, "/", start.Add(20*time.Minute))
	v.Sent("new")
	if !sample("/", 21*time.Minute) {
		t.Error("nothing is read although there is something new")
	}
}

// Nothing is lost or counted twice where many note at the same time, and the writer of
// the file looks at it.
func TestConcurrency(t *testing.T) {
	inv := New(nil)
	const goroutines, rounds = 16, 500
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := range rounds {
				v := inv.On(host, "/", start.Add(time.Duration(i)*time.Second))
				v.Sent("a")
				v.Set("b", "; HttpOnly")
				v.Sent(fmt.Sprintf("r%d_%d", g, i))
				v.Sample()
				if i%100 == 0 {
					inv.Snapshot()
				}
			}
		})
	}
	all.Wait()
	s := inv.Snapshot()
	a, _ := found(t, s, "a")
	b, _ := found(t, s, "b")
	if a.Sent != goroutines*rounds || b.Set != goroutines*rounds {
		t.Errorf("%+v, %+v", a, b)
	}
}
