package integration_test

import (
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"
)

// startDjango runs the application of testdata/django, with what its owner puts into the
// head and before the end of pages, and returns its network address.
func startDjango(t testing.TB, head, foot string) string {
	t.Helper()
	python := needFile(t, "/usr/bin/python3")
	need(t, exec.Command(python, "-c", "import django").Run() == nil, "Django")
	port := strconv.Itoa(freePort(t))
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"head.html": head, "foot.html": foot})
	command := func(argument string) *exec.Cmd {
		cmd := exec.Command(python, "-B", "testdata/django/site.py", argument)
		cmd.Env = append(os.Environ(), "DJANGO_DATA="+dir)
		return cmd
	}
	if out, err := command("init").CombinedOutput(); err != nil {
		t.Fatalf("making the database: %v: %s", err, out)
	}
	run(t, command(port))
	addr := net.JoinHostPort("127.0.0.1", port)
	await(t, addr)
	return addr
}

// An application that nobody has changed, behind the declarations alone: in
// every state of consent its log-in, its protected forms, its languages and its
// logout work, and its statistics cookie waits for consent.
func TestDjango(t *testing.T) {
	s := start(t, site("encode\n"+policy+"reverse_proxy "+startDjango(t, "", "")))
	states := []struct {
		name    string
		choices []string
		counted bool
	}{
		{name: "no choice"},
		{name: "reject", choices: []string{"reject_all"}},
		{name: "accept", choices: []string{"accept_all"}, counted: true},
		{name: "statistics only", choices: []string{"statistics"}},
		{name: "withdrawal", choices: []string{"accept_all", "reject_all"}},
	}
	for _, state := range states {
		t.Run(state.name, func(t *testing.T) {
			b := openBrowser(t, chromedp.WindowSize(1200, 1600))
			text := func(id string) string {
				return js[string](b, `document.getElementById("`+id+`").textContent`)
			}
			check := func(step, id, want string) {
				t.Helper()
				if got := text(id); got != want {
					t.Fatalf("%s: %s is %q, want %q", step, id, got, want)
				}
				if has := slices.Contains(b.names(), "stats"); has != state.counted {
					t.Errorf("%s: the browser holds the statistics cookie: %t, want %t", step, has, state.counted)
				}
			}
			b.open(s.url("/"))
			if slices.Contains(b.names(), "stats") {
				t.Error("the statistics cookie arrived before any choice")
			}
			for _, choice := range state.choices {
				if choice == "statistics" {
					b.do(chromedp.Click(chromedp.CSS("#cookie-consent details summary")))
					b.do(chromedp.Click(chromedp.CSS(`#cookie-consent input[value="statistics"]`)))
					b.press(`#cookie-consent button[value="save"]`)
				} else {
					b.decide(s, choice)
				}
				b.open(s.url("/"))
			}

			b.open(s.url("/login"))
			b.do(
				chromedp.SendKeys(chromedp.CSS("#id_username"), "ada"),
				chromedp.SendKeys(chromedp.CSS("#id_password"), "lovelace"),
			)
			b.click("#enter")
			check("logged in", "user", "ada")
			b.do(chromedp.SendKeys(chromedp.CSS("#notes input[name=note]"), "hello"))
			b.click("#keep")
			check("sent a form", "note", "hello")
			b.click("#speak")
			b.open(s.url("/"))
			check("changed the language", "language", "fr")
			check("still logged in", "user", "ada")
			check("still remembered", "note", "hello")
			want := "not counted"
			if state.counted {
				want = "visitor-17"
			}
			check("counted", "counted", want)
			b.click("#leave")
			check("logged out", "user", "nobody")
			check("logged out, in the language chosen", "language", "fr")
		})
	}
}
