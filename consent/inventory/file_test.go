package inventory

import (
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// Two processes that have the same file lose nothing of what the other saw.
func TestFileOfTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "inventory.json")
	open := func() *File { return NewFile(path, nil, slog.New(slog.DiscardHandler)) }
	now := time.Now()
	note := func(f *File, cookie string, n int) {
		v := f.On(host, "/"+cookie, now)
		for range n {
			v.Set(cookie, "")
			v.Host(Markup, cookie+".example.net")
			v.Keep(Dropped, "statistics", 1)
			v.Choice("accept_all", "en")
		}
	}
	first := open()
	note(first, "before", 5)
	first.Begin()
	first.write()
	second := open()
	second.Begin()
	for range 3 { // what both have is counted once
		note(first, "one", 1)
		note(second, "two", 2)
		first.write()
		second.write()
		first.write()
	}
	for _, f := range []*File{second, first} {
		note(f, "last", 1)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]uint64{"before": 5, "one": 3, "two": 6, "last": 1} {
		c, _ := found(t, s, name)
		_, h := found(t, s, name+".example.net")
		if c.Set != want || h.Markup != want {
			t.Errorf("%s was seen %d times, its host %d times; want %d", name, c.Set, h.Markup, want)
		}
	}
	// Of what both counted on one day, the larger count is kept.
	if days := s.Sites[0].Days; len(days) != 1 || days[0].Blocked["statistics"].Dropped < 11 || days[0].Blocked["statistics"].Dropped > 15 ||
		days[0].Choices["accept_all"]["en"] != days[0].Blocked["statistics"].Dropped {
		t.Errorf("the days are %+v", days)
	}
	if rest, _ := filepath.Glob(path + ".*"); len(rest) > 0 {
		t.Errorf("left are %q", rest)
	}
}

// What is in the file and what was noted since are one; what is old is forgotten.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cookie_consent", "inventory.json")
	open := func() *File { return NewFile(path, nil, slog.New(slog.DiscardHandler)) }
	for round := range 3 {
		f := open()
		before := f.On(host, "/", time.Now())
		before.Set("sid", "; HttpOnly; Max-Age=3600")
		f.Begin()
		after := f.On(host, "/x", time.Now())
		after.Sent("sid")
		after.Host(Markup, "cdn.example.net")
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		s, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		c, _ := found(t, s, "sid")
		_, h := found(t, s, "cdn.example.net")
		if n := uint64(round + 1); c.Set != n || c.Sent != n || h.Markup != n || !c.HTTPOnly || c.Lifetime.Duration != time.Hour || len(c.Paths) == 0 {
			t.Errorf("round %d: %+v", round, s.Sites[0])
		}
	}
	if left, _ := filepath.Glob(filepath.Dir(path) + "/*"); len(left) != 1 {
		t.Errorf("files: %q", left)
	}
	f := open()
	stored, _ := Read(path)
	f.Add(stored, time.Now().Add(maxAge+time.Hour))
	if s := f.Snapshot(); len(s.Sites) > 0 {
		t.Errorf("%+v", s)
	}
	// A file that can't be read is left as it is.
	for _, content := range []string{"{", `{"version":2}`, `{"version":1,"sites":[{"host":"a","cookies":[{"name":"a\nb"}]}]}`} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		f = open()
		f.Begin()
		v := f.On(host, "/", time.Now())
		v.Sent("a")
		f.Close()
		if left, _ := os.ReadFile(path); string(left) != content {
			t.Errorf("%s became %s", content, left)
		}
	}
	if _, err := Read(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestMerge(t *testing.T) {
	noted := func(after time.Duration, f func(v *Visit)) *Snapshot {
		inv := New(nil)
		v := inv.On(host, "/", start.Add(after))
		f(&v)
		return inv.Snapshot()
	}
	merged := Merge(
		noted(time.Hour, func(v *Visit) { v.Set("a", "; HttpOnly"); v.Sent("b"); v.Host(Markup, "x.example") }),
		noted(0, func(v *Visit) { v.Set("a", "; Max-Age=60"); v.Set("b", ""); v.Host(Report, "x.example") }),
	)
	a, _ := found(t, merged, "a")
	b, _ := found(t, merged, "b")
	_, h := found(t, merged, "x.example")
	if a.Set != 2 || !a.HTTPOnly || a.Lifetime.Duration != time.Minute || !a.First.Equal(start) || !a.Last.Equal(start.Add(time.Hour)) {
		t.Errorf("%+v", a)
	}
	if b.Script() || h.Count() != 2 {
		t.Errorf("%+v, %+v", b, h)
	}
	text, err := json.Marshal(merged)
	var again Snapshot
	if err != nil || json.Unmarshal(text, &again) != nil || !reflect.DeepEqual(&again, merged) {
		t.Errorf("%v: %s", err, text)
	}
}
