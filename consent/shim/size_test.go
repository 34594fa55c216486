package shim

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
)

// The script is small as it goes over the wire; two fifths of it are the known names.
func TestSize(t *testing.T) {
	p, err := consent.New(consent.Config{Known: catalog.Default().Known()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(p, "/.cookie-consent/", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, coding := range []struct {
		name string
		most int
		to   func(io.Writer) io.WriteCloser
	}{
		{"gzip", 14<<10 + 512, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }},
		{"brotli", 12<<10 + 512, func(w io.Writer) io.WriteCloser { return brotli.NewWriterLevel(w, brotli.BestCompression) }},
	} {
		var b bytes.Buffer
		zw := coding.to(&b)
		if _, err := zw.Write(s.Body()); err != nil {
			t.Fatal(err)
		}
		if err := zw.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d bytes, %d with %s", len(s.Body()), b.Len(), coding.name)
		if b.Len() > coding.most {
			t.Errorf("%d bytes with %s, want at most %d", b.Len(), coding.name, coding.most)
		}
	}
	tag := s.AppendTag(nil, Page{Decision: p.Decide(nil, false), Posted: true, Holds: true})
	if len(tag) > 128 {
		t.Errorf("the tag %s is %d bytes long", tag, len(tag))
	}
}

// What is delivered was made of the files as they are.
func TestMinified(t *testing.T) {
	first, _, _ := strings.Cut(minified, "\n")
	if want := fmt.Sprintf("// %x", sha256.Sum256([]byte(sources(t, files(t)...)))); first != want {
		t.Errorf("shim.min.js begins with %q, want %q: run go generate ./consent/shim", first, want)
	}
}

// files returns the files that the script consists of, in their order.
func files(t *testing.T) []string {
	recipe, err := os.ReadFile("minify")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`files=\((.+)\)`).FindSubmatch(recipe)
	names, err := filepath.Glob("*.js")
	if err != nil || list == nil {
		t.Fatalf("no files in minify: %v", err)
	}
	inOrder := strings.Fields(string(list[1]))
	all := append([]string{"shim.min.js"}, inOrder...)
	slices.Sort(all)
	if slices.Sort(names); !slices.Equal(all, names) {
		t.Fatalf("minify takes %q of %q", inOrder, names)
	}
	return inOrder
}

func sources(t *testing.T, names ...string) string {
	var b strings.Builder
	for _, name := range names {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(source)
	}
	return b.String()
}

// The files share one scope, in which nothing can be declared twice.
func TestNamesOfParts(t *testing.T) {
	declared := map[string]string{}
	for _, file := range files(t) {
		for _, line := range regexp.MustCompile(`(?m)^(?:const|let) (.+?) =|^(?:const|let|function) (\w+(?:, \w+)*)$`).FindAllStringSubmatch(sources(t, file), -1) {
			for _, name := range regexp.MustCompile(`[\w$]+`).FindAllString(line[1]+line[2], -1) {
				if other, twice := declared[name]; twice {
					t.Errorf("%s is declared in %s and in %s", name, other, file)
				}
				declared[name] = file
			}
		}
	}
	if declared["replace"] != "cookies.js" || declared["fetch"] != "page.js" {
		t.Errorf("not all declarations are found: %v", declared)
	}
}

// A page of an earlier configuration gets the script, for which nothing is agreed to.
func TestOutdated(t *testing.T) {
	p, err := consent.New(consent.Config{Services: []consent.Service{
		{ID: "pay", Category: consent.Necessary, Provider: "Bank", Purpose: consent.Text{"": "Pays"}, Hosts: []string{"pay.example"}},
		{ID: "count", Category: consent.Statistics, Provider: "Counter", Purpose: consent.Text{"": "Counts"}, Hosts: []string{"count.example"}, Exempt: "anonymous"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(p, "/.cookie-consent/", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	body, ok := s.Outdated("shim.01234567.js")
	if !ok || !bytes.HasSuffix(body, s.Body()) || !bytes.HasPrefix(body, []byte("document.currentScript.dataset.state='211121'\n")) {
		t.Errorf("%t: %.100s", ok, body)
	}
	for _, name := range []string{"shim.js", "shim.01234567.css", "xshim.01234567.js", "shim.0123456.js"} {
		if _, ok := s.Outdated(name); ok {
			t.Errorf("%s counts as outdated", name)
		}
	}
}
