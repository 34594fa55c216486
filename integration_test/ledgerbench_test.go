package integration_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkChoices measures what Caddy does with 64 visitors who choose all the
// time, each answered when the record is on disk: choices per second, and what
// the slowest in a hundred waits. commit-ms is what a choice takes that shares
// its commit with nobody.
func BenchmarkChoices(b *testing.B) {
	const clients, choices = 64, 20_000
	c := startChild(b, quietSite("cookie_consent\nrespond ok"))
	form := url.Values{"choice": {"accept_all"}, "return_to": {"/"}, "language": {"en"}}
	req := request{method: http.MethodPost, path: preferencesPath, host: host, header: sameOrigin, body: form.Encode()}.bytes()
	alone, err := chooseAgain(c.addr("http"), req, 200)
	if err != nil {
		b.Fatal(err)
	}
	slices.Sort(alone)
	var waits []time.Duration
	var elapsed time.Duration
	for b.Loop() {
		var mu sync.Mutex
		var running sync.WaitGroup
		begin := time.Now()
		for range clients {
			running.Go(func() {
				own, err := chooseAgain(c.addr("http"), req, choices/clients)
				if err != nil {
					b.Error(err)
				}
				mu.Lock()
				waits = append(waits, own...)
				mu.Unlock()
			})
		}
		running.Wait()
		elapsed += time.Since(begin)
	}
	slices.Sort(waits)
	b.ReportMetric(float64(len(waits))/elapsed.Seconds(), "choices/s")
	b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(alone[len(alone)/2].Microseconds())/1000, "commit-ms")
	b.ReportMetric(0, "ns/op")
}

// chooseAgain sends a choice over one connection again and again, and returns
// how long each answer took.
func chooseAgain(addr, req string, times int) ([]time.Duration, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	took := make([]time.Duration, times)
	for i := range took {
		begin := time.Now()
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
