package inventory

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func daysOf(t testing.TB, s *Snapshot, host string) []Day {
	t.Helper()
	for _, site := range s.Sites {
		if site.Host == host {
			return site.Days
		}
	}
	t.Fatalf("no site %q in %+v", host, s.Sites)
	return nil
}

func TestDays(t *testing.T) {
	inv := New(nil)
	at := func(after time.Duration) *Visit {
		v := inv.On(host, "/", start.Add(after))
		return &v
	}
	const day = 24 * time.Hour
	at(0).Choice("accept_all", "en")
	at(time.Hour).Choice("accept_all", "de")
	at(0).Keep(Dropped, "statistics", 1)
	at(0).Keep(Contact, "third_party", 7)
	at(0).Keep(Contact, "third_party", 0) // nothing
	at(day).Keep(Stripped, "statistics", 2)
	at(0).Keep(Dropped, "statistics", 1) // begun before midnight
	at(day).Choice("reject_all", "en")
	at(3*day).Choice("accept_all", "en")
	at(4*day).Choice("accept_all", "en")
	at(0).Choice("accept_all", "en") // begun long ago
	want := []Day{
		{
			Date: "2026-01-31", Choices: map[string]map[string]uint64{"accept_all": {"en": 2, "de": 1}},
			Blocked: map[string]Blocked{"statistics": {Dropped: 2}, "third_party": {Contacts: 7}},
		},
		{Date: "2026-02-01", Choices: map[string]map[string]uint64{"reject_all": {"en": 1}}, Blocked: map[string]Blocked{"statistics": {Stripped: 2}}},
		{Date: "2026-02-03", Choices: map[string]map[string]uint64{"accept_all": {"en": 1}}},
		{Date: "2026-02-04", Choices: map[string]map[string]uint64{"accept_all": {"en": 1}}},
	}
	snapshot := inv.Snapshot()
	if got := daysOf(t, snapshot, host); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if again := daysOf(t, inv.Snapshot(), host); !reflect.DeepEqual(again, want) {
		t.Errorf("a second look has %+v", again)
	}
	var none Visit
	none.Choice("accept_all", "en")
	none.Keep(Dropped, "statistics", 1)

	// What several machines counted is added up, and so is what was counted before.
	merged := Merge(snapshot, snapshot)
	if got := daysOf(t, merged, host)[0]; got.Choices["accept_all"]["en"] != 4 || got.Blocked["third_party"].Contacts != 14 || got.Blocked["statistics"].Dropped != 4 {
		t.Errorf("merged: %+v", got)
	}
	if got := daysOf(t, snapshot, host); !reflect.DeepEqual(got, want) {
		t.Error("merging changes what is merged")
	}
	inv.Add(snapshot, start.Add(5*day))
	if got := daysOf(t, inv.Snapshot(), host); got[3].Choices["accept_all"]["en"] != 2 || len(got) != 4 {
		t.Errorf("added: %+v", got)
	}
}

// Whatever is made up, a site has no more than its room, and nothing is lost.
func TestBoundsOfDays(t *testing.T) {
	inv := New(nil)
	for day := range 500 {
		v := inv.On(host, "/", start.Add(time.Duration(day)*24*time.Hour))
		for i := range 40 {
			v.Choice("save", fmt.Sprintf("l%d", i))
			v.Keep(Contact, fmt.Sprintf("c%d", i), 1)
		}
	}
	days := daysOf(t, inv.Snapshot(), host)
	if len(days) != maxDays || days[0].Date != "2026-05-11" {
		t.Fatalf("%d days from %s", len(days), days[0].Date)
	}
	for _, day := range days {
		choices, contacts := uint64(0), uint64(0)
		for _, n := range day.Choices["save"] {
			choices += n
		}
		for _, n := range day.Blocked {
			contacts += n.Contacts
		}
		if choices != 40 || contacts != 40 || len(day.Choices["save"]) != maxLanguages+1 || len(day.Blocked) != maxCategories+1 {
			t.Fatalf("%d choices, %d contacts: %+v", choices, contacts, day)
		}
	}

	// What is older than 400 days is forgotten.
	later := New(nil)
	later.Add(inv.Snapshot(), start.Add(600*24*time.Hour))
	if days := daysOf(t, later.Snapshot(), host); len(days) != 299 {
		t.Errorf("%d days", len(days))
	}

	// The days of a site that makes room go to that of all others.
	inv = New(nil)
	for i := range maxSites + 3 {
		v := inv.On(fmt.Sprintf("s%d.example.test", i), "/", start.Add(time.Duration(i)*2*time.Hour))
		v.Choice("save", "en")
	}
	total := uint64(0)
	snapshot := inv.Snapshot()
	for _, site := range snapshot.Sites {
		for _, day := range site.Days {
			total += day.Choices["save"]["en"]
		}
	}
	if total != maxSites+3 || len(snapshot.Sites) > maxSites+1 {
		t.Errorf("%d choices on %d sites", total, len(snapshot.Sites))
	}
}

