package cookieconsent

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/banner"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
)

// declarationOf returns Caddyfile lines that declare a cookie: a service with all that
// the catalog knows of it, or a cookie alone. The words that are left to the operator
// stand in angle brackets. The category is what the cookie has now.
func declarationOf(name, category string, known catalog.Match) string {
	if known.Service != nil && !known.IsHint() {
		return serviceDeclaration(known.Service, known.Category, known.Service.DeclarableHosts())
	}
	lifetime := consent.Lifetime{Session: true}
	if known.Cookie != nil && !known.Cookie.Lifetime.IsZero() {
		lifetime = known.Cookie.Lifetime
	}
	return cookieLines(&consent.Cookie{
		Patterns: []string{name}, Category: cmp.Or(known.Category, category), Provider: cmp.Or(known.Provider(), "<who sets it>"),
		Purpose: consent.Text{"": cmp.Or(known.Purpose, "<what it is for>")}, Lifetime: lifetime,
	})
}

// serviceDeclaration returns Caddyfile lines that declare a service of the catalog
// with hosts.
func serviceDeclaration(s *catalog.Service, category string, hosts []string) string {
	return serviceLines(serviceOf(s, category, hosts))
}

// serviceOf returns the declaration of a service of the catalog.
func serviceOf(s *catalog.Service, category string, hosts []string) *consent.Service {
	return &consent.Service{
		ID: s.ID, Category: category, Provider: s.Provider, Purpose: consent.Text{"": s.Purpose},
		Cookies: s.Patterns(category), Hosts: hosts, Storage: s.StoragePatterns(), Inline: s.Inline, Policy: s.Policy,
	}
}

// serviceLines returns the Caddyfile lines of a service.
func serviceLines(s *consent.Service) string {
	var b strings.Builder
	b.WriteString("service " + s.ID + " {\n" +
		"\tcategory " + s.Category + "\n" +
		"\tprovider " + quoteText(s.Provider) + "\n" +
		purposeLine(s.Purpose[""]))
	writeOption(&b, "cookies", s.Cookies)
	writeOption(&b, "hosts", s.Hosts)
	writeOption(&b, "storage", s.Storage)
	writeOption(&b, "inline", s.Inline)
	if s.Policy != "" {
		writeOption(&b, "policy", []string{s.Policy})
	}
	b.WriteByte('}')
	return b.String()
}

// cookieLines returns the Caddyfile lines of a cookie.
func cookieLines(c *consent.Cookie) string {
	var b strings.Builder
	b.WriteString("cookie")
	for _, pattern := range c.Patterns {
		b.WriteString(" " + quoteToken(pattern))
	}
	b.WriteString(" {\n" +
		"\tcategory " + c.Category + "\n" +
		"\tprovider " + quoteText(c.Provider) + "\n" +
		purposeLine(c.Purpose[""]))
	if !c.Lifetime.IsZero() {
		b.WriteString("\tlifetime " + c.Lifetime.String() + "\n")
	}
	b.WriteByte('}')
	return b.String()
}

// purposeLine returns the line that says what something is for. Visitors read a word of
// the catalog as a sentence in their language, which stands beside it in English for
// whoever answers for it.
func purposeLine(purpose string) string {
	if sentence := banner.Purpose(purpose, "en"); sentence != "" {
		return "\tpurpose " + purpose + " # " + sentence + "\n"
	}
	return "\tpurpose " + quoteText(purpose) + "\n"
}

// writeOption writes an option of a block with its words, if there are any.
func writeOption(b *strings.Builder, option string, words []string) {
	if len(words) == 0 {
		return
	}
	b.WriteString("\t" + option)
	for _, word := range words {
		b.WriteString(" " + quoteToken(word))
	}
	b.WriteByte('\n')
}

// hostDeclaration returns Caddyfile lines that declare whom a host belongs to.
func hostDeclaration(host, category string, known catalog.Match) string {
	if known.Service != nil {
		hosts := known.Service.DeclarableHosts()
		if !slices.ContainsFunc(hosts, func(listed string) bool {
			above, ok := strings.CutPrefix(listed, "*")
			return host == listed || ok && strings.HasSuffix(host, above)
		}) {
			hosts = append(hosts, host)
		}
		return serviceDeclaration(known.Service, known.Category, hosts)
	}
	return unknownServiceLines(host, category)
}

// unknownServiceLines returns the Caddyfile lines of a service of which nothing is known
// but a host, with the words for the operator to replace in angle brackets.
func unknownServiceLines(host, category string) string {
	return serviceLines(&consent.Service{
		ID: "<id>", Category: category, Provider: "<who answers there>",
		Purpose: consent.Text{"": "<what it is for>"}, Hosts: []string{host},
	})
}

// quoteText writes a text of several words.
func quoteText(s string) string {
	if strings.ContainsAny(s, "\"\\") {
		return quoteToken(s)
	}
	return `"` + s + `"`
}

// quoteToken writes a Caddyfile token.
func quoteToken(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\r\n\"`{}\\#") {
		return s
	}
	if !strings.Contains(s, "`") {
		return "`" + s + "`"
	}
	return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
}
