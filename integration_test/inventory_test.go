package integration_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

func (s *server) inventoryFile() string {
	return filepath.Join(s.dir, "caddy", "cookie_consent", "inventory.json")
}

// stop ends the process, which writes the inventory.
func (c *child) stop(t testing.TB) {
	t.Helper()
	c.cmd.Process.Signal(syscall.SIGTERM)
	c.cmd.Wait()
}

// again starts the process again after it has ended.
func (c *child) again(t testing.TB) {
	t.Helper()
	c.cmd = c.caddyCommand(t, "run", "--config", c.config, "--adapter", "caddyfile")
	run(t, c.cmd)
	await(t, c.addr("http"))
}

// shopApplication sets cookies and has pages that load from others.
func shopApplication(t testing.TB) string {
	return httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
		setCookies(w, "shop_login=secret1; Path=/; HttpOnly; Secure; SameSite=Lax", "csrftoken=secret2; Max-Age=31449600; Path=/",
			"basket_48213=secret3; Expires="+time.Now().Add(36*time.Hour).UTC().Format(http.TimeFormat), "gone=; Max-Age=0")
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, `<!DOCTYPE html><title>Shop</title><script src="https://www.google-analytics.com/analytics.js"></script><img src="https://unknown.example.net/p.gif">`)
	})
}

// What passes is noted in both modes alike. It survives reloads, restarts and, but for a
// minute, a kill; and the commands tell it.
func TestInventory(t *testing.T) {
	app := shopApplication(t)
	sites := "http://observed.example.test {\ncookie_consent {\nmode observe\n}\nreverse_proxy " + app + "\n}\n" +
		"http://enforced.example.test {\ncookie_consent {\ncookie shop_login {\ncategory necessary\nprovider Shop\npurpose \"Log-in\"\n}\n}\nreverse_proxy " + app + "\n}\n"
	c := startChild(t, sites)
	names := []string{"observed.example.test", "enforced.example.test"}
	visit := func() {
		t.Helper()
		for _, name := range names {
			c.do(t, h1, request{scheme: "http", host: name, path: "/users/alice/basket?secret4=1", header: append([]string{
				"Cookie: shop_login=secret1; _ga=GA1.2.secret5; _ga_ABC123DEF4=GS1.1; wordless=x",
			}, navigation...)})
		}
	}
	check := func(when string, visits uint64) {
		t.Helper()
		stored, err := inventory.Read(c.inventoryFile())
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if len(stored.Sites) != 2 {
			t.Fatalf("%s: %d sites", when, len(stored.Sites))
		}
		for _, site := range stored.Sites {
			cookies := map[string]inventory.Cookie{}
			for _, cookie := range site.Cookies {
				cookies[cookie.Name] = cookie
			}
			login, basket := cookies["shop_login"], cookies["basket_<digit:4-64>"]
			if login.Set != visits || login.Sent != visits || !login.HTTPOnly || !login.Secure || login.SameSite != "lax" || !login.Lifetime.Session ||
				!slices.Equal(login.Paths, []string{"/users/*/basket"}) {
				t.Errorf("%s: %s: %+v", when, site.Host, login)
			}
			if basket.Set != visits || basket.Lifetime.Duration < 35*time.Hour || basket.Lifetime.Duration > 37*time.Hour {
				t.Errorf("%s: %s: %+v", when, site.Host, basket)
			}
			if ga := cookies["_ga"]; ga.Sent != visits || !ga.Script() {
				t.Errorf("%s: %s: %+v", when, site.Host, ga)
			}
			if len(cookies) != 6 || cookies["csrftoken"].Set != visits || cookies["wordless"].Sent != visits || cookies["_ga_<upnum:6-12>"].Sent != visits {
				t.Errorf("%s: %s: %+v", when, site.Host, cookies)
			}
			if len(site.Hosts) != 2 || site.Hosts[0].Host != "unknown.example.net" || site.Hosts[0].Markup == 0 || site.Hosts[1].Host != "www.google-analytics.com" {
				t.Errorf("%s: %s: %+v", when, site.Host, site.Hosts)
			}
		}
		content, err := os.ReadFile(c.inventoryFile())
		if err != nil || strings.Contains(string(content), "secret") || strings.Contains(string(content), "alice") || strings.Contains(string(content), "48213") {
			t.Errorf("%s: %v: the file tells of visitors:\n%s", when, err, content)
		}
	}
	visit()
	c.write(t, strings.Replace(sites, "{\n", "{\nheader X-Reloaded yes\n", 1))
	if out, err := c.caddyCommand(t, "reload", "--config", c.config, "--adapter", "caddyfile", "--address", "unix/"+c.admin()).CombinedOutput(); err != nil {
		t.Fatalf("reloading: %v: %s", err, out)
	}
	if err := c.awaitOldListeners(); err != nil {
		t.Fatal(err)
	}
	visit()
	c.stop(t)
	check("reloaded and stopped", 2)
	c.again(t)
	visit()
	c.stop(t)
	check("started again", 3)

	t.Run("commands", func(t *testing.T) { inventoryCommands(t, c) })

	// A minute after something was noted it is on the disk.
	before, err := os.Stat(c.inventoryFile())
	if err != nil {
		t.Fatal(err)
	}
	c.again(t)
	visit()
	deadline := time.Now().Add(75 * time.Second)
	for {
		now, err := os.Stat(c.inventoryFile())
		if err == nil && now.ModTime().After(before.ModTime()) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing was written for more than a minute")
		}
		time.Sleep(100 * time.Millisecond)
	}
	visit() // which is lost
	c.cmd.Process.Kill()
	c.cmd.Wait()
	check("killed", 4)
}

