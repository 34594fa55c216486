package consent

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Limits of the words in a configuration, in bytes.
const (
	maxPattern      = 256
	maxCookieName   = 64
	maxCategoryName = 32
	maxServiceID    = 64
)

// defaultCookieName is the name of the preference cookie unless configured.
const defaultCookieName = "cookies_preferences"

// withDefaults returns a copy of the configuration with the defaults filled in.
// It shares the texts, which nobody changes.
func (cfg Config) withDefaults() *Config {
	if cfg.CookieName == "" {
		cfg.CookieName = defaultCookieName
	}
	if cfg.UnknownCookies == "" {
		cfg.UnknownCookies = FirstParty
	}
	if cfg.UnknownHosts == "" {
		cfg.UnknownHosts = ThirdParty
	}
	if cfg.Known == nil {
		cfg.Known = nothingKnown
	}
	cfg.FirstParty = slices.Clone(cfg.FirstParty)
	cfg.Categories = slices.Clone(cfg.Categories)
	cfg.Cookies = slices.Clone(cfg.Cookies)
	cfg.Services = slices.Clone(cfg.Services)
	for i := range cfg.Services {
		cfg.Services[i].Hosts = slices.Clone(cfg.Services[i].Hosts)
	}
	return &cfg
}

// validate checks everything that can be said about one declaration at a time
// and brings host patterns into their ASCII form. The categories come first,
// because the other declarations name them.
func (p *Policy) validate() error {
	cfg := p.cfg
	if cfg.Revision < 0 {
		return &ConfigError{Field: "revision", Value: fmt.Sprint(cfg.Revision), Problem: "is less than 0"}
	}
	if !isToken(cfg.CookieName) || len(cfg.CookieName) > maxCookieName {
		return &ConfigError{Field: "cookie_name", Value: cfg.CookieName, Problem: fmt.Sprintf("is not a cookie name: letters, digits and !#$%%&'*+-.^_`|~, at most %d of them", maxCookieName)}
	}
	for i := range cfg.Categories {
		if err := p.addCategory(i); err != nil {
			return err
		}
	}
	for _, f := range []struct{ field, category string }{
		{"unknown_cookies", cfg.UnknownCookies},
		{"unknown_hosts", cfg.UnknownHosts},
	} {
		if err := p.validateUnknown(f.field, f.category); err != nil {
			return err
		}
	}
	if err := validateHosts("first_party", cfg.FirstParty); err != nil {
		return err
	}
	for i := range cfg.Cookies {
		if err := p.validateCookie(i); err != nil {
			return err
		}
	}
	for i := range cfg.Services {
		if err := p.validateService(i); err != nil {
			return err
		}
	}
	return nil
}

// addCategory checks a declared category and merges it with the built-in ones.
func (p *Policy) addCategory(i int) error {
	c := &p.cfg.Categories[i]
	field := func(name string) string { return fmt.Sprintf("categories[%d].%s", i, name) }
	if !isCategoryName(c.Name) {
		return &ConfigError{Field: field("name"), Value: c.Name, Problem: fmt.Sprintf("is not a name of a category: lower-case letters, digits and underscores, beginning with a letter, at most %d of them", maxCategoryName)}
	}
	if slices.ContainsFunc(p.cfg.Categories[:i], func(other Category) bool { return other.Name == c.Name }) {
		return &ConfigError{Field: field("name"), Value: c.Name, Problem: "is a duplicate: the category is declared twice"}
	}
	if err := validateText(field("title"), c.Title); err != nil {
		return err
	}
	if err := validateText(field("description"), c.Description); err != nil {
		return err
	}
	if err := validateExempt(field("exempt"), c.Exempt, c.Name); err != nil {
		return err
	}
	if at, ok := p.categoryIndex[c.Name]; ok {
		p.categories[at] = c
		return nil
	}
	if len(p.categories) == MaxCategories {
		return &ConfigError{Field: field("name"), Value: c.Name, Problem: fmt.Sprintf("is one category too many: there may be %d, the built-in ones included", MaxCategories)}
	}
	// third_party, the strictest, stays last.
	last := len(p.categories) - 1
	p.categories = slices.Insert(p.categories, last, c)
	p.categoryIndex[c.Name] = last
	p.categoryIndex[ThirdParty] = last + 1
	return nil
}

