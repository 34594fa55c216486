//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

package postgres

import (
	"context"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

// step is how many records are read in one statement.
const step = 4096

// reader reads the ledgers of all machines.
type reader struct {
	conn *pgx.Conn
}

// openReader connects to a database whose tables are there. It changes nothing.
func openReader(ctx context.Context, config *pgxpool.Config) (*reader, error) {
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return nil, err
	}
	version, err := schemaVersion(ctx, conn)
	if err == nil && version != 1 {
		err = fmt.Errorf("the database has version %d of the tables, this program knows version 1", version)
	}
	if err != nil {
		conn.Close(ctx)
		return nil, err
	}
	return &reader{conn}, nil
}

// Close implements [ledger.Reader].
func (r *reader) Close() error { return r.conn.Close(context.Background()) }

// Chains implements [ledger.Reader]. Chains are numbered: one that is missing is
// an error, because nothing else would tell.
func (r *reader) Chains(ctx context.Context) ([]ledger.Chain, error) {
	rows, err := r.conn.Query(ctx, `
		SELECT id, number, count, hash, checkpoint_count, checkpoint_hash, checkpoint_mac,
			coalesce((SELECT max(sequence) FROM cookie_consent.record WHERE chain = c.id), checkpoint_count, 0)
		FROM cookie_consent.chain c ORDER BY number`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var chains []ledger.Chain
	for rows.Next() {
		var c ledger.Chain
		var number int64
		var hash, checkpointHash, mac []byte
		var checkpointCount *int64
		if err := rows.Scan(&c.ID, &number, &c.Head.Count, &hash, &checkpointCount, &checkpointHash, &mac, &c.Last); err != nil {
			return nil, err
		}
		if number != int64(len(chains))+1 {
			return nil, fmt.Errorf("chain number %d was removed", len(chains)+1)
		}
		if c.Head.Hash, err = digest(hash); err != nil {
			return nil, fmt.Errorf("reading the head of chain %s: %w", c.ID, err)
		}
		if checkpointCount != nil {
			c.Checkpoint = &ledger.Checkpoint{Head: ledger.Head{Count: *checkpointCount}, MAC: mac}
			if c.Checkpoint.Hash, err = digest(checkpointHash); err != nil {
				return nil, fmt.Errorf("reading the checkpoint of chain %s: %w", c.ID, err)
			}
		}
		chains = append(chains, c)
	}
	return chains, rows.Err()
}

// Entries implements [ledger.Reader].
func (r *reader) Entries(ctx context.Context, chain string, after, through int64) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for after < through {
			entries, err := r.entries(ctx, chain, after, through)
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

func (r *reader) entries(ctx context.Context, chain string, after, through int64) ([]ledger.Entry, error) {
	rows, err := r.conn.Query(ctx, `
		SELECT sequence, body, hash FROM cookie_consent.record
		WHERE chain = $1 AND sequence > $2 AND sequence <= $3 ORDER BY sequence LIMIT $4`, chain, after, through, step)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	entries := make([]ledger.Entry, 0, min(step, through-after))
	for rows.Next() {
		var e ledger.Entry
		var hash []byte
		if err := rows.Scan(&e.Sequence, &e.Body, &hash); err != nil {
			return entries, err
		}
		copy(e.Hash[:], hash) // of another length, it is one that no record has
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

// Shown implements [ledger.Reader].
func (r *reader) Shown(ctx context.Context) iter.Seq2[ledger.ShownEntry, error] {
	return func(yield func(ledger.ShownEntry, error) bool) {
		rows, err := r.conn.Query(ctx, "SELECT digest, document, first_used FROM cookie_consent.shown ORDER BY first_used")
		if err != nil {
			yield(ledger.ShownEntry{}, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var s ledger.ShownEntry
			var hash []byte
			err := rows.Scan(&hash, &s.Document, &s.FirstUsed)
			copy(s.Digest[:], hash)
			if !yield(s, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(ledger.ShownEntry{}, err)
		}
	}
}

func digest(b []byte) (ledger.Digest, error) {
	var d ledger.Digest
	if len(b) != len(d) {
		return d, fmt.Errorf("a hash has %d bytes, not %d", len(b), len(d))
	}
	copy(d[:], b)
	return d, nil
}

// Interface guards
var _ ledger.Reader = (*reader)(nil)
