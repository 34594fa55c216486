//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

package sqlite

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

func TestRecordsOfManyClients(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "folder with ? and %", "consent.db")
	s := openStore(t, Config{Path: path})
	shown := []*ledger.Shown{testShown(t, "one"), testShown(t, "two")}
	const clients, each = 64, 20
	var positions sync.Map
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			for range each {
				position, err := s.Append(t.Context(), submission(t, shown[client%2], time.Now()))
				if err != nil {
					t.Error(err)
					return
				}
				if _, twice := positions.LoadOrStore(position.Sequence, position); twice {
					t.Errorf("place %d was given twice", position.Sequence)
				}
			}
		})
	}
	wg.Wait()
	v, found := verify(t, path, nil)
	if v.Records != clients*each || len(found) > 0 {
		t.Errorf("%d records, found %q", v.Records, found)
	}
	if status := s.Status(); status.Head != v.Chains[0].Head || status.Bytes == 0 || status.Err != nil {
		t.Errorf("status %+v, head %v", status, v.Chains[0].Head)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
}

// Two stores on one file, as of two processes during a restart, extend one chain.
// Whom the other one keeps waiting for too long, on a slow disk, tries again.
func TestTwoWritersShareAChain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "consent.db")
	stores := []*Store{openStore(t, Config{Path: path}), openStore(t, Config{Path: path})}
	shown := testShown(t, "page")
	var wg sync.WaitGroup
	for _, s := range stores {
		for range 8 {
			wg.Go(func() {
				for range 20 {
					var err error
					eventually(func() bool {
						_, err = s.Append(t.Context(), submission(t, shown, time.Now()))
						return !isBusy(err)
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	if v, found := verify(t, path, nil); v.Records != 320 || len(found) > 0 {
		t.Errorf("%d records, found %q", v.Records, found)
	}
}

// Processes that start at the same moment make one file, and none is refused.
func TestOpenAtOnce(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "consent.db")
		var wg sync.WaitGroup
		for range 4 {
			s := openStore(t, Config{Path: path})
			wg.Go(func() {
				if err := s.Begin(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

// A ledger can be read from when its file is there: a reader waits until it is made.
func TestReadWhileItIsMade(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "consent.db")
		s := openStore(t, Config{Path: path})
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.Begin(); err != nil {
				t.Error(err)
			}
		})
		for ; ; time.Sleep(100 * time.Microsecond) {
			if _, err := os.Stat(path); err == nil {
				break
			}
		}
		reader, err := OpenReader(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if chains, err := reader.Chains(t.Context()); err != nil || len(chains) != 1 {
			t.Errorf("chains %v, %v", chains, err)
		}
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	}
}

func TestCloseWritesWhatWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "consent.db")
	s := Open(Config{Path: path}, options(t)) // the file is not even there when it is closed
	shown := testShown(t, "page")
	var wg sync.WaitGroup
	var mu sync.Mutex
	var written int64
	for range 32 {
		wg.Go(func() {
			for {
				_, err := s.Append(t.Context(), submission(t, shown, time.Now()))
				if errors.Is(err, ledger.ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				written++
				mu.Unlock()
			}
		})
	}
	eventually(func() bool {
		mu.Lock()
		defer mu.Unlock()
		return written > 0
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if v, found := verify(t, path, nil); v.Records != written || len(found) > 0 {
		t.Errorf("%d records of %d, found %q", v.Records, written, found)
	}
	if err := s.Close(); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	if err := s.Begin(); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("begun after the end: %v", err)
	}
}

// What is left is one file, which is a whole ledger: also when it is closed while
// the check at the start looks through it.
func TestCloseLeavesOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "consent.db")
	s := Open(Config{Path: path}, options(t))
	fill(t, s, 1, time.Now())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// Long enough for the check to take a while.
	alter(t, path, `INSERT INTO shown SELECT randomblob(32), hex(randomblob(2000)), '2026-01-01T00:00:00Z' FROM
		(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i FROM n)`)
	for range 5 {
		s := Open(Config{Path: path}, options(t))
		fill(t, s, 1, time.Now())
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for _, suffix := range []string{"-wal", "-shm"} {
			if _, err := os.Stat(path + suffix); err == nil {
				t.Errorf("there is a %s", filepath.Base(path+suffix))
			}
		}
	}
}

// Whoever alters the file is told of, record by record.
func TestTampering(t *testing.T) {
	folder := t.TempDir()
	origin := filepath.Join(folder, "origin.db")
	s := Open(Config{Path: origin}, options(t))
	const records = 12
	positions := fill(t, s, records, time.Now())
	head := ledger.KeptHead{Head: ledger.Head{Count: records, Hash: positions[records-1].Hash}}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	pristine, err := os.ReadFile(origin)
	if err != nil {
		t.Fatal(err)
	}
	reset := func(t testing.TB) string {
		path := filepath.Join(t.TempDir(), "consent.db")
		if err := os.WriteFile(path, pristine, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if _, found := verify(t, reset(t), nil, head); len(found) > 0 {
		t.Fatalf("untouched: %q", found)
	}
	h := func(n int) string { return fmt.Sprintf("x'%s'", positions[n-1].Hash) }
	tests := []struct {
		name string
		sql  []string
		want []string // the beginnings of the findings
	}{
		{"body", []string{"UPDATE record SET body = replace(body, 'given', 'GIVEN') WHERE sequence = 5"}, []string{"record 5: altered"}},
		{"hash", []string{"UPDATE record SET hash = zeroblob(32) WHERE sequence = 5"}, []string{"record 5: altered", "record 6: altered"}},
		{"short hash", []string{"UPDATE record SET hash = x'00' WHERE sequence = 5"}, []string{"record 5: altered", "record 6: altered"}},
		{"first", []string{"DELETE FROM record WHERE sequence = 1"}, []string{"record 1: missing"}},
		{"one removed", []string{"DELETE FROM record WHERE sequence = 7"}, []string{"record 7: missing"}},
		{"some removed", []string{"DELETE FROM record WHERE sequence BETWEEN 3 AND 9"}, []string{"records 3 to 9: missing"}},
		{"closed up", []string{"DELETE FROM record WHERE sequence = 7", "UPDATE record SET sequence = -sequence WHERE sequence > 7", "UPDATE record SET sequence = -sequence - 1 WHERE sequence < 0"}, []string{"record 7: altered", "record 12: missing at the end", "record 12: it is not"}},
		{"exchanged", []string{"UPDATE record SET sequence = -4 WHERE sequence = 4", "UPDATE record SET sequence = 4 WHERE sequence = 9", "UPDATE record SET sequence = 9 WHERE sequence = -4"}, []string{"record 4: altered", "record 5: altered", "record 9: altered", "record 10: altered"}},
		{"bodies exchanged", []string{"CREATE TEMP TABLE o AS SELECT * FROM record", "UPDATE record SET body = (SELECT body FROM o WHERE o.sequence = 11 - record.sequence) WHERE sequence IN (5, 6)"}, []string{"record 5: altered", "record 6: altered"}},
		{"added", []string{"INSERT INTO record SELECT 13, body, zeroblob(32) FROM record WHERE sequence = 1"}, []string{"record 13: altered", "record 13: more than the head counts"}},
		{"cut", []string{"DELETE FROM record WHERE sequence > 9"}, []string{"records 10 to 12: missing at the end", "record 12: it is not the record of the kept head"}},
		{"cut with the head", []string{"DELETE FROM record WHERE sequence > 9", "UPDATE chain SET count = 9, hash = " + h(9)}, []string{"record 12: it is not the record of the kept head"}},
		{"emptied", []string{"DELETE FROM record", "UPDATE chain SET count = 0, hash = zeroblob(32)"}, []string{"its hash is not that of the head", "record 12: it is not the record of the kept head"}},
		{"another chain", []string{"UPDATE chain SET id = 'other'"}, []string{"record 1: altered"}},
		{"shortened at the beginning", []string{"DELETE FROM record WHERE sequence <= 5", "INSERT INTO checkpoint VALUES (1, 5, " + h(5) + ", zeroblob(32))"}, []string{"the checkpoint after record 5 is forged"}},
		{"what was shown", []string{"UPDATE shown SET document = document || ' '"}, []string{"what was shown under"}},
		{"what was shown, removed", []string{"DELETE FROM shown"}, strings.Split(strings.Repeat("record 0: what was shown to the visitor is missing,", records), ",")[:records]},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := reset(t)
			alter(t, path, test.sql...)
			_, found := verify(t, path, [][]byte{sealingKey}, head)
			for i, want := range test.want {
				if strings.HasPrefix(want, "record 0: what") {
					want = fmt.Sprintf("record %d: what", i+1)
				}
				if i >= len(found) || !strings.HasPrefix(found[i], want) {
					t.Fatalf("found %q, want %q", found, test.want)
				}
			}
			if len(found) != len(test.want) {
				t.Errorf("found %q, want %q", found, test.want)
			}
		})
	}

	t.Run("any byte", func(t *testing.T) {
		path := reset(t)
		db, err := sql.Open("sqlite", dsn(path))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var body string
		if err := db.QueryRow("SELECT body FROM record WHERE sequence = 8").Scan(&body); err != nil {
			t.Fatal(err)
		}
		set := func(body string) {
			if _, err := db.Exec("UPDATE record SET body = ? WHERE sequence = 8", body); err != nil {
				t.Fatal(err)
			}
		}
		for i := range body {
			altered := []byte(body)
			altered[i] ^= 1
			set(string(altered))
			if _, found := verify(t, path, nil, head); len(found) == 0 || !strings.HasPrefix(found[0], "record 8: altered") {
				t.Fatalf("byte %d altered: found %q", i, found)
			}
		}
		set(body)
		if _, found := verify(t, path, nil, head); len(found) > 0 {
			t.Errorf("put back: found %q", found)
		}
	})

	// A store whose end was tampered with is not written on.
	for _, statement := range []string{"DELETE FROM record WHERE sequence = 12", "UPDATE record SET body = replace(body, 'given', 'GIVEN') WHERE sequence = 5", "UPDATE chain SET count = 20", "DELETE FROM chain"} {
		path := reset(t)
		alter(t, path, statement)
		s := openStore(t, Config{Path: path})
		if _, err := s.Append(t.Context(), submission(t, testShown(t, "page"), time.Now())); err == nil {
			t.Errorf("%s: a record was appended", statement)
		}
	}
}

// The head is logged at the start and every day.
func TestHeadIsLoggedDaily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		opts := options(t)
		opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
		s := Open(Config{Path: filepath.Join(t.TempDir(), "consent.db")}, opts)
		if err := s.Begin(); err != nil {
			t.Fatal(err)
		}
		positions := fill(t, s, 3, time.Now())
		time.Sleep(2*24*time.Hour + time.Minute)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		head := ledger.Head{Count: 3, Hash: positions[2].Hash}
		if total, last := strings.Count(log.String(), "head of the ledger"), strings.Count(log.String(), "head="+head.String()); total != 3 || last < 2 {
			t.Errorf("in two days the head is logged %d times, %d times as it is: %s", total, last, &log)
		}
	})
}
