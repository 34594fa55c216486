package shim

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
	"github.com/cookieconsent/caddy-cookie-consent/consent/cookie"
	"github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

var (
	owner = "The owner"
	text  = consent.Text{"": "A text"}
)

func declare(category, lifetime string, patterns ...string) consent.Cookie {
	var l consent.Lifetime
	if lifetime != "" {
		if err := l.UnmarshalText([]byte(lifetime)); err != nil {
			panic(err)
		}
	}
	return consent.Cookie{Patterns: patterns, Category: category, Provider: owner, Purpose: text, Lifetime: l}
}

func service(id, category string, cookies ...string) consent.Service {
	return consent.Service{ID: id, Category: category, Provider: owner, Purpose: text, Cookies: cookies}
}

func exempt(s consent.Service) consent.Service {
	s.Exempt = "It is anonymous."
	return s
}

// policies are those under which names are judged: from nothing declared to what
// nobody would write.
var policies = map[string]consent.Config{
	"default": {},
	"usual": {
		Cookies: []consent.Cookie{
			declare(consent.Necessary, "14d", "sessionid", "login_*"),
			declare(consent.Necessary, "session", "cart"),
			declare(consent.Statistics, "30m", "_pk_ses.*", "visits"),
			declare(consent.FirstParty, "", "login_ad*", "*_test", "é*", "\ufffd"),
			declare(consent.ThirdParty, "90d", "_gcl_*", "PHPSESSID"),
		},
		Services: []consent.Service{
			service("matomo", consent.Statistics, "_pk_*"),
			exempt(service("counter", consent.Statistics, "visits", "hits*")),
			service("ads", consent.ThirdParty, "_gcl_au", "fr", "*_ads_*_x"),
			service("other-ads", consent.ThirdParty, "_gcl_*", "fr*"),
			service("chat", consent.Necessary, "chat_*"),
		},
	},
	"own": {
		CookieName:     "choice",
		UnknownCookies: "marketing",
		Categories: []consent.Category{
			{Name: "marketing", Title: text, Description: text},
			{Name: consent.Statistics, Exempt: "They are anonymous."},
		},
		Cookies: []consent.Cookie{
			declare(consent.Statistics, "400d", "*stat*", "a*b*c"),
			declare(consent.Statistics, "", "s*"),
			declare("marketing", "1h", "*m*", "c*oice"),
			declare(consent.Necessary, "2d", "SESS*", "cookies_preferences"),
			declare(consent.Necessary, "", "choice"),
		},
		Services: []consent.Service{
			service("m", "marketing", "*m*", "**"),
			service("s", consent.Statistics, "*stat*"),
			exempt(service("x", consent.ThirdParty, "x*", "*y*z")),
		},
	},
	"exempt services": {
		Services: []consent.Service{
			exempt(service("a", consent.FirstParty, "a*", "ab")),
			exempt(service("b", consent.Statistics, "*b")),
			service("c", consent.Statistics, "ab*"),
		},
		Cookies: []consent.Cookie{declare(consent.Statistics, "3d", "a*c"), declare(consent.FirstParty, "4d", "a?", "*.*")},
	},
}

// decisions are of visitors in many states.
func decisions(t *testing.T, p *consent.Policy) []*consent.Decision {
	choices := []consent.Choice{
		{Method: consent.AcceptAll},
		{Method: consent.RejectAll},
		{Method: consent.Save, Categories: []string{consent.Statistics}},
		{Method: consent.Save, Categories: []string{consent.FirstParty, consent.ThirdParty}},
	}
	mixed := consent.Choice{Method: consent.Save, Categories: []string{consent.ThirdParty}}
	for i := range p.Config().Services {
		mixed.Services = append(mixed.Services, []string{"", "-"}[i%2]+p.Config().Services[i].ID)
	}
	all := []*consent.Decision{p.Decide(nil, false), p.Decide(nil, true)}
	for _, choice := range append(choices, mixed) {
		pref, err := p.Choose(choice, time.Now(), false)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Decide(pref, false), p.Decide(pref, true))
	}
	return all
}

