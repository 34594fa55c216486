//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

package sqlite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

func TestPrune(t *testing.T) {
	path := filepath.Join(t.TempDir(), "consent.db")
	s := openStore(t, Config{Path: path})
	now := time.Now()
	const old, young = pruneStep + 100, 30
	fill(t, s, old, now.Add(-48*time.Hour).Add(-old*time.Minute))
	positions := fill(t, s, young, now.Add(-young*time.Minute))
	keys := [][]byte{[]byte("a younger key"), sealingKey}
	prune := func(before time.Time, want int) {
		t.Helper()
		n, err := Prune(t.Context(), path, before, false, options(t).Key, nil)
		if err != nil || n != want {
			t.Errorf("pruned %d, want %d: %v", n, want, err)
		}
	}
	prune(now.Add(-30*24*time.Hour), 0)
	prune(now.Add(-24*time.Hour), old)
	prune(now.Add(-24*time.Hour), 0)
	v, found := verify(t, path, keys, ledger.KeptHead{Head: ledger.Head{Count: old + young, Hash: positions[young-1].Hash}})
	if v.Records != young || v.Pruned != old || len(found) > 0 || len(v.Unsealed) > 0 {
		t.Errorf("%+v, found %q", v, found)
	}
	if v, found := verify(t, path, nil); len(found) > 0 || len(v.Unsealed) != 1 {
		t.Errorf("without a key: %+v, found %q", v, found)
	}
	if _, found := verify(t, path, keys[:1]); len(found) != 1 {
		t.Errorf("with another key: found %q", found)
	}
	fill(t, s, 1, now)
	prune(now.Add(time.Hour), young+1)
	if n := bodies(t, path); n != 0 {
		t.Errorf("%d of the pruned records are still in the file", n)
	}
	fill(t, s, 2, now)
	if v, found := verify(t, path, keys); v.Records != 2 || v.Pruned != old+young+1 || len(found) > 0 {
		t.Errorf("%+v, found %q", v, found)
	}
	s.Close()
	if n := bodies(t, path); n != 2 {
		t.Errorf("%d records are in the file, want 2", n)
	}
}

// bodies returns how many bodies are in a file, be it in free pages.
func bodies(t testing.TB, path string) int {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(content), `"method":"accept_all"`)
}

// A store prunes by itself what is older than its retention, while records come.
func TestRetention(t *testing.T) {
	path := filepath.Join(t.TempDir(), "consent.db")
	s := openStore(t, Config{Path: path})
	fill(t, s, 2*pruneStep, time.Now().Add(-100*24*time.Hour))
	s.Close()
	opts := options(t)
	opts.Retention = 30 * 24 * time.Hour
	s = Open(Config{Path: path}, opts)
	t.Cleanup(func() { s.Close() })
	if err := s.Begin(); err != nil {
		t.Fatal(err)
	}
	fill(t, s, 50, time.Now())
	if !eventually(func() bool {
		v, found := verify(t, path, [][]byte{sealingKey})
		if len(found) > 0 {
			t.Fatalf("found %q", found)
		}
		return v.Records == 50 && bodies(t, path) == 50
	}) {
		t.Errorf("old records are still there: %d bodies", bodies(t, path))
	}
}
