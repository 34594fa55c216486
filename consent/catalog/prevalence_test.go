package catalog

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// TestPrevalence looks up the hosts of the most widespread entities of the web. Those
// that consent is about are to be known by at least 99 % of their weight, and the
// first hundred entities, delivery networks and platforms included, all of them.
func TestPrevalence(t *testing.T) {
	// What an entity of a label may be for the catalog, and whether consent is what
	// pages need for it first of all.
	labels := map[string]struct {
		categories []string
		relevant   bool
	}{
		"marketing":   {[]string{consent.FirstParty, consent.ThirdParty}, true},
		"statistics":  {[]string{consent.Statistics}, true},
		"tag-manager": {[]string{consent.ThirdParty}, true},
		"embed":       {[]string{consent.ThirdParty}, true},
		"security":    {[]string{consent.ThirdParty}, true},
		"cdn":         {[]string{consent.ThirdParty}, false},
		"platform":    {[]string{consent.ThirdParty}, false},
		"functional":  {[]string{consent.ThirdParty}, false},
		"payment":     {[]string{consent.ThirdParty}, false},
		"consent":     {[]string{consent.ThirdParty, consent.Necessary}, false},
	}
	rows := readTable(t, "prevalence.tsv", 4)
	if len(rows) != 200 {
		t.Fatalf("%d entities; want 200", len(rows))
	}
	catalog := Default()
	relevant, known, total, covered := 0, 0, 0, 0
	for i, row := range rows {
		name, label := row[0], row[2]
		weight, err := strconv.Atoi(row[1])
		if err != nil {
			t.Fatal(err)
		}
		want, ok := labels[label]
		if !ok {
			t.Fatalf("%s: unknown label %q", name, label)
		}
		found := true
		for host := range strings.FieldsSeq(row[3]) {
			match, ok := catalog.Host(host)
			switch {
			case !ok:
				t.Logf("%d %s: host %s is not known", i+1, name, host)
			case !slices.Contains(want.categories, match.Category):
				t.Logf("%d %s (%s): host %s is found as %s, %s", i+1, name, label, host, match.ID(), match.Category)
			default:
				continue
			}
			found = false
		}
		if !found && i < 100 {
			t.Errorf("%s, the %dth, is not known as what it is", name, i+1)
		}
		if want.relevant {
			relevant++
			total += weight
			if found {
				known++
				covered += weight
			}
		}
	}
	share := 100 * float64(covered) / float64(total)
	t.Logf("%d of %d entities that consent is about, %.3f %% of their weight", known, relevant, share)
	if share < 99 {
		t.Errorf("the catalog knows %.3f %% of the weight; want at least 99 %%", share)
	}
}

// TestEuropeanServices looks up what is widespread in Europe and too small for a list
// of the world.
func TestEuropeanServices(t *testing.T) {
	for host, want := range map[string]struct{ id, category string }{
		"example.matomo.cloud":                            {"matomo", consent.Statistics},
		"example.containers.piwik.pro":                    {"piwik-pro", consent.Statistics},
		"code.etracker.com":                               {"etracker", consent.Statistics},
		"script.ioam.de":                                  {"infonline", consent.Statistics},
		"tag.aticdn.net":                                  {"piano-analytics", consent.Statistics},
		"logc406.xiti.com":                                {"xiti", consent.Statistics},
		"example.eulerian.net":                            {"eulerian", consent.Statistics},
		"www.wysistat.com":                                {"wysistat", consent.Statistics},
		"plausible.io":                                    {"plausible", consent.Statistics},
		"cdn.usefathom.com":                               {"fathom", consent.Statistics},
		"siteimproveanalytics.com":                        {"siteimprove", consent.Statistics},
		"pro.hit.gemius.pl":                               {"gemius", consent.Statistics},
		"www.econda-monitor.de":                           {"econda", consent.Statistics},
		"responder.wt-safetag.com":                        {"mapp-intelligence", consent.Statistics},
		"c.seznam.cz":                                     {"seznam-sklik", consent.ThirdParty},
		"web-sdk.smartlook.com":                           {"smartlook", consent.Statistics},
		"t.contentsquare.net":                             {"contentsquare", consent.Statistics},
		"try.abtasty.com":                                 {"ab-tasty", consent.Statistics},
		"example.kameleoon.eu":                            {"kameleoon", consent.Statistics},
		"sdk.privacy-center.org":                          {"didomi", consent.ThirdParty},
		"static.axept.io":                                 {"axeptio", consent.ThirdParty},
		"app.usercentrics.eu":                             {"usercentrics", consent.ThirdParty},
		"consent.cookiebot.com":                           {"cookiebot", consent.ThirdParty},
		"cdn.cookielaw.org":                               {"onetrust", consent.ThirdParty},
		"cdn.consentmanager.net":                          {"consentmanager", consent.ThirdParty},
		"maps.googleapis.com":                             {"google-maps", consent.ThirdParty},
		"tile.openstreetmap.org":                          {"openstreetmap", consent.ThirdParty},
		"www.youtube-nocookie.com":                        {"youtube", consent.ThirdParty},
		"player.vimeo.com":                                {"vimeo", consent.ThirdParty},
		"geo.dailymotion.com":                             {"dailymotion", consent.ThirdParty},
		"widgets.trustedshops.com":                        {"trusted-shops", consent.ThirdParty},
		"userlike-cdn-widgets.s3-eu-west-1.amazonaws.com": {"userlike", consent.ThirdParty},
	} {
		match, _ := Default().Host(host)
		if match.ID() != want.id || match.Category != want.category {
			t.Errorf("%s is found as %q, %q; want %s, %s", host, match.ID(), match.Category, want.id, want.category)
		}
	}
}

// readTable reads a table of testdata: a row a line, tabs between the fields, and
// comments behind "#".
func readTable(t *testing.T, name string, fields int) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for n, line := range strings.Split(string(text), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		row := strings.Split(line, "\t")
		if len(row) != fields {
			t.Fatalf("%s:%d: %d fields; want %d", name, n+1, len(row), fields)
		}
		rows = append(rows, row)
	}
	return rows
}
