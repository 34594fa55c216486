package catalog

import (
	"strings"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// Match is what the catalog knows of a cookie, a host or a storage key.
type Match struct {
	// Product or Service is whose it is, or List is the list that says of a host that
	// it needs consent, and no more; the others are nil.
	Product *Product
	Service *Service
	List    *List

	// Cookie is the entry of the cookie; nil for a host or a storage key.
	Cookie *Cookie

	// Category is a built-in category, and Purpose a key of [Purposes], or "" for a
	// host of a list.
	Category string
	Purpose  string

	// Tied is true where others of the catalog have an equal claim, of which this
	// is one of the strictest category.
	Tied bool
}

// ID returns the id of the product or service; "" for a host of a list.
func (m *Match) ID() string {
	switch {
	case m.Product != nil:
		return m.Product.ID
	case m.Service != nil:
		return m.Service.ID
	}
	return ""
}

// Name returns the name of the product or service; "" for a host of a list.
func (m *Match) Name() string {
	switch {
	case m.Product != nil:
		return m.Product.Name
	case m.Service != nil:
		return m.Service.Name
	}
	return ""
}

// Provider returns who is behind it as visitors should read it: who runs the service,
// or the name of the product.
func (m *Match) Provider() string {
	if m.Service != nil {
		return m.Service.Provider
	}
	return m.Name()
}

// IsHint reports whether the cookie may as well be another one, so that tools have
// to ask.
func (m *Match) IsHint() bool { return m.Cookie != nil && m.Cookie.Hint }

// IsCDN reports whether it only delivers files, and sets no cookies.
func (m *Match) IsCDN() bool { return m.Service != nil && m.Service.CDN }

// IsConsentTool reports whether it belongs to a tool that asks visitors for consent.
func (m *Match) IsConsentTool() bool {
	return (m.Purpose == "consent-choice" || m.Purpose == "consent-management") && !m.IsHint()
}

// Cookie returns what is known of a cookie of the site itself: the most specific
// entry, as [consent.Known.Find] finds it, and a hint only where there is no other.
// Cookies that other hosts set for themselves are never found.
func (c *Catalog) Cookie(name string) (Match, bool) {
	if i, tied, ok := c.known.Find(name); ok {
		match := c.knownIs[i]
		match.Tied = tied
		return match, true
	}
	if i, tied, ok := c.hints.Find(name); ok {
		match := c.hintIs[i]
		match.Tied = tied
		return match, true
	}
	return Match{}, false
}

// StorageKey returns what is known of a key of Web Storage.
func (c *Catalog) StorageKey(key string) (Match, bool) {
	i, tied, ok := c.storage.Find(key)
	if !ok {
		return Match{}, false
	}
	match := c.storageIs[i]
	match.Tied = tied
	return match, true
}

// Host returns what is known of a host, in ASCII and lower case and without a port:
// the entry for the host itself, else for the nearest host above it; lists of hosts
// come last.
func (c *Catalog) Host(host string) (Match, bool) {
	host = strings.TrimSuffix(host, ".")
	if match, ok := findHost(c.hosts, host); ok {
		return match, true
	}
	if list, ok := findHost(c.listed, host); ok {
		return Match{List: list, Category: consent.ThirdParty}, true
	}
	return Match{}, false
}

// findHost returns what a table holds for a host or for "." and a host above it.
func findHost[T any](table map[string]T, host string) (found T, ok bool) {
	if found, ok = table[host]; ok || len(table) == 0 {
		return found, ok
	}
	for {
		dot := strings.IndexByte(host, '.')
		if dot < 0 {
			return found, false
		}
		if found, ok = table[host[dot:]]; ok {
			return found, true
		}
		host = host[dot+1:]
	}
}
