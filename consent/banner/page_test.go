package banner

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

func renderPage(t testing.TB, r *Renderer, lang string, p Page) *html.Node {
	t.Helper()
	page, err := r.Page(lang, p)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, page)
}

func TestPageDeclaresEverything(t *testing.T) {
	r := newRenderer(t, declared(), Config{Controller: "City of Example", Contact: "privacy@example.org", PrivacyPolicy: "https://example.org/privacy"})
	for _, lang := range Languages() {
		root := renderPage(t, r, lang, Page{Decision: notAsked(r)})
		texts := locales()[lang]().Texts
		if document := one(t, root, "the document", named("html")); attr(document, "lang") != lang || attr(document, "dir") != locales()[lang]().Dir {
			t.Errorf("%s: %v", lang, document.Attr)
		}
		if title := text(one(t, root, "the title", named("title"))); title != texts["page_title"]+" – City of Example" {
			t.Errorf("%s: title %q", lang, title)
		}

		statistics := one(t, root, "the cookies of the necessary category", func(n *html.Node) bool {
			return n.Data == "table" && attr(n.Parent, "aria-labelledby") == "cookie-consent-declaration-necessary"
		})
		purpose := "Authentication"
		if lang == "fr" {
			purpose = "Authentification"
		}
		rows := elements(one(t, statistics, "the body", named("tbody")), named("tr"))
		if len(rows) != 2 {
			t.Fatalf("%s: %d rows", lang, len(rows))
		}
		want := []string{"Portal", "Log-in, every page", "sessionid", purpose, mustLifetime(t, lang, 14), "Nobody else"}
		own := []string{"City of Example", texts["own_function"], "cookies_preferences", texts["own_purpose"], mustLifetime(t, lang, 182), texts["own_recipients"]}
		if got := cells(rows[0]); !slices.Equal(got, want) {
			t.Errorf("%s: row %q, want %q", lang, got, want)
		}
		if got := cells(rows[1]); !slices.Equal(got, own) {
			t.Errorf("%s: row %q, want %q", lang, got, own)
		}
		headings := []string{texts["provider"], texts["function"], texts["cookie_names"], texts["purpose"], texts["duration"], texts["recipients"]}
		if got := cells(one(t, statistics, "the head", named("thead"))); !slices.Equal(got, headings) {
			t.Errorf("%s: headings %q, want %q", lang, got, headings)
		}

		services := one(t, root, "the services of the maps category", func(n *html.Node) bool {
			return n.Data == "table" && attr(n.Parent, "aria-labelledby") == "cookie-consent-declaration-maps"
		})
		want = []string{"Tiles Ltd tiles " + texts["privacy_policy"], "Map tiles", "tile_*", "*.tiles.example /tiles/*", "tiles:*"}
		if got := cells(one(t, services, "the body", named("tbody"))); !slices.Equal(got, want) {
			t.Errorf("%s: service %q, want %q", lang, got, want)
		}

		shown := text(root)
		for _, want := range []string{
			texts["choice_none"], texts["necessary_description"], texts["first_party_description"], texts["third_party_description"],
			texts["statistics_description"], "Shows where things are.", "Anonymous counts for the site's owner alone.",
			locales()[lang]().fill(texts["policy_unlisted"], "category", texts["first_party_title"]), "privacy@example.org", texts["sent_none"],
		} {
			if !strings.Contains(shown, want) {
				t.Errorf("%s: the page does not say %q", lang, want)
			}
		}
	}
}

