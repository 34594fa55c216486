package cookieconsent

import (
	"strings"
	"sync"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// preferenceCacheSize is the number of verified values kept in one of the two
// generations of a [preferenceCache]. A value takes about 400 bytes.
const preferenceCacheSize = 4096

type preferenceKey struct{ site, value string }

// preferenceCache remembers verified values of preference cookies, so that the
// signature is checked once a value and not once a request. It never holds an
// invalid value: a flood of forged ones pushes nothing out.
type preferenceCache struct {
	mu    sync.RWMutex
	young map[preferenceKey]*consent.Preference
	old   map[preferenceKey]*consent.Preference
}

func newPreferenceCache() *preferenceCache {
	return &preferenceCache{young: make(map[preferenceKey]*consent.Preference)}
}

// get returns a verified preference that is still young enough.
func (c *preferenceCache) get(key preferenceKey, now time.Time, maxAge time.Duration) (*consent.Preference, bool) {
	c.mu.RLock()
	pref, ok := c.young[key]
	if !ok {
		pref, ok = c.old[key]
	}
	c.mu.RUnlock()
	if !ok || expired(pref, now, maxAge) {
		return nil, false
	}
	return pref, true
}

// put remembers a verified preference. When a generation is full, the one before
// it is forgotten.
func (c *preferenceCache) put(key preferenceKey, pref *consent.Preference) {
	// The key may be a piece of a request's header, which would be kept whole.
	key = preferenceKey{site: strings.Clone(key.site), value: strings.Clone(key.value)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= preferenceCacheSize {
		c.old, c.young = c.young, make(map[preferenceKey]*consent.Preference)
	}
	c.young[key] = pref
}

// expired reports whether a choice is older than it may get. Days are compared,
// because the day is all that a choice remembers of its time.
func expired(pref *consent.Preference, now time.Time, maxAge time.Duration) bool {
	const day = 24 * time.Hour
	return now.Unix()/int64(day/time.Second)-int64(pref.Day) > int64(maxAge/day)
}
