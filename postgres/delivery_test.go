//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

package postgres

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger/sqlite"
)

var sealingKey = []byte("a key that seals checkpoints")

// machine is one Caddy's ledger.
type machine struct {
	*delivery
	file string

	mu       sync.Mutex
	answered map[string]ledger.Position // by record
}

func newMachine(t testing.TB, dsn, file string, retention time.Duration) *machine {
	t.Helper()
	config, err := poolConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	local := sqlite.Open(sqlite.Config{Path: file, Outbox: true}, ledger.Options{Logger: logger, Retention: retention, Key: func() ([]byte, error) { return sealingKey, nil }})
	m := &machine{delivery: newDelivery(local, file, config, logger), file: file, answered: map[string]ledger.Position{}}
	t.Cleanup(func() { m.Close() })
	if err := m.Begin(); err != nil {
		t.Fatal(err)
	}
	return m
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "consent.db") }

// choose records n choices from a time on.
func (m *machine) choose(t testing.TB, n int, at time.Time) {
	t.Helper()
	shown, err := ledger.NewShown(ledger.ShownDocument{Policy: "AbCdEfGhIjKl", Declaration: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		r, err := ledger.NewRecord(at)
		if err != nil {
			t.Fatal(err)
		}
		r.Site, r.Method, r.Categories = "www.example.test", "accept_all", map[string]ledger.State{"statistics": ledger.Given}
		submission, err := ledger.Submit(r, shown)
		if err != nil {
			t.Fatal(err)
		}
		position, err := m.Append(t.Context(), submission)
		if err != nil {
			t.Fatal(err)
		}
		m.mu.Lock()
		m.answered[r.ID] = position
		m.mu.Unlock()
	}
}

// await waits until everything is delivered.
func (m *machine) await(t testing.TB) {
	t.Helper()
	if !eventually(func() bool { return m.Status().Undelivered == 0 }) {
		t.Fatalf("%d records are not delivered", m.Status().Undelivered)
	}
}

// awaitFailure waits until a delivery has failed.
func (m *machine) awaitFailure(t testing.TB) {
	t.Helper()
	if !eventually(func() bool { return m.Status().Failures > 0 }) {
		t.Error("no failure is counted")
	}
}

// verifyAll checks the database's chains, and that they hold what the machines
// answered, all of it and once.
func (p *postgresServer) verifyAll(t testing.TB, machines ...*machine) {
	t.Helper()
	v, found := p.verify(t)
	if len(found) > 0 {
		t.Errorf("found %v", found)
	}
	if len(v.Chains) != len(machines) {
		t.Errorf("%d chains of %d machines", len(v.Chains), len(machines))
	}
	conn, err := pgx.Connect(t.Context(), p.dsn(p.port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	answered := 0
	for _, m := range machines {
		for id, position := range m.answered {
			var hash []byte
			if err := conn.QueryRow(t.Context(), "SELECT hash FROM cookie_consent.record WHERE id = $1 AND chain = $2 AND sequence = $3", id, position.Chain, position.Sequence).Scan(&hash); err != nil || ledger.Digest(hash) != position.Hash {
				t.Fatalf("record %s: %v", id, err)
			}
		}
		answered += len(m.answered)
	}
	if v.Records != int64(answered) {
		t.Errorf("%d records of %d", v.Records, answered)
	}
}

func (p *postgresServer) verify(t testing.TB) (*ledger.Verification, []ledger.Finding) {
	t.Helper()
	config, err := poolConfig(p.dsn(p.port))
	if err != nil {
		t.Fatal(err)
	}
	reader, err := openReader(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var found []ledger.Finding
	v, err := ledger.Verify(t.Context(), reader, [][]byte{sealingKey}, nil, func(f ledger.Finding) { found = append(found, f) }, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v, found
}

// Two machines write to one database whose tables neither found.
func TestTwoMachines(t *testing.T) {
	p := startPostgres(t)
	machines := []*machine{newMachine(t, p.dsn(p.port), file(t), 0), newMachine(t, p.dsn(p.port), file(t), 0)}
	var load sync.WaitGroup
	for _, m := range machines {
		for range 4 {
			load.Go(func() { m.choose(t, 400, time.Now()) })
		}
	}
	load.Wait()
	for _, m := range machines {
		m.await(t)
	}
	p.verifyAll(t, machines...)
}

// PostgreSQL goes and comes back, more than once; nobody notices who chooses: what
// waited for it would wait until it is back, which is afterwards.
func TestDatabaseAway(t *testing.T) {
	p := startPostgres(t)
	p.stop()
	path := file(t)
	m := newMachine(t, p.dsn(p.port), path, 0)
	m.choose(t, 50, time.Now()) // it was never there
	if m.Status().Undelivered != 50 {
		t.Errorf("%d are undelivered", m.Status().Undelivered)
	}
	for range 3 {
		p.start(t)
		m.choose(t, 50, time.Now())
		m.await(t)
		p.verifyAll(t, m)
		m.choose(t, 300, time.Now())
		p.stop() // in the midst of it
		m.choose(t, 50, time.Now())
	}
	m.awaitFailure(t)
	// The machine is started anew before the database is back.
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	again := newMachine(t, p.dsn(p.port), path, 0)
	again.answered = m.answered
	again.choose(t, 10, time.Now())
	p.start(t)
	again.await(t)
	p.verifyAll(t, again)
}

// The network breaks at any moment, also between a commit and its confirmation:
// nothing gets lost, nothing arrives twice.
func TestBadNetwork(t *testing.T) {
	p := startPostgres(t)
	network := newBadNetwork(t, p.port)
	machines := []*machine{newMachine(t, p.dsn(network.port), file(t), 0), newMachine(t, p.dsn(network.port), file(t), 0)}
	network.breaks.Store(15)
	network.delay.Store(int64(5 * time.Millisecond))
	var load sync.WaitGroup
	for _, m := range machines {
		load.Go(func() {
			for range 40 {
				m.choose(t, 25, time.Now())
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
	load.Wait()
	network.cut.Store(true)
	network.sever()
	for _, m := range machines {
		m.choose(t, 100, time.Now())
	}
	network.cut.Store(false)
	network.breaks.Store(0)
	for _, m := range machines {
		m.await(t)
		t.Logf("%d attempts failed", m.Status().Failures)
	}
	p.verifyAll(t, machines...)
}

// A database that has no room is as one that is away.
func TestDatabaseFull(t *testing.T) {
	p := startPostgres(t)
	disk, err := os.MkdirTemp("", "tablespace")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(disk) })
	mount(t, "mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "tmpfs", disk)
	t.Cleanup(func() { mount(t, "umount", "-l", disk) })
	t.Cleanup(p.stop)
	space := filepath.Join(disk, "space")
	if err := os.Mkdir(space, 0o700); err != nil {
		t.Fatal(err)
	}
	if p.cred != nil {
		if err := os.Chown(space, int(p.cred.Uid), int(p.cred.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	p.query(t, "CREATE TABLESPACE small LOCATION '"+space+"'", "SELECT 1")
	m := newMachine(t, p.dsn(p.port)+"&default_tablespace=small", file(t), 0)
	m.choose(t, 10, time.Now())
	m.await(t)
	m.choose(t, 3000, time.Now())
	m.awaitFailure(t)
	if status := m.Status(); status.Undelivered == 0 || status.Err != nil {
		t.Fatalf("on a full disk: %+v", status)
	}
	mount(t, "mount", "-o", "remount,size=64m", disk)
	m.await(t)
	p.verifyAll(t, m)
}

func mount(t testing.TB, command string, arguments ...string) {
	t.Helper()
	cmd := exec.Command(command, arguments...)
	if os.Geteuid() != 0 {
		cmd = exec.Command("sudo", append([]string{"-n", command}, arguments...)...)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("mounting a small disk takes root: %v: %s", err, out)
	}
}

// Tables of another version are not written to; those of an older one are
// brought up to date by one machine at a time.
func TestSchemaVersions(t *testing.T) {
	p := startPostgres(t)
	var starting sync.WaitGroup
	for range 8 {
		starting.Go(func() {
			conn, err := pgx.Connect(t.Context(), p.dsn(p.port))
			if err == nil {
				err = migrate(t.Context(), conn)
				conn.Close(t.Context())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	if n := p.query(t, "SELECT version FROM cookie_consent.version"); n != 1 {
		t.Fatalf("version %d", n)
	}

	p.query(t, "UPDATE cookie_consent.version SET version = 99", "SELECT 1")
	m := newMachine(t, p.dsn(p.port), file(t), 0)
	m.choose(t, 20, time.Now())
	m.awaitFailure(t)
	if status := m.Status(); status.Undelivered != 20 {
		t.Errorf("to a newer version: %+v", status)
	}
	config, err := poolConfig(p.dsn(p.port))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openReader(t.Context(), config); err == nil || !strings.Contains(err.Error(), "99") {
		t.Errorf("a newer version is read: %v", err)
	}
	// Behind: a schema that an administrator made, empty.
	p.query(t, "DO $$ BEGIN DROP SCHEMA cookie_consent CASCADE; CREATE SCHEMA cookie_consent; END $$", "SELECT 1") // at once: the machine goes on trying
	m.await(t)
	p.verifyAll(t, m)
}

// What the file pruned, the database prunes; what it has not got yet, the file
// keeps.
func TestPruning(t *testing.T) {
	p := startPostgres(t)
	path := file(t)
	m := newMachine(t, p.dsn(p.port), path, 0)
	old := time.Now().Add(-10 * 24 * time.Hour)
	m.choose(t, 700, old)
	m.await(t)
	p.stop()
	m.choose(t, 50, old)
	m.choose(t, 30, time.Now())
	key := func() ([]byte, error) { return sealingKey, nil }
	if n, err := sqlite.Prune(t.Context(), path, time.Now().Add(-24*time.Hour), true, key, nil); err != nil || n != 700 {
		t.Errorf("%d records were pruned, %v", n, err)
	}
	p.start(t)
	m.await(t)
	m.choose(t, 1, time.Now())
	m.await(t)
	v, found := p.verify(t)
	if v.Records != 81 || v.Pruned != 700 || len(found) > 0 {
		t.Errorf("%+v, found %v", v, found)
	}
}

// A database from before gets what it lost; a file from before does not go on.
func TestRestoredFromABackup(t *testing.T) {
	p := startPostgres(t)
	path := file(t)
	m := newMachine(t, p.dsn(p.port), path, 0)
	m.choose(t, 40, time.Now())
	m.await(t)
	start := ledger.Start(m.answered[first(m)].Chain)
	p.query(t, "DELETE FROM cookie_consent.record", "DELETE FROM cookie_consent.shown", "UPDATE cookie_consent.chain SET count = 0, hash = '\\x"+start.String()+"'", "SELECT 1")
	m.choose(t, 1, time.Now())
	m.await(t)
	p.verifyAll(t, m)

	m.Close()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	again := newMachine(t, p.dsn(p.port), path, 0)
	again.choose(t, 5, time.Now())
	again.await(t)
	again.Close()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	forked := newMachine(t, p.dsn(p.port), path, 0)
	forked.choose(t, 9, time.Now())
	forked.awaitFailure(t)
	if v, found := p.verify(t); v.Records != 46 || len(found) > 0 {
		t.Errorf("%d records, found %v", v.Records, found)
	}
}

func first(m *machine) string {
	for id := range m.answered {
		return id
	}
	return ""
}

// The set of chains shows tampering as each of them does.
func TestTampering(t *testing.T) {
	p := startPostgres(t)
	machines := []*machine{newMachine(t, p.dsn(p.port), file(t), 0), newMachine(t, p.dsn(p.port), file(t), 0)}
	for _, m := range machines {
		m.choose(t, 10, time.Now())
		m.await(t)
		m.Close()
	}
	for statement, want := range map[string]string{
		"UPDATE cookie_consent.record SET body = replace(body, 'given', 'GIVEN') WHERE sequence = 4": "altered",
		"DELETE FROM cookie_consent.record WHERE sequence = 4":                                       "missing",
		"DELETE FROM cookie_consent.record WHERE sequence > 8":                                       "missing at the end",
		"UPDATE cookie_consent.shown SET document = document || ' '":                                 "was altered",
		"DELETE FROM cookie_consent.shown":                                                           "missing",
	} {
		p.query(t, "CREATE TABLE r AS SELECT * FROM cookie_consent.record", "CREATE TABLE s AS SELECT * FROM cookie_consent.shown", statement, "SELECT 1")
		if _, found := p.verify(t); len(found) == 0 || !strings.Contains(found[0].Problem, want) {
			t.Errorf("%s: found %v", statement, found)
		}
		p.query(t, "DELETE FROM cookie_consent.record", "INSERT INTO cookie_consent.record SELECT * FROM r", "DELETE FROM cookie_consent.shown", "INSERT INTO cookie_consent.shown SELECT * FROM s", "DROP TABLE r, s", "SELECT 1")
	}
	p.verifyAll(t, machines...)
	p.query(t, "DELETE FROM cookie_consent.record WHERE chain = (SELECT id FROM cookie_consent.chain WHERE number = 1)", "DELETE FROM cookie_consent.chain WHERE number = 1", "SELECT 1")
	config, err := poolConfig(p.dsn(p.port))
	if err != nil {
		t.Fatal(err)
	}
	r, err := openReader(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Chains(context.Background()); err == nil || !strings.Contains(err.Error(), "chain number 1 was removed") {
		t.Errorf("a chain was removed: %v", err)
	}
}
