package consent

import (
	"fmt"
	"testing"
)

// twentyNames are cookies as a browser sends them to a site like the one of
// benchmarkPolicy: declared ones, by name and by pattern, known and unknown ones.
var twentyNames = []string{
	"sessionid", "csrftoken", "django_language", "cookies_preferences", "PHPSESSID",
	"_ga", "_ga_ABCDEF1234", "_gid", "_pk_id.1.1fff", "_pk_ses.1.1fff",
	"stats", "stats_week", "_ad_7", "vid", "wordpress_logged_in_0123456789abcdef0123456789abcdef",
	"AWSALB", "TS01d65e80", "unknown", "theme", "_unknown_long_name_of_a_cookie",
}

func benchmarkPolicy(tb testing.TB) *Policy {
	cfg := portal()
	cfg.Cookies = append(cfg.Cookies, cookies(Statistics, "_ga", "_ga_*", "_gid"), cookies("advertising", "_*_long_*"))
	for i := range 40 {
		cfg.Services = append(cfg.Services, service(fmt.Sprintf("s%d", i), ThirdParty, fmt.Sprintf("%c%d_*", 'a'+i%26, i)))
	}
	return mustNew(tb, cfg)
}

func BenchmarkDecide20Cookies(b *testing.B) {
	p := benchmarkPolicy(b)
	pref := mustChoose(b, p, Choice{Method: Save, Categories: []string{Statistics}, Services: []string{"-counter", "video"}}, false)
	b.ReportAllocs()
	for b.Loop() {
		d := p.Decide(pref, false)
		for _, name := range twentyNames {
			d.Cookie(name)
		}
	}
}

func BenchmarkDecodePreference(b *testing.B) {
	p := benchmarkPolicy(b)
	value, err := p.EncodePreference(mustChoose(b, p, Choice{Method: AcceptAll}, false), testSite, testKey)
	if err != nil {
		b.Fatal(err)
	}
	keys := [][]byte{testKey}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.DecodePreference(value, testSite, keys, testMaxAge, testNow); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	cfg := *benchmarkPolicy(b).Config()
	b.ReportAllocs()
	for b.Loop() {
		mustNew(b, cfg)
	}
}

func TestDecidingAllocatesNothing(t *testing.T) {
	p := benchmarkPolicy(t)
	pref := mustChoose(t, p, Choice{Method: Save, Categories: []string{Statistics}, Services: []string{"-counter", "video"}}, false)
	allocs := testing.AllocsPerRun(100, func() {
		for _, gpc := range []bool{false, true} {
			d, unasked := p.Decide(pref, gpc), p.Decide(nil, gpc)
			for _, name := range twentyNames {
				d.Cookie(name)
				unasked.Cookie(name)
			}
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
