// Package shim makes the script that guards in the browser what headers cannot: cookies
// and stored data that scripts of a page write and read. It judges them by the same
// rules as package consent. Without JavaScript nothing of it is needed.
package shim

import (
	"crypto/sha256"
	"crypto/sha512"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"strings"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// ContentType is the media type of a [Script].
const ContentType = "text/javascript; charset=utf-8"

// Script is the file for all visitors of a site with one policy. Which visitor it is
// for stands in the tag that loads it. It is safe for concurrent use.
type Script struct {
	name     string
	body     []byte
	tagStart string // up to the states

	integrity string
}

// New makes the script for a policy, to be served below a prefix.
func New(p *consent.Policy, prefix string) (*Script, error) {
	rules := p.ScriptRules()
	data, err := json.Marshal(rules)
	if err != nil {
		return nil, fmt.Errorf("writing the rules of the script: %w", err)
	}
	s := &Script{body: []byte("(rules=>{'use strict'\n" + join(parts(rules)) + "})(" + string(data) + ")\n")}
	hash := sha256.Sum256(s.body)
	digest := sha512.Sum384(s.body)
	s.integrity = "sha384-" + base64.StdEncoding.EncodeToString(digest[:])
	s.name = "shim." + hex.EncodeToString(hash[:4]) + ".js"
	s.tagStart = `<script src="` + html.EscapeString(prefix+s.name) + `" data-state="`
	return s, nil
}

// Name returns the name of the file below the prefix. It changes with the content, so
// that a browser may keep what it has for ever.
func (s *Script) Name() string { return s.name }

// Body returns the content of the file.
func (s *Script) Body() []byte { return s.body }

// Integrity returns what an integrity attribute says of the file (Subresource
// Integrity, section 3.5).
func (s *Script) Integrity() string { return s.integrity }

// AppendTag appends the tag that loads the script, in ASCII, which belongs before all
// other scripts of a page. The nonce, which may be empty, and the integrity attribute
// are for the page's content security policy.
func (s *Script) AppendTag(dst []byte, d *consent.Decision, nonce string, integrity bool) []byte {
	dst = append(dst, s.tagStart...)
	dst = append(dst, d.States()...)
	if nonce != "" {
		dst = append(dst, `" nonce="`...)
		dst = append(dst, html.EscapeString(nonce)...)
	}
	if integrity {
		dst = append(dst, `" integrity="`...)
		dst = append(dst, s.integrity...)
	}
	return append(dst, `"></script>`...)
}

//go:embed *.js
var sources embed.FS

// parts returns the files that a script consists of. They share one scope.
func parts(rules *consent.ScriptRules) []string {
	names := []string{"rules.js", "cookies.js"}
	if len(rules.Storage) > 0 {
		names = append(names, "storage.js")
	}
	return append(names, "frames.js")
}

// join returns the content of embedded files without comments on lines of their own,
// indentation and empty lines.
func join(parts []string) string {
	var b strings.Builder
	for _, part := range parts {
		source, err := sources.ReadFile(part)
		if err != nil {
			panic("shim: reading embedded script: " + err.Error())
		}
		for line := range strings.Lines(string(source)) {
			if line = strings.TrimLeft(line, "\t"); line != "\n" && !strings.HasPrefix(line, "//") {
				b.WriteString(line)
			}
		}
	}
	return b.String()
}
