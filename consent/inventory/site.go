package inventory

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/cookie"
)

// kind is a part of a site's records that has room of its own.
type kind uint8

const (
	setCookies  kind = iota // the site sets them
	sentCookies             // browsers send them, and anybody can
	pageHosts               // pages name them
	reportHosts             // only reports name them, and anybody can
	kinds
)

// room is how many records there may be of each kind on a site.
var room = [kinds]int{128, 128, 256, 256}

func kindOf(source Source) kind {
	return [sources]kind{setCookies, sentCookies, pageHosts, pageHosts, reportHosts}[source]
}

func (k kind) isCookie() bool { return k <= sentCookies }

// isClaim reports whether clients can make it up.
func (k kind) isClaim() bool { return k == sentCookies || k == reportHosts }

const (
	// maxSiblings is how many names of one kind may differ in their last part alone.
	maxSiblings = 16

	// quiet is for how long a name was not seen that makes room for another one, in
	// seconds.
	quiet = 60 * 60

	// freshness is how long a record is not looked at again, in seconds.
	freshness = 60
)

// site is what was found on one site.
type site struct {
	last atomic.Int64 // when it was last looked at, in seconds

	sampling

	mu       sync.Mutex
	days     days
	cookies  map[string]*record
	hosts    map[string]*record
	used     [kinds]int
	unlisted uint64
	scanned  int64 // when a record was last looked for that could make room, in seconds
}

func newSite(now time.Time) *site {
	s := &site{cookies: map[string]*record{}, hosts: map[string]*record{}}
	s.news.Store(now.UnixNano())
	return s
}

// A record is one cookie or host of a site. What has no atomic type is guarded by the
// mutex of the site.
type record struct {
	stripes [stripes]stripe
	last    atomic.Int64 // in seconds
	gone    atomic.Bool  // it is no longer one of the site

	kind    kind
	name    string
	family  string // what it has in common with others, a part of the name
	first   int64  // in seconds
	paths   []string
	details attributesSeen
}

// isFresh reports whether the record was looked at within the last minute.
func (r *record) isFresh(now int64) bool {
	return now-r.last.Load() < freshness && !r.gone.Load()
}

// look takes note of what a sighting says.
func (r *record) look(v *Visit, details *attributesSeen) {
	if now := v.now.Unix(); now > r.last.Load() {
		r.last.Store(now)
	}
	if len(r.paths) < maxPaths {
		r.paths = addPath(r.paths, foldPath(v.path))
	}
	if details != nil {
		details.lifetime = longer(r.details.lifetime, details.lifetime)
		r.details = *details
	}
}

func (s *site) table(k kind) map[string]*record {
	if k.isCookie() {
		return s.cookies
	}
	return s.hosts
}

// find returns the record of a name, making one if there is room; else nil.
func (s *site) find(k kind, name string, now time.Time) *record {
	table := s.table(k)
	r := table[name]
	family := ""
	if r == nil {
		name = strings.Clone(name) // out of a request
		family = familyOf(k, name)
		r = s.ofFamily(k, name, family)
	}
	if r == nil {
		if s.used[k] >= room[k] && !s.makeRoom(k, now) {
			return nil
		}
		r = &record{kind: k, name: name, family: family, first: now.Unix()}
		table[name] = r
		s.used[k]++
		s.news.Store(now.UnixNano())
	} else if r.kind.isClaim() && !k.isClaim() && (s.used[k] < room[k] || s.makeRoom(k, now)) {
		s.used[r.kind]--
		s.used[k]++
		r.kind = k
		s.news.Store(now.UnixNano())
	}
	return r
}

// ofFamily returns the record of all names that differ in their last part alone, once
// there are too many of them. Names that clients can make up never join the others to
// one.
func (s *site) ofFamily(k kind, name, family string) *record {
	if family == "" {
		return nil
	}
	all := family + "*"
	if !k.isCookie() {
		all = "*." + family
	}
	table := s.table(k)
	joined := table[all]
	if joined != nil && (!joined.kind.isClaim() || k.isClaim()) {
		return joined
	}
	var siblings []*record
	for _, r := range table {
		if r.kind == k && r.family == family && r != joined {
			siblings = append(siblings, r)
		}
	}
	if len(siblings) < maxSiblings || name == all {
		return nil
	}
	if joined == nil {
		joined = &record{kind: k, name: all, first: siblings[0].first}
		table[all] = joined
		s.used[k]++
	}
	for _, r := range siblings {
		joined.join(r)
		s.remove(r)
	}
	return joined
}