func mustLifetime(t *testing.T, lang string, days int) string {
	t.Helper()
	s, err := locales()[lang]().Lifetime(consent.Lifetime{Duration: time.Duration(days) * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func cells(row *html.Node) []string {
	var texts []string
	for _, cell := range elements(row, func(n *html.Node) bool { return n.Data == "td" || n.Data == "th" }) {
		texts = append(texts, text(cell))
	}
	return texts
}

func TestPageIsWellFormedForAssistiveTechnology(t *testing.T) {
	r := newRenderer(t, declared(), Config{Controller: "City of Example"})
	root := renderPage(t, r, "en", Page{Decision: notAsked(r), ReturnTo: "/x", RequestCookies: []string{"a"}})
	ids := map[string]*html.Node{}
	for _, n := range elements(root, func(n *html.Node) bool { return has(n, "id") }) {
		if ids[attr(n, "id")] != nil {
			t.Errorf("two elements have the id %q", attr(n, "id"))
		}
		ids[attr(n, "id")] = n
	}
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			if a.Key == "aria-labelledby" || a.Key == "aria-describedby" || a.Key == "for" {
				for id := range strings.FieldsSeq(a.Val) {
					if ids[id] == nil || text(ids[id]) == "" && a.Key != "for" {
						t.Errorf("%s of %s refers to %q", a.Key, n.Data, id)
					}
				}
			}
		}
	}
	for _, n := range elements(root, func(n *html.Node) bool {
		return n.Data == "select" || n.Data == "input" && attr(n, "type") == "checkbox"
	}) {
		labelled := n.Parent.Data == "label"
		for _, label := range elements(root, named("label")) {
			labelled = labelled || has(n, "id") && attr(label, "for") == attr(n, "id")
		}
		if !labelled {
			t.Errorf("no label for %v", n.Attr)
		}
	}
	for _, th := range elements(root, named("th")) {
		if attr(th, "scope") == "" {
			t.Errorf("heading cell %q has no scope", text(th))
		}
	}
	level := 0
	for _, h := range elements(root, func(n *html.Node) bool { return len(n.Data) == 2 && n.Data[0] == 'h' && n.Data[1] <= '6' }) {
		next := int(h.Data[1] - '0')
		if next > level+1 {
			t.Errorf("%s %q follows a heading of level %d", h.Data, text(h), level)
		}
		level = next
	}
	one(t, root, "the main part", named("main"))
}

func TestPageShowsTheChoiceInForce(t *testing.T) {
	r := newRenderer(t, declared(), Config{})
	for _, test := range []struct {
		category, service consent.State
		selected          string
	}{{consent.Refused, consent.Granted, "tiles"}, {consent.Granted, consent.Refused, "-tiles"}} {
		p := Page{
			Decision: chosen(r, &consent.Preference{
				Day:        20516,
				Categories: map[string]consent.State{consent.Statistics: consent.Refused, consent.FirstParty: consent.Granted, "maps": test.category},
				Services:   map[string]consent.State{"tiles": test.service},
			}),
			ReturnTo: "/came/from?here=1",
			Saved:    true,
			GPC:      true,
			NotKept:  []string{"tiles", consent.ThirdParty},
		}
		root := renderPage(t, r, "en", p)
		boxes := map[string]bool{}
		for _, box := range elements(root, withAttr("name", "category")) {
			boxes[attr(box, "value")] = has(box, "checked")
		}
		if boxes[consent.Statistics] || !boxes[consent.FirstParty] || boxes[consent.ThirdParty] {
			t.Errorf("boxes %v", boxes)
		}
		for _, option := range elements(one(t, root, "the service", withAttr("name", "service")), named("option")) {
			if has(option, "selected") != (attr(option, "value") == test.selected) {
				t.Errorf("option %q selected %t", attr(option, "value"), has(option, "selected"))
			}
		}
		one(t, root, "the open list of services", func(n *html.Node) bool { return n.Data == "details" && has(n, "open") })
		shown := text(root)
		for _, want := range []string{
			"Your choice of 4 March 2026 applies. You will be asked again after 2 September 2026",
			locales()["en"]().Texts["choice_gpc"], "although you switched them on: Tiles Ltd, Content and advertising from other sites",
		} {
			if !strings.Contains(shown, want) {
				t.Errorf("the page does not say %q: %s", want, shown)
			}
		}
		if status := one(t, root, "the status", withAttr("role", "status")); text(status) != "Your choice is saved." {
			t.Errorf("status %q", text(status))
		}
		if value := attr(one(t, root, "return_to", withAttr("name", "return_to")), "value"); value != p.ReturnTo {
			t.Errorf("return_to %q", value)
		}
		one(t, root, "the way back", withAttr("href", p.ReturnTo))
	}
}

// A service that needs no consent is on, whatever its category is, until it is
// switched off; then it stays off.
func TestExemptServiceOnPage(t *testing.T) {
	cfg := declared()
	cfg.Services[0].Exempt = "Counts nothing."
	r := newRenderer(t, cfg, Config{})
	for _, test := range []struct {
		d        *consent.Decision
		selected string
	}{
		{notAsked(r), "tiles"},
		{chosen(r, &consent.Preference{Categories: map[string]consent.State{"maps": consent.Refused}}), "-tiles"},
		{chosen(r, &consent.Preference{Categories: map[string]consent.State{"maps": consent.Refused}, Services: map[string]consent.State{"tiles": consent.Granted}}), "tiles"},
	} {
		root := renderPage(t, r, "en", Page{Decision: test.d})
		options := elements(one(t, root, "the service", withAttr("name", "service")), named("option"))
		if len(options) != 2 {
			t.Fatalf("%d options", len(options))
		}
		for _, option := range options {
			if has(option, "selected") != (attr(option, "value") == test.selected) {
				t.Errorf("option %q selected %t, want %q", attr(option, "value"), has(option, "selected"), test.selected)
			}
		}
		if shown := text(root); !strings.Contains(shown, "Counts nothing.") {
			t.Error("the page does not say why no consent is needed")
		}
	}
}

// The browser's signal is stronger than what was chosen without it: the page
// shows what holds.
func TestSignalOverrulesAnEarlierChoiceOnPage(t *testing.T) {
	cfg := declared()
	cfg.Services[0].Category = consent.ThirdParty
	r := newRenderer(t, cfg, Config{})
	granted := &consent.Preference{
		Categories: map[string]consent.State{consent.ThirdParty: consent.Refused},
		Services:   map[string]consent.State{"tiles": consent.Granted},
	}
	for gpc, selected := range map[bool]bool{false: true, true: false} {
		root := renderPage(t, r, "en", Page{Decision: r.policy.Decide(granted, gpc), GPC: gpc})
		if got := has(one(t, root, "the option", withAttr("value", "tiles")), "selected"); got != selected {
			t.Errorf("with the signal %t the service is shown as on: %t", gpc, got)
		}
	}
}

func TestPageWithoutAddressToReturnTo(t *testing.T) {
	r := newRenderer(t, &consent.Config{}, Config{})
	root := renderPage(t, r, "en", Page{Decision: notAsked(r)})
	if found := elements(root, withAttr("name", "return_to")); len(found) != 0 {
		t.Error("a return_to without an address")
	}
	for _, role := range []string{"status", "alert"} {
		if found := elements(root, withAttr("role", role)); len(found) != 0 {
			t.Errorf("a %s although nothing happened", role)
		}
	}
}

func TestPageListsRequestCookies(t *testing.T) {
	r := newRenderer(t, declared(), Config{})
	root := renderPage(t, r, "en", Page{
		Decision: notAsked(r), ReturnTo: "/from", RequestCookies: []string{"zeta", "<b>", "sessionid", "zeta", "\xff", "", "cookies_preferences"},
	})
	section := one(t, root, "the section", func(n *html.Node) bool { return n.Data == "section" && attr(n, "aria-labelledby") == "sent" })
	const unlisted = "Profiling and advertising by this site (not listed)"
	want := [][]string{
		{"–", unlisted, "Kept from the site", "Delete"},
		{"<b>", unlisted, "Kept from the site", "Delete"},
		{"cookies_preferences", "Necessary", "In use", "Delete Without it you will be asked for your choice again."},
		{"sessionid", "Necessary", "In use", "Delete Without it you may be logged out or lose settings."},
		{"zeta", unlisted, "Kept from the site", "Delete"},
		{"\uFFFD", unlisted, "Kept from the site", "Delete"},
	}
	form := one(t, section, "the form", named("form"))
	if attr(form, "method") != "post" || attr(form, "action") != "/.cookie-consent/delete" {
		t.Errorf("form %v", form.Attr)
	}
	var names []string
	for _, button := range elements(form, withAttr("name", "name")) {
		if button.Data != "button" || attr(button, "type") != "submit" {
			t.Errorf("%s %v", button.Data, button.Attr)
		}
		names = append(names, attr(button, "value"))
	}
	if want := []string{"", "<b>", "cookies_preferences", "sessionid", "zeta", "\uFFFD"}; !slices.Equal(names, want) {
		t.Errorf("buttons for %q, want %q", names, want)
	}
	if value := attr(one(t, form, "return_to", withAttr("name", "return_to")), "value"); value != "/from" {
		t.Errorf("return_to %q", value)
	}
	rows := elements(one(t, section, "the body", named("tbody")), named("tr"))
	if len(rows) != len(want) {
		t.Fatalf("%d rows: %s", len(rows), text(section))
	}
	for i, row := range rows {
		if got := cells(row); !slices.Equal(got, want[i]) {
			t.Errorf("row %q, want %q", got, want[i])
		}
	}
}

// A service may have the name of a category.
func TestServiceNamedAsACategory(t *testing.T) {
	cfg := declared()
	cfg.Services[0].ID = consent.FirstParty
	r := newRenderer(t, cfg, Config{})
	shown := text(renderPage(t, r, "en", Page{Decision: notAsked(r), RequestCookies: []string{"zeta"}, NotKept: []string{consent.FirstParty}}))
	for _, want := range []string{"counts as “Profiling and advertising by this site”", "zeta Profiling and advertising by this site (not listed)", "switched them on: Tiles Ltd"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the page does not say %q: %s", want, shown)
		}
	}
}

