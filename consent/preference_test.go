package consent

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestChoose(t *testing.T) {
	p := mustNew(t, portal())
	states := func(granted ...string) map[string]State {
		m := map[string]State{Statistics: Refused, FirstParty: Refused, "advertising": Refused, ThirdParty: Refused}
		for _, name := range granted {
			m[name] = Granted
		}
		return m
	}
	all := states(Statistics, FirstParty, "advertising", ThirdParty)
	for _, tt := range []struct {
		name       string
		choice     Choice
		categories map[string]State
		services   map[string]State
	}{
		{"accept", Choice{Method: AcceptAll}, all, nil},
		{"reject", Choice{Method: RejectAll}, states(), nil},
		{"accept with the rest of the form", Choice{Method: AcceptAll, Categories: []string{"gone"}, Services: []string{"-counter", "gone"}}, all, nil},
		{"reject with the rest of the form", Choice{Method: RejectAll, Categories: []string{Statistics}, Services: []string{"video", "gone"}}, states(), nil},
		{"nothing", Choice{Method: Save}, states(), nil},
		{"category", Choice{Method: Save, Categories: []string{Statistics}}, states(Statistics), nil},
		{"category twice", Choice{Method: Save, Categories: []string{Statistics, Statistics}}, states(Statistics), nil},
		{"necessary", Choice{Method: Save, Categories: []string{Necessary}}, states(), nil},
		{"service", Choice{Method: Save, Services: []string{"video"}}, states(), map[string]State{"video": Granted}},
		{"service of a granted category", Choice{Method: Save, Categories: []string{ThirdParty}, Services: []string{"video"}}, states(ThirdParty), nil},
		{"service refused", Choice{Method: Save, Categories: []string{ThirdParty}, Services: []string{"-video"}}, states(ThirdParty), map[string]State{"video": Refused}},
		{"service of a refused category refused", Choice{Method: Save, Services: []string{"-video"}}, states(), nil},
		{"service granted and refused", Choice{Method: Save, Services: []string{"video", "-video", "video"}}, states(), nil},
		{"service refused and granted", Choice{Method: Save, Categories: []string{ThirdParty}, Services: []string{"-video", "video"}}, states(ThirdParty), map[string]State{"video": Refused}},
		{"empty entries", Choice{Method: Save, Services: []string{"", "maps", ""}}, states(), map[string]State{"maps": Granted}},
	} {
		got := mustChoose(t, p, tt.choice, true)
		want := &Preference{Day: testDay, Method: tt.choice.Method, GPC: true, Categories: tt.categories, Services: tt.services}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", tt.name, got, want)
		}
	}
	for _, c := range []Choice{
		{},
		{Method: "accept"},
		{Method: Save, Categories: []string{"gone"}},
		{Method: Save, Categories: []string{""}},
		{Method: Save, Services: []string{"gone"}},
		{Method: Save, Services: []string{"-gone"}},
		{Method: Save, Services: []string{"--video"}},
		{Method: Save, Services: []string{"-"}},
	} {
		if pref, err := p.Choose(c, testNow, false); err == nil {
			t.Errorf("%+v: got %+v, want an error", c, pref)
		}
	}
}

