//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"os"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

// step is how many records are read in one transaction: one that lasts would keep
// the write-ahead log from being emptied.
const step = 4096

// Reader reads a ledger, which may be in use.
type Reader struct {
	db *database
}

// OpenReader opens a ledger for reading. It changes nothing.
func OpenReader(ctx context.Context, path string) (*Reader, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	db, err := openVersion(ctx, path, "mode", "ro")
	if wal, statErr := os.Stat(path + "-wal"); err != nil && (statErr != nil || wal.Size() == 0) {
		// A copy where nothing may be written, not even the files by which
		// processes share a database. Nobody writes to it, then.
		db, err = openVersion(ctx, path, "immutable", "1")
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return &Reader{db}, nil
}

// openVersion opens a ledger that must be there, and of a version that is known.
func openVersion(ctx context.Context, path string, parameters ...string) (*database, error) {
	db, err := connect(ctx, path, parameters...)
	if err != nil {
		return nil, err
	}
	version, err := db.version(ctx)
	if err == nil && version != 1 {
		err = fmt.Errorf("the file has version %d, this program knows version 1", version)
	}
	if err != nil {
		db.close()
		return nil, err
	}
	return db, nil
}

// Close implements [ledger.Reader].
func (r *Reader) Close() error {
	r.db.close()
	return nil
}

// Chains implements [ledger.Reader]. A file has one.
func (r *Reader) Chains(ctx context.Context) ([]ledger.Chain, error) {
	chain, err := r.chain(ctx)
	if err != nil {
		return nil, err
	}
	return []ledger.Chain{chain}, nil
}

// chain reads all of it in one statement, which sees one state of the file.
func (r *Reader) chain(ctx context.Context) (ledger.Chain, error) {
	var c ledger.Chain
	var hash, checkpointHash, mac []byte
	var checkpointCount sql.NullInt64
	err := r.db.conn.QueryRowContext(ctx, `
		SELECT c.id, c.count, c.hash, p.count, p.hash, p.mac,
			coalesce((SELECT max(sequence) FROM record), p.count, 0)
		FROM chain c LEFT JOIN checkpoint p`).
		Scan(&c.ID, &c.Head.Count, &hash, &checkpointCount, &checkpointHash, &mac, &c.Last)
	if errors.Is(err, sql.ErrNoRows) {
		return c, errors.New("the file has lost its chain's head")
	}
	if err != nil {
		return c, err
	}
	if c.Head.Hash, err = digest(hash); err != nil {
		return c, fmt.Errorf("reading the head: %w", err)
	}
	if checkpointCount.Valid {
		c.Checkpoint = &ledger.Checkpoint{Head: ledger.Head{Count: checkpointCount.Int64}, MAC: mac}
		if c.Checkpoint.Hash, err = digest(checkpointHash); err != nil {
			return c, fmt.Errorf("reading the checkpoint: %w", err)
		}
	}
	return c, nil
}

// Entries implements [ledger.Reader].
func (r *Reader) Entries(ctx context.Context, _ string, after, through int64) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for after < through {
			entries, err := r.entries(ctx, after, through)
			for _, entry := range entries {
				if !yield(entry, nil) {
					return
				}
				after = entry.Sequence
			}
			if err != nil {
				yield(ledger.Entry{}, err)
				return
			}
			if len(entries) < step {
				return
			}
		}
	}
}

// entries reads one step.
func (r *Reader) entries(ctx context.Context, after, through int64) ([]ledger.Entry, error) {
	rows, err := r.db.conn.QueryContext(ctx,
		"SELECT sequence, body, hash FROM record WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?", after, through, step)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	entries := make([]ledger.Entry, 0, min(step, through-after))
	for rows.Next() {
		var e ledger.Entry
		var hash sql.RawBytes
		if err := rows.Scan(&e.Sequence, &e.Body, &hash); err != nil {
			return entries, err
		}
		// A hash of another length is one that no record has.
		copy(e.Hash[:], hash)
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

// Shown implements [ledger.Reader].
func (r *Reader) Shown(ctx context.Context) iter.Seq2[ledger.ShownEntry, error] {
	return func(yield func(ledger.ShownEntry, error) bool) {
		rows, err := r.db.conn.QueryContext(ctx, "SELECT digest, document, first_used FROM shown ORDER BY first_used")
		if err != nil {
			yield(ledger.ShownEntry{}, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var hash sql.RawBytes
			var s ledger.ShownEntry
			var used string
			err := rows.Scan(&hash, &s.Document, &used)
			if err == nil {
				copy(s.Digest[:], hash)
				s.FirstUsed, err = parseTime(used)
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(ledger.ShownEntry{}, err)
		}
	}
}

func parseTime(text string) (time.Time, error) { return time.Parse(time.RFC3339, text) }

func digest(b []byte) (ledger.Digest, error) {
	var d ledger.Digest
	if len(b) != len(d) {
		return d, fmt.Errorf("a hash has %d bytes, not %d", len(b), len(d))
	}
	copy(d[:], b)
	return d, nil
}

// Interface guards
var _ ledger.Reader = (*Reader)(nil)
