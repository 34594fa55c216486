package consent

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// exemptLifetime caps cookies that are exempt from consent: 13 months.
const exemptLifetime = 395 * 24 * time.Hour

// maxCombinations bounds the rules kept for what several patterns match. Names,
// hosts and paths come from anywhere, so that their combinations have to be bounded.
const maxCombinations = 1024

// Rule is what holds for a cookie name, a host or a path.
type Rule struct {
	// Category is the name of the category: the strictest of all that
	// declare it.
	Category string

	// Services are the ids of the services of that category that it belongs
	// to, in alphabetical order. It may pass only where every one of them may.
	Services []string

	// Lifetime is the cap: the shortest that was declared for the name, and
	// 395 days for cookies that are exempt from consent. It is zero where
	// there is none.
	Lifetime Lifetime

	// Declared is false for what the operator should declare: what needs consent
	// and is not declared.
	Declared bool

	category int
	services []int
}

// CookieRule returns the rule for a cookie name, compared byte by byte. What the
// operator declared comes first, then the preference cookie, then what is known
// without a declaration; everything else belongs to the category of unknown cookies.
//
// So does what is known of a category that the operator exempted: the justification
// is about what the operator declared.
func (p *Policy) CookieRule(name string) *Rule {
	if rule := p.exact.find(name); rule != nil {
		return rule
	}
	if known := p.cfg.Known.exact.find(name); known != nil {
		return p.known[known.category]
	}
	if rule := p.matchPatterns(name); rule != nil {
		return rule
	}
	if known, _ := p.cfg.Known.find(name); known != nil {
		return p.known[known.category]
	}
	return p.unknown
}

// rules is the compiled form of all cookie declarations.
type rules struct {
	// exact holds the final rule of every declared name, with what matching patterns
	// say worked in, and of every known name that a pattern matches.
	exact nameTable[Rule]

	// declared is what the operator declared, by pattern.
	declared []cookiePattern

	// patterns are those with stars; byFirst holds them by their first byte,
	// starred those that begin with a star.
	patterns []cookiePattern
	byFirst  [256][]indexedPattern
	starred  []indexedPattern

	necessary *Rule               // of what needs no declaration
	known     [len(builtIn)]*Rule // of undeclared cookies that are known, by category
	unknown   *Rule

	combined combinations // by the indexes of the patterns
}

// A cookiePattern is one pattern with all declarations that list it.
type cookiePattern struct {
	pattern
	text  string
	decls []declaration
	rule  *Rule
}

// An indexedPattern holds what matching needs, close together in memory.
type indexedPattern struct {
	pattern
	index uint32 // into patterns
}

// A declaration is one entry of a cookie block or a service's list.
type declaration struct {
	field    string // its path in the configuration
	category int
	service  int // -1 in a cookie block
	lifetime Lifetime
}

func (p *Policy) compileRules() error {
	p.necessary = &Rule{Category: Necessary, Declared: true}
	p.unknown = &Rule{Category: p.cfg.UnknownCookies, category: p.categoryIndex[p.cfg.UnknownCookies]}
	for i, category := range builtIn {
		switch {
		case category == Necessary:
			p.known[i] = p.necessary
		case category == p.cfg.UnknownCookies || !p.NeedsConsent(category):
			p.known[i] = p.unknown
		default:
			p.known[i] = &Rule{Category: category, category: p.categoryIndex[category]}
		}
	}

	declared, err := p.declarations()
	if err != nil {
		return err
	}
	p.declared = declared
	for _, c := range declared {
		if c.exact {
			continue
		}
		indexed := indexedPattern{c.pattern, uint32(len(p.patterns))}
		c.rule = p.newRule(c.decls)
		p.patterns = append(p.patterns, c)
		if c.prefix == "" {
			p.starred = append(p.starred, indexed)
		} else {
			p.byFirst[c.prefix[0]] = append(p.byFirst[c.prefix[0]], indexed)
		}
	}

	exact := make(map[string]*Rule, len(declared)+1)
	if len(p.patterns) > 0 {
		for name := range p.cfg.Known.exact.names {
			if rule := p.matchPatterns(name); rule != nil {
				exact[name] = rule
			}
		}
	}
	for _, c := range declared {
		if !c.exact {
			continue
		}
		decls := slices.Clone(c.decls)
		for _, i := range p.matching(nil, c.text) {
			decls = append(decls, p.patterns[i].decls...)
		}
		exact[c.text] = p.newRule(decls)
	}
	exact[p.cfg.CookieName] = p.necessary // whatever a pattern with stars says
	p.exact = newNameTable(exact)
	return nil
}

