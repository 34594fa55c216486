//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLockedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "consent.db")
	s := openStore(t, Config{Path: path})
	fill(t, s, 1, time.Now())
	other, err := connect(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.close()
	if err := other.exec(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	shown := testShown(t, "page")
	begin := time.Now()
	if _, err := s.Append(t.Context(), submission(t, shown, time.Now())); err == nil {
		t.Error("a record was appended to a locked file")
	}
	if took := time.Since(begin); took > patience+30*time.Second { // on a busy machine
		t.Errorf("it took %s", took)
	}
	if s.Status().Err == nil {
		t.Error("the status tells of no error")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := s.Append(ctx, submission(t, shown, time.Now())); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a wait that is too long ends with %v", err)
	}
	if err := other.exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), submission(t, shown, time.Now())); err != nil {
		t.Errorf("after the lock: %v", err)
	}
	// The one that nobody waited for any more may have been written or not.
	if v, found := verify(t, path, nil); v.Records < 2 || v.Records > 3 || len(found) > 0 {
		t.Errorf("%d records, found %q", v.Records, found)
	}
}

func TestFilesThatAreNoLedger(t *testing.T) {
	write := func(t *testing.T, content string) string {
		path := filepath.Join(t.TempDir(), "consent.db")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text := write(t, strings.Repeat("no database at all\n", 1000))
	other := write(t, "")
	alter(t, other, "CREATE TABLE other (x)")
	newer := write(t, "")
	s := Open(Config{Path: newer}, options(t))
	fill(t, s, 1, time.Now())
	s.Close()
	alter(t, newer, "PRAGMA user_version = 99")
	folder := filepath.Join(t.TempDir(), "consent.db")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ path, want string }{
		"text":       {text, "not a database"},
		"other":      {other, "database of something else"},
		"newer":      {newer, "newer version"},
		"a folder":   {folder, "unable to open"},
		"unwritable": {"/proc/nowhere/consent.db", "no such file"},
	} {
		s := openStore(t, Config{Path: test.path})
		for range 2 {
			if _, err := s.Append(t.Context(), submission(t, testShown(t, "page"), time.Now())); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v, want %q", name, err, test.want)
			}
		}
		if _, err := OpenReader(t.Context(), test.path); err == nil {
			t.Errorf("%s: opened for reading", name)
		}
	}
}

// A link leads to where the file is to be: on another disk, which has to be there.
func TestLinkedFile(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "disk", "real.db")
	for name, target := range map[string]string{"absolute.db": file, "relative.db": filepath.Join("disk", "real.db")} {
		path := filepath.Join(folder, name)
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		s := openStore(t, Config{Path: path})
		if _, err := s.Append(t.Context(), submission(t, testShown(t, "page"), time.Now())); err == nil {
			t.Errorf("%s: a record was appended without the disk", name)
		}
		if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(retry)
		fill(t, s, 2, time.Now())
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if v, found := verify(t, path, nil); v.Records != 2 || len(found) > 0 {
			t.Errorf("%s: %d records, found %q", name, v.Records, found)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: the file has mode %v, %v", name, info.Mode(), err)
		}
		if err := os.RemoveAll(filepath.Dir(file)); err != nil {
			t.Fatal(err)
		}
	}
}

// Damage anywhere in the file is found after it was opened, and nothing is
// written to it from then on.
func TestDamagedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "consent.db")
	s := Open(Config{Path: path}, options(t))
	fill(t, s, 3*tail/2, time.Now())
	s.Close()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(content), `"time"`) // in the page of the first records
	copy(content[at-at%4096:], make([]byte, 64))
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, Config{Path: path})
	_ = s.Begin()
	if !eventually(func() bool {
		_, err = s.Append(t.Context(), submission(t, testShown(t, "page"), time.Now()))
		return err != nil
	}) {
		t.Error("a damaged file is written to")
	}
	if s.Status().Err == nil {
		t.Error("the status tells of no damage")
	}
}

func TestReplacedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "consent.db")
	s := openStore(t, Config{Path: path})
	fill(t, s, 3, time.Now())
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+suffix, path+".old"+suffix); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, s, 2, time.Now())
	for file, want := range map[string]int64{path: 2, path + ".old": 3} {
		if v, found := verify(t, file, nil); v.Records != want || len(found) > 0 {
			t.Errorf("%s: %d records, want %d; found %q", filepath.Base(file), v.Records, want, found)
		}
	}
}

func TestMaxBytes(t *testing.T) {
	const limit = 1 << 20
	path := filepath.Join(t.TempDir(), "consent.db")
	s := openStore(t, Config{Path: path, MaxBytes: limit})
	shown := testShown(t, "page")
	var written int64
	var err error
	for range 10_000 {
		if _, err = s.Append(t.Context(), submission(t, shown, time.Now().Add(-time.Hour))); err != nil {
			break
		}
		written++
	}
	if err == nil || !strings.Contains(err.Error(), "full") {
		t.Fatalf("after %d records: %v", written, err)
	}
	if v, found := verify(t, path, nil); v.Records != written || len(found) > 0 {
		t.Errorf("%d records of %d, found %q", v.Records, written, found)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > limit {
		t.Errorf("the file has %d bytes, %v", info.Size(), err)
	}
	// Pruned, there is room again.
	if _, err := Prune(t.Context(), path, time.Now(), false, options(t).Key, nil); err != nil {
		t.Fatal(err)
	}
	time.Sleep(retry)
	if _, err := s.Append(t.Context(), submission(t, shown, time.Now())); err != nil {
		t.Errorf("after pruning: %v", err)
	}
}
