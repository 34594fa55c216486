package integration_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// BenchmarkFirstByte measures how much later than from the same Caddy without the
// directive the first bytes of a page arrive that its application goes on writing for
// some time, in milliseconds: the median of what requests in turns differ by. floor-ms is
// what the program without the directive shows against itself.
func BenchmarkFirstByte(b *testing.B) {
	const head, pause = "<!DOCTYPE html><html><head><title>Slow</title></head>", 3 * time.Millisecond
	rest := "<body>" + strings.Repeat("<p>a paragraph</p>", 1000)
	backend := rawBackend(b, func(_ *http.Request, conn net.Conn) {
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(head), head)
		time.Sleep(pause)
		fmt.Fprintf(conn, "%x\r\n%s\r\n0\r\n\r\n", len(rest), rest)
	})
	plain := startChild(b, quietSite("reverse_proxy "+backend))
	again := startChild(b, quietSite("reverse_proxy "+backend))
	with := startChild(b, quietSite(policy+"reverse_proxy "+backend))
	req := request{method: http.MethodGet, path: "/", host: host, header: append([]string{"Connection: close"}, navigation...)}.bytes()
	servers := []*child{plain, again, with}
	for b.Loop() {
		var later, floor []float64
		for round := range 100 * rounds {
			var took [3]float64
			for i := range servers {
				n := (i + round) % len(servers)
				took[n] = float64(servers[n].firstBytes(b, req, "</head>")) / float64(time.Millisecond)
			}
			later = append(later, took[2]-took[0])
			floor = append(floor, took[1]-took[0])
		}
		b.ReportMetric(median(later), "later-ms")
		b.ReportMetric(median(floor), "floor-ms")
	}
	b.ReportMetric(0, "ns/op")
}

// firstBytes returns how long after a request what the page begins with has arrived.
func (c *child) firstBytes(t testing.TB, req, marker string) time.Duration {
	t.Helper()
	conn, err := net.Dial("tcp", c.addr("http"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began := time.Now()
	if _, err := io.WriteString(conn, req); err != nil {
		t.Fatal(err)
	}
	for r := bufio.NewReader(conn); ; {
		line, err := r.ReadString('>')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(line, marker) {
			break
		}
	}
	took := time.Since(began)
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Fatal(err)
	}
	return took
}
