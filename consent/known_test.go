package consent

import (
	"strings"
	"testing"
)

// testKnown are a few known cookies, as the catalog has them.
var testKnown = func() *Known {
	k, err := NewKnown([]KnownCookie{
		{"PHPSESSID", Necessary},
		{"sessionid", Necessary},
		{"csrftoken", Necessary},
		{"django_language", Necessary},
		{"AWSALB", Necessary},
		{"JSESSIONID", Necessary},
		{"XSRF-TOKEN", Necessary},
		{"connect.sid", Necessary},
		{"__RequestVerificationToken", Necessary},
		{"wordpress_logged_in_<hex:32>", Necessary},
		{"wordpress_<hex:32>", Necessary},
		{"wp-settings-<digit:1-20>", Necessary},
		{"TS01<hex:6-9>", Necessary},
		{"saplb_<star:1>", Necessary},
		{".AspNetCore.Correlation.<base64:4>", Necessary},
		{"PD_<hex:2>-<hex:2>", Necessary},
		{"_counter", Statistics},
		{"_counter_*", Statistics},
		{"_counter_ad_*", ThirdParty},
		{"_counter_ad_id", FirstParty},
		{"AMCV_*@AdobeOrg", ThirdParty},
		{"mp_*_panel", FirstParty},
		{"*_visits", Statistics},
		{"both", FirstParty},
		{"both", ThirdParty},
		{"both", Statistics},
		{"tie_<hex:4>", Statistics},
		{"tie_<digit:4>", ThirdParty},
		{"tie_*", FirstParty},
	})
	if err != nil {
		panic(err)
	}
	return k
}()

func TestKnownFind(t *testing.T) {
	const none = ""
	tests := []struct {
		name, want string
		tied       bool
	}{
		{"", none, false},
		{"PHPSESSID", "PHPSESSID", false},
		{"phpsessid", none, false},
		{"PHPSESSID2", none, false},
		{"_counter", "_counter", false},

		// Prefixes
		{"__Host-PHPSESSID", "PHPSESSID", false},
		{"__Secure-PHPSESSID", "PHPSESSID", false},
		{"__Http-PHPSESSID", "PHPSESSID", false},
		{"__Host-Http-PHPSESSID", "PHPSESSID", false},
		{"__host-PHPSESSID", none, false},
		{"__Host-__Secure-PHPSESSID", none, false},
		{"__Host-", none, false},
		{"__RequestVerificationToken", "__RequestVerificationToken", false},
		{"__Host-TS01d65e80", "TS01<hex:6-9>", false},
		{"__Secure-_counter_x", "_counter_*", false},
		{"__Secure-my_visits", "*_visits", false},

		// Runs
		{"wordpress_0123456789abcdef0123456789abcdef", "wordpress_<hex:32>", false},
		{"wordpress_logged_in_0123456789abcdef0123456789abcdef", "wordpress_logged_in_<hex:32>", false},
		{"wordpress_0123456789ABCDEF0123456789ABCDEF", none, false},
		{"wordpress_0123456789abcdef0123456789abcde", none, false},
		{"wordpress_0123456789abcdef0123456789abcdef0", none, false},
		{"wordpress_", none, false},
		{"wp-settings-1", "wp-settings-<digit:1-20>", false},
		{"wp-settings-", none, false},
		{"wp-settings-x", none, false},
		{"TS01d65e80", "TS01<hex:6-9>", false},
		{"TS0", none, false},
		{"TS", none, false},
		{"T", none, false},
		{"saplb_*", "saplb_<star:1>", false},
		{"saplb_x", none, false},
		{"PD_0a-ff", "PD_<hex:2>-<hex:2>", false},
		{"PD_0a-f", none, false},
		{"PD_0aff", none, false},

		// Stars
		{"_counter_1", "_counter_*", false},
		{"_counter_", "_counter_*", false},
		{"_counters", none, false},
		{"_counter_ad_1", "_counter_ad_*", false},
		{"_counter_ad_id", "_counter_ad_id", false},
		{"mp_0123_panel", "mp_*_panel", false},
		{"mp__panel", "mp_*_panel", false},
		{"mp_panel", none, false},
		{"mp_", none, false},
		{"my_visits", "*_visits", false},
		{"_counter_visits", "_counter_*", false},
		{"visits", none, false},

		// A character that arrives escaped
		{"AMCV_0123@AdobeOrg", "AMCV_*@AdobeOrg", false},
		{"AMCV_0123%40AdobeOrg", "AMCV_*@AdobeOrg", false},
		{"AMCV_0123%40Adobe", none, false},

		// Ties
		{"both", "both", true},
		{"tie_abcd", "tie_<hex:4>", false},
		{"tie_1234", "tie_<digit:4>", true},
		{"__Host-tie_1234", "tie_<digit:4>", true},
		{"tie_12345", "tie_*", false},
	}
	for _, test := range tests {
		i, tied, ok := testKnown.Find(test.name)
		got := ""
		if ok {
			got = testKnown.cookies[i].Name
		}
		if got != test.want || tied != test.tied {
			t.Errorf("%q: got %q, tied %t, want %q, tied %t", test.name, got, tied, test.want, test.tied)
		}
	}
	if i, _, _ := testKnown.Find("both"); testKnown.cookies[i].Category != ThirdParty {
		t.Errorf("of a tie, %s wins", testKnown.cookies[i].Category)
	}
	if _, _, ok := nothingKnown.Find("PHPSESSID"); ok {
		t.Error("nothing knows something")
	}
}

