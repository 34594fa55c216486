package catalog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

func TestLists(t *testing.T) {
	tests := []struct {
		name, file, text string
		kind             ListKind
		found, skipped   int
		known, unknown   []string // hosts
	}{
		{
			"hosts file", "hosts",
			"# what the machine blocks\n127.0.0.1 localhost localhost.localdomain\n::1 ip6-localhost\n0.0.0.0 0.0.0.0\n\n0.0.0.0 track.example # comment\n0.0.0.0\tAds.Example\tads2.example\r\n",
			Hosts, 3, 4,
			[]string{"track.example", "ads.example", "ads2.example"},
			[]string{"localhost", "x.track.example", "example", "0.0.0.0"},
		},
		{
			"domains", "domains.txt",
			"\ufeff# domains\ntrack.example\nAds.example # comment\n*.below.example\n192.0.2.1\n",
			Domains, 3, 1,
			[]string{"track.example", "x.track.example", "ads.example", "x.below.example"},
			[]string{"below.example", "example", "xtrack.example"},
		},
		{
			"filters", "easy.txt",
			"[Adblock Plus 2.0]\n! Title: filters\n||track.example^\n||ads.example^$third-party\n||ads3.example^$3p\n||part.example^$script\n||path.example/ads^\n@@||fine.example^\n/banner/*\n##.ad\nexample.org###ad\n||*.star.example^\n||open.example\n||com^\n",
			Filters, 3, 9,
			[]string{"track.example", "x.track.example", "ads.example", "ads3.example"},
			[]string{"part.example", "path.example", "fine.example", "example.org", "open.example", "x.com"},
		},
		{
			"filters without a header", "list",
			"! comment\n||track.example^\n",
			Filters, 1, 0,
			[]string{"track.example"},
			nil,
		},
		{
			"entries", "own.toml",
			"[[service]]\nid = \"counter\"\nname = \"Counter\"\nprovider = \"Example\"\ncategory = \"statistics\"\npurpose = \"audience-measurement\"\nhosts = [\"track.example\"]\ncookies = [{ name = \"_own\" }]\n",
			Entries, 1, 0,
			[]string{"track.example"}, []string{"x.track.example"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), test.file)
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			l, err := ReadList(file)
			if err != nil {
				t.Fatal(err)
			}
			if l.Kind != test.kind || l.Found != test.found || l.Skipped != test.skipped {
				t.Errorf("got %s, %d found, %d skipped; want %s, %d, %d", l.Kind, l.Found, l.Skipped, test.kind, test.found, test.skipped)
			}
			c, err := small(t).With(l)
			if err != nil {
				t.Fatal(err)
			}
			for _, host := range test.known {
				if match, ok := c.Host(host); !ok || match.Category == consent.Necessary || (match.List == l) == (l.Kind == Entries) {
					t.Errorf("%s: got %+v", host, match)
				}
			}
			for _, host := range test.unknown {
				if match, ok := c.Host(host); ok {
					t.Errorf("%s: got %+v", host, match)
				}
			}
		})
	}
}