// inventoryCommands looks at what the commands make of the inventory.
func inventoryCommands(t *testing.T, c *child) {
	config := []string{"--config", c.config, "--adapter", "caddyfile"}
	command := c.commands(t)
	lines := map[string][]string{}
	table, err := csv.NewReader(strings.NewReader(command(0, append([]string{"inventory", "--csv"}, config...)...))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range table {
		lines[line[0]+" "+line[2]] = slices.Delete(slices.Clone(line), 7, 8)
	}
	for _, want := range [][]string{
		{"site", "kind", "name", "category", "by", "from", "lifetime", "count"},
		{"enforced.example.test", "cookie", "shop_login", "necessary", "declared", "set", "session", "3"},
		{"observed.example.test", "cookie", "shop_login", "first_party", "unknown", "set", "session", "3"},
		{"observed.example.test", "cookie", "csrftoken", "necessary", "catalog: Django", "set", "364d", "3"},
		{"observed.example.test", "cookie", "_ga", "first_party", "catalog: Google Analytics", "script", "", "3"},
		{"enforced.example.test", "host", "unknown.example.net", "third_party", "unknown", "page", "", "3"},
	} {
		if got := lines[want[0]+" "+want[2]]; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if text := command(0, append([]string{"inventory", "--site", "observed.example.test"}, config...)...); strings.Contains(text, "enforced") ||
		strings.Count(text, "\n") != 9 || !strings.Contains(text, "catalog: Google Analytics") {
		t.Errorf("table:\n%s", text)
	}

	// What one command prints another one reads, and adds up.
	exported := filepath.Join(c.dir, "exported.json")
	if err := os.WriteFile(exported, []byte(command(0, append([]string{"inventory", "--json"}, config...)...)), 0o600); err != nil {
		t.Fatal(err)
	}
	var merged inventory.Snapshot
	if err := json.Unmarshal([]byte(command(0, "inventory", "--json", exported, c.inventoryFile())), &merged); err != nil {
		t.Fatal(err)
	}
	if len(merged.Sites) != 2 || len(merged.Sites[0].Cookies) != 6 || merged.Sites[0].Cookies[5].Sent+merged.Sites[1].Cookies[5].Sent != 12 {
		t.Errorf("%+v", merged)
	}

	// What is suggested is for each block of the configuration, and validates.
	text := command(0, append([]string{"suggest"}, config...)...)
	blocks := strings.Split(text, "\ncookie_consent {\n")
	enforced, _, _ := strings.Cut(blocks[1%len(blocks)], "\n}\n")
	if len(blocks) != 3 || !strings.Contains(blocks[0], "# enforced.example.test:") || !strings.Contains(blocks[1], "# observed.example.test:") ||
		strings.Contains(enforced, "shop_login") || !strings.Contains(blocks[2], "# cookie shop_login {") || strings.Contains(blocks[2], "mode observe") {
		t.Errorf("suggested:\n%s", text)
	}
	for i, block := range blocks[1:] {
		block, _, _ = strings.Cut(block, "\n}\n")
		file := filepath.Join(c.dir, fmt.Sprintf("suggested%d", i))
		if err := os.WriteFile(file, []byte(fmt.Sprintf("http://suggested.example.test {\n\tcookie_consent {\n%s\n\t}\n}\n", block)), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := c.caddyCommand(t, "validate", "--config", file, "--adapter", "caddyfile").CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, block)
		}
	}
	if again := command(0, "suggest", exported); !strings.Contains(again, "service google-analytics {") {
		t.Errorf("of an exported file:\n%s", again)
	}
	for _, wrong := range [][]string{
		{"inventory", "/nowhere.json"}, {"inventory", c.config}, {"inventory", "--json", "--csv"}, {"inventory", "--site", "other.example.test"}, {"suggest", "--config", "/nowhere"},
	} {
		command(1, wrong...)
	}
	for _, name := range []string{"inventory", "suggest"} {
		if help := command(0, name, "--help"); !strings.Contains(help, "caddy cookie-consent "+name+" --config /etc/caddy/Caddyfile") {
			t.Errorf("help:\n%s", help)
		}
	}
}
