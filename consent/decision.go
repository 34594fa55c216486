package consent

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
)

// maxDecisions bounds the decisions that a policy keeps.
const maxDecisions = 1024

// Decision is the answer to "may this pass?" for one state of consent. It is
// safe for concurrent use and never changes, so that everything that follows
// from a state can be kept with it.
type Decision struct {
	policy     *Policy
	pref       *Preference
	categories [MaxCategories]State
	services   []State // as in the configuration
	inline     []inlineText
	asked      bool
	states     string // all of them, for scripts
	summary    string
	allGranted bool
	variant    string
}

// Decide returns the decision for what a visitor chose, nil for a visitor who
// was not asked yet, under a browser that does or does not send Global Privacy
// Control. The signal refuses the category third_party and its services unless
// the choice was made while it was on; it never grants anything. Equal arguments
// give the same *Decision for as long as it is kept, which is until many others
// were asked for.
func (p *Policy) Decide(pref *Preference, gpc bool) *Decision {
	if pref == nil {
		return p.unasked[bit(gpc)]
	}
	var buf [128]byte
	key := p.decisionKey(buf[:0], pref, gpc)
	p.mu.RLock()
	d := p.decisions[string(key)]
	p.mu.RUnlock()
	if d != nil {
		return d
	}
	d = p.decide(pref, gpc)
	p.mu.Lock()
	defer p.mu.Unlock()
	if other := p.decisions[string(key)]; other != nil {
		return other
	}
	if len(p.decisions) >= maxDecisions {
		clear(p.decisions)
	}
	p.decisions[string(key)] = d
	return d
}

// Cookie returns whether a cookie of this name may pass, and the rule for it.
func (d *Decision) Cookie(name string) (State, *Rule) {
	rule := d.policy.CookieRule(name)
	return d.state(rule), rule
}

// state returns whether what a rule is for may pass.
func (d *Decision) state(rule *Rule) State {
	if len(rule.services) == 0 {
		return d.categories[rule.category]
	}
	state := Granted
	for _, s := range rule.services {
		state = min(state, d.services[s])
	}
	return state
}

// Category returns the state of a category; one that does not exist is withheld.
func (d *Decision) Category(name string) State {
	i, ok := d.policy.categoryIndex[name]
	if !ok {
		return NotAsked
	}
	return d.categories[i]
}

// Service returns the state of a service; one that does not exist is withheld.
func (d *Decision) Service(id string) State {
	i, ok := d.policy.serviceIndex[id]
	if !ok {
		return NotAsked
	}
	return d.services[i]
}

// Asked reports whether the visitor has made a choice that still holds about every
// category that needs consent. Who only agreed to a piece of a page has not.
func (d *Decision) Asked() bool { return d.asked }

// Preference returns the choice behind the decision, nil if there is none.
func (d *Decision) Preference() *Preference { return d.pref }

// Summary returns the decision in a word: "not_asked"; "accepted" where
// everything is granted; "refused" where nothing is but the necessary; "custom".
func (d *Decision) Summary() string { return d.summary }

// AllGranted reports whether nothing is withheld.
func (d *Decision) AllGranted() bool { return d.allGranted }

// Variant identifies the state in 8 hexadecimal characters: it differs whenever
// anything differs that shapes a page, be it in the configuration, the states,
// whether the visitor was asked or whether Global Privacy Control is on.
func (d *Decision) Variant() string { return d.variant }

func (p *Policy) decide(pref *Preference, gpc bool) *Decision {
	d := &Decision{policy: p, services: make([]State, len(p.cfg.Services))}
	if pref != nil {
		d.pref = pref.clone()
		d.asked = pref.Method != Placeholder || !slices.ContainsFunc(p.categories, func(c *Category) bool {
			_, ok := pref.Categories[c.Name]
			return !ok && p.NeedsConsent(c.Name)
		})
	}
	signalled := gpc && (pref == nil || !pref.GPC)
	for i, c := range p.categories {
		d.categories[i] = p.categoryState(c, pref, signalled)
	}
	for i := range p.cfg.Services {
		d.services[i] = d.serviceState(i, signalled)
	}
	d.inline = d.withheldInline()
	d.states = d.joinStates()
	d.summary = d.summarize()
	d.allGranted = d.grantsAll()
	d.variant = d.computeVariant(gpc)
	return d
}

func (p *Policy) categoryState(c *Category, pref *Preference, signalled bool) State {
	switch {
	case c.Name == Necessary:
		return Granted
	case c.Name == ThirdParty && signalled:
		return Refused
	}
	if pref != nil {
		if state, ok := pref.Categories[c.Name]; ok {
			return state
		}
	}
	if c.Exempt != "" {
		return Granted
	}
	return NotAsked
}

// serviceState works out the state of a service from that of its category.
func (d *Decision) serviceState(i int, signalled bool) State {
	service, category := &d.policy.cfg.Services[i], d.policy.serviceOf[i]
	if service.Category == Necessary || service.Category == ThirdParty && signalled {
		return d.categories[category]
	}
	if d.pref != nil {
		if state, ok := d.pref.Services[service.ID]; ok {
			return state
		}
	}
	if d.categories[category] == NotAsked && service.Exempt != "" {
		return Granted
	}
	return d.categories[category]
}

func (d *Decision) grantsAll() bool {
	for i := range d.policy.categories {
		if d.categories[i] != Granted {
			return false
		}
	}
	return !slices.ContainsFunc(d.services, func(s State) bool { return s != Granted })
}

func (d *Decision) summarize() string {
	if d.pref == nil {
		return "not_asked"
	}
	all, none := true, true
	count := func(state State) {
		all = all && state == Granted
		none = none && state != Granted
	}
	for i := range d.policy.categories[1:] {
		count(d.categories[i+1])
	}
	for i, state := range d.services {
		if d.policy.cfg.Services[i].Category != Necessary {
			count(state)
		}
	}
	switch {
	case all:
		return "accepted"
	case none:
		return "refused"
	}
	return "custom"
}

func (d *Decision) computeVariant(gpc bool) string {
	b := slices.Clone(d.policy.digest[:])
	b = append(b, byte(bit(d.Asked())), byte(bit(gpc)))
	for _, state := range d.categories {
		b = append(b, byte(state))
	}
	for _, state := range d.services {
		b = append(b, byte(state))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:4])
}

// decisionKey appends what tells one decision from another: everything in a
// preference that this policy knows of.
func (p *Policy) decisionKey(key []byte, pref *Preference, gpc bool) []byte {
	key = append(key, byte(bit(gpc)), byte(bit(pref.GPC)))
	key = binary.AppendVarint(key, int64(pref.Day))
	key = append(key, byte(len(pref.Method)))
	key = append(key, pref.Method...)
	for _, c := range p.categories {
		state, ok := pref.Categories[c.Name]
		if !ok {
			state = 0xff
		}
		key = append(key, byte(state))
	}
	var buf [MaxExceptions]uint64
	exceptions := buf[:0]
	for id, state := range pref.Services {
		if i, ok := p.serviceIndex[id]; ok {
			exceptions = append(exceptions, uint64(i)<<8|uint64(state))
		}
	}
	slices.Sort(exceptions)
	for _, e := range exceptions {
		key = binary.AppendUvarint(key, e)
	}
	return key
}

func (p *Preference) clone() *Preference {
	clone := *p
	clone.Categories = maps.Clone(p.Categories)
	clone.Services = maps.Clone(p.Services)
	return &clone
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
