//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

package sqlite

import (
	"database/sql"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

var sealingKey = []byte("a key that seals checkpoints")

func options(t testing.TB) ledger.Options {
	return ledger.Options{
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Key:    func() ([]byte, error) { return sealingKey, nil },
	}
}

// eventually waits for a condition, long enough for a busy machine, and reports
// whether it came to hold.
func eventually(condition func() bool) bool {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if condition() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

func openStore(t testing.TB, cfg Config) *Store {
	t.Helper()
	s := Open(cfg, options(t))
	t.Cleanup(func() { s.Close() })
	return s
}

func testShown(t testing.TB, page string) *ledger.Shown {
	t.Helper()
	shown, err := ledger.NewShown(ledger.ShownDocument{Policy: "AbCdEfGhIjKl", Declaration: []byte("{}"), Page: page})
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

func submission(t testing.TB, shown *ledger.Shown, at time.Time) *ledger.Submission {
	t.Helper()
	r, err := ledger.NewRecord(at)
	if err != nil {
		t.Fatal(err)
	}
	r.Site, r.Policy, r.Method, r.Language, r.Days = "www.example.test", "AbCdEfGhIjKl", "accept_all", "en", 182
	r.Categories = map[string]ledger.State{"statistics": ledger.Given, "first_party": ledger.Given, "third_party": ledger.Given}
	submitted, err := ledger.Submit(r, shown)
	if err != nil {
		t.Fatal(err)
	}
	return submitted
}

// fill appends n records, the first at the given time and a minute between them.
func fill(t testing.TB, s *Store, n int, from time.Time) []ledger.Position {
	t.Helper()
	shown := testShown(t, "page")
	var positions []ledger.Position
	for i := range n {
		position, err := s.Append(t.Context(), submission(t, shown, from.Add(time.Duration(i)*time.Minute)))
		if err != nil {
			t.Fatal(err)
		}
		positions = append(positions, position)
	}
	return positions
}

// verify returns what is wrong with a file.
func verify(t testing.TB, path string, keys [][]byte, kept ...ledger.KeptHead) (*ledger.Verification, []string) {
	t.Helper()
	r, err := OpenReader(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var found []string
	v, err := ledger.Verify(t.Context(), r, keys, kept, func(f ledger.Finding) {
		_, text, _ := strings.Cut(f.String(), ", ")
		if f.First == 0 {
			text = f.Problem
		}
		found = append(found, text)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v, found
}

// alter changes a file as who has SQL at hand could.
func alter(t testing.TB, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
