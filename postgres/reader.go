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
		SELECT id, count, hash, checkpoint_count, checkpoint_hash, checkpoint_mac,
			coalesce((SELECT max(sequence) FROM cookie_consent.record WHERE chain = c.id), checkpoint_count, 0), number
		FROM cookie_consent.chain c ORDER BY number`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var chains []ledger.Chain
	for rows.Next() {
		var number int64
		chain, err := ledger.ScanChain(func(dest ...any) error { return rows.Scan(append(dest, &number)...) })
		if err != nil {
			return nil, err
		}
		if number != int64(len(chains))+1 {
			return nil, fmt.Errorf("chain number %d was removed", len(chains)+1)
		}
		chains = append(chains, chain)
	}
	return chains, rows.Err()
}

// Entries implements [ledger.Reader].
func (r *reader) Entries(ctx context.Context, chain string, after, through int64) iter.Seq2[ledger.Entry, error] {
	return ledger.Steps(after, through, func(after int64, limit int) ([]ledger.Entry, error) {
		rows, err := r.conn.Query(ctx, `
			SELECT sequence, body, hash FROM cookie_consent.record
			WHERE chain = $1 AND sequence > $2 AND sequence <= $3 ORDER BY sequence LIMIT $4`, chain, after, through, limit)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		return ledger.ScanEntries(rows)
	})
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
		ledger.ScanShown(rows)(yield)
	}
}

// Interface guards
var _ ledger.Reader = (*reader)(nil)
