package integration_test

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// A site with necessary cookies alone is left in peace, until it is seen with something
// that needs consent. What visitors send is no proof of that.
func TestAskingWhereThereIsSomethingToAsk(t *testing.T) {
	app := httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
		setCookies(w, "sessionid=1; Path=/; HttpOnly", "csrftoken=2; Path=/; Max-Age=31449600")
		content := "<p>words</p>"
		switch r.URL.Path {
		case "/counts":
			setCookies(w, "visitor_number=3; Path=/; Max-Age=31449600")
		case "/shows":
			content = `<img src="https://pixel.other.example/1.png">`
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Etag", `"page"`)
		io.WriteString(w, `<!DOCTYPE html><html lang="en"><head><title>t</title></head><body>`+content+`</body></html>`)
	})
	c := startChild(t, "http://cookies.example.test {\ncookie_consent\nreverse_proxy "+app+"\n}\n"+
		"http://hosts.example.test {\ncookie_consent\nreverse_proxy "+app+"\n}\n"+
		"http://always.example.test {\ncookie_consent {\nbanner always\n}\nreverse_proxy "+app+"\n}\n"+
		"http://off.example.test {\ncookie_consent {\nbanner off\n}\nreverse_proxy "+app+"\n}\n"+
		"http://exempt.example.test {\ncookie_consent {\nservice counter {\ncategory statistics\nexempt \"Counts without telling visitors apart\"\nprovider Shop\npurpose audience-measurement\ncookies visitor_number\n}\n}\nreverse_proxy "+app+"\n}\n")
	visit := func(name, path string, header ...string) response {
		return c.do(t, h1, request{scheme: "http", host: name + ".example.test", path: path, header: append(header, navigation...)})
	}
	check := func(when, name, path, want string, header ...string) {
		t.Helper()
		body := visit(name, path, header...).body
		got := "nothing"
		switch {
		case strings.Contains(body, `id="cookie-consent"`):
			got = "banner"
		case strings.Contains(body, `id="cookie-consent-corner"`):
			got = "settings"
		}
		if got != want {
			t.Errorf("%s, %s%s has %s, want %s", when, name, path, got, want)
		}
		if form := strings.Contains(body, `<form id="cookie-consent-form"`); form != (want == "banner") {
			t.Errorf("%s, %s%s has the form: %t", when, name, path, form)
		}
	}

	for _, name := range []string{"cookies", "hosts"} {
		check("at first", name, "/", "nothing")
		check("with what a visitor sends", name, "/", "nothing", "Cookie: visitor_number=1; _ga=2")
		check("after that", name, "/", "nothing")
	}
	before := visit("cookies", "/").header.Get("Etag")
	check("with a cookie", "cookies", "/counts", "banner")
	check("after a cookie", "cookies", "/", "banner")
	visit("hosts", "/shows") // whose banner is decided on before its image is read
	check("after a host", "hosts", "/", "banner")
	if after := visit("cookies", "/").header.Get("Etag"); before == "" || before == after {
		t.Errorf("the page with and without the banner has the tag %s", after)
	}
	check("at first", "always", "/", "banner")
	check("with a cookie", "off", "/counts", "nothing")
	check("after a cookie", "off", "/", "nothing")
	check("with what is exempt", "exempt", "/", "settings")
	check("with what is exempt", "exempt", "/counts", "settings")
	visit("exempt", "/counts", "Cookie: "+chooseOverHTTP(t, c.server, "exempt.example.test", rejectAll))
	check("after somebody switched it off", "exempt", "/", "settings")

	// What was found is known again after a restart, from the first page on.
	c.cmd.Process.Signal(syscall.SIGTERM)
	c.cmd.Wait()
	c.again(t)
	check("after a restart", "cookies", "/", "banner")
	check("after a restart", "hosts", "/", "banner")
	check("after a restart", "exempt", "/", "settings")
}

// The log says, once, that the application asks visitors itself, and the report says so;
// where the banner is off, nobody is asked twice and the log is quiet.
func TestOtherConsentTools(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<!DOCTYPE html><title>t</title><script src="https://consent.cookiebot.com/uc.js"></script>`)
	})
	with := func(options string) string {
		return site("cookie_consent" + options + "\ncookie_consent_report /owner\nreverse_proxy " + app.addr)
	}
	s := start(t, with(""))
	visit := func() string {
		return s.get(t, "/", append([]string{"Cookie: tarteaucitron=!analytics=wait"}, navigation...)...).body
	}
	for range 2 {
		visit()
	}
	log := s.logged(t)
	for _, tool := range []string{`"tool":"Cookiebot`, `"tool":"tarteaucitron.js"`} {
		if got := strings.Count(log, tool); got != 1 {
			t.Errorf("%s stands %d times in the log, want once: %s", tool, got, log)
		}
	}
	if report := s.get(t, "/owner").body; !strings.Contains(report, "the application brings a consent tool of its own, Cookiebot") {
		t.Errorf("the report does not say that there is another consent tool: %s", report)
	}

	if err := s.load(with(" {\nbanner off\n}")); err != nil {
		t.Fatal(err)
	}
	if body := visit(); strings.Contains(body, `id="cookie-consent`) || !strings.Contains(body, prefix+"shim.") {
		t.Errorf("with the banner off, the page is %s", body)
	}
	if later := strings.TrimPrefix(s.logged(t), log); strings.Contains(later, `"tool"`) {
		t.Errorf("with the banner off, the log says %s", later)
	}
}
