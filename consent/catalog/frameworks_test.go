package catalog

import (
	"os"
	"strings"
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// TestFrameworks asks for cookies as products really name them, with the answers that
// the products' own pages give.
func TestFrameworks(t *testing.T) {
	c := Default()
	rows := readRows(t, "testdata/frameworks.tsv", 4)
	if len(rows) < 150 {
		t.Errorf("%d cookies", len(rows))
	}
	for _, row := range rows {
		name, category, product := row[0], row[1], row[2]
		match, ok := c.Cookie(name)
		if !ok {
			t.Errorf("%q of %s is not known", name, product)
			continue
		}
		hint := category == "hint"
		if hint {
			category = consent.Necessary
		}
		if match.Category != category || match.IsHint() != hint {
			t.Errorf("%q of %s: got %s of %s, a hint: %t; want %s, a hint: %t", name, product, match.Category, match.Name(), match.IsHint(), category, hint)
		}
		if !match.Tied && match.Name() != product {
			t.Errorf("%q of %s is found as one of %s", name, product, match.Name())
		}
	}
}

// TestGenericNames asks for names that any application may give a cookie. They belong to
// nobody: a service that has one of them must name the host that sets it.
func TestGenericNames(t *testing.T) {
	c := Default()
	rows := readRows(t, "testdata/generic.tsv", 1)
	if len(rows) < 100 {
		t.Errorf("%d names", len(rows))
	}
	for _, row := range rows {
		for _, name := range []string{row[0], "__Host-" + row[0], "__Secure-" + row[0]} {
			if match, ok := c.Cookie(name); ok && match.Category != consent.Necessary {
				t.Errorf("%q is found as %q of %s, which is of category %s", name, match.Cookie.Name, match.Name(), match.Category)
			}
		}
	}
}

// readRows returns the rows of a file of tab-separated columns without its comments.
func readRows(t *testing.T, file string, columns int) [][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		row := strings.Split(line, "\t")
		if len(row) != columns {
			t.Fatalf("%s: %q has %d columns", file, line, len(row))
		}
		rows = append(rows, row)
	}
	return rows
}
