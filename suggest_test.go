package cookieconsent

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

// ownList is a list of an operator with entries of each kind.
const ownList = `[[product]]
id = "portal"
name = "Portal"
cookies = [
	{ name = "portal_auth", purpose = "log-in", lifetime = "14d" },
	{ name = "portal_<hex:32>", purpose = "session", lifetime = "session" },
	{ name = "portal_seen", category = "statistics", purpose = "audience-measurement", lifetime = "30d" },
	{ name = "p_*_maybe", purpose = "session", hint = true },
]

[[service]]
id = "count"
name = "Count"
provider = "Count Ltd"
category = "statistics"
purpose = "audience-measurement"
hosts = ["count.example", "*.count.example"]
cookies = [
	{ name = "_cnt" },
	{ name = "_cnt_<upnum:6-12>" },
	{ name = "_cnt_choice", category = "necessary", purpose = "consent-choice" },
]
storage = ["cnt*"]
inline = ["count.push("]
policy = "https://count.example/privacy"

[[service]]
id = "files"
name = "Files"
provider = "Files Ltd"
category = "third_party"
purpose = "content-delivery"
hosts = ["*.files.example"]
cdn = true

[[service]]
id = "pay"
name = "Pay"
provider = "Pay Ltd"
category = "necessary"
purpose = "payment"
hosts = ["*.pay.example"]
source = "https://pay.example/cookies"
confidence = "high"
`

// listFile returns a file with the list.
func listFile(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "own.toml")
	if err := os.WriteFile(file, []byte(ownList), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// adaptedConfig returns what the adapter makes of a Caddyfile.
func adaptedConfig(t testing.TB, text string) []byte {
	t.Helper()
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt(caddyfile.Format([]byte(text)), map[string]any{"filename": "Caddyfile"})
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v, %v\n%s", err, warnings, text)
	}
	return config
}

// handlerIn returns the only handler of a site whose block holds lines.
func handlerIn(t testing.TB, block string) *configuredHandler {
	t.Helper()
	handlers, err := configuredHandlers(adaptedConfig(t, "www.site.example {\n"+block+"\nrespond ok\n}\n"))
	if err != nil || len(handlers) != 1 || !slices.Equal(handlers[0].hosts, []string{"www.site.example"}) {
		t.Fatalf("%v, %+v\n%s", err, handlers, block)
	}
	return handlers[0]
}

// seenThings is an inventory in which there is something of everything.
func seenThings() *inventory.Site {
	inv := inventory.New(knownShape)
	v := inv.On("www.site.example", "/cart?id=1", time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))
	for _, line := range []string{
		"portal_auth; HttpOnly; Max-Age=3600", "portal_0123456789abcdef0123456789abcdef; HttpOnly", "portal_seen; Max-Age=864000",
		"basket; HttpOnly", "theme; Max-Age=7000", "csrftoken; Max-Age=31449600", "declared; Path=/", "p_x_maybe",
	} {
		name, attributes, _ := strings.Cut(line, ";")
		v.Set(name, ";"+attributes)
	}
	for _, name := range []string{"_cnt", "_cnt_ABC123DE", "_cnt_choice", "_ga", "_ga_ABC123DEF4", "mystery", "seen_4711", "", "**", "a#b"} {
		v.Sent(name)
	}
	for _, host := range []string{"cdn.files.example", "js.count.example", "js.pay.example", "x7f3q9k2.m.pay.example", "nobody.example.org", "declared.example.net"} {
		v.Host(inventory.Markup, host)
	}
	v.Host(inventory.Report, "beacon.example.com")
	return &inv.Snapshot().Sites[0]
}

const declaredBlock = `
	mode observe
	cookie declared {
		category necessary
		provider "The portal"
		purpose "Works"
	}
	service declared {
		category third_party
		provider "Declared"
		purpose "Shown"
		hosts *.example.net
	}
`

