package banner

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// checkTemplates renders every template of the theme in every language that visitors may
// get, and looks for what they have a right to: to accept and to refuse with the same
// ease, to choose for each purpose, with nothing chosen for them, to read what is
// declared and to change their mind.
func (r *Renderer) checkTemplates() error {
	// The form at the end of pages has no texts, and is rendered in the default language.
	for _, lang := range slices.Compact(slices.Sorted(slices.Values(append(r.languages(), r.cfg.DefaultLanguage)))) {
		for _, check := range []struct {
			file  string
			check func(lang string) (problem string, err error)
		}{
			{"banner.html", r.checkBanner},
			{"page.html", r.checkPage},
			{"page.html", r.checkErrorPage},
			{"placeholder.html", r.checkPlaceholder},
		} {
			problem, err := check.check(lang)
			if err != nil {
				return r.cfg.Theme.mistake(check.file, err)
			}
			if problem != "" {
				return &ThemeError{filepath.Join(r.cfg.Theme.directory, check.file), 0, "as rendered in " + lang + ", " + problem}
			}
		}
	}
	return nil
}

func (r *Renderer) checkBanner(lang string) (string, error) {
	var document []byte
	at, unasked := Place{Language: lang, ReturnTo: "/"}, r.policy.Decide(nil, false)
	for _, name := range []string{"banner", "end", "settings"} {
		for _, gpc := range []bool{true, false} { // the last one is looked at
			f, err := r.renderFragment(name, lang, gpc)
			if err != nil {
				return "", err
			}
			if name != "settings" && !gpc {
				document = f.append(document, at, unasked)
			}
		}
	}
	m, err := parseMarkup(document)
	if err != nil {
		return "", err
	}
	banner := m.all(func(n *html.Node) bool { return attribute(n, "id") == "cookie-consent" })
	if len(banner) != 1 {
		return `there has to be one element with the id "cookie-consent"`, nil
	}
	region := &markup{banner[0]}
	if problem := r.checkChoice(r.locale(lang), m, region); problem != "" {
		return problem, nil
	}
	if !region.has("return_to", "/") {
		return `the banner lacks the hidden field "return_to", without which a choice leads away from the page`, nil
	}
	if !region.links(r.cfg.Prefix) {
		return "the banner lacks a link to the cookies policy, " + r.cfg.Prefix, nil
	}
	for n := range banner[0].Descendants() {
		if n.Data == "a" && attribute(n, "id") == "cookie-consent-settings" && strings.HasPrefix(attribute(n, "href"), r.cfg.Prefix) && within(n, "template") {
			return "", nil
		}
	}
	return `the banner lacks a template element with the link to the settings: <template>{{template "settings" .}}</template>, with the id "cookie-consent-settings" on the link`, nil
}

func (r *Renderer) checkPage(lang string) (string, error) {
	// All that the template may say is said once; whether it can be rendered is what matters.
	full := Page{
		Decision: r.policy.Decide(&consent.Preference{Categories: map[string]consent.State{}, Services: map[string]consent.State{}}, true),
		ReturnTo: "/", Saved: true, GPC: true,
		RequestCookies: []string{"a", r.cfg.CookieName},
		Receipt:        &Receipt{ID: "id", Time: time.Unix(0, 0), JSON: []byte("{}")},
	}
	for _, c := range r.policy.Categories() {
		full.NotKept = append(full.NotKept, c.Name)
	}
	if _, err := render(r.templates, "page", r.pageView(lang, full)); err != nil {
		return "", err
	}
	document, err := render(r.templates, "page", r.pageView(lang, Page{Decision: r.policy.Decide(nil, false), ReturnTo: "/"}))
	if err != nil {
		return "", err
	}
	view := r.policyView(lang, "policy_title")
	fragment, err := render(r.templates, "fragment", &view)
	if err != nil {
		return "", err
	}
	page, err := parseMarkup(document)
	if err != nil {
		return "", err
	}
	if problem := r.checkChoice(view.locale, page, page); problem != "" {
		return problem, nil
	}
	if undeclared := page.lacks(view.Categories); undeclared != "" {
		return fmt.Sprintf("the page does not declare %q", undeclared), nil
	}
	alone, err := parseMarkup(fragment)
	if err != nil {
		return "", err
	}
	if undeclared := alone.lacks(view.Categories); undeclared != "" {
		return fmt.Sprintf("the policy for other pages does not declare %q", undeclared), nil
	}
	if !alone.links(r.cfg.Prefix) {
		return "the policy for other pages lacks a link to the preferences, " + r.cfg.Prefix, nil
	}
	return "", nil
}

