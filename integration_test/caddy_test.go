package integration_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/cookieconsent/caddy-cookie-consent"
)

// host is the site's name in the tests. Its registrable domain is example.test.
const host = "www.example.test"

// server is the Caddy of this process. There is only one at a time, so tests
// that start one cannot run in parallel.
type server struct {
	httpPort, httpsPort int

	dir     string
	options []string // further lines of the global options
	sites   string   // those that it was started with
}

// start runs Caddy with the sites of a Caddyfile until the end of the test.
// Sites named by a host alone, or by a scheme and a host, listen on free ports.
func start(t testing.TB, sites string, options ...string) *server {
	t.Helper()
	s := &server{
		httpPort:  freePort(t),
		httpsPort: freePort(t),
		dir:       tempDir(t),
		options:   options,
		sites:     sites,
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping Caddy: %v", err)
		}
	})
	if err := s.load(sites); err != nil {
		t.Fatalf("starting Caddy: %v", err)
	}
	if strings.Contains(sites, "https://"+host) {
		s.awaitCertificate(t, host)
	}
	return s
}

// load replaces the running configuration, as caddy reload does, and waits until
// whoever connects from then on meets the new one.
func (s *server) load(sites string) error {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(s.globals()+sites), nil)
	if err != nil {
		return fmt.Errorf("adapting the Caddyfile: %w", err)
	}
	if err := caddy.Load(config, true); err != nil {
		return err
	}
	return s.awaitOldListeners()
}

// awaitOldListeners waits until the listeners of the configuration before are
// closed. Caddy leaves that to goroutines that may still have to be scheduled when
// it tells that the new one is loaded; until then, the kernel gives connections to
// either listener, and breaks off those that the old one had yet to accept.
func (s *server) awaitOldListeners() error {
	var err error
	if !eventually(func() bool {
		var table []byte
		if table, err = os.ReadFile("/proc/net/tcp"); err != nil {
			return true
		}
		const listening = "0A"
		found := map[string]bool{}
		for line := range strings.Lines(string(table)) {
			fields := strings.Fields(line)
			_, port, _ := strings.Cut(fields[1], ":")
			if fields[3] != listening || port != fmt.Sprintf("%04X", s.httpPort) && port != fmt.Sprintf("%04X", s.httpsPort) {
				continue
			}
			if found[fields[1]] {
				return false
			}
			found[fields[1]] = true
		}
		return true
	}) {
		return errors.New("the listeners of the configuration before are not closed")
	}
	return err
}

// globals is the global options block. grace_period keeps a connection that a
// test left open from holding up the next test.
func (s *server) globals() string {
	return fmt.Sprintf(`{
	admin off
	persist_config off
	skip_install_trust
	local_certs
	auto_https disable_redirects
	default_bind 127.0.0.1
	http_port %d
	https_port %d
	grace_period 2s
	storage file_system %s
	log {
		output file %s
	}
	%s
}
`, s.httpPort, s.httpsPort, filepath.Join(s.dir, "storage"), s.logFile(), strings.Join(s.options, "\n\t"))
}

func (s *server) logFile() string { return filepath.Join(s.dir, "caddy.log") }

// logged returns Caddy's log so far, without the access log.
func (s *server) logged(t testing.TB) string {
	t.Helper()
	log, err := os.ReadFile(s.logFile())
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}

// awaitCertificate waits until Caddy has issued the certificate for a name, which
// it does after its start.
func (s *server) awaitCertificate(t testing.TB, name string) {
	t.Helper()
	var lastErr error
	if !eventually(func() bool {
		var conn net.Conn
		if conn, lastErr = s.dial("https", name); lastErr == nil {
			conn.Close()
		}
		return lastErr == nil
	}) {
		t.Fatalf("waiting for the certificate: %v", lastErr)
	}
}

// addr is the network address that answers a scheme.
func (s *server) addr(scheme string) string {
	port := s.httpsPort
	if scheme == "http" {
		port = s.httpPort
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// authority is what a browser writes into the Host header field.
func (s *server) authority(scheme string) string {
	_, port, _ := net.SplitHostPort(s.addr(scheme))
	return net.JoinHostPort(host, port)
}

func (s *server) url(path string) string { return "https://" + s.authority("https") + path }

// site is a site block for host over both schemes. The access log is always on,
// since Caddy wraps its response writer only for that.
func site(directives string) string {
	return siteFor("http://"+host+", https://"+host, directives)
}

func siteFor(addresses, directives string) string {
	return addresses + " {\n\tlog {\n\t\toutput discard\n\t}\n" + wholeRequestLine + directives + "\n}\n"
}

// Tests get ports below those that the system gives to clients, which might take
// one before the server does.
const firstPort, ports = 10000, 20000

var lastPort atomic.Int32

func init() { lastPort.Store(rand.Int32N(ports)) }

// freePort returns a port that is free for TCP and UDP alike, and that no other call
// has returned.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		tcp, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+int(lastPort.Add(1))%ports)))
		if err != nil {
			continue
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		tcp.Close()
		if err == nil {
			udp.Close()
			return tcp.Addr().(*net.TCPAddr).Port
		}
	}
	t.Fatal("no port is free")
	return 0
}
