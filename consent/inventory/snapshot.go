package inventory

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// A Snapshot is what an inventory has found. It is also the form of its file.
type Snapshot struct {
	// Version is the version of the form, which is 1.
	Version int `json:"version"`

	// Sites are sorted by host.
	Sites []Site `json:"sites"`
}

// formVersion is the version of the form of a snapshot.
const formVersion = 1

// A Site is a host and what passed on its way.
type Site struct {
	// Host is in lower case and without a port; [Others] stands for all hosts beyond
	// the bound.
	Host string `json:"host"`

	// Cookies are sorted by name, Hosts by host.
	Cookies []Cookie `json:"cookies,omitempty"`
	Hosts   []Host   `json:"hosts,omitempty"`

	// Unlisted counts sightings of names for which there was no room.
	Unlisted uint64 `json:"unlisted,omitempty"`

	// Days are those on which somebody chose or something was kept back, sorted, at
	// most 400.
	Days []Day `json:"days,omitempty"`
}

// A Seen says how often something was seen, when, and where.
type Seen struct {
	First time.Time `json:"first_seen"`

	// Last is exact to a minute.
	Last time.Time `json:"last_seen"`

	// Paths are up to three addresses of the site, without query and with "*" in
	// place of what may lead to a person.
	Paths []string `json:"paths,omitempty"`
}

// A Cookie is a cookie of a site, or all cookies of one pattern.
type Cookie struct {
	// Name is in the notation of [consent.KnownCookie]: parts that look random stand
	// as "<hex:32>". It is empty for nameless cookies.
	Name string `json:"name"`

	// Set counts the Set-Cookie lines, but for those that delete, and Sent the
	// requests that held the cookie. What was sent and never set was written by a
	// script, by another host of the domain, or before the inventory began.
	Set  uint64 `json:"set"`
	Sent uint64 `json:"sent"`

	// The attributes are those of a Set-Cookie line seen last. Domain is empty for a
	// cookie of the host alone, and SameSite where the line does not say.
	HTTPOnly    bool   `json:"http_only,omitempty"`
	Secure      bool   `json:"secure,omitempty"`
	SameSite    string `json:"same_site,omitempty"`
	Partitioned bool   `json:"partitioned,omitempty"`
	Domain      string `json:"domain,omitempty"`
	Path        string `json:"path,omitempty"`

	// Lifetime is the longest for which a line asked; zero if none was seen.
	Lifetime consent.Lifetime `json:"lifetime,omitzero"`

	Seen
}

// Script reports whether the application was never seen to set the cookie.
func (c *Cookie) Script() bool { return c.Set == 0 }

// A Host is a host of others that pages contact, or would.
type Host struct {
	// Host is in ASCII and lower case; "*.example.net" stands for hosts below it.
	Host string `json:"host"`

	// Markup, Link and Report count where it was seen: in the markup of pages, in
	// headers such as Link, and in reports of browsers.
	Markup uint64 `json:"markup,omitempty"`
	Link   uint64 `json:"link,omitempty"`
	Report uint64 `json:"report,omitempty"`

	Seen
}

// Count returns how often the host was seen.
func (h *Host) Count() uint64 { return h.Markup + h.Link + h.Report }

// Example returns a host that it stands for.
func (h *Host) Example() string {
	if below, wildcard := strings.CutPrefix(h.Host, "*."); wildcard {
		return "x." + below
	}
	return h.Host
}

// Merge returns what several machines have found, each of which has a file of its own.
func Merge(snapshots ...*Snapshot) *Snapshot {
	sites := map[string]*Site{}
	for _, s := range snapshots {
		for i := range s.Sites {
			from := &s.Sites[i]
			to := sites[from.Host]
			if to == nil {
				to = &Site{Host: from.Host}
				sites[from.Host] = to
			}
			to.merge(from)
		}
	}
	merged := &Snapshot{Version: formVersion}
	for _, site := range sites {
		merged.Sites = append(merged.Sites, *site)
	}
	merged.sort()
	return merged
}

// Merge adds what another site has.
func (s *Site) merge(other *Site) {
	s.Unlisted += other.Unlisted
	for i := range other.Days {
		s.Days = addDay(s.Days, &other.Days[i])
	}
	cookies := make(map[string]int, len(s.Cookies))
	for i := range s.Cookies {
		cookies[s.Cookies[i].Name] = i
	}
	for _, c := range other.Cookies {
		if i, ok := cookies[c.Name]; ok {
			s.Cookies[i].merge(&c)
		} else {
			cookies[c.Name] = len(s.Cookies)
			s.Cookies = append(s.Cookies, c)
		}
	}
	hosts := make(map[string]int, len(s.Hosts))
	for i := range s.Hosts {
		hosts[s.Hosts[i].Host] = i
	}
	for _, h := range other.Hosts {
		if i, ok := hosts[h.Host]; ok {
			s.Hosts[i].merge(&h)
		} else {
			hosts[h.Host] = len(s.Hosts)
			s.Hosts = append(s.Hosts, h)
		}
	}
}

// MergeSites returns one site that has what several have, under the host of the first.
func MergeSites(sites ...*Site) *Site {
	merged := &Site{Host: sites[0].Host}
	for _, s := range sites {
		merged.merge(s)
	}
	merged.sort()
	return merged
}

func (c *Cookie) merge(other *Cookie) {
	if other.Set > 0 && (c.Set == 0 || other.Last.After(c.Last)) {
		c.HTTPOnly, c.Secure, c.SameSite, c.Partitioned = other.HTTPOnly, other.Secure, other.SameSite, other.Partitioned
		c.Domain, c.Path = other.Domain, other.Path
	}
	c.Lifetime = longer(c.Lifetime, other.Lifetime)
	c.Set += other.Set
	c.Sent += other.Sent
	c.Seen.merge(&other.Seen)
}

func (h *Host) merge(other *Host) {
	h.Markup += other.Markup
	h.Link += other.Link
	h.Report += other.Report
	h.Seen.merge(&other.Seen)
}

func (s *Seen) merge(other *Seen) {
	if other.First.Before(s.First) {
		s.First = other.First
	}
	if other.Last.After(s.Last) {
		s.Last = other.Last
	}
	for _, path := range other.Paths {
		s.Paths = addPath(s.Paths, path)
	}
}

// maxPaths is how many example paths are kept of each name.
const maxPaths = 3

// addPath returns paths with another one, if there is room and it is new.
func addPath(paths []string, path string) []string {
	if path == "" || len(paths) >= maxPaths || slices.Contains(paths, path) {
		return paths
	}
	return append(slices.Clip(paths), path) // others may hold the slice
}

// longer returns the longer of two lifetimes. Any that is persistent is longer than a
// session, which is longer than none seen.
func longer(a, b consent.Lifetime) consent.Lifetime {
	if b.Duration > a.Duration || a.IsZero() {
		return b
	}
	return a
}

func (s *Snapshot) sort() {
	slices.SortFunc(s.Sites, func(a, b Site) int { return strings.Compare(a.Host, b.Host) })
	for i := range s.Sites {
		s.Sites[i].sort()
	}
}

func (s *Site) sort() {
	slices.SortFunc(s.Cookies, func(a, b Cookie) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Hosts, func(a, b Host) int {
		return cmp.Or(strings.Compare(strings.TrimPrefix(a.Host, "*."), strings.TrimPrefix(b.Host, "*.")), strings.Compare(a.Host, b.Host))
	})
}
