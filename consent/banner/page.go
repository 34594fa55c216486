package banner

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"html/template"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// Page is what the preferences page depends on besides the policy.
type Page struct {
	// Decision is what holds for the visitor.
	Decision *consent.Decision

	// ReturnTo is the local address, path and query, that the visitor came
	// from, if known.
	ReturnTo string

	// Saved is true for the answer to a choice.
	Saved bool

	// NotKept lists what the visitor switched on and a choice had no room for,
	// as in [consent.Preference].
	NotKept []string

	// GPC is true when the browser sends the Global Privacy Control signal.
	GPC bool

	// RequestCookies are the names of the cookies that came with the request.
	RequestCookies []string

	// Receipt is the proof of the choice that the page answers, nil if there
	// is none.
	Receipt *Receipt

	// Script is the tag of the script that the page needs, empty if there is none.
	Script template.HTML
}

// A Receipt is what a visitor may keep as the proof of a choice.
type Receipt struct {
	ID   string    // of the record
	Time time.Time // of the choice
	JSON []byte    // the record as data, to download
}

// Page returns the HTML document with the preferences and the cookies policy.
// It needs no script to work, and no style but that of [Renderer.Asset].
func (r *Renderer) Page(lang string, p Page) ([]byte, error) {
	return r.execute("page", r.pageView(lang, p))
}

func (r *Renderer) pageView(lang string, p Page) *pageView {
	view := &pageView{policyView: r.policyView(lang, "page_title"), Page: p}

	titles, providers := map[string]string{}, map[string]string{} // of categories, of services
	for i := range view.Categories {
		c := &view.Categories[i]
		titles[c.Name] = c.Title
		for _, s := range c.Services {
			providers[s.ID] = s.Provider
		}
		c.On = p.Decision.Category(c.Name) == consent.Granted
		c.Switches = serviceSwitches(c.DeclaredCategory, p.Decision)
	}
	if p.Saved {
		view.News = view.Texts["saved"]
	}
	notKept := make([]string, len(p.NotKept))
	for i, name := range p.NotKept {
		notKept[i] = cmp.Or(providers[name], titles[name])
	}
	view.NotKept = strings.Join(notKept, ", ")
	if p.Receipt != nil {
		view.Download = template.URL("data:application/json;base64," + base64.StdEncoding.EncodeToString(p.Receipt.JSON))
	}
	if preference := p.Decision.Preference(); preference != nil {
		view.Made = view.Day(preference.Day)
		view.Until = view.Day(preference.Day + int(r.cfg.MaxAge/(24*time.Hour)))
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(p.RequestCookies))) {
		state, rule := p.Decision.Cookie(name)
		sent := sentCookie{
			Name:     ShownName(name),
			Category: titles[rule.Category],
			Declared: rule.Declared,
			Granted:  state == consent.Granted,
		}
		switch {
		case name == r.cfg.CookieName:
			sent.Warning = "delete_choice"
			view.Kept = true
		case rule.Category == consent.Necessary:
			sent.Warning = "delete_necessary"
		}
		view.Sent = append(view.Sent, sent)
	}
	return view
}

// PolicyFragment returns the cookies policy, all of it that is the same for every
// visitor, as a piece of HTML for a page of the operator's own: what the categories are
// for, the tables of what is declared, and the link to the preferences. Its headings
// are h2 and h3, all classes and ids begin with "cookie-consent-declaration", and it
// is ASCII only, right in every charset that a page may be in.
func (r *Renderer) PolicyFragment(lang string) []byte {
	return r.in(lang).policy()
}

func (r *Renderer) policyFragment(lang string) []byte {
	view := r.policyView(lang, "policy_title")
	fragment, err := r.execute("fragment", &view)
	if err != nil {
		panic("banner: " + err.Error()) // a mistake in an embedded template
	}
	return []byte(ascii(string(fragment)))
}

// A Problem is why one of the own endpoints refuses a request.
type Problem string

// The problems that visitors are told of.
const (
	NotFound    Problem = "not_found"   // there is no such endpoint
	WrongMethod Problem = "method"      // the endpoint has no such method
	WrongOrigin Problem = "origin"      // the request came from another site
	TooLarge    Problem = "too_large"   // the body is longer than a choice can be
	BadForm     Problem = "form"        // the body holds no choice
	Unavailable Problem = "unavailable" // the choice cannot be kept now
	Unproven    Problem = "unproven"    // the consent cannot be recorded now
	TooMany     Problem = "too_many"    // too many choices came from one network
)

// ErrorPage returns a short HTML document that tells a visitor what is wrong
// and where the settings are.
func (r *Renderer) ErrorPage(lang string, status int, problem Problem) []byte {
	view := &errorView{documentView: r.document(lang, "error_title"), Status: status}
	view.Message = view.Texts["error_"+string(problem)]
	page, err := r.execute("error", view)
	if err != nil {
		panic("banner: " + err.Error()) // a mistake in an embedded template
	}
	return page
}

