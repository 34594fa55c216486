package audit

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/banner"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
)

// classifier says what cookies and hosts are for, and whether they may be there.
type classifier struct {
	catalog  *catalog.Catalog
	policy   *consent.Policy // what the site declares, and what the catalog knows
	declared *consent.Policy // the first alone
	bare     *consent.Policy // nothing declared: every other site's host needs consent
	rounds   map[RoundName]*consent.Decision
}

// newClassifier returns a classifier for a site that declares something, or nil. What
// keeps the choice of another tool is necessary.
func newClassifier(opts *Options, d *banner.Declaration) (*classifier, error) {
	c := &classifier{catalog: opts.Catalog, rounds: map[RoundName]*consent.Decision{}}
	cfg := consent.Config{FirstParty: opts.FirstParty}
	var err error
	if c.bare, err = consent.New(cfg); err != nil {
		return nil, err
	}
	if d != nil {
		addDeclaration(&cfg, d)
	} else if names := opts.choiceNames(); len(names) > 0 {
		cfg.Cookies = []consent.Cookie{{Patterns: names, Category: consent.Necessary, Provider: "-", Purpose: consent.Text{"": "-"}}}
	}
	if c.declared, err = consent.New(cfg); err != nil {
		return nil, fmt.Errorf("its declaration: %w", err)
	}
	cfg.Known = opts.Catalog.Known()
	if c.policy, err = consent.New(cfg); err != nil {
		return nil, fmt.Errorf("its declaration: %w", err)
	}
	c.rounds[NoChoice] = c.policy.Decide(nil, false)
	for name, method := range map[RoundName]consent.Method{Rejected: consent.RejectAll, Accepted: consent.AcceptAll, Withdrawn: consent.RejectAll} {
		pref, err := c.policy.Choose(consent.Choice{Method: method}, time.Now(), false)
		if err != nil {
			return nil, err
		}
		c.rounds[name] = c.policy.Decide(pref, false)
	}
	return c, nil
}

// readDeclaration reads the document in which a site that uses cookie_consent says what
// it declares.
func readDeclaration(text string) (*banner.Declaration, error) {
	d := new(banner.Declaration)
	if err := json.Unmarshal([]byte(text), d); err != nil {
		return nil, err
	}
	if d.Fingerprint == "" || len(d.Categories) == 0 {
		return nil, errors.New("it declares no categories")
	}
	return d, nil
}

// addDeclaration declares what a site does.
func addDeclaration(cfg *consent.Config, d *banner.Declaration) {
	builtIn := []string{consent.Necessary, consent.Statistics, consent.FirstParty, consent.ThirdParty}
	for _, category := range d.Categories {
		if category.Exempt != "" || !slices.Contains(builtIn, category.Name) {
			cfg.Categories = append(cfg.Categories, consent.Category{Name: category.Name, Exempt: category.Exempt})
		}
		for _, declared := range category.Cookies {
			cfg.Cookies = append(cfg.Cookies, consent.Cookie{
				Patterns: declared.Names, Category: category.Name, Lifetime: declared.Lifetime,
				Provider: cmp.Or(declared.Provider, "-"), Purpose: consent.Text{"": cmp.Or(declared.Purpose, "-")},
			})
		}
		for _, declared := range category.Services {
			cfg.Services = append(cfg.Services, consent.Service{
				ID: declared.ID, Category: category.Name, Exempt: declared.Exempt,
				Provider: cmp.Or(declared.Provider, "-"), Purpose: consent.Text{"": cmp.Or(declared.Purpose, "-")},
				Cookies: declared.Cookies, Hosts: declared.Hosts, Paths: declared.Paths, Storage: declared.Storage,
			})
		}
	}
}

// cookie classifies a cookie by its name, and returns the lifetime that is declared.
func (c *classifier) cookie(round RoundName, name string) (Class, consent.Lifetime) {
	state, rule := c.rounds[round].Cookie(name)
	class := Class{Category: rule.Category, Allowed: state == consent.Granted}
	if declared := c.declared.CookieRule(name); declared.Declared {
		class.By = "declared"
		return class, declared.Lifetime
	}
	match, _ := c.catalog.Cookie(name)
	class.By = by(match)
	if name := match.Name(); name != "" && !match.IsHint() {
		class.Category = match.Category
	}
	return class, consent.Lifetime{}
}

// host classifies a host of others.
func (c *classifier) host(round RoundName, page *consent.Page, host string) Class {
	state, to := c.rounds[round].URL(page, "https://"+host+"/")
	class := Class{Category: to.Rule.Category, Allowed: state == consent.Granted}
	if to.Party != consent.UnknownParty {
		class.By = "declared"
		return class
	}
	match, known := c.catalog.Host(host)
	if class.By = by(match); known {
		class.Category = match.Category
	}
	return class
}

// script classifies a service whose script stands in a page.
func (c *classifier) script(round RoundName, service *catalog.Service) Class {
	class := Class{Category: service.Category, By: "catalog: " + service.Name}
	category := service.Category
	if declared, ok := c.policy.Service(service.ID); ok {
		class.By, class.Category = "declared", declared.Category
		class.Allowed = c.rounds[round].Service(service.ID) == consent.Granted
		return class
	}
	class.Allowed = c.rounds[round].Category(category) == consent.Granted
	return class
}

// needsConsent reports whether a cookie may not be there unless a visitor agrees.
func (c *classifier) needsConsent(name string) bool {
	state, _ := c.rounds[Rejected].Cookie(name)
	return state != consent.Granted
}

// by says in a word or two who classifies it, as the command inventory does.
func by(match catalog.Match) string {
	switch {
	case match.List != nil:
		return "list " + match.List.File
	case match.Name() == "":
		return "unknown"
	case match.IsHint():
		return "perhaps " + match.Name()
	}
	return "catalog: " + match.Name()
}

// scriptsOf returns the services of which a text that a page runs is known.
func scriptsOf(known *catalog.Catalog, text string) []*catalog.Service {
	var found []*catalog.Service
	for _, service := range known.Services() {
		if service.Category != consent.Necessary && slices.ContainsFunc(service.Inline, func(part string) bool { return strings.Contains(text, part) }) {
			found = append(found, service)
		}
	}
	return found
}
