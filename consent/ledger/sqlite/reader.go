//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"os"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

// Reader reads a ledger, which may be in use.
type Reader struct {
	db *database
}

// errUnmade is about a file in which there is nothing yet.
var errUnmade = errors.New("no ledger was made in the file yet")

// OpenReader opens a ledger for reading. It changes nothing. It waits for one that
// is about to be made.
func OpenReader(ctx context.Context, path string) (*Reader, error) {
	return patiently(ctx, func() (*Reader, error) { return openReader(ctx, path) })
}

func openReader(ctx context.Context, path string) (*Reader, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	db, err := openVersion(ctx, path, "mode", "ro")
	if wal, statErr := os.Stat(path + "-wal"); err != nil && !passes(err) && (statErr != nil || wal.Size() == 0) {
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
	switch {
	case err != nil:
	case version == 0:
		err = errUnmade
	case version != 1:
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
	chain, err := ledger.ScanChain(r.db.conn.QueryRowContext(ctx, `
		SELECT c.id, c.count, c.hash, p.count, p.hash, p.mac,
			coalesce((SELECT max(sequence) FROM record), p.count, 0)
		FROM chain c LEFT JOIN checkpoint p`).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = errors.New("the file has lost its chain's head")
	}
	return chain, err
}

// Entries implements [ledger.Reader].
func (r *Reader) Entries(ctx context.Context, _ string, after, through int64) iter.Seq2[ledger.Entry, error] {
	return ledger.Steps(after, through, func(after int64, limit int) ([]ledger.Entry, error) {
		rows, err := r.db.conn.QueryContext(ctx, //nolint:rowserrcheck // ScanEntries does
			"SELECT sequence, body, hash FROM record WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?", after, through, limit)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		return ledger.ScanEntries(rows)
	})
}

// Shown implements [ledger.Reader].
func (r *Reader) Shown(ctx context.Context) iter.Seq2[ledger.ShownEntry, error] {
	return func(yield func(ledger.ShownEntry, error) bool) {
		rows, err := r.db.conn.QueryContext(ctx, "SELECT digest, document, first_used FROM shown ORDER BY first_used") //nolint:rowserrcheck // ScanShown does
		if err != nil {
			yield(ledger.ShownEntry{}, err)
			return
		}
		defer rows.Close()
		ledger.ScanShown(rows)(yield)
	}
}

// ShownWith returns what was shown under a digest.
func (r *Reader) ShownWith(ctx context.Context, digest ledger.Digest) (*ledger.ShownEntry, error) {
	rows, err := r.db.conn.QueryContext(ctx, "SELECT digest, document, first_used FROM shown WHERE digest = ?", digest[:]) //nolint:rowserrcheck // ScanShown does
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for shown, err := range ledger.ScanShown(rows) {
		return &shown, err
	}
	return nil, fmt.Errorf("nothing was shown under %s", digest)
}

// Interface guards
var _ ledger.Reader = (*Reader)(nil)
