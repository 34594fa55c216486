//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger/sqlite"
)

const (
	// batchSize is how many records a transaction delivers.
	batchSize = 1000

	// connectTimeout and batchTimeout bound how long a database that does not
	// answer is waited for.
	connectTimeout = 10 * time.Second
	batchTimeout   = time.Minute

	// poll is how often the file is looked at for records that were not
	// announced: those of another process, and checkpoints.
	poll = 5 * time.Second

	// After a failure the next attempt comes after minBackOff, then after twice
	// as long each time up to maxBackOff.
	minBackOff = 250 * time.Millisecond
	maxBackOff = 30 * time.Second

	// complaint is how often a failure that lasts is logged.
	complaint = time.Minute

	// farewell bounds how long the end of Caddy waits for what is not delivered.
	farewell = 2 * time.Second
)

// delivery is a ledger in a file on this machine whose records go on to a
// database.
type delivery struct {
	*sqlite.Store
	path   string
	config *pgxpool.Config
	logger *slog.Logger

	wake     chan struct{}
	ctx      context.Context
	cancel   context.CancelFunc
	begin    sync.Once
	running  sync.WaitGroup
	failures atomic.Int64
}

func newDelivery(local *sqlite.Store, path string, config *pgxpool.Config, logger *slog.Logger) *delivery {
	d := &delivery{Store: local, path: path, config: config, logger: logger, wake: make(chan struct{}, 1)}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// Begin implements [ledger.Ledger].
func (d *delivery) Begin() error {
	err := d.Store.Begin()
	d.begin.Do(func() { d.running.Go(d.run) })
	return err
}

// Append implements [ledger.Ledger]. It waits for the file only.
func (d *delivery) Append(ctx context.Context, submission *ledger.Submission) (ledger.Position, error) {
	position, err := d.Store.Append(ctx, submission)
	if err == nil {
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
	return position, err
}

// Status implements [ledger.Ledger].
func (d *delivery) Status() ledger.Status {
	status := d.Store.Status()
	status.Failures = d.failures.Load()
	return status
}

// Close implements [ledger.Ledger]. What is not delivered by then stays in the
// file for the next start.
func (d *delivery) Close() error {
	d.begin.Do(func() {}) // from now on nothing begins
	d.cancel()
	d.running.Wait()
	return d.Store.Close()
}

// run delivers records until the ledger is closed.
func (d *delivery) run() {
	pool, err := pgxpool.NewWithConfig(d.ctx, d.config)
	if err != nil {
		d.logger.Error("PostgreSQL can't be used; records stay in the file", "error", err)
		return
	}
	defer pool.Close()
	var complained time.Time
	wait, failed := time.Duration(0), 0
	for {
		err := d.deliver(d.ctx, pool)
		switch {
		case d.ctx.Err() != nil:
			d.last(pool)
			return
		case err == nil:
			if failed > 0 {
				d.logger.Info("records reach PostgreSQL again", "failed_attempts", failed)
			}
			wait, failed, complained = 0, 0, time.Time{}
		default:
			failed++
			d.failures.Add(1)
			wait = min(max(2*wait, minBackOff), maxBackOff)
			if now := time.Now(); now.Sub(complained) > complaint {
				complained = now
				d.logger.Error("records do not reach PostgreSQL; they stay in the file until they do",
					"file", d.path, "undelivered", d.Store.Status().Undelivered, "failed_attempts", failed, "error", err)
			}
		}
		d.rest(wait)
	}
}

// rest waits until there may be something to deliver: after a failure not before
// the given time, with a part left to chance, so that machines do not come all
// at once.
func (d *delivery) rest(wait time.Duration) {
	if wait > 0 {
		timer := time.NewTimer(wait/2 + rand.N(wait/2))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-d.ctx.Done():
		}
		return
	}
	timer := time.NewTimer(poll)
	defer timer.Stop()
	select {
	case <-d.wake:
	case <-timer.C:
	case <-d.ctx.Done():
	}
}

// last delivers what came since the last time, if that is quick.
func (d *delivery) last(pool *pgxpool.Pool) {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if err := d.deliver(ctx, pool); err != nil {
		d.logger.Warn("not every record has reached PostgreSQL; the rest follows after the next start", "error", err)
	}
}

// deliver brings the database up to the end of the file.
func (d *delivery) deliver(ctx context.Context, pool *pgxpool.Pool) error {
	reader, err := sqlite.OpenReader(ctx, d.path)
	if err != nil {
		return err
	}
	defer reader.Close()
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer conn.Release()
	if err := within(ctx, func(ctx context.Context) error { return migrate(ctx, conn.Conn()) }); err != nil {
		return err
	}
	for {
		chains, err := reader.Chains(ctx)
		if err != nil {
			return err
		}
		local := chains[0]
		var at ledger.Head
		err = within(ctx, func(ctx context.Context) error {
			at, err = deliverBatch(ctx, conn.Conn(), reader, &local)
			return err
		})
		if err != nil {
			return err
		}
		if err := d.Delivered(ctx, local.ID, at.Count); err != nil {
			return fmt.Errorf("noting what was delivered: %w", err)
		}
		if at.Count >= local.Last {
			return nil
		}
	}
}

// within bounds the time that a step may take.
func within(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	return f(ctx)
}

// deliverBatch delivers a batch in one transaction and returns up to where the
// database has the chain. The database's own head says what comes next, so that
// a batch whose commit was never confirmed is not delivered twice, and a
// database that was restored from a backup gets what it lost.
func deliverBatch(ctx context.Context, conn *pgx.Conn, reader *sqlite.Reader, local *ledger.Chain) (at ledger.Head, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var pruned int64
		if at, pruned, err = lockChain(ctx, tx, local.ID); err != nil {
			return err
		}
		if checkpoint := local.Checkpoint; checkpoint != nil && checkpoint.Count > pruned {
			if at, err = prune(ctx, tx, local.ID, checkpoint, at); err != nil {
				return err
			}
		}
		if at.Count > local.Head.Count {
			return fmt.Errorf("the file has %d records of chain %s, the database has %d: the file is an old copy; move it away to begin a new chain", local.Head.Count, local.ID, at.Count)
		}
		shown := map[ledger.Digest]bool{}
		var rows [][]any
		end := at
		for entry, err := range reader.Entries(ctx, local.ID, at.Count, min(at.Count+batchSize, local.Last)) {
			if err != nil {
				return err
			}
			if entry.Sequence != end.Count+1 || ledger.Next(end.Hash, entry.Body) != entry.Hash {
				return fmt.Errorf("record %d of chain %s does not follow what the database has: the file was altered, or is a copy that went on by itself; move it away to begin a new chain", entry.Sequence, local.ID)
			}
			end = ledger.Head{Count: entry.Sequence, Hash: entry.Hash}
			digest, err := ledger.ShownOf(entry.Body)
			if err != nil {
				return fmt.Errorf("reading record %d: %w", entry.Sequence, err)
			}
			id, err := ledger.IDOf(entry.Body)
			if err != nil {
				return fmt.Errorf("reading record %d: %w", entry.Sequence, err)
			}
			shown[digest] = true
			rows = append(rows, []any{local.ID, entry.Sequence, id, string(entry.Body), entry.Hash[:]})
		}
		if len(rows) == 0 {
			return nil
		}
		if err := deliverShown(ctx, tx, reader, shown); err != nil {
			return err
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{"cookie_consent", "record"}, []string{"chain", "sequence", "id", "body", "hash"}, pgx.CopyFromRows(rows)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE cookie_consent.chain SET count = $2, hash = $3 WHERE id = $1", local.ID, end.Count, end.Hash[:]); err != nil {
			return err
		}
		at = end
		return nil
	})
	return at, err
}

