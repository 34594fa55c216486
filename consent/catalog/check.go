package catalog

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

var (
	idForm   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	hostForm = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?$`)
	nameForm = regexp.MustCompile(`^[^\x00-\x20\x7f-\xff;=,"]+$`)
)

// checkSource checks where the facts of an entry come from.
func (e *entry) checkSource() error {
	var source string
	var confidence Confidence
	if e.product != nil {
		source, confidence = e.product.Source, e.product.Confidence
	} else {
		source, confidence = e.service.Source, e.service.Confidence
	}
	if !isAddress(source) {
		return e.errorf(atKey("source"), "%q needs the address of its source, but has %q", e.id(), source)
	}
	if confidence != High && confidence != Medium && confidence != Low {
		return e.errorf(atKey("confidence"), "%q is not a confidence; allowed: high, medium, low", confidence)
	}
	if confidence != Low {
		return nil
	}
	for i := range e.cookies() {
		c := &e.cookies()[i]
		if e.match(c).Category == consent.Necessary && !c.Hint {
			return e.errorf(atName(c.Name), "%q is necessary, but nothing is from memory alone (confidence low)", c.Name)
		}
	}
	if e.service != nil && e.service.Category == consent.Necessary {
		return e.errorf(atKey("category"), "%q is necessary, but nothing is from memory alone (confidence low)", e.id())
	}
	return nil
}

// check checks an entry by itself.
func (e *entry) check() error {
	if !idForm.MatchString(e.id()) {
		return e.errorf(atKey("id"), "%q is not an id of lower-case letters, digits and hyphens", e.id())
	}
	match := e.match(nil)
	if strings.TrimSpace(match.Name()) == "" || strings.TrimSpace(match.Provider()) == "" {
		return e.errorf("", "%q needs a name and, if it is a service, a provider", e.id())
	}
	if e.service != nil {
		if err := e.checkService(); err != nil {
			return err
		}
	} else if len(e.product.Cookies) == 0 {
		return e.errorf("", "%q has no cookies", e.id())
	}
	for i := range e.cookies() {
		if err := e.checkCookie(i); err != nil {
			return err
		}
	}
	return nil
}

func (e *entry) checkService() error {
	s := e.service
	if !slices.Contains(categories, s.Category) {
		return e.errorf(atKey("category"), "%q is not a category; allowed: %s", s.Category, strings.Join(categories, ", "))
	}
	if !isPurpose(s.Purpose) {
		return e.errorf(atKey("purpose"), "%q is not a purpose; allowed: %s", s.Purpose, strings.Join(Purposes(), ", "))
	}
	if s.Policy != "" && !isAddress(s.Policy) {
		return e.errorf(atKey("policy"), "%q is not an address", s.Policy)
	}
	if len(s.Hosts)+len(s.Paths)+len(s.Cookies)+len(s.Storage)+len(s.Inline) == 0 {
		return e.errorf("", "%q has nothing by which it is recognised: hosts, paths, cookies, storage or inline", s.ID)
	}
	if s.CDN && len(s.Cookies) > 0 {
		return e.errorf(atKey("cdn"), "%q sets cookies, so that it is not a mere cdn", s.ID)
	}
	for i, host := range s.Hosts {
		if problem := checkHost(host); problem != "" {
			return e.errorf(atWord(host), "host %q %s", host, problem)
		}
		for j, other := range s.Hosts {
			if above, ok := strings.CutPrefix(other, "*"); i != j && (host == other || ok && strings.HasSuffix(host, above)) {
				return e.errorf(atWord(host), "host %q is listed although %q covers it", host, other)
			}
		}
	}
	for _, path := range s.Paths {
		if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, " *?#") {
			return e.errorf(atWord(path), "%q is not the end of a path such as \"/matomo.js\"", path)
		}
	}
	for i, key := range s.Storage {
		if problem := checkName(key, s.Category); problem != "" {
			return e.errorf(atWord(key), "storage key %q %s", key, problem)
		}
		if slices.Contains(s.Storage[:i], key) {
			return e.errorf(atWord(key), "storage key %q is listed twice", key)
		}
	}
	for _, text := range s.Inline {
		if len(strings.TrimSpace(text)) < 4 {
			return e.errorf(atWord(text), "inline text %q is too short to tell scripts apart", text)
		}
	}
	return nil
}

