package integration_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Killed at any moment under load, Caddy has recorded every choice that it
// answered; the chain verifies, and the file opens. A receipt in the answer names
// the record.
func TestKilledAtAnyMoment(t *testing.T) {
	const kills, clients = 200, 8
	sites := quietSite("cookie_consent\nrespond ok")
	c := startChild(t, sites)
	path := filepath.Join(c.dir, "caddy", "cookie_consent", "consent.db")
	// Killed while it makes the key, Caddy would wait for its own lock first.
	if res, err := c.chooseHTTP("reject_all"); err != nil || res.status != http.StatusOK {
		t.Fatalf("status %d, %v", res.status, err)
	}
	answered := map[string]bool{}
	for kill := range kills {
		if kill > 0 {
			c.cmd = c.caddyCommand(t, "run", "--config", c.config, "--adapter", "caddyfile")
			c.cmd.Stdout, c.cmd.Stderr = nil, nil
			if err := c.cmd.Start(); err != nil {
				t.Fatal(err)
			}
			await(t, c.addr("http"))
		}
		var mu sync.Mutex
		var load sync.WaitGroup
		stop := time.Now().Add(5 * time.Second)
		enough, left := make(chan struct{}), 1+rand.IntN(50)
		for client := range clients {
			choice := []string{"accept_all", "reject_all"}[client%2]
			load.Go(func() {
				for time.Now().Before(stop) {
					res, err := c.chooseHTTP(choice)
					if err != nil {
						return // killed
					}
					found := download.FindStringSubmatch(res.body)
					if res.status != http.StatusOK || found == nil {
						if res.err == nil {
							t.Errorf("%s: status %d without a receipt", choice, res.status)
						}
						return
					}
					mu.Lock()
					answered[found[1]] = true
					if left--; left == 0 {
						close(enough)
					}
					mu.Unlock()
				}
			})
		}
		select {
		case <-enough:
		case <-time.After(2 * time.Second):
		}
		time.Sleep(time.Duration(rand.IntN(10_000)) * time.Microsecond)
		c.cmd.Process.Kill()
		c.cmd.Process.Wait()
		load.Wait()
		if kill%20 == 19 || kill == kills-1 {
			recorded := map[string]bool{}
			for _, r := range records(t, path) {
				recorded[r.ID] = true
			}
			for id := range answered {
				if !recorded[id] {
					t.Fatalf("after %d kills: the answered choice %s is not in the ledger", kill+1, id)
				}
			}
			t.Logf("after %d kills: %d choices answered, %d recorded", kill+1, len(answered), len(recorded))
		}
		if t.Failed() {
			return
		}
	}
}

// smallDisk mounts a file system of the given size.
func smallDisk(t testing.TB, size string) string {
	t.Helper()
	folder := t.TempDir()
	mount := func(command string, arguments ...string) {
		t.Helper()
		cmd := exec.Command(command, arguments...)
		if os.Geteuid() != 0 {
			cmd = exec.Command("sudo", append([]string{"-n", command}, arguments...)...)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("mounting a small disk takes root: %v: %s", err, out)
		}
	}
	mount("mount", "-t", "tmpfs", "-o", "size="+size+",mode=0777", "tmpfs", folder)
	t.Cleanup(func() { mount("umount", "-l", folder) })
	return folder
}

// On a disk without room visitors can refuse and not consent, the site is served,
// and all is as before once there is room.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t, "3m")
	path := filepath.Join(disk, "consent.db")
	app := statusApplication(t)
	s := start(t, quietSite("handle /metrics {\nmetrics\n}\nhandle {\n"+policy+"reverse_proxy "+app.addr+"\n}"), "cookie_consent {\nsqlite "+path+"\nchoice_limit off\n}")
	before := s.metric(t, "caddy_cookie_consent_ledger_unrecorded_refusals_total")
	withheld := s.metric(t, "caddy_cookie_consent_ledger_withheld_grants_total")

	answered := map[string]bool{}
	accept := func() response {
		res, err := s.chooseHTTP("accept_all")
		if err != nil {
			t.Fatal(err)
		}
		if found := download.FindStringSubmatch(res.body); res.status == http.StatusOK {
			answered[found[1]] = true
		}
		return res
	}
	if res := accept(); res.status != http.StatusOK {
		t.Fatalf("with room: status %d", res.status)
	}
	filler := filepath.Join(disk, "filler")
	fillUp(t, filler)
	var res response
	for range 2000 { // what is allocated already may still take some
		if res = accept(); res.status != http.StatusOK {
			break
		}
	}
	if res.status != http.StatusServiceUnavailable || len(res.cookies()) > 0 || res.header.Get("Retry-After") == "" ||
		!strings.Contains(res.body, "could not be recorded") || !strings.Contains(res.body, `name="choice" value="accept_all"`) {
		t.Fatalf("without room: status %d, cookies %q: %s", res.status, res.cookies(), res.body)
	}
	for range 3 {
		res, err := s.chooseHTTP("reject_all")
		if err != nil || res.status != http.StatusOK || len(res.cookies()) != 1 || download.MatchString(res.body) {
			t.Errorf("refusing: status %d, cookies %q, %v", res.status, res.cookies(), err)
		}
	}
	if res := s.do(t, h1, request{scheme: "http", path: "/", header: navigation}); res.status != http.StatusOK || !strings.Contains(res.body, bannerMark) {
		t.Errorf("the site: status %d", res.status)
	}
	if n := s.metric(t, "caddy_cookie_consent_ledger_unrecorded_refusals_total") - before; n != 3 {
		t.Errorf("%v refusals are counted as unrecorded, want 3", n)
	}
	if n := s.metric(t, "caddy_cookie_consent_ledger_withheld_grants_total") - withheld; n < 1 {
		t.Error("no withheld consent is counted")
	}
	if n := s.metric(t, "caddy_cookie_consent_ledger_up"); n != 0 {
		t.Error("the metrics say that the ledger is well")
	}
	if log := s.logged(t); !strings.Contains(log, "nothing can be recorded") {
		t.Error("the log does not tell")
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	for range 5 {
		if res := accept(); res.status != http.StatusOK {
			t.Fatalf("with room again: status %d: %s", res.status, res.body)
		}
	}
	recorded := records(t, path)
	for _, r := range recorded {
		delete(answered, r.ID)
	}
	if len(answered) > 0 {
		t.Errorf("answered and not recorded: %v", answered)
	}
	if !strings.Contains(s.logged(t), "the ledger can be written again") || s.metric(t, "caddy_cookie_consent_ledger_up") != 1 {
		t.Error("neither log nor metrics tell that all is well again")
	}
}

