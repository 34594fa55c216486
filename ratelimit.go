package cookieconsent

import (
	"net/netip"
	"sync"
	"time"
)

// choiceKind is what a choice does. Each kind has a limit of its own, so that who
// refuses in a loop does not keep neighbours from consenting.
type choiceKind uint8

const (
	choiceConsent choiceKind = iota
	choiceRefusal
)

func (k choiceKind) String() string {
	if k == choiceConsent {
		return "consent"
	}
	return "refusal"
}

// recentChoices counts the choices of client networks, in memory alone. It
// outlives configurations.
var recentChoices = &rateLimit{young: map[network]*bucket{}}

// maxNetworks bounds the networks that are counted in each of two generations.
const maxNetworks = 1 << 15

// rateLimit is a token bucket for each client network.
type rateLimit struct {
	mu         sync.Mutex
	young, old map[network]*bucket
}

type network struct {
	prefix netip.Prefix
	kind   choiceKind
}

type bucket struct {
	tokens float64
	filled time.Time
}

// allow reports whether a choice from an address is within a number of choices
// per minute, 0 for any number. Addresses of this machine are not counted.
func (l *rateLimit) allow(address string, kind choiceKind, perMinute int, now time.Time) bool {
	addr, err := netip.ParseAddr(address)
	if perMinute == 0 || err == nil && addr.Unmap().IsLoopback() {
		return true
	}
	key := network{kind: kind} // of all that have no address, such as those of a socket
	if err == nil {
		key.prefix = networkOf(addr)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.young[key]
	if b == nil {
		if b = l.old[key]; b == nil {
			b = &bucket{tokens: float64(perMinute), filled: now}
		}
		if len(l.young) >= maxNetworks {
			l.old, l.young = l.young, make(map[network]*bucket)
		}
		l.young[key] = b
	}
	b.tokens = min(b.tokens+now.Sub(b.filled).Minutes()*float64(perMinute), float64(perMinute))
	b.filled = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// networkOf returns the network that one customer of a provider commonly has.
func networkOf(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 48
	if addr.Is4() {
		bits = 24
	}
	return netip.PrefixFrom(addr, bits).Masked()
}
