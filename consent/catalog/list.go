package catalog

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// maxList bounds the size of a file that an operator names, in bytes.
const maxList = 64 << 20

// A ListKind is the format of a file that an operator names.
type ListKind string

// The kinds of lists.
const (
	Entries ListKind = "entries" // TOML, as the catalog itself
	Hosts   ListKind = "hosts"   // a hosts file: an address and names for it
	Domains ListKind = "domains" // a host on each line
	Filters ListKind = "filters" // rules of content blockers, of which "||host^" is read
)

// List is a file that an operator names. Entries are as those of the catalog, without
// the need of a source. The hosts of other kinds are of the category third_party: as
// are, for domains and filters, those below them.
type List struct {
	File string
	Kind ListKind

	// Found is the number of entries or hosts that were read, and Skipped that of
	// lines that say nothing about a host as a whole, so that they were left out.
	Found, Skipped int

	entries []entry
	hosts   []string // as in Service.Hosts
}

// ReadList reads a list. The kind shows in its name and content. An error is an
// [*Error] with the file and, if a line is wrong, its number.
func ReadList(file string) (*List, error) {
	info, err := os.Stat(file)
	if err == nil && info.Size() > maxList {
		return nil, &Error{file, 0, fmt.Sprintf("is longer than %d MB", maxList>>20)}
	}
	if err == nil && !info.Mode().IsRegular() {
		return nil, &Error{file, 0, "is not a file"}
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		if pathErr, ok := errors.AsType[*os.PathError](err); ok {
			err = pathErr.Err
		}
		return nil, &Error{file, 0, "can't be read: " + err.Error()}
	}
	return parseList(document{file, string(text)})
}

func parseList(d document) (*List, error) {
	d.text = strings.TrimPrefix(d.text, "\ufeff")
	if !utf8.ValidString(d.text) || strings.ContainsRune(d.text, 0) {
		return nil, &Error{d.name, 0, "is not a text in UTF-8"}
	}
	l := &List{File: d.name, Kind: kindOf(d)}
	var err error
	if l.Kind == Entries {
		err = l.readEntries(d)
	} else {
		err = l.readLines(d)
	}
	if err != nil {
		return nil, err
	}
	if l.Found == 0 {
		return nil, &Error{d.name, 0, "holds nothing that can be used; allowed are entries in TOML, hosts files, lists of domains, and filter lists with rules such as ||tracker.example^"}
	}
	return l, nil
}

// kindOf tells the kind of a list by its name, else by its first line that says
// something.
func kindOf(d document) ListKind {
	if strings.EqualFold(filepath.Ext(d.name), ".toml") {
		return Entries
	}
	comments := false
	for line := range strings.Lines(d.text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' && !isCosmetic(line):
		case strings.HasPrefix(line, "[["):
			return Entries
		case line[0] == '!':
			comments = true // of filter lists alone
		case line[0] == '[', strings.HasPrefix(line, "||"), strings.HasPrefix(line, "@@"), strings.ContainsAny(line, "^$*/") && !strings.HasPrefix(line, "*."), isCosmetic(line):
			return Filters
		default:
			if fields := strings.Fields(withoutComment(line)); len(fields) > 1 && isAddr(fields[0]) {
				return Hosts
			}
			if comments {
				return Filters
			}
			return Domains
		}
	}
	if comments {
		return Filters
	}
	return Domains
}

// readEntries reads entries of the operator's own, who is the source.
func (l *List) readEntries(d document) (err error) {
	if l.entries, err = d.entries(); err != nil {
		return err
	}
	for i := range l.entries {
		e := &l.entries[i]
		if e.product != nil && e.product.Confidence != "" || e.service != nil && e.service.Confidence != "" {
			if err := e.checkSource(); err != nil {
				return err
			}
		}
		if err := e.check(); err != nil {
			return err
		}
	}
	l.Found = len(l.entries)
	return nil
}

// readLines reads a list of hosts.
func (l *List) readLines(d document) error {
	n := 0
	for line := range strings.Lines(d.text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '!' || line[0] == '#' && !isCosmetic(line) {
			continue
		}
		var problem string
		switch l.Kind {
		case Filters:
			if line[0] != '[' { // "[Adblock Plus 2.0]"
				l.readFilter(line)
			}
		case Hosts:
			problem = l.readHosts(strings.Fields(withoutComment(line)))
		default:
			problem = l.readDomain(withoutComment(line))
		}
		if problem != "" {
			return &Error{d.name, n, problem}
		}
	}
	return nil
}

