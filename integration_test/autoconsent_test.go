package integration_test

import (
	"testing"

	visitors "github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

// A visitor's own tool refuses on a page as it is delivered, by words alone.
func TestAutoconsentRefuses(t *testing.T) {
	app := statusApplication(t)
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.open(s.url("/"))
	js[bool](b, visitors.Autoconsent(t)+"; true")
	b.await("the tool has refused", `!document.getElementById("cookie-consent") && fetch("`+prefix+`state.json").then(r => r.json()).then(s => s.state === "refused")`)
}
