package integration_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

// chooseHTTP sends a choice as the preferences page does, without TLS, and
// returns the answer.
func (s *server) chooseHTTP(choice string) (response, error) {
	form := url.Values{"choice": {choice}, "source": {"preferences"}, "language": {"en"}}
	return s.try(h1, request{scheme: "http", host: host, method: http.MethodPost, path: preferencesPath, header: sameOrigin, body: form.Encode()})
}

// ledgerCommand runs caddy cookie-consent and returns what it printed and its
// exit status.
func (s *server) ledgerCommand(t testing.TB, arguments ...string) (out string, status int) {
	t.Helper()
	cmd := s.caddyCommand(t, append([]string{"cookie-consent"}, arguments...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(stdout) + stderr.String(), exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return string(stdout), 0
}

// commands returns what runs caddy cookie-consent, with the exit status that it is to
// have, and returns what it prints.
func (s *server) commands(t testing.TB) func(want int, arguments ...string) string {
	return func(want int, arguments ...string) string {
		t.Helper()
		out, status := s.ledgerCommand(t, arguments...)
		if status != want {
			t.Errorf("%q: status %d, want %d: %s", arguments, status, want, out)
		}
		return out
	}
}

var headLine = regexp.MustCompile(`chain ([0-9a-f-]{36}) ends at (\d+:[0-9a-f]{64})`)

// The commands work beside a running server, after it and on a copy.
func TestLedgerCommands(t *testing.T) {
	sameDay() // and year, of which there are statistics
	for _, tool := range []string{"jq", "sqlite3"} {
		_, err := exec.LookPath(tool)
		need(t, err == nil, tool)
	}
	c := startChild(t, quietSite(policy+"reverse_proxy "+statusApplication(t).addr))
	file := filepath.Join(c.dir, "caddy", "cookie_consent", "consent.db")
	const accepted, rejected = 7, 3
	for i := range accepted + rejected {
		choice := "accept_all"
		if i >= accepted {
			choice = "reject_all"
		}
		if res, err := c.chooseHTTP(choice); err != nil || res.status != http.StatusOK {
			t.Fatalf("status %d, %v", res.status, err)
		}
	}
	config := []string{"--config", c.config, "--adapter", "caddyfile"}
	command := c.commands(t)
	var head string
	check := func(when string, source ...string) {
		t.Helper()
		out := command(0, append([]string{"verify"}, source...)...)
		found := headLine.FindStringSubmatch(out)
		if found == nil || !strings.Contains(out, "10 records checked") {
			t.Fatalf("%s: %s", when, out)
		}
		head = found[2]
		command(0, append([]string{"verify", "--head", head, "--head", found[1] + ":" + head}, source...)...)

		lines := command(0, append([]string{"export"}, source...)...)
		scanner, n := bufio.NewScanner(strings.NewReader(lines)), 0
		for ; scanner.Scan(); n++ {
			var e ledger.Exported
			if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
				t.Fatalf("%s: %v", when, err)
			}
			if e.Record.RecordID != e.Record.PIIPrincipalID || e.Proof.Sequence != int64(n+1) || e.Proof.Site != host {
				t.Errorf("%s: line %d: %s", when, n, scanner.Text())
			}
		}
		if n != accepted+rejected {
			t.Errorf("%s: %d lines", when, n)
		}
	}
	check("running", config...)

	t.Run("other programs", func(t *testing.T) {
		jsonl, csv := filepath.Join(c.dir, "x.jsonl"), filepath.Join(c.dir, "x.csv")
		for name, format := range map[string]string{jsonl: "jsonl", csv: "csv"} {
			if err := os.WriteFile(name, []byte(command(0, append([]string{"export", "--format", format}, config...)...)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for want, cmd := range map[string][]string{
			"7 jq":     {"jq", "-s", `[.[] | select(.events[0].state == "given" and .pii_processing.purposes[0].lawful_basis == "consent")] | length`, jsonl},
			"3 sqlite": {"sqlite3", ":memory:", ".import --csv " + csv + " record", "SELECT count(*) FROM record WHERE refused LIKE '%statistics%' AND method = 'reject_all' AND length(hash) = 64"},
			"10 csv":   {"/usr/bin/python3", "-c", "import csv,sys; rows = list(csv.DictReader(open(sys.argv[1], newline=''))); print(sum(r['site'] == 'www.example.test' for r in rows))", csv},
		} {
			out, err := exec.Command(cmd[0], cmd[1:]...).CombinedOutput()
			if number, _, _ := strings.Cut(want, " "); err != nil || strings.TrimSpace(string(out)) != number {
				t.Errorf("%s: %v, %s", want, err, out)
			}
		}
	})

	t.Run("filters", func(t *testing.T) {
		lines := func(flags ...string) int {
			return strings.Count(command(0, append(append([]string{"export"}, flags...), config...)...), "\n")
		}
		all := records(t, file)
		for _, test := range []struct {
			want  int
			flags []string
		}{
			{1, []string{"--id", all[4].ID}},
			{0, []string{"--id", "0197a0b4-93c5-7d3e-8a52-4be1c0ffee00"}},
			{10, []string{"--site", host, "--policy", all[0].Policy, "--since", "2020-01-01"}},
			{0, []string{"--site", "other.example.test"}},
			{0, []string{"--policy", "other"}},
			{0, []string{"--until", "2020-01-01T00:00:00Z"}},
		} {
			if n := lines(test.flags...); n != test.want {
				t.Errorf("%q: %d lines, want %d", test.flags, n, test.want)
			}
		}
		shown := command(0, append([]string{"export", "--format", "shown"}, config...)...)
		if strings.Count(shown, "\n") != 1 || !strings.Contains(shown, all[0].Shown.String()) || !strings.Contains(shown, "Counts visits") {
			t.Errorf("shown: %.300s", shown)
		}
		for _, wrong := range [][]string{{"export", "--format", "xml"}, {"export", "--since", "yesterday"}, {"stats", "--by", "hour"}, {"verify", "--head", "7"}, {"prune", "--older-than", "1h"}, {"export", "--file", "/nowhere/consent.db"}} {
			command(1, append(wrong, config...)...)
		}
		command(1, "prune", "--file", file)
	})

	if out := command(0, append([]string{"stats", "--by", "year"}, config...)...); !regexp.MustCompile(`(?m)^\d{4}\s+` + regexp.QuoteMeta(host) + `\s+10\s+7\s+0\s+3\s+0\s+0$`).MatchString(out) {
		t.Errorf("stats: %s", out)
	}
	if out := command(0, append([]string{"prune", "--older-than", "1d"}, config...)...); !strings.HasPrefix(out, "0 records") {
		t.Errorf("prune: %s", out)
	}

	c.cmd.Process.Signal(syscall.SIGTERM)
	c.cmd.Process.Wait()
	check("stopped", config...)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(copied, content, 0o400); err != nil {
		t.Fatal(err)
	}
	check("copied", "--file", copied)
	if err := os.WriteFile(copied, bytes.Replace(content, []byte(`"method":"reject_all"`), []byte(`"method":"accept_all"`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := command(3, "verify", "--file", copied); !strings.Contains(out, "record 10: altered") && !strings.Contains(out, "record 8: altered") {
		t.Errorf("altered: %s", out)
	}
	for _, record := range []string{"9", "11"} {
		if out := command(3, "verify", "--file", file, "--head", record+":"+strings.Repeat("0", 64)); !strings.Contains(out, "record "+record+": it is not the record of the kept head") {
			t.Errorf("another head: %s", out)
		}
	}
}

// What checks a configuration leaves nothing behind.
func TestValidatingMakesNoLedger(t *testing.T) {
	s := &server{httpPort: freePort(t), httpsPort: freePort(t), dir: t.TempDir()}
	c := &child{server: s, config: filepath.Join(s.dir, "Caddyfile")}
	c.write(t, quietSite(policy+"respond ok"))
	if out, err := c.caddyCommand(t, "validate", "--config", c.config, "--adapter", "caddyfile").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if found, _ := filepath.Glob(filepath.Join(s.dir, "*", "cookie_consent", "*")); len(found) > 0 {
		t.Errorf("validating made %q", found)
	}
}

// Where there is no SQLite, a configuration has to say that it keeps no ledger.
func TestWithoutSQLite(t *testing.T) {
	s := &server{httpPort: freePort(t), httpsPort: freePort(t), dir: t.TempDir()}
	program := filepath.Join(s.dir, "caddy")
	if out, err := exec.Command("go", "build", "-tags", "nosqlite", "-o", program, "../cmd/caddy").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c := &child{server: s, config: filepath.Join(s.dir, "Caddyfile")}
	for _, test := range []struct{ global, want string }{
		{"", "this Caddy has no SQLite"},
		{"sqlite /var/lib/consent.db", "this Caddy has no SQLite, which does not run on every platform, and so no place to record choices in; say 'ledger off' to record none, at " + c.config},
		{"ledger off", ""},
	} {
		s.options = []string{"cookie_consent {\n" + test.global + "\n}"}
		c.write(t, quietSite(policy+"respond ok"))
		cmd := s.caddyCommand(t, "validate", "--config", c.config, "--adapter", "caddyfile")
		cmd.Path = program
		out, err := cmd.CombinedOutput()
		if said := string(out) + s.logged(t); !strings.Contains(said, test.want) || (err == nil) != (test.want == "") {
			t.Errorf("%q: %v: %s", test.global, err, said)
		}
	}
}
