package consent

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/cookieconsent/caddy-cookie-consent/consent/weburl"
)

// places is the compiled form of all hosts and paths.
type places struct {
	hosts map[string]*place // by name
	below map[string]*place // of the hosts below a name
	paths []pathPattern

	// bySegment holds the paths by their first segment; loosePaths are those whose
	// first segment has a star.
	bySegment  map[string][]uint32
	loosePaths []uint32

	unknownHost *Rule

	combinedPlaces combinations // by the index of a host and those of paths
}

// A place is a host, or all hosts below a name, with what wider patterns say of it
// worked in.
type place struct {
	index     uint32
	sameOwner bool // listed by first_party
	decls     []declaration
	rule      *Rule // of services, nil if none lists it
}

// ruleAlone returns the rule of the host without regard to a path.
func (p *place) ruleAlone() *Rule {
	if p == nil {
		return nil
	}
	return p.rule
}

// A pathPattern is a path pattern of a service, percent-encoding decoded.
type pathPattern struct {
	pattern
	decls []declaration
}

func (p *Policy) compilePlaces() {
	p.unknownHost = &Rule{Category: p.cfg.UnknownHosts, category: p.categoryIndex[p.cfg.UnknownHosts]}
	p.hosts, p.below, p.bySegment = map[string]*place{}, map[string]*place{}, map[string][]uint32{}
	find := func(pattern string) *place {
		in, name := p.hosts, pattern
		if rest, ok := strings.CutPrefix(pattern, "*."); ok {
			in, name = p.below, rest
		}
		if in[name] == nil {
			in[name] = &place{index: uint32(len(p.hosts) + len(p.below))}
		}
		return in[name]
	}
	for _, pattern := range p.cfg.FirstParty {
		find(pattern).sameOwner = true
	}
	for i := range p.cfg.Services {
		s := &p.cfg.Services[i]
		for _, pattern := range s.Hosts {
			at := find(pattern)
			at.decls = append(at.decls, p.declarationOf(i))
		}
		for _, pattern := range s.Paths {
			p.addPath(compilePath(pattern, p.declarationOf(i)))
		}
	}
	// The narrowest pattern for a host speaks for all. Longer names go first, so
	// that what they take from wider ones is only what is said of these alone.
	names := make([]string, 0, len(p.below))
	for name := range p.below {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	for name, at := range p.hosts {
		p.inherit(at, name)
	}
	for _, name := range names {
		p.inherit(p.below[name], name)
	}
}

func (p *Policy) declarationOf(service int) declaration {
	return declaration{category: p.serviceOf[service], service: service}
}

// inherit adds to a place what is said of everything below the parents of its name,
// and works out its rule.
func (p *Policy) inherit(at *place, name string) {
	for {
		_, parent, ok := strings.Cut(name, ".")
		if !ok {
			break
		}
		name = parent
		if wider := p.below[name]; wider != nil {
			at.sameOwner = at.sameOwner || wider.sameOwner
			at.decls = append(at.decls, wider.decls...)
		}
	}
	if len(at.decls) > 0 {
		at.rule = p.newRule(at.decls)
	}
}

// findPlace returns what is declared of a host, nil if nothing is.
func (p *Policy) findPlace(host string) *place {
	if at := p.hosts[host]; at != nil {
		return at
	}
	for len(p.below) > 0 {
		dot := strings.IndexByte(host, '.')
		if dot < 0 {
			break
		}
		host = host[dot+1:]
		if at := p.below[host]; at != nil {
			return at
		}
	}
	return nil
}

// placeRule returns the rule of a host, which may be nil, and a decoded path
// together; nil if they are no service's. The path is compared as browsers and as
// lenient servers read it.
func (p *Policy) placeRule(at *place, path []byte) *Rule {
	var indexes [8]uint32
	matched := p.matchingPaths(indexes[:0], path)
	if !weburl.IsMerged(path) {
		var buf [512]byte
		matched = p.matchingPaths(matched, weburl.AppendMerged(buf[:0], path))
	}
	if len(matched) == 0 {
		return at.ruleAlone()
	}
	slices.Sort(matched)
	matched = slices.Compact(matched)

	var buf [64]byte
	key := buf[:0]
	if at != nil && at.rule != nil {
		key = append(key, 1)
		key = binary.BigEndian.AppendUint32(key, at.index)
	}
	for _, i := range matched {
		key = binary.BigEndian.AppendUint32(key, i)
	}
	if rule := p.combinedPlaces.get(key); rule != nil {
		return rule
	}
	var decls []declaration
	if at != nil {
		decls = slices.Clone(at.decls)
	}
	for _, i := range matched {
		decls = append(decls, p.paths[i].decls...)
	}
	rule := p.newRule(decls)
	p.combinedPlaces.put(key, rule)
	return rule
}

func (p *Policy) matchingPaths(to []uint32, path []byte) []uint32 {
	s := unsafe.String(unsafe.SliceData(path), len(path)) // nobody keeps it
	for _, candidates := range [...][]uint32{p.bySegment[firstSegment(s)], p.loosePaths} {
		for _, i := range candidates {
			if p.paths[i].match(s) {
				to = append(to, i)
			}
		}
	}
	return to
}

func firstSegment(path string) string {
	first, _, _ := strings.Cut(path[1:], "/")
	return first
}

func (p *Policy) addPath(pattern pathPattern) {
	i := uint32(len(p.paths))
	p.paths = append(p.paths, pattern)
	if pattern.exact || strings.Contains(pattern.prefix[1:], "/") {
		first := firstSegment(pattern.prefix)
		p.bySegment[first] = append(p.bySegment[first], i)
	} else {
		p.loosePaths = append(p.loosePaths, i)
	}
}

func compilePath(s string, d declaration) pathPattern {
	c := compilePattern(s)
	c.prefix, c.suffix = weburl.Decode(c.prefix), weburl.Decode(c.suffix)
	for i, infix := range c.infixes {
		c.infixes[i] = weburl.Decode(infix)
	}
	return pathPattern{c, []declaration{d}}
}

// placeWarnings reports hosts that are the owner's and a service's at once.
func (p *Policy) placeWarnings() []string {
	var warnings []string
	for i := range p.cfg.Services {
		s := &p.cfg.Services[i]
		for _, pattern := range s.Hosts {
			if slices.Contains(p.cfg.FirstParty, pattern) {
				warnings = append(warnings, fmt.Sprintf("host %q is listed in first_party and by service %q, which wins", pattern, s.ID))
			}
		}
	}
	return warnings
}
