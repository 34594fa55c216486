package integration_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Services of two categories, two of them in one.
const servicesPolicy = `
	cookie_consent {
		service counter {
			category statistics
			provider "Counter"
			purpose "Counts visits"
			cookies cnt_*
			hosts counter.others.test
		}
		service maps {
			category third_party
			provider "Maps"
			purpose "Shows where things are"
			cookies map_*
			hosts maps.others.test
		}
		service clips {
			category third_party
			provider "Clips"
			purpose "Shows films"
			cookies clip_*
			hosts clips.others.test
		}
	}
`

// A visitor who chooses one service alone gets that one: its cookies, be they set by the
// application or by a script, and its host. The choice holds on every page after it, is
// shown in the preferences, and recorded by the service's name.
func TestChooseOneService(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]bool{}
	others := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		name, _, _ := net.SplitHostPort(r.Host)
		asked[name] = true
		w.Header().Set("Content-Type", "image/gif")
		io.WriteString(w, pixel)
	}))
	t.Cleanup(others.Close)
	contacted := func() []string {
		mu.Lock()
		defer mu.Unlock()
		var names []string
		for name := range asked {
			names = append(names, name)
		}
		clear(asked)
		slices.Sort(names)
		return names
	}
	_, port, _ := net.SplitHostPort(others.Listener.Addr().String())
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		setCookies(w, "sessionid=1; Path=/", "cnt_set=1; Path=/", "map_set=1; Path=/; HttpOnly", "clip_set=1; Path=/", "unknown_set=1; Path=/")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		images := ""
		for _, name := range []string{"counter", "maps", "clips", "nobody"} {
			images += fmt.Sprintf(`<img src="https://%s.others.test:%s/1.gif">`, name, port)
		}
		io.WriteString(w, `<!DOCTYPE html><html lang="en"><title>t</title><link rel="icon" href="data:,"><body>`+images+
			`<script>for (const name of ["cnt", "map", "clip", "unknown"]) document.cookie = name + "_script=1; path=/"</script></body></html>`)
	})
	path := filepath.Join(t.TempDir(), "consent.db")
	s := start(t, site(servicesPolicy+"reverse_proxy "+app.addr), "cookie_consent {\nsqlite "+path+"\n}")

	for _, scripts := range []bool{true, false} {
		t.Run(fmt.Sprintf("scripts %t", scripts), func(t *testing.T) {
			b := openBrowser(t)
			cookies := []string{"map_script", "map_set", "sessionid"}
			if !scripts {
				b.disableScripts()
				cookies = slices.DeleteFunc(cookies, func(name string) bool { return strings.HasSuffix(name, "_script") })
			}
			check := func(when string, cookies, hosts []string) {
				t.Helper()
				// What loads may still be on its way, what must not is seen on the next page too.
				b.await(when+": the images are complete", `document.readyState === "complete"`)
				if got := b.names(); !slices.Equal(got, cookies) {
					t.Errorf("%s: the browser has the cookies %q, want %q", when, got, cookies)
				}
				if got := contacted(); !slices.Equal(got, hosts) {
					t.Errorf("%s: it has contacted %q, want %q", when, got, hosts)
				}
			}
			contacted()
			b.open(s.url("/page"))
			check("before the choice", []string{"sessionid"}, nil)
			b.do(clickOn("#cookie-consent details summary"))
			if js[int](b, `document.querySelectorAll("#cookie-consent input:checked").length`) != 0 {
				t.Error("something is chosen beforehand")
			}
			b.do(clickOn(`#cookie-consent input[name="service"][value="maps"]`))
			b.press(`#cookie-consent button[value="save"]`)
			check("after it", cookies, []string{"maps.others.test"})

			app.requests()
			for range 2 {
				b.open(s.url("/page"))
				check("on the next page", cookies, []string{"maps.others.test"})
				if b.has("#cookie-consent") || !b.has("#cookie-consent-settings") {
					t.Error("the next page asks again, or has no way to the settings")
				}
			}
			got := strings.Split(app.lastCookies(t), "; ")
			for i := range got {
				got[i] = nameOf(got[i])
			}
			if slices.Sort(got); !slices.Equal(got, cookies) {
				t.Errorf("the application gets the cookies %q, want %q", got, cookies)
			}

			b.open(s.url(prefix))
			shown := js[string](b, `[...document.querySelectorAll("select[name=service]")].map(s => s.id + "=" + s.value).join(" ") + ", " + document.querySelectorAll("input[name=category]:checked").length`)
			if shown != "service-counter= service-maps=maps service-clips=, 0" {
				t.Errorf("the preferences show %q", shown)
			}

			all := records(t, path)
			r := all[len(all)-1]
			if r.Method != "save" || r.Source != "banner" || r.Services["maps"] != "given" || r.Services["counter"] != "refused" || r.Services["clips"] != "refused" ||
				r.Categories["third_party"] != "refused" || r.Categories["statistics"] != "refused" {
				t.Errorf("recorded is %s by the %s of %v, %v", r.Method, r.Source, r.Categories, r.Services)
			}
		})
	}
}

// A visitor whose browser keeps no cookies of other sites has a banner that works; a page in
// the frame of another site has none, nor has paper.
func TestBannerInBrowserThatBlocksCookies(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		setCookies(w, "sessionid=1; Path=/; Secure; SameSite=None")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<!DOCTYPE html><html lang="en"><title>t</title><link rel="icon" href="data:,"><h1>Page</h1><script>
			addEventListener("load", () => top !== window && top.postMessage([...document.querySelectorAll("[id^=cookie-consent]")].map(e => e.id).join() + "|", "*"))
		</script></html>`)
	})
	const name = "outer.others.test"
	around := httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!DOCTYPE html><title>o</title><link rel="icon" href="data:,"><script>addEventListener("message", e => { window.told = e.data })</script><iframe src="https://%s/framed"></iframe>`, r.URL.RawQuery)
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr)+siteFor("https://"+name, "reverse_proxy "+around))
	s.awaitCertificate(t, name)
	b := openBrowser(t, chromedp.Flag("test-third-party-cookie-phaseout", true))
	framed := func(when string, cookies ...string) {
		t.Helper()
		b.open("https://" + name + strings.TrimPrefix(s.authority("https"), host) + "/?" + s.authority("https"))
		b.await("the frame tells what it has", `window.told !== undefined`)
		if got := js[string](b, "told"); got != "|" {
			t.Errorf("%s: the page in a frame has %s", when, got)
		}
		if got := b.names(); !slices.Equal(got, cookies) {
			t.Errorf("%s: the browser has %q, want %q", when, got, cookies)
		}
	}
	isPrinted := func(selector string) bool {
		t.Helper()
		media := func(name string) {
			if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: name}); err != nil {
				t.Fatal(err)
			}
		}
		media("print")
		defer media("")
		return !b.has("h1") || b.has(selector)
	}
	framed("before a choice") // or it blocks nothing
	for _, button := range []string{rejectButton, acceptButton} {
		b.reset()
		b.open(s.url("/page"))
		if !b.has("#cookie-consent") || isPrinted("#cookie-consent") {
			t.Fatal("there is no banner, or it is printed")
		}
		b.press(button)
		b.open(s.url("/page"))
		if b.has("#cookie-consent") || !b.has("#cookie-consent-settings") || isPrinted("#cookie-consent-settings") {
			t.Errorf("%s: the next page asks again, or has no way to the settings, or prints it", button)
		}
	}
	framed("after the choice", "sessionid")
}
