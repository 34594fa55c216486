package integration_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/internal/pages"
)

// Each comparison takes this many rounds, and each round measures every server
// with this many requests over this many connections.
const (
	rounds      = 15
	connections = 8
)

// BenchmarkProxy compares Caddy with the directive to the same program without
// it, each in a process of its own in front of the same backend. A round visits
// every server, in turns; what is reported are medians over the rounds of the
// ratios within a round, so that the machine's moods cancel out. The processor
// time of the server is the number to go by: the clients share the machine with
// it. floor is what the program without the directive shows against itself.
func BenchmarkProxy(b *testing.B) {
	const sent = "Cookie: sessionid=8c1f; csrftoken=Zk3; _pk_id.7.1fff=6c2; last_seen=1; adsid=77"
	corpus := pages.Corpus()
	works := []struct {
		name, contentType string
		body              []byte
		requests          int
		header            []string
		granted           bool
		declared          string
	}{
		{"script", "text/javascript", bytes.Repeat([]byte("f(1);\n"), 700), 4000, subresource, false, ""},
		{"page 12 KB", "text/html", corpus["small"], 3000, navigation, false, ""},
		{"page 92 KB", "text/html", corpus["front"], 1500, navigation, false, ""},
		{"page 1 MB", "text/html", corpus["portal"], 200, navigation, false, ""},
		{"page 92 KB, 500 hosts declared", "text/html", corpus["front"], 1500, navigation, false, manyServices()},
		{"page 12 KB, all granted", "text/html", corpus["small"], 3000, navigation, true, ""},
		{"page 92 KB, all granted", "text/html", corpus["front"], 1500, navigation, true, ""},
		{"page 1 MB, all granted", "text/html", corpus["portal"], 200, navigation, true, ""},
	}
	for _, work := range works {
		b.Run(work.name, func(b *testing.B) {
			backend := keepAliveBackend(b, response200(work.contentType, work.body))
			plain := startChild(b, quietSite("reverse_proxy "+backend))
			again := startChild(b, quietSite("reverse_proxy "+backend))
			with := startChild(b, quietSite(strings.TrimSuffix(strings.TrimSpace(policy), "}")+work.declared+"}\nreverse_proxy "+backend))
			cookies := sent
			if work.granted {
				cookies += "; " + chooseOverHTTP(b, with.server, host, acceptAll)
			}
			req := request{method: http.MethodGet, path: "/", host: host, header: append([]string{cookies}, work.header...)}.bytes()
			servers := []*child{plain, again, with}
			for _, server := range servers {
				server.measure(b, req, work.requests/4)
			}
			for b.Loop() {
				var cpu, rate, floor []float64
				for round := range rounds {
					var spent [3]cost
					for i := range servers {
						n := (i + round) % len(servers)
						spent[n] = servers[n].measure(b, req, work.requests)
					}
					cpu = append(cpu, float64(spent[2].cpu)/float64(spent[0].cpu))
					rate = append(rate, float64(spent[0].wall)/float64(spent[2].wall))
					floor = append(floor, float64(spent[1].cpu)/float64(spent[0].cpu))
				}
				b.ReportMetric(median(cpu), "cpu-ratio")
				b.ReportMetric(median(rate), "req/s-ratio")
				b.ReportMetric(median(floor), "floor-cpu-ratio")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// manyServices are 60 services and 500 hosts, none of which is on a page.
func manyServices() string {
	var b strings.Builder
	for i := range 60 {
		fmt.Fprintf(&b, "service s%d {\ncategory %s\nprovider \"Provider\"\npurpose \"Counts\"\npaths /tracker-%d/*\nhosts", i, []string{"statistics", "first_party", "third_party"}[i%3], i)
		for j := range 8 {
			fmt.Fprintf(&b, " %s%d-%d.example", []string{"*.s", "cdn.s"}[j%2], i, j)
		}
		b.WriteString("\n}\n")
	}
	b.WriteString("first_party")
	for i := range 20 {
		fmt.Fprintf(&b, " *.owner%d.example", i)
	}
	return b.String() + "\nwall off\n" // a policy cannot name so many
}

// BenchmarkStreamedGigabyte passes a page of 1 GB and reports the processor time
// that it costs, and by how much the process grows.
func BenchmarkStreamedGigabyte(b *testing.B) {
	for name, directive := range map[string]string{"plain": "", "with the directive": policy} {
		b.Run(name, func(b *testing.B) {
			c := startChild(b, quietSite(directive+"handle /small {\nreverse_proxy "+endless(b, 10<<20)+"\n}\nhandle {\nreverse_proxy "+endless(b, gigabyte)+"\n}"))
			c.streamed(b, "/small")
			before := resident(b, c.cmd.Process.Pid, "VmHWM")
			cpu := c.cpu(b)
			for b.Loop() {
				c.streamed(b, "/large")
			}
			b.ReportMetric((c.cpu(b)-cpu).Seconds()/float64(b.N), "cpu-s/GB")
			b.ReportMetric(float64(resident(b, c.cmd.Process.Pid, "VmHWM")-before)/(1<<20), "MB-grown")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// quietSite is site over http alone, for whatever host, without an access log.
func quietSite(directives string) string { return "http:// {\n" + directives + "\n}\n" }

// response200 is a whole response with the cookies of the stand-in application.
func response200(contentType string, body []byte) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\nSet-Cookie: %s\r\n\r\n%s", contentType, len(body), strings.Join(allCookies, "\r\nSet-Cookie: "), body)
}

// keepAliveBackend answers every request on every connection with the same bytes.
func keepAliveBackend(t testing.TB, reply string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	answer := []byte(reply)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				// Requests have no body: each ends with an empty line.
				for r := bufio.NewReader(conn); ; {
					line, err := r.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(line) == 2 {
						if _, err := conn.Write(answer); err != nil {
							return
						}
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// cost is what a number of requests took.
type cost struct{ cpu, wall time.Duration }

// measure sends a request many times over connections that stay open.
func (c *child) measure(t testing.TB, req string, requests int) cost {
	t.Helper()
	var clients sync.WaitGroup
	cpu, begin := c.cpu(t), time.Now()
	for range connections {
		clients.Go(func() {
			if err := repeat(c.addr("http"), req, requests/connections); err != nil {
				t.Error(err)
			}
		})
	}
	clients.Wait()
	wall := time.Since(begin)
	return cost{c.cpu(t) - cpu, wall}
}

// repeat sends a request over one connection again and again, and reads the answers.
func repeat(addr, req string, times int) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 64<<10)
	asked := &http.Request{Method: http.MethodGet}
	for range times {
		if _, err := io.WriteString(conn, req); err != nil {
			return err
		}
		res, err := http.ReadResponse(r, asked)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return err
		}
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", res.StatusCode)
		}
	}
	return nil
}

// cpu is the processor time that the process has used.
func (c *child) cpu(t testing.TB) time.Duration {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", c.cmd.Process.Pid))
	if err != nil || len(tasks) == 0 {
		t.Fatal("no schedstat in /proc")
	}
	var total time.Duration
	for _, task := range tasks {
		stat, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has ended
		}
		nanoseconds, err := strconv.ParseInt(strings.Fields(string(stat))[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		total += time.Duration(nanoseconds)
	}
	return total
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// chooseOverHTTP makes a choice and returns the preference cookie, where there is no TLS.
func chooseOverHTTP(t testing.TB, s *server, host string, choice url.Values) string {
	t.Helper()
	res := s.do(t, h1, request{scheme: "http", method: http.MethodPost, path: preferencesPath, host: host, header: sameOrigin, body: choice.Encode()})
	for _, line := range res.cookies() {
		if nameOf(line) == preferenceCookie {
			return pair(line)
		}
	}
	t.Fatalf("status %d, cookies %q", res.status, res.cookies())
	return ""
}

// What the directive allocates for a response that is not a page does not grow
// with the number of cookies in either direction, whether they pass or not.
func TestAllocationsDoNotGrowWithCookies(t *testing.T) {
	// allocations is what a request costs with the directive and without it.
	allocations := func(cookies int, granted bool) (with, without float64) {
		var names, lines []string
		for i := range cookies {
			names = append(names, fmt.Sprintf("unknown%d=v", i))
			lines = append(lines, fmt.Sprintf("Set-Cookie: unknown%d=v; Path=/\r\n", i))
		}
		backend := keepAliveBackend(t, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"+strings.Join(lines, "")+"Content-Length: 2\r\n\r\nok")
		s := start(t, siteFor("http://"+host, policy+"reverse_proxy "+backend)+siteFor("http://plain.example.test", "reverse_proxy "+backend))
		if granted {
			names = append(names, chooseOverHTTP(t, s, host, acceptAll))
		}
		each := func(host string) float64 {
			req := request{method: http.MethodGet, path: "/", host: host, header: []string{"Cookie: " + strings.Join(names, "; ")}}.bytes()
			const tries, times = 5, 400
			if err := repeat(s.addr("http"), req, times/2); err != nil {
				t.Fatal(err)
			}
			// What else goes on in the process only adds: the least is the cost.
			least := math.Inf(1)
			for range tries {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				if err := repeat(s.addr("http"), req, times); err != nil {
					t.Fatal(err)
				}
				runtime.ReadMemStats(&after)
				least = min(least, float64(after.Mallocs-before.Mallocs)/times)
			}
			return least
		}
		return each(host), each("plain.example.test")
	}
	for _, granted := range []bool{false, true} {
		few, fewPlain := allocations(5, granted)
		many, manyPlain := allocations(50, granted)
		t.Logf("granted %t: %.1f allocations with 5 cookies (%.1f without the directive), %.1f with 50 (%.1f)", granted, few, fewPlain, many, manyPlain)
		// Cookies that are dropped save Caddy and the client allocations, so
		// that only growth is wrong.
		if grown := (many - manyPlain) - (few - fewPlain); grown > 1 {
			t.Errorf("granted %t: 45 more cookies cost %.1f more allocations", granted, grown)
		}
	}
}
