package shim

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// GoogleConsentMode says for each type of consent of Google Consent Mode, version 2,
// which categories have to be granted, all of them, for the type to be. Types that are
// missing have the categories of [DefaultGoogleConsentMode].
type GoogleConsentMode map[string][]string

// DefaultGoogleConsentMode is the mapping for who says nothing else. Google's
// advertising keeps cookies on the site's own domain and on others, so that it takes
// both categories; what it counts as functionality and security needs no consent.
var DefaultGoogleConsentMode = GoogleConsentMode{
	"ad_personalization":      {consent.FirstParty, consent.ThirdParty},
	"ad_storage":              {consent.FirstParty, consent.ThirdParty},
	"ad_user_data":            {consent.FirstParty, consent.ThirdParty},
	"analytics_storage":       {consent.Statistics},
	"functionality_storage":   {consent.Necessary},
	"personalization_storage": {consent.FirstParty},
	"security_storage":        {consent.Necessary},
}

// GoogleConsentTypes returns the types of consent, in alphabetical order.
func GoogleConsentTypes() []string {
	return slices.Sorted(maps.Keys(DefaultGoogleConsentMode))
}

// compile returns the categories of each type by number, nil for a nil mode. An error is
// a [*consent.ConfigError] for a field of "google_consent_mode".
func (m GoogleConsentMode) compile(p *consent.Policy) (map[string][]int, error) {
	if m == nil {
		return nil, nil
	}
	var names []string
	for _, c := range p.Categories() {
		names = append(names, c.Name)
	}
	for _, kind := range slices.Sorted(maps.Keys(m)) {
		field := "google_consent_mode." + kind
		if _, ok := DefaultGoogleConsentMode[kind]; !ok {
			return nil, &consent.ConfigError{Field: field, Value: kind, Problem: "is not a type of consent", Allowed: GoogleConsentTypes()}
		}
		if len(m[kind]) == 0 {
			return nil, &consent.ConfigError{Field: field, Problem: "must name at least one category", Allowed: names}
		}
	}
	compiled := map[string][]int{}
	for _, kind := range GoogleConsentTypes() {
		categories, ok := m[kind]
		if !ok {
			categories = DefaultGoogleConsentMode[kind]
		}
		for i, category := range categories {
			at := slices.Index(names, category)
			if at < 0 {
				return nil, &consent.ConfigError{Field: fmt.Sprintf("google_consent_mode.%s[%d]", kind, i), Value: category, Problem: "is not a category", Allowed: names}
			}
			compiled[kind] = append(compiled[kind], at)
		}
	}
	return compiled, nil
}
