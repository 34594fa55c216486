package rewrite

import (
	"strings"
	"testing"
)

// A page that is stopped anywhere loses nothing, and gets nothing from there on.
func TestStop(t *testing.T) {
	const page = "<!doctype html><html lang=en>&#32;<head></head> <body><p>words<script>open"
	for at := range len(page) + 1 {
		var out strings.Builder
		r := New(&out, Options{
			BodyStart: func(Head) []byte { return []byte("START") },
			End:       func() []byte { return []byte("END") },
		})
		if _, err := r.Write([]byte(page[:at])); err != nil {
			t.Fatal(err)
		}
		if err := r.Stop(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Replace(out.String(), "START", "", 1); got != page[:at] {
			t.Fatalf("stopped after %q: %q is out", page[:at], got)
		}
		if _, err := r.Write([]byte(page[at:])); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Replace(out.String(), "START", "", 1); got != page {
			t.Fatalf("stopped after %q: %q", page[:at], got)
		}
	}
}
