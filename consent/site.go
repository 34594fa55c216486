package consent

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/net/publicsuffix"
)

// maxSites bounds the hosts whose site is remembered.
const maxSites = 256

// sites remembers the sites of hosts, which take long to find. Hosts are new
// seldom and looked up for every URL, so that the map is replaced and not locked.
type sites struct {
	mu     sync.Mutex
	byHost atomic.Pointer[map[string]string]
}

// siteOf returns the registrable domain of a host by the public suffix list; "" for
// addresses, for names that are a public suffix themselves, and for what is too long.
func (s *sites) siteOf(host string) string {
	if len(host) > MaxHost {
		return ""
	}
	if known := s.byHost.Load(); known != nil {
		if site, ok := (*known)[host]; ok {
			return site
		}
	}
	host = strings.Clone(host) // out of a page
	site := ""
	if !strings.HasPrefix(host, "[") && !isNumeric(host[strings.LastIndexByte(host, '.')+1:]) {
		site, _ = publicsuffix.EffectiveTLDPlusOne(host)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := map[string]string{host: site}
	if known := s.byHost.Load(); known != nil && len(*known) < maxSites {
		maps.Copy(next, *known)
	}
	s.byHost.Store(&next)
	return site
}

// isWithin reports whether a host is of a site, as browsers see it.
func (s *sites) isWithin(host, site string) bool {
	switch {
	case site == "" || !strings.HasSuffix(host, site):
		return false
	case len(host) == len(site):
		return true
	case host[len(host)-len(site)-1] != '.':
		return false
	}
	return s.siteOf(host) == site // below the domain there may be others' domains
}
