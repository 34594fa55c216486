//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

package postgres

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresServer is a PostgreSQL of this test: Debian's program, as a user that is
// not root, in a folder of its own, on a port of the loopback interface.
type postgresServer struct {
	bin, data string
	port      int
	cred      *syscall.Credential
	cmd       *exec.Cmd
}

func startPostgres(t testing.TB) *postgresServer {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		t.Fatal("PostgreSQL is missing: make test installs it")
	}
	folder, err := os.MkdirTemp("", "postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	p := &postgresServer{bin: filepath.Dir(found[len(found)-1]), data: filepath.Join(folder, "data")}
	if os.Geteuid() == 0 {
		account, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(account.Uid)
		gid, _ := strconv.Atoi(account.Gid)
		p.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(folder, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	p.port = freePort(t)
	if out, err := p.command("initdb", "-D", p.data, "-U", "consent", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v: %s", err, out)
	}
	p.start(t)
	t.Cleanup(p.stop)
	return p
}

func (p *postgresServer) command(name string, arguments ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), arguments...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.cred}
	return cmd
}

// start starts the server and waits until it answers.
func (p *postgresServer) start(t testing.TB) {
	t.Helper()
	p.cmd = p.command("postgres", "-D", p.data, "-p", strconv.Itoa(p.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off")
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool {
		conn, err := pgx.Connect(t.Context(), p.dsn(p.port))
		if err == nil {
			conn.Close(t.Context())
		}
		return err == nil
	}) {
		t.Fatal("PostgreSQL does not answer")
	}
}

// eventually waits for a condition, long enough for a busy machine and for what is
// tried again ever more seldom, and reports whether it came to hold.
func eventually(condition func() bool) bool {
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if condition() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

// Servers that are stopped and started again get ports below those that the system
// gives to clients, which might take one meanwhile, and above those of the tests of
// other packages.
const firstPort, ports = 30000, 2000

var lastPort atomic.Int32

func init() { lastPort.Store(rand.Int32N(ports)) }

// freePort returns a port that is free, and that no other call has returned.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := firstPort + int(lastPort.Add(1))%ports
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			listener.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// stop ends the server at once, as a loss of power would.
func (p *postgresServer) stop() {
	if p.cmd != nil {
		p.cmd.Process.Signal(syscall.SIGQUIT)
		p.cmd.Wait()
		p.cmd = nil
	}
}

func (p *postgresServer) dsn(port int) string {
	return fmt.Sprintf("postgres://consent@127.0.0.1:%d/postgres?sslmode=disable&connect_timeout=60", port)
}

// query runs statements and returns the number in the first column of the last.
func (p *postgresServer) query(t testing.TB, statements ...string) (n int64) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.dsn(p.port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, statement := range statements[:len(statements)-1] {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := conn.QueryRow(t.Context(), statements[len(statements)-1]).Scan(&n); err != nil {
		t.Fatalf("%s: %v", statements[len(statements)-1], err)
	}
	return n
}

// badNetwork is a way to the server that can be cut, is slow, and breaks by itself.
type badNetwork struct {
	port int
	cut  atomic.Bool

	delay  atomic.Int64 // of each piece, in nanoseconds
	breaks atomic.Int64 // about one piece in so many ends the connection, 0 for none

	mu    sync.Mutex
	conns map[net.Conn]bool
}

func newBadNetwork(t testing.TB, to int) *badNetwork {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &badNetwork{port: listener.Addr().(*net.TCPAddr).Port, conns: map[net.Conn]bool{}}
	var running sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		n.sever()
		running.Wait()
	})
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(to)))
			if err != nil || n.cut.Load() {
				client.Close()
				if err == nil {
					server.Close()
				}
				continue
			}
			n.mu.Lock()
			n.conns[client], n.conns[server] = true, true
			n.mu.Unlock()
			running.Go(func() { n.pass(client, server) })
			running.Go(func() { n.pass(server, client) })
		}
	})
	return n
}

func (n *badNetwork) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 8<<10)
	for {
		read, err := from.Read(buf)
		time.Sleep(time.Duration(n.delay.Load()))
		if every := n.breaks.Load(); every > 0 && rand.Int64N(every) == 0 {
			return
		}
		if _, werr := to.Write(buf[:read]); err != nil || werr != nil {
			return
		}
	}
}

// sever ends every connection.
func (n *badNetwork) sever() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for conn := range n.conns {
		conn.Close()
		delete(n.conns, conn)
	}
}
