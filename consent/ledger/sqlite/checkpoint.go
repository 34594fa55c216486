//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

package sqlite

import (
	"context"
	"time"
)

const (
	// copyInterval is how often what was committed is copied from the
	// write-ahead log into the file.
	copyInterval = 250 * time.Millisecond

	// longLog is the length of the log, in pages of 4 KiB, from which on it begins
	// anew.
	longLog = 4096

	// maxLog is that at which a commit itself does the copying.
	maxLog = 8192
)

// copyLog copies the write-ahead log into the file now and then, beside the
// writing. By default SQLite does so within a commit, every thousand pages: the
// visitors who wait for that one would wait for twenty others' time. An error is
// left to the commit that finds the log too long.
func (s *Store) copyLog() {
	ticker := time.NewTicker(copyInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-s.ctx.Done():
			return
		}
		if !s.logged.Swap(false) {
			continue
		}
		pages, whole := 0, true
		if db, err := connect(s.ctx, s.cfg.Path, "mode", "rw"); err == nil {
			pages, whole, _ = db.copyLog(s.ctx)
			db.close()
		}
		if !whole { // as somebody reads an older state of the file
			s.logged.Store(true)
		}
		// What was committed meanwhile is little; with that copied too, and
		// nothing written beside, the log begins anew. Whoever chooses then waits
		// for it, so that it has to be rare.
		if pages < longLog {
			continue
		}
		_ = s.do(func() error {
			if s.db == nil {
				return nil
			}
			_, _, err := s.db.copyLog(s.ctx)
			return err
		})
	}
}

// copyLog copies as much of the log as it can without waiting for anybody. It
// returns how long the log is, in pages, and whether all of it is copied.
func (db *database) copyLog(ctx context.Context) (pages int, whole bool, err error) {
	var busy, copied int
	err = db.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &copied)
	return pages, busy == 0 && copied == pages, err
}