// What is agreed to in the place of a piece of a page changes nothing else: neither
// what was chosen before, nor what was refused by a signal, nor that the rest is still
// to be asked.
func TestChooseOnAPlaceholder(t *testing.T) {
	p := mustNew(t, portal())
	save := func(categories, services []string, gpc bool) *Preference {
		return mustChoose(t, p, Choice{Method: Save, Categories: categories, Services: services}, gpc)
	}
	for _, tt := range []struct {
		name                 string
		before               *Preference
		gpc                  bool
		categories, services []string
		want                 Preference
		asked                bool
	}{
		{
			name: "before the banner was answered", services: []string{"video"},
			want: Preference{Categories: map[string]State{}, Services: map[string]State{"video": Granted}},
		},
		{
			name: "before the banner was answered, under the signal", gpc: true, services: []string{"video"},
			want: Preference{GPC: true, Categories: map[string]State{ThirdParty: Refused}, Services: map[string]State{"video": Granted}},
		},
		{
			name: "a category", categories: []string{ThirdParty},
			want: Preference{Categories: map[string]State{ThirdParty: Granted}},
		},
		{
			name: "after a refusal", before: mustChoose(t, p, Choice{Method: RejectAll}, false), services: []string{"video"}, asked: true,
			want: Preference{
				Categories: map[string]State{Statistics: Refused, FirstParty: Refused, "advertising": Refused, ThirdParty: Refused},
				Services:   map[string]State{"video": Granted},
			},
		},
		{
			name: "what was refused itself", before: save([]string{ThirdParty, Statistics}, []string{"-video", "-counter"}, false), services: []string{"video"}, asked: true,
			want: Preference{
				Categories: map[string]State{Statistics: Granted, FirstParty: Refused, "advertising": Refused, ThirdParty: Granted},
				Services:   map[string]State{"counter": Refused},
			},
		},
		{
			name: "an earlier grant that the signal overrules stays overruled", before: save(nil, []string{"maps"}, false), gpc: true, services: []string{"video"}, asked: true,
			want: Preference{
				GPC:        true,
				Categories: map[string]State{Statistics: Refused, FirstParty: Refused, "advertising": Refused, ThirdParty: Refused},
				Services:   map[string]State{"video": Granted},
			},
		},
	} {
		before := p.Decide(tt.before, tt.gpc)
		got := mustChoose(t, p, Choice{Method: Placeholder, Categories: tt.categories, Services: tt.services, Before: before}, tt.gpc)
		tt.want.Method, tt.want.Day = Placeholder, testDay
		if !reflect.DeepEqual(got, &tt.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", tt.name, got, &tt.want)
		}
		if d := p.Decide(got, tt.gpc); d.Asked() != tt.asked {
			t.Errorf("%s: asked %v", tt.name, d.Asked())
		}
	}
	// What was agreed to earlier does not last longer for it.
	older, err := p.Choose(Choice{Method: Save, Categories: []string{Statistics}}, testNow.Add(-100*24*time.Hour), false)
	if err != nil {
		t.Fatal(err)
	}
	if pref := mustChoose(t, p, Choice{Method: Placeholder, Services: []string{"video"}, Before: p.Decide(older, false)}, false); pref.Day != older.Day {
		t.Errorf("the day is %d, not %d", pref.Day, older.Day)
	}
	// Of several copies, one that says nothing of a category leaves it to be asked.
	some := mustChoose(t, p, Choice{Method: Placeholder, Services: []string{"video"}, Before: p.Decide(nil, false)}, false)
	everything := mustChoose(t, p, Choice{Method: AcceptAll}, false)
	for _, pref := range []*Preference{Strictest(some, everything), Strictest(everything, some)} {
		if d := p.Decide(pref, false); d.Asked() || d.Category(Statistics) == Granted {
			t.Errorf("%+v", pref)
		}
	}
	for _, c := range []Choice{
		{},
		{Services: []string{"gone"}},
		{Services: []string{"-video"}},
		{Categories: []string{"gone"}},
		{Services: []string{""}},
		{Categories: []string{Necessary}},
	} {
		c.Method, c.Before = Placeholder, p.Decide(nil, false)
		if pref, err := p.Choose(c, testNow, false); err == nil {
			t.Errorf("%+v: got %+v, want an error", c, pref)
		}
	}
}

func TestChooseNecessaryService(t *testing.T) {
	p := mustNew(t, Config{Services: []Service{service("cart", Necessary, "basket")}})
	pref := mustChoose(t, p, Choice{Method: Save, Services: []string{"-cart"}}, false)
	if pref.Services != nil {
		t.Errorf("got %+v", pref.Services)
	}
	if state, _ := p.Decide(pref, false).Cookie("basket"); state != Granted {
		t.Errorf("got %s", state)
	}
}

