// Package banner renders what visitors see of the product: the banner that asks
// for consent, the control that reopens the settings, the page with the
// preferences and the cookies policy, and their style sheets, in the visitor's
// language. Nothing of it needs JavaScript.
//
// # Interface for style sheets, tests and visitors' own tools
//
// These names stay:
//
//	#cookie-consent           the banner, while nothing was chosen
//	#cookie-consent-form      the form that every control belongs to
//	#cookie-consent-settings  the link to the preferences, once something was
//	#cookie-consent-corner    the box around that link
//	#cookie-consent-status    what screen readers are told of a choice on the page
//	.cookie-consent-accept    the button that accepts everything
//	.cookie-consent-reject    the button that rejects everything
//	.cookie-consent-choose    the details element with the choice per category
//	.cookie-consent-services  within it, the services of a category, after its label
//	.cookie-consent-save      the button that saves that choice
//	.cookie-consent-policy    the link to the cookies policy
//	.cookie-consent-page      the body of every page of the module's own
//
// The script adds the classes cookie-consent-top, while the banner would cover what
// has the focus, and cookie-consent-room, where the page can be scrolled beyond its
// end. Of the page itself the style sheet touches the root element alone: its
// scroll-padding and, with that class or without scripts, its margin at the end.
//
// Within the choice, a category that is ticked covers its services, whose own boxes
// then disappear. To agree to some of them alone, the visitor leaves the category
// unticked. Services that need no consent are left to the preferences page.
//
// The preferences page uses the same form id and button classes. The custom
// properties that set colours, corners and the font are described at the top of
// banner.css, and hold on all pages. The policy has names of its own, which are those of
// [Renderer.PolicyFragment].
//
// # Templates
//
// The templates of a [Theme] see what those of the module see: a *fragmentView for
// "banner", "settings" and "end", a *pageView for "page", a *policyView for "fragment",
// an *errorView for "error" and a *placeholderView for "placeholder". The README lists
// the fields and methods that stay.
//
// # What the form sends
//
// The form is posted to "preferences" below the prefix with these fields:
//
//   - choice: accept_all, reject_all, save or placeholder
//   - category, any number of times: the categories to grant
//   - service, any number of times: the id of a service to grant although its
//     category may not be, or, after a hyphen, of one to refuse although its
//     category may be; an empty value stands for no exception
//   - return_to: the local address to return to
//   - language: that of what the visitor saw
//   - source: preferences or placeholder, if that was what the visitor saw
//
// The form of the list of cookies is posted to "delete", with return_to, language and
// name: the name of the cookie to delete, as the page shows it.
package banner

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// Config is what an operator sets about the pieces that visitors see.
type Config struct {
	// Prefix is the path that the own endpoints are below, with a slash at
	// both ends, such as "/.cookie-consent/".
	Prefix string

	// Controller is who answers for the site; Contact is an address, a
	// telephone number, an e-mail address or a URL; PrivacyPolicy is an http
	// or https URL or a path. All may be empty.
	Controller, Contact, PrivacyPolicy string

	// Language is the language of every text. Empty: see [Renderer.Language].
	Language string

	// DefaultLanguage is the language for visitors who want none that there
	// are texts for. Empty: English.
	DefaultLanguage string

	// OwnTexts are the operator's own texts in place of those of the module, by the keys
	// that the language files have.
	OwnTexts map[string]consent.Text

	// Footer is true if the link to the settings is the last line of the page, not a
	// corner of the window.
	Footer bool

	// MaxAge is how long a choice is kept, in whole seconds.
	MaxAge time.Duration

	// CookieName is the name of the cookie that keeps the choice.
	CookieName string

	// Theme is how banner and pages look; nil for the module's own way.
	Theme *Theme
}

// A Renderer renders everything about one policy. It may be used by any number
// of goroutines.
type Renderer struct {
	policy    *consent.Policy
	cfg       Config
	templates *template.Template
	bannerCSS *asset
	pageCSS   *asset
	locales   map[string]*rendered
	tags      *memo
	accepts   *memo
	end       func() *fragment
}

// rendered holds the fragments in one language, made when first needed.
type rendered struct {
	banner, bannerGPC, settings func() *fragment
	policy                      func() []byte
}

