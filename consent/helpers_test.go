package consent

import (
	"testing"
	"time"
)

// Everything in the tests happens at noon of this day, on this site, under this key.
const (
	testDay    = 20_000
	testSite   = "example.com"
	testMaxAge = 182 * 24 * time.Hour
)

var (
	testNow = time.Unix(testDay*86400+43200, 0)
	testKey = []byte("0123456789abcdef0123456789abcdef")
)

// mustNew knows testKnown unless the configuration says what is known.
func mustNew(t testing.TB, cfg Config) *Policy {
	t.Helper()
	if cfg.Known == nil {
		cfg.Known = testKnown
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustChoose(t testing.TB, p *Policy, c Choice, gpc bool) *Preference {
	t.Helper()
	pref, err := p.Choose(c, testNow, gpc)
	if err != nil {
		t.Fatal(err)
	}
	return pref
}

// purpose and cookies keep the declarations of the tests short.
var purpose = Text{"": "Counts visits."}

func cookies(category string, patterns ...string) Cookie {
	return Cookie{Patterns: patterns, Category: category, Provider: "Example", Purpose: purpose}
}

func service(id, category string, cookies ...string) Service {
	return Service{ID: id, Category: category, Provider: "Example", Purpose: purpose, Cookies: cookies}
}

// portal is a declaration as sites have them.
func portal() Config {
	day := 24 * time.Hour
	return Config{
		Categories: []Category{
			{Name: "advertising", Title: Text{"": "Advertising"}, Description: Text{"": "Shows offers elsewhere."}},
		},
		Cookies: []Cookie{
			{Patterns: []string{"sessionid"}, Category: Necessary, Provider: "Example", Purpose: Text{"": "Keeps you logged in."}, Lifetime: Lifetime{Duration: 14 * day}},
			{Patterns: []string{"csrftoken"}, Category: Necessary, Provider: "Example", Purpose: Text{"": "Protects forms."}, Lifetime: Lifetime{Duration: 365 * day}},
			{Patterns: []string{"stats", "stats_*"}, Category: Statistics, Provider: "Example", Purpose: purpose, Lifetime: Lifetime{Duration: 30 * day}},
			{Patterns: []string{"_ad_*"}, Category: "advertising", Provider: "Example Ads", Purpose: Text{"": "Remembers offers."}, Lifetime: Lifetime{Duration: 90 * day}},
		},
		Services: []Service{
			{ID: "counter", Category: Statistics, Provider: "Counter", Purpose: purpose, Cookies: []string{"_pk_id.*", "_pk_ses.*"}, Hosts: []string{"stats.example.net"}},
			{ID: "video", Category: ThirdParty, Provider: "Video", Purpose: Text{"": "Plays films."}, Hosts: []string{"*.video.example"}, Cookies: []string{"vid"}},
			{ID: "maps", Category: ThirdParty, Provider: "Maps", Purpose: Text{"": "Shows maps."}, Hosts: []string{"maps.example"}, Cookies: []string{"vid"}},
		},
	}
}