// validateUnknown checks the category of what nobody declared. It can neither be
// necessary nor exempt: nobody vouches for a thing that nobody knows.
func (p *Policy) validateUnknown(field, category string) error {
	if err := p.validateCategory(field, category, p.NeedsConsent); err != nil {
		return err
	}
	if p.NeedsConsent(category) {
		return nil
	}
	return &ConfigError{
		Field: field, Value: category,
		Problem: "needs no consent, but what nobody declared always does",
		Allowed: p.categoryNames(p.NeedsConsent),
	}
}

func (p *Policy) validateCookie(i int) error {
	c := &p.cfg.Cookies[i]
	field := func(name string) string { return fmt.Sprintf("cookies[%d].%s", i, name) }
	if len(c.Patterns) == 0 {
		return &ConfigError{Field: field("patterns"), Problem: "must name at least one cookie"}
	}
	if err := p.validateCategory(field("category"), c.Category, nil); err != nil {
		return err
	}
	if err := validateCookiePatterns(field("patterns"), c.Patterns, c.Category); err != nil {
		return err
	}
	if err := validateWho(field, c.Provider, c.Purpose); err != nil {
		return err
	}
	if err := validateText(field("function"), c.Function); err != nil {
		return err
	}
	return validateLifetime(field("lifetime"), c.Lifetime)
}

func (p *Policy) validateService(i int) error {
	s := &p.cfg.Services[i]
	field := func(name string) string { return fmt.Sprintf("services[%d].%s", i, name) }
	if !isServiceID(s.ID) {
		return &ConfigError{Field: field("id"), Value: s.ID, Problem: fmt.Sprintf("is not an id of a service: lower-case letters, digits, underscores and hyphens, beginning with a letter or digit, at most %d of them", maxServiceID)}
	}
	if slices.ContainsFunc(p.cfg.Services[:i], func(other Service) bool { return other.ID == s.ID }) {
		return &ConfigError{Field: field("id"), Value: s.ID, Problem: "is a duplicate: the service is declared twice"}
	}
	if err := p.validateCategory(field("category"), s.Category, nil); err != nil {
		return err
	}
	if err := validateWho(field, s.Provider, s.Purpose); err != nil {
		return err
	}
	if err := validateExempt(field("exempt"), s.Exempt, s.Category); err != nil {
		return err
	}
	if err := validateCookiePatterns(field("cookies"), s.Cookies, s.Category); err != nil {
		return err
	}
	if err := validateHosts(field("hosts"), s.Hosts); err != nil {
		return err
	}
	if err := validatePaths(field("paths"), s.Paths); err != nil {
		return err
	}
	if err := validateStorage(field("storage"), s.Storage, s.Category); err != nil {
		return err
	}
	if err := validateInline(field("inline"), s.Inline); err != nil {
		return err
	}
	return validatePolicyURL(field("policy"), s.Policy)
}

// validateCategory checks that a category exists. allowed picks those that the
// error suggests.
func (p *Policy) validateCategory(field, category string, allowed func(string) bool) error {
	if _, ok := p.categoryIndex[category]; ok {
		return nil
	}
	problem := "is not a category"
	if category == "" {
		problem = "must name a category"
	}
	return &ConfigError{Field: field, Value: category, Problem: problem, Allowed: p.categoryNames(allowed)}
}