func (r *Renderer) checkErrorPage(lang string) (string, error) {
	view := &errorView{documentView: r.document(lang, "error_title"), Status: 503, Retry: []formField{{"choice", "accept_all"}}}
	document, err := render(r.templates, "error", view)
	if err != nil {
		return "", err
	}
	m, err := parseMarkup(document)
	if err != nil {
		return "", err
	}
	if !m.links(r.cfg.Prefix) {
		return "the page of an error lacks a link to the preferences, " + r.cfg.Prefix, nil
	}
	if !m.has("choice", "accept_all") {
		return "the page of an error lacks the fields of .Retry, by which a choice is sent once more", nil
	}
	return "", nil
}

func (r *Renderer) checkPlaceholder(lang string) (string, error) {
	for _, c := range r.policy.Categories() {
		all := Placeholder{Category: c.Name, Host: "host.example", Content: "https://host.example/", ReturnTo: "/"}
		none := all
		for _, s := range r.policy.Services(c.Name) {
			all.Services = append(all.Services, s.ID)
		}
		for _, p := range []Placeholder{none, all} {
			view, ok := r.placeholderView(lang, p)
			if !ok {
				continue
			}
			document, err := render(r.templates, "placeholder", view)
			if err != nil {
				return "", err
			}
			m, err := parseMarkup(document)
			if err != nil {
				return "", err
			}
			form := m.all(func(n *html.Node) bool {
				return n.Data == "form" && strings.EqualFold(attribute(n, "method"), "post") && attribute(n, "action") == r.cfg.Prefix+"preferences"
			})
			if len(form) != 1 {
				form = []*html.Node{{}}
			}
			fields := &markup{form[0]}
			if !fields.has("choice", "placeholder") || len(fields.all(submits)) == 0 {
				return `the placeholder needs one form, posted to "` + r.cfg.Prefix + `preferences", with the hidden field choice=placeholder and a button`, nil
			}
			for _, s := range p.Services {
				if !fields.has("service", s) {
					return fmt.Sprintf("the placeholder lacks the hidden field service=%s", s), nil
				}
			}
			if !m.links(r.cfg.Prefix) {
				return "the placeholder lacks a link to the preferences, " + r.cfg.Prefix, nil
			}
		}
	}
	return "", nil
}

// checkChoice looks for the form of the choice in a document, and for its controls in a
// part of it.
func (r *Renderer) checkChoice(l *locale, document, part *markup) string {
	form := document.all(func(n *html.Node) bool { return attribute(n, "id") == "cookie-consent-form" })
	if len(form) != 1 || form[0].Data != "form" || !strings.EqualFold(attribute(form[0], "method"), "post") || attribute(form[0], "action") != r.cfg.Prefix+"preferences" {
		return `there has to be one form with the id "cookie-consent-form", posted to "` + r.cfg.Prefix + `preferences"`
	}
	belongs := func(n *html.Node) bool {
		return attribute(n, "form") == "cookie-consent-form" || !hasAttribute(n, "form") && slices.Contains(slices.Collect(n.Ancestors()), form[0])
	}
	buttons := map[string]*html.Node{}
	for _, choice := range []string{"accept_all", "reject_all", "save"} {
		found := part.all(func(n *html.Node) bool {
			return submits(n) && belongs(n) && attribute(n, "name") == "choice" && attribute(n, "value") == choice
		})
		if len(found) != 1 || hidden(found[0]) {
			return fmt.Sprintf("there has to be one visible button of the form with name=choice and value=%s", choice)
		}
		buttons[choice] = found[0]
	}
	if within(buttons["accept_all"], "details") || within(buttons["reject_all"], "details") {
		return "the buttons that accept and reject everything must not be folded up"
	}
	if a, b := likeness(buttons["accept_all"]), likeness(buttons["reject_all"]); a != b {
		return fmt.Sprintf("the buttons that accept and reject everything have to be alike but for .cookie-consent-accept and .cookie-consent-reject: <%s> and <%s>", a, b)
	}
	if len(part.all(func(n *html.Node) bool {
		return n.Data == "input" && attribute(n, "type") == "checkbox" && attribute(n, "name") == "service" && hasAttribute(n, "checked")
	})) > 0 {
		return "the checkbox of a service must not be checked before the visitor chose"
	}
	shown := part.text()
	for _, c := range r.policy.Categories() {
		if !r.policy.NeedsConsent(c.Name) && c.Exempt == "" {
			continue
		}
		boxes := part.all(func(n *html.Node) bool {
			return n.Data == "input" && attribute(n, "type") == "checkbox" && belongs(n) && attribute(n, "name") == "category" && attribute(n, "value") == c.Name
		})
		if len(boxes) != 1 || hidden(boxes[0]) {
			return fmt.Sprintf("there has to be one visible checkbox of the form with name=category and value=%s", c.Name)
		}
		if r.policy.NeedsConsent(c.Name) && hasAttribute(boxes[0], "checked") {
			return fmt.Sprintf("the checkbox of %s must not be checked before the visitor chose", c.Name)
		}
		if name := title(c, l); !strings.Contains(shown, oneLine(name)) {
			return fmt.Sprintf("the purpose %q is not named", name)
		}
	}
	return ""
}

