//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

const (
	// pruneStep is how many records are pruned in one transaction, which
	// visitors who choose meanwhile wait for.
	pruneStep = 500

	// pruneInterval is how often a store looks for records that are too old.
	pruneInterval = time.Hour

	// headInterval is how often a store logs its head.
	headInterval = 24 * time.Hour

	// fullAt is the part of its largest size at which a store complains.
	fullAt = 0.8
)

// maintain looks after the file until the store is closed.
func (s *Store) maintain() {
	prune, head := time.NewTicker(pruneInterval), time.NewTicker(headInterval)
	defer prune.Stop()
	defer head.Stop()
	s.prune()
	s.logHead()
	for {
		select {
		case <-prune.C:
			s.prune()
		case <-head.C:
			s.logHead()
		case <-s.ctx.Done():
			return
		}
	}
}

// logHead notes the head where an intruder into the file does not reach.
func (s *Store) logHead() {
	err := s.do(func() error {
		db, err := s.database()
		if err != nil {
			return err
		}
		chain, err := (&Reader{db}).chain(s.ctx)
		if err != nil {
			return err
		}
		s.opts.Logger.Info("head of the ledger: keep this line to verify the ledger with", "chain", chain.ID, "head", chain.Head.String())
		return nil
	})
	if err != nil && !errors.Is(err, ledger.ErrClosed) {
		s.opts.Logger.Error("the head of the ledger could not be read", "error", err)
	}
	if bytes := size(s.cfg.Path); s.cfg.MaxBytes > 0 && float64(bytes) > fullAt*float64(s.cfg.MaxBytes) {
		s.opts.Logger.Error("the ledger has almost the size at which nothing more is recorded", "file", s.cfg.Path, "bytes", bytes, "max_bytes", s.cfg.MaxBytes)
	}
}

// prune removes the records that are older than they may get, between those
// that visitors wait for.
func (s *Store) prune() {
	if s.opts.Retention == 0 {
		return
	}
	before := time.Now().Add(-s.opts.Retention)
	total := 0
	for {
		n := 0
		err := s.do(func() error {
			db, err := s.database()
			if err == nil {
				n, err = db.prune(s.ctx, before, s.limit(), s.opts.Key)
			}
			return err
		})
		if err != nil {
			if s.ctx.Err() == nil {
				s.opts.Logger.Error("pruning the ledger failed", "error", err)
			}
			return
		}
		if total += n; n == 0 {
			break
		}
	}
	if total > 0 {
		s.logged.Store(true) // what was removed is overwritten when the log is copied
		s.opts.Logger.Info("pruned the ledger", "records", total, "older_than", before.UTC().Format(time.RFC3339))
	}
}

// limit returns the last record that may be pruned: one that has yet to reach a
// second store may not.
func (s *Store) limit() int64 {
	if s.cfg.Outbox {
		return s.db.delivered
	}
	return math.MaxInt64
}

// prune removes at most [pruneStep] records from before a time and leaves a
// checkpoint in their place. It returns how many.
func (db *database) prune(ctx context.Context, before time.Time, limit int64, key func() ([]byte, error)) (int, error) {
	reader := &Reader{db}
	chain, err := reader.chain(ctx)
	if err != nil {
		return 0, err
	}
	after := int64(0)
	if chain.Checkpoint != nil {
		after = chain.Checkpoint.Count
	}
	through := min(after+pruneStep, chain.Last, limit)
	expired := ledger.Head{}
	for entry, err := range reader.Entries(ctx, chain.ID, after, through) {
		if err != nil {
			return 0, err
		}
		var body struct {
			Time time.Time `json:"time"`
		}
		// What cannot be read has no time: it goes when a later record does.
		// The same holds for one from a clock that was fast.
		if json.Unmarshal(entry.Body, &body) == nil && body.Time.Before(before) {
			expired = ledger.Head{Count: entry.Sequence, Hash: entry.Hash}
		}
	}
	if expired.Count == 0 {
		return 0, nil
	}
	sealing, err := key()
	if err != nil {
		return 0, fmt.Errorf("getting the signing key: %w", err)
	}
	checkpoint := ledger.Seal(sealing, chain.ID, expired)
	return int(expired.Count - after), db.transact(ctx, func() error {
		if err := db.exec(ctx, "DELETE FROM record WHERE sequence <= ?", expired.Count); err != nil {
			return err
		}
		return db.exec(ctx, `
			INSERT INTO checkpoint (one, count, hash, mac) VALUES (1, ?, ?, ?)
			ON CONFLICT (one) DO UPDATE SET count = excluded.count, hash = excluded.hash, mac = excluded.mac
			WHERE excluded.count > checkpoint.count`, checkpoint.Count, checkpoint.Hash[:], checkpoint.MAC)
	})
}

// Prune removes the records from before a time from a file, which may be in use,
// and returns how many. Those that have yet to reach a second store stay if
// there is one. progress, which may be nil, is called now and then.
func Prune(ctx context.Context, path string, before time.Time, outbox bool, key func() ([]byte, error), progress func(int)) (int, error) {
	db, err := openVersion(ctx, path, "mode", "rw", "_pragma", "synchronous(FULL)", "_pragma", "secure_delete(ON)")
	if err != nil {
		return 0, fmt.Errorf("opening %s: %w", path, err)
	}
	defer db.close()
	total := 0
	for {
		limit := int64(math.MaxInt64)
		if outbox {
			if err := db.conn.QueryRowContext(ctx, "SELECT coalesce(max(count), 0) FROM delivery").Scan(&limit); err != nil {
				return total, err
			}
		}
		n, err := db.prune(ctx, before, limit, key)
		if total += n; err != nil {
			return total, err
		}
		if n == 0 {
			_, _, err := db.copyLog(ctx)
			return total, err
		}
		if progress != nil {
			progress(total)
		}
	}
}