// lockChain returns the end of a chain as the database has it, and keeps others
// from extending it. A new chain gets the next number.
func lockChain(ctx context.Context, tx pgx.Tx, id string) (at ledger.Head, pruned int64, err error) {
	find := func() error {
		return tx.QueryRow(ctx, "SELECT count, hash, coalesce(checkpoint_count, 0) FROM cookie_consent.chain WHERE id = $1 FOR UPDATE", id).Scan(&at.Count, &at.Hash, &pruned)
	}
	if err = find(); errors.Is(err, pgx.ErrNoRows) {
		start := ledger.Start(id)
		if _, err = tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(lockKey)); err != nil {
			return at, 0, err
		}
		if _, err = tx.Exec(ctx, `
			INSERT INTO cookie_consent.chain (id, number, count, hash)
			SELECT $1, coalesce(max(number), 0) + 1, 0, $2 FROM cookie_consent.chain
			ON CONFLICT (id) DO NOTHING`, id, start[:]); err != nil {
			return at, 0, err
		}
		err = find()
	}
	return at, pruned, err
}

// prune puts the checkpoint of the file in the place of the records before it. It
// returns the end of the chain, which is the checkpoint if the database never
// had the records until there.
func prune(ctx context.Context, tx pgx.Tx, id string, checkpoint *ledger.Checkpoint, at ledger.Head) (ledger.Head, error) {
	if _, err := tx.Exec(ctx, "DELETE FROM cookie_consent.record WHERE chain = $1 AND sequence <= $2", id, checkpoint.Count); err != nil {
		return at, err
	}
	if at.Count < checkpoint.Count {
		at = checkpoint.Head
	}
	_, err := tx.Exec(ctx, `
		UPDATE cookie_consent.chain SET checkpoint_count = $2, checkpoint_hash = $3, checkpoint_mac = $4, count = $5, hash = $6
		WHERE id = $1`, id, checkpoint.Count, checkpoint.Hash[:], checkpoint.MAC, at.Count, at.Hash[:])
	return at, err
}

// deliverShown delivers what the visitors of some records were shown.
func deliverShown(ctx context.Context, tx pgx.Tx, reader *sqlite.Reader, digests map[ledger.Digest]bool) error {
	for digest := range digests {
		var there bool
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM cookie_consent.shown WHERE digest = $1)", digest[:]).Scan(&there); err != nil {
			return err
		}
		if there {
			continue
		}
		shown, err := reader.ShownWith(ctx, digest)
		if err != nil {
			return fmt.Errorf("reading what was shown: %w", err)
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO cookie_consent.shown (digest, document, first_used) VALUES ($1, $2, $3)
			ON CONFLICT (digest) DO NOTHING`, digest[:], string(shown.Document), shown.FirstUsed); err != nil {
			return err
		}
	}
	return nil
}

// Interface guards
var _ ledger.Ledger = (*delivery)(nil)
