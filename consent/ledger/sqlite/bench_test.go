//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

package sqlite

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

// BenchmarkAppend measures durable records per second with 64 clients, and how
// long the slowest in a hundred waits, in time that a commit of 64 records takes.
func BenchmarkAppend(b *testing.B) {
	const clients = 64
	shown := testShown(b, "page")
	commit := medianCommit(b, shown, clients)
	s := openStore(b, Config{Path: filepath.Join(b.TempDir(), "consent.db")})
	if err := s.Begin(); err != nil {
		b.Fatal(err)
	}
	var mu sync.Mutex
	var waits []time.Duration
	var next atomic.Int64
	var running sync.WaitGroup
	b.ResetTimer()
	for range clients {
		running.Go(func() {
			var own []time.Duration
			for next.Add(1) <= int64(b.N) {
				begin := time.Now()
				if _, err := s.Append(b.Context(), submission(b, shown, begin)); err != nil {
					b.Error(err)
					return
				}
				own = append(own, time.Since(begin))
			}
			mu.Lock()
			waits = append(waits, own...)
			mu.Unlock()
		})
	}
	running.Wait()
	b.StopTimer()
	slices.Sort(waits)
	p99 := waits[len(waits)*99/100]
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(p99.Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(commit.Microseconds())/1000, "commit-ms")
	b.ReportMetric(float64(p99)/float64(commit), "p99/commit")
}

// medianCommit returns what a commit of some records takes.
func medianCommit(b *testing.B, shown *ledger.Shown, records int) time.Duration {
	b.Helper()
	db, err := open(b.Context(), filepath.Join(b.TempDir(), "consent.db"), 0)
	if err != nil {
		b.Fatal(err)
	}
	defer db.close()
	took := make([]time.Duration, 200)
	for i := range took {
		batch := make([]*request, records)
		for j := range batch {
			batch[j] = &request{ctx: b.Context(), submission: submission(b, shown, time.Now())}
		}
		begin := time.Now()
		if err := db.append(batch); err != nil {
			b.Fatal(err)
		}
		took[i] = time.Since(begin)
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// benchRecords is how many records there are to read, LEDGER_RECORDS or a million.
func benchRecords(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("LEDGER_RECORDS"))
	if err != nil {
		n = 1_000_000
	}
	return n
}

// bulk makes a ledger of many records, each as large as a real one.
var bulk = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "ledger")
	return filepath.Join(folder, "consent.db"), err
})

func bulkLedger(b *testing.B) string {
	b.Helper()
	path, err := bulk()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		return path
	}
	db, err := open(b.Context(), path, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer db.close()
	shown, random := testShown(b, "page"), rand.New(rand.NewPCG(1, 2))
	for left := benchRecords(b); left > 0; {
		batch := make([]*request, min(left, 10_000))
		for i := range batch {
			batch[i] = &request{ctx: b.Context(), submission: someChoice(b, shown, random)}
		}
		if err := db.append(batch); err != nil {
			b.Fatal(err)
		}
		left -= len(batch)
	}
	return path
}

// someChoice returns a choice as visitors make them: on some sites, in some
// languages, most by one click, one in ten in its own way.
func someChoice(b *testing.B, shown *ledger.Shown, random *rand.Rand) *ledger.Submission {
	b.Helper()
	r, err := ledger.NewRecord(time.Now())
	if err != nil {
		b.Fatal(err)
	}
	r.Site = []string{"www.example.test", "shop.example.test", "example.test"}[random.IntN(3)]
	r.Language = []string{"en", "de", "fr", "es"}[random.IntN(4)]
	r.Policy, r.Source, r.Method, r.Days, r.Version = "AbCdEfGhIjKl", "banner", "accept_all", 182, "v1.0.0"
	r.GPC = random.IntN(20) == 0
	state := func() ledger.State { return ledger.Given }
	switch kind := random.IntN(10); {
	case kind < 3:
		r.Method, state = "reject_all", func() ledger.State { return ledger.Refused }
	case kind == 3:
		r.Source, r.Method = "preferences", "save"
		state = func() ledger.State {
			return []ledger.State{ledger.Given, ledger.Refused, ledger.Withdrawn}[random.IntN(3)]
		}
	}
	r.Categories = map[string]ledger.State{"statistics": state(), "first_party": state(), "third_party": state()}
	r.Services = map[string]ledger.State{"matomo": state(), "videos": state(), "maps": state(), "newsletter": state()}
	submitted, err := ledger.Submit(r, shown)
	if err != nil {
		b.Fatal(err)
	}
	return submitted
}

func TestMain(m *testing.M) {
	status := m.Run()
	if path, err := bulk(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(status)
}

// peak measures by how much f makes the heap grow at most.
func peak(f func()) float64 {
	var stop atomic.Bool
	var most uint64
	var sampling sync.WaitGroup
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	sampling.Go(func() {
		for !stop.Load() {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse)
			time.Sleep(20 * time.Millisecond)
		}
	})
	f()
	stop.Store(true)
	sampling.Wait()
	return float64(most-min(most, before.HeapInuse)) / (1 << 20)
}

// BenchmarkExport measures exported records per second and the memory they take.
func BenchmarkExport(b *testing.B) {
	path := bulkLedger(b)
	for _, format := range []ledger.Format{ledger.JSONLines, ledger.CSV} {
		b.Run(string(format), func(b *testing.B) {
			var records int64
			var grown float64
			for b.Loop() {
				grown = max(grown, peak(func() {
					reader, err := OpenReader(b.Context(), path)
					if err != nil {
						b.Fatal(err)
					}
					defer reader.Close()
					n, err := ledger.WriteExport(b.Context(), reader, ledger.Filter{}, format, io.Discard, nil)
					if err != nil {
						b.Fatal(err)
					}
					records += n
				}))
			}
			b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(grown, "MB-heap")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkVerify measures the check of a ledger against reading it and hashing
// what was read, which any check has to do.
func BenchmarkVerify(b *testing.B) {
	path := bulkLedger(b)
	var checking, floor time.Duration
	var records int64
	for b.Loop() {
		reader, err := OpenReader(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		v, err := ledger.Verify(b.Context(), reader, nil, nil, func(f ledger.Finding) { b.Error(f) }, nil)
		if err != nil {
			b.Fatal(err)
		}
		checking += time.Since(begin)
		records += v.Records
		begin = time.Now()
		hashBodies(b, reader)
		floor += time.Since(begin)
		reader.Close()
	}
	b.ReportMetric(float64(records)/checking.Seconds(), "records/s")
	b.ReportMetric(float64(checking)/float64(floor), "floor-ratio")
	b.ReportMetric(0, "ns/op")
}

// hashBodies reads every record and takes its SHA-256: the least that verifying
// can do.
func hashBodies(b *testing.B, reader *Reader) {
	b.Helper()
	rows, err := reader.db.conn.QueryContext(b.Context(), "SELECT body FROM record")
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	var body []byte
	for rows.Next() {
		if err := rows.Scan(&body); err != nil {
			b.Fatal(err)
		}
		sha256.Sum256(body)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
}
