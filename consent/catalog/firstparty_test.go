package catalog

import "testing"

// TestFirstParty looks up names that services set on the site itself, where nothing
// but the name tells whose they are.
func TestFirstParty(t *testing.T) {
	rows := readTable(t, "firstparty.tsv", 4)
	if len(rows) < 80 {
		t.Fatalf("%d names; want at least 80", len(rows))
	}
	catalog := Default()
	for _, row := range rows {
		name, service, category, source := row[0], row[1], row[2], row[3]
		match, ok := catalog.Cookie(name)
		switch {
		case !ok:
			t.Errorf("%s of %s is not known (%s)", name, service, source)
		case match.Service == nil || match.ID() != service || match.Category != category || match.IsHint():
			t.Errorf("%s is found as %s, %s, hint %t; want %s, %s (%s)",
				name, match.ID(), match.Category, match.IsHint(), service, category, source)
		}
	}
	t.Logf("%d names", len(rows))
}
