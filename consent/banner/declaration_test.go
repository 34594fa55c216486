package banner

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// The policy for pages of the operator's own says what the page says, and fits in anywhere.
func TestPolicyFragment(t *testing.T) {
	r := newRenderer(t, declared(), Config{Controller: "City of Example"})
	for _, lang := range append(Languages(), "tlh") {
		fragment := r.PolicyFragment(lang)
		if i := slices.IndexFunc(fragment, func(b byte) bool { return b >= 0x80 || b < ' ' }); i >= 0 {
			t.Fatalf("%s: byte %#x", lang, fragment[i])
		}
		for _, outer := range []string{"<html", "<head>", "<body", "<!DOCTYPE", "<h1", "<style", "style=", "<script", "<link", "<form"} {
			if bytes.Contains(fragment, []byte(outer)) {
				t.Errorf("%s: the fragment has %s", lang, outer)
			}
		}
		within := parse(t, slices.Concat([]byte("<!DOCTYPE html><meta charset=windows-1252><body>"), fragment))
		box := one(t, within, "the fragment", withAttr("class", "cookie-consent-declaration"))
		l := localeIn(lang, "en")
		if attr(box, "lang") != l.Lang || attr(box, "dir") != l.Dir {
			t.Errorf("%s: %v", lang, box.Attr)
		}
		for _, n := range elements(box, func(n *html.Node) bool { return has(n, "id") || has(n, "class") }) {
			if name := attr(n, "id") + attr(n, "class"); !strings.HasPrefix(name, "cookie-consent-declaration") {
				t.Errorf("%s: the name %q may be taken", lang, name)
			}
		}
		page := renderPage(t, r, lang, Page{Decision: notAsked(r)})
		policy := withAttr("aria-labelledby", "cookie-consent-declaration")
		if got, want := text(one(t, box, "the policy", policy)), text(one(t, page, "the policy", policy)); got != want {
			t.Errorf("%s: the fragment says %s, the page %s", lang, got, want)
		}
		one(t, box, "the link to the preferences", withAttr("href", "/.cookie-consent/?lang="+l.Lang))
	}
}

func TestDeclarationJSON(t *testing.T) {
	r := newRenderer(t, declared(), Config{Controller: "City of Example", Contact: "c", PrivacyPolicy: "/p"})
	text, err := json.Marshal(r.Declaration("de"))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Fingerprint, Language, Controller, Contact string
		PrivacyPolicy                              string `json:"privacy_policy"`
		Categories                                 []struct {
			Name, Title, Description, Exempt string
			NeedsConsent                     bool `json:"needs_consent"`
			Cookies                          []map[string]any
			Services                         []map[string]any
		}
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got := r.Declaration("de").Languages; !slices.Equal(got, Languages()) {
		t.Errorf("languages %q", got)
	}
	if got := newRenderer(t, declared(), Config{Language: "fr"}).Declaration("fr").Languages; !slices.Equal(got, []string{"fr"}) {
		t.Errorf("languages %q where one is forced", got)
	}
	if got.Fingerprint == "" || got.Language != "de" || got.Controller != "City of Example" || got.PrivacyPolicy != "/p" {
		t.Errorf("got %+v", got)
	}
	byName := map[string]int{}
	for i, c := range got.Categories {
		byName[c.Name] = i
		if c.Cookies == nil || c.Services == nil {
			t.Errorf("%s: null instead of an empty list in %s", c.Name, text)
		}
	}
	if c := got.Categories[byName["maps"]]; c.Title != "Karten" || c.Description != "Shows where things are." || !c.NeedsConsent {
		t.Errorf("maps: %+v", c)
	}
	if c := got.Categories[byName[consent.Statistics]]; c.Title != "Statistik" || c.NeedsConsent || c.Exempt == "" {
		t.Errorf("statistics: %+v", c)
	}
	cookie := got.Categories[byName[consent.Necessary]].Cookies[0]
	if cookie["lifetime"] != "14d" || cookie["provider"] != "Portal" || cookie["recipients"] != "Nobody else" {
		t.Errorf("cookie: %v", cookie)
	}
	service := got.Categories[byName["maps"]].Services[0]
	for _, field := range []string{"id", "provider", "purpose", "cookies", "hosts", "paths", "storage", "policy"} {
		if service[field] == nil {
			t.Errorf("service has no %s: %v", field, service)
		}
	}
}