func (e *entry) checkCookie(i int) error {
	c := &e.cookies()[i]
	errorf := func(format string, args ...any) error { return e.errorf(atName(c.Name), format, args...) }
	match := e.match(c)
	if !slices.Contains(categories, match.Category) {
		return errorf("cookie %q: %q is not a category; allowed: %s", c.Name, match.Category, strings.Join(categories, ", "))
	}
	if !isPurpose(match.Purpose) {
		return errorf("cookie %q: %q is not a purpose; allowed: %s", c.Name, match.Purpose, strings.Join(Purposes(), ", "))
	}
	if c.Host != "" {
		if problem := checkHost(c.Host); problem != "" || c.Host[0] == '*' {
			return errorf("cookie %q: host %q is not a host in ASCII and lower case", c.Name, c.Host)
		}
	}
	category := match.Category
	if c.Hint && category == consent.Necessary {
		category = consent.FirstParty // nothing passes by a hint
	}
	if problem := checkName(c.Name, category); problem != "" {
		return errorf("cookie %q %s", c.Name, problem)
	}
	for j := range e.cookies() {
		other := &e.cookies()[j]
		if i == j || other.Host != c.Host || other.Hint != c.Hint {
			continue
		}
		if other.Name == c.Name {
			return errorf("cookie %q is listed twice", c.Name)
		}
		theirs := e.match(other)
		if theirs.Category == match.Category && theirs.Purpose == match.Purpose && other.Lifetime == c.Lifetime && consent.KnownCovers(other.Name, consent.KnownExample(c.Name)) {
			return errorf("cookie %q is listed although %q covers it", c.Name, other.Name)
		}
	}
	return nil
}

// checkName returns what is wrong with the name of a cookie or a key.
func checkName(name, category string) (problem string) {
	if !nameForm.MatchString(name) {
		return "is not a name"
	}
	if err := consent.CheckKnownName(name); err != nil {
		return "is not a pattern: " + err.Error()
	}
	before, after, star := strings.Cut(name, "*")
	if !star {
		if first, _, run := strings.Cut(name, "<"); run && len(first) < 2 {
			return "begins with a run: any name could"
		}
		return ""
	}
	if category == consent.Necessary {
		return "has a star, behind which a tracker could hide: what is necessary has exact names and runs of a class"
	}
	literal, _, _ := strings.Cut(before, "<")
	if len(literal) < 3 && len(after) < 5 {
		return "has a star with less than 3 characters before and less than 5 behind it"
	}
	return ""
}

// checkTogether checks that every cookie is found, and found as what it is.
func (c *Catalog) checkTogether() error {
	for i := range c.entries {
		if err := c.checkFound(&c.entries[i]); err != nil {
			return err
		}
	}
	return nil
}

// checkFound checks that the cookies of an entry are found as what they are. One that
// needs consent may be found as a stricter one, but nothing may take the name of what
// is necessary, nor the other way round.
func (c *Catalog) checkFound(e *entry) error {
	for i := range e.cookies() {
		cookie := &e.cookies()[i]
		if cookie.Host != "" || cookie.Hint {
			continue
		}
		example := consent.KnownExample(cookie.Name)
		want := e.match(cookie)
		found, _ := c.Cookie(example)
		switch necessary := want.Category == consent.Necessary; {
		case found.Category == want.Category:
		case !necessary && found.Category != consent.Necessary && found.Tied:
		case !necessary && found.Cookie.Name == example && cookie.Name != example:
			// One name of a pattern, which is known to be something else.
		default:
			return e.errorf(atName(cookie.Name), "cookie %q of category %s is found as %q of %s, which is of category %s",
				cookie.Name, want.Category, found.Cookie.Name, found.Name(), found.Category)
		}
	}
	return nil
}

// checkHost returns what is wrong with a host or "*." and a host.
func checkHost(host string) (problem string) {
	bare := strings.TrimPrefix(host, "*.")
	if !hostForm.MatchString(bare) || len(bare) > consent.MaxHost {
		return "is not a host such as \"stats.example.net\" or \"*.example.net\", in ASCII and lower case"
	}
	if suffix, icann := publicsuffix.PublicSuffix(bare); suffix == bare && icann {
		return "is a public suffix, under which anybody can register"
	}
	return ""
}

func isAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
