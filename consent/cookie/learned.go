package cookie

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// The table is made of sets, as the cache of a processor is: the name and scope of
// a cookie tell the set, and only what is in it has to make room for it.
const (
	learnedSets = 256
	learnedWays = 16

	// maxLearnedScoped is how many variants of one name and scope are kept.
	maxLearnedScoped = learnedWays / 2

	// maxLearnedText bounds a variant's name, scope and path together, in bytes.
	maxLearnedText = 400

	// recentLines is the number of lines that are recognized at once.
	recentLines = 4096
)

// Learned remembers as which variants cookies are set, so that they can be deleted
// as what they are: names, domains, paths and partitions, never values. It is safe
// for concurrent use, and to look at what is known already takes no lock.
//
// It holds up to 4096 variants, at most 8 for each name on each host or domain, and
// takes at most 2 MiB. Longer ones than 400 bytes are not learned. What was set once
// makes room for what comes; what is set again and again stays, so that names made
// up for each visitor push out each other and nothing else.
//
// Names of cookies may identify a person: what is learned is only there for
// [NewDeletions].
type Learned struct {
	seed maphash.Seed
	sets [learnedSets]learnedSet

	// recent holds fingerprints of lines that teach nothing new, each in a place of
	// its own. They count for one epoch; it ends when what is steady has to give way.
	recent [recentLines]atomic.Uint64
	epoch  atomic.Uint64
}

// NewLearned returns a table that knows nothing.
func NewLearned() *Learned { return &Learned{seed: maphash.MakeSeed()} }

// A Learner learns from one response of a host.
type Learner struct {
	learned *Learned
	host    string
	salt    uint64 // of the host and the epoch
}

// On returns what learns from a response of a host, in lower case and without a port.
func (l *Learned) On(host string) Learner {
	return Learner{learned: l, host: host, salt: mix(l.hash(host), l.epoch.Load())}
}

// Learn takes note of the variant of a cookie that the host sets. The attributes
// are those of [FilterSetCookie]. Nothing is learned from what browsers refuse
// because of its domain.
func (l *Learner) Learn(name, attributes string) {
	t := l.learned
	fingerprint := mix(mix(t.hash(name), t.hash(attributes)), l.salt)
	recent := &t.recent[fingerprint%recentLines]
	if recent.Load() != fingerprint && l.look(name, attributes) {
		recent.Store(fingerprint)
	}
}

// mix combines two hashes.
func mix(a, b uint64) uint64 { return a*0x9E3779B97F4A7C15 ^ b }

// look reports whether the line has nothing more to teach.
func (l *Learner) look(name, attributes string) bool {
	domain, path, partitioned := place(attributes)
	v := learnedVariant{name: name, scope: domain, path: path, hostOnly: domain == "", partitioned: partitioned}
	if v.hostOnly {
		v.scope = l.host
	}
	if len(name)+len(v.scope)+len(path) > maxLearnedText {
		return false
	}
	set := l.learned.set(l.learned.hash(name), l.learned.hash(v.scope))
	if known := set.find(&v); known != nil {
		return known.seen()
	}
	if !v.hostOnly && !slices.Contains(domains(l.host), domain) {
		if domain != l.host {
			return true
		}
		v.hostOnly = true // an address, or a public suffix (RFC 6265bis, section 5.7)
	}
	return set.learn(&v, &l.learned.epoch)
}

// place reads the attributes of a Set-Cookie line that make the variant, as
// [ParseSetCookie] does.
func place(attributes string) (domain, path string, partitioned bool) {
	for attributes != "" {
		var segment string
		segment, attributes = cutAttribute(attributes)
		if segment == "" || segment[0]|0x20 != 'p' && segment[0]|0x20 != 'd' {
			continue // most attributes, and fast
		}
		switch key, value := attribute(segment); {
		case len(value) > maxAttribute || strings.ContainsFunc(value, isControl):
		case equalFold(key, "path"):
			path = value
		case equalFold(key, "domain"):
			domain = strings.ToLower(strings.TrimPrefix(value, "."))
		case equalFold(key, "partitioned"):
			partitioned = true
		}
	}
	if !strings.HasPrefix(path, "/") {
		path = ""
	}
	return domain, path, partitioned
}

// learnedVariant is a variant of one cookie. But for the weight it never changes.
type learnedVariant struct {
	name     string
	scope    string // the host that set it, or the value of Domain
	path     string // empty for the default path
	hostOnly bool

	partitioned bool

	// weight is how often the cookie was set, up to steady.
	weight atomic.Uint32
}

const (
	// steady is the weight of what is set again and again.
	steady = 4

	// agingTurn is how many variants find room among those that were set once
	// until one of the set, if it is heavier, becomes lighter: it may never be
	// set again.
	agingTurn = 16
)

// seen counts that the cookie was set once more and reports whether it is steady.
// A count that gets lost between two that count at once is no harm.
func (v *learnedVariant) seen() bool {
	weight := v.weight.Load()
	if weight < steady {
		weight++
		v.weight.Store(weight)
	}
	return weight >= steady
}