// What an operator knows goes before what the catalog knows of the same thing.
func TestOwnEntriesGoFirst(t *testing.T) {
	own, err := parseList(document{"own.toml", `
[[product]]
id = "portal"
name = "Portal"
cookies = [
	{ name = "portal_ticket", purpose = "log-in" },
	{ name = "alpha_session", category = "third_party", purpose = "advertising" },
	{ name = "_beta_*", category = "statistics", purpose = "audience-measurement" },
	{ name = "_beta_login", purpose = "log-in" },
]
[[service]]
id = "delta"
name = "Own Delta"
provider = "Example"
category = "first_party"
purpose = "audience-measurement"
hosts = ["beta.example"]
storage = ["betaStore*"]
`})
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := parseList(document{"hosts", "0.0.0.0 beta.example\n0.0.0.0 x.y.beta.example\n"})
	if err != nil {
		t.Fatal(err)
	}
	embedded := small(t)
	c, err := embedded.With(own, hosts)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		find         func(string) (Match, bool)
		what         string
		id, category string
	}{
		{c.Cookie, "portal_ticket", "portal", consent.Necessary},
		{c.Cookie, "alpha_session", "portal", consent.ThirdParty},
		{c.Cookie, "alpha_0123abcd", "alpha", consent.Necessary},
		{c.Cookie, "_beta_1", "portal", consent.Statistics},
		{c.Cookie, "_beta_login", "portal", consent.Necessary},
		{c.Cookie, "_beta_delta_1", "portal", consent.Statistics}, // the more specific entry was replaced
		{c.Host, "beta.example", "delta", consent.FirstParty},
		{c.Host, "x.y.beta.example", "beta", consent.ThirdParty},
		{c.StorageKey, "betaStore_1", "delta", consent.FirstParty},
	} {
		match, ok := test.find(test.what)
		if !ok || match.ID() != test.id || match.Category != test.category || match.Tied {
			t.Errorf("%s: got %q, %q, tied %t", test.what, match.ID(), match.Category, match.Tied)
		}
	}
	if match, _ := embedded.Cookie("alpha_session"); match.Category != consent.Necessary {
		t.Error("the catalog before was changed")
	}
}

func TestListMistakes(t *testing.T) {
	for _, test := range []struct{ name, file, text, want string }{
		{"empty", "a.txt", "", "a.txt: holds nothing that can be used; allowed are entries in TOML, hosts files, "},
		{"comments alone", "a.txt", "# nothing\n", "a.txt: holds nothing"},
		{"binary", "a.txt", "a\x00b", "a.txt: is not a text"},
		{"not UTF-8", "a.txt", "a\xff", "a.txt: is not a text"},
		{"not a host", "a.txt", "a.example\nnot a host\n", `a.txt:2: "not a host" is not a host`},
		{"public suffix", "a.txt", "a.example\nco.uk\n", `a.txt:2: "co.uk" is not a host`},
		{"not a line of a hosts file", "a", "0.0.0.0 a.example\na.example\n", `a:2: "a.example" is not an address and a name`},
		{"not a name in a hosts file", "a", "0.0.0.0 a.example\n0.0.0.0 a/b.example\n", `a:2: "a/b.example" is not a host`},
		{"filters of nothing", "a.txt", "! filters\n/ads/*\n", "a.txt: holds nothing"},
		{"syntax", "a.toml", "[[service]]\nid = counter\n", "a.toml:2: "},
		{"unknown key", "a.toml", "[[service]]\nid = \"counter\"\nhots = []\n", `a.toml:3: "service.hots" is not a key`},
		{"unknown category", "a.toml", strings.Replace(goodService, "third_party", "ads", 1), `a.toml:5: "ads" is not a category; allowed: necessary, `},
		{"necessary from memory", "a.toml", strings.Replace(goodService, "third_party", "necessary", 1), `nothing is from memory alone`},
		{"taken by the catalog", "a.toml", "[[product]]\nid = \"own\"\nname = \"Own\"\ncookies = [{ name = \"alpha_<lownum:8>\", category = \"statistics\", purpose = \"audience-measurement\" }]\n", ""},
		{"taken by a tracker", "a.toml", "[[product]]\nid = \"own\"\nname = \"Own\"\ncookies = [{ name = \"_beta_<hex:4>\", purpose = \"session\" }]\n", ""},
		{"id twice", "a.toml", goodService + goodService, `a.toml:16: the id "beta" is taken by a.toml`},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := parseList(document{test.file, test.text})
			if err == nil {
				_, err = small(t).With(l)
			}
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
	if _, err := ReadList(filepath.Join(t.TempDir(), "missing")); err == nil || !strings.Contains(err.Error(), "missing: can't be read: no such file") {
		t.Errorf("got %v", err)
	}
	if _, err := ReadList(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Errorf("got %v", err)
	}
}
