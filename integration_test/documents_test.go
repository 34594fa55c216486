package integration_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// A document is a page that loads something from others, and whom browsers were
// measured to contact for it, by the level of the contact.
type document struct {
	ID, Group, Note string
	Type            *string
	Status          int
	Header          []string
	Body            string
	Base64          []byte
	Files           map[string]struct{ Type, Body string }
	Click           string

	Chromium, ChromiumWithoutScripts, Firefox map[string]string
}

// contactsSomebody reports whether any browser was seen to contact somebody for the
// document.
func (d *document) contactsSomebody() bool {
	return len(d.Chromium)+len(d.ChromiumWithoutScripts)+len(d.Firefox) > 0
}

func documents(t testing.TB) []*document {
	t.Helper()
	data, err := os.ReadFile("../consent/rewrite/testdata/documents.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Documents []*document }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Documents {
		d.Status = cmp.Or(d.Status, http.StatusOK)
		if d.Base64 != nil {
			d.Body = string(d.Base64)
		}
	}
	return append(file.Documents, loadingDocuments()...)
}

// A way is how a document is loaded. Its letter stands for the h of the document's
// id in every name of a host, so that whoever is contacted is known to be
// contacted for this document on this way, whenever that happens.
type way struct {
	letter  string
	scripts bool
}

// The ways of consentWays lead through Caddy with the directive and all others
// allowed, those of blockedWays with nobody allowed, the others through Caddy
// without the directive.
var (
	plainWays   = []way{{letter: "q", scripts: true}, {letter: "r"}}
	blockedWays = []way{{letter: "s", scripts: true}, {letter: "t"}}
	consentWays = []way{{letter: "u", scripts: true}, {letter: "v"}}
)

// named returns text of a document with the names of hosts as they are on a way:
// in ASCII or UTF-16.
func (d *document) named(w way, text string) string {
	digits := d.ID[1:]
	wide := func(s string) string { return strings.Join(strings.Split(s, ""), "\x00") }
	return strings.NewReplacer("h"+digits, w.letter+digits, wide("h"+digits), wide(w.letter+digits)).Replace(text)
}

// unnamed undoes named.
func (d *document) unnamed(w way, text string) string {
	return strings.ReplaceAll(text, w.letter+d.ID[1:], d.ID)
}

// documentBackend serves the documents and their files to the names that say
// which and on what way.
func documentBackend(t testing.TB, all []*document) string {
	byID := make(map[string]*document)
	for _, d := range all {
		byID[d.ID] = d
	}
	ways := make(map[string]way)
	for _, w := range slices.Concat(plainWays, blockedWays, consentWays) {
		ways[w.letter] = w
	}
	return rawBackend(t, func(r *http.Request, conn net.Conn) {
		name, _, _ := strings.Cut(r.Host, ".")
		w, d := ways[name[:1]], byID["h"+name[1:]]
		status, head, body := http.StatusNotFound, "Content-Type: text/plain\r\n", "not found"
		switch {
		case d == nil:
		case r.URL.Path == "/":
			status, head = d.Status, ""
			if d.Type != nil {
				head = "Content-Type: " + *d.Type + "\r\n"
			}
			for _, line := range d.Header {
				head += d.named(w, line) + "\r\n"
			}
			body = d.named(w, d.Body)
		case r.URL.Path == "/l.png":
			status, head, body = http.StatusOK, "Content-Type: image/gif\r\n", pixel
		case r.URL.Path == "/r":
			status, head, body = http.StatusFound, "Location: "+r.URL.Query().Get("to")+"\r\n", ""
		default:
			if file, ok := d.Files[r.URL.Path]; ok {
				status, head, body = http.StatusOK, "Content-Type: "+file.Type+"\r\n", d.named(w, file.Body)
			}
		}
		fmt.Fprintf(conn, "HTTP/1.1 %d \r\n%sContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, head, len(body), body)
	})
}

const pixel = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
