package inventory

import (
	"hash/maphash"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Source is where something was seen.
type Source uint8

// The sources.
const (
	SetCookie Source = iota // a Set-Cookie line
	Sent                    // a Cookie header
	Markup                  // the markup of a page
	Link                    // a header that makes browsers load something
	Report                  // a report of a browser
	sources
)

// Others is the host of the site that stands for all beyond the bound.
const Others = "*"

const (
	// maxSites bounds the sites.
	maxSites = 64

	// recentNames is the number of names that are recognized at once. They take some
	// 500 KB.
	recentNames = 8192

	// ways is how many places a name may have. With one, two names of the same site
	// would often keep pushing each other out.
	ways = 4
)

// Inventory is what was found since it was made, or read. It is safe for concurrent use.
type Inventory struct {
	seed  maphash.Seed
	shape func(name string) string

	// recent holds names as fingerprints, each in one of a few places. The names
	// themselves may tell visitors apart.
	recent [recentNames]atomic.Pointer[recentName]

	changed atomic.Bool // since it was last taken for writing

	mu      sync.RWMutex
	sites   map[string]*site
	scanned time.Time // when a site was last looked for that could make room
}

// A recentName leads from a fingerprint to its record.
type recentName struct {
	fingerprint uint64
	record      *record // nil for what is not kept
}

// New returns an empty inventory. shape returns the pattern that a name of a cookie is
// known to have, in the notation of [consent.KnownCookie], or ""; it may be nil.
func New(shape func(name string) string) *Inventory {
	return &Inventory{seed: maphash.MakeSeed(), shape: shape, sites: map[string]*site{}}
}

// A Visit notes what passes with one request and its response. The zero value notes
// nothing.
type Visit struct {
	inventory *Inventory
	host      string
	path      string
	now       time.Time
	salt      uint64 // of the host
	site      *site  // once something was kept back
}

// On returns what notes for a request to a host, in lower case and without a port.
func (inv *Inventory) On(host, path string, now time.Time) Visit {
	if inv == nil {
		return Visit{}
	}
	return Visit{inventory: inv, host: host, path: path, now: now, salt: maphash.String(inv.seed, host)}
}

// Set notes a Set-Cookie line: its name, and the attributes, which are what stands
// behind name and value. A line that deletes the cookie is left out.
//
// How long a cookie is to be kept that has Expires alone is looked at once a minute.
func (v *Visit) Set(name, attributes string) {
	if v.inventory == nil {
		return
	}
	// The time of day in Expires is another one in every line.
	steady, rest := attributes, ""
	if at := expires(attributes); at >= 0 {
		end := min(at+len("expires=Thu, 01 Jan 1970"), len(attributes))
		steady, rest = attributes[:end], attributes[end:]
		if next := strings.IndexByte(rest, ';'); next >= 0 {
			rest = rest[next:]
		} else {
			rest = ""
		}
	}
	fingerprint := mix(v.fingerprint(SetCookie, name), maphash.String(v.inventory.seed, steady))
	if rest != "" {
		fingerprint = mix(fingerprint, maphash.String(v.inventory.seed, rest))
	}
	v.see(SetCookie, fingerprint, name, attributes)
}

// expires returns where the attribute Expires begins, or -1.
func expires(attributes string) int {
	for at := 0; at < len(attributes); {
		next := strings.IndexByte(attributes[at:], ';')
		if next < 0 {
			return -1
		}
		for at += next + 1; at < len(attributes) && attributes[at] == ' '; at++ {
		}
		if at < len(attributes) && attributes[at]|0x20 == 'e' {
			return at
		}
	}
	return -1
}

// Sent notes a name in a Cookie header.
func (v *Visit) Sent(name string) {
	if v.inventory != nil {
		v.see(Sent, v.fingerprint(Sent, name), name, "")
	}
}

// Host notes a host that a page contacts, or would, in ASCII and lower case.
func (v *Visit) Host(source Source, host string) {
	if v.inventory != nil {
		v.see(source, v.fingerprint(source, host), host, "")
	}
}

func (v *Visit) fingerprint(source Source, name string) uint64 {
	return mix(maphash.String(v.inventory.seed, name), v.salt+uint64(source))
}

// mix combines two hashes.
func mix(a, b uint64) uint64 { return a*0x9E3779B97F4A7C15 ^ b }

func (v *Visit) see(source Source, fingerprint uint64, name, attributes string) {
	inv := v.inventory
	first := fingerprint % (recentNames / ways) * ways
	places := inv.recent[first : first+ways]
	place := &places[fingerprint>>32%ways] // of the one that has to make room
	for i := range places {
		known := places[i].Load()
		if known == nil {
			place = &places[i]
			break
		}
		if known.fingerprint != fingerprint {
			continue
		}
		if known.record == nil {
			return
		}
		if known.record.isFresh(v.now.Unix()) {
			known.record.count(source, 1)
			inv.change()
			return
		}
		place = &places[i]
		break
	}
	record, remember := inv.note(v, source, name, attributes)
	if remember {
		place.Store(&recentName{fingerprint, record})
	}
	inv.change()
}

// change notes that there is something to write. Most of the time there already is.
func (inv *Inventory) change() {
	if !inv.changed.Load() {
		inv.changed.Store(true)
	}
}

// note looks closely at what was not seen in the last minute. remember is false for
// what is to be looked at again each time.
func (inv *Inventory) note(v *Visit, source Source, name, attributes string) (r *record, remember bool) {
	kind := kindOf(source)
	var details *attributesSeen
	if source == SetCookie {
		if details = readAttributes(attributes, v.now); details == nil {
			return nil, true
		}
	}
	if kind.isCookie() {
		name = inv.fold(name)
	} else if name = foldHost(name); name == "" {
		return nil, true
	}
	s := inv.site(v.host, v.now)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r = s.find(kind, name, v.now); r == nil {
		s.unlisted++
		return nil, false
	}
	r.look(v, details)
	r.count(source, 1)
	return r, true
}

// fold returns the name under which a cookie is kept.
func (inv *Inventory) fold(name string) string { return Fold(name, inv.shape) }

// Fold returns the name under which an inventory keeps a cookie, by the patterns that
// shape knows; see [New].
func Fold(name string, shape func(name string) string) string {
	if shape != nil {
		if shape := shape(name); shape != "" && !strings.Contains(shape, "*") {
			return shape
		}
	}
	return foldName(name)
}

// site returns the site of a host.
func (inv *Inventory) site(host string, now time.Time) *site {
	inv.mu.RLock()
	s := inv.sites[host]
	inv.mu.RUnlock()
	if s != nil {
		s.last.Store(now.Unix())
		return s
	}
	inv.mu.Lock()
	defer inv.mu.Unlock()
	return inv.addSite(host, now)
}

// addSite returns the site of a host, or that of all others where there is no room.
// The caller holds the mutex.
func (inv *Inventory) addSite(host string, now time.Time) *site {
	if !isSite(host) || len(inv.sites) >= maxSites && !inv.makeRoom(now) {
		host = Others
	}
	s := inv.sites[host]
	if s == nil {
		s = newSite(now)
		inv.sites[strings.Clone(host)] = s
	}
	s.last.Store(now.Unix())
	return s
}

// makeRoom removes the site with the fewest records that was not seen for an hour.
func (inv *Inventory) makeRoom(now time.Time) bool {
	if now.Sub(inv.scanned) < time.Second {
		return false
	}
	inv.scanned = now
	least, leastHost := 0, ""
	for host, s := range inv.sites {
		if host == Others || now.Unix()-s.last.Load() < quiet {
			continue
		}
		s.mu.Lock()
		n := len(s.cookies) + len(s.hosts)
		s.mu.Unlock()
		if leastHost == "" || n < least {
			least, leastHost = n, host
		}
	}
	if leastHost == "" {
		return false
	}
	s := inv.sites[leastHost]
	delete(inv.sites, leastHost)
	s.mu.Lock()
	defer s.mu.Unlock()
	if days := s.days.all(); len(days) > 0 {
		others := inv.addSite(Others, now)
		others.mu.Lock()
		others.days.restore(days, now, false)
		others.mu.Unlock()
	}
	for _, records := range []map[string]*record{s.cookies, s.hosts} {
		for _, r := range records {
			r.gone.Store(true)
		}
	}
	return true
}

// Size is how much an inventory holds.
type Size struct {
	SetCookies, SentCookies int // that sites set, and that are only sent
	PageHosts, ReportHosts  int // that pages name, and that only reports do
	Unlisted                uint64
}

// Size returns how much there is.
func (inv *Inventory) Size() (size Size) {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	for _, s := range inv.sites {
		s.mu.Lock()
		size.SetCookies += s.used[setCookies]
		size.SentCookies += s.used[sentCookies]
		size.PageHosts += s.used[pageHosts]
		size.ReportHosts += s.used[reportHosts]
		size.Unlisted += s.unlisted
		s.mu.Unlock()
	}
	return size
}

// stripes are how many counters there are of one thing, so that processors which count
// at the same time rarely meet.
const stripes = 4

// A stripe fills a line of a processor's cache.
type stripe struct {
	n [sources]atomic.Uint64
	_ [64 - 8*sources]byte
}

func (r *record) count(source Source, n uint64) {
	r.stripes[rand.Uint32()%stripes].n[source].Add(n) //nolint:gosec // any will do
}

// total returns how often the record was seen at a source.
func (r *record) total(source Source) (n uint64) {
	for i := range r.stripes {
		n += r.stripes[i].n[source].Load()
	}
	return n
}
