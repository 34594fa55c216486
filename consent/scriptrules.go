package consent

import (
	"encoding/json"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ScriptRules are the rules of a policy as data, for a script that judges names in
// the browser as [Policy.CookieRule] and [Decision.Cookie] do here. Categories and
// services are numbers: their positions in what [Decision.States] returns.
type ScriptRules struct {
	// Own is the name of the preference cookie.
	Own string `json:"own"`

	// Categories says how many numbers are those of categories, the mildest first.
	Categories int `json:"categories"`

	// Of holds the category of each service.
	Of []int `json:"of"`

	// Names holds the names of categories and the ids of services.
	Names []string `json:"names"`

	// Asks holds, for each number, "1" for what needs consent and "0" for what is
	// necessary or exempt. A service asks unless it is exempt itself.
	Asks string `json:"asks"`

	// Exempt caps the lifetime of what is exempt, in seconds.
	Exempt int `json:"exempt"`

	// Unknown is the category of cookies that nobody knows.
	Unknown int `json:"unknown"`

	// Cookies are the declared patterns of names, and Storage those of the keys of
	// services.
	Cookies []ScriptPattern `json:"cookies"`
	Storage []ScriptPattern `json:"storage,omitempty"`

	// Known are digests of the names that are known without a declaration, by category: in the order of necessary, statistics, first_party
	// and third_party, whose numbers are Built. Shapes is a regular expression for those
	// with parts that differ, with a group for each number of ShapesIn, which is the
	// position of a category in that order. What is not exactly a known name may be
	// one behind a prefix: "__Host-", "__Secure-", "__Http-" or "__Host-Http-".
	Known    []string `json:"known"`
	Shapes   string   `json:"shapes"`
	ShapesIn []int    `json:"shapesIn"`
	Built    []int    `json:"built"`

	// Hosts are those of services and, with the number of necessary, those of
	// first_party; "*.x" is every host below x.
	Hosts []ScriptPattern `json:"hosts,omitempty"`

	// Paths are the services that paths of the site belong to, of which a script
	// does not learn that they were withheld.
	Paths []int `json:"paths,omitempty"`
}

// Closed returns the states of a visitor who agreed to nothing, as [Decision.States].
func (r *ScriptRules) Closed() string {
	digits := []byte(strings.Repeat("1", len(r.Asks)))
	for unit := range digits {
		if unit == 0 || unit >= r.Categories && r.Of[unit-r.Categories] == 0 {
			digits[unit] = '2'
		}
	}
	return string(digits)
}

// A ScriptPattern is a pattern, in which "*" stands for any run of characters, with
// the numbers of what lists it: categories, for cookie blocks, and services.
type ScriptPattern struct {
	Text     string
	In       []int
	Lifetime Lifetime // the shortest that was declared for it
}

// MarshalJSON implements [json.Marshaler]: a list of the text, the numbers and the
// lifetime in seconds, which is 0 for a session and missing where none was declared.
func (s ScriptPattern) MarshalJSON() ([]byte, error) {
	list := []any{s.Text, s.In}
	if !s.Lifetime.IsZero() {
		list = append(list, int(s.Lifetime.Duration/time.Second))
	}
	return json.Marshal(list)
}

// ScriptRules returns the rules as data.
func (p *Policy) ScriptRules() *ScriptRules {
	r := &ScriptRules{
		Own:        p.cfg.CookieName,
		Categories: len(p.categories),
		Of:         append([]int{}, p.serviceOf...),
		Exempt:     int(exemptLifetime / time.Second),
		Unknown:    p.unknown.category,
		Cookies:    []ScriptPattern{},
	}
	var asks strings.Builder
	for _, c := range p.categories {
		asks.WriteString(strconv.Itoa(bit(p.NeedsConsent(c.Name))))
		r.Names = append(r.Names, c.Name)
	}
	for i := range p.cfg.Services {
		asks.WriteString(strconv.Itoa(bit(p.cfg.Services[i].Exempt == "")))
		r.Names = append(r.Names, p.cfg.Services[i].ID)
		if len(p.cfg.Services[i].Paths) > 0 {
			r.Paths = append(r.Paths, len(p.categories)+i)
		}
	}
	r.Asks = asks.String()

	for _, c := range p.declared {
		pattern := ScriptPattern{Text: c.text}
		for _, d := range c.decls {
			if d.service >= 0 {
				pattern.In = append(pattern.In, len(p.categories)+d.service)
			} else {
				pattern.In = append(pattern.In, d.category)
			}
			pattern.Lifetime = shorter(pattern.Lifetime, d.lifetime)
		}
		r.Cookies = append(r.Cookies, pattern)
	}
	r.Storage = p.scriptPatterns(func(s *Service) []string { return s.Storage })
	r.Hosts = p.scriptPatterns(func(s *Service) []string { return s.Hosts })
	for _, host := range p.cfg.FirstParty {
		r.Hosts = append(r.Hosts, ScriptPattern{Text: host, In: []int{0}})
	}
	p.scriptKnown(r)
	return r
}

// scriptKnown fills in what is known without a declaration.
func (p *Policy) scriptKnown(r *ScriptRules) {
	for _, rule := range p.known {
		r.Built = append(r.Built, rule.category)
	}
	known := p.cfg.Known
	var names [len(builtIn)][]string
	differs := func(k *knownName) bool { return k != nil && p.known[k.category] != p.unknown }
	for name, exact := range known.exact.names {
		// A name that is as strict as an unknown one need not be told, unless a shape or
		// the name without its prefix would say otherwise.
		bare := withoutPrefix(name)
		if shape, _ := known.findShape(bare); differs(exact) || differs(shape) || differs(known.exact.find(bare)) {
			names[exact.category] = append(names[exact.category], name)
		}
	}
	for _, list := range names {
		r.Known = append(r.Known, scriptDigests(list))
	}
	var groups [][]*knownName
	for i, s := range known.shapes {
		if !differs(s) && !slices.ContainsFunc(known.shapes[i+1:], func(o *knownName) bool {
			return differs(o) && strings.HasPrefix(s.prefix(), o.prefix())
		}) {
			continue // nor need a shape that says nothing else than the next ones
		}
		if at := scriptGroup(groups, s); at >= 0 {
			groups[at] = append(groups[at], s)
			continue
		}
		groups = append(groups, []*knownName{s})
		r.ShapesIn = append(r.ShapesIn, int(s.category))
	}
	alternatives := make([]string, len(groups))
	for i, group := range groups {
		expressions := make([]string, len(group))
		for j, s := range group {
			expressions[j] = s.expression()
		}
		slices.Sort(expressions) // neighbours that are alike compress best
		alternatives[i] = strings.Join(slices.Compact(expressions), "|")
	}
	r.Shapes = "^(?:(" + strings.Join(alternatives, ")|(") + "))$"
	if len(groups) == 0 {
		r.Shapes = `[^\s\S]` // which nothing matches
	}
}

// scriptGroup returns which group of shapes one that comes after all of them may join:
// the last of its category, unless a group behind that has a shape for the same names,
// which is the more specific one. Otherwise it is negative.
func scriptGroup(groups [][]*knownName, s *knownName) int {
	for i, group := range slices.Backward(groups) {
		if group[0].category == s.category {
			return i
		}
		if slices.ContainsFunc(group, func(o *knownName) bool {
			return strings.HasPrefix(s.prefix(), o.prefix()) || strings.HasPrefix(o.prefix(), s.prefix())
		}) {
			break
		}
	}
	return -1
}

// scriptDigests returns characters for names: the digests of all, in ascending order,
// each as the difference to the one before in base 26, the letters from a to z, of which
// the last is a capital. A digest is 26 bits of the FNV-1a hash. There are so many names
// that the script would be twice as long with them. One other name in fifty thousand has
// the digest of one of them: a script may write such a cookie, which is kept from the
// application and deleted all the same.
func scriptDigests(names []string) string {
	digests := make([]uint32, len(names))
	for i, name := range names {
		h := fnv.New32a()
		h.Write([]byte(name))
		digests[i] = h.Sum32() >> 6
	}
	slices.Sort(digests)
	var text []byte
	last := uint32(0)
	for _, digest := range digests {
		from := len(text)
		text = append(text, 'A'+byte((digest-last)%26))
		for rest := (digest - last) / 26; rest > 0; rest /= 26 {
			text = append(text, 'a'+byte(rest%26))
		}
		slices.Reverse(text[from:])
		last = digest
	}
	return string(text)
}

// scriptPatterns gathers something that services have, such as storage keys, by pattern.
func (p *Policy) scriptPatterns(of func(*Service) []string) []ScriptPattern {
	var patterns []ScriptPattern
	at := map[string]int{}
	for i := range p.cfg.Services {
		for _, text := range of(&p.cfg.Services[i]) {
			j, ok := at[text]
			if !ok {
				j = len(patterns)
				at[text] = j
				patterns = append(patterns, ScriptPattern{Text: text})
			}
			patterns[j].In = append(patterns[j].In, len(p.categories)+i)
		}
	}
	return patterns
}

// States returns the states of all categories, in the order of [Policy.Categories],
// and then of all services, in that of the configuration, as one digit each: 0 for
// what is refused, 1 for what was not asked, 2 for what is granted.
func (d *Decision) States() string { return d.states }

func (d *Decision) joinStates() string {
	digits := make([]byte, 0, len(d.policy.categories)+len(d.services))
	for i := range d.policy.categories {
		digits = append(digits, '0'+byte(d.categories[i]))
	}
	for _, state := range d.services {
		digits = append(digits, '0'+byte(state))
	}
	return string(digits)
}

// CapsLifetimes reports whether some cookie that is granted may have to live shorter
// than whoever sets it says.
func (p *Policy) CapsLifetimes() bool {
	capped := func(c *Category) bool { return c.Exempt != "" }
	exempt := func(s Service) bool { return s.Exempt != "" }
	limited := func(c Cookie) bool { return !c.Lifetime.IsZero() }
	return slices.ContainsFunc(p.categories, capped) || slices.ContainsFunc(p.cfg.Services, exempt) ||
		slices.ContainsFunc(p.cfg.Cookies, limited)
}