// lighten makes a variant that was set more than once lighter, and reports whether
// it was. What was recognized before does not count any more then, so that it can
// become heavier again.
func (v *learnedVariant) lighten(epoch *atomic.Uint64) bool {
	weight := v.weight.Load()
	if weight <= 1 {
		return false
	}
	v.weight.Store(weight - 1)
	epoch.Add(1)
	return true
}

func (v *learnedVariant) is(other *learnedVariant) bool {
	return v.sharesScope(other) && v.path == other.path && v.partitioned == other.partitioned
}

func (v *learnedVariant) sharesScope(other *learnedVariant) bool {
	return v.name == other.name && v.hostOnly == other.hostOnly && v.scope == other.scope
}

// learnedSet is the variants that make room for each other.
type learnedSet struct {
	ways [learnedWays]atomic.Pointer[learnedVariant]

	mu     sync.Mutex // held by who learns something new
	hand   int        // the way that is next to make room
	placed int        // variants that found room, of which another had to go
}

func (l *Learned) hash(s string) uint64 { return maphash.String(l.seed, s) }

func (l *Learned) set(name, scope uint64) *learnedSet {
	return &l.sets[mix(name, scope)>>32%learnedSets]
}

func (s *learnedSet) find(v *learnedVariant) *learnedVariant {
	for i := range s.ways {
		other := s.ways[i].Load()
		if other == nil {
			break
		}
		if other.is(v) {
			return other
		}
	}
	return nil
}

// learn adds a variant, unless all that could make room for it are heavier: then one
// of them becomes lighter. It reports whether the variant was there and is steady.
func (s *learnedSet) learn(v *learnedVariant, epoch *atomic.Uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.find(v); known != nil {
		return known.seen()
	}
	way, others := s.room(v)
	old := s.ways[way].Load()
	if old != nil {
		s.hand = (way + 1) % learnedWays
		if old.lighten(epoch) {
			return false
		}
		s.placed++
		if turn := s.placed / agingTurn % learnedWays; s.placed%agingTurn == 0 && others&(1<<turn) != 0 {
			s.ways[turn].Load().lighten(epoch)
		}
	}
	// The strings are pieces of a response's header, which would be kept whole.
	text := v.name + v.scope + v.path
	kept := &learnedVariant{hostOnly: v.hostOnly, partitioned: v.partitioned}
	kept.name, text = text[:len(v.name)], text[len(v.name):]
	kept.scope, kept.path = text[:len(v.scope)], text[len(v.scope):]
	kept.weight.Store(1)
	s.ways[way].Store(kept)
	return false
}

// room returns the way that has to make room for a variant: a free one, else the
// one that waits longest of those that were set once, or of all. others has a bit for
// each way that could; variants of one name that are too many make room among
// themselves.
func (s *learnedSet) room(v *learnedVariant) (way int, others uint32) {
	free, sharing, shared := -1, 0, uint32(0)
	for i := range s.ways {
		other := s.ways[i].Load()
		if other == nil {
			free = i
			break
		}
		if other.sharesScope(v) {
			sharing++
			shared |= 1 << i
		}
	}
	switch {
	case sharing >= maxLearnedScoped:
		others = shared
	case free >= 0:
		return free, 0
	default:
		others = 1<<learnedWays - 1
	}
	way = -1
	for i := range s.ways {
		i = (s.hand + i) % learnedWays
		if others&(1<<i) == 0 {
			continue
		}
		if s.ways[i].Load().weight.Load() == 1 {
			return i, others
		}
		if way < 0 {
			way = i
		}
	}
	return way, others
}

// scope is where a cookie may have been set that the browser sends to a host: the
// host alone or a domain.
type scope struct {
	domain string // as in a [Variant]
	name   string
	hash   uint64
}

// scopes returns the scopes of the domains as which cookies of the host may be kept.
func (l *Learned) scopes(host string, domains []string) []scope {
	all := make([]scope, len(domains))
	for i, domain := range domains {
		name := domain
		if domain == "" {
			name = host
		}
		all[i] = scope{domain, name, l.hash(name)}
	}
	return all
}

// variants returns as what a cookie of that name was set, of what the browser sends
// with a request for a path: first what has a path of its own, then what has the
// default path of some request.
func (l *Learned) variants(name string, scopes []scope, candidates *variants) []Variant {
	var found, pathless []Variant
	add := func(v Variant) {
		if len(found) < maxLearnedOfName && possible(name, v) && !slices.Contains(found, v) {
			found = append(found, v)
		}
	}
	hash := l.hash(name)
	for i := range scopes {
		set := l.set(hash, scopes[i].hash)
		for w := range set.ways {
			known := set.ways[w].Load()
			if known == nil {
				break
			}
			if known.name != name || known.scope != scopes[i].name || known.hostOnly != (scopes[i].domain == "") ||
				known.partitioned && candidates.partitions < 2 {
				continue
			}
			v := Variant{Domain: scopes[i].domain, Path: known.path, Partitioned: known.partitioned}
			if v.Path == "" {
				pathless = append(pathless, v)
			} else if slices.Contains(candidates.paths, v.Path) {
				add(v)
			}
		}
	}
	for _, v := range pathless {
		v.Path = "/"
		add(v)
		for _, path := range slices.Backward(candidates.paths) {
			if !strings.HasSuffix(path, "/") { // as no default path does, but for odd ones
				v.Path = path
				add(v)
			}
		}
	}
	return found
}
