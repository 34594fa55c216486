package integration_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Cookies that a list of the operator's own names are known, hosts are named in the
// log, and a list with a mistake keeps the configuration from being loaded.
func TestOwnLists(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	own := write("own.toml", `[[product]]
id = "portal"
name = "Portal"
cookies = [
	{ name = "portal_<hex:4>", purpose = "log-in" },
	{ name = "csrftoken", category = "third_party", purpose = "advertising" },
]
`)
	filters := write("filters.txt", "! filters\n||tracker.test^$third-party\n/banner/*\n")
	app := httpBackend(t, func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range []string{"portal_0a1b", "portal_x", "csrftoken", "sessionid"} {
			w.Header().Add("Set-Cookie", name+"=1; Path=/")
		}
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, `<!doctype html><title>Portal</title><img src="https://cdn.tracker.test/">`)
	})
	s := start(t, site("cookie_consent {\n\tcatalog "+own+"\n\tcatalog "+filters+"\n}\nreverse_proxy "+app))

	var names []string
	for _, cookie := range s.get(t, "/", navigation...).cookies() {
		name, _, _ := strings.Cut(cookie, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"portal_0a1b", "sessionid"}; !slices.Equal(names, want) {
		t.Errorf("%v pass, want %v", names, want)
	}
	logged := s.logged(t)
	for _, want := range []string{
		`"kind":"entries","found":1,"skipped":0`, `"kind":"filters","found":1,"skipped":1`,
		`"host":"cdn.tracker.test"`, `"list":"` + filters + `"`, `"cookie":"csrftoken"`, `"known_as":"Portal"`,
	} {
		if !strings.Contains(logged, want) {
			t.Errorf("the log does not say %s", want)
		}
	}

	for _, test := range []struct{ file, want string }{
		{filepath.Join(dir, "nothing.txt"), "nothing.txt: can't be read: no such file or directory"},
		{write("domains.txt", "tracker.test\nnot a host\n"), `domains.txt:2: "not a host" is not a host`},
		{write("bad.toml", "[[product]]\nid = \"x\"\nname = \"X\"\ncookies = [{ name = \"x\", purpose = \"fun\" }]\n"), `bad.toml:4: cookie "x": "fun" is not a purpose; allowed: `},
	} {
		err := s.load(site("cookie_consent {\n\tcatalog " + test.file + "\n}"))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}