// New returns a Renderer. It fails with a [*consent.ConfigError] when a
// configured language is none that there are texts for, or the address of the
// privacy policy is none to link to, and with a [*ThemeError] when a template of
// the theme can't be rendered or lacks what visitors have a right to.
func New(policy *consent.Policy, cfg Config) (*Renderer, error) {
	if cfg.DefaultLanguage == "" {
		cfg.DefaultLanguage = "en"
	}
	var err error
	if cfg.DefaultLanguage, err = configuredLanguage("default_language", cfg.DefaultLanguage); err != nil {
		return nil, err
	}
	if cfg.Language != "" {
		if cfg.Language, err = configuredLanguage("language", cfg.Language); err != nil {
			return nil, err
		}
	}
	if err := checkTexts(cfg.OwnTexts); err != nil {
		return nil, err
	}
	if u, err := url.Parse(cfg.PrivacyPolicy); err != nil || u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" {
		return nil, &consent.ConfigError{
			Field: "privacy_policy", Value: cfg.PrivacyPolicy, Problem: "is not an address to link to",
			Allowed: []string{"an http or https URL", "a path of the site"},
		}
	}

	r := &Renderer{
		policy:    policy,
		cfg:       cfg,
		templates: templates(),
		bannerCSS: bannerCSS(),
		pageCSS:   pageCSS(),
		locales:   map[string]*rendered{},
		tags:      newMemo(matchTag),
		accepts:   newMemo(matchAccept),
	}
	if cfg.Theme != nil && cfg.Theme.stylesheet != "" {
		r.bannerCSS = r.bannerCSS.with(cfg.Theme.stylesheet)
		r.pageCSS = r.pageCSS.with(cfg.Theme.stylesheet)
	}
	r.end = sync.OnceValue(func() *fragment { return r.fragment("end", cfg.DefaultLanguage, false) })
	for _, lang := range languages() {
		r.locales[lang] = &rendered{
			banner:    sync.OnceValue(func() *fragment { return r.fragment("banner", lang, false) }),
			bannerGPC: sync.OnceValue(func() *fragment { return r.fragment("banner", lang, true) }),
			settings:  sync.OnceValue(func() *fragment { return r.fragment("settings", lang, false) }),
			policy:    sync.OnceValue(func() []byte { return r.policyFragment(lang) }),
		}
	}
	if cfg.Theme != nil && cfg.Theme.templates != nil {
		r.templates = cfg.Theme.templates
		if err := r.checkTemplates(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// in returns the fragments in a language, or in the default one.
func (r *Renderer) in(lang string) *rendered {
	if l, ok := r.locales[lang]; ok {
		return l
	}
	return r.locales[r.cfg.DefaultLanguage]
}

// A Place is where in a site something is put.
type Place struct {
	// Language is one that [Renderer.Language] returned.
	Language string

	// ReturnTo is the local address, path and query, that the visitor comes
	// back to.
	ReturnTo string

	// Origin is the scheme, host and port that the visitor uses. It is empty
	// unless the page leads its own addresses elsewhere, by a base element:
	// an address that begins with a path is right behind every proxy.
	Origin string

	// Settings asks for the link to the settings although the visitor was not asked.
	Settings bool

	// StyleNonce is the nonce attribute of style sheets; none if it is empty.
	StyleNonce string
}

// AppendBodyStart appends what belongs right after the start tag of a page's
// body: the banner while the visitor was not asked, the link to the settings
// afterwards. It is ASCII only.
func (r *Renderer) AppendBodyStart(dst []byte, at Place, d *consent.Decision) []byte {
	l := r.in(at.Language)
	switch {
	case d.Asked() || at.Settings:
		if r.cfg.Footer {
			return dst
		}
		return l.settings().append(dst, at, d)
	case r.signalled(d):
		return l.bannerGPC().append(dst, at, d)
	default:
		return l.banner().append(dst, at, d)
	}
}

// AppendEnd appends what belongs last in a page: while the visitor was not asked, the
// form that the controls of the banner refer to, behind an end tag for a form that the
// page may have left open, so that the page's own forms keep their places in
// document.forms; afterwards the link to the settings, if it is the last line of pages.
func (r *Renderer) AppendEnd(dst []byte, at Place, d *consent.Decision) []byte {
	if !d.Asked() && !at.Settings {
		return r.end().append(dst, at, d)
	}
	if !r.cfg.Footer {
		return dst
	}
	return r.in(at.Language).settings().append(dst, at, d)
}

// Edition identifies what the renderer puts into pages, in every language: another
// version of the module, or another configuration, makes another page of the same
// bytes. Rendering one language of many shows everything but their texts.
func (r *Renderer) Edition() string {
	h := sha256.New()
	for _, lang := range languages() {
		h.Write(localeFile(lang))
	}
	for _, c := range r.policy.Categories() {
		fmt.Fprintf(h, "%q%q", c.Title, c.Description)
		for _, s := range r.policy.Services(c.Name) {
			fmt.Fprintf(h, "%q", s.Purpose)
		}
	}
	fmt.Fprintf(h, "%q%t", r.cfg.OwnTexts, r.cfg.Footer) // fmt sorts maps
	unasked := r.policy.Decide(nil, false)
	inserted := r.AppendBodyStart(nil, Place{Language: r.cfg.DefaultLanguage, ReturnTo: "/"}, unasked)
	h.Write(r.AppendEnd(inserted, Place{}, unasked))
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// signalled reports whether something is refused although nobody was asked:
// by the Global Privacy Control signal of the browser.
func (r *Renderer) signalled(d *consent.Decision) bool {
	for _, c := range r.policy.Categories() {
		if d.Category(c.Name) == consent.Refused {
			return true
		}
	}
	return false
}

//go:embed banner.html page.html placeholder.html
var templateFiles embed.FS

// templateNames are the files with templates.
var templateNames = []string{"banner.html", "page.html", "placeholder.html"}

// templates are the module's own templates of all pieces.
var templates = sync.OnceValue(newTemplates)

// newTemplates reads the embedded templates, without the indentation and line ends of
// their sources.
func newTemplates() *template.Template {
	t := template.New("")
	for _, name := range templateNames {
		source, err := templateFiles.ReadFile(name)
		if err != nil {
			panic("banner: reading embedded template: " + err.Error())
		}
		var text strings.Builder
		for line := range strings.Lines(string(source)) {
			text.WriteString(strings.TrimLeft(strings.TrimRight(line, "\n"), "\t"))
		}
		template.Must(t.Parse(text.String()))
	}
	return t
}

// A fragmentView is what the templates of fragments see.
type fragmentView struct {
	*locale
	*fragmentWriter
	Config
	LocalPolicy bool // whether the privacy policy is a path of the site
	Stylesheet  string
	Who         string
	Asked       []purpose // need consent
	Exempt      []purpose // are on until switched off
	GPC         bool
}

// Categories are all that can be switched.
func (v *fragmentView) Categories() []purpose { return slices.Concat(v.Asked, v.Exempt) }

// A purpose is a category as the banner names it, or a service within one.
type purpose struct {
	Name, Title, Brief string
	Exempt             bool
	Services           []purpose // that can be granted without the rest of the category
}

// fragment renders a template. A failure is a mistake in an embedded template,
// which every test would meet; those of a theme were rendered when it was loaded.
func (r *Renderer) fragment(name, lang string, gpc bool) *fragment {
	f, err := r.renderFragment(name, lang, gpc)
	if err != nil {
		panic("banner: rendering " + name + ": " + err.Error())
	}
	return f
}

func (r *Renderer) renderFragment(name, lang string, gpc bool) (*fragment, error) {
	l := r.locale(lang)
	w := &fragmentWriter{}
	view := &fragmentView{
		locale:         l,
		fragmentWriter: w,
		Config:         r.cfg,
		LocalPolicy:    strings.HasPrefix(r.cfg.PrivacyPolicy, "/") && !strings.HasPrefix(r.cfg.PrivacyPolicy, "//"),
		Stylesheet:     r.bannerCSS.name,
		Who:            r.controller(l),
		GPC:            gpc,
	}
	for _, c := range r.policy.Categories() {
		p := purpose{
			Name:   c.Name,
			Title:  title(c, l),
			Brief:  cmp.Or(c.Description.In(lang), l.Texts[c.Name+"_brief"]),
			Exempt: c.Exempt != "",
		}
		for _, s := range r.policy.Services(c.Name) {
			if s.Exempt == "" { // else it is on whether or not its category is
				p.Services = append(p.Services, purpose{Name: s.ID, Title: s.Provider, Brief: l.purpose(s.Purpose)})
			}
		}
		switch {
		case r.policy.NeedsConsent(c.Name):
			view.Asked = append(view.Asked, p)
		case p.Exempt:
			view.Exempt = append(view.Exempt, p)
		}
	}
	if err := r.templates.ExecuteTemplate(w, name, view); err != nil {
		return nil, err
	}
	w.cut(slotNone, "")
	return &w.fragment, nil
}

// controller names who answers for the site, at the start of a sentence.
func (r *Renderer) controller(l *locale) string {
	if r.cfg.Controller != "" {
		return r.cfg.Controller
	}
	return l.Texts["this_site"]
}
