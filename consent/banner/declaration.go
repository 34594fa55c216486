package banner

import (
	"cmp"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// Declaration is the cookies policy as data: what is declared, in one language.
// Its JSON form is an interface; fields may join it, none changes its meaning.
type Declaration struct {
	// Fingerprint identifies the part of the policy that visitors consent to.
	Fingerprint string `json:"fingerprint"`

	// Language is the language tag of the texts.
	Language string `json:"language"`

	// Languages are the tags of all languages that the texts can be had in.
	Languages []string `json:"languages"`

	Controller    string             `json:"controller,omitempty"`
	Contact       string             `json:"contact,omitempty"`
	PrivacyPolicy string             `json:"privacy_policy,omitempty"`
	Categories    []DeclaredCategory `json:"categories"`
}

// DeclaredCategory is a purpose and everything that is declared for it.
type DeclaredCategory struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Description string `json:"description"`

	// NeedsConsent is true for what stays off until the visitor agrees.
	NeedsConsent bool `json:"needs_consent"`

	// Exempt is why no consent is needed although the category is not
	// necessary; the visitor may still switch it off.
	Exempt string `json:"exempt,omitempty"`

	Cookies  []DeclaredCookie  `json:"cookies"`
	Services []DeclaredService `json:"services"`
}

// DeclaredCookie is one row of the declaration table.
type DeclaredCookie struct {
	Names      []string         `json:"names"`
	Provider   string           `json:"provider"`
	Function   string           `json:"function,omitempty"`
	Purpose    string           `json:"purpose"`
	Lifetime   consent.Lifetime `json:"lifetime,omitzero"`
	Recipients string           `json:"recipients,omitempty"`
}

// DeclaredService is a product of one provider within a category.
type DeclaredService struct {
	ID       string   `json:"id"`
	Provider string   `json:"provider"`
	Purpose  string   `json:"purpose"`
	Exempt   string   `json:"exempt,omitempty"`
	Cookies  []string `json:"cookies,omitempty"`
	Hosts    []string `json:"hosts,omitempty"`
	Paths    []string `json:"paths,omitempty"`
	Storage  []string `json:"storage,omitempty"`
	Policy   string   `json:"policy,omitempty"`
}

// Declaration returns the policy as data, its texts in the given language.
func (r *Renderer) Declaration(lang string) *Declaration {
	l := r.locale(lang)
	d := &Declaration{
		Fingerprint:   r.policy.Fingerprint(),
		Language:      l.Lang,
		Languages:     r.languages(),
		Controller:    r.cfg.Controller,
		Contact:       r.cfg.Contact,
		PrivacyPolicy: r.cfg.PrivacyPolicy,
	}
	for _, c := range r.policy.Categories() {
		declared := DeclaredCategory{
			Name:         c.Name,
			Title:        title(c, l),
			Description:  description(c, l),
			NeedsConsent: r.policy.NeedsConsent(c.Name),
			Exempt:       c.Exempt,
			Cookies:      []DeclaredCookie{},
			Services:     []DeclaredService{},
		}
		for _, cookie := range r.policy.Cookies(c.Name) {
			declared.Cookies = append(declared.Cookies, r.declareCookie(cookie, l))
		}
		for _, s := range r.policy.Services(c.Name) {
			declared.Services = append(declared.Services, declareService(s, l))
		}
		d.Categories = append(d.Categories, declared)
	}
	return d
}

// languages returns the tags of the languages that visitors may get.
func (r *Renderer) languages() []string {
	if r.cfg.Language != "" {
		return []string{r.cfg.Language}
	}
	return Languages()
}

func declareService(s *consent.Service, l *locale) DeclaredService {
	return DeclaredService{
		ID:       s.ID,
		Provider: s.Provider,
		Purpose:  l.purpose(s.Purpose),
		Exempt:   s.Exempt,
		Cookies:  s.Cookies,
		Hosts:    s.Hosts,
		Paths:    s.Paths,
		Storage:  s.Storage,
		Policy:   s.Policy,
	}
}

func (r *Renderer) declareCookie(c *consent.Cookie, l *locale) DeclaredCookie {
	if c.Provider == "" { // the cookie that keeps the choice, in no words of the operator's own
		return DeclaredCookie{
			Names:      []string{r.cfg.CookieName},
			Provider:   r.controller(l),
			Function:   l.Texts["own_function"],
			Purpose:    l.Texts["own_purpose"],
			Lifetime:   consent.Lifetime{Duration: r.cfg.MaxAge},
			Recipients: l.Texts["own_recipients"],
		}
	}
	return DeclaredCookie{
		Names:      c.Patterns,
		Provider:   c.Provider,
		Function:   c.Function.In(l.Lang),
		Purpose:    l.purpose(c.Purpose),
		Lifetime:   c.Lifetime,
		Recipients: c.Recipients,
	}
}

// title returns the short name of a category.
func title(c *consent.Category, l *locale) string {
	return cmp.Or(c.Title.In(l.Lang), l.Texts[c.Name+"_title"], c.Name)
}

// description returns what a category is for.
func description(c *consent.Category, l *locale) string {
	return cmp.Or(c.Description.In(l.Lang), l.Texts[c.Name+"_description"])
}