// listed are known cookies of every kind, overlapping each other.
func listed(t *testing.T) *consent.Known {
	known, err := consent.NewKnown([]consent.KnownCookie{
		{Name: "sessionid", Category: consent.Necessary},
		{Name: "keep_<hex:8>", Category: consent.Necessary},
		{Name: "keep_<digit:2-4>.<alnum:3>_x", Category: consent.Necessary},
		{Name: "keep_*", Category: consent.ThirdParty},
		{Name: "keep_it_*", Category: consent.Statistics},
		{Name: "keep_it_all", Category: consent.FirstParty},
		{Name: "keep_it", Category: consent.FirstParty},
		{Name: "k_<upnum:2>", Category: consent.Statistics},
		{Name: "AMCV_*@AdobeOrg", Category: consent.ThirdParty},
		{Name: "m.p_*_(panel)", Category: consent.Statistics},
		{Name: "*_visits", Category: consent.Statistics},
		{Name: "*_first_visits", Category: consent.FirstParty},
		{Name: "both", Category: consent.Statistics},
		{Name: "both", Category: consent.ThirdParty},
		{Name: "tie_<digit:4>", Category: consent.ThirdParty},
		{Name: "tie_<hex:4>", Category: consent.Statistics},
		{Name: "__Host-sessionid", Category: consent.FirstParty},
		{Name: "__Host-keep_it_all", Category: consent.ThirdParty},
		{Name: "__strange_<star:1>", Category: consent.Statistics},
	})
	if err != nil {
		t.Fatal(err)
	}
	return known
}

// known are names that the catalog and the list of the test know, as they look in the wild.
var known = sync.OnceValue(func() []string {
	all := []string{"sessionid", "keep_it_all", "keep_it", "both"}
	for _, file := range []string{"frameworks.tsv", "firstparty.tsv"} {
		text, err := os.ReadFile(filepath.Join("..", "catalog", "testdata", file))
		if err != nil {
			panic(err)
		}
		for line := range strings.Lines(string(text)) {
			if name, _, ok := strings.Cut(line, "\t"); ok {
				all = append(all, name)
			}
		}
	}
	return all
})

// names are of cookies: what the rules name, near and far of it.
func names(p *consent.Policy, r *rand.Rand) []string {
	rules := p.ScriptRules()
	all := slices.Clone(known())
	class := regexp.MustCompile(`\[([^\]]*)\](?:\{(\d+)(?:,(\d+))?\}|\*)`)
	escaped := regexp.MustCompile(`\\(.)`)
	shapes := strings.NewReplacer("^(?:(", "", "))$", "", ")|(", "|").Replace(rules.Shapes)
	for shape := range strings.SplitSeq(shapes, "|") {
		for range 6 {
			name := class.ReplaceAllStringFunc(shape, func(s string) string {
				m := class.FindStringSubmatch(s)
				n, _ := strconv.Atoi(m[2])
				if most, _ := strconv.Atoi(m[3]); most > n {
					n += r.IntN(most - n + 1)
				}
				n += (r.IntN(7) - 1) / 5 // at times one more
				alphabet := "0123456789abcdefABCDEFzZ-_.~"[:[]int{10, 16, 22, 28}[r.IntN(4)]]
				b := make([]byte, n)
				for i := range b {
					b[i] = alphabet[r.IntN(len(alphabet))]
				}
				return string(b)
			})
			all = append(all, escaped.ReplaceAllString(name, "$1"))
		}
	}
	for _, name := range slices.Clip(all) {
		all = append(all, "__Host-"+name, "__Secure-"+name, "__Http-"+name, "__Host-Http-"+name, "__host-"+name, "__Host-__Host-"+name)
	}
	if most := 3000; len(all) > most {
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:most]
	}
	for _, c := range rules.Cookies {
		for _, fill := range []string{"", "x", "a.b", "ad", "*", "m", "stat", "_ads_", "é", "\ufffd"} {
			all = append(all, strings.ReplaceAll(c.Text, "*", fill))
		}
	}
	all = append(all, rules.Own, "", "*", "=", "constructor", "__proto__", "toString", "hasOwnProperty", "PHPSESSID ", "ſessionid", "\U0001F36A")
	for _, name := range slices.Clip(all) {
		all = append(all, mutate(name, r))
	}
	return all
}

// mutate changes a name in some place.
func mutate(name string, r *rand.Rand) string {
	const bytes = "aAbcmsxyz019_-.*?$^|()[]{}+\\\"', \t/@"
	at := r.IntN(len(name) + 1)
	for at > 0 && at < len(name) && name[at]&0xC0 == 0x80 {
		at--
	}
	switch c := string(bytes[r.IntN(len(bytes))]); r.IntN(5) {
	case 0:
		return name[:at] + c + name[at:]
	case 1:
		return name[:at]
	case 2:
		return strings.ToLower(name)
	case 3:
		return name + name
	default:
		return c + name
	}
}

// seen is what the script makes of names under one state.
type seen struct {
	Rules   []string `json:"rules"`
	Keys    []string `json:"keys"` // rules of storage keys of these names
	Granted []bool   `json:"granted"`
	Lines   []string `json:"lines"`
	Shown   []string `json:"shown"`
}

