package shim

import (
	"bytes"
	"compress/gzip"
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
)

// The script is small as it goes over the wire; two thirds of it are the known names.
func TestSize(t *testing.T) {
	p, err := consent.New(consent.Config{Known: catalog.Default().Known()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(p, "/.cookie-consent/", nil)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	if _, err := zw.Write(s.Body()); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, %d compressed", len(s.Body()), b.Len())
	if most := 18 << 10; b.Len() > most {
		t.Errorf("%d bytes compressed, want at most %d", b.Len(), most)
	}
	tag := s.AppendTag(nil, Page{Decision: p.Decide(nil, false), Posted: true, Holds: true})
	if len(tag) > 128 {
		t.Errorf("the tag %s is %d bytes long", tag, len(tag))
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
	s, err := New(p, "/.cookie-consent/", nil)
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
