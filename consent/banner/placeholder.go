package banner

import (
	"net/url"
	"slices"
	"strings"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// Placeholder is what stands in a page in place of something that the visitor did
// not agree to.
type Placeholder struct {
	// Services are the ids of the services that it belongs to. Those that do not
	// exist, or need no consent, are passed over.
	Services []string

	// Category is the name of the category that it belongs to where no service
	// is left.
	Category string

	// Host is whom it comes from, and Content its address, to be opened on its own;
	// both may be empty, and an address that is not of http or https is left out.
	Host, Content string

	// ReturnTo is the local address, path and query, of the page around it.
	ReturnTo string
}

// PlaceholderPage returns the HTML document that is shown in place of something. It
// needs no script and no style but that of [Renderer.Asset]. ok is false where nobody
// has to be asked for such a thing.
func (r *Renderer) PlaceholderPage(lang string, p Placeholder) (page []byte, ok bool) {
	view, ok := r.placeholderView(lang, p)
	if !ok {
		return nil, false
	}
	page, err := r.execute("placeholder", view)
	if err != nil {
		panic("banner: " + err.Error()) // a mistake in an embedded template
	}
	return page, true
}

func (r *Renderer) placeholderView(lang string, p Placeholder) (view *placeholderView, ok bool) {
	view = &placeholderView{documentView: r.document(lang, "settings"), Host: p.Host, ReturnTo: p.ReturnTo}
	if u, err := url.Parse(p.Content); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		view.Content = u.String()
	}
	var category *consent.Category
	for _, c := range r.policy.Categories() {
		if c.Name == consent.Necessary {
			continue
		}
		if c.Name == p.Category && category == nil {
			category = c
		}
		for _, s := range r.policy.Services(c.Name) {
			if slices.Contains(p.Services, s.ID) {
				view.Services = append(view.Services, declareService(s, view.locale))
				category = c
			}
		}
	}
	if category == nil {
		return nil, false
	}
	view.Category, view.CategoryName, view.Description = title(category, view.locale), category.Name, description(category, view.locale)
	providers := make([]string, len(view.Services))
	for i, s := range view.Services {
		providers[i] = s.Provider
	}
	who := strings.Join(providers, ", ")
	if who != "" {
		view.Allow = view.fill(view.Texts["placeholder_allow"], "what", who)
	} else {
		view.Allow = view.fill(view.Texts["placeholder_allow_all"], "category", view.Category)
		who = p.Host
	}
	view.Title = view.Texts["placeholder_title"]
	if who != "" {
		view.Title = view.fill(view.Texts["placeholder_title_of"], "who", who)
	}
	return view, true
}

type placeholderView struct {
	documentView
	Services      []DeclaredService
	Category      string // its title
	CategoryName  string
	Description   string // of the category
	Host, Content string
	ReturnTo      string
	Allow         string // what the button says
}

// Several reports whether the content belongs to more than one service.
func (v *placeholderView) Several() bool { return len(v.Services) > 1 }
