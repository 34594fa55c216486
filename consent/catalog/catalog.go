package catalog

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

//go:embed data
var data embed.FS

// Default returns the catalog that is part of the module. It is read once, when it is
// first asked for; the tests check what it holds.
var Default = sync.OnceValue(func() *Catalog {
	files, err := fs.Sub(data, "data")
	if err != nil {
		panic("catalog: " + err.Error())
	}
	all, err := readAll(files)
	if err != nil {
		panic("catalog: embedded " + err.Error())
	}
	c, err := build(all)
	if err != nil {
		panic("catalog: embedded " + err.Error())
	}
	return c
})

// Catalog is what is known of cookies, hosts and storage keys. It is safe for
// concurrent use and never changes; nor may callers change what its methods return.
type Catalog struct {
	entries []entry // sorted by id

	known     *consent.Known // cookies of the site itself
	knownIs   []Match
	hints     *consent.Known
	hintIs    []Match
	storage   *consent.Known
	storageIs []Match
	hosts     map[string]Match // by host, or by "." and the host above
	listed    map[string]*List // the same, of lists of hosts
}

// An entry is a product or a service, and where it stands.
type entry struct {
	product *Product // one of both is nil
	service *Service
	from    document
	n       int // among those of its kind in the file
}

// Load reads a catalog from the files products/*.toml and services/*.toml, and checks
// every entry, by itself and together with the others. An error is an [*Error] for the
// first mistake found.
func Load(files fs.FS) (*Catalog, error) {
	all, err := readAll(files)
	if err != nil {
		return nil, err
	}
	for i := range all {
		e := &all[i]
		if dir := path.Dir(e.from.name); e.kind()+"s" != dir {
			return nil, e.errorf("", "a %s does not belong into %s", e.kind(), dir)
		}
		if e.n > 0 && all[i-1].id() > e.id() {
			return nil, e.errorf(atKey("id"), "entries are sorted by id, but %q stands behind %q", e.id(), all[i-1].id())
		}
		if err := e.checkSource(); err != nil {
			return nil, err
		}
		if err := e.check(); err != nil {
			return nil, err
		}
	}
	c, err := build(all)
	if err != nil {
		return nil, err
	}
	return c, c.checkTogether()
}

// readAll reads the entries of all files, in their order.
func readAll(files fs.FS) ([]entry, error) {
	var names []string
	for _, dir := range []string{"products", "services"} {
		found, err := fs.Glob(files, dir+"/*.toml")
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	read, errs := make([][]entry, len(names)), make([]error, len(names))
	var readers sync.WaitGroup
	for i, name := range names {
		readers.Go(func() {
			text, err := fs.ReadFile(files, name)
			if err != nil {
				errs[i] = fmt.Errorf("reading the catalog: %w", err)
				return
			}
			read[i], errs[i] = document{name, string(text)}.entries()
		})
	}
	readers.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.Concat(read...), nil
}

// build makes entries ready to be looked up. Every id may be there once.
func build(all []entry) (*Catalog, error) {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b entry) int { return strings.Compare(a.id(), b.id()) })
	c := &Catalog{entries: all, hosts: map[string]Match{}}
	var known, hints, storage []consent.KnownCookie
	for i := range all {
		e := &all[i]
		if i > 0 && e.id() == all[i-1].id() {
			return nil, e.errorf(atKey("id"), "the id %q is taken by %s", e.id(), all[i-1].from.name)
		}
		for j := range e.cookies() {
			cookie := &e.cookies()[j]
			match := e.match(cookie)
			switch {
			case cookie.Host != "":
			case cookie.Hint:
				hints, c.hintIs = append(hints, consent.KnownCookie{Name: cookie.Name, Category: match.Category}), append(c.hintIs, match)
			default:
				known, c.knownIs = append(known, consent.KnownCookie{Name: cookie.Name, Category: match.Category}), append(c.knownIs, match)
			}
		}
		if e.service == nil {
			continue
		}
		match := e.match(nil)
		for _, key := range e.service.Storage {
			storage, c.storageIs = append(storage, consent.KnownCookie{Name: key, Category: match.Category}), append(c.storageIs, match)
		}
		for _, host := range e.service.Hosts {
			c.addHost(host, match)
		}
	}
	for _, table := range []struct {
		to   **consent.Known
		list []consent.KnownCookie
	}{{&c.known, known}, {&c.hints, hints}, {&c.storage, storage}} {
		var err error
		if *table.to, err = consent.NewKnown(table.list); err != nil {
			return nil, err // never: every entry was checked by itself
		}
	}
	return c, nil
}

func (c *Catalog) addHost(host string, match Match) {
	host = strings.TrimPrefix(host, "*")
	other, taken := c.hosts[host]
	if taken {
		match.Tied = true
		if strictness(other.Category) >= strictness(match.Category) {
			other.Tied = true
			match = other
		}
	}
	c.hosts[host] = match
}

// strictness orders the built-in categories, the mildest first.
func strictness(category string) int { return slices.Index(categories, category) }

var categories = []string{consent.Necessary, consent.Statistics, consent.FirstParty, consent.ThirdParty}

// Products and Services return what the catalog consists of, by id.
func (c *Catalog) Products() []*Product {
	var products []*Product
	for _, e := range c.entries {
		if e.product != nil {
			products = append(products, e.product)
		}
	}
	return products
}

// Services returns the services of the catalog, by id.
func (c *Catalog) Services() []*Service {
	var services []*Service
	for _, e := range c.entries {
		if e.service != nil {
			services = append(services, e.service)
		}
	}
	return services
}

// Known returns the cookies of the site itself, for a policy to know what they are
// for although they are not declared. Hints are not among them.
func (c *Catalog) Known() *consent.Known { return c.known }

// entries reads the file.
func (d document) entries() ([]entry, error) {
	read, err := d.read()
	if err != nil {
		return nil, err
	}
	var all []entry
	for i := range read.Products {
		all = append(all, entry{product: &read.Products[i], from: d, n: i})
	}
	for i := range read.Services {
		all = append(all, entry{service: &read.Services[i], from: d, n: i})
	}
	return all, nil
}

func (e *entry) id() string {
	if e.product != nil {
		return e.product.ID
	}
	return e.service.ID
}

func (e *entry) kind() string {
	if e.product != nil {
		return "product"
	}
	return "service"
}

func (e *entry) cookies() []Cookie {
	if e.product != nil {
		return e.product.Cookies
	}
	return e.service.Cookies
}

// match returns what is found for a cookie of the entry, or for its hosts and keys.
func (e *entry) match(cookie *Cookie) Match {
	m := Match{Product: e.product, Service: e.service, Cookie: cookie, Category: consent.Necessary}
	if e.service != nil {
		m.Category, m.Purpose = e.service.Category, e.service.Purpose
	}
	if cookie != nil && cookie.Category != "" {
		m.Category = cookie.Category
	}
	if cookie != nil && cookie.Purpose != "" {
		m.Purpose = cookie.Purpose
	}
	return m
}

// errorf returns an error about the entry, at what a regular expression finds in it.
func (e *entry) errorf(at, format string, args ...any) error {
	return e.from.errorf(e.kind(), e.n, at, format, args...)
}
