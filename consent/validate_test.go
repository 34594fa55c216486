package consent

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestConfigErrors(t *testing.T) {
	category := func(c Category) Config { return Config{Categories: []Category{c}} }
	cookie := func(change func(*Cookie)) Config {
		c := cookies(Statistics, "a")
		change(&c)
		return Config{Cookies: []Cookie{cookies(Statistics, "first"), c}}
	}
	svc := func(change func(*Service)) Config {
		s := service("counter", Statistics)
		change(&s)
		return Config{Services: []Service{s}}
	}
	many := func(n int) Config {
		var cfg Config
		for i := range n {
			cfg.Categories = append(cfg.Categories, Category{Name: "c" + strconv.Itoa(i)})
		}
		return cfg
	}
	pattern := func(category, pattern string) Config { return Config{Cookies: []Cookie{cookies(category, pattern)}} }
	host := func(host string) Config { return svc(func(s *Service) { s.Hosts = []string{"a.example", host} }) }
	path := func(path string) Config { return svc(func(s *Service) { s.Paths = []string{path} }) }
	policy := func(url string) Config { return svc(func(s *Service) { s.Policy = url }) }

	for _, tt := range []struct {
		name         string
		cfg          Config
		field, value string
		problem      string // part of it
		allowed      string // one of them
	}{
		{"negative revision", Config{Revision: -1}, "revision", "-1", "less than 0", ""},
		{"cookie name with a blank", Config{CookieName: "my prefs"}, "cookie_name", "my prefs", "not a cookie name", ""},
		{"long cookie name", Config{CookieName: strings.Repeat("a", 65)}, "cookie_name", strings.Repeat("a", 65), "at most 64", ""},

		{"no category name", category(Category{}), "categories[0].name", "", "not a name", ""},
		{"upper-case category", category(Category{Name: "Ads"}), "categories[0].name", "Ads", "lower-case", ""},
		{"hyphen in a category", category(Category{Name: "a-b"}), "categories[0].name", "a-b", "not a name", ""},
		{"category begins with a digit", category(Category{Name: "1st"}), "categories[0].name", "1st", "beginning with a letter", ""},
		{"long category", category(Category{Name: strings.Repeat("a", 33)}), "categories[0].name", strings.Repeat("a", 33), "at most 32", ""},
		{"category twice", Config{Categories: []Category{{Name: "ads"}, {Name: "ads"}}}, "categories[1].name", "ads", "duplicate", ""},
		{"built-in category twice", Config{Categories: []Category{{Name: Statistics}, {Name: Statistics}}}, "categories[1].name", Statistics, "duplicate", ""},
		{"too many categories", many(13), "categories[12].name", "c12", "16", ""},
		{"exempt and necessary", category(Category{Name: Necessary, Exempt: "why"}), "categories[0].exempt", "why", "superfluous", ""},
		{"blank exemption", category(Category{Name: Statistics, Exempt: " "}), "categories[0].exempt", "", "blank", ""},
		{"empty title", category(Category{Name: Statistics, Title: Text{"": ""}}), "categories[0].title", "", "must not be empty", ""},
		{"empty description in a language", category(Category{Name: Statistics, Description: Text{"": "a", "de": " "}}), "categories[0].description", "de", "has an empty text", ""},
		{"upper-case language", category(Category{Name: Statistics, Title: Text{"pt-BR": "a"}}), "categories[0].title", "pt-BR", "language tag", ""},

		{"unknown category of unknown cookies", Config{UnknownCookies: "ads"}, "unknown_cookies", "ads", "is not a category", ThirdParty},
		{"unknown cookies necessary", Config{UnknownCookies: Necessary}, "unknown_cookies", Necessary, "always does", FirstParty},
		{"unknown hosts necessary", Config{UnknownHosts: Necessary}, "unknown_hosts", Necessary, "always does", ThirdParty},
		{"unknown cookies exempt", Config{UnknownCookies: Statistics, Categories: []Category{{Name: Statistics, Exempt: "why"}}}, "unknown_cookies", Statistics, "always does", FirstParty},
		{"the default exempt", category(Category{Name: FirstParty, Exempt: "why"}), "unknown_cookies", FirstParty, "always does", ThirdParty},

		{"first party with a scheme", Config{FirstParty: []string{"https://a.example"}}, "first_party[0]", "https://a.example", "not a host", ""},
		{"first party of everybody", Config{FirstParty: []string{"*.co.uk"}}, "first_party[0]", "*.co.uk", "public suffix", ""},

		{"no pattern", cookie(func(c *Cookie) { c.Patterns = nil }), "cookies[1].patterns", "", "at least one", ""},
		{"no category", cookie(func(c *Cookie) { c.Category = "" }), "cookies[1].category", "", "must name a category", Statistics},
		{"unknown category", cookie(func(c *Cookie) { c.Category = "statistic" }), "cookies[1].category", "statistic", "is not a category", Statistics},
		{"no provider", cookie(func(c *Cookie) { c.Provider = " " }), "cookies[1].provider", "", "must not be empty", ""},
		{"no purpose", cookie(func(c *Cookie) { c.Purpose = nil }), "cookies[1].purpose", "", "must not be empty", ""},
		{"blank purpose", cookie(func(c *Cookie) { c.Purpose = Text{"": "\t"} }), "cookies[1].purpose", "", "must not be empty", ""},
		{"empty function", cookie(func(c *Cookie) { c.Function = Text{"en": ""} }), "cookies[1].function", "en", "has an empty text", ""},
		{"lifetime too long", cookie(func(c *Cookie) { c.Lifetime.Duration = 401 * 24 * time.Hour }), "cookies[1].lifetime", "401d", "400 days", ""},
		{"lifetime with half a second", cookie(func(c *Cookie) { c.Lifetime.Duration = time.Second / 2 }), "cookies[1].lifetime", "500ms", "whole seconds", ""},
		{"negative lifetime", cookie(func(c *Cookie) { c.Lifetime.Duration = -time.Hour }), "cookies[1].lifetime", "-1h0m0s", "whole seconds", ""},
		{"two lifetimes", cookie(func(c *Cookie) { c.Lifetime = Lifetime{Session: true, Duration: time.Hour} }), "cookies[1].lifetime", "1h0m0s", "contradicts", ""},

		{"empty pattern", pattern(Statistics, ""), "cookies[0].patterns[0]", "", "must not be empty", ""},
		{"pattern with a control byte", pattern(Statistics, "a\x01"), "cookies[0].patterns[0]", "a\x01", "cannot match", ""},
		{"pattern with DEL", pattern(Statistics, "a\x7f"), "cookies[0].patterns[0]", "a\x7f", "cannot match", ""},
		{"pattern with a semicolon", pattern(Statistics, "a;b"), "cookies[0].patterns[0]", "a;b", "cannot match", ""},
		{"pattern with an equals sign", pattern(Statistics, "a=b"), "cookies[0].patterns[0]", "a=b", "cannot match", ""},
		{"pattern with a blank in front", pattern(Statistics, " a"), "cookies[0].patterns[0]", " a", "cannot match", ""},
		{"pattern with a blank behind", pattern(Statistics, "a* "), "cookies[0].patterns[0]", "a* ", "cannot match", ""},
		{"long pattern", pattern(Statistics, strings.Repeat("a", 257)), "cookies[0].patterns[0]", strings.Repeat("a", 257), "256", ""},
		{"everything necessary", pattern(Necessary, "*"), "cookies[0].patterns[0]", "*", "matches every cookie", ""},
		{"everything necessary, in two stars", pattern(Necessary, "**"), "cookies[0].patterns[0]", "**", "matches every cookie", ""},
		{"everything necessary, in a service", Config{Services: []Service{service("all", Necessary, "*")}}, "services[0].cookies[0]", "*", "matches every cookie", ""},
		{"own cookie in another category", pattern(Statistics, "cookies_preferences"), "cookies[0].patterns[0]", "cookies_preferences", "always necessary", ""},
		{"own cookie in a service", Config{CookieName: "prefs", Services: []Service{service("counter", ThirdParty, "prefs")}}, "services[0].cookies[0]", "prefs", "always necessary", ""},

		{"pattern twice in a block", Config{Cookies: []Cookie{cookies(Statistics, "a", "b", "a")}}, "cookies[0].patterns[2]", "a", "duplicate", ""},
		{"pattern twice in a category", Config{Cookies: []Cookie{cookies(Statistics, "a"), cookies(Statistics, "a")}}, "cookies[1].patterns[0]", "a", "duplicate of cookies[0].patterns[0]", ""},
		{"the same pattern in other stars", Config{Cookies: []Cookie{cookies(Statistics, "a*"), cookies(Statistics, "a**")}}, "cookies[1].patterns[0]", "a*", "duplicate", ""},
		{"pattern in two categories", Config{Cookies: []Cookie{cookies(Statistics, "a"), cookies(ThirdParty, "a")}}, "cookies[1].patterns[0]", "a", "contradictory: it belongs to third_party here and to statistics in cookies[0].patterns[0]", ""},
		{"pattern in two categories of services", Config{Services: []Service{service("a", Statistics, "x*"), service("b", ThirdParty, "x*")}}, "services[1].cookies[0]", "x*", "contradictory", ""},
		{"cookie block against service", Config{Cookies: []Cookie{cookies(Necessary, "a")}, Services: []Service{service("s", Statistics, "a")}}, "services[0].cookies[0]", "a", "contradictory", ""},
		{"pattern twice in a service", Config{Services: []Service{service("s", Statistics, "a", "a")}}, "services[0].cookies[1]", "a", "duplicate", ""},

		{"service without id", svc(func(s *Service) { s.ID = "" }), "services[0].id", "", "not an id", ""},
		{"service with a hyphen in front", svc(func(s *Service) { s.ID = "-a" }), "services[0].id", "-a", "beginning with", ""},
		{"service with a colon", svc(func(s *Service) { s.ID = "a:b" }), "services[0].id", "a:b", "not an id", ""},
		{"long service id", svc(func(s *Service) { s.ID = strings.Repeat("a", 65) }), "services[0].id", strings.Repeat("a", 65), "at most 64", ""},
		{"service twice", Config{Services: []Service{service("a", Statistics), service("a", ThirdParty)}}, "services[1].id", "a", "duplicate", ""},
		{"service in no category", svc(func(s *Service) { s.Category = "" }), "services[0].category", "", "must name a category", Necessary},
		{"service without provider", svc(func(s *Service) { s.Provider = "" }), "services[0].provider", "", "must not be empty", ""},
		{"service without purpose", svc(func(s *Service) { s.Purpose = Text{} }), "services[0].purpose", "", "must not be empty", ""},
		{"exempt service among the necessary", svc(func(s *Service) { s.Category, s.Exempt = Necessary, "why" }), "services[0].exempt", "why", "superfluous", ""},

		{"empty host", host(""), "services[0].hosts[1]", "", "not a host", ""},
		{"host twice", host("a.example"), "services[0].hosts[1]", "a.example", "duplicate", ""},
		{"host with a port", host("a.example:443"), "services[0].hosts[1]", "a.example:443", "not a host", ""},
		{"host with a path", host("a.example/x"), "services[0].hosts[1]", "a.example/x", "not a host", ""},
		{"host in upper case", host("A.example"), "services[0].hosts[1]", "A.example", "lower case", ""},
		{"star inside a host", host("a.*.example"), "services[0].hosts[1]", "a.*.example", "not a host", ""},
		{"star alone", host("*"), "services[0].hosts[1]", "*", "not a host", ""},
		{"public suffix", host("com"), "services[0].hosts[1]", "com", "public suffix", ""},
		{"everybody's hosts", host("*.github.io"), "services[0].hosts[1]", "*.github.io", "public suffix", ""},

		{"path without a slash", path("matomo/"), "services[0].paths[0]", "matomo/", "not a path", ""},
		{"path of another host", path("//evil.example/x"), "services[0].paths[0]", "//evil.example/x", "not a path", ""},
		{"path with a query", path("/a?b"), "services[0].paths[0]", "/a?b", "not a path", ""},
		{"every path", path("/*"), "services[0].paths[0]", "/*", "whole site", ""},
		{"path twice", svc(func(s *Service) { s.Paths = []string{"/a", "/a"} }), "services[0].paths[1]", "/a", "duplicate", ""},
		{"short text of a script", svc(func(s *Service) { s.Inline = []string{"fbq(", "( "} }), "services[0].inline[1]", "( ", "less than 3", ""},
		{"text of a script twice", svc(func(s *Service) { s.Inline = []string{"fbq(", "fbq("} }), "services[0].inline[1]", "fbq(", "duplicate", ""},
		{"text of a script with a line break", svc(func(s *Service) { s.Inline = []string{"fbq(\n"} }), "services[0].inline[0]", "fbq(\n", "control", ""},
		{"empty storage key", svc(func(s *Service) { s.Storage = []string{""} }), "services[0].storage[0]", "", "must not be empty", ""},
		{"storage key with a control character", svc(func(s *Service) { s.Storage = []string{"a\n"} }), "services[0].storage[0]", "a\n", "control", ""},
		{"long storage key", svc(func(s *Service) { s.Storage = []string{strings.Repeat("a", 257)} }), "services[0].storage[0]", strings.Repeat("a", 257), "256", ""},
		{"storage key twice", svc(func(s *Service) { s.Storage = []string{"a", "a"} }), "services[0].storage[1]", "a", "duplicate", ""},
		{"every key necessary", svc(func(s *Service) { s.Category, s.Storage = Necessary, []string{"*"} }), "services[0].storage[0]", "*", "every key", ""},

		{"script as policy", policy("javascript:alert(1)"), "services[0].policy", "javascript:alert(1)", "not an address", "an http or https URL"},
		{"policy of another host", policy("//evil.example/"), "services[0].policy", "//evil.example/", "not an address", ""},
		{"policy of another host, as browsers read it", policy("///evil.example/"), "services[0].policy", "///evil.example/", "not an address", ""},
		{"policy behind a backslash", policy(`/\evil.example/`), "services[0].policy", `/\evil.example/`, "not an address", ""},
		{"policy without host", policy("https://"), "services[0].policy", "https://", "not an address", ""},
		{"policy as a word", policy("privacy"), "services[0].policy", "privacy", "not an address", ""},
		{"policy with a blank", policy("https://a.example/a b"), "services[0].policy", "https://a.example/a b", "not an address", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(tt.cfg)
			var e *ConfigError
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want a ConfigError", err)
			}
			if e.Field != tt.field || e.Value != tt.value || !strings.Contains(e.Problem, tt.problem) {
				t.Errorf("got field %q, value %q, problem %q; want %q, %q, %q", e.Field, e.Value, e.Problem, tt.field, tt.value, tt.problem)
			}
			if tt.allowed != "" && !slices.Contains(e.Allowed, tt.allowed) {
				t.Errorf("allowed %q lacks %q", e.Allowed, tt.allowed)
			}
		})
	}
}

