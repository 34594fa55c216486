// Package report renders what the module has seen and done as one HTML page for the
// owner of a site and the data-protection officer: what to do first, what visitors chose,
// what was kept back, and the inventory of cookies and hosts.
//
// The page needs no script, loads nothing and keeps nothing. What it shows of cookies,
// hosts and paths comes from strangers, and is text to it.
package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

// A Report is what the page tells.
type Report struct {
	// Made is when it was made.
	Made time.Time

	// Version is that of the module.
	Version string

	// LedgerProblem is why no choice can be recorded at the moment, "" if it can.
	LedgerProblem string

	Sites []Site
}

// A Site is one host, or several that share their declarations.
type Site struct {
	// Name names the hosts.
	Name string

	// Declared is whether there are declarations for it; where there are none, nothing
	// can be missing from them.
	Declared bool

	// Observes is whether nothing is kept back.
	Observes bool

	// Categories are in the order in which visitors see them.
	Categories []string

	Cookies, Hosts []Item

	// Days are sorted.
	Days []inventory.Day

	// Unlisted counts sightings of names for which there was no room.
	Unlisted uint64

	// Findings are what is wrong or doubtful in the declarations, in sentences.
	Findings []string

	// Unseen are declarations of which nothing was seen.
	Unseen []Unseen
}

// Status is what is known of a name.
type Status uint8

// The statuses, those first about which there is most to do.
const (
	Unknown  Status = iota // to everybody
	Guessed                // it may be something that is known
	Known                  // but not declared
	Declared               // by the operator
)

// An Item is a cookie or host that was seen.
type Item struct {
	Name     string
	Status   Status
	Who      string // sets it or answers there, as far as known
	Category string // that holds for it now

	// Necessary is whether it passes without consent.
	Necessary bool

	// Login is whether it looks like what keeps visitors logged in.
	Login bool

	// What says in sentences what was seen of it.
	What string

	First, Last time.Time
	Count       uint64

	// Lines are Caddyfile lines about it, "" where there is nothing to write.
	Lines string
}

// Unseen is something declared that was never seen.
type Unseen struct {
	// Kind is "cookie" or "service".
	Kind string

	Name string
	Of   string // the provider
}

//go:embed report.css
var css string

//go:embed report.html
var source string

// policy is the Content-Security-Policy of the page itself: its style sheet is known by
// its digest.
var policy = func() string {
	sum := sha256.Sum256([]byte(css))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}()

// Policy is the Content-Security-Policy to send the page with.
func Policy() string { return policy + "; frame-ancestors 'none'" }

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"css":    func() template.CSS { return template.CSS(css) }, //nolint:gosec // it is this package's own
	"policy": func() string { return policy },
	"day":    func(t time.Time) string { return t.UTC().Format("2 January 2006") },
	"number": number,
	"pair":   func(value any, name string) named { return named{name, value} },
}).Parse(source))

// named is what a part of the page is called with.
type named struct {
	Name  string
	Value any
}

// Write writes the page.
func Write(w io.Writer, r *Report) error {
	var b bytes.Buffer
	if err := page.Execute(&b, newView(r)); err != nil {
		return fmt.Errorf("rendering the report: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
