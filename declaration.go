package cookieconsent

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
)

// declarationOf returns Caddyfile lines that declare a cookie: a service with all that
// the catalog knows of it, or a cookie alone. The words that are left to the operator
// stand in angle brackets. The category is what the cookie has now.
func declarationOf(name, category string, known catalog.Match) string {
	if known.Service != nil && !known.IsHint() {
		return serviceDeclaration(known.Service, known.Category, known.Service.DeclarableHosts())
	}
	lifetime := "session"
	if known.Cookie != nil && !known.Cookie.Lifetime.IsZero() {
		lifetime = known.Cookie.Lifetime.String()
	}
	return "cookie " + quoteToken(name) + " {\n" +
		"\tcategory " + cmp.Or(known.Category, category) + "\n" +
		"\tprovider " + quoteText(cmp.Or(known.Provider(), "<who sets it>")) + "\n" +
		"\tpurpose " + quoteText(cmp.Or(catalog.Purpose(known.Purpose), "<what it is for>")) + "\n" +
		"\tlifetime " + lifetime + "\n" +
		"}"
}

// serviceDeclaration returns Caddyfile lines that declare a service of the catalog
// with hosts.
func serviceDeclaration(s *catalog.Service, category string, hosts []string) string {
	var b strings.Builder
	list := func(option string, words []string) {
		if len(words) == 0 {
			return
		}
		b.WriteString("\t" + option)
		for _, word := range words {
			b.WriteString(" " + quoteToken(word))
		}
		b.WriteByte('\n')
	}
	b.WriteString("service " + s.ID + " {\n" +
		"\tcategory " + category + "\n" +
		"\tprovider " + quoteText(s.Provider) + "\n" +
		"\tpurpose " + quoteText(catalog.Purpose(s.Purpose)) + "\n")
	list("cookies", s.Patterns(category))
	list("hosts", hosts)
	list("storage", s.StoragePatterns())
	list("inline", s.Inline)
	if s.Policy != "" {
		list("policy", []string{s.Policy})
	}
	b.WriteByte('}')
	return b.String()
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
	return "service <id> {\n" +
		"\tcategory " + category + "\n" +
		"\tprovider \"<who answers there>\"\n" +
		"\tpurpose \"<what it is for>\"\n" +
		"\thosts " + host + "\n" +
		"}"
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