// What is printed adapts and validates. Beside what is declared it holds all that the
// catalog knows, asks about everything else, and lets nothing pass that did not before.
func TestSuggest(t *testing.T) {
	site := seenThings()
	list := "catalog " + listFile(t)
	before := handlerIn(t, "cookie_consent {\n"+list+declaredBlock+"}")
	text := suggest(before, []*inventory.Site{site})
	t.Log("\n" + text)

	// Used as it is, and put into the block that there is.
	alone := handlerIn(t, text)
	_, inner, _ := strings.Cut(text, "cookie_consent {\n")
	inner = strings.TrimSuffix(inner, "}\n")
	together := handlerIn(t, "cookie_consent {\n"+list+declaredBlock+inner+"}")
	if alone.Mode != modeEnforce {
		t.Errorf("mode %s", alone.Mode)
	}
	bare := handlerIn(t, "cookie_consent {\n"+list+"\n}")
	names := []string{"", "x", "portal_x", "portal_auth2", "_cnt_x", "basket", "theme", "mystery", "seen_1"}
	for i := range site.Cookies {
		names = append(names, consent.KnownExample(site.Cookies[i].Name))
	}
	hosts := []string{"other.example", "x.pay.example", "x.count.example", "files.example"}
	for i := range site.Hosts {
		hosts = append(hosts, strings.Replace(site.Hosts[i].Host, "*", "x", 1))
	}
	for what, pair := range map[string][2]*configuredHandler{"alone": {bare, alone}, "together": {before, together}} {
		unasked := [2]*consent.Decision{pair[0].policy.Decide(nil, false), pair[1].policy.Decide(nil, false)}
		for _, name := range names {
			was, _ := unasked[0].Cookie(name)
			is, _ := unasked[1].Cookie(name)
			if is == consent.Granted && was != consent.Granted {
				t.Errorf("%s: cookie %q passes", what, name)
			}
		}
		for _, host := range hosts {
			_, is := unasked[1].URL(pair[1].policy.NewPage("https", "www.site.example", "/"), "https://"+host+"/")
			known, _ := pair[0].catalog.Host(host)
			if is.Rule.Category == consent.Necessary && known.Category != consent.Necessary {
				t.Errorf("%s: %s may be contacted", what, host)
			}
		}
	}

	// Everything is there, in the text or in a question.
	for _, want := range []string{
		"\tservice count {\n\t\tcategory statistics\n\t\tprovider \"Count Ltd\"\n\t\tpurpose audience-measurement # Measures how visitors use the site.\n\t\tcookies _cnt _cnt_*\n\t\thosts js.count.example\n\t\tstorage cnt*\n",
		"\tservice google-analytics {\n\t\tcategory statistics\n",
		"\tservice pay {\n\t\tcategory necessary\n\t\tprovider \"Pay Ltd\"\n\t\tpurpose payment # Handles payments.\n\t\thosts js.pay.example\n\t}\n",
		"\tcookie portal_auth {\n\t\tcategory necessary\n\t\tprovider \"Portal\"\n\t\tpurpose log-in # Keeps you logged in.\n\t\tlifetime 14d\n\t}\n",
		"\tcookie portal_seen {\n\t\tcategory statistics\n",
		"\tcookie csrftoken {\n\t\tcategory necessary\n\t\tprovider \"Django\"\n",
		"\tcookie _cnt_choice {\n\t\tcategory necessary\n\t\tprovider \"Count Ltd\"\n",
		"\n# First answer the questions about cookies that a log-in may need: basket\ncookie_consent {\n",
		"\t# portal_<hex:32> of Portal is known to be necessary",
		"\t# Needed to render? cdn.files.example (Files)",
		"\t# first_party cdn.files.example\n",
		"\t# Set by the application, hidden from scripts (HttpOnly), for the browser session. Set once, sent 0 times, last on 2026-01-31, for instance at /cart.\n\t# cookie basket {\n",
		"\t# cookie mystery {\n", "\t# cookie seen_* {\n", "\t# cookie `a#b` {\n", "\t# p_x_maybe: perhaps of Portal", "\t# cookie p_x_maybe {\n",
		"\t# \thosts nobody.example.org\n", "\t# \thosts beacon.example.com\n",
		"\t# \tlifetime 1h57m0s\n", "\t# Hosts of Pay, of which none may stand behind a star", "\t# \thosts *.m.pay.example\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say\n%s", want)
		}
	}
	for _, not := range []string{"cookie declared", "service declared", "example.net"} {
		if strings.Contains(text, not) {
			t.Errorf("it says %s", not)
		}
	}
	if cdn, service := strings.Index(text, "Needed to render?"), strings.Index(text, "service "); cdn > service {
		t.Error("what pages may need does not come first")
	}

	// Once it is declared, it is not suggested again.
	again := suggest(together, []*inventory.Site{site})
	for line := range strings.SplitSeq(again, "\n") {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && line != "cookie_consent {" && line != "}" {
			t.Errorf("suggested again: %s", line)
		}
	}
}

