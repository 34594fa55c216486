package integration_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// fragment is what a script of the application fetches and puts into the page. OTHERS
// is the port of the others.
const fragment = `<section id="fragment"><p>3 results</p><img id="foreign" src="https://pixel.others.test:OTHERS/1.gif">` +
	`<form action="/search"><input name="q" value="again"></form></section>`

// flowPage is a page of the application that uses what such pages do: htmx-like
// fragments, and navigation by a script.
const flowPage = `<!DOCTYPE html><html lang="en"><head><title>Shop</title><link rel="icon" href="data:,"></head><body>
	<h1 id="place">%s</h1><main id="main">%s</main><div id="target"></div>
	<script>
		const swap = () => fetch("/fragment", {headers: {"HX-Request": "true"}}).then(r => r.text()).then(text => {
			window.received = text
			document.getElementById("target").innerHTML = text
			return document.querySelectorAll("#fragment form").length === 1
		})
		const show = place => fetch("/api" + place).then(r => r.json()).then(({title}) => { document.getElementById("place").textContent = title })
		const go = place => show(place).then(() => history.pushState(null, "", place))
		addEventListener("popstate", () => show(location.pathname))
	</script></body></html>`

// shop is the application: its session is begun by a log-in, with a token against
// forged requests, or by a provider of log-ins.
type shop struct {
	others   string // the port of the others
	sessions map[string]bool
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page := func(place, content string) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		setCookies(w, "_pk_id.1=1; Max-Age=999999; Path=/")
		fmt.Fprintf(w, flowPage, place, content)
	}
	begin := func() {
		id := fmt.Sprint(rand.Uint64())
		s.sessions[id] = true
		setCookies(w, "sessionid="+id+"; Path=/; HttpOnly; Secure; SameSite=None") // as payments need it
	}
	session, err := r.Cookie("sessionid")
	known := err == nil && s.sessions[session.Value]
	token, err := r.Cookie("csrftoken")
	genuine := err == nil && token.Value == "t0ken" && r.PostFormValue("token") == token.Value
	switch path := r.URL.Path; path {
	case "/login":
		if r.Method == http.MethodGet {
			setCookies(w, "csrftoken=t0ken; Path=/; SameSite=Lax")
			page("log-in", `<form method="post"><input name="token" value="t0ken"><input name="user"><button id="go">Log in</button></form>`)
			return
		}
		if !genuine {
			http.Error(w, "forged", http.StatusForbidden)
			return
		}
		begin()
		http.Redirect(w, r, "/account", http.StatusSeeOther)
	case "/account":
		page(fmt.Sprintf("known: %t", known), `<form method="post" action="/upload" enctype="multipart/form-data"><input type="file" id="file" name="file"><button id="go">Send</button></form>`)
	case "/upload":
		file, _, err := r.FormFile("file")
		if err != nil || !known {
			http.Error(w, fmt.Sprint(err, known), http.StatusForbidden)
			return
		}
		hash := sha256.New()
		n, _ := io.Copy(hash, file)
		page(fmt.Sprintf("%d %x", n, hash.Sum(nil)), "")
	case "/checkout":
		page("checkout", `<form method="post" action="https://pay.others.test:`+s.others+`/pay"><input type="hidden" name="back" value="`+html.EscapeString("https://"+r.Host+"/paid")+`"><button id="go">Pay</button></form>`)
	case "/paid":
		page(fmt.Sprintf("paid: %s, known: %t", r.PostFormValue("receipt"), known), "")
	case "/sign-in":
		http.Redirect(w, r, "https://id.others.test:"+s.others+"/authorize?state=st4te&redirect_uri="+url.QueryEscape("https://"+r.Host+"/callback"), http.StatusFound)
	case "/callback":
		if r.FormValue("state") != "st4te" || r.FormValue("code") != "c0de" {
			http.Error(w, "state", http.StatusForbidden)
			return
		}
		begin()
		http.Redirect(w, r, "/account", http.StatusFound)
	case "/fragment":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, strings.ReplaceAll(fragment, "OTHERS", s.others))
	default:
		if place, ok := strings.CutPrefix(path, "/api"); ok {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"title": %q}`, "at "+place)
			return
		}
		page("at "+path, "")
	}
}

// newProviders is a provider of payments and one of log-ins, who each keep a cookie of
// their own, and returns their port.
func newProviders(t testing.TB) string {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setCookies(w, "theirs=1; Path=/; Secure; SameSite=None")
		switch r.URL.Path {
		case "/pay": // and back by a form that sends itself
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<form method="post" action="%s"><input name="receipt" value="r1"></form><script>document.forms[0].submit()</script>`, html.EscapeString(r.FormValue("back")))
		case "/authorize":
			http.Redirect(w, r, r.FormValue("redirect_uri")+"?code=c0de&state="+r.FormValue("state"), http.StatusFound)
		default:
			w.Header().Set("Content-Type", "image/gif")
			io.WriteString(w, pixel)
		}
	}))
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	return port
}

