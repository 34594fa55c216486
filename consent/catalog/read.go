package catalog

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
)

// Error is a mistake in a file of entries or of a list.
type Error struct {
	File    string
	Line    int // from 1; 0 if it is not known
	Problem string
}

// Error returns the place and the problem, as in "services/maps.toml:12: ...".
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Problem
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Problem)
}

// entries is the content of a file.
type entries struct {
	Products []Product `toml:"product"`
	Services []Service `toml:"service"`
}

// A document is the text of a file, to find the line of what is wrong in it.
type document struct {
	name string
	text string
}

// read reads a file. A key that no entry has is an error.
func (d document) read() (*entries, error) {
	var e entries
	meta, err := toml.Decode(d.text, &e)
	if err != nil {
		if parseErr, ok := errors.AsType[toml.ParseError](err); ok {
			return nil, &Error{d.name, parseErr.Position.Line, parseErr.Message}
		}
		return nil, &Error{d.name, 0, err.Error()}
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		key := unknown[0]
		last := key[len(key)-1]
		line := d.lineOf(0, regexp.MustCompile(`(?m)(?:^|[\s{,\["])`+regexp.QuoteMeta(last)+`["\]]*\s*(?:=|\]|$)`))
		return nil, &Error{d.name, line, fmt.Sprintf("%q is not a key that is known here", key.String())}
	}
	return &e, nil
}

// errorf returns an error about the n-th entry of a kind, at the line of what a regular
// expression finds in it or else at its beginning.
func (d document) errorf(kind string, n int, at, format string, args ...any) error {
	headers := regexp.MustCompile(`(?m)^\s*\[\[\s*`+kind+`\s*\]\]`).FindAllStringIndex(d.text, -1)
	line := 0
	if n < len(headers) {
		from, to := headers[n][0], len(d.text)
		if n+1 < len(headers) {
			to = headers[n+1][0]
		}
		line = 1 + strings.Count(d.text[:headers[n][1]], "\n")
		if found := regexp.MustCompile(at).FindStringIndex(d.text[from:to]); at != "" && found != nil {
			line = 1 + strings.Count(d.text[:from+found[0]], "\n")
		}
	}
	return &Error{d.name, line, fmt.Sprintf(format, args...)}
}

// atKey finds the key of an entry, atName the name of a cookie, and atWord a word in
// quotes.
func atKey(key string) string   { return `(?m)^\s*\b` + key + `\s*=` }
func atName(name string) string { return `\bname\s*=\s*["']` + regexp.QuoteMeta(name) + `["']` }
func atWord(word string) string { return `["']` + regexp.QuoteMeta(word) + `["']` }

// lineOf returns the line of the first match behind an offset, 0 if there is none.
func (d document) lineOf(offset int, pattern *regexp.Regexp) int {
	at := pattern.FindStringIndex(d.text[offset:])
	if at == nil {
		return 0
	}
	match := d.text[offset+at[0] : offset+at[1]]
	start := offset + at[0] + len(match) - len(strings.TrimLeft(match, " \t\n"))
	return 1 + strings.Count(d.text[:start], "\n")
}
