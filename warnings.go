package cookieconsent

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
)

// warnings returns what the operator should hear of a configuration that is loaded all
// the same.
func (h *Handler) warnings() []string {
	warnings := slices.Clone(h.policy.Warnings())
	warn := func(what string, purpose consent.Text) {
		if word := purpose[""]; purposeWord.MatchString(word) && !slices.Contains(catalog.Purposes(), word) {
			warnings = append(warnings, fmt.Sprintf("%s has the purpose %q, which is no word of the catalog, so that visitors read it as it is in every language; the words are %s",
				what, word, strings.Join(catalog.Purposes(), ", ")))
		}
	}
	cfg := h.policy.Config()
	for i := range cfg.Cookies {
		warn(fmt.Sprintf("cookie %q", cfg.Cookies[i].Patterns[0]), cfg.Cookies[i].Purpose)
	}
	for i := range cfg.Services {
		warn(fmt.Sprintf("service %q", cfg.Services[i].ID), cfg.Services[i].Purpose)
	}
	return warnings
}

// purposeWord is the form of the words that the catalog has for purposes. A text of that
// form tells visitors little, and is likely to be one of them, misspelt.
var purposeWord = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
