package catalog

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// Product is something that a site is built with or stands behind: a language, a
// framework, an application, a load balancer.
type Product struct {
	// ID identifies the product among all products and services: lower-case
	// letters, digits and hyphens.
	ID string `toml:"id"`

	// Name is the name as its makers write it.
	Name string `toml:"name"`

	// Source is the address at which the facts of the entry were read: the
	// product's documentation or source, else somebody who describes it.
	Source string `toml:"source"`

	// Confidence is how sure the facts are; see [Confidence].
	Confidence Confidence `toml:"confidence"`

	// Cookies are what the product sets on the site itself. They are necessary
	// unless they say otherwise.
	Cookies []Cookie `toml:"cookies"`
}

// Service is a service of somebody else that pages use, or a tracker that the owner
// of the site runs.
type Service struct {
	// ID identifies the service among all products and services: lower-case
	// letters, digits and hyphens. It is the id that tools propose for a
	// declaration.
	ID string `toml:"id"`

	// Name is the name as its makers write it.
	Name string `toml:"name"`

	// Provider is who runs the service; for one that owners run themselves, its
	// makers.
	Provider string `toml:"provider"`

	// Category is one of the built-in categories of package consent.
	Category string `toml:"category"`

	// Purpose is what the service is for, as a key of [Purposes].
	Purpose string `toml:"purpose"`

	// Hosts are the hosts that pages contact for the service, in ASCII and lower
	// case; "*.x" is every host below x and not x itself.
	Hosts []string `toml:"hosts"`

	// SelfHosted is true for a service that usually runs on a host of the owner.
	SelfHosted bool `toml:"self_hosted"`

	// Paths are the ends of paths by which a service is recognised on any host,
	// such as "/matomo.js".
	Paths []string `toml:"paths"`

	// Cookies are what the service sets, on the site itself or, where they name a
	// host, on that host.
	Cookies []Cookie `toml:"cookies"`

	// Storage are the keys that the service keeps in Web Storage, written as names
	// of cookies are.
	Storage []string `toml:"storage"`

	// Inline are texts by which scripts within pages are recognised.
	Inline []string `toml:"inline"`

	// CDN is true for a service that only delivers files and sets no cookies.
	// Pages may need it to look right, so that tools ask about it first.
	CDN bool `toml:"cdn"`

	// Policy is the address of the provider's privacy policy.
	Policy string `toml:"policy"`

	// Source and Confidence are as in [Product].
	Source     string     `toml:"source"`
	Confidence Confidence `toml:"confidence"`
}

// Patterns returns the names of the service's cookies of a category on the site itself,
// in the notation of declarations, where "*" stands for all that differs.
func (s *Service) Patterns(category string) []string {
	var patterns []string
	for i := range s.Cookies {
		c := &s.Cookies[i]
		if c.Host == "" && !c.Hint && cmp.Or(c.Category, s.Category) == category {
			if text := pattern(c.Name); !slices.Contains(patterns, text) {
				patterns = append(patterns, text)
			}
		}
	}
	return patterns
}

// DeclarableHosts returns the hosts of the service without those under which anybody
// can register: no declaration may be about all of these.
func (s *Service) DeclarableHosts() []string {
	var hosts []string
	for _, host := range s.Hosts {
		bare := strings.TrimPrefix(host, "*.")
		if suffix, icann := publicsuffix.PublicSuffix(bare); suffix != bare || !icann && !strings.Contains(bare, ".") {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// StoragePatterns returns the service's storage keys in the notation of declarations.
func (s *Service) StoragePatterns() []string {
	var patterns []string
	for _, key := range s.Storage {
		if text := pattern(key); !slices.Contains(patterns, text) {
			patterns = append(patterns, text)
		}
	}
	return patterns
}

// pattern returns a name with a star in place of all that differs.
func pattern(name string) string { return differing.ReplaceAllString(name, "*") }

var differing = regexp.MustCompile(`(<[^>]*>|[*@])+`)

// Cookie is a cookie, or cookies with names of one pattern.
type Cookie struct {
	// Name is the name in the notation of [consent.KnownCookie]. A star is allowed
	// where the cookie needs consent, behind at least three literal characters or
	// before at least five.
	Name string `toml:"name"`

	// Host is the host that sets the cookie for itself. Such a cookie is never one
	// of the site, whatever its name. Default: the site.
	Host string `toml:"host"`

	// Category and Purpose are those of the cookie where they are not those of the
	// service, or not necessary for a product.
	Category string `toml:"category"`
	Purpose  string `toml:"purpose"`

	// Lifetime is how long the cookie is kept by default, if the source says so.
	Lifetime consent.Lifetime `toml:"lifetime"`

	// Hint is true for a pattern that other cookies may fit as well. Tools
	// classify by it, and ask; nothing is enforced by it.
	Hint bool `toml:"hint"`
}

// Confidence is how sure the facts of an entry are.
type Confidence string

// The confidences.
const (
	High   Confidence = "high"   // read in the documentation or source of the product or service
	Medium Confidence = "medium" // read in a secondary source
	Low    Confidence = "low"    // from memory alone; never necessary
)
