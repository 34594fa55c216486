package consent

import (
	"slices"
	"strings"
	"testing"
)

func TestFingerprint(t *testing.T) {
	base := mustNew(t, portal()).Fingerprint()
	if len(base) != 12 || strings.Trim(base, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("got %q", base)
	}
	// Upgrades must not ask everybody again.
	if got := mustNew(t, Config{}).Fingerprint(); got != "TMXq00pTzBor" {
		t.Errorf("the fingerprint of the bare policy is %s", got)
	}

	stays := map[string]func(*Config){
		"nothing":                 func(*Config) {},
		"title":                   func(c *Config) { c.Categories[0].Title = Text{"": "Offers", "fr": "Offres"} },
		"description":             func(c *Config) { c.Categories[0].Description = Text{"": "Other."} },
		"title of a built-in one": func(c *Config) { c.Categories = append(c.Categories, Category{Name: Statistics, Title: purpose}) },
		"function":                func(c *Config) { c.Cookies[2].Function = Text{"": "Counts."} },
		"lifetime":                func(c *Config) { c.Cookies[2].Lifetime = Lifetime{Session: true} },
		"recipients":              func(c *Config) { c.Cookies[2].Recipients = "nobody" },
		"policy":                  func(c *Config) { c.Services[0].Policy = "/privacy" },
		"necessary cookie":        func(c *Config) { c.Cookies = append(c.Cookies, cookies(Necessary, "new")) },
		"purpose of a necessary":  func(c *Config) { c.Cookies[0].Purpose = Text{"": "Other."} },
		"no necessary cookie":     func(c *Config) { c.Cookies = c.Cookies[1:] },
		"necessary service":       func(c *Config) { c.Services = append(c.Services, service("cart", Necessary, "basket")) },
		"exempt category":         func(c *Config) { c.Categories = append(c.Categories, Category{Name: "audience", Exempt: "why"}) },
		"cookie of an exempt one": func(c *Config) {
			c.Categories = append(c.Categories, Category{Name: "audience", Exempt: "why"})
			c.Cookies = append(c.Cookies, cookies("audience", "x"))
		},
		"exempt service": func(c *Config) {
			s := service("new", Statistics, "new")
			s.Exempt = "why"
			c.Services = append(c.Services, s)
		},
		"further host of the site": func(c *Config) { c.FirstParty = []string{"static.example.net"} },
		"name of our cookie":       func(c *Config) { c.CookieName = "prefs" },
		"defaults spelled out": func(c *Config) {
			c.UnknownCookies, c.UnknownHosts, c.CookieName = FirstParty, ThirdParty, "cookies_preferences"
		},
		"order":           func(c *Config) { slices.Reverse(c.Cookies); slices.Reverse(c.Services) },
		"order in a list": func(c *Config) { slices.Reverse(c.Cookies[2].Patterns); slices.Reverse(c.Services[0].Cookies) },
		"one block as two": func(c *Config) {
			second := c.Cookies[2]
			c.Cookies[2].Patterns, second.Patterns = second.Patterns[:1], second.Patterns[1:]
			c.Cookies = append(c.Cookies, second)
		},
	}
	for name, change := range stays {
		cfg := portal()
		change(&cfg)
		if got := mustNew(t, cfg).Fingerprint(); got != base {
			t.Errorf("%s: the fingerprint changed", name)
		}
	}

	changes := map[string]func(*Config){
		"revision":                 func(c *Config) { c.Revision = 1 },
		"unknown cookies":          func(c *Config) { c.UnknownCookies = ThirdParty },
		"unknown hosts":            func(c *Config) { c.UnknownHosts = FirstParty },
		"new category":             func(c *Config) { c.Categories = append(c.Categories, Category{Name: "new"}) },
		"category of another name": func(c *Config) { c.Categories[0].Name, c.Cookies[3].Category = "ads", "ads" },
		"category made exempt":     func(c *Config) { c.Categories[0].Exempt = "why" },
		"new cookie":               func(c *Config) { c.Cookies = append(c.Cookies, cookies(ThirdParty, "new")) },
		"cookie gone":              func(c *Config) { c.Cookies = c.Cookies[:3] },
		"cookie of another name":   func(c *Config) { c.Cookies[2].Patterns = []string{"stats", "stats_x*"} },
		"cookie elsewhere":         func(c *Config) { c.Cookies[2].Category = ThirdParty },
		"cookie no more necessary": func(c *Config) { c.Cookies[0].Category = Statistics },
		"provider of a cookie":     func(c *Config) { c.Cookies[2].Provider = "Other" },
		"purpose of a cookie":      func(c *Config) { c.Cookies[2].Purpose = Text{"": "Other."} },
		"purpose in one language":  func(c *Config) { c.Cookies[2].Purpose = Text{"": purpose[""], "fr": "Autre."} },
		"language of a purpose":    func(c *Config) { c.Cookies[2].Purpose = Text{"en": purpose[""]} },
		"new service":              func(c *Config) { c.Services = append(c.Services, service("new", ThirdParty)) },
		"service gone":             func(c *Config) { c.Services = c.Services[:2] },
		"service of another id":    func(c *Config) { c.Services[0].ID = "count" },
		"service elsewhere":        func(c *Config) { c.Services[0].Category = FirstParty },
		"service made exempt":      func(c *Config) { c.Services[0].Exempt = "why" },
		"provider of a service":    func(c *Config) { c.Services[0].Provider = "Other" },
		"purpose of a service":     func(c *Config) { c.Services[0].Purpose = Text{"": "Other."} },
		"cookie of a service":      func(c *Config) { c.Services[0].Cookies = []string{"_pk_id.*"} },
		"host of a service":        func(c *Config) { c.Services[0].Hosts = []string{"stats.example.org"} },
		"path of a service":        func(c *Config) { c.Services[0].Paths = []string{"/matomo/*"} },
		"storage of a service":     func(c *Config) { c.Services[0].Storage = []string{"matomo*"} },
		"host as storage":          func(c *Config) { c.Services[0].Storage, c.Services[0].Hosts = c.Services[0].Hosts, nil },
	}
	seen := map[string]string{base: "nothing"}
	for name, change := range changes {
		cfg := portal()
		change(&cfg)
		got := mustNew(t, cfg).Fingerprint()
		if other, ok := seen[got]; ok {
			t.Errorf("%s: the fingerprint is that of %s", name, other)
		}
		seen[got] = name
	}
}

// Fields cannot run into each other.
func TestRecord(t *testing.T) {
	seen := map[string]bool{}
	for _, fields := range [][]string{{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"", "ab"}, {"ab", ""}, {"\x01a", "b"}, {record("a", "b")}} {
		r := record(fields...)
		if seen[r] {
			t.Errorf("%q has the record of others", fields)
		}
		seen[r] = true
	}
}
