package banner

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	syntax "text/template/parse"
	"unicode/utf8"

	"github.com/cookieconsent/caddy-cookie-consent/consent/weburl"
)

// Bounds of an operator's files, in bytes.
const (
	maxStylesheet = 64 << 10
	maxTemplate   = 256 << 10
)

// A Theme is how an operator wants banner and pages to look: a style sheet behind the
// module's own, templates in place of its own, or both.
type Theme struct {
	stylesheet string
	directory  string             // of the templates
	templates  *template.Template // nil for the module's own
}

// A ThemeError is a mistake in one of an operator's files.
type ThemeError struct {
	File    string
	Line    int    // from 1; 0 if it concerns the whole file
	Problem string // as it reads after the place
}

func (e *ThemeError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Problem
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Problem)
}

// ReadTheme reads a style sheet, a directory of templates, or both; an empty name stands
// for neither. What is wrong with them by themselves is a [*ThemeError].
//
// The style sheet has at most 64 KiB and loads nothing from elsewhere: its addresses are
// paths of the site or data, it imports nothing, and none of its rules names one of the
// buttons that accept and reject everything without the other. The directory holds at least one of
// banner.html, page.html and placeholder.html, of at most 256 KiB, and no other .html
// file; what a file defines takes the place of the module's own template of that name.
func ReadTheme(stylesheet, templates string) (*Theme, error) {
	theme := &Theme{directory: templates}
	if stylesheet != "" {
		text, err := readText(stylesheet, maxStylesheet)
		if err != nil {
			return nil, err
		}
		if err := checkStylesheet(stylesheet, text); err != nil {
			return nil, err
		}
		theme.stylesheet = text
	}
	if templates != "" {
		if err := theme.readTemplates(); err != nil {
			return nil, err
		}
	}
	return theme, nil
}

// readText reads a file of at most limit bytes in UTF-8.
func readText(file string, limit int64) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", unreadable(file, err)
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return "", unreadable(file, err)
	}
	text := strings.TrimPrefix(string(body), "\ufeff")
	switch {
	case int64(len(body)) > limit:
		return "", &ThemeError{file, 0, fmt.Sprintf("is longer than %d KiB", limit>>10)}
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return "", &ThemeError{file, 0, "is not a text in UTF-8"}
	}
	return text, nil
}

func unreadable(file string, err error) error {
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		err = pathErr.Err
	}
	return &ThemeError{file, 0, "can't be read: " + err.Error()}
}

// foreign are pieces of text that a style sheet of the module can't hold. An import
// would have to come before everything else.
var foreign = regexp.MustCompile(`(?i)@import|</`)

// preludes are what stands before the block of a rule, and the two words for each of the
// buttons that accept and reject everything.
var (
	preludes  = regexp.MustCompile(`[^{};]+\{`)
	accepting = regexp.MustCompile(`cookie-consent-accept|accept_all`)
	rejecting = regexp.MustCompile(`cookie-consent-reject|reject_all`)
)

// checkStylesheet reports what a style sheet must not hold. Addresses are read as
// browsers read them, escapes included.
func checkStylesheet(file, css string) error {
	mistake := func(at int, problem string) error {
		return &ThemeError{file, 1 + strings.Count(css[:at], "\n"), problem}
	}
	if at := foreign.FindStringIndex(css); at != nil {
		return mistake(at[0], strconv.Quote(css[at[0]:at[1]])+" is not allowed in the style sheet")
	}
	spaces := func(comment string) string {
		return strings.Map(func(r rune) rune {
			if r == '\n' {
				return r
			}
			return ' '
		}, comment)
	}
	plain := cssComment.ReplaceAllStringFunc(css, spaces)
	for _, at := range preludes.FindAllStringIndex(plain, -1) {
		accept, reject := accepting.FindAllStringIndex(plain[at[0]:at[1]], -1), rejecting.FindAllStringIndex(plain[at[0]:at[1]], -1)
		if len(accept) != len(reject) {
			first := slices.Concat(accept, reject)[0]
			return &ThemeError{file, 1 + strings.Count(plain[:at[0]+first[0]], "\n"), "one of the buttons that accept and reject everything has a rule of its own; they have to stay alike, so name both in one rule"}
		}
	}
	for ref := range weburl.CSS(css) {
		if ref.Sure && !isOwnAddress(ref.URL) || !ref.Sure && strings.Contains(ref.URL, "//") {
			return mistake(ref.Start, strconv.Quote(ref.URL)+" is no address of this site; allowed: paths that begin with one slash, data: and #")
		}
	}
	return nil
}

// isOwnAddress reports whether every browser takes an address in a style sheet, wherever
// that is, as one of the site, or as no address to contact.
func isOwnAddress(address string) bool {
	if strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }) {
		return false
	}
	if len(address) >= len("data:") && strings.EqualFold(address[:len("data:")], "data:") || strings.HasPrefix(address, "#") {
		return true
	}
	return strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//")
}

// readTemplates reads the templates of the theme's directory.
func (t *Theme) readTemplates() error {
	entries, err := os.ReadDir(t.directory)
	if err != nil {
		return unreadable(t.directory, err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if filepath.Ext(name) != ".html" {
			continue
		}
		file := filepath.Join(t.directory, name)
		if !slices.Contains(templateNames, name) {
			return &ThemeError{file, 0, "is no template; allowed: " + strings.Join(templateNames, ", ")}
		}
		text, err := readText(file, maxTemplate)
		if err != nil {
			return err
		}
		if t.templates == nil {
			t.templates = newTemplates()
		}
		parsed, err := t.templates.New(name).Parse(text)
		if err != nil {
			return t.mistake(name, err)
		}
		if tree := parsed.Tree; tree != nil && !syntax.IsEmptyTree(tree.Root) {
			first := slices.IndexFunc(tree.Root.Nodes, func(n syntax.Node) bool { return !syntax.IsEmptyTree(n) })
			rest := strings.TrimLeft(text[tree.Root.Nodes[first].Position():], " \t\r\n")
			return &ThemeError{file, 1 + strings.Count(text[:len(text)-len(rest)], "\n"), `something stands outside of {{define "…"}} and {{end}}, where it is shown nowhere`}
		}
	}
	if t.templates == nil {
		return &ThemeError{t.directory, 0, "holds none of the templates " + strings.Join(templateNames, ", ")}
	}
	return nil
}

// templateMistake is how errors of templates begin, but for some about the markup.
var templateMistake = regexp.MustCompile(`(?s)^(?:html/)?template: ?([^:]+):(\d+):(?:\d+:)? (.*)$`)

// mistake returns an error of parsing or executing the templates of a file with its place,
// which may be in another one.
func (t *Theme) mistake(file string, err error) error {
	if m := templateMistake.FindStringSubmatch(err.Error()); m != nil {
		if line, numErr := strconv.Atoi(m[2]); numErr == nil {
			return &ThemeError{filepath.Join(t.directory, m[1]), line, m[3]}
		}
	}
	return &ThemeError{filepath.Join(t.directory, file), 0, err.Error()}
}