func TestChooseTheDay(t *testing.T) {
	p := mustNew(t, Config{})
	zone := time.FixedZone("", 14*3600)
	for at, want := range map[time.Time]int{
		time.Date(1970, 1, 1, 23, 59, 59, 0, time.UTC):  0,
		time.Date(2024, 10, 4, 0, 0, 0, 0, time.UTC):    20000,
		time.Date(2024, 10, 4, 23, 59, 59, 0, time.UTC): 20000,
		time.Date(2024, 10, 5, 13, 0, 0, 0, zone):       20000, // still the day before in UTC
		time.Date(2024, 10, 5, 14, 0, 0, 0, zone):       20001,
		time.Date(2024, 10, 3, 23, 0, 0, 999, time.UTC): 19999,
	} {
		pref, err := p.Choose(Choice{Method: RejectAll}, at, false)
		if err != nil || pref.Day != want {
			t.Errorf("%s: got %+v (%v), want day %d", at, pref, err, want)
		}
	}
}

// crowd has many services in two categories.
func crowd(statistics, thirdParty int) Config {
	var cfg Config
	for i := range statistics {
		cfg.Services = append(cfg.Services, service(fmt.Sprintf("s%02d", i), Statistics, fmt.Sprintf("s%02d", i)))
	}
	for i := range thirdParty {
		cfg.Services = append(cfg.Services, service(fmt.Sprintf("t%02d", i), ThirdParty, fmt.Sprintf("t%02d", i)))
	}
	cfg.Cookies = []Cookie{cookies(Statistics, "stat"), cookies(ThirdParty, "third")}
	return cfg
}

func TestTooManyGrants(t *testing.T) {
	p := mustNew(t, crowd(3, 20))
	c := Choice{Method: Save, Categories: []string{Statistics}, Services: []string{"-s01"}}
	for i := range 20 {
		c.Services = append(c.Services, fmt.Sprintf("t%02d", i))
	}
	pref := mustChoose(t, p, c, false)
	if len(pref.Services) != MaxExceptions || pref.Services["s01"] != Refused || pref.Services["t14"] != Granted {
		t.Errorf("got %v", pref.Services)
	}
	if want := []string{"t15", "t16", "t17", "t18", "t19"}; !slices.Equal(pref.NotKept, want) {
		t.Errorf("not kept: %q, want %q", pref.NotKept, want)
	}
}

func TestTooManyRefusals(t *testing.T) {
	p := mustNew(t, crowd(20, 20))
	c := Choice{Method: Save, Categories: []string{Statistics, ThirdParty}}
	for i := range 18 {
		c.Services = append(c.Services, fmt.Sprintf("-t%02d", i))
	}
	c.Services = append(c.Services, "-s07")
	pref := mustChoose(t, p, c, false)
	want := map[string]State{"s07": Refused, "t18": Granted, "t19": Granted}
	if pref.Categories[ThirdParty] != Refused || pref.Categories[Statistics] != Granted || !maps.Equal(pref.Services, want) {
		t.Errorf("got %v with %v", pref.Categories, pref.Services)
	}
	if !slices.Equal(pref.NotKept, []string{ThirdParty}) {
		t.Errorf("not kept: %q", pref.NotKept)
	}

	// Both categories give way, and still nothing is granted that was refused.
	for i := range 18 {
		c.Services = append(c.Services, fmt.Sprintf("-s%02d", i))
	}
	pref = mustChoose(t, p, c, false)
	if pref.Categories[ThirdParty] != Refused || pref.Categories[Statistics] != Refused || len(pref.Services) != 4 {
		t.Errorf("got %v with %v", pref.Categories, pref.Services)
	}
}

