package catalog

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// small is a catalog of a few entries.
func small(tb testing.TB) *Catalog {
	tb.Helper()
	c, err := Load(fstest.MapFS{
		"products/a.toml": {Data: []byte(goodProduct + `
[[product]]
id = "gamma"
name = "Gamma"
source = "https://gamma.example/"
confidence = "low"
cookies = [{ name = "_*_session", purpose = "session", hint = true }]
`)},
		"services/b.toml": {Data: []byte(goodService + `
[[service]]
id = "delta"
name = "Delta"
provider = "Delta Ltd."
category = "statistics"
purpose = "audience-measurement"
hosts = ["count.beta.example", "shared.example", "*.delta.example"]
cookies = [{ name = "_beta_delta_*" }, { name = "AMCV_*@AdobeOrg", category = "third_party" }, { name = "shared" }]
storage = ["betaStoreCount"]
source = "https://delta.example/"
confidence = "high"

[[service]]
id = "epsilon"
name = "Epsilon"
provider = "Epsilon Ltd."
category = "third_party"
purpose = "advertising"
hosts = ["shared.example"]
cookies = [{ name = "shared" }]
source = "https://epsilon.example/"
confidence = "high"
`)},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestLookups(t *testing.T) {
	c := small(t)
	for _, test := range []struct {
		find              func(string) (Match, bool)
		what              string
		id, category, tie string
	}{
		{c.Cookie, "alpha_session", "alpha", consent.Necessary, ""},
		{c.Cookie, "__Host-alpha_session", "alpha", consent.Necessary, ""},
		{c.Cookie, "alpha_0123abcd", "alpha", consent.Necessary, ""},
		{c.Cookie, "alpha_seen", "alpha", consent.Statistics, ""},
		{c.Cookie, "alpha_other", "", "", ""},
		{c.Cookie, "_beta_1", "beta", consent.ThirdParty, ""},
		{c.Cookie, "_beta_delta_1", "delta", consent.Statistics, ""},
		{c.Cookie, "AMCV_1%40AdobeOrg", "delta", consent.ThirdParty, ""},
		{c.Cookie, "uid", "", "", ""}, // another host's own
		{c.Cookie, "shared", "epsilon", consent.ThirdParty, "tie"},
		{c.Cookie, "_app_session", "gamma", consent.Necessary, ""},
		{c.Cookie, "", "", "", ""},
		{c.Host, "beta.example", "beta", consent.ThirdParty, ""},
		{c.Host, "beta.example.", "beta", consent.ThirdParty, ""},
		{c.Host, "x.y.beta.example", "beta", consent.ThirdParty, ""},
		{c.Host, "count.beta.example", "delta", consent.Statistics, ""},
		{c.Host, "x.count.beta.example", "beta", consent.ThirdParty, ""},
		{c.Host, "delta.example", "", "", ""}, // only what is below it is listed
		{c.Host, "x.delta.example", "delta", consent.Statistics, ""},
		{c.Host, "xdelta.example", "", "", ""},
		{c.Host, "shared.example", "epsilon", consent.ThirdParty, "tie"},
		{c.Host, "example", "", "", ""},
		{c.Host, "", "", "", ""},
		{c.StorageKey, "betaStore_1", "beta", consent.ThirdParty, ""},
		{c.StorageKey, "betaStoreCount", "delta", consent.Statistics, ""},
		{c.StorageKey, "store", "", "", ""},
	} {
		match, ok := test.find(test.what)
		if ok != (test.id != "") || match.ID() != test.id || match.Category != test.category || match.Tied != (test.tie != "") {
			t.Errorf("%q: got %q of %s, category %q, tied %t", test.what, match.ID(), match.Provider(), match.Category, match.Tied)
		}
	}
	if match, _ := c.Cookie("_app_session"); !match.IsHint() {
		t.Error("a hint is not told from what is known")
	}
	if _, _, ok := c.Known().Find("_app_session"); ok {
		t.Error("policies know a hint")
	}
}

// large is a catalog of some 2,500 names.
func large(tb testing.TB) (*Catalog, []string) {
	tb.Helper()
	var products, services strings.Builder
	var names []string
	for i := range 1250 {
		if i%5 == 0 {
			fmt.Fprintf(&products, "[[product]]\nid = \"p%04d\"\nname = \"P\"\nsource = \"https://p.example\"\nconfidence = \"high\"\ncookies = [\n", i)
			fmt.Fprintf(&services, "[[service]]\nid = \"s%04d\"\nname = \"S\"\nprovider = \"S\"\ncategory = \"statistics\"\npurpose = \"audience-measurement\"\nsource = \"https://s.example\"\nconfidence = \"high\"\nhosts = [\"s%d.example\"]\ncookies = [\n", i, i)
		}
		word := fmt.Sprintf("%c%c%d", 'a'+i%26, 'a'+i/26%26, i)
		name := "_" + word
		switch i % 8 {
		case 0:
			fmt.Fprintf(&products, "\t{ name = \"%s_<hex:8>\", purpose = \"session\" },\n", word)
			fmt.Fprintf(&services, "\t{ name = \"%s_*\" },\n", name)
			names = append(names, word+"_0123abcd", name+"_1.2.3")
		default:
			fmt.Fprintf(&products, "\t{ name = \"%s_session\", purpose = \"session\" },\n", word)
			fmt.Fprintf(&services, "\t{ name = \"%s\" },\n", name)
			names = append(names, word+"_session", name)
		}
		names = append(names, word+"_other", "_other_"+word)
		if i%5 == 4 {
			products.WriteString("]\n")
			services.WriteString("]\n")
		}
	}
	c, err := Load(fstest.MapFS{"products/p.toml": {Data: []byte(products.String())}, "services/s.toml": {Data: []byte(services.String())}})
	if err != nil {
		tb.Fatal(err)
	}
	return c, names
}

func TestLookingUpAllocatesNothing(t *testing.T) {
	c, names := large(t)
	if allocs := testing.AllocsPerRun(10, func() {
		for _, name := range names {
			c.Cookie(name)
			c.StorageKey(name)
		}
		c.Host("a.b.c.d.s5.example")
		c.Host("a.b.c.d.other.example")
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// BenchmarkCookie looks up names of which half are known, and says how much longer
// that takes than looking them up in a map of exact names.
func BenchmarkCookie(b *testing.B) {
	c, names := large(b)
	exact := make(map[string]*Match, len(names))
	for _, name := range names {
		if match, ok := c.Cookie(name); ok {
			exact[name] = &match
		}
	}
	i := 0
	next := func() string {
		if i++; i == len(names) {
			i = 0
		}
		return names[i]
	}
	b.ReportAllocs()
	for b.Loop() {
		c.Cookie(next())
	}
	took, n := b.Elapsed(), b.N
	start := time.Now()
	for range n {
		sink = exact[next()]
	}
	b.ReportMetric(float64(took)/float64(time.Since(start)), "x-map")
}

var sink *Match

func BenchmarkHost(b *testing.B) {
	c, _ := large(b)
	b.ReportAllocs()
	for b.Loop() {
		c.Host("www.stats.s5.example")
	}
}

// BenchmarkLoad is what the embedded catalog costs when it is first asked for.
func BenchmarkLoad(b *testing.B) {
	files, err := fs.Sub(data, "data")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		all, err := readAll(files)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := build(all); err != nil {
			b.Fatal(err)
		}
	}
}
