package shim

import (
	"bytes"
	"compress/gzip"
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// The script is small as it goes over the wire; two fifths of it are the known names.
func TestSize(t *testing.T) {
	p, err := consent.New(consent.Config{})
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
	if most := 9 << 10; b.Len() > most {
		t.Errorf("%d bytes compressed, want at most %d", b.Len(), most)
	}
	tag := s.AppendTag(nil, Page{Decision: p.Decide(nil, false), Posted: true, Holds: true})
	if len(tag) > 128 {
		t.Errorf("the tag %s is %d bytes long", tag, len(tag))
	}
}
