package integration_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

// askAdmin sends a request to the admin endpoint of the process.
func (c *child) askAdmin(t testing.TB, method, path string) (status int, header http.Header, body []byte) {
	t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", c.admin())
	}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequest(method, "http://127.0.0.1"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, body
}

// adminDocument reads a document of the admin endpoint.
func adminDocument[T any](t testing.TB, c *child, path string) (document T) {
	t.Helper()
	status, header, body := c.askAdmin(t, http.MethodGet, path)
	if status != http.StatusOK || header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s: status %d, %v: %s", path, status, header, body)
	}
	if err := json.Unmarshal(body, &document); err != nil {
		t.Fatalf("%s: %v: %s", path, err, body)
	}
	return document
}

// What was chosen and kept back is told at the admin endpoint, by the commands and on the
// page for the owner, as of now and over reloads; what was written outlives a kill.
func TestReport(t *testing.T) {
	app := shopApplication(t)
	const enforced, observed = "enforced.example.test", "observed.example.test"
	declarations := "cookie_consent {\ncontroller Owner\nprivacy_policy https://enforced.example.test/privacy\n" +
		"cookie shop_login {\ncategory necessary\nprovider Shop\npurpose \"Log-in\"\n}\n" +
		"cookie never_seen {\ncategory necessary\nprovider Shop\npurpose \"Nothing\"\n}\n}\n"
	password := "basic_auth {\nowner $2a$04$JMOUsXdqAvcRT1WRjexTBO4GxmQgQjNkq7YCuny8FTXo/KAlz6UxK\n}\n"
	sites := "http://" + enforced + " {\n" + declarations + "handle /owner {\n" + password + "cookie_consent_report\n}\nhandle /metrics {\nmetrics\n}\nreverse_proxy " + app + "\n}\n" +
		"http://" + observed + " {\ncookie_consent {\nmode observe\n}\ncookie_consent_report /owner\nreverse_proxy " + app + "\n}\n"
	c := startChild(t, "http://unused.example.test {\nrespond ok\n}\n")

	// Without the module's handlers there is nothing to tell.
	if status, _, body := c.askAdmin(t, http.MethodGet, "/cookie_consent/state"); status != http.StatusNotFound || !strings.Contains(string(body), "does not use cookie_consent") {
		t.Errorf("status %d: %s", status, body)
	}
	reload := func(sites string) {
		t.Helper()
		c.write(t, sites)
		if out, err := c.caddyCommand(t, "reload", "--config", c.config, "--adapter", "caddyfile", "--address", "unix/"+c.admin()).CombinedOutput(); err != nil {
			t.Fatalf("reloading: %v: %s", err, out)
		}
		if err := c.awaitOldListeners(); err != nil {
			t.Fatal(err)
		}
	}
	reload(sites)
	choose := func(choice, language string) {
		t.Helper()
		res := c.do(t, h1, request{
			scheme: "http", host: enforced, method: http.MethodPost, path: preferencesPath, header: sameOrigin,
			body: "choice=" + choice + "&language=" + language,
		})
		if res.status != http.StatusOK && res.status != http.StatusSeeOther {
			t.Fatalf("%s: status %d", choice, res.status)
		}
	}
	sameDay()
	drive := func() {
		t.Helper()
		for _, name := range []string{enforced, observed} {
			c.do(t, h1, request{scheme: "http", host: name, path: "/", header: append([]string{"Cookie: shop_login=secret1; _ga=secret2"}, navigation...)})
		}
		choose("accept_all", "de")
		choose("reject_all", "en")
	}
	type counters struct {
		Sites []struct {
			Host string
			Days []inventory.Day
		}
	}
	checkDay := func(when string, day inventory.Day, n uint64) {
		t.Helper()
		if day.Date != time.Now().UTC().Format(time.DateOnly) || len(day.Choices) != 2 || day.Choices["accept_all"]["de"] != n || day.Choices["reject_all"]["en"] != n ||
			day.Blocked["first_party"] != (inventory.Blocked{Dropped: 2 * n, Stripped: n}) || day.Blocked["third_party"] != (inventory.Blocked{Contacts: 2 * n}) {
			t.Errorf("%s: %+v, want %d of each", when, day, n)
		}
	}
	check := func(when string, n uint64) {
		t.Helper()
		found := adminDocument[counters](t, c, "/cookie_consent/counters")
		if len(found.Sites) != 1 || found.Sites[0].Host != enforced || len(found.Sites[0].Days) != 1 {
			t.Fatalf("%s: %+v", when, found)
		}
		checkDay(when, found.Sites[0].Days[0], n)
	}
	drive()
	check("at once", 1)
	reload(strings.Replace(sites, "{\n", "{\nheader X-Reloaded yes\n", 1))
	drive()
	check("reloaded", 2)

	t.Run("admin", func(t *testing.T) { reportAdmin(t, c, enforced, observed) })
	t.Run("page", func(t *testing.T) { reportPage(t, c, enforced, observed) })
	t.Run("metrics", func(t *testing.T) { reportMetrics(t, c, enforced) })

	// Commands ask the running Caddy: nothing is written yet.
	if _, err := os.Stat(c.inventoryFile()); err == nil {
		t.Error("there is a file before a minute is over")
	}
	command := c.commands(t)
	config := []string{"--config", c.config, "--adapter", "caddyfile"}
	fromAdmin := command(0, append([]string{"inventory", "--csv"}, config...)...)
	if !strings.Contains(fromAdmin, enforced+",cookie,shop_login,necessary,declared") {
		t.Errorf("inventory:\n%s", fromAdmin)
	}
	// Without a configuration to read, that of the running Caddy says what is declared.
	if out := command(0, "inventory", "--csv", "--address", "unix/"+c.admin()); out != fromAdmin {
		t.Errorf("with the running configuration:\n%s", out)
	}
	report := command(0, append([]string{"report"}, config...)...)
	for _, want := range []string{"<!DOCTYPE html>", enforced, observed, "4 choices", "service google-analytics {", "<code>never_seen</code>", "only observes"} {
		if !strings.Contains(report, want) {
			t.Errorf("the report has no %q", want)
		}
	}
	if strings.Contains(report, "secret") {
		t.Error("values in the report")
	}
	file := filepath.Join(c.dir, "report.html")
	command(0, append([]string{"report", "--site", enforced, "-o", file}, config...)...)
	if written, err := os.ReadFile(file); err != nil || strings.Contains(string(written), observed) || !strings.Contains(string(written), enforced) {
		t.Errorf("%v: not the report of one site", err)
	}
	command(1, append([]string{"report", "--address", "unix/" + file + ".sock"}, config...)...)

	// What is stopped is read from the file, and what was written outlives a kill.
	c.cmd.Process.Signal(syscall.SIGTERM)
	c.cmd.Wait()
	if out := command(0, append([]string{"inventory", "--csv"}, config...)...); out != fromAdmin {
		t.Errorf("from the file:\n%s\nfrom the running Caddy:\n%s", out, fromAdmin)
	}
	saved := filepath.Join(c.dir, "saved.json")
	content, err := os.ReadFile(c.inventoryFile())
	if err == nil {
		err = os.WriteFile(saved, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.again(t)
	drive()
	check("started again", 3)
	// A file that is named goes before the running Caddy, and several are added up.
	var named inventory.Snapshot
	if err := json.Unmarshal([]byte(command(0, "inventory", "--json", saved, saved)), &named); err != nil {
		t.Fatal(err)
	}
	checkDay("files", named.Sites[0].Days[0], 4)
	c.restart(t)
	drive()
	check("killed", 3)
}

// reportAdmin looks at the state, and at what the endpoints refuse.
func reportAdmin(t *testing.T, c *child, enforced, observed string) {
	state := adminDocument[struct {
		Version         string
		Started, Loaded time.Time
		Sites           []struct {
			Hosts        []string
			Mode, Policy string
			Categories   []struct {
				Name         string
				NeedsConsent bool `json:"needs_consent"`
				Cookies      int
			}
		}
		Ledger struct {
			Up      bool
			Records int
		}
		Inventory struct{ Cookies, Hosts int }
	}](t, c, "/cookie_consent/state")
	if state.Version == "" || !state.Loaded.After(state.Started) || time.Since(state.Started) > 10*time.Minute || !state.Ledger.Up || state.Ledger.Records != 4 ||
		state.Inventory.Cookies < 6 || state.Inventory.Hosts != 4 || len(state.Sites) != 2 {
		t.Fatalf("%+v", state)
	}
	for i, want := range []struct{ host, mode string }{{enforced, "enforce"}, {observed, "observe"}} {
		site := state.Sites[i]
		if len(site.Hosts) != 1 || site.Hosts[0] != want.host || site.Mode != want.mode || len(site.Policy) != 12 || len(site.Categories) != 4 ||
			site.Categories[0].Name != "necessary" || site.Categories[0].NeedsConsent || !site.Categories[1].NeedsConsent {
			t.Errorf("%+v, want %v", site, want)
		}
	}
	if found := adminDocument[inventory.Snapshot](t, c, "/cookie_consent/inventory"); len(found.Sites) != 2 || len(found.Sites[0].Cookies) < 4 || len(found.Sites[0].Days) != 1 {
		t.Errorf("%+v", found)
	}
	for _, path := range []string{"/cookie_consent/inventory", "/cookie_consent/counters", "/cookie_consent/state"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodHead} {
			if status, header, body := c.askAdmin(t, method, path); status != http.StatusMethodNotAllowed || header.Get("Allow") != "GET" ||
				method != http.MethodHead && !strings.Contains(string(body), `"error"`) {
				t.Errorf("%s %s: status %d, %v: %s", method, path, status, header, body)
			}
		}
	}
}

// reportPage looks at the page behind a password and beside one, where it is inside of
// the directive and in front of it.
func reportPage(t *testing.T, c *child, enforced, observed string) {
	owner := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("owner:secret"))
	ask := func(method, name string, header ...string) response {
		t.Helper()
		return c.do(t, h1, request{scheme: "http", method: method, host: name, path: "/owner", header: append(header, navigation...)})
	}
	if res := ask(http.MethodGet, enforced); res.status != http.StatusUnauthorized || strings.Contains(res.body, "shop_login") {
		t.Errorf("without a password: status %d", res.status)
	}
	for _, name := range []string{enforced, observed} {
		res := ask(http.MethodGet, name, owner)
		if res.status != http.StatusOK || strings.Contains(res.body, bannerMark) || strings.Contains(res.body, "<script") ||
			!strings.Contains(res.body, "4 choices") || !strings.Contains(res.body, "<code>shop_login</code>") || strings.Contains(res.body, "secret") {
			t.Errorf("%s: status %d: %s", name, res.status, res.body)
		}
		for field, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex",
		} {
			if got := res.header.Get(field); got != want {
				t.Errorf("%s: %s: %q", name, field, got)
			}
		}
		if policy := res.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || !strings.HasSuffix(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", name, policy)
		}
		if res.header.Get("Content-Security-Policy-Report-Only") != "" {
			t.Errorf("%s: browsers report of the page", name)
		}
		if head := ask(http.MethodHead, name, owner); head.status != http.StatusOK || head.body != "" || head.header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: HEAD: status %d: %q", name, head.status, head.body)
		}
		if post := ask(http.MethodPost, name, owner); post.status != http.StatusMethodNotAllowed || post.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: POST: status %d, %v", name, post.status, post.header)
		}
	}
}

// reportMetrics looks at the metrics of the same traffic.
func reportMetrics(t *testing.T, c *child, enforced string) {
	var page strings.Builder
	for line := range strings.Lines(c.do(t, h1, request{scheme: "http", host: enforced, path: "/metrics"}).body) {
		if strings.HasPrefix(line, "caddy_cookie_consent_") {
			page.WriteString(line)
		}
	}
	for _, want := range []string{
		`choices_total{method="accept_all"} 2`, `choices_total{method="reject_all"} 2`,
		`cookies_withheld_total{action="dropped",category="first_party"} 4`, `cookies_withheld_total{action="stripped",category="first_party"} 2`,
		`blocked_total{category="third_party"} 4`, `pages_total{result="rewritten"} 2`, `page_bytes_total 2`, `passed_total{reason="own"} `,
		`inventory_cookies{from="site"} `, `inventory_hosts{from="site"} 4`, `inventory_unlisted_total 0`, `placeholders_total 0`,
	} {
		if !strings.Contains(page.String(), "caddy_cookie_consent_"+want) {
			t.Errorf("no %q in\n%s", want, &page)
		}
	}
}
