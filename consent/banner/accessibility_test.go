package banner

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

// axe-core finds nothing wrong with what visitors see.
func TestAxe(t *testing.T) {
	ctx := browser.Start(t)
	browser.Axe(t, ctx)
	site, _ := newSite(t, newRenderer(t, declared(), Config{Controller: "City of Example", Contact: "privacy@city.example", PrivacyPolicy: "/privacy"}))
	for _, lang := range []string{"en", "de", "ar", "ja"} {
		for path, selector := range map[string]string{
			"/site/none": "#cookie-consent", "/page": "html", "/saved": "html", "/placeholder": "html", "/error": "html",
		} {
			browser.CheckAxe(t, ctx, site+path+"?lang="+lang, selector)
		}
	}
}

// spoken returns what assistive technology is told of: role and name.
func spoken(t *testing.T, nodes []*accessibility.Node, roles ...string) []string {
	t.Helper()
	text := func(v *accessibility.Value) string {
		var s string
		if v != nil {
			_ = json.Unmarshal(v.Value, &s)
		}
		return s
	}
	var list []string
	for _, n := range nodes {
		if role := text(n.Role); !n.Ignored && slices.Contains(roles, role) {
			list = append(list, role+" "+text(n.Name))
		}
	}
	return list
}

// What a screen reader is told: every control with its role and name, in the language of
// the banner; and, after a choice, that it is kept.
func TestAccessibilityTree(t *testing.T) {
	ctx := browser.Start(t)
	site, _ := newSite(t, newRenderer(t, declared(), Config{PrivacyPolicy: "/privacy"}))
	for _, test := range []struct {
		path  string
		roles []string
		want  []string
	}{
		{
			"/site/none?lang=en",
			[]string{"region", "heading", "link", "DisclosureTriangle", "button"},
			[]string{
				"region Your choice about cookies", "heading Your choice about cookies", "link All cookies and providers", "link Privacy policy",
				"DisclosureTriangle Choose", "button Reject all", "button Accept all",
			},
		},
		{
			"/site/none?lang=de",
			[]string{"region", "DisclosureTriangle", "button"},
			[]string{"region Ihre Entscheidung über Cookies", "DisclosureTriangle Auswählen", "button Alle ablehnen", "button Alle akzeptieren"},
		},
		{
			"/site/none?lang=en&open",
			[]string{"group", "checkbox", "button"},
			[]string{
				"group ", "group Active if switched on:",
				"checkbox Profiling and advertising by this site – recommendations and advertising based on your behaviour",
				"checkbox Maps – Shows where things are.", "group Or single services only:", "checkbox Tiles Ltd – Map tiles (tiles)",
				"checkbox Content and advertising from other sites – other companies store or read data on your device (videos, maps, advertisements)",
				"checkbox Statistics – measuring how you use this site", "button Save my choice", "button Reject all", "button Accept all",
			},
		},
		{"/saved?lang=en", []string{"status"}, []string{"status Your choice is saved."}},
	} {
		if err := chromedp.Do(ctx, chromedp.Navigate(site+test.path)); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(test.path, "open") {
			if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS("#cookie-consent summary"))); err != nil {
				t.Fatal(err)
			}
		}
		tree, err := chromedp.Call(ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		if err != nil {
			t.Fatal(err)
		}
		got := spoken(t, tree.Nodes, test.roles...)
		if test.path == "/saved?lang=en" {
			// The text of a live region is what is in it.
			if texts := spoken(t, tree.Nodes, "StaticText"); slices.Contains(texts, "StaticText Your choice is saved.") {
				got[0] += "Your choice is saved."
			}
		}
		slices.Sort(got) // the tree comes level by level
		slices.Sort(test.want)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s:\ngot  %s\nwant %s", test.path, strings.Join(got, " | "), strings.Join(test.want, " | "))
		}
	}
}
