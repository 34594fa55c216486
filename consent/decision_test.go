package consent

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestDecide(t *testing.T) {
	cfg := portal()
	cfg.Categories = append(cfg.Categories, Category{Name: "audience", Exempt: "anonymous"})
	cfg.Cookies = append(cfg.Cookies, cookies("audience", "aud"))
	cfg.Services = append(cfg.Services, service("cart", Necessary, "basket"))
	exempt := service("heat", Statistics, "heat")
	exempt.Exempt = "anonymous"
	cfg.Services = append(cfg.Services, exempt)
	p := mustNew(t, cfg)

	accept, reject := Choice{Method: AcceptAll}, Choice{Method: RejectAll}
	save := func(categories, services string) Choice {
		return Choice{Method: Save, Categories: strings.Fields(categories), Services: strings.Fields(services)}
	}
	for _, tt := range []struct {
		name    string
		choice  *Choice
		chosen  bool // whether the signal was on when choosing
		gpc     bool
		want    string // of the cookies below: g, r or n
		summary string
	}{
		// In the order of names below.
		{"not asked", nil, false, false, "gggnnngnngg", "not_asked"},
		{"not asked under the signal", nil, false, true, "gggnnrgnngg", "not_asked"},
		{"accepted", &accept, false, false, "ggggggggggg", "accepted"},
		{"accepted, then the signal", &accept, false, true, "gggggrggggg", "custom"},
		{"accepted under the signal", &accept, true, true, "ggggggggggg", "accepted"},
		{"accepted under the signal, then without", &accept, true, false, "ggggggggggg", "accepted"},
		{"rejected", &reject, false, false, "gggrrrrrrgr", "refused"},
		{"rejected under the signal", &reject, true, true, "gggrrrrrrgr", "refused"},
		{"statistics only", new(save("statistics", "")), false, false, "ggggrrrrggg", "custom"},
		{"statistics without the counter", new(save("statistics", "-counter")), false, false, "ggggrrrrrgg", "custom"},
		{"the counter alone", new(save("", "counter")), false, false, "gggrrrrrggr", "custom"},
		{"one of two services", new(save("", "video")), false, false, "gggrrrrrrgr", "custom"},
		{"both services", new(save("", "video maps")), false, false, "gggrrgrrrgr", "custom"},
		{"both services, then the signal", new(save("", "video maps")), false, true, "gggrrrrrrgr", "refused"},
		{"third party without one service", new(save("third_party", "-maps")), false, false, "gggrrrrrrgr", "custom"},
		{"audience alone", new(save("audience", "")), false, false, "gggrrrgrrgr", "custom"},
		{"an exempt service switched off", new(save("statistics", "-heat")), false, false, "ggggrrrrggr", "custom"},
		{"nothing saved", new(save("", "")), false, false, "gggrrrrrrgr", "refused"},
	} {
		names := []string{"sessionid", "PHPSESSID", "cookies_preferences", "stats_x", "unknown", "vid", "aud", "_ad_x", "_pk_id.1", "basket", "heat"}
		var pref *Preference
		if tt.choice != nil {
			pref = mustChoose(t, p, *tt.choice, tt.chosen)
		}
		d := p.Decide(pref, tt.gpc)
		var got strings.Builder
		for _, name := range names {
			state, _ := d.Cookie(name)
			got.WriteByte(state.String()[0])
		}
		if got.String() != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s for %q", tt.name, got.String(), tt.want, names)
		}
		if d.Summary() != tt.summary || d.Asked() != (pref != nil) {
			t.Errorf("%s: got summary %s, asked %v", tt.name, d.Summary(), d.Asked())
		}
	}

	d := p.Decide(nil, false)
	if d.Category("nonsense") != NotAsked || d.Service("nonsense") != NotAsked {
		t.Error("what does not exist is not withheld")
	}
	if d.Category(Necessary) != Granted || d.Service("cart") != Granted || d.Service("heat") != Granted || d.Category("audience") != Granted {
		t.Error("what needs no consent is withheld")
	}
	if p.Decide(nil, true).Service("video") != Refused {
		t.Error("the signal does not refuse a service of third_party")
	}
}

// The signal takes away and never gives.
func TestSignalNeverGrants(t *testing.T) {
	cfg := portal()
	exempt := service("free", ThirdParty, "free")
	exempt.Exempt = "anonymous"
	cfg.Services = append(cfg.Services, exempt)
	p := mustNew(t, cfg)
	random := rand.New(rand.NewPCG(1, 2))
	prefs := []*Preference{nil}
	for range 200 {
		prefs = append(prefs, randomPreference(t, p, random))
	}
	names := []string{"stats", "vid", "_pk_id.1", "_ad_1", "unknown", "free", "sessionid"}
	for _, pref := range prefs {
		without, with := p.Decide(pref, false), p.Decide(pref, true)
		for _, name := range names {
			a, _ := without.Cookie(name)
			b, _ := with.Cookie(name)
			if b > a {
				t.Fatalf("%q goes from %s to %s under the signal (%+v)", name, a, b, pref)
			}
			if pref == nil || !pref.GPC {
				if name == "vid" && b != Refused || name == "free" && b != Refused {
					t.Fatalf("%q is %s under the signal (%+v)", name, b, pref)
				}
			} else if a != b {
				t.Fatalf("%q goes from %s to %s although the choice was made under the signal (%+v)", name, a, b, pref)
			}
		}
	}
}