func TestOperatorDeclaresThePreferenceCookie(t *testing.T) {
	cfg := declared()
	cfg.Cookies[0].Patterns = append(cfg.Cookies[0].Patterns, "cookies_preferences")
	r := newRenderer(t, cfg, Config{})
	if got := r.Declaration("en").Categories[0].Cookies; len(got) != 1 {
		t.Errorf("declared twice: %v", got)
	}
}

// What the page's policy forbids must not be in it.
func TestPageNeedsNoScriptAndNoInlineStyle(t *testing.T) {
	r := newRenderer(t, declared(), Config{Controller: "x"})
	documents := map[string][]byte{"error": r.ErrorPage("en", http.StatusForbidden, WrongOrigin)}
	var err error
	if documents["page"], err = r.Page("en", Page{Decision: notAsked(r), ReturnTo: "/"}); err != nil {
		t.Fatal(err)
	}
	for name, document := range documents {
		root := parse(t, document)
		if !bytes.HasPrefix(document, []byte("<!DOCTYPE html><html lang=")) {
			t.Errorf("%s begins %.60s", name, document)
		}
		for n := range root.Descendants() {
			if n.Data == "script" || n.Data == "style" || n.Data == "base" || n.Data == "iframe" {
				t.Errorf("%s has a %s element", name, n.Data)
			}
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") || a.Key == "src" {
					t.Errorf("%s: %s has %s", name, n.Data, a.Key)
				}
			}
		}
		sheet := one(t, root, "the style sheet", named("link"))
		if _, _, ok := r.Asset(strings.TrimPrefix(attr(sheet, "href"), "/.cookie-consent/")); !ok {
			t.Errorf("%s: no style sheet %q", name, attr(sheet, "href"))
		}
	}
}