// More hosts than the policy can name are a question, not a mistake.
func TestSuggestTooManyHosts(t *testing.T) {
	var list strings.Builder
	inv := inventory.New(nil)
	v := inv.On("www.site.example", "/", time.Now())
	for i := range 60 {
		word := string(rune('a'+i%26)) + string(rune('a'+i/26))
		host := "a-long-name-of-a-host-" + word + ".example"
		list.WriteString("[[service]]\nid = \"s" + word + "\"\nname = \"S\"\nprovider = \"S\"\ncategory = \"third_party\"\npurpose = \"advertising\"\nhosts = [\"" + host + "\"]\ncookies = [{ name = \"_s" + word + "\" }]\n\n")
		v.Host(inventory.Markup, host)
	}
	file := filepath.Join(t.TempDir(), "own.toml")
	if err := os.WriteFile(file, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	block := "cookie_consent {\ncatalog " + file + "\n"
	text := suggest(handlerIn(t, block+"}"), []*inventory.Site{&inv.Snapshot().Sites[0]})
	h := handlerIn(t, text)
	if len(h.Services) != 60 || !strings.Contains(text, "# Hosts of S, which can't be declared as they are:") {
		t.Errorf("%d services\n%s", len(h.Services), text)
	}
}

// It is said where the block belongs, and that it enforces.
func TestSuggestWhere(t *testing.T) {
	const place, put = "Use the block in place of the one that there is", "Put the lines into the cookie_consent block that there is."
	for _, test := range []struct{ block, says, observing string }{
		{"cookie_consent", place, ""},
		{"cookie_consent {\nmode enforce\n}", place, ""},
		{"cookie_consent {\nmode observe\n}", place, "add the line: mode observe"},
		{"cookie_consent {\ncookie_domain site.example\n}", put, ""},
		{"cookie_consent {" + declaredBlock + "}", put, `Once its line "mode observe" is`},
	} {
		text := suggest(handlerIn(t, test.block), []*inventory.Site{seenThings()})
		if h := handlerIn(t, text); h.Mode != modeEnforce || !strings.Contains(text, test.says) ||
			strings.Contains(text, "mode observe") != (test.observing != "") || !strings.Contains(text, test.observing) {
			t.Errorf("%s: mode %s\n%s", test.block, h.Mode, text)
		}
	}
}

func TestSuggestNothing(t *testing.T) {
	site := &inventory.Site{Host: "www.site.example"}
	text := suggest(handlerIn(t, "cookie_consent"), []*inventory.Site{site})
	if strings.Contains(text, "{") || !strings.Contains(text, "# Nothing.") {
		t.Errorf("%s", text)
	}
}

func TestHandlerOf(t *testing.T) {
	config := adaptedConfig(t, `
a.example, *.b.example {
	cookie_consent {
		revision 1
	}
	respond ok
}
c.example {
	route {
		@x host c.example
		cookie_consent @x {
			revision 2
		}
		cookie_consent {
			mode off
		}
	}
	respond ok
}
:8080 {
	cookie_consent {
		revision 3
	}
}
`)
	handlers, err := configuredHandlers(config)
	if err != nil || len(handlers) != 3 {
		t.Fatalf("%v, %d handlers", err, len(handlers))
	}
	for site, revision := range map[string]int{"a.example": 1, "x.b.example": 1, "c.example": 2, "d.example": 3, "*": 3} {
		h, err := handlerOf(handlers, site)
		if err != nil || h.Revision != revision {
			t.Errorf("%s: revision %d, %v", site, h.Revision, err)
		}
	}
	h, err := handlerOf(nil, "a.example")
	if err != nil || h.Mode != modeObserve {
		t.Errorf("%v, %+v", err, h)
	}
	if _, err := configuredHandlers(json.RawMessage("{")); err == nil {
		t.Error("no error")
	}
}

// Names with a random part are one, with the part of its prefix that browsers know.
func TestKnownShape(t *testing.T) {
	for name, want := range map[string]string{
		"_ga": "", "_ga_ABC123DEF4": "_ga_<upnum:6-12>", "__Secure-_ga_ABC123DEF4": "__Secure-_ga_<upnum:6-12>", "nobody": "",
	} {
		if got := knownShape(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
