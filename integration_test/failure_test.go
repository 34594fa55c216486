package integration_test

import (
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// restart kills the process without warning and starts it again.
func (c *child) restart(t testing.TB) {
	t.Helper()
	c.cmd.Process.Kill()
	c.cmd.Wait()
	c.cmd = c.caddyCommand(t, "run", "--config", c.config, "--adapter", "caddyfile")
	run(t, c.cmd)
	await(t, c.addr("http"))
}

// What was acknowledged to a visitor holds, even if the process is killed while
// visitors choose, and while the key is made with the first choice.
func TestChoicesOutliveAKill(t *testing.T) {
	sameDay()
	app := statusApplication(t)
	c := startChild(t, quietSite(policy+"reverse_proxy "+app.addr))
	var mu sync.Mutex
	var acknowledged []string
	for round := range 2 {
		var visitors sync.WaitGroup
		for range 4 {
			visitors.Go(func() {
				for {
					res, err := c.try(h1, request{scheme: "http", method: http.MethodPost, path: preferencesPath, host: host, header: sameOrigin, body: acceptAll.Encode()})
					if err != nil || res.err != nil {
						return // killed
					}
					mu.Lock()
					for _, line := range res.cookies() {
						acknowledged = append(acknowledged, pair(line))
					}
					mu.Unlock()
				}
			})
		}
		// First perhaps before the key is there, then surely after it.
		for deadline := time.Now().Add(patience); round == 1 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			mu.Lock()
			done := len(acknowledged) > 0
			mu.Unlock()
			if done {
				break
			}
		}
		time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
		c.cmd.Process.Kill()
		visitors.Wait()
		c.restart(t)
		slices.Sort(acknowledged)
		acknowledged = slices.Compact(acknowledged)
		if round == 1 && len(acknowledged) != 1 {
			t.Fatalf("the same choice was acknowledged as %q", acknowledged)
		}
		for _, choice := range acknowledged {
			res := c.do(t, h1, request{scheme: "http", path: "/", host: host, header: append([]string{"Cookie: " + choice}, navigation...)})
			if strings.Contains(res.body, bannerMark) {
				t.Errorf("the choice %q is lost", choice)
			}
		}
	}
}

// Where a choice can't be kept, the visitor is told so and nothing is granted;
// pages go on being served, and the next try succeeds once the storage works.
func TestChoiceWithoutStorage(t *testing.T) {
	app := statusApplication(t)
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	storage := filepath.Join(s.dir, "storage")
	if err := os.Rename(storage, storage+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(storage, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	res := s.post(t, acceptAll)
	if res.status != http.StatusServiceUnavailable || !strings.Contains(res.body, "could not be saved") {
		t.Errorf("status %d: %s", res.status, res.body)
	}
	changesNothing(t, res)
	res = s.get(t, "/", visitor{}.cookieLine())
	checkInsertion(t, page, res.body)
	visitor{allowed: []string{sessionCookie, csrfCookie}}.checkCookies(t, res.cookies())
	if !strings.Contains(s.logged(t), "could not be signed") {
		t.Error("the log does not tell")
	}
	if err := os.Remove(storage); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(storage+".away", storage); err != nil {
		t.Fatal(err)
	}
	s.choose(t, acceptAll)
}
