// Package shim makes the script that guards in the browser what headers cannot: cookies
// and stored data that scripts of a page write and read. It judges them by the same
// rules as package consent. Without JavaScript nothing of it is needed.
package shim

import (
	"crypto/sha256"
	"crypto/sha512"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"regexp"
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
	closed    string // the states of who agreed to nothing
}

// New makes the script for a policy, to be served below a prefix. The selector is for
// elements that open the choice, "" for none. Without a mode, it tells Google's scripts
// nothing.
func New(p *consent.Policy, prefix, selector string, mode GoogleConsentMode) (*Script, error) {
	rules := scriptData{ScriptRules: p.ScriptRules(), Openers: selector}
	var err error
	if rules.Google, err = mode.compile(p); err != nil {
		return nil, err
	}
	data, err := json.Marshal(rules)
	if err != nil {
		return nil, fmt.Errorf("writing the rules of the script: %w", err)
	}
	s := &Script{body: script(data)}
	hash := sha256.Sum256(s.body)
	digest := sha512.Sum384(s.body)
	s.integrity = "sha384-" + base64.StdEncoding.EncodeToString(digest[:])
	s.name = "shim." + hex.EncodeToString(hash[:4]) + ".js"
	s.closed = rules.Closed()
	s.tagStart = `<script src="` + html.EscapeString(prefix+s.name) + `" data-state="`
	return s, nil
}

// Name returns the name of the file below the prefix. It changes with the content, so
// that a browser may keep what it has for ever.
func (s *Script) Name() string { return s.name }

// Body returns the content of the file.
func (s *Script) Body() []byte { return s.body }

// Outdated returns the content of the file for pages that were made by an earlier
// configuration and ask for it by the name that it had then; ok is false for other
// names. What such a page says of the visitor's choice means nothing any more: nothing
// counts as agreed to on it.
func (s *Script) Outdated(name string) (body []byte, ok bool) {
	if !outdatedName.MatchString(name) {
		return nil, false
	}
	return append([]byte("document.currentScript.dataset.state='"+s.closed+"'\n"), s.body...), true
}

var outdatedName = regexp.MustCompile(`^shim\.[0-9a-f]{8}\.js$`)

// Integrity returns what an integrity attribute says of the file (Subresource
// Integrity, section 3.5).
func (s *Script) Integrity() string { return s.integrity }

// Page is what the tag says of the page that it is in.
type Page struct {
	Decision *consent.Decision

	// Posted is true for the answer to a request that must not be sent again
	// without the visitor's will.
	Posted bool

	// Withheld is true if cookies were withheld from the application or from the
	// response, or somebody answered by the choice: another choice may give another
	// page. Holds is true if the browser sent cookies that were.
	Withheld, Holds bool

	// Site is the registrable domain of the page's host, "" if that is itself one.
	Site string

	// Saved is true for the module's own page right after a choice.
	Saved bool

	// Nonce and Integrity are what the page's content security policy needs of the
	// tag: its nonce, and whether there is the integrity attribute.
	Nonce     string
	Integrity bool
}

// AppendTag appends the tag that loads the script, in ASCII, which belongs before all
// other scripts of a page.
func (s *Script) AppendTag(dst []byte, p Page) []byte {
	dst = append(dst, s.tagStart...)
	dst = append(dst, p.Decision.States()...)
	for _, word := range [...]struct {
		text string
		said bool
	}{{" asked", p.Decision.Asked()}, {" post", p.Posted || p.Saved}, {" withheld", p.Withheld || p.Holds}, {" holds", p.Holds}, {" saved", p.Saved}} {
		if word.said {
			dst = append(dst, word.text...)
		}
	}
	if p.Site != "" {
		dst = append(dst, `" data-site="`...)
		dst = append(dst, html.EscapeString(p.Site)...)
	}
	if p.Nonce != "" {
		dst = append(dst, `" nonce="`...)
		dst = append(dst, html.EscapeString(p.Nonce)...)
	}
	if p.Integrity {
		dst = append(dst, `" integrity="`...)
		dst = append(dst, s.integrity...)
	}
	return append(dst, `"></script>`...)
}

// scriptData is what the script is given.
type scriptData struct {
	*consent.ScriptRules
	Openers string           `json:"openers,omitempty"`
	Google  map[string][]int `json:"google,omitempty"`
}

//go:generate ./minify

// minified is what the files of the script are as visitors get them: a first line with
// the digest of the files, and the script up to what it is given.
//
//go:embed shim.min.js
var minified string

// script returns the script with what it is given.
func script(data []byte) []byte {
	_, body, _ := strings.Cut(minified, "\n")
	return []byte(strings.Replace(body, "__rules__", string(data), 1))
}
