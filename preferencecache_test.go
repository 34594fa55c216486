package cookieconsent

import (
	"strconv"
	"testing"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

func TestPreferenceCache(t *testing.T) {
	c := newPreferenceCache()
	now := time.Date(2026, time.May, 1, 23, 0, 0, 0, time.UTC)
	pref := &consent.Preference{Day: int(now.Unix() / 86400)}
	key := preferenceKey{site: "site.example", value: "v"}
	c.put(key, pref)
	for _, test := range []struct {
		name  string
		key   preferenceKey
		after time.Duration
		want  bool
	}{
		{"at once", key, 0, true},
		{"another site", preferenceKey{site: "other.example", value: "v"}, 0, false},
		{"another value", preferenceKey{site: "site.example", value: "w"}, 0, false},
		{"on the last day", key, 182 * 24 * time.Hour, true},
		{"the day after", key, 183 * 24 * time.Hour, false},
	} {
		if _, got := c.get(test.key, now.Add(test.after), 182*24*time.Hour); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
	}
	// It stays within bounds, and forgets the oldest first.
	for i := range 2 * preferenceCacheSize {
		c.put(preferenceKey{value: strconv.Itoa(i)}, pref)
	}
	if n := len(c.young) + len(c.old); n > 2*preferenceCacheSize {
		t.Errorf("%d values are kept", n)
	}
	if _, ok := c.get(key, now, time.Hour*24); ok {
		t.Error("the oldest value is kept")
	}
	if _, ok := c.get(preferenceKey{value: strconv.Itoa(2*preferenceCacheSize - 1)}, now, time.Hour*24); !ok {
		t.Error("the youngest value is not kept")
	}
}
