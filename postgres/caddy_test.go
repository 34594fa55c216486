//go:build (darwin && (amd64 || arm64)) || (freebsd && (amd64 || arm64)) || (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (openbsd && (amd64 || arm64)) || (windows && (amd64 || arm64))

package postgres

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// caddyMachine is a Caddy in a process of its own, with a data folder of its own
// and a storage that it shares.
type caddyMachine struct {
	program, folder, config, addr string
	cmd                           *exec.Cmd
}

func startCaddy(t testing.TB, program, storage, dsn string) *caddyMachine {
	t.Helper()
	m := &caddyMachine{program: program, folder: t.TempDir(), addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))}
	m.config = filepath.Join(m.folder, "Caddyfile")
	caddyfile := fmt.Sprintf("{\n\tadmin off\n\tpersist_config off\n\tstorage file_system %s\n\tcookie_consent {\n\t\tpostgres {env.CONSENT_DSN}\n\t}\n}\nhttp://%s {\n\tcookie_consent\n\theader Content-Type text/html\n\trespond \"<!DOCTYPE html><html><body>page\"\n}\n", storage, m.addr)
	if err := os.WriteFile(m.config, []byte(caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CONSENT_DSN", dsn)
	m.cmd = m.command("run", "--config", m.config)
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.stop)
	if !eventually(func() bool {
		conn, err := net.Dial("tcp", m.addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}) {
		t.Fatal("Caddy does not answer")
	}
	return m
}

func (m *caddyMachine) command(arguments ...string) *exec.Cmd {
	cmd := exec.Command(m.program, arguments...)
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+m.folder, "XDG_CONFIG_HOME="+m.folder)
	return cmd
}

func (m *caddyMachine) stop() {
	if m.cmd != nil {
		m.cmd.Process.Signal(syscall.SIGTERM)
		m.cmd.Wait()
		m.cmd = nil
	}
}

var receiptID = regexp.MustCompile(`download="consent-([0-9a-f-]+)\.json"`)

// choose consents and returns the id on the receipt.
func (m *caddyMachine) choose() (string, error) {
	form := url.Values{"choice": {"accept_all"}, "source": {"preferences"}}
	req, err := http.NewRequest(http.MethodPost, "http://"+m.addr+"/.cookie-consent/preferences", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	found := receiptID.FindSubmatch(body)
	if res.StatusCode != http.StatusOK || found == nil {
		return "", fmt.Errorf("status %d: %s", res.StatusCode, body)
	}
	return string(found[1]), nil
}

// Two machines with one storage and one database, and a network between them and
// the database that is cut: no page and no choice waits for it, and all that was
// answered arrives.
func TestTwoCaddies(t *testing.T) {
	p := startPostgres(t)
	network := newBadNetwork(t, p.port)
	program := filepath.Join(t.TempDir(), "caddy")
	if out, err := exec.Command("go", "build", "-o", program, "./testdata/caddy").CombinedOutput(); err != nil {
		t.Fatalf("building Caddy: %v: %s", err, out)
	}
	storage := t.TempDir()
	machines := []*caddyMachine{startCaddy(t, program, storage, p.dsn(network.port)), startCaddy(t, program, storage, p.dsn(network.port))}
	var mu sync.Mutex
	answered := map[string]bool{}
	// The key is made before others wait for it.
	var first string
	var err error
	if !eventually(func() bool { first, err = machines[0].choose(); return err == nil }) {
		t.Fatal(err)
	}
	answered[first] = true
	var pages atomic.Int64
	var stop atomic.Bool
	var load sync.WaitGroup
	for _, m := range machines {
		for range 3 {
			load.Go(func() {
				for !stop.Load() {
					id, err := m.choose()
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					answered[id] = true
					mu.Unlock()
					res, err := http.Get("http://" + m.addr + "/")
					if err != nil {
						t.Error(err)
						return
					}
					res.Body.Close()
					pages.Add(1)
				}
			})
		}
	}
	so := func() (choices, views int) {
		mu.Lock()
		defer mu.Unlock()
		return len(answered), int(pages.Load())
	}
	for range 3 {
		time.Sleep(time.Second)
		network.cut.Store(true)
		network.sever()
		// Of the first few, some may have been under way.
		choices, views := so()
		if !eventually(func() bool {
			c, v := so()
			return t.Failed() || c > choices+20 && v > views+20
		}) {
			t.Error("choices or pages wait for the database")
		}
		time.Sleep(time.Second)
		network.cut.Store(false)
	}
	stop.Store(true)
	load.Wait()
	eventually(func() bool {
		return p.query(t, "SELECT count(*) FROM cookie_consent.record") >= int64(len(answered))
	})
	if n := p.query(t, "SELECT count(*) FROM cookie_consent.record"); n != int64(len(answered)) {
		t.Errorf("%d records of %d", n, len(answered))
	}
	// Either machine's command reads the chains of both.
	out, err := machines[0].command("cookie-consent", "verify", "--config", machines[0].config).CombinedOutput()
	if err != nil || strings.Count(string(out), " ends at ") != 2 || !strings.Contains(string(out), "all is well") || !strings.Contains(string(out), fmt.Sprintf("%d records checked", len(answered))) {
		t.Errorf("verify: %v: %s", err, out)
	}
	export, err := machines[1].command("cookie-consent", "export", "--config", machines[1].config).Output()
	if err != nil {
		t.Error(err)
	}
	for id := range answered {
		if !strings.Contains(string(export), `"record_id":"`+id+`"`) {
			t.Fatalf("the answered choice %s is not in the export", id)
		}
	}
	for _, m := range machines {
		files, err := filepath.Glob(filepath.Join(m.folder, "caddy", "cookie_consent", "consent.db"))
		if err != nil || len(files) != 1 {
			t.Fatalf("files %q, %v", files, err)
		}
		if out, err := m.command("cookie-consent", "verify", "--file", files[0]).CombinedOutput(); err != nil || !strings.Contains(string(out), "all is well") {
			t.Errorf("verify a machine's file: %v: %s", err, out)
		}
	}
	t.Logf("%d choices", len(answered))
}