// A file holds the days; one without them, or of a day that there is not, is known.
func TestFileWithDays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "inventory.json")
	old := `{"version":1,"sites":[{"host":"www.example.test","cookies":[{"name":"sid","set":1,"sent":1,"first_seen":"2026-01-31T12:00:00Z","last_seen":"2026-01-31T12:00:00Z"}]}]}`
	if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for range 2 {
		f := NewFile(path, nil, slog.New(slog.DiscardHandler))
		v := f.On(host, "/", now)
		v.Choice("accept_all", "en")
		f.Begin()
		v.Keep(Stripped, "statistics", 3)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []Day{{
		Date:    now.UTC().Format(time.DateOnly),
		Choices: map[string]map[string]uint64{"accept_all": {"en": 2}}, Blocked: map[string]Blocked{"statistics": {Stripped: 6}},
	}}
	if got := daysOf(t, stored, host); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, wrong := range []Day{
		{Date: "2026-02-30"},
		{Date: ""},
		{Date: "2026-01-31", Choices: map[string]map[string]uint64{"<b>{": {"en": 1}}},
		{Date: "2026-01-31", Choices: map[string]map[string]uint64{"save": {"e n": 1}}},
		{Date: "2026-01-31", Blocked: map[string]Blocked{"a\nb": {Dropped: 1}}},
	} {
		content, err := json.Marshal(&Snapshot{Version: 1, Sites: []Site{{Host: host, Days: []Day{wrong}}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "can't have been noted") {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}

// Nothing is lost where many count at once, over midnight and beside readers.
func TestCountingAtOnce(t *testing.T) {
	inv := New(nil)
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			for n := range 2000 {
				v := inv.On(host, "/", start.Add(12*time.Hour+time.Duration(n-1000)*time.Millisecond))
				v.Keep(Dropped, fmt.Sprintf("c%d", n%3), 1)
				if n%100 == i {
					v.Choice("save", "en")
					inv.Snapshot()
				}
			}
		})
	}
	work.Wait()
	choices, dropped := uint64(0), uint64(0)
	days := daysOf(t, inv.Snapshot(), host)
	for _, day := range days {
		choices += day.Choices["save"]["en"]
		for _, n := range day.Blocked {
			dropped += n.Dropped
		}
	}
	if choices != 80 || dropped != 8000 || len(days) != 2 {
		t.Errorf("%d choices, %d dropped on %d days", choices, dropped, len(days))
	}
}

func BenchmarkKeep(b *testing.B) {
	inv := New(nil)
	categories := []string{"statistics", "first_party", "third_party"}
	v := inv.On(host, "/", start)
	for _, category := range categories {
		v.Keep(Dropped, category, 1)
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			v.Keep(Dropped, categories[i%3], 1)
		}
	})
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			v := v
			v.site = nil
			v.Keep(Dropped, categories[i%3], 1)
		}
	})
	b.Run("many", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			v := inv.On(host, "/", start)
			for i := 0; pb.Next(); i++ {
				v.Keep(Contact, categories[i%3], 1)
			}
		})
	})
}
