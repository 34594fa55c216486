package consent

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCookieRule(t *testing.T) {
	day := 24 * time.Hour
	exempt := service("exempt", Statistics, "measure", "both")
	exempt.Exempt = "anonymous"
	lived := func(c Cookie, l Lifetime) Cookie { c.Lifetime = l; return c }
	p := mustNew(t, Config{
		Categories: []Category{{Name: "ads"}, {Name: "audience", Exempt: "anonymous"}},
		Cookies: []Cookie{
			lived(cookies(Necessary, "login", "pref_*"), Lifetime{Duration: 14 * day}),
			lived(cookies(Statistics, "count", "count_*", "pref_stats"), Lifetime{Duration: 90 * day}),
			lived(cookies(FirstParty, "*_own"), Lifetime{Duration: 30 * day}),
			cookies("ads", "*_ad_*"),
			lived(cookies(ThirdParty, "pixel"), Lifetime{Session: true}),
			cookies("audience", "aud", "shared_*"),
			lived(cookies("audience", "aud_short"), Lifetime{Duration: 30 * day}),
			lived(cookies("audience", "aud_long"), Lifetime{Duration: 400 * day}),
			lived(cookies(Statistics, "described"), Lifetime{Duration: 7 * day}),
		},
		Services: []Service{
			service("zeta", ThirdParty, "pixel", "shared_z"),
			service("alpha", ThirdParty, "pixel", "alpha_*"),
			service("counter", Statistics, "described", "both"),
			exempt,
			service("cart", Necessary, "basket"),
			service("twice", ThirdParty, "t_*", "*_t"),
		},
	})
	for _, tt := range []struct {
		name, category string
		services       []string
		lifetime       Lifetime
		declared       bool
	}{
		{"login", Necessary, nil, Lifetime{Duration: 14 * day}, true},
		{"Login", FirstParty, nil, Lifetime{}, false},
		{"pref_a", Necessary, nil, Lifetime{Duration: 14 * day}, true},
		{"pref_stats", Statistics, nil, Lifetime{Duration: 14 * day}, true}, // the stricter category, the shortest lifetime
		{"count_own", FirstParty, nil, Lifetime{Duration: 30 * day}, true},
		{"count_ad_own", "ads", nil, Lifetime{Duration: 30 * day}, true},
		{"alpha_ad_own", ThirdParty, []string{"alpha"}, Lifetime{Duration: 30 * day}, true},
		{"pixel", ThirdParty, []string{"alpha", "zeta"}, Lifetime{Session: true}, true},
		{"described", Statistics, []string{"counter"}, Lifetime{Duration: 7 * day}, true},
		{"t_t", ThirdParty, []string{"twice"}, Lifetime{}, true},
		{"basket", Necessary, []string{"cart"}, Lifetime{}, true},

		// Exempt: 13 months at most, and anything that needs consent is stricter.
		{"aud", "audience", nil, Lifetime{Duration: 395 * day}, true},
		{"aud_short", "audience", nil, Lifetime{Duration: 30 * day}, true},
		{"aud_long", "audience", nil, Lifetime{Duration: 395 * day}, true},
		{"measure", Statistics, []string{"exempt"}, Lifetime{Duration: 395 * day}, true},
		{"both", Statistics, []string{"counter", "exempt"}, Lifetime{}, true},
		{"shared_z", ThirdParty, []string{"zeta"}, Lifetime{}, true},
		{"shared_own", FirstParty, nil, Lifetime{Duration: 30 * day}, true},

		{"cookies_preferences", Necessary, nil, Lifetime{}, true},
		{"PHPSESSID", Necessary, nil, Lifetime{}, true},
		{"SESS_own", FirstParty, nil, Lifetime{Duration: 30 * day}, true},
		{"", FirstParty, nil, Lifetime{}, false},
		{"anything", FirstParty, nil, Lifetime{}, false},
	} {
		rule := p.CookieRule(tt.name)
		if rule.Category != tt.category || !slices.Equal(rule.Services, tt.services) || rule.Lifetime != tt.lifetime || rule.Declared != tt.declared {
			t.Errorf("%q: got %s %q %q %v, want %s %q %q %v", tt.name,
				rule.Category, rule.Services, rule.Lifetime, rule.Declared, tt.category, tt.services, tt.lifetime, tt.declared)
		}
	}
}

// The operator's word comes before the list of known cookies, and the preference
// cookie is necessary whatever a pattern says.
func TestRuleOrder(t *testing.T) {
	p := mustNew(t, Config{
		CookieName:     "prefs",
		UnknownCookies: Statistics,
		Cookies:        []Cookie{cookies(ThirdParty, "*s*"), cookies(FirstParty, "PHPSESSID", "JSESSIONID.*")},
	})
	for name, want := range map[string]string{
		"prefs":               Necessary,
		"PHPSESSID":           FirstParty,
		"JSESSIONID.0123abcd": FirstParty,
		"sessionid":           ThirdParty,
		"__Host-sessionid":    ThirdParty,
		"JSESSIONID":          Necessary,
		"TS01012345":          Necessary,
		"cookies_preferences": ThirdParty, // not the name of the preference cookie here
		"x":                   Statistics,
	} {
		if got := p.CookieRule(name).Category; got != want {
			t.Errorf("%q: got %s, want %s", name, got, want)
		}
	}

	// In a service of an exempt category, nothing is left to ask for.
	p = mustNew(t, Config{
		Categories:   []Category{{Name: ThirdParty, Exempt: "none of it is stored"}},
		UnknownHosts: FirstParty,
		Cookies:      []Cookie{cookies(ThirdParty, "a*"), cookies(Statistics, "*b")},
	})
	if got := p.CookieRule("ab").Category; got != Statistics {
		t.Errorf("got %s: what needs consent is stricter than what is exempt", got)
	}
}

