package cookieconsent

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
)

// adapted returns the handler of a directive with a block.
func adapted(block string) (*Handler, error) {
	h := new(Handler)
	return h, h.UnmarshalCaddyfile(caddyfile.NewTestDispenser("cookie_consent {\n" + block + "\n}"))
}

// What is printed about any service of the catalog can be pasted into a Caddyfile.
func TestServiceDeclarations(t *testing.T) {
	for _, s := range catalog.Default().Services() {
		lines := serviceDeclaration(s, s.Category, s.DeclarableHosts())
		h, err := adapted(lines)
		if err != nil {
			t.Errorf("%v\n%s", err, lines)
			continue
		}
		got := h.Services[0]
		if got.ID != s.ID || got.Category != s.Category || got.Provider != s.Provider || got.Purpose[""] != s.Purpose || len(got.Hosts) != len(s.DeclarableHosts()) || len(got.Inline) != len(s.Inline) {
			t.Errorf("got %+v of\n%s", got, lines)
		}
	}
}

// A host under a suffix that anybody may register below is declared alone.
func TestHostDeclarations(t *testing.T) {
	cloud := catalog.Match{Category: consent.ThirdParty, Service: &catalog.Service{
		ID: "cloud", Provider: "Cloud", Purpose: "content-delivery", Hosts: []string{"cloud.example", "*.cloud.example", "*.cloudfront.net"},
	}}
	for host, want := range map[string]string{
		"x.cloud.example":   "\thosts cloud.example *.cloud.example\n",
		"d1.cloudfront.net": "\thosts cloud.example *.cloud.example d1.cloudfront.net\n",
	} {
		lines := hostDeclaration(host, consent.ThirdParty, cloud)
		if _, err := adapted(lines); err != nil || !strings.Contains(lines, want) {
			t.Errorf("%s: %v\n%s", host, err, lines)
		}
	}
}

func TestDeclarations(t *testing.T) {
	for _, test := range []struct{ name, category, want string }{
		{"_ga", consent.FirstParty, "service google-analytics {\n\tcategory statistics\n\tprovider \"Google\"\n\tpurpose audience-measurement # Measures how visitors use the site.\n\tcookies _ga _ga_*"},
		{"csrftoken", consent.FirstParty, "cookie csrftoken {\n\tcategory necessary\n\tprovider \"Django\"\n\tpurpose forgery-protection # Protects forms against forged requests.\n\tlifetime 364d\n}"},
		{"nobody's {own}", consent.FirstParty, "cookie `nobody's {own}` {\n\tcategory first_party\n\tprovider \"<who sets it>\"\n\tpurpose \"<what it is for>\"\n\tlifetime session\n}"},
	} {
		known, _ := catalog.Default().Cookie(test.name)
		lines := declarationOf(test.name, test.category, known)
		if !strings.HasPrefix(lines, test.want) {
			t.Errorf("%s: got\n%s", test.name, lines)
		}
		if _, err := adapted(lines); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// The log names what the catalog knows, with lines to paste.
func TestNoticesNameWhatIsKnown(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	h := newTestHandler(t, &Handler{})
	h.notices = newNotices(zap.New(core), h.catalog)
	err := h.ServeHTTP(httptest.NewRecorder(), navigation(newTestRequest(http.MethodGet, "https://site.example/")), respond(func(w http.ResponseWriter) error {
		w.Header().Set("Set-Cookie", "_ga=GA1.1.1; Path=/")
		w.Header().Set("Content-Type", "text/html")
		_, err := w.Write([]byte(`<!doctype html><script src="https://www.google-analytics.com/analytics.js"></script><img src="https://unknown.example/">`))
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]map[string]any{}
	for _, entry := range logs.All() {
		fields := entry.ContextMap()
		for _, key := range []string{"cookie", "host"} {
			if what, ok := fields[key].(string); ok {
				told[what] = fields
			}
		}
	}
	for _, what := range []string{"_ga", "www.google-analytics.com"} {
		fields := told[what]
		if fields["known_as"] != "Google Analytics" || !strings.HasPrefix(fields["declaration"].(string), "service google-analytics {\n\tcategory statistics\n") {
			t.Errorf("%s: told %v", what, fields)
		}
	}
	if fields := told["_ga"]; fields["category"] != consent.FirstParty {
		t.Errorf("_ga: told %v", fields)
	}
	if fields := told["unknown.example"]; fields["known_as"] != nil || !strings.HasPrefix(fields["declaration"].(string), "service <id> {\n\tcategory third_party\n") {
		t.Errorf("unknown.example: told %v", fields)
	}
}