func TestErrorPage(t *testing.T) {
	r := newRenderer(t, &consent.Config{}, Config{})
	for _, lang := range append(Languages(), "tlh") {
		for problem, status := range map[Problem]int{NotFound: 404, WrongMethod: 405, WrongOrigin: 403, TooLarge: 413, BadForm: 400, Unavailable: 503} {
			root := parse(t, r.ErrorPage(lang, status, problem))
			l := localeIn(lang, "en")
			if shown := text(root); !strings.Contains(shown, l.Texts["error_"+string(problem)]) {
				t.Errorf("%s %s: %s", lang, problem, shown)
			}
			one(t, root, "the way to the settings", withAttr("href", "/.cookie-consent/"))
		}
	}
}

// Nothing that an operator or a visitor writes becomes markup, wherever it is shown.
func TestPayloadsStayText(t *testing.T) {
	for _, payload := range []string{
		`<script>alert(1)</script>`, `"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, `</title><script>alert(1)</script>`,
		`--><svg onload=alert(1)>`, `]]><script>alert(1)</script>`, `</textarea></style></noscript><script>alert(1)</script>`,
		`javascript:alert(1)`, `" onmouseover="alert(1)`, `' autofocus onfocus='alert(1)`, "` onclick=alert(1) `", `&lt;script&gt;alert(1)&lt;/script&gt;`,
		`&#60;script&#62;alert(1)&#60;/script&#62;`, `{{.Config}}<script>`, `+ADw-script+AD4-alert(1)+ADw-/script+AD4-`, "\x1b$B<script>alert(1)\x1b(B", "é<script\u2028>alert(1)</script\u00a0>",
	} {
		everywhere := consent.Text{"": payload}
		cfg := &consent.Config{
			Categories: []consent.Category{
				{Name: "added", Title: everywhere, Description: everywhere},
				{Name: consent.Statistics, Title: everywhere, Description: everywhere, Exempt: payload},
			},
			Cookies:  []consent.Cookie{{Patterns: []string{"a", "b*"}, Category: "added", Provider: payload, Function: everywhere, Purpose: everywhere, Recipients: payload}},
			Services: []consent.Service{{ID: "s", Category: "added", Provider: payload, Purpose: everywhere, Cookies: []string{"c"}, Storage: []string{"k"}}},
		}
		r := newRenderer(t, cfg, Config{Controller: payload, Contact: payload, PrivacyPolicy: "/" + url.PathEscape(payload), Prefix: "/" + payload + "/"})
		page, err := r.Page("en", Page{
			Decision: chosen(r, &consent.Preference{}), ReturnTo: "/" + payload, Saved: true, GPC: true,
			NotKept: []string{"added", "s"}, RequestCookies: []string{payload},
		})
		if err != nil {
			t.Fatal(err)
		}
		asked, settings := inPage(r, "en", "/"+payload, notAsked(r)), inPage(r, "en", payload, chosen(r, &consent.Preference{}))
		for name, document := range map[string][]byte{
			"page": page, "banner": asked, "settings": settings, "error": r.ErrorPage("en", 404, Problem(payload)),
		} {
			for n := range parse(t, document).Descendants() {
				if n.Type != html.ElementNode {
					continue
				}
				switch n.Data {
				case "script", "svg", "img", "style", "textarea", "noscript":
					t.Errorf("%q makes a %s element in the %s", payload, n.Data, name)
				}
				for _, a := range n.Attr {
					if strings.HasPrefix(a.Key, "on") || a.Key == "autofocus" || strings.ContainsAny(a.Key, `"'<>`+"`") {
						t.Errorf("%q makes the attribute %s in the %s", payload, a.Key, name)
					}
					if (a.Key == "href" || a.Key == "action") && strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
						t.Errorf("%q makes the address %s in the %s", payload, a.Val, name)
					}
				}
			}
		}
		if i := slices.IndexFunc(asked, func(b byte) bool { return b >= 0x80 || b == 0x1b }); i >= 0 {
			t.Errorf("%q leaves byte %#x in the banner", payload, asked[i])
		}
	}
}
