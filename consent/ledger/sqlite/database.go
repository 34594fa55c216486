//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

const (
	// application marks a file as a ledger: the letters "cons".
	application = 0x636F6E73

	// patience is how long a transaction waits for one of another process.
	patience = 2 * time.Second

	// opening is how long a file is waited for that others are opening or
	// making, which takes a slow disk some seconds.
	opening = 10 * time.Second

	// tail is how many of the last records are checked when a file is opened.
	tail = 1000
)

//go:embed migrations/*.sql
var migrations embed.FS

// database is an open file, for one goroutine.
type database struct {
	pool *sql.DB
	conn *sql.Conn
	file os.FileInfo // to notice when it is replaced

	insertRecord, insertShown, selectHead, updateHead *sql.Stmt

	chain     string
	head      ledger.Head
	delivered int64
	known     map[ledger.Digest]bool // what was shown that is stored already
}

// open opens a ledger, making the file if there is none, and checks its end. It
// waits for other processes: SQLite's own patience does not cover two that bring a
// new file into WAL mode at once, of which one is refused on the spot.
func open(ctx context.Context, path string, maxBytes int64) (*database, error) {
	if err := makeFile(path); err != nil {
		return nil, err
	}
	return patiently(ctx, func() (*database, error) { return openOnce(ctx, path, maxBytes) })
}

