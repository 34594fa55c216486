package consent

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Lifetime is how long a browser keeps a cookie. The zero value means that
// nothing was declared.
type Lifetime struct {
	// Session is true for a cookie that ends with the browser session.
	Session bool

	// Duration is the longest life of a persistent cookie, in whole seconds.
	Duration time.Duration
}

// ParseLifetime reads "session" or a duration such as "182d", "30m" or "1d12h":
// Go's duration syntax with days in front.
func ParseLifetime(s string) (Lifetime, error) {
	if s == "session" {
		return Lifetime{Session: true}, nil
	}
	d, err := parseDuration(s)
	if err != nil || d < time.Second || d%time.Second != 0 {
		return Lifetime{}, fmt.Errorf("lifetime %q is neither \"session\" nor a duration of whole seconds such as 30m, 12h or 182d", s)
	}
	return Lifetime{Duration: d}, nil
}

func parseDuration(s string) (time.Duration, error) {
	days := time.Duration(0)
	if n, rest, ok := strings.Cut(s, "d"); ok {
		count, err := strconv.ParseUint(n, 10, 16)
		if err != nil {
			return 0, err
		}
		days = time.Duration(count) * 24 * time.Hour
		if rest == "" {
			return days, nil
		}
		s = rest
	}
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
		return 0, errors.New("a sign")
	}
	d, err := time.ParseDuration(s)
	return days + d, err
}

// IsZero reports whether no lifetime was declared.
func (l Lifetime) IsZero() bool { return l == Lifetime{} }

// String returns the lifetime as [ParseLifetime] reads it, "" if none was declared.
func (l Lifetime) String() string {
	switch {
	case l.Session:
		return "session"
	case l.IsZero():
		return ""
	}
	days, rest := l.Duration/(24*time.Hour), l.Duration%(24*time.Hour)
	if days == 0 {
		return rest.String()
	}
	if rest == 0 {
		return fmt.Sprintf("%dd", days)
	}
	return fmt.Sprintf("%dd%s", days, rest)
}

// MarshalText implements [encoding.TextMarshaler].
func (l Lifetime) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (l *Lifetime) UnmarshalText(text []byte) error {
	parsed, err := ParseLifetime(string(text))
	if err != nil {
		return err
	}
	*l = parsed
	return nil
}