// Whatever is chosen, nothing is granted that was not, everything granted is
// either kept or reported, and the result is in its one canonical form.
func TestChooseNeverWidens(t *testing.T) {
	p := mustNew(t, crowd(30, 30))
	random := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		var c Choice
		c.Method = Save
		chosen := map[string]State{Statistics: Refused, ThirdParty: Refused, FirstParty: Refused}
		for name := range chosen {
			if random.IntN(2) == 0 {
				c.Categories = append(c.Categories, name)
				chosen[name] = Granted
			}
		}
		density := random.IntN(30) + 1
		for i := range p.Config().Services {
			s := &p.Config().Services[i]
			switch random.IntN(density) {
			case 0:
				c.Services = append(c.Services, s.ID)
				chosen[s.ID] = Granted
			case 1:
				c.Services = append(c.Services, "-"+s.ID)
				chosen[s.ID] = Refused
			default:
				chosen[s.ID] = chosen[s.Category]
			}
		}
		pref := mustChoose(t, p, c, false)
		d := p.Decide(pref, false)
		for name, want := range chosen {
			got := d.Service(name)
			if _, ok := p.Service(name); !ok {
				got = d.Category(name)
			}
			if got > want {
				t.Fatalf("%s was %s and is %s", name, want, got)
			}
			if got < want && !slices.Contains(pref.NotKept, name) {
				t.Fatalf("%s was granted and is %s without a word: %v", name, got, pref.NotKept)
			}
		}
		if len(pref.Services) > MaxExceptions {
			t.Fatalf("%d exceptions", len(pref.Services))
		}
		for id, state := range pref.Services {
			if s, _ := p.Service(id); pref.Categories[s.Category] == state {
				t.Fatalf("%s is no exception", id)
			}
		}
		value, err := p.EncodePreference(pref, testSite, testKey)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.DecodePreference(value, testSite, [][]byte{testKey}, testMaxAge, testNow); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStrictest(t *testing.T) {
	p := mustNew(t, portal())
	accept := mustChoose(t, p, Choice{Method: AcceptAll}, true)
	reject := mustChoose(t, p, Choice{Method: RejectAll}, false)
	statistics := mustChoose(t, p, Choice{Method: Save, Categories: []string{Statistics}, Services: []string{"-counter", "video"}}, true)
	reject.Day--

	if Strictest() != nil || Strictest(nil, nil) != nil {
		t.Error("no copy is not nil")
	}
	if got := Strictest(nil, accept, nil, accept); !reflect.DeepEqual(got, accept) || got == accept {
		t.Errorf("of twice the same: got %+v", got)
	}
	got := Strictest(accept, reject)
	if got.Method != Save || got.Day != reject.Day || got.GPC || !maps.Equal(got.Categories, reject.Categories) {
		t.Errorf("of accept and reject: got %+v", got)
	}
	got = Strictest(accept, statistics)
	want := map[string]State{"counter": Refused}
	if !maps.Equal(got.Services, want) || got.Categories[Statistics] != Granted || got.Categories[ThirdParty] != Refused || !got.GPC {
		t.Errorf("of accept and statistics: got %+v", got)
	}
	if accept.Services != nil || statistics.Services["video"] != Granted {
		t.Error("Strictest changed its arguments")
	}
}

// A further copy, in whatever place, never grants anything more; and nothing is
// granted that one of the copies does not grant.
func TestStrictestNeverWidens(t *testing.T) {
	cfg := portal()
	cfg.Categories = append(cfg.Categories, Category{Name: "audience", Exempt: "anonymous"})
	cfg.Cookies = append(cfg.Cookies, cookies("audience", "aud"))
	p := mustNew(t, cfg)
	random := rand.New(rand.NewPCG(5, 6))
	names := []string{"stats", "vid", "_pk_id.1", "_ad_1", "unknown", "aud"}
	for range 3000 {
		var copies []*Preference
		for range random.IntN(4) + 1 {
			pref := randomPreference(t, p, random)
			if random.IntN(4) == 0 {
				delete(pref.Categories, "audience") // chosen before there was that category
			}
			copies = append(copies, pref)
		}
		strictest := Strictest(copies...)
		more := Strictest(append(copies, randomPreference(t, p, random))...)
		for _, gpc := range []bool{false, true} {
			d, narrower := p.Decide(strictest, gpc), p.Decide(more, gpc)
			for _, name := range names {
				state, _ := d.Cookie(name)
				for _, pref := range copies {
					if one, _ := p.Decide(pref, gpc).Cookie(name); state > one {
						t.Fatalf("%q is %s, though %s by one copy: %+v", name, state, one, pref)
					}
				}
				if further, _ := narrower.Cookie(name); further > state {
					t.Fatalf("%q goes from %s to %s by a further copy", name, state, further)
				}
			}
		}
		if _, err := p.EncodePreference(strictest, testSite, testKey); err != nil {
			t.Fatalf("%v: %+v", err, strictest)
		}
		slices.Reverse(copies)
		if reversed := Strictest(copies...); !reflect.DeepEqual(reversed, strictest) {
			t.Fatalf("the order of the copies matters:\n%+v\n%+v", strictest, reversed)
		}
	}
}
