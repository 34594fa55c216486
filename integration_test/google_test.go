package integration_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// googlePage has the snippet by which pages use Google's tag, inline and all.
const googlePage = `<!DOCTYPE html><html><head><link rel="icon" href="data:,"><script>
	window.before = JSON.stringify((window.dataLayer || []).map(entry => [...entry]))
	window.dataLayer = window.dataLayer || []
	function gtag() { dataLayer.push(arguments) }
	gtag("js", new Date())
	gtag("config", "G-1")
</script></head><body><h1>Page</h1></body></html>`

// Google's scripts are told the visitor's choice before any script of the page runs,
// and again when it changes; nobody at Google is contacted for it.
func TestGoogleConsentMode(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, googlePage)
	})
	for name, c := range map[string]struct {
		option              string
		unasked, statistics string
	}{
		"default": {
			"google_consent_mode",
			"functionality_storage security_storage", "analytics_storage functionality_storage security_storage",
		},
		"mapping": {
			"google_consent_mode {\n ad_storage statistics\n security_storage third_party\n }",
			"functionality_storage", "ad_storage analytics_storage functionality_storage",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, site("cookie_consent {\nbanner always\n"+c.option+"\n}\nreverse_proxy "+app.addr))
			b := openBrowser(t)
			// granted are the types that are granted in an entry of the data layer.
			granted := func(entries, command string) string {
				t.Helper()
				return js[string](b, `(() => {
					const entry = `+entries+`.filter(e => e[0] === "consent" && e[1] === "`+command+`")[0]
					if (!entry) return "none"
					const types = Object.keys(entry[2])
					return types.length + ": " + types.filter(type => entry[2][type] === "granted").sort().join(" ")
				})()`)
			}
			const before, now = "JSON.parse(window.before)", "window.dataLayer.map(e => [...e])"
			b.open(s.url("/"))
			if got := granted(before, "default"); got != "7: "+c.unasked {
				t.Errorf("not asked: granted are %s", got)
			}
			b.press(acceptButton) // which leaves the page as it is
			b.await("Google's scripts are told", now+`.some(e => e[1] === "update")`)
			if got := granted(now, "update"); !strings.HasPrefix(got, "7: ad_personalization ad_storage ad_user_data analytics_storage") {
				t.Errorf("accepted: granted are %s", got)
			}
			b.open(s.url(prefix))
			js[bool](b, `document.querySelectorAll("input[type=checkbox]").forEach(e => { e.checked = e.value === "statistics" }), true`)
			b.click(`button[value="save"]`)
			b.open(s.url("/"))
			if got := granted(before, "default"); got != "7: "+c.statistics {
				t.Errorf("statistics: granted are %s", got)
			}
		})
	}
}
