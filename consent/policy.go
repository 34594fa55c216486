package consent

import (
	"fmt"
	"slices"
	"sync"
)

// Policy is a [Config], checked and compiled. It is safe for concurrent use and
// never changes; nor may callers change what its methods return.
type Policy struct {
	cfg         *Config
	fingerprint string
	digest      [32]byte // of everything in cfg
	warnings    []string

	categories    []*Category
	categoryIndex map[string]int
	serviceIndex  map[string]int // into cfg.Services
	serviceOf     []int          // the category of each service, as index

	rules
	places
	sites
	inline []inlineText

	unasked   [2]*Decision // without and with Global Privacy Control
	mu        sync.RWMutex
	decisions map[string]*Decision
}

// New checks and compiles a configuration, whose parts must not be changed
// afterwards. Every error is a [*ConfigError] for the first mistake found.
func New(cfg Config) (*Policy, error) {
	p := &Policy{
		cfg: cfg.withDefaults(),
		categories: []*Category{
			{Name: Necessary}, {Name: Statistics}, {Name: FirstParty}, {Name: ThirdParty},
		},
		categoryIndex: map[string]int{Necessary: 0, Statistics: 1, FirstParty: 2, ThirdParty: 3},
		serviceIndex:  map[string]int{},
		decisions:     map[string]*Decision{},
	}
	if err := p.validate(); err != nil {
		return nil, err
	}
	for i := range p.cfg.Services {
		s := &p.cfg.Services[i]
		p.serviceIndex[s.ID] = i
		p.serviceOf = append(p.serviceOf, p.categoryIndex[s.Category])
	}
	if err := p.compileRules(); err != nil {
		return nil, err
	}
	p.compilePlaces()
	p.compileInline()
	p.fingerprint = p.computeFingerprint()
	p.digest = p.computeDigest()
	p.warnings = p.computeWarnings()
	p.unasked = [2]*Decision{p.decide(nil, false), p.decide(nil, true)}
	return p, nil
}

// Config returns the configuration with the defaults filled in and hosts in
// their ASCII form.
func (p *Policy) Config() *Config { return p.cfg }

// Warnings returns what an operator should hear when the configuration is
// loaded although it can be enforced as it is.
func (p *Policy) Warnings() []string { return p.warnings }

// Fingerprint identifies what visitors are asked to consent to: 12 characters of
// the base64url alphabet. When it changes, they are asked again. It depends on
// the configuration alone: on the categories and services that need consent and
// the cookies declared in such categories, with their ids, providers, patterns
// and purposes, as these are declared; on the categories of undeclared cookies and
// hosts; on Revision. A purpose that is a word of the catalog counts as that word,
// whatever sentence visitors read for it.
// It depends neither on the order of declarations nor on titles, descriptions,
// functions, lifetimes, or anything that is necessary or exempt.
func (p *Policy) Fingerprint() string { return p.fingerprint }

// Categories returns the built-in categories, as the operator changed them, and
// the added ones, from the mildest to the strictest: necessary, statistics,
// first_party, the added ones in their order, third_party.
func (p *Policy) Categories() []*Category { return p.categories }

// NeedsConsent reports whether the things of a category wait for consent. Those
// of necessary and of exempt categories do not; exempt ones can be refused.
func (p *Policy) NeedsConsent(category string) bool {
	i, ok := p.categoryIndex[category]
	return !ok || category != Necessary && p.categories[i].Exempt == ""
}

// AsksConsent reports whether anything that is declared waits for consent.
func (p *Policy) AsksConsent() bool {
	return slices.ContainsFunc(p.cfg.Cookies, func(c Cookie) bool { return p.NeedsConsent(c.Category) }) ||
		slices.ContainsFunc(p.cfg.Services, func(s Service) bool { return s.Exempt == "" && p.NeedsConsent(s.Category) })
}

// Asks reports whether what a rule is for waits for consent: it need not where the
// services that it belongs to are exempt.
func (p *Policy) Asks(r *Rule) bool {
	return p.NeedsConsent(r.Category) &&
		(len(r.services) == 0 || slices.ContainsFunc(r.services, func(i int) bool { return p.cfg.Services[i].Exempt == "" }))
}

// HasExempt reports whether anything is active until visitors switch it off.
func (p *Policy) HasExempt() bool {
	return slices.ContainsFunc(p.categories, func(c *Category) bool { return c.Exempt != "" }) ||
		slices.ContainsFunc(p.cfg.Services, func(s Service) bool { return s.Exempt != "" })
}

// Cookies returns the cookies declared in a category. Among the necessary ones
// is always the preference cookie: where the operator did not declare it, as an
// entry that has only a name and a category, and no provider.
func (p *Policy) Cookies(category string) []*Cookie {
	var cookies []*Cookie
	ownDeclared := category != Necessary
	for i := range p.cfg.Cookies {
		c := &p.cfg.Cookies[i]
		if c.Category == category {
			cookies = append(cookies, c)
			ownDeclared = ownDeclared || slices.Contains(c.Patterns, p.cfg.CookieName)
		}
	}
	if !ownDeclared {
		cookies = append(cookies, &Cookie{Patterns: []string{p.cfg.CookieName}, Category: Necessary})
	}
	return cookies
}

// Services returns the services of a category.
func (p *Policy) Services(category string) []*Service {
	var services []*Service
	for i := range p.cfg.Services {
		if s := &p.cfg.Services[i]; s.Category == category {
			services = append(services, s)
		}
	}
	return services
}

// Service returns the service with an id.
func (p *Policy) Service(id string) (*Service, bool) {
	i, ok := p.serviceIndex[id]
	if !ok {
		return nil, false
	}
	return &p.cfg.Services[i], true
}

// computeWarnings collects what is enforceable but hardly meant.
func (p *Policy) computeWarnings() []string {
	var warnings []string
	for i := range p.cfg.Categories {
		if c := &p.cfg.Categories[i]; !slices.Contains(builtIn[:], c.Name) && (len(c.Title) == 0 || len(c.Description) == 0) {
			warnings = append(warnings, fmt.Sprintf("category %q has no title or no description: visitors cannot tell what they agree to", c.Name))
		}
	}
	for i := range p.cfg.Cookies {
		c := &p.cfg.Cookies[i]
		if c.Lifetime.IsZero() && !slices.Contains(c.Patterns, p.cfg.CookieName) {
			warnings = append(warnings, fmt.Sprintf("cookie %q is declared without a lifetime: visitors have to be told it, and no cap can be enforced", c.Patterns[0]))
		}
	}
	for i := range p.cfg.Services {
		s := &p.cfg.Services[i]
		if len(s.Cookies)+len(s.Hosts)+len(s.Paths)+len(s.Storage)+len(s.Inline) == 0 {
			warnings = append(warnings, fmt.Sprintf("service %q lists no cookies, hosts, paths, storage keys or inline scripts: visitors are asked about nothing", s.ID))
		}
	}
	warnings = append(warnings, p.ruleWarnings()...)
	return append(warnings, p.placeWarnings()...)
}
