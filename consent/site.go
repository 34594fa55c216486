package consent

import (
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"
)

// maxSites bounds the hosts whose site is remembered.
const maxSites = 1024

// sites remembers the sites of hosts, which take long to find.
type sites struct {
	mu     sync.RWMutex
	byHost map[string]string
}

// siteOf returns the registrable domain of a host by the public suffix list; "" for
// addresses, and for names that are a public suffix themselves.
func (s *sites) siteOf(host string) string {
	s.mu.RLock()
	site, ok := s.byHost[host]
	s.mu.RUnlock()
	if ok {
		return site
	}
	host = strings.Clone(host) // out of a page
	if !strings.HasPrefix(host, "[") && !isNumeric(host[strings.LastIndexByte(host, '.')+1:]) {
		site, _ = publicsuffix.EffectiveTLDPlusOne(host)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byHost == nil {
		s.byHost = map[string]string{}
	}
	if len(s.byHost) >= maxSites {
		clear(s.byHost)
	}
	s.byHost[host] = site
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