// categoryNames returns the names of the categories that keep accepts, or of all.
func (p *Policy) categoryNames(keep func(string) bool) []string {
	var names []string
	for _, c := range p.categories {
		if keep == nil || keep(c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}

// validateWho checks the two things that no declaration may leave out.
func validateWho(field func(string) string, provider string, purpose Text) error {
	if strings.TrimSpace(provider) == "" {
		return &ConfigError{Field: field("provider"), Problem: "must not be empty: visitors read who is behind it"}
	}
	if len(purpose) == 0 {
		return &ConfigError{Field: field("purpose"), Problem: "must not be empty: visitors read what it is for"}
	}
	return validateText(field("purpose"), purpose)
}

func validateExempt(field, exempt, category string) error {
	if exempt == "" {
		return nil
	}
	if strings.TrimSpace(exempt) == "" {
		return &ConfigError{Field: field, Problem: "must not be blank: it justifies why no consent is asked for"}
	}
	if category == Necessary {
		return &ConfigError{Field: field, Value: exempt, Problem: "is superfluous: what is necessary needs no consent and has no opt-out"}
	}
	return nil
}

func validateText(field string, t Text) error {
	tags := make([]string, 0, len(t))
	for tag := range t {
		tags = append(tags, tag)
	}
	slices.Sort(tags) // so that the same mistake always gives the same error
	for _, tag := range tags {
		if tag != "" && !isLanguageTag(tag) {
			return &ConfigError{Field: field, Value: tag, Problem: `is not a lower-case language tag such as "fr" or "pt-br"`}
		}
		if strings.TrimSpace(t[tag]) != "" {
			continue
		}
		problem := "must not be empty"
		if tag != "" {
			problem = "has an empty text"
		}
		return &ConfigError{Field: field, Value: tag, Problem: problem}
	}
	return nil
}

func validateLifetime(field string, l Lifetime) error {
	switch {
	case l.Session && l.Duration != 0:
		return &ConfigError{Field: field, Value: l.Duration.String(), Problem: "contradicts \"session\""}
	case l.Duration < 0, l.Duration%time.Second != 0:
		return &ConfigError{Field: field, Value: l.Duration.String(), Problem: "is not a number of whole seconds"}
	case l.Duration > MaxLifetimeDays*24*time.Hour:
		return &ConfigError{Field: field, Value: l.String(), Problem: fmt.Sprintf("is longer than the %d days for which browsers keep a cookie", MaxLifetimeDays)}
	}
	return nil
}

func validateCookiePatterns(field string, patterns []string, category string) error {
	for i, s := range patterns {
		field := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case s == "":
			return &ConfigError{Field: field, Problem: "must not be empty"}
		case len(s) > maxPattern:
			return &ConfigError{Field: field, Value: s, Problem: fmt.Sprintf("is longer than %d bytes", maxPattern)}
		case hasControl(s), strings.ContainsAny(s, ";="), strings.Trim(s, " ") != s:
			return &ConfigError{Field: field, Value: s, Problem: "cannot match a cookie: no name holds a control character, a semicolon, an equals sign, or a blank at either end"}
		case slices.Contains(patterns[:i], s):
			return &ConfigError{Field: field, Value: s, Problem: "is a duplicate: it is listed twice"}
		case category == Necessary && isCatchAll(s):
			return &ConfigError{Field: field, Value: s, Problem: "matches every cookie, and not every cookie is necessary"}
		}
	}
	return nil
}

func validateStorage(field string, patterns []string, category string) error {
	for i, s := range patterns {
		field := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case s == "":
			return &ConfigError{Field: field, Problem: "must not be empty"}
		case len(s) > maxPattern:
			return &ConfigError{Field: field, Value: s, Problem: fmt.Sprintf("is longer than %d bytes", maxPattern)}
		case hasControl(s):
			return &ConfigError{Field: field, Value: s, Problem: "holds a control character"}
		case slices.Contains(patterns[:i], s):
			return &ConfigError{Field: field, Value: s, Problem: "is a duplicate: it is listed twice"}
		case category == Necessary && isCatchAll(s):
			return &ConfigError{Field: field, Value: s, Problem: "matches every key, and not every key is necessary"}
		}
	}
	return nil
}