// evaluate runs the script's own functions in the browser.
func evaluate(t *testing.T, run func(expression string) (string, error), p *consent.Policy, d *consent.Decision, names, lines, headers []string) seen {
	t.Helper()
	encoded := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	result, err := run(`((document, rules) => {` + sources(t, "rules.js", "cookies.js") + `
		const unitsOf = rule => [...new Set(rule.units)].sort((a, b) => a - b).join(), keys = compile(rules.storage || [])
		return JSON.stringify({
			rules: ` + encoded(names) + `.map(name => { const r = cookieRule(name); return unitsOf(r) + " " + r.life }),
			keys: ` + encoded(names) + `.map(name => { const r = declared(keys, name); return r ? unitsOf(r) : "none" }),
			granted: ` + encoded(names) + `.map(name => isGranted(cookieRule(name))),
			lines: ` + encoded(lines) + `.map(line => { const l = admit(line); return l === undefined ? "dropped" : l }),
			shown: ` + encoded(headers) + `.map(visible),
		})
	})({currentScript: {dataset: {state: "` + d.States() + `"}, remove() {}}}, ` + encoded(p.ScriptRules()) + `)`)
	if err != nil {
		t.Fatal(err)
	}
	var s seen
	if err := json.Unmarshal([]byte(result), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// The script decides about every name, every line and every list of cookies as the
// handler does.
func TestScriptDecidesAsGoDoes(t *testing.T) {
	ctx := browser.Start(t)
	run := func(expression string) (string, error) {
		return chromedp.Run(ctx, chromedp.Evaluate[string](expression))
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, label := range slices.Sorted(maps.Keys(policies)) {
		t.Run(label, func(t *testing.T) {
			cfg := policies[label]
			for i := range cfg.Services {
				if cfg.Services[i].Category != consent.Necessary {
					cfg.Services[i].Storage = cfg.Services[i].Cookies
				}
			}
			cfg.Known = catalog.Default().Known()
			if label == "usual" || label == "own" {
				cfg.Known = listed(t)
			}
			p, err := consent.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			keys := storageRules(t, cfg)
			names := names(p, r)
			t.Logf("%d names", len(names))
			for _, d := range decisions(t, p) {
				lines, headers := writes(names, r), lists(names, r)
				got := evaluate(t, run, p, d, names, lines, headers)
				for i, name := range names {
					state, rule := d.Cookie(name)
					if want := describe(p, rule); got.Rules[i] != want || got.Granted[i] != (state == consent.Granted) {
						t.Fatalf("%q: the script has rule %s, granted %t; Go %s, %s", name, got.Rules[i], got.Granted[i], want, state)
					}
					if want := keys(name); got.Keys[i] != want {
						t.Fatalf("key %q: the script has rule %s, want %s", name, got.Keys[i], want)
					}
				}
				for i, line := range lines {
					if problem := compareWrite(p, d, line, got.Lines[i]); problem != "" {
						t.Errorf("%s: %q became %q", problem, line, got.Lines[i])
					}
				}
				for i, header := range headers {
					if want := filtered(p, d, header); strings.TrimLeft(got.Shown[i], "; ") != strings.TrimLeft(want, "; ") {
						t.Errorf("of %q is shown %q, want %q", header, got.Shown[i], want)
					}
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}

// describe writes a rule as the test has it from the script.
func describe(p *consent.Policy, rule *consent.Rule) string {
	var units []int
	categories := p.Categories()
	for _, id := range rule.Services {
		units = append(units, len(categories)+slices.IndexFunc(p.Config().Services, func(s consent.Service) bool { return s.ID == id }))
	}
	if len(units) == 0 {
		units = []int{slices.IndexFunc(categories, func(c *consent.Category) bool { return c.Name == rule.Category })}
	}
	slices.Sort(units)
	life := "undefined"
	if !rule.Lifetime.IsZero() {
		life = strconv.Itoa(int(rule.Lifetime.Duration / time.Second))
	}
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(units), "[]"), " ", ",") + " " + life
}

// storageRules returns what tells the rules of storage keys: those of cookies, had the
// services listed cookies in their place, and nobody else any.
func storageRules(t *testing.T, cfg consent.Config) func(name string) string {
	cfg.CookieName, cfg.Cookies = "no-name-of-the-test", nil
	cfg.Services = slices.Clone(cfg.Services)
	for i := range cfg.Services {
		cfg.Services[i].Cookies = cfg.Services[i].Storage
	}
	p, err := consent.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) string {
		rule := p.CookieRule(name)
		if len(rule.Services) == 0 {
			return "none"
		}
		units, _, _ := strings.Cut(describe(p, rule), " ")
		return units
	}
}

// attributes are of cookies that scripts write.
var attributes = []string{
	"", "", ";path=/", "; path=/; domain=example.test; secure; samesite=lax", ";max-age=60", "; Max-Age = 99999999 ", ";MAX-AGE=0", ";max-age=-1",
	";max-age=+60", ";max-age=6x", ";max-age=99999999999999999999", ";max-age=", ";max-age", ";max-age=60;max-age=abc", ";max-age=1;max-age=9999999",
	";expires=Thu, 01 Jan 1970 00:00:00 GMT", ";expires=Fri, 31 Dec 2100 23:59:59 GMT;path=/", ";Expires=Fri, 31-Dec-99 23:59:59 GMT",
	";expires=31 Dec 2100 23:59:59", ";expires=0", ";expires=", ";expires", ";expires=Sat, 31 Feb 2100 00:00:00 GMT", ";expires=Wed, 01 Jan 2070 24:00:00 GMT",
	";expires=Fri, 31 Dec 2100 23:59:59 GMT;max-age=5", ";expires=Thu, 01 Jan 1970 00:00:00 GMT;max-age=864000", ";expires=Fri, 31 Dec 2100 23:59:59 GMT;max-age=x",
	";expires=Dec 9th 2100 1 23:59:59", ";expires=Fri, 31 Dec 2100 23:59:59 GMT;expires=Thu, 01 Jan 1970 00:00:00 GMT", ";expiresx=Fri, 31 Dec 2100 23:59:59 GMT",
	";expires=\"Fri, 31 Dec 2100 23:59:59 GMT\"", ";=60;;; max-age=7", "; expires=tomorrow", ";max-age=" + strings.Repeat("0", 1025) + "9",
}

// writes are lines that a script may write to document.cookie.
func writes(names []string, r *rand.Rand) []string {
	values := []string{"=1", "=", "", " = x ", "==", "=a=b", "=\"q;\"", "=é"}
	var all []string
	for range 1500 {
		all = append(all, names[r.IntN(len(names))]+values[r.IntN(len(values))]+attributes[r.IntN(len(attributes))])
	}
	return append(all, "", ";", "=", " ", "a\nb=1", "sessionid=1\r\n", "a\x00=1", "\tsessionid\t=1", "=sessionid=1", "=sessionid", "cart=1;max-age=60")
}

// lists are what document.cookie may return.
func lists(names []string, r *rand.Rand) []string {
	all := []string{"", ";", "; ", "a", "=a=b; sessionid=1", "sessionid=1;;  cart=2;"}
	for range 200 {
		var pairs []string
		for range r.IntN(12) {
			pairs = append(pairs, names[r.IntN(len(names))]+[]string{"=1", "", "=", "=x=y"}[r.IntN(4)])
		}
		all = append(all, strings.Join(pairs, []string{"; ", ";"}[r.IntN(2)]))
	}
	return all
}

func keeps(p *consent.Policy, d *consent.Decision) cookie.Keep {
	return func(name string) bool {
		state, _ := d.Cookie(name)
		return state == consent.Granted && name != p.Config().CookieName
	}
}

// filtered is a Cookie header as the handler passes it on.
func filtered(p *consent.Policy, d *consent.Decision, header string) string {
	left := cookie.FilterCookie([]string{header}, keeps(p, d), nil)
	if left == nil {
		return ""
	}
	return left[0]
}

// loose are dates that only some browsers read.
var loose = regexp.MustCompile("24:00:00|31 Feb")

// compareWrite says what is wrong with what the script makes of a line, "" if
// nothing: it is kept where a header would be, and lives as long. Only deletions
// always pass.
func compareWrite(p *consent.Policy, d *consent.Decision, line, got string) string {
	now := time.Now()
	kept := cookie.FilterSetCookie([]string{line}, func() time.Time { return now }, func(name, _ string) cookie.Verdict {
		_, rule := d.Cookie(name)
		return cookie.Verdict{Keep: keeps(p, d)(name), Session: rule.Lifetime.Session, Lifetime: rule.Lifetime.Duration}
	}, nil)
	before, after := cookie.ParseSetCookie(line, now), cookie.ParseSetCookie(got, now)
	switch {
	case got == "dropped":
		if kept != nil {
			return "dropped"
		}
		if before.Deletes() && !strings.ContainsAny(line, "\x00\r\n") {
			return "a deletion is dropped"
		}
	case kept == nil:
		if !after.Deletes() {
			return "not dropped"
		}
	default:
		want := cookie.ParseSetCookie(kept[0], now)
		if loose.MatchString(line) && !after.Persistent {
			return "" // it ends with the session instead
		}
		if after.Name != want.Name || after.Value != want.Value || after.Persistent != want.Persistent || (after.Lifetime-want.Lifetime).Abs() > time.Second {
			return fmt.Sprintf("lives for %v, want %v", after.Lifetime, want.Lifetime)
		}
	}
	return ""
}