// join adds what another record has.
func (r *record) join(other *record) {
	for source := range sources {
		r.count(source, other.total(source))
	}
	r.first = min(r.first, other.first)
	r.last.Store(max(r.last.Load(), other.last.Load()))
	for _, path := range other.paths {
		r.paths = addPath(r.paths, path)
	}
	lifetime := longer(r.details.lifetime, other.details.lifetime)
	r.details = other.details
	r.details.lifetime = lifetime
}

func (s *site) remove(r *record) {
	delete(s.table(r.kind), r.name)
	s.used[r.kind]--
	r.gone.Store(true)
}

// makeRoom removes the rarest record of a kind that was not seen for an hour. It looks
// for one at most once a second.
func (s *site) makeRoom(k kind, now time.Time) bool {
	if s.scanned == now.Unix() {
		return false
	}
	s.scanned = now.Unix()
	var rarest *record
	least := uint64(0)
	for _, r := range s.table(k) {
		if r.kind != k || now.Unix()-r.last.Load() < quiet {
			continue
		}
		n := uint64(0)
		for source := range sources {
			n += r.total(source)
		}
		if rarest == nil || n < least {
			rarest, least = r, n
		}
	}
	if rarest == nil {
		return false
	}
	s.remove(rarest)
	return true
}

// attributesSeen are those of a Set-Cookie line that sets a cookie.
type attributesSeen struct {
	httpOnly, secure, partitioned bool
	sameSite, domain, path        string
	lifetime                      consent.Lifetime
}

// readAttributes reads what stands behind the value in a Set-Cookie line; nil if that
// deletes the cookie.
func readAttributes(attributes string, now time.Time) *attributesSeen {
	c := cookie.ParseSetCookie("="+attributes, now)
	if c.Deletes() {
		return nil
	}
	a := &attributesSeen{
		httpOnly: c.HttpOnly, secure: c.Secure, partitioned: c.Partitioned,
		sameSite: c.SameSite, domain: strings.Clone(foldHost(c.Domain)),
		lifetime: consent.Lifetime{Session: !c.Persistent, Duration: c.Lifetime},
	}
	if c.Path != "" {
		a.path = foldPath(c.Path)
	}
	return a
}

const (
	// sampleInterval is the shortest time between two pages of a site that are read
	// for what they would load, in nanoseconds.
	sampleInterval = int64(time.Second)

	// alertness is how long all pages are read after something new was found, in
	// nanoseconds. From then on, only those are that were not read before.
	alertness = int64(10 * time.Minute)

	// sampledPaths is how many addresses of pages are recognized.
	sampledPaths = 256

	// maxReports is how many reports a second are taken for a site.
	maxReports = 50
)

// sampling is which pages of a site are read.
type sampling struct {
	news    atomic.Int64 // when something new was found, in nanoseconds
	sampled atomic.Int64 // when a page was last read, in nanoseconds
	paths   [sampledPaths]atomic.Uint32

	reportSecond, reports atomic.Int64
}

// AdmitReport reports whether a report of a browser should be taken: anybody can send
// them, so that a site takes 50 a second.
func (v *Visit) AdmitReport() bool {
	if v.inventory == nil {
		return false
	}
	s := v.inventory.site(v.host, v.now)
	if second := v.now.Unix(); s.reportSecond.Swap(second) != second {
		s.reports.Store(0)
	}
	return s.reports.Add(1) <= maxReports
}

// Sample reports whether the page of the visit should be read for what it would load:
// one a second at most, and none where nothing new was found for ten minutes but for
// addresses of which none was read.
func (v *Visit) Sample() bool {
	if v.inventory == nil {
		return false
	}
	s := v.inventory.site(v.host, v.now)
	now, sampled := v.now.UnixNano(), s.sampled.Load()
	if now-sampled < sampleInterval {
		return false
	}
	address := uint32(maphash.String(v.inventory.seed, foldPath(v.path))>>32) | 1
	path := &s.paths[address/2%sampledPaths]
	if now-s.news.Load() > alertness && path.Load() == address {
		return false
	}
	if !s.sampled.CompareAndSwap(sampled, now) {
		return false
	}
	path.Store(address)
	return true
}
