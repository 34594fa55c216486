package integration_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary builds Caddy with the module, once for all tests, as it is run: without
// the race detector.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.Getenv("XDG_DATA_HOME"), "bin", "caddy")
	out, err := exec.Command("go", "build", "-o", path, "../cmd/caddy").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building Caddy: %w: %s", err, out)
	}
	return path, nil
})

// child is a Caddy in a process of its own, which the tests measure and signal.
type child struct {
	*server
	config string
	cmd    *exec.Cmd
}

// caddyCommand is the program with arguments and a data folder of its own.
func (s *server) caddyCommand(t testing.TB, arguments ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, arguments...)
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir)
	return cmd
}

// startChild runs Caddy with the sites of a Caddyfile until the end of the test.
func startChild(t testing.TB, sites string) *child {
	t.Helper()
	c := &child{server: &server{httpPort: freePort(t), httpsPort: freePort(t), dir: tempDir(t)}}
	c.config = filepath.Join(c.dir, "Caddyfile")
	c.write(t, sites)
	c.cmd = c.caddyCommand(t, "run", "--config", c.config, "--adapter", "caddyfile")
	run(t, c.cmd)
	await(t, c.addr("http"))
	return c
}

// write replaces the Caddyfile. The admin endpoint is a socket in the folder.
func (c *child) write(t testing.TB, sites string) {
	t.Helper()
	globals := strings.Replace(c.globals(), "admin off", "admin unix/"+c.admin(), 1)
	sites = strings.ReplaceAll(sites, wholeRequestLine, "") // only this process has it
	if err := os.WriteFile(c.config, []byte(globals+sites), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (c *child) admin() string { return filepath.Join(c.dir, "admin.sock") }

// The program as it is run: it validates, starts, reloads and stops.
func TestProgram(t *testing.T) {
	app := statusApplication(t)
	sites := site(policy + "reverse_proxy " + app.addr)
	c := startChild(t, sites)
	if out, err := c.caddyCommand(t, "validate", "--config", c.config, "--adapter", "caddyfile").CombinedOutput(); err != nil {
		t.Errorf("validating: %v: %s", err, out)
	}
	ask := func() response {
		return c.do(t, h1, request{scheme: "http", path: "/", header: navigation})
	}
	if res := ask(); !strings.Contains(res.body, bannerMark) {
		t.Errorf("no banner: %q", res.body)
	}
	// The key is made when somebody chooses, never to validate or to serve pages.
	if _, err := os.Stat(filepath.Join(c.dir, "storage", "cookie_consent")); err == nil {
		t.Error("there is a key before anybody has chosen")
	}
	c.write(t, strings.Replace(sites, "{\n", "{\n\theader X-Reloaded yes\n", 1))
	if out, err := c.caddyCommand(t, "reload", "--config", c.config, "--adapter", "caddyfile", "--address", "unix/"+c.admin()).CombinedOutput(); err != nil {
		t.Errorf("reloading: %v: %s", err, out)
	}
	if err := c.awaitOldListeners(); err != nil {
		t.Error(err)
	}
	if res := ask(); res.header.Get("X-Reloaded") != "yes" || !strings.Contains(res.body, bannerMark) {
		t.Errorf("after reloading: %v", res.header)
	}
	c.write(t, site("cookie_consent {\n\tcookie x {\n\t\tcategory nothing\n\t}\n}"))
	if out, err := c.caddyCommand(t, "validate", "--config", c.config, "--adapter", "caddyfile").CombinedOutput(); err == nil || !strings.Contains(string(out), "nothing") {
		t.Errorf("validating a category that does not exist: %v: %s", err, out)
	}
	if res := ask(); res.status != http.StatusOK {
		t.Errorf("status %d", res.status)
	}
	c.cmd.Process.Signal(syscall.SIGTERM)
	if state, err := c.cmd.Process.Wait(); err != nil || !state.Success() {
		t.Errorf("stopping: %v, %v", state, err)
	}
}

// streaming bounds the transfer of a gigabyte.
const streaming = 10 * patience

// endless is a backend that writes a page of the given size, in bytes.
func endless(t testing.TB, size int64) string {
	paragraph := []byte(strings.Repeat("<p class=\"x\">Nothing but <a href=\"/y\">text</a> and tags.</p>\n", 512))
	return rawBackend(t, func(_ *http.Request, conn net.Conn) {
		const head = "<!DOCTYPE html><html><body>"
		conn.SetDeadline(time.Now().Add(streaming))
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s", size, head)
		for left := size - int64(len(head)); left > 0; left -= int64(len(paragraph)) {
			if _, err := conn.Write(paragraph[:min(left, int64(len(paragraph)))]); err != nil {
				return
			}
		}
	})
}

// resident is the memory of a process from /proc, in bytes: VmRSS, what it has
// now, or VmHWM, the most that it had.
func resident(t testing.TB, pid int, field string) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			kilobytes, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kilobytes << 10
		}
	}
	t.Fatalf("no %s in /proc", field)
	return 0
}

// streamed reads a page to its end without keeping it and returns its length.
func (s *server) streamed(t testing.TB, path string) int64 {
	t.Helper()
	conn, err := s.dial("http", s.authority("http"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(streaming))
	header := append([]string{"Connection: close"}, navigation...)
	io.WriteString(conn, request{method: http.MethodGet, path: path, host: s.authority("http"), header: header}.bytes())
	n, err := io.Copy(io.Discard, conn)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const gigabyte = 1 << 30

// A page of any size passes in a fixed amount of memory.
func TestMemoryOfAStreamedPage(t *testing.T) {
	c := startChild(t, site(policy+"handle /small {\nreverse_proxy "+endless(t, 10<<20)+"\n}\nhandle {\nreverse_proxy "+endless(t, gigabyte)+"\n}"))
	for range 3 {
		c.streamed(t, "/small")
	}
	before := resident(t, c.cmd.Process.Pid, "VmHWM")
	if n := c.streamed(t, "/large"); n < gigabyte {
		t.Fatalf("%d bytes arrived", n)
	}
	if grown := resident(t, c.cmd.Process.Pid, "VmHWM") - before; grown > 8<<20 {
		t.Errorf("the process grew by %d bytes", grown)
	} else {
		t.Logf("the process grew by %d bytes", grown)
	}
}