func TestConfigErrorText(t *testing.T) {
	_, err := New(Config{Cookies: []Cookie{cookies("statistic", "a")}})
	const want = `cookies[0].category: "statistic" is not a category; allowed: necessary, statistics, first_party, third_party`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = New(Config{Cookies: []Cookie{{Patterns: []string{"a"}, Category: Statistics}}})
	const missing = `cookies[0].provider: must not be empty: visitors read who is behind it`
	if err == nil || err.Error() != missing {
		t.Errorf("got %v, want %s", err, missing)
	}
}

// What stands at the edge of an error is no error.
func TestValidConfig(t *testing.T) {
	cfg := Config{
		CookieName:     "__Host-prefs!#$%&'*+-.^_`|~",
		UnknownCookies: "c11",
		UnknownHosts:   Statistics,
		FirstParty:     []string{"static.example.net", "*.example.org", "localhost", "192.0.2.7", "bücher.example"},
		Cookies: []Cookie{
			{Patterns: []string{"*", "a b", "größe", "a[b]", strings.Repeat("a", 256)}, Category: ThirdParty, Provider: "Example", Purpose: Text{"": "a", "pt-br": "b", "zh-hant-tw": "c"}, Lifetime: Lifetime{Duration: 400 * 24 * time.Hour}},
			cookies(Necessary, "__Host-prefs!#$%&'*+-.^_`|~", "s*"),
		},
		Services: []Service{
			{ID: "0_a-" + strings.Repeat("b", 60), Category: ThirdParty, Provider: "Example", Purpose: purpose, Exempt: "because", Cookies: []string{"*"}, Hosts: []string{"_dmarc.a.example", "*.b.example"}, Paths: []string{"/", "/matomo/*", "/*.gif"}, Storage: []string{"*", "a=b;c d"}, Policy: "https://a.example/privacy?x#y"},
			{ID: "b", Category: ThirdParty, Provider: "Example", Purpose: purpose, Cookies: []string{"*"}, Policy: "/privacy"},
		},
	}
	for i := range 12 {
		cfg.Categories = append(cfg.Categories, Category{Name: "c" + strconv.Itoa(i)})
	}
	p := mustNew(t, cfg)
	if got := len(p.Categories()); got != MaxCategories {
		t.Errorf("got %d categories, want %d", got, MaxCategories)
	}
	if got := p.Config().FirstParty[4]; got != "xn--bcher-kva.example" {
		t.Errorf("got %q for a host that is not ASCII", got)
	}
	if cfg.FirstParty[4] != "bücher.example" {
		t.Error("New changed the caller's configuration")
	}
}