// declarations gathers the declarations of cookie blocks and services by
// pattern, in the order of the configuration, and refuses contradictions.
func (p *Policy) declarations() ([]cookiePattern, error) {
	var all []cookiePattern
	at := map[string]int{}
	add := func(text string, d declaration) error {
		// Adjacent stars are one.
		for strings.Contains(text, "**") {
			text = strings.ReplaceAll(text, "**", "*")
		}
		category := p.categories[d.category].Name
		if text == p.cfg.CookieName && category != Necessary {
			return &ConfigError{Field: d.field, Value: text, Problem: "is the preference cookie itself, which is always necessary, not " + category}
		}
		i, ok := at[text]
		if !ok {
			at[text] = len(all)
			all = append(all, cookiePattern{pattern: compilePattern(text), text: text, decls: []declaration{d}})
			return nil
		}
		for _, other := range all[i].decls {
			if other.category != d.category {
				return &ConfigError{Field: d.field, Value: text, Problem: fmt.Sprintf("is contradictory: it belongs to %s here and to %s in %s", category, p.categories[other.category].Name, other.field)}
			}
			if other.service == d.service {
				return &ConfigError{Field: d.field, Value: text, Problem: "is a duplicate of " + other.field}
			}
		}
		all[i].decls = append(all[i].decls, d)
		return nil
	}
	for i := range p.cfg.Cookies {
		c := &p.cfg.Cookies[i]
		for j, text := range c.Patterns {
			d := declaration{
				field:    fmt.Sprintf("cookies[%d].patterns[%d]", i, j),
				category: p.categoryIndex[c.Category],
				service:  -1,
				lifetime: c.Lifetime,
			}
			if err := add(text, d); err != nil {
				return nil, err
			}
		}
	}
	for i := range p.cfg.Services {
		for j, text := range p.cfg.Services[i].Cookies {
			d := declaration{
				field:    fmt.Sprintf("services[%d].cookies[%d]", i, j),
				category: p.serviceOf[i],
				service:  i,
			}
			if err := add(text, d); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// matchPatterns returns the rule of the patterns with stars that match, or nil.
func (p *Policy) matchPatterns(name string) *Rule {
	var buf [16]uint32
	matched := p.matching(buf[:0], name)
	switch len(matched) {
	case 0:
		return nil
	case 1:
		return p.patterns[matched[0]].rule
	}
	return p.combination(matched)
}

// matching appends the indexes of the patterns with stars that match a name.
func (p *Policy) matching(to []uint32, name string) []uint32 {
	if name != "" {
		bucket := p.byFirst[name[0]]
		for i := range bucket {
			// Most patterns end here, without a call.
			if strings.HasPrefix(name, bucket[i].prefix) && bucket[i].match(name) {
				to = append(to, bucket[i].index)
			}
		}
	}
	for i := range p.starred {
		if p.starred[i].match(name) {
			to = append(to, p.starred[i].index)
		}
	}
	return to
}

// combination returns the rule of several patterns together.
func (p *Policy) combination(matched []uint32) *Rule {
	var buf [64]byte
	key := buf[:0]
	for _, i := range matched {
		key = binary.BigEndian.AppendUint32(key, i)
	}
	if rule := p.combined.get(key); rule != nil {
		return rule
	}
	var decls []declaration
	for _, i := range matched {
		decls = append(decls, p.patterns[i].decls...)
	}
	rule := p.newRule(decls)
	p.combined.put(key, rule)
	return rule
}

// combinations keeps rules that were worked out of several ones.
type combinations struct {
	mu    sync.RWMutex
	rules map[string]*Rule
}

func (c *combinations) get(key []byte) *Rule {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.rules[string(key)]
}

func (c *combinations) put(key []byte, rule *Rule) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rules == nil {
		c.rules = map[string]*Rule{}
	}
	if len(c.rules) < maxCombinations {
		c.rules[string(key)] = rule
	}
}

// newRule works out what several declarations of one name say together. The
// strictest category wins: first what needs consent, then by the order of the
// categories. Within the winning category the services decide, if there are any;
// a cookie block there only describes.
func (p *Policy) newRule(decls []declaration) *Rule {
	winner, winnerNeeds := -1, false
	for category := range p.categories {
		declared, needs := p.declaresIn(decls, category)
		if declared && (needs || !winnerNeeds) {
			winner, winnerNeeds = category, needs
		}
	}
	rule := &Rule{Category: p.categories[winner].Name, Declared: true, category: winner}
	for _, d := range decls {
		rule.Lifetime = shorter(rule.Lifetime, d.lifetime)
		if d.category == winner && d.service >= 0 {
			rule.services = append(rule.services, d.service)
		}
	}
	slices.SortFunc(rule.services, func(a, b int) int {
		return strings.Compare(p.cfg.Services[a].ID, p.cfg.Services[b].ID)
	})
	rule.services = slices.Compact(rule.services)
	for _, s := range rule.services {
		rule.Services = append(rule.Services, p.cfg.Services[s].ID)
	}
	if !winnerNeeds && rule.Category != Necessary {
		rule.Lifetime = shorter(rule.Lifetime, Lifetime{Duration: exemptLifetime})
	}
	return rule
}

// declaresIn reports whether any of the declarations is one of a category, and
// whether the cookie needs consent there.
func (p *Policy) declaresIn(decls []declaration, category int) (declared, needs bool) {
	services, asking := 0, 0
	for _, d := range decls {
		if d.category != category {
			continue
		}
		declared = true
		if d.service >= 0 {
			services++
			if p.cfg.Services[d.service].Exempt == "" {
				asking++
			}
		}
	}
	needs = p.NeedsConsent(p.categories[category].Name) && (services == 0 || asking > 0)
	return declared, needs
}

// shorter returns the shorter of two lifetimes; a session is the shortest, and
// one that was not declared is none.
func shorter(a, b Lifetime) Lifetime {
	switch {
	case a.IsZero():
		return b
	case b.IsZero(), a.Session:
		return a
	case b.Session, b.Duration < a.Duration:
		return b
	}
	return a
}

// ruleWarnings reports patterns that take away what is necessary.
func (p *Policy) ruleWarnings() []string {
	var warnings []string
	for i := range p.cfg.Cookies {
		c := &p.cfg.Cookies[i]
		if c.Category != Necessary {
			continue
		}
		for _, name := range c.Patterns {
			if rule := p.exact.find(name); rule != nil && rule.Category != Necessary {
				warnings = append(warnings, fmt.Sprintf("cookie %q is declared necessary, but a pattern of the stricter category %s matches it as well and wins", name, rule.Category))
			}
		}
	}
	for i := range p.patterns {
		c := &p.patterns[i]
		if c.rule.Category == Necessary {
			continue
		}
		var taken []string
		for text, example := range p.cfg.Known.necessaryExamples {
			if c.match(example) {
				taken = append(taken, text)
			}
		}
		if len(taken) > 0 {
			slices.Sort(taken)
			warnings = append(warnings, fmt.Sprintf("pattern %q of category %s also takes cookies that are known as necessary, such as %q: log-ins may break", c.text, c.rule.Category, taken[0]))
		}
	}
	return warnings
}
