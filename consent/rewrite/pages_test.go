package rewrite

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkPage checks all that holds for every page.
func checkPage(t *testing.T, page string) {
	t.Helper()
	for _, documentOnly := range []bool{false, true} {
		want, whole := rewritten(t, marks(documentOnly), page, len(page)+1)
		checkIdentity(t, page, want, whole)
		for _, n := range chunkSizes {
			got, r := rewritten(t, marks(documentOnly), page, n)
			if got != want || r.Skipped() != whole.Skipped() {
				t.Fatalf("in chunks of %d, %q became\n %q, %s, instead of\n %q, %s", n, page, got, r.Skipped(), want, whole.Skipped())
			}
		}
	}
	for _, n := range chunkSizes {
		checkSkim(t, []byte(page), n)
	}
	if utf8.ValidString(page) {
		checkInsertion(t, page)
	}
}

// TestPages runs documents through a Rewriter that were made to show where
// browsers see more in a page than others; they are read from beside the
// repository.
func TestPages(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "vectors", "html-requests-chromium.json"))
	if err != nil {
		t.Skip("the documents are not there")
	}
	var doc struct {
		Vectors []struct {
			ID, Note    string
			ContentType string `json:"content_type"`
			Body        []byte `json:"body_b64"`
		}
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, v := range doc.Vectors {
		if strings.Contains(strings.ToLower(v.ContentType), "utf-16") {
			continue
		}
		n++
		t.Run(v.ID+" "+v.Note, func(t *testing.T) { checkPage(t, string(v.Body)) })
	}
	t.Logf("%d documents", n)
}
