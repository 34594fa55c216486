package banner

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

func declared() *consent.Config {
	return &consent.Config{
		Categories: []consent.Category{
			{Name: consent.Statistics, Exempt: "Anonymous counts for the site's owner alone."},
			{Name: "maps", Title: consent.Text{"en": "Maps", "de": "Karten"}, Description: consent.Text{"": "Shows where things are."}},
		},
		Cookies: []consent.Cookie{{
			Patterns: []string{"sessionid"}, Category: consent.Necessary, Provider: "Portal",
			Function: consent.Text{"": "Log-in, every page"}, Purpose: consent.Text{"en": "Authentication", "fr": "Authentification"},
			Lifetime: consent.Lifetime{Duration: 14 * 24 * time.Hour}, Recipients: "Nobody else",
		}},
		Services: []consent.Service{{
			ID: "tiles", Category: "maps", Provider: "Tiles Ltd", Purpose: consent.Text{"": "Map tiles"},
			Cookies: []string{"tile_*"}, Hosts: []string{"*.tiles.example"}, Paths: []string{"/tiles/*"}, Storage: []string{"tiles:*"}, Policy: "https://tiles.example/privacy",
		}},
	}
}

func TestBanner(t *testing.T) {
	r := newRenderer(t, declared(), Config{Controller: "City of Example", PrivacyPolicy: "/privacy?a=1&b=2"})
	for _, lang := range Languages() {
		page := inPage(r, lang, "/deep/page?a=1&b=%22", notAsked(r))
		root := parse(t, page)
		texts, dir := locales()[lang]().Texts, locales()[lang]().Dir
		banner := one(t, root, "the banner", withAttr("id", "cookie-consent"))

		if attr(banner, "lang") != lang || attr(banner, "dir") != dir || !has(banner, "data-nosnippet") || attr(banner, "role") != "region" {
			t.Errorf("%s: attributes %v", lang, banner.Attr)
		}
		heading := one(t, banner, "the heading", withAttr("id", attr(banner, "aria-labelledby")))
		if heading.Data != "h2" || text(heading) != texts["banner_title"] {
			t.Errorf("%s: heading %s %q", lang, heading.Data, text(heading))
		}

		// Every purpose, who asks, how to withdraw and where to read more.
		shown := text(banner)
		for _, want := range []string{
			"City of Example", texts["first_party_title"], texts["first_party_brief"], texts["third_party_title"], texts["third_party_brief"],
			texts["statistics_title"], "Shows where things are.", texts["settings"], texts["banner_more"], texts["privacy_policy"],
		} {
			if !strings.Contains(shown, want) {
				t.Errorf("%s: the banner does not say %q: %s", lang, want, shown)
			}
		}
		policy := one(t, banner, "the policy link", withAttr("class", "cookie-consent-policy"))
		u, err := url.Parse(attr(policy, "href"))
		if err != nil || u.Path != "/.cookie-consent/" || u.Query().Get("return_to") != "/deep/page?a=1&b=%22" {
			t.Errorf("%s: policy link %q (%v)", lang, attr(policy, "href"), err)
		}
		one(t, banner, "the privacy policy", withAttr("href", "/privacy?a=1&b=2"))

		// The style sheet comes before what it styles, from this site.
		sheet := one(t, banner, "the style sheet", named("link"))
		name := strings.TrimPrefix(attr(sheet, "href"), "/.cookie-consent/")
		if _, contentType, ok := r.Asset(name); !ok || contentType != "text/css; charset=utf-8" || banner.FirstChild != sheet {
			t.Errorf("%s: style sheet %q first %t", lang, attr(sheet, "href"), banner.FirstChild == sheet)
		}

		if i := bytes.IndexFunc(page, func(r rune) bool { return r >= 0x80 || r < ' ' }); i >= 0 {
			t.Errorf("%s: byte %#x in the page", lang, page[i])
		}
	}
}