// minInline is the length of the shortest text that a script can be known by, in bytes.
const minInline = 3

func validateInline(field string, texts []string) error {
	for i, s := range texts {
		field := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case len(strings.TrimSpace(s)) < minInline, len(s) > maxPattern:
			return &ConfigError{Field: field, Value: s, Problem: fmt.Sprintf("is no text to know a script by: it has less than %d characters, or more than %d", minInline, maxPattern)}
		case hasControl(s):
			return &ConfigError{Field: field, Value: s, Problem: "holds a control character"}
		case slices.Contains(texts[:i], s):
			return &ConfigError{Field: field, Value: s, Problem: "is a duplicate: it is listed twice"}
		}
	}
	return nil
}

// validateHosts checks a list of host patterns and brings them into ASCII.
func validateHosts(field string, hosts []string) error {
	for i, s := range hosts {
		field := fmt.Sprintf("%s[%d]", field, i)
		host, problem := normalizeHost(s)
		if problem != "" {
			return &ConfigError{Field: field, Value: s, Problem: problem}
		}
		if slices.Contains(hosts[:i], host) {
			return &ConfigError{Field: field, Value: s, Problem: "is a duplicate: it is listed twice"}
		}
		hosts[i] = host
	}
	return nil
}

func validatePaths(field string, paths []string) error {
	for i, s := range paths {
		field := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case !strings.HasPrefix(s, "/"), strings.HasPrefix(s, "//"), len(s) > maxPattern, hasControl(s), strings.ContainsAny(s, " ?#\\"):
			return &ConfigError{Field: field, Value: s, Problem: `is not a path such as "/matomo/*": it begins with one slash and has no query, fragment, blank or backslash`}
		case slices.Contains(paths[:i], s):
			return &ConfigError{Field: field, Value: s, Problem: "is a duplicate: it is listed twice"}
		case isCatchAll(s[1:]):
			return &ConfigError{Field: field, Value: s, Problem: "is every path: without consent the whole site would be out of reach"}
		}
	}
	return nil
}

func validatePolicyURL(field, s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	local := err == nil && u.Scheme == "" && u.Host == "" && strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//")
	remote := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil
	if !local && !remote || hasControl(s) || strings.ContainsAny(s, " \\") {
		return &ConfigError{Field: field, Value: s, Problem: "is not an address", Allowed: []string{"an http or https URL", "a path of the site that begins with one slash"}}
	}
	return nil
}

// isCatchAll reports whether a pattern consists of stars alone.
func isCatchAll(s string) bool { return s != "" && strings.Trim(s, "*") == "" }

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f })
}

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && strings.IndexByte("!#$%&'*+-.^_`|~", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

func isCategoryName(s string) bool {
	for i := range len(s) {
		if !isLower(s[i]) && (i == 0 || !isDigit(s[i]) && s[i] != '_') {
			return false
		}
	}
	return s != "" && len(s) <= maxCategoryName
}

func isServiceID(s string) bool {
	for i := range len(s) {
		if !isLower(s[i]) && !isDigit(s[i]) && (i == 0 || s[i] != '_' && s[i] != '-') {
			return false
		}
	}
	return s != "" && len(s) <= maxServiceID
}

// isLanguageTag reports whether s has the form of a lower-case BCP 47 tag.
func isLanguageTag(s string) bool {
	for i, subtag := range strings.Split(s, "-") {
		if subtag == "" || len(subtag) > 8 || i == 0 && len(subtag) < 2 {
			return false
		}
		for j := range len(subtag) {
			if !isLower(subtag[j]) && (i == 0 || !isDigit(subtag[j])) {
				return false
			}
		}
	}
	return true
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isAlnum(c byte) bool { return isLower(c) || isUpper(c) || isDigit(c) }
