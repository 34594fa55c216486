package consent

import (
	"strconv"
	"strings"
)

// ConfigError says which field of a [Config] cannot be compiled, and why.
type ConfigError struct {
	// Field is the path of the field, such as "cookies[2].category",
	// "services[0].hosts[1]" or "unknown_cookies".
	Field string

	// Value is the wrong word; it is empty where the word is missing.
	Value string

	// Problem says what is wrong, as it reads after the value: "is not a category".
	Problem string

	// Allowed lists what may stand there instead; it is empty where that
	// cannot be listed.
	Allowed []string
}

// Error returns, for instance,
//
//	cookies[2].category: "statistic" is not a category; allowed: necessary, statistics, first_party, third_party
func (e *ConfigError) Error() string {
	var b strings.Builder
	b.WriteString(e.Field)
	b.WriteString(": ")
	if e.Value != "" {
		b.WriteString(strconv.Quote(e.Value))
		b.WriteByte(' ')
	}
	b.WriteString(e.Problem)
	if len(e.Allowed) > 0 {
		b.WriteString("; allowed: ")
		b.WriteString(strings.Join(e.Allowed, ", "))
	}
	return b.String()
}