// What is known without a declaration is of its category, unless the operator
// declared otherwise or exempted the category.
func TestKnownRules(t *testing.T) {
	exempt := Category{Name: Statistics, Exempt: "It is anonymous."}
	tests := []struct {
		desc       string
		cfg        Config
		name, want string
		declared   bool
	}{
		{"necessary", Config{}, "PHPSESSID", Necessary, true},
		{"statistics", Config{}, "_counter", Statistics, false},
		{"third party", Config{}, "_counter_ad_7", ThirdParty, false},
		{"nothing", Config{}, "_other", FirstParty, false},
		{"stricter unknown", Config{UnknownCookies: ThirdParty}, "_counter", Statistics, false},
		{"exempt category", Config{Categories: []Category{exempt}}, "_counter", FirstParty, false},
		{"exempt category, declared", Config{Categories: []Category{exempt}, Cookies: []Cookie{cookies(Statistics, "_counter")}}, "_counter", Statistics, true},
		{"declared milder", Config{Cookies: []Cookie{cookies(Necessary, "_counter_ad_*")}}, "_counter_ad_7", Necessary, true},
		{"declared stricter", Config{Cookies: []Cookie{cookies(ThirdParty, "PHP*")}}, "PHPSESSID", ThirdParty, true},
		{"own", Config{CookieName: "_counter"}, "_counter", Necessary, true},
	}
	for _, test := range tests {
		p := mustNew(t, test.cfg)
		if rule := p.CookieRule(test.name); rule.Category != test.want || rule.Declared != test.declared || rule.category != p.categoryIndex[test.want] {
			t.Errorf("%s: got %+v", test.desc, rule)
		}
		test.cfg.Known = nothingKnown
		bare, err := New(test.cfg)
		if err != nil {
			t.Fatal(err)
		}
		if bare.Fingerprint() != p.Fingerprint() {
			t.Errorf("%s: the fingerprint depends on what is known", test.desc)
		}
	}
}

func TestKnownMistakes(t *testing.T) {
	for name, want := range map[string]string{
		"":                 "a star alone",
		"*":                "a star alone",
		"a_<hex:8":         "opens a run",
		"a_hex:8>":         "closes a run",
		"a_<hxe:8>":        "is not a class of characters; allowed: alnum, ",
		"a_<hex>":          "is not a count",
		"a_<hex:0>":        "is not a count",
		"a_<hex:8-4>":      "is not a count",
		"a_<hex:8>f":       "would take what follows it",
		"a_<hex:8><hex:8>": "would take what follows it",
		"a_<hex:8>*":       "before the star",
		"a_*<hex:8>":       "behind the star",
		"a_*b*":            "another star",
	} {
		if _, err := NewKnown([]KnownCookie{{Name: name, Category: Statistics}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", name, err, want)
		}
	}
	if _, err := NewKnown([]KnownCookie{{Name: "a", Category: "ads"}}); err == nil || !strings.Contains(err.Error(), `"ads" is not a category; allowed: necessary, `) {
		t.Errorf("got %v", err)
	}
}