// Accepting and refusing differ in nothing but their words.
func TestButtonsAreEqual(t *testing.T) {
	r := newRenderer(t, declared(), Config{})
	for _, lang := range Languages() {
		page, err := r.Page(lang, Page{Decision: notAsked(r)})
		if err != nil {
			t.Fatal(err)
		}
		for place, document := range map[string][]byte{"banner": inPage(r, lang, "/", notAsked(r)), "page": page} {
			root := parse(t, document)
			accept := one(t, root, "the accept button", withAttr("value", "accept_all"))
			reject := one(t, root, "the reject button", withAttr("value", "reject_all"))
			if accept.Parent != reject.Parent {
				t.Errorf("%s %s: the buttons stand apart", lang, place)
			}
			if accept.Data != "button" || attr(accept, "type") != "submit" {
				t.Errorf("%s %s: accept is %s %v", lang, place, accept.Data, accept.Attr)
			}
			same := func(n *html.Node) string {
				s := n.Data
				for _, a := range n.Attr {
					s += " " + a.Key + "=" + strings.NewReplacer("accept_all", "X", "reject_all", "X", "cookie-consent-accept", "X", "cookie-consent-reject", "X").Replace(a.Val)
				}
				return s
			}
			if same(accept) != same(reject) {
				t.Errorf("%s %s: %q and %q", lang, place, same(accept), same(reject))
			}
			texts := locales()[lang]().Texts
			if text(accept) != texts["accept_all"] || text(reject) != texts["reject_all"] {
				t.Errorf("%s %s: %q and %q", lang, place, text(accept), text(reject))
			}
		}
	}
}