// RetryPage returns a short HTML document that tells a visitor that a choice was
// not taken, with the fields of its form to send once more.
func (r *Renderer) RetryPage(lang string, status int, problem Problem, form url.Values) []byte {
	view := &errorView{documentView: r.document(lang, "error_title"), Status: status}
	view.Message = view.Texts["error_"+string(problem)]
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range form[name] {
			view.Retry = append(view.Retry, formField{name, value})
		}
	}
	page, err := r.execute("error", view)
	if err != nil {
		panic("banner: " + err.Error()) // a mistake in an embedded template
	}
	return page
}

// A documentView is what the templates of all documents see.
type documentView struct {
	*locale
	Config
	Title      string
	News       string // what became of a choice, which screen readers are told first
	Stylesheet string
}

func (r *Renderer) document(lang, title string) documentView {
	l := r.locale(lang)
	return documentView{locale: l, Config: r.cfg, Title: l.Texts[title], Stylesheet: r.pageCSS.name}
}

type errorView struct {
	documentView
	Status  int
	Message string
	Retry   []formField
}

type formField struct{ Name, Value string }

// A policyView is what the template of the cookies policy sees.
type policyView struct {
	documentView
	Unlisted   string // the title of the category of undeclared cookies
	Categories []categoryView
}

func (r *Renderer) policyView(lang, title string) policyView {
	view := policyView{documentView: r.document(lang, title)}
	unknown := r.policy.Config().UnknownCookies
	for _, c := range r.Declaration(lang).Categories {
		if c.Name == unknown && r.policy.NeedsConsent(unknown) {
			view.Unlisted = c.Title
		}
		view.Categories = append(view.Categories, categoryView{DeclaredCategory: c})
	}
	return view
}

type pageView struct {
	policyView
	Page
	NotKept  string       // as visitors read it
	Made     string       // the day of the choice in force, "" without one
	Until    string       // the last day of that choice
	Kept     bool         // whether the browser sends the cookie of a choice
	Download template.URL // of the receipt
	Sent     []sentCookie
}

type categoryView struct {
	DeclaredCategory
	On       bool
	Switches []serviceSwitch
}

// AnyException reports whether a service is not in the state of its category.
func (c categoryView) AnyException() bool {
	return slices.ContainsFunc(c.Switches, func(s serviceSwitch) bool { return s.Granted && !c.On || s.Refused && c.On })
}

// A serviceSwitch lets a visitor make an exception for a service. It has three
// positions, not two: without a script, a switch with two could not follow that
// of its category, and would refuse or grant what the visitor never touched.
// Only a service that needs no consent has two, because it is on whether or not
// its category is.
type serviceSwitch struct {
	DeclaredService
	Granted, Refused bool // neither: as the category
}

func serviceSwitches(c DeclaredCategory, d *consent.Decision) []serviceSwitch {
	if !c.NeedsConsent && c.Exempt == "" {
		return nil // what is necessary is always on
	}
	exceptions := map[string]consent.State{}
	if preference := d.Preference(); preference != nil {
		exceptions = preference.Services
	}
	var switches []serviceSwitch
	for _, s := range c.Services {
		granted := d.Service(s.ID) == consent.Granted
		sw := serviceSwitch{DeclaredService: s}
		if s.Exempt != "" {
			sw.Granted, sw.Refused = granted, !granted
		} else if state, ok := exceptions[s.ID]; ok {
			// The browser's signal may have overruled the exception.
			sw.Granted, sw.Refused = granted, state == consent.Refused
		}
		switches = append(switches, sw)
	}
	return switches
}

// A sentCookie is a cookie that came with the request.
type sentCookie struct {
	Name, Category    string
	Declared, Granted bool
	Warning           string // the key of what deleting it does, "" if that is little
}

// ShownName returns the name of a cookie as the preferences page shows it, and sends it
// back to have the cookie deleted: names are bytes, a page is text.
func ShownName(name string) string { return strings.ToValidUTF8(name, "\uFFFD") }

// execute renders a document. Where a template of the theme fails for what it did not
// meet when it was loaded, the module's own takes its place: visitors can always choose.
func (r *Renderer) execute(name string, view any) ([]byte, error) {
	page, err := render(r.templates, name, view)
	if err == nil || r.templates == templates() {
		return page, err
	}
	return render(templates(), name, view)
}

func render(t *template.Template, name string, view any) ([]byte, error) {
	var page bytes.Buffer
	if err := t.ExecuteTemplate(&page, name, view); err != nil {
		return nil, err
	}
	return page.Bytes(), nil
}