// An exempt service does not lift what another declaration of the same name asks
// consent for in another category.
func TestExemptServiceAgainstBlock(t *testing.T) {
	exempt := service("counter", ThirdParty, "c_*")
	exempt.Exempt = "anonymous"
	p := mustNew(t, Config{Cookies: []Cookie{cookies(Statistics, "*_id")}, Services: []Service{exempt}})
	d := p.Decide(nil, false)
	for name, want := range map[string]State{"c_x": Granted, "c_id": NotAsked, "x_id": NotAsked} {
		if got, rule := d.Cookie(name); got != want {
			t.Errorf("%q: got %s in %s, want %s", name, got, rule.Category, want)
		}
	}
}

// However many patterns match, and in whatever mixture, the rule is that of the
// strictest; and no number of names grows what is kept without bound.
func TestCombinationsAreBounded(t *testing.T) {
	var cfg Config
	for c := 'a'; c <= 'p'; c++ {
		category := Statistics
		if c == 'p' {
			category = ThirdParty
		}
		cfg.Cookies = append(cfg.Cookies, cookies(category, "*"+string(c)+"*", "x*"+string(c)+"*"))
	}
	p := mustNew(t, cfg)
	for i := range 1 << 12 {
		var name strings.Builder
		name.WriteByte('x')
		for bit := range 12 {
			if i&(1<<bit) != 0 {
				name.WriteByte(byte('a' + bit))
			}
		}
		for suffix, category := range map[string]string{"": Statistics, "p": ThirdParty} {
			if name.Len()+len(suffix) < 2 {
				continue
			}
			if rule := p.CookieRule(name.String() + suffix); rule.Category != category {
				t.Fatalf("%s%s: got %s", name.String(), suffix, rule.Category)
			}
		}
	}
	if n := len(p.combined.rules); n != maxCombinations {
		t.Errorf("kept %d rules of combined patterns, want %d", n, maxCombinations)
	}
}

func TestWarnings(t *testing.T) {
	lived := func(category string, patterns ...string) Cookie {
		c := cookies(category, patterns...)
		c.Lifetime.Session = true
		return c
	}
	text := Text{"": "Text."}
	for _, tt := range []struct {
		name string
		cfg  Config
		want []string // parts, in order
	}{
		{"nothing", Config{}, nil},
		{"all well", Config{
			Categories: []Category{{Name: "ads", Title: text, Description: text}, {Name: Statistics}},
			Cookies:    []Cookie{lived(Necessary, "login"), lived(Statistics, "_ga*"), cookies(Necessary, "cookies_preferences")},
		}, nil},
		{"no lifetime", Config{Cookies: []Cookie{cookies(Statistics, "count")}}, []string{`cookie "count" is declared without a lifetime`}},
		{"empty service", Config{Services: []Service{service("maps", ThirdParty)}}, []string{`service "maps" lists no cookies`}},
		{"untitled", Config{Categories: []Category{{Name: "ads", Title: text}}}, []string{`category "ads"`}},
		{"taken back", Config{Cookies: []Cookie{lived(Necessary, "app_login"), lived(FirstParty, "app_*")}}, []string{`cookie "app_login" is declared necessary, but a pattern of the stricter category first_party`}},
		{"known names", Config{Cookies: []Cookie{lived(Statistics, "PHPS*")}}, []string{`pattern "PHPS*" of category statistics also takes cookies that are known as necessary, such as "PHPSESSID"`}},
		{"known shapes", Config{Cookies: []Cookie{lived(Statistics, "wordpress_l*")}}, []string{`such as "wordpress_logged_in_<hex:32>"`}},
	} {
		got := mustNew(t, tt.cfg).Warnings()
		if len(got) != len(tt.want) {
			t.Errorf("%s: got %q", tt.name, got)
			continue
		}
		for i, part := range tt.want {
			if !strings.Contains(got[i], part) {
				t.Errorf("%s: got %q, want %q in it", tt.name, got[i], part)
			}
		}
	}
}

func TestShorter(t *testing.T) {
	hour, day, session, none := Lifetime{Duration: time.Hour}, Lifetime{Duration: 24 * time.Hour}, Lifetime{Session: true}, Lifetime{}
	ordered := []Lifetime{session, hour, day, none}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := shorter(a, b); got != ordered[min(i, j)] {
				t.Errorf("of %q and %q: got %q", a, b, got)
			}
		}
	}
}

// The order of declarations is a matter of taste.
func TestRulesIgnoreOrder(t *testing.T) {
	cfg := Config{Cookies: []Cookie{
		cookies(Statistics, "a*"), cookies(ThirdParty, "*a"), cookies(FirstParty, "a*a", "aba"), cookies(Necessary, "ab*"),
	}}
	names := []string{"a", "aa", "ab", "aba", "abba", "ba", "b", "abc"}
	want := fmt.Sprint(categoriesOf(mustNew(t, cfg), names))
	if first := fmt.Sprint([]string{ThirdParty, ThirdParty, Statistics, ThirdParty, ThirdParty, ThirdParty, FirstParty, Statistics}); want != first {
		t.Errorf("got %s, not %s", want, first)
	}
	slices.Reverse(cfg.Cookies)
	if got := fmt.Sprint(categoriesOf(mustNew(t, cfg), names)); got != want {
		t.Errorf("reversed: got %s, want %s", got, want)
	}
}

func categoriesOf(p *Policy, names []string) []string {
	var categories []string
	for _, name := range names {
		categories = append(categories, p.CookieRule(name).Category)
	}
	return categories
}