// What applications live by works whatever the visitor chose: logging in, here and by a
// provider, sending a file, paying somewhere else, parts that scripts fetch, and
// navigation by scripts.
func TestFlowsOfApplications(t *testing.T) {
	application := &shop{others: newProviders(t), sessions: map[string]bool{}}
	app := httpBackend(t, application.ServeHTTP)
	const name = "shop.site.test"
	s := start(t, siteFor("https://"+name, policy+"reverse_proxy "+app))
	s.awaitCertificate(t, name)
	_, port, _ := net.SplitHostPort(s.addr("https"))
	origin := "https://" + net.JoinHostPort(name, port)
	file := filepath.Join(tempDir(t), "file.bin")
	content := bytes.Repeat([]byte("\x00<script src=//x.test>\r\n"), 20000)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}

	b := openBrowser(t, chromedp.WindowSize(1280, 900)) // of which the banner leaves enough
	place := func(what, want string) {
		t.Helper()
		b.await(what, `document.readyState === "complete" && document.getElementById("place")?.textContent === `+quote(want))
	}
	for _, choice := range []struct{ name, button string }{
		{"before the choice", ""}, {"after the refusal", "reject_all"}, {"with statistics", "statistics"}, {"with everything", "accept_all"},
	} {
		b.reset()
		switch choice.button {
		case "":
		case "statistics":
			b.open(origin + prefix)
			js[bool](b, `document.querySelector("input[value=statistics]").checked = true`)
			b.click(`button[value="save"]`)
		default:
			b.open(origin + prefix)
			b.click(`button[value="` + choice.button + `"]`)
		}
		asked := choice.button != ""
		// settled waits until the page asks for a choice, or doesn't.
		settled := func(when string) {
			t.Helper()
			b.await(choice.name+", "+when+": the banner is there, or the link to the settings", fmt.Sprintf(`(id => {
				const e = document.getElementById(id)
				return !!e && e.checkVisibility()
			})(%s)`, quote(map[bool]string{false: "cookie-consent", true: "cookie-consent-settings"}[asked])))
		}

		b.open(origin + "/login")
		settled("at the log-in")
		b.click("#go")
		place(choice.name+": logged in", "known: true")

		b.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{file}))
		b.do(chromedp.Click(chromedp.CSS("#go")))
		place(choice.name+": the file has come", fmt.Sprintf("%d %x", len(content), sha256.Sum256(content)))
		settled("after a file")

		b.open(origin + "/checkout")
		b.do(chromedp.Click(chromedp.CSS("#go")))
		place(choice.name+": paid", "paid: r1, known: true")
		settled("after paying somewhere else")

		b.open(origin + "/")
		if !js[bool](b, "swap()") || js[string](b, "received") != strings.ReplaceAll(fragment, "OTHERS", application.others) {
			t.Errorf("%s: what a script fetched is %s", choice.name, js[string](b, "received"))
		}
		loads := choice.button == "accept_all"
		b.await(choice.name+": what others provide in it loads only if granted", fmt.Sprintf(`(image => image.complete && (image.naturalWidth > 0) === %t)(document.getElementById("foreign"))`, loads))

		js[bool](b, `go("/a/b").then(() => go("/c")).then(() => true)`)
		place(choice.name+": a script went on", "at /c")
		js[bool](b, `history.back(), true`)
		place(choice.name+": and back", "at /a/b")
		settled("after a script went on and back")

		for _, c := range b.jar() {
			if c.Name == "sessionid" {
				if _, err := deleteCookie(b, c); err != nil {
					t.Fatal(err)
				}
			}
		}
		b.open(origin + "/sign-in")
		place(choice.name+": logged in by a provider", "known: true")
		granted := choice.button == "statistics" || choice.button == "accept_all"
		if has := slices.ContainsFunc(b.jar(), func(c *network.Cookie) bool { return c.Name == "_pk_id.1" }); has != granted {
			t.Errorf("%s: the browser has the statistics cookie: %t", choice.name, has)
		}
	}
}
