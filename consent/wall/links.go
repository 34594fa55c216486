package wall

import "strings"

// harmless are the link types that make no browser load anything: relations to other
// pages, which are followed by visitors, and what only crawlers and editors read.
var harmless = func() map[string]bool {
	words := map[string]bool{}
	for word := range strings.FieldsSeq("alternate amphtml appendix archives author bookmark canonical chapter contact contents " +
		"copyright edituri external first glossary help home hub image_src index last license me next nofollow noopener " +
		"noreferrer opener pingback prev previous privacy-policy profile publisher replies section self service shortlink " +
		"sidebar start subsection syndication tag terms-of-service toc up webmention wlwmanifest") {
		words[word] = true
	}
	return words
}()

// isHarmless reports whether a link type makes no browser load anything. Those that
// are addresses are extensions, which none knows.
func isHarmless(rel string) bool {
	rel = strings.ToLower(rel)
	return harmless[rel] || strings.HasPrefix(rel, "schema.") || strings.Contains(rel, "://")
}