// The wording that visitors' own tools look for.
func TestWordingOfButtons(t *testing.T) {
	for lang, want := range map[string][2]string{
		"en": {"Accept all", "Reject all"},
		"fr": {"Tout accepter", "Tout refuser"},
		"de": {"Alle akzeptieren", "Alle ablehnen"},
		"es": {"Aceptar todo", "Rechazar todo"},
		"it": {"Accetta tutto", "Rifiuta tutto"},
		"nl": {"Alles accepteren", "Alles weigeren"},
		"pl": {"Akceptuj wszystkie", "Odrzuć wszystkie"},
		"pt": {"Aceitar todos", "Rejeitar todos"},
		"sv": {"Godkänn alla", "Avvisa alla"},
	} {
		if got := [2]string{locales()[lang]().Texts["accept_all"], locales()[lang]().Texts["reject_all"]}; got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}

func TestNothingIsTickedBeforehand(t *testing.T) {
	r := newRenderer(t, declared(), Config{})
	for _, d := range []*consent.Decision{notAsked(r), signalled(r)} {
		page, err := r.Page("en", Page{Decision: d})
		if err != nil {
			t.Fatal(err)
		}
		for place, document := range map[string][]byte{"banner": inPage(r, "en", "/", d), "page": page} {
			root := parse(t, document)
			boxes := map[string]bool{}
			for _, box := range elements(root, withAttr("name", "category")) {
				boxes[attr(box, "value")] = has(box, "checked")
				if attr(box, "autocomplete") != "off" {
					t.Errorf("%s: a browser may restore an earlier tick of %s", place, attr(box, "value"))
				}
			}
			want := map[string]bool{consent.Statistics: true, consent.FirstParty: false, consent.ThirdParty: false, "maps": false}
			for name, on := range want {
				if got, ok := boxes[name]; !ok || got != on {
					t.Errorf("%s: %s is there %t and on %t, want on %t", place, name, ok, got, on)
				}
			}
			if len(boxes) != len(want) {
				t.Errorf("%s: boxes %v", place, boxes)
			}
			for _, option := range elements(root, named("option")) {
				if has(option, "selected") {
					t.Errorf("%s: option %q is selected", place, attr(option, "value"))
				}
			}
		}
	}
}

func TestExemptCategorySwitchedOffBySignal(t *testing.T) {
	r := newRenderer(t, declared(), Config{})
	d := chosen(r, &consent.Preference{Categories: map[string]consent.State{consent.Statistics: consent.Refused}})
	dst := r.locales["en"].banner().append(nil, Place{ReturnTo: "/"}, d)
	if bytes.Contains(dst, []byte("checked")) {
		t.Errorf("a refused category is ticked: %s", dst)
	}
}

// Every control belongs to the form at the end, whatever form the page left
// open, and the page's own forms keep their places.
func TestFormOwnership(t *testing.T) {
	r := newRenderer(t, declared(), Config{Prefix: "/.priv&acy/"})
	root := parse(t, inPage(r, "en", "/x", notAsked(r)))
	forms := elements(root, named("form"))
	if len(forms) != 2 || attr(forms[0], "action") != "/search" || attr(forms[1], "id") != "cookie-consent-form" {
		t.Fatalf("forms: %v", forms)
	}
	if forms[1].FirstChild != nil || forms[1].NextSibling != nil || forms[1].Parent.Data != "body" {
		t.Error("the own form is not empty and last in the body")
	}
	if attr(forms[1], "method") != "post" || attr(forms[1], "action") != "/.priv&acy/preferences" || attr(forms[1], "target") != "_self" {
		t.Errorf("form %v", forms[1].Attr)
	}
	banner := one(t, root, "the banner", withAttr("id", "cookie-consent"))
	controls := elements(banner, func(n *html.Node) bool { return n.Data == "input" || n.Data == "button" })
	if len(controls) != 2+4+1+3 {
		t.Errorf("%d controls", len(controls))
	}
	for _, control := range controls {
		if attr(control, "form") != "cookie-consent-form" {
			t.Errorf("control without the form: %v", control.Attr)
		}
	}
	if got := attr(one(t, banner, "return_to", withAttr("name", "return_to")), "value"); got != "/x" {
		t.Errorf("return_to %q", got)
	}
	// Enter in a checkbox presses the first button of the form.
	if first := elements(banner, named("button"))[0]; attr(first, "value") != "save" {
		t.Errorf("the first button is %v", first.Attr)
	}
}

func TestSettingsLinkAfterAChoice(t *testing.T) {
	r := newRenderer(t, declared(), Config{})
	for _, lang := range Languages() {
		d := chosen(r, &consent.Preference{})
		root := parse(t, inPage(r, lang, "/a?b=c", d))
		if found := elements(root, withAttr("id", "cookie-consent")); len(found) != 0 {
			t.Errorf("%s: the banner is still there", lang)
		}
		if found := elements(root, withAttr("id", "cookie-consent-form")); len(found) != 0 {
			t.Errorf("%s: a form without a control", lang)
		}
		link := one(t, root, "the settings link", withAttr("id", "cookie-consent-settings"))
		if link.Data != "a" || attr(link, "href") != "/.cookie-consent/?return_to=/a%3Fb%3Dc" || text(link) != locales()[lang]().Texts["settings"] {
			t.Errorf("%s: link %v %q", lang, link.Attr, text(link))
		}
		if attr(link.Parent, "lang") != lang || attr(link.Parent, "dir") != locales()[lang]().Dir || !has(link.Parent, "data-nosnippet") {
			t.Errorf("%s: around it %v", lang, link.Parent.Attr)
		}
	}
	if got := r.AppendEnd([]byte("x"), Place{}, chosen(r, &consent.Preference{})); string(got) != "x" {
		t.Errorf("AppendEnd after a choice appends %q", got)
	}
}

// The same configuration puts the same into pages. A text in any language is a part of
// it, and so is everything that is around the texts.
func TestEdition(t *testing.T) {
	edition := func(change func(*consent.Config, *Config)) string {
		declared, cfg := declared(), Config{Controller: "City of Example"}
		change(declared, &cfg)
		return newRenderer(t, declared, cfg).Edition()
	}
	seen := map[string]string{edition(func(*consent.Config, *Config) {}): "no change"}
	if first := edition(func(*consent.Config, *Config) {}); seen[first] == "" {
		t.Errorf("%s without a change, in one of %v", first, seen)
	}
	for name, change := range map[string]func(*consent.Config, *Config){
		"controller":             func(_ *consent.Config, cfg *Config) { cfg.Controller = "Town of Example" },
		"default language":       func(_ *consent.Config, cfg *Config) { cfg.DefaultLanguage = "fi" },
		"title in one language":  func(d *consent.Config, _ *Config) { d.Categories[1].Title["fr"] = "Cartes" },
		"description in another": func(d *consent.Config, _ *Config) { d.Categories[1].Description["sv"] = "Visar var något är." },
		"one category more": func(d *consent.Config, _ *Config) {
			d.Categories = append(d.Categories, consent.Category{Name: "chat", Title: consent.Text{"": "Chat"}})
		},
		"no exemption":            func(d *consent.Config, _ *Config) { d.Categories[0].Exempt = "" },
		"prefix of the endpoints": func(_ *consent.Config, cfg *Config) { cfg.Prefix = "/consent/" },
	} {
		e := edition(change)
		if other := seen[e]; other != "" {
			t.Errorf("%s gives the same edition as %s", name, other)
		}
		seen[e] = name
	}
}

func TestSignalIsSaidInTheBanner(t *testing.T) {
	r := newRenderer(t, declared(), Config{})
	note := locales()["en"]().Texts["banner_gpc"]
	if got := text(parse(t, inPage(r, "en", "/", signalled(r)))); !strings.Contains(got, note) {
		t.Errorf("not said: %s", got)
	}
	if got := text(parse(t, inPage(r, "en", "/", notAsked(r)))); strings.Contains(got, note) {
		t.Errorf("said without a signal: %s", got)
	}
}

func TestUnknownLanguageFallsBack(t *testing.T) {
	r := newRenderer(t, &consent.Config{}, Config{DefaultLanguage: "fr"})
	if got, want := r.AppendBodyStart(nil, Place{Language: "tlh", ReturnTo: "/"}, notAsked(r)), r.AppendBodyStart(nil, Place{Language: "fr", ReturnTo: "/"}, notAsked(r)); !bytes.Equal(got, want) {
		t.Errorf("got %s", got)
	}
}

func TestNoExemptionNoAdditions(t *testing.T) {
	r := newRenderer(t, &consent.Config{}, Config{})
	shown := text(parse(t, inPage(r, "en", "/", notAsked(r))))
	if strings.Contains(shown, "without consent") || strings.Contains(shown, "Privacy policy") {
		t.Errorf("the banner speaks of what there is not: %s", shown)
	}
	if !strings.Contains(shown, "This site asks") {
		t.Errorf("nobody asks: %s", shown)
	}
}

func TestPrivacyPolicyMustBeALink(t *testing.T) {
	for address, ok := range map[string]bool{
		"": true, "/privacy": true, "https://example.org/p": true, "http://example.org": true,
		"javascript:alert(1)": false, "data:text/html,x": false, "JAVASCRIPT:x": false, "%zz": false,
	} {
		if _, err := New(newPolicy(t, &consent.Config{}), Config{PrivacyPolicy: address}); (err == nil) != ok {
			t.Errorf("privacy_policy %q: %v", address, err)
		}
	}
}

func TestAppendBodyStartAllocatesForItsResultOnly(t *testing.T) {
	r := newRenderer(t, declared(), Config{})
	address := "/a/long/path?with=a&query=" + strings.Repeat("%22&\"", 200)
	for name, d := range map[string]*consent.Decision{"banner": notAsked(r), "settings": chosen(r, &consent.Preference{})} {
		r.AppendBodyStart(nil, Place{Language: "de", ReturnTo: address}, d)
		if n := testing.AllocsPerRun(100, func() { r.AppendBodyStart(nil, Place{Language: "de", ReturnTo: address}, d) }); n > 2 { // one; the race detector adds another to slices.Grow
			t.Errorf("%s: %v allocations into nothing", name, n)
		}
		buffer := make([]byte, 0, 64<<10)
		if n := testing.AllocsPerRun(100, func() { r.AppendBodyStart(buffer, Place{Language: "de", ReturnTo: address}, d) }); n != 0 {
			t.Errorf("%s: %v allocations into a buffer", name, n)
		}
	}
	if got := r.AppendBodyStart([]byte("before"), Place{Language: "de", ReturnTo: "/"}, notAsked(r)); !bytes.HasPrefix(got, []byte("before<div")) {
		t.Errorf("got %.40s", got)
	}
}

func TestAppendAddress(t *testing.T) {
	for _, address := range []string{
		"", "/", "/a?b=c&d=e", `/"><script>alert(1)</script>`, "/'onclick='x", "/%22%00", "/é\xff\x00\n", "/a b+c#d", "/&amp;", "/\\..//",
	} {
		value := string(appendAttribute(nil, address))
		quoted := parse(t, []byte(`<input value="`+value+`">`))
		got := attr(one(t, quoted, "the input", named("input")), "value")
		// What a browser's URL parser makes of both must be the same address.
		if want := percentEncodeOctets(address); got != want {
			t.Errorf("attribute of %q reads %q, want %q", address, got, want)
		}
		query, err := url.ParseQuery("return_to=" + string(appendQuery(nil, address)))
		if err != nil || query.Get("return_to") != address {
			t.Errorf("query of %q reads %q (%v)", address, query.Get("return_to"), err)
		}
		for _, b := range slices.Concat([]byte(value), appendQuery(nil, address)) {
			if b <= ' ' || b >= 0x7F || strings.IndexByte(`<>"'`, b) >= 0 {
				t.Errorf("%q leaves %q", address, b)
			}
		}
	}
}

func percentEncodeOctets(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7F {
			b.WriteString("%" + string("0123456789ABCDEF"[c>>4]) + string("0123456789ABCDEF"[c&15]))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func BenchmarkAppendBodyStart(b *testing.B) {
	r := newRenderer(b, declared(), Config{Controller: "City of Example"})
	for name, d := range map[string]*consent.Decision{"banner": notAsked(r), "settings": chosen(r, &consent.Preference{})} {
		b.Run(name, func(b *testing.B) {
			buffer := make([]byte, 0, 64<<10)
			b.ReportAllocs()
			for b.Loop() {
				buffer = r.AppendBodyStart(buffer[:0], Place{Language: "fr", ReturnTo: "/some/page?of=the&site"}, d)
			}
			b.SetBytes(int64(len(buffer)))
		})
	}
}

// A page can lead every address that begins with a path to another host.
func TestOriginStandsBeforeEveryAddress(t *testing.T) {
	r := newRenderer(t, declared(), Config{PrivacyPolicy: "/privacy"})
	at := Place{Language: "en", ReturnTo: "/page?a=b", Origin: "https://www.example.test:8443"}
	for name, d := range map[string]*consent.Decision{
		"banner":   notAsked(r),
		"settings": chosen(r, &consent.Preference{Categories: map[string]consent.State{consent.Statistics: consent.Refused}}),
	} {
		markup := string(r.AppendEnd(r.AppendBodyStart(nil, at, d), at, d))
		addresses := 0
		for _, attribute := range []string{`href="`, `action="`} {
			for rest := markup; ; addresses++ {
				_, after, ok := strings.Cut(rest, attribute)
				if !ok {
					break
				}
				if !strings.HasPrefix(after, at.Origin+"/") {
					t.Errorf("%s: an address does not begin with the origin: %.60q", name, after)
				}
				rest = after
			}
		}
		if addresses < 2 {
			t.Errorf("%s: found %d addresses", name, addresses)
		}
	}
}

// A nonce stands on style sheets alone, and cannot leave its attribute.
func TestStyleNonce(t *testing.T) {
	r := newRenderer(t, declared(), Config{})
	for name, d := range map[string]*consent.Decision{"banner": notAsked(r), "settings": chosen(r, &consent.Preference{})} {
		at := Place{Language: "en", ReturnTo: "/"}
		plain := string(r.AppendBodyStart(nil, at, d))
		if !strings.Contains(plain, `<link rel="stylesheet" href=`) {
			t.Errorf("%s: %s", name, plain)
		}
		for nonce, escaped := range map[string]string{"aB3+/_-==": "aB3+/_-==", `"><b>&`: "&#34;&#62;&#60;b&#62;&#38;"} {
			at.StyleNonce = nonce
			want := strings.ReplaceAll(plain, `"stylesheet"`, `"stylesheet" nonce="`+escaped+`"`)
			if got := string(r.AppendBodyStart(nil, at, d)); got != want {
				t.Errorf("%s with nonce %s: %s", name, nonce, got)
			}
		}
	}
}