// fillUp writes until the disk is full.
func fillUp(t testing.TB, name string) {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for block := 1 << 16; block > 0; block /= 2 {
		for {
			if _, err := file.Write(make([]byte, block)); err != nil {
				break
			}
		}
	}
}

// metric returns the value of a metric without labels, 0 if there is none.
func (s *server) metric(t testing.TB, name string) float64 {
	t.Helper()
	res := s.do(t, h1, request{scheme: "http", host: host, path: "/metrics"})
	for line := range strings.Lines(res.body) {
		var value float64
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			if _, err := fmt.Sscan(rest, &value); err != nil {
				t.Fatal(err)
			}
			return value
		}
	}
	return 0
}

// A disk without room from the beginning keeps Caddy neither from starting nor
// from serving.
func TestFullDiskAtTheStart(t *testing.T) {
	disk := smallDisk(t, "64k")
	filler := filepath.Join(disk, "filler")
	fillUp(t, filler)
	path := filepath.Join(disk, "folder", "consent.db")
	s := start(t, quietSite("cookie_consent\nrespond ok"), "cookie_consent {\nsqlite "+path+"\n}")
	if res, err := s.chooseHTTP("accept_all"); err != nil || res.status != http.StatusServiceUnavailable {
		t.Errorf("consent: status %d, %v", res.status, err)
	}
	if res, err := s.chooseHTTP("reject_all"); err != nil || res.status != http.StatusOK {
		t.Errorf("refusal: status %d, %v", res.status, err)
	}
	if out, err := exec.Command("mount", "-o", "remount,size=4m", disk).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	time.Sleep(500 * time.Millisecond)
	if res, err := s.chooseHTTP("accept_all"); err != nil || res.status != http.StatusOK {
		t.Errorf("with room: status %d, %v: %s", res.status, err, res.body)
	}
	if n := len(records(t, path)); n != 1 {
		t.Errorf("%d records", n)
	}
}

// A program that keeps the file locked is as bad as a full disk, as long as it
// does, and no worse.
func TestLockedLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "consent.db")
	s := start(t, quietSite("cookie_consent\nrespond ok"), "cookie_consent {\nsqlite "+path+"\n}")
	if res, err := s.chooseHTTP("accept_all"); err != nil || res.status != http.StatusOK {
		t.Fatalf("status %d, %v", res.status, err)
	}
	lock := exec.Command(needFile(t, "/usr/bin/python3"), "-c", `import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()`, path)
	out, err := lock.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := lock.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	run(t, lock)
	line := make([]byte, 7)
	if _, err := io.ReadFull(out, line); err != nil {
		t.Fatal(err)
	}
	// The lock stays until all of them are answered. A choice waits for it for some
	// seconds, a page not at all: on a busy machine, one of a few shows that.
	var load sync.WaitGroup
	for choice, want := range map[string]int{"accept_all": http.StatusServiceUnavailable, "reject_all": http.StatusOK} {
		load.Go(func() {
			if res, err := s.chooseHTTP(choice); err != nil || res.status != want {
				t.Errorf("%s: status %d, %v", choice, res.status, err)
			}
		})
	}
	fastest := patience
	for range 20 {
		begin := time.Now()
		s.do(t, h1, request{scheme: "http", path: "/", header: navigation})
		fastest = min(fastest, time.Since(begin))
	}
	if fastest > time.Second {
		t.Errorf("no page took less than %s", fastest)
	}
	load.Wait()
	unlock.Close()
	lock.Wait()
	if res, err := s.chooseHTTP("accept_all"); err != nil || res.status != http.StatusOK {
		t.Errorf("after the lock: status %d, %v", res.status, err)
	}
}
