package banner

import (
	"encoding/json"
	"fmt"
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

// spoken returns what assistive technology is told of the elements with the given roles,
// in the order of the document: role, name, state and description.
func spoken(t *testing.T, nodes []*accessibility.Node, roles ...string) []string {
	t.Helper()
	text := func(v *accessibility.Value) string {
		var s string
		if v != nil {
			_ = json.Unmarshal(v.Value, &s)
		}
		return s
	}
	byID := map[accessibility.NodeID]*accessibility.Node{}
	for _, n := range nodes {
		byID[n.NodeID] = n
	}
	var list []string
	var visit func(n *accessibility.Node, status bool)
	visit = func(n *accessibility.Node, status bool) {
		role := text(n.Role)
		if !n.Ignored && slices.Contains(roles, role) {
			line := role + " " + text(n.Name)
			for _, p := range n.Properties {
				if p.Name == "checked" || p.Name == "expanded" {
					line += fmt.Sprintf(" [%s %s]", p.Name, strings.Trim(string(p.Value.Value), `"`))
				}
			}
			if description := text(n.Description); description != "" {
				line += " (" + description + ")"
			}
			list = append(list, line)
		}
		if status = status || role == "status"; status && role == "StaticText" && !n.Ignored {
			list = append(list, text(n.Name))
		}
		for _, id := range n.ChildIDs {
			if child := byID[id]; child != nil {
				visit(child, status)
			}
		}
	}
	visit(nodes[0], false)
	return list
}

// What a screen reader is told: every control with its role, name and state and what it
// is for, in the language of the banner, and after a choice that it is kept.
func TestAccessibilityTree(t *testing.T) {
	ctx := browser.Start(t)
	site, _ := newSite(t, newRenderer(t, declared(), Config{PrivacyPolicy: "/privacy"}))
	for _, test := range []struct {
		path string
		open bool
		lang string // of the elements
		want []string
	}{
		{"/site/none?lang=en", true, "en", []string{
			"region Your choice about cookies",
			"heading Your choice about cookies",
			"link All cookies and providers",
			"link Privacy policy",
			"DisclosureTriangle Choose [expanded true]",
			"group Active if switched on:",
			"checkbox Profiling and advertising by this site – recommendations and advertising based on your behaviour [checked false]",
			"checkbox Maps – Shows where things are. [checked false]",
			"group Or single services only:",
			"checkbox Tiles Ltd – Map tiles (tiles) [checked false]",
			"checkbox Content and advertising from other sites – other companies store or read data on your device (videos, maps, advertisements) [checked false]",
			"checkbox Statistics – measuring how you use this site [checked true]",
			"button Save my choice",
			"button Reject all",
			"button Accept all",
		}},
		{"/site/none?lang=ar", false, "ar", []string{
			"region اختيارك بشأن ملفات تعريف الارتباط",
			"heading اختيارك بشأن ملفات تعريف الارتباط",
			"link جميع ملفات تعريف الارتباط ومقدّمي الخدمات",
			"link سياسة الخصوصية",
			"DisclosureTriangle اختيار [expanded false]",
			"button رفض الكل",
			"button قبول الكل",
		}},
		{"/saved?lang=en", true, "en", []string{
			"main ",
			"link Back to the page",
			"heading Cookie settings and cookies policy",
			"status ",
			"Your choice is saved.",
			"region Your choice",
			"heading Your choice",
			"group Switch on what you agree to, then save. You can come back and change it at any time.",
			"group Necessary",
			"group Statistics",
			"switch Statistics [checked true] (Record what you do on this site, such as the pages you visit, to measure how it is used.)",
			"group Profiling and advertising by this site",
			"switch Profiling and advertising by this site [checked true] (Use data about you and your behaviour for this site’s own purposes, such as recommendations or advertising.)",
			"group Maps",
			"switch Maps [checked true] (Shows where things are.)",
			"DisclosureTriangle Services in this category: 1 [expanded true]",
			"combobox Tiles Ltd tiles [expanded false] (Map tiles)",
			"group Content and advertising from other sites",
			"switch Content and advertising from other sites [checked true] (Let other companies store or read data on your device, for example through embedded videos, maps or advertisements.)",
			"button Save my choice",
			"button Reject all",
			"button Accept all",
			"region Cookies policy",
			"heading Cookies policy",
			"region Necessary",
			"heading Necessary",
			"table Cookies",
			"region Statistics",
			"heading Statistics",
			"region Profiling and advertising by this site",
			"heading Profiling and advertising by this site",
			"region Maps",
			"heading Maps",
			"table Services",
			"link Privacy policy",
			"region Content and advertising from other sites",
			"heading Content and advertising from other sites",
			"region Cookies that your browser sends to this address",
			"heading Cookies that your browser sends to this address",
			"table Cookies that your browser sends to this address",
			"button Delete a",
			"region Who is responsible",
			"heading Who is responsible",
			"link Privacy policy",
		}},
		{"/placeholder?lang=de", false, "de", []string{
			"main ",
			"heading Inhalt von Tiles Ltd",
			"button Tiles Ltd erlauben",
			"link In einem neuen Fenster öffnen",
			"link Cookie-Einstellungen",
		}},
	} {
		if err := chromedp.Do(ctx, chromedp.Navigate(site+test.path)); err != nil {
			t.Fatal(err)
		}
		lang, err := chromedp.Run(ctx, chromedp.Evaluate[string](fmt.Sprintf(`
			document.querySelectorAll("details").forEach(e => { e.open = %t });
			(document.getElementById("cookie-consent") || document.documentElement).lang`, test.open)))
		if err != nil || lang != test.lang {
			t.Errorf("%s: language %q (%v)", test.path, lang, err)
		}
		tree, err := chromedp.Call(ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		if err != nil {
			t.Fatal(err)
		}
		got := spoken(t, tree.Nodes, "banner", "main", "region", "group", "heading", "link", "DisclosureTriangle", "button", "checkbox", "switch", "combobox", "status", "alert", "table")
		got = slices.DeleteFunc(got, func(line string) bool { return line == "group " }) // around a disclosure
		if !slices.Equal(got, test.want) {
			t.Errorf("%s:\ngot  %s\nwant %s", test.path, strings.Join(got, "\n     "), strings.Join(test.want, "\n     "))
		}
	}
}
