package integration_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkChoices measures what Caddy does with 64 visitors, each answered when
// the record is on disk: how many choices a second when they choose all the time,
// and what the slowest in a hundred waits when they make 2,000 choices a second
// together, also in time that a commit takes meanwhile, on average, and in what the
// slowest in a hundred would wait for the disk alone.
func BenchmarkChoices(b *testing.B) {
	const clients = 64
	c := startChild(b, quietSite("handle /metrics {\nmetrics\n}\nhandle {\ncookie_consent\nrespond ok\n}"))
	form := url.Values{"choice": {"accept_all"}, "return_to": {"/"}, "language": {"en"}}
	req := request{method: http.MethodPost, path: preferencesPath, host: host, header: sameOrigin, body: form.Encode()}.bytes()

	// run returns what all clients waited for their answers, and the time it took.
	run := func(b *testing.B, choices int, interval time.Duration) (waits []time.Duration, elapsed time.Duration) {
		var mu sync.Mutex
		var running sync.WaitGroup
		begin := time.Now()
		for i := range clients {
			running.Go(func() {
				first := begin.Add(interval * time.Duration(i) / clients)
				own, err := chooseAgain(c.addr("http"), req, choices/clients, first, interval)
				if err != nil {
					b.Error(err)
				}
				mu.Lock()
				waits = append(waits, own...)
				mu.Unlock()
			})
		}
		running.Wait()
		slices.Sort(waits)
		return waits, time.Since(begin)
	}
	run(b, clients, 0) // what visitors are shown is rendered for the first
	b.Run("all the time", func(b *testing.B) {
		choices, elapsed := 0, time.Duration(0)
		for b.Loop() {
			waits, took := run(b, 20_000, 0)
			choices, elapsed = choices+len(waits), elapsed+took
		}
		b.ReportMetric(float64(choices)/elapsed.Seconds(), "choices/s")
		b.ReportMetric(0, "ns/op")
	})
	b.Run("2000 a second", func(b *testing.B) {
		const rate = 2000
		var waits, disk []time.Duration
		commits, took := c.commits(b)
		for b.Loop() {
			more, _ := run(b, 5*rate, clients*time.Second/rate)
			waits = append(waits, more...)
			alone, err := diskWaits(filepath.Join(c.dir, "alone"), 5*rate, time.Second/rate)
			if err != nil {
				b.Fatal(err)
			}
			disk = append(disk, alone...)
		}
		allCommits, allTook := c.commits(b)
		commit := (allTook - took) / (allCommits - commits)
		slices.Sort(waits)
		slices.Sort(disk)
		p99, diskP99 := waits[len(waits)*99/100], disk[len(disk)*99/100]
		b.ReportMetric(float64(waits[len(waits)/2].Microseconds())/1000, "median-ms")
		b.ReportMetric(float64(p99.Microseconds())/1000, "p99-ms")
		b.ReportMetric(commit*1000, "commit-ms")
		b.ReportMetric(p99.Seconds()/commit, "p99/commit")
		b.ReportMetric(float64(diskP99.Microseconds())/1000, "disk-p99-ms")
		b.ReportMetric(float64(p99)/float64(diskP99), "p99/disk-p99")
		b.ReportMetric(0, "ns/op")
	})
}

// commits returns how many commits the ledger has made, and the seconds they took.
func (c *child) commits(b *testing.B) (n, seconds float64) {
	b.Helper()
	const name = "caddy_cookie_consent_ledger_commit_seconds"
	return c.metric(b, name+"_count"), c.metric(b, name+"_sum")
}

// diskWaits returns how long choices would wait for a ledger that takes no time but its
// disk's: those that are due are written together, as many bytes as SQLite writes for
// one and like its log over again, and synchronised before the next.
func diskWaits(name string, choices int, interval time.Duration) ([]time.Duration, error) {
	file, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	defer os.Remove(name)
	defer file.Close()
	const log = 16 << 20
	frames, at := make([]byte, 2*(24+4096)), 0 // the page with the record, and that with the head
	waits := make([]time.Duration, 0, choices)
	for begin := time.Now(); len(waits) < choices; {
		var ready time.Time // from when on those wait that came during a pause
		if early := time.Until(begin.Add(interval * time.Duration(len(waits)))); early > 0 {
			time.Sleep(early)
			ready = time.Now()
		}
		due := min(choices, int(time.Since(begin)/interval)+1)
		if _, err := file.WriteAt(frames, int64(at)); err != nil {
			return nil, err
		}
		at = (at + len(frames)) % log
		if err := file.Sync(); err != nil {
			return nil, err
		}
		for now := time.Now(); len(waits) < due; {
			since := begin.Add(interval * time.Duration(len(waits)))
			if since.Before(ready) {
				since = ready
			}
			waits = append(waits, now.Sub(since))
		}
	}
	return waits, nil
}

// chooseAgain sends a choice over one connection again and again, and returns how
// long each answer took. Between the times at which choices are due there is an
// interval; one that an answer made late counts from when it was due.
func chooseAgain(addr, req string, times int, due time.Time, interval time.Duration) ([]time.Duration, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	took := make([]time.Duration, times)
	for i := range took {
		begin := due
		if interval == 0 {
			begin = time.Now()
		} else if early := time.Until(due); early > 0 {
			time.Sleep(early)
			begin = time.Now()
		}
		due = due.Add(interval)
		if _, err := io.WriteString(conn, req); err != nil {
			return nil, err
		}
		res, err := http.ReadResponse(r, &http.Request{Method: http.MethodPost})
		if err != nil {
			return nil, err
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return nil, err
		}
		if res.StatusCode != http.StatusSeeOther {
			return nil, fmt.Errorf("status %d", res.StatusCode)
		}
		took[i] = time.Since(begin)
	}
	return took, nil
}