// readFilter reads one rule of a filter list. Only a rule that is about a host as a
// whole, wherever it is contacted from or by another site, says what the host is.
func (l *List) readFilter(line string) {
	rule, options, _ := strings.Cut(line, "$")
	host, isHost := strings.CutPrefix(rule, "||")
	host, isWhole := strings.CutSuffix(host, "^")
	switch options {
	case "", "third-party", "3p":
	default:
		isWhole = false
	}
	if !isHost || !isWhole || checkHost(host) != "" || strings.HasPrefix(host, "*") {
		l.Skipped++
		return
	}
	l.add(host, true)
}

// readHosts reads one line of a hosts file.
func (l *List) readHosts(fields []string) (problem string) {
	if len(fields) < 2 || !isAddr(fields[0]) {
		return fmt.Sprintf("%q is not an address and a name, as in a hosts file", strings.Join(fields, " "))
	}
	for _, name := range fields[1:] {
		switch host := strings.ToLower(name); {
		case isLocalName(host), isAddr(host):
			l.Skipped++
		case checkHost(host) == "" && host[0] != '*':
			l.add(host, false)
		default:
			return fmt.Sprintf("%q is not a host", name)
		}
	}
	return ""
}

// readDomain reads one line of a list of domains.
func (l *List) readDomain(line string) (problem string) {
	host := strings.ToLower(line)
	if isAddr(host) {
		l.Skipped++
		return ""
	}
	if checkHost(host) != "" {
		return fmt.Sprintf("%q is not a host", line)
	}
	if strings.HasPrefix(host, "*") {
		l.add(host, false)
	} else {
		l.add(host, true)
	}
	return ""
}

// add adds a host and, if they are meant, those below it.
func (l *List) add(host string, below bool) {
	l.Found++
	l.hosts = append(l.hosts, host)
	if below {
		l.hosts = append(l.hosts, "*."+host)
	}
}

// isCosmetic reports whether a line of a filter list hides parts of pages.
func isCosmetic(line string) bool {
	return strings.Contains(line, "##") || strings.Contains(line, "#@#") || strings.Contains(line, "#?#") || strings.Contains(line, "#$#")
}

func withoutComment(line string) string {
	line, _, _ = strings.Cut(line, "#")
	return strings.TrimSpace(line)
}

func isAddr(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// isLocalName reports whether hosts files name the machine itself or its network so.
func isLocalName(host string) bool {
	switch host {
	case "localhost", "localhost.localdomain", "local", "broadcasthost":
		return true
	}
	return strings.HasPrefix(host, "ip6-") || !strings.Contains(host, ".")
}

// With returns the catalog with lists. What an entry of a list says of a cookie name,
// a storage key or a host goes before what the catalog says of the same one, and an
// entry of the same id takes its place; the hosts of other lists are told where
// nothing else is known.
func (c *Catalog) With(lists ...*List) (*Catalog, error) {
	if len(lists) == 0 {
		return c, nil
	}
	var own []entry
	for _, l := range lists {
		own = append(own, l.entries...)
	}
	merged, err := build(append(without(c.entries, own), own...))
	if err != nil {
		return nil, err
	}
	for i := range own {
		if err := merged.checkFound(&own[i]); err != nil {
			return nil, err
		}
	}
	merged.listed = map[string]*List{}
	for _, l := range lists {
		for _, host := range l.hosts {
			merged.listed[strings.TrimPrefix(host, "*")] = l
		}
	}
	return merged, nil
}

// without returns entries without what other ones replace.
func without(all, own []entry) []entry {
	replaced := map[string]bool{}
	for i := range own {
		replaced["id "+own[i].id()] = true
		for _, cookie := range own[i].cookies() {
			if cookie.Host == "" && !cookie.Hint {
				replaced["cookie "+cookie.Name] = true
			}
		}
		if s := own[i].service; s != nil {
			for _, key := range s.Storage {
				replaced["key "+key] = true
			}
			for _, host := range s.Hosts {
				replaced["host "+host] = true
			}
		}
	}
	var kept []entry
	for _, e := range all {
		if replaced["id "+e.id()] {
			continue
		}
		kept = append(kept, e.without(replaced))
	}
	return kept
}

func (e entry) without(replaced map[string]bool) entry {
	keep := func(kind string, list []string) []string {
		var kept []string
		for _, word := range list {
			if !replaced[kind+word] {
				kept = append(kept, word)
			}
		}
		return kept
	}
	var cookies []Cookie
	for _, cookie := range e.cookies() {
		if cookie.Host != "" || cookie.Hint || !replaced["cookie "+cookie.Name] {
			cookies = append(cookies, cookie)
		}
	}
	if e.product != nil {
		product := *e.product
		product.Cookies = cookies
		e.product = &product
		return e
	}
	service := *e.service
	service.Cookies, service.Hosts, service.Storage = cookies, keep("host ", service.Hosts), keep("key ", service.Storage)
	e.service = &service
	return e
}