func randomPreference(t testing.TB, p *Policy, random *rand.Rand) *Preference {
	c := Choice{Method: []Method{AcceptAll, RejectAll, Save, Save, Save}[random.IntN(5)]}
	for _, category := range p.Categories() {
		if random.IntN(2) == 0 {
			c.Categories = append(c.Categories, category.Name)
		}
	}
	for i := range p.Config().Services {
		id := p.Config().Services[i].ID
		c.Services = append(c.Services, []string{"", id, "-" + id}[random.IntN(3)])
	}
	pref := mustChoose(t, p, c, random.IntN(2) == 0)
	pref.Day -= random.IntN(3)
	return pref
}

func TestDecisionsAreShared(t *testing.T) {
	p := mustNew(t, portal())
	choice := Choice{Method: Save, Categories: []string{Statistics}, Services: []string{"video", "maps", "-counter"}}
	a, b := mustChoose(t, p, choice, false), mustChoose(t, p, choice, false)
	d := p.Decide(a, false)
	for range 50 { // maps have no order
		if d != p.Decide(b, false) {
			t.Fatal("equal choices give two decisions")
		}
	}
	if first, again := p.Decide(nil, false), p.Decide(nil, false); first != again || first == p.Decide(nil, true) {
		t.Error("visitors who were not asked do not share one decision for each signal")
	}
	if d == p.Decide(a, true) {
		t.Error("the signal makes no difference")
	}
	later := *a
	later.Day++
	if other := p.Decide(&later, false); other == d || other.Preference().Day != later.Day {
		t.Error("a choice of another day gives the same decision")
	}
	// The decision keeps its own copy.
	a.Categories[ThirdParty] = Granted
	if d.Preference().Categories[ThirdParty] != Refused || d.Category(ThirdParty) != Refused {
		t.Error("a caller can change a decision")
	}
}

func TestDecisionsAreBounded(t *testing.T) {
	p := mustNew(t, portal())
	pref := mustChoose(t, p, Choice{Method: AcceptAll}, false)
	for day := range 3 * maxDecisions {
		pref.Day = day
		if got := p.Decide(pref, false).Preference().Day; got != day {
			t.Fatalf("day %d: got the decision of day %d", day, got)
		}
	}
	if n := len(p.decisions); n > maxDecisions {
		t.Errorf("%d decisions are kept", n)
	}
}

// A variant belongs to one state of one configuration.
func TestVariant(t *testing.T) {
	seen := map[string]string{}
	look := func(name, variant string) {
		t.Helper()
		if other, ok := seen[variant]; ok {
			t.Errorf("%s and %s have the same variant", name, other)
		}
		seen[variant] = name
		if len(variant) != 8 || strings.Trim(variant, "0123456789abcdef") != "" {
			t.Errorf("%s: variant %q", name, variant)
		}
	}
	p := mustNew(t, portal())
	choices := map[string]Choice{
		"accept":     {Method: AcceptAll},
		"reject":     {Method: RejectAll},
		"statistics": {Method: Save, Categories: []string{Statistics}},
		"ads":        {Method: Save, Categories: []string{"advertising"}},
		"counter":    {Method: Save, Services: []string{"counter"}},
		"no counter": {Method: Save, Categories: []string{Statistics}, Services: []string{"-counter"}},
	}
	for name, choice := range choices {
		for _, gpc := range []bool{false, true} {
			look(fmt.Sprint(name, " ", gpc), p.Decide(mustChoose(t, p, choice, true), gpc).Variant())
		}
	}
	look("not asked", p.Decide(nil, false).Variant())
	look("not asked, signal", p.Decide(nil, true).Variant())

	for name, change := range map[string]func(*Config){
		"title":       func(c *Config) { c.Categories[0].Title = Text{"": "Ads"} },
		"description": func(c *Config) { c.Categories[0].Description = Text{"fr": "Texte."} },
		"exempt":      func(c *Config) { c.Categories[0].Exempt = "anonymous" },
		"function":    func(c *Config) { c.Cookies[0].Function = Text{"": "Log-in."} },
		"lifetime":    func(c *Config) { c.Cookies[0].Lifetime.Duration *= 2 },
		"purpose":     func(c *Config) { c.Cookies[2].Purpose = Text{"": "Other."} },
		"revision":    func(c *Config) { c.Revision = 1 },
	} {
		cfg := portal()
		change(&cfg)
		look(name, mustNew(t, cfg).Decide(nil, false).Variant())
	}

	// The same state on another day is the same page.
	pref := mustChoose(t, p, choices["statistics"], false)
	first := p.Decide(pref, false).Variant()
	pref.Day++
	if got := p.Decide(pref, false).Variant(); got != first {
		t.Errorf("on another day: got %s, want %s", got, first)
	}
	if got := mustNew(t, portal()).Decide(pref, false).Variant(); got != first {
		t.Errorf("from the same configuration: got %s, want %s", got, first)
	}
}

func TestStateStrings(t *testing.T) {
	if got := fmt.Sprint(Refused, NotAsked, Granted); got != "refused not_asked granted" {
		t.Errorf("got %s", got)
	}
	if slices.Min([]State{Granted, NotAsked, Refused}) != Refused {
		t.Error("the strictest state is not the smallest")
	}
}