// patiently opens a file again and again while others are opening or making it.
func patiently[T any](ctx context.Context, open func() (T, error)) (T, error) {
	for deadline := time.Now().Add(opening); ; {
		opened, err := open()
		if !passes(err) || time.Now().After(deadline) {
			return opened, err
		}
		select {
		case <-ctx.Done():
			return opened, err
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// passes reports whether an error is one of a file that others are opening or making.
func passes(err error) bool { return isBusy(err) || errors.Is(err, errUnmade) }

func openOnce(ctx context.Context, path string, maxBytes int64) (*database, error) {
	db, err := connect(ctx, path, "_pragma", "journal_mode(WAL)", "_pragma", "synchronous(FULL)", "_pragma", "secure_delete(ON)",
		"_pragma", "wal_autocheckpoint("+strconv.Itoa(maxLog)+")")
	if err != nil {
		return nil, err
	}
	if err := db.prepare(ctx, maxBytes); err != nil {
		db.close()
		return nil, err
	}
	return db, nil
}

// makeFile makes an empty file that nobody else may read, be it where a link leads.
// A file that is there stays as it is, and is not even opened: with its own end the
// process would lose the locks that SQLite has on it.
func makeFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if target, err := os.Readlink(path); err == nil {
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return file.Close()
}

// connect opens a connection with the given parameters of the driver.
func connect(ctx context.Context, path string, parameters ...string) (*database, error) {
	pool, err := sql.Open("sqlite", dsn(path, parameters...))
	if err != nil {
		return nil, err
	}
	db := &database{pool: pool, known: map[ledger.Digest]bool{}}
	pool.SetMaxOpenConns(1)
	if db.conn, err = pool.Conn(ctx); err == nil {
		db.file, err = os.Stat(path)
	}
	if err != nil {
		db.close()
		return nil, err
	}
	return db, nil
}

func dsn(path string, parameters ...string) string {
	query := url.Values{"_pragma": {"busy_timeout(" + strconv.FormatInt(patience.Milliseconds(), 10) + ")"}}
	for i := 0; i < len(parameters); i += 2 {
		query.Add(parameters[i], parameters[i+1])
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

// close closes the file; a nil database is none.
func (db *database) close() {
	if db == nil {
		return
	}
	// Statements that are left would keep the connection from ending.
	for _, statement := range []*sql.Stmt{db.insertRecord, db.insertShown, db.selectHead, db.updateHead} {
		if statement != nil {
			statement.Close()
		}
	}
	if db.conn != nil {
		db.conn.Close()
	}
	db.pool.Close()
}

// prepare brings the file up to date, checks its end and prepares statements.
func (db *database) prepare(ctx context.Context, maxBytes int64) error {
	var mode string
	if err := db.conn.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file system does not allow write-ahead logging: journal mode %s", mode)
	}
	if err := db.migrate(ctx); err != nil {
		return err
	}
	if maxBytes > 0 {
		var pageSize int64
		if err := db.conn.QueryRowContext(ctx, "PRAGMA page_size").Scan(&pageSize); err != nil {
			return err
		}
		var pages int64
		if err := db.conn.QueryRowContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", max(maxBytes/pageSize, 1))).Scan(&pages); err != nil {
			return err
		}
	}
	if err := db.checkTail(ctx); err != nil {
		return err
	}
	for _, statement := range []struct {
		to   **sql.Stmt
		text string
	}{
		{&db.selectHead, "SELECT id, count, hash FROM chain"},
		{&db.updateHead, "UPDATE chain SET count = ?, hash = ?"},
		{&db.insertRecord, "INSERT INTO record (sequence, body, hash) VALUES (?, ?, ?)"},
		{&db.insertShown, "INSERT OR IGNORE INTO shown (digest, document, first_used) VALUES (?, ?, ?)"},
	} {
		var err error
		if *statement.to, err = db.conn.PrepareContext(ctx, statement.text); err != nil {
			return err
		}
	}
	return nil
}

// migrate brings the file's tables to the version of this program. The files of
// migrations are numbered from 1; the file's user_version is that of the last.
func (db *database) migrate(ctx context.Context) error {
	latest, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	version, err := db.version(ctx)
	if err != nil || version == len(latest) {
		return err
	}
	return db.transact(ctx, func() error {
		version, err := db.version(ctx) // another process may have been faster
		if err != nil {
			return err
		}
		if version > len(latest) {
			return fmt.Errorf("the file was made by a newer version of this module: it has version %d, this one knows %d", version, len(latest))
		}
		for ; version < len(latest); version++ {
			text, err := migrations.ReadFile(fmt.Sprintf("migrations/%d.sql", version+1))
			if err != nil {
				return err
			}
			if err := db.exec(ctx, string(text)); err != nil {
				return fmt.Errorf("migrating to version %d: %w", version+1, err)
			}
		}
		id := ledger.NewChainID()
		start := ledger.Start(id)
		if err := db.exec(ctx, "INSERT OR IGNORE INTO chain (one, id, count, hash) VALUES (1, ?, 0, ?)", id, start[:]); err != nil {
			return err
		}
		return db.exec(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", application, version))
	})
}

// version returns the version of the file's tables, 0 for an empty file. It reads
// in one statement, as another process may be making them.
func (db *database) version(ctx context.Context) (int, error) {
	var id, version, tables int
	err := db.conn.QueryRowContext(ctx, `SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id, pragma_user_version`).Scan(&id, &version, &tables)
	if err != nil {
		return 0, err
	}
	if id != application && (id != 0 || version != 0 || tables != 0) {
		return 0, errors.New("the file is a database of something else")
	}
	return version, nil
}

// checkTail checks that the last records follow each other and end at the head.
func (db *database) checkTail(ctx context.Context) error {
	reader := &Reader{db: db}
	chain, err := reader.chain(ctx)
	if err != nil {
		return err
	}
	db.chain, db.head = chain.ID, chain.Head
	if err := db.conn.QueryRowContext(ctx, "SELECT coalesce(max(count), 0) FROM delivery").Scan(&db.delivered); err != nil {
		return err
	}
	previous := ledger.Head{Hash: ledger.Start(chain.ID)}
	if chain.Checkpoint != nil {
		previous = chain.Checkpoint.Head
	}
	if chain.Head.Count < previous.Count || chain.Last != chain.Head.Count {
		return fmt.Errorf("the last record is number %d, but the head counts %d", chain.Last, chain.Head.Count)
	}
	known := previous.Count >= chain.Head.Count-tail // whether the record before the first is
	for entry, err := range reader.Entries(ctx, chain.ID, max(previous.Count, chain.Head.Count-tail), chain.Last) {
		if err != nil {
			return err
		}
		if known && (entry.Sequence != previous.Count+1 || ledger.Next(previous.Hash, entry.Body) != entry.Hash) {
			return fmt.Errorf("record %d does not follow record %d", entry.Sequence, previous.Count)
		}
		previous, known = ledger.Head{Count: entry.Sequence, Hash: entry.Hash}, true
	}
	if previous != chain.Head {
		return fmt.Errorf("the records end at %s, the head is %s", previous, chain.Head)
	}
	return nil
}

// append writes a batch in one transaction, behind the end of the chain as it is
// then: another process may have extended it.
func (db *database) append(batch []*request) error {
	ctx := context.Background()
	shown := map[ledger.Digest]bool{}
	var head ledger.Head
	err := db.transact(ctx, func() error {
		var hash []byte
		if err := db.selectHead.QueryRowContext(ctx).Scan(&db.chain, &head.Count, &hash); err != nil {
			return err
		}
		head.Hash = ledger.Digest(bytes.Clone(hash))
		now := time.Now().UTC().Format(time.RFC3339)
		for _, req := range batch {
			if s := req.submission.Shown; !db.known[s.Digest] && !shown[s.Digest] {
				if _, err := db.insertShown.ExecContext(ctx, s.Digest[:], string(s.Document), now); err != nil {
					return err
				}
				shown[s.Digest] = true
			}
			next := ledger.Head{Count: head.Count + 1, Hash: ledger.Next(head.Hash, req.submission.Body)}
			if _, err := db.insertRecord.ExecContext(ctx, next.Count, string(req.submission.Body), next.Hash[:]); err != nil {
				return err
			}
			req.position = ledger.Position{Chain: db.chain, Sequence: next.Count, Previous: head.Hash, Hash: next.Hash}
			head = next
		}
		_, err := db.updateHead.ExecContext(ctx, head.Count, head.Hash[:])
		return err
	})
	if err != nil {
		return err
	}
	db.head = head
	for digest := range shown {
		db.known[digest] = true
	}
	return nil
}

// undelivered returns how many records have yet to reach a second store.
func (db *database) undelivered(outbox bool) int64 {
	if !outbox {
		return 0
	}
	return db.head.Count - db.delivered
}

// transact runs f in a transaction that nobody else writes beside.
func (db *database) transact(ctx context.Context, f func() error) error {
	if err := db.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := f()
	if err == nil {
		if err = db.exec(ctx, "COMMIT"); err == nil {
			return nil
		}
	}
	// SQLite may have rolled back already. What else can go wrong here, the
	// next BEGIN tells.
	_ = db.exec(context.WithoutCancel(ctx), "ROLLBACK")
	return err
}

func (db *database) exec(ctx context.Context, text string, args ...any) error {
	_, err := db.conn.ExecContext(ctx, text, args...)
	return err
}

// quickCheck looks through the whole file for damage.
func quickCheck(ctx context.Context, path string) error {
	db, err := connect(ctx, path, "mode", "ro")
	if err != nil {
		return err
	}
	defer db.close()
	var result string
	if err := db.conn.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&result); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if isBusy(err) {
			return nil
		}
		return err
	}
	if result != "ok" {
		return errors.New(result)
	}
	return nil
}

// isBusy reports whether another process only kept its transaction too long.
func isBusy(err error) bool {
	e, ok := errors.AsType[*sqlite3.Error](err)
	return ok && e.Code()&0xFF == sqlitelib.SQLITE_BUSY
}

// size returns the bytes that a ledger takes on disk.
func size(path string) int64 {
	var total int64
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(path + suffix); err == nil {
			total += info.Size()
		}
	}
	return total
}