// likeness is what two buttons have to have in common.
func likeness(n *html.Node) string {
	var classes []string
	for class := range strings.FieldsSeq(attribute(n, "class")) {
		if class != "cookie-consent-accept" && class != "cookie-consent-reject" {
			classes = append(classes, class)
		}
	}
	slices.Sort(classes)
	return strings.Join([]string{n.Data, strings.Join(classes, " "), attribute(n, "style")}, " ")
}

// submits reports whether a control sends its form.
func submits(n *html.Node) bool {
	kind := strings.ToLower(attribute(n, "type"))
	return n.Data == "button" && kind != "button" && kind != "reset" || n.Data == "input" && kind == "submit"
}

// hidden reports whether markup keeps visitors from a control.
func hidden(n *html.Node) bool {
	if hasAttribute(n, "disabled") || hasAttribute(n, "hidden") {
		return true
	}
	for a := range n.Ancestors() {
		if hasAttribute(a, "hidden") || hasAttribute(a, "inert") || a.Data == "fieldset" && hasAttribute(a, "disabled") {
			return true
		}
	}
	return false
}

// markup is a piece of a document.
type markup struct{ root *html.Node }

func parseMarkup(document []byte) (*markup, error) {
	root, err := html.Parse(bytes.NewReader(document))
	return &markup{root}, err
}

// all returns the elements that meet a condition, but for those in templates.
func (m *markup) all(condition func(*html.Node) bool) []*html.Node {
	var found []*html.Node
	for n := range m.root.Descendants() {
		if n.Type == html.ElementNode && condition(n) && !within(n, "template") {
			found = append(found, n)
		}
	}
	return found
}

// has reports whether there is a field of a form with a name and a value.
func (m *markup) has(name, value string) bool {
	return len(m.all(func(n *html.Node) bool {
		return n.Data == "input" && attribute(n, "name") == name && attribute(n, "value") == value
	})) > 0
}

// links reports whether there is a link to the preferences.
func (m *markup) links(prefix string) bool {
	return len(m.all(func(n *html.Node) bool {
		path, _, _ := strings.Cut(attribute(n, "href"), "?")
		return n.Data == "a" && path == prefix
	})) > 0
}

// text returns the text of it, each run of white space as one space.
func (m *markup) text() string {
	var b strings.Builder
	for n := range m.root.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
			b.WriteByte('\n')
		}
	}
	return oneLine(b.String())
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// lacks returns something declared that it does not show, "" if nothing is missing.
func (m *markup) lacks(categories []categoryView) string {
	shown := m.text()
	for _, c := range categories {
		declared := []string{c.Title}
		for _, cookie := range c.Cookies {
			declared = append(append(declared, cookie.Provider, cookie.Purpose), cookie.Names...)
		}
		for _, s := range c.Services {
			declared = append(append(declared, s.Provider, s.Purpose), s.Cookies...)
		}
		for _, text := range declared {
			if !strings.Contains(shown, oneLine(text)) {
				return text
			}
		}
	}
	return ""
}

func within(n *html.Node, element string) bool {
	for a := range n.Ancestors() {
		if a.Data == element {
			return true
		}
	}
	return false
}

func hasAttribute(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
