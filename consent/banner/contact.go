package banner

import (
	"html/template"
	"net/url"
	"regexp"
	"strings"
)

// emailAddress is what the HTML Standard calls a valid e-mail address, of a domain with a
// dot (section 4.10.5.1.5).
var emailAddress = regexp.MustCompile("^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-zA-Z0-9-]{1,63}(\\.[a-zA-Z0-9-]{1,63})+$")

// ContactURL returns the address to link to where Contact is an e-mail address or an
// https URL and nothing else, and "" for any other text.
func (c Config) ContactURL() string {
	if emailAddress.MatchString(c.Contact) {
		local, domain, _ := strings.Cut(c.Contact, "@")
		return "mailto:" + url.PathEscape(local) + "@" + domain // RFC 6068, section 2
	}
	u, err := url.Parse(c.Contact)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.ContainsAny(c.Contact, " \t") {
		return ""
	}
	return u.String()
}

// Link is [locale.T] for a text with one value in it, which is a link.
func (l *locale) Link(key, name, value, address string) (template.HTML, error) {
	text, err := l.T(key, name, value)
	if err != nil {
		return "", err
	}
	before, after, _ := strings.Cut(text, value)
	escape := template.HTMLEscapeString
	return template.HTML(escape(before) + `<a href="` + escape(address) + `" rel="noopener">` + escape(value) + "</a>" + escape(after)), nil //nolint:gosec // every part is escaped
}
