package integration_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

// inFrame is an expression for the document in the first frame of a page.
const inFrame = `document.querySelector("iframe").contentDocument`

// clickInFrame clicks an element of the first frame as a person does, and waits for
// the page that this leads to.
func (b *browser) clickInFrame(selector string) {
	b.t.Helper()
	at := js[[]float64](b, `(() => {
		const frame = document.querySelector("iframe").getBoundingClientRect()
		const e = `+inFrame+`.querySelector(`+quote(selector)+`).getBoundingClientRect()
		return [frame.x + e.x + e.width / 2, frame.y + e.y + e.height / 2]
	})()`)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.MouseClickXY(at[0], at[1])); err != nil {
		b.t.Fatalf("Chromium: clicking %s in the frame: %v", selector, err)
	}
}

// A visitor allows a film where it would be shown, with and without JavaScript. The
// film is shown then, and everything else stays as it was; the choice is proved, and
// the banner, which was not answered, can still take it back.
func TestPlaceholderInBrowser(t *testing.T) {
	var films atomic.Int32
	cinema := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		films.Add(1)
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Cross-Origin-Embedder-Policy", "require-corp")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		io.WriteString(w, "<p>film")
	}))
	t.Cleanup(cinema.Close)
	_, port, err := net.SplitHostPort(cinema.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	film := "https://www.film.test:" + port + "/watch?v=1&t=2"
	app := newApplication(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cross-Origin-Embedder-Policy", "require-corp")
		io.WriteString(w, `<!DOCTYPE html><html lang="de"><title>Film</title><h1>Film</h1>
			<iframe sandbox="allow-scripts" width="560" height="315" src="`+strings.ReplaceAll(film, "&", "&amp;")+`"></iframe>
			<iframe width="1" height="1" src="https://counter.test:`+port+`/"></iframe>
			<p><img src="https://counter.test:`+port+`/map.png" width="200" height="80" alt="A map of the town"></p>`)
	})
	path := filepath.Join(t.TempDir(), "consent.db")
	s := start(t, site(`cookie_consent {
		service film {
			category third_party
			provider "Film & Co"
			purpose "Shows <films>."
			hosts *.film.test
			cookies film_id
			storage film_volume
		}
		service counter {
			category statistics
			provider Counter
			purpose "Counts visits."
			hosts counter.test
		}
	}
	reverse_proxy `+app.addr), "cookie_consent {\nsqlite "+path+"\n}")
	for _, scripts := range []bool{true, false} {
		films.Store(0)
		b := openBrowser(t)
		if !scripts {
			b.disableScripts()
		}
		page := s.url("/films/1?a=b&c=d")
		b.do(chromedp.EmulateViewport(1280, 800)) // with room beside the banner
		b.open(page)
		text := js[string](b, inFrame+`.body.innerText`)
		for _, want := range []string{"Inhalt von Film & Co", "Shows <films>.", "Inhalte und Werbung anderer Websites", "film_id", "film_volume", "www.film.test"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in %q", want, text)
			}
		}
		if got := js[string](b, inFrame+`.querySelector("a[target=_blank]").href`); got != film {
			t.Errorf("the content is at %q", got)
		}
		if sources := js[[]string](b, `Array.from(document.querySelectorAll("iframe"), f => f.src)`); sources[1] != "" {
			t.Errorf("what nobody sees shows %q", sources[1])
		}
		if size := js[[]float64](b, `(r => [r.width, r.height])(document.images[0].getBoundingClientRect())`); !slices.Equal(size, []float64{200, 80}) {
			t.Errorf("the image has the size %v", size)
		}
		if n := films.Load(); n != 0 {
			t.Errorf("%d contacts before consent", n)
		}

		b.clickInFrame("button")
		if got := js[string](b, "location.href"); got != page {
			t.Errorf("the way back leads to %q", got)
		}
		if n := films.Load(); n != 1 {
			t.Errorf("%d contacts, want one for the film", n)
		}
		sources := js[[]string](b, `Array.from(document.querySelectorAll("iframe"), f => f.src + f.sandbox)`)
		if !slices.Equal(sources, []string{film + "allow-scripts", ""}) {
			t.Errorf("the frames show %q", sources)
		}
		if !b.has("#cookie-consent") {
			t.Error("the banner is gone although it was not answered")
		}
		b.press(rejectButton)
		if !js[bool](b, inFrame+` !== null && document.querySelector("iframe").src.includes("placeholder")`) || films.Load() != 1 {
			t.Error("the film is shown after a refusal")
		}

		all := records(t, path)
		given, taken := all[len(all)-2], all[len(all)-1]
		if given.Method != "placeholder" || given.Source != "placeholder" || given.Language != "de" ||
			given.Services["film"] != ledger.Given || len(given.Services) != 1 || len(given.Categories) != 0 {
			t.Errorf("record %+v", given)
		}
		if taken.Method != ledger.Withdraw || taken.Services["film"] != ledger.Withdrawn {
			t.Errorf("record %+v", taken)
		}
	}
}

// The endpoint says what its address says only inside of a frame of the site, and of
// an address only what browsers load from others.
func TestPlaceholderEndpoint(t *testing.T) {
	s := start(t, site(policy+"respond ok"))
	ask := func(query string, header ...string) response {
		return s.do(t, h1, request{path: prefix + "placeholder?" + query, header: header})
	}
	const frame = "Sec-Fetch-Dest: iframe"
	if res := ask("category=third_party&host=x.test&content=https%3A%2F%2Fx.test%2F"); strings.Contains(res.body, "x.test") {
		t.Errorf("said to somebody who may see it on its own: %s", res.body)
	}
	res := ask("category=third_party&host=x.test&content=https%3A%2F%2Fx.test%2F&return_to=%2Fa", frame)
	if res.status != http.StatusOK || !strings.Contains(res.body, `href="https://x.test/"`) || !strings.Contains(res.body, `name="category" value="third_party"`) {
		t.Errorf("status %d: %s", res.status, res.body)
	}
	if csp := res.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'self'") {
		t.Errorf("policy %q", csp)
	}
	for _, content := range []string{"javascript:alert(1)", "data:text/html,x", "//x.test/", "/own", "https:x", "\x00", strings.Repeat("https://x.test/", 500)} {
		if res := ask("category=third_party&content="+url.QueryEscape(content), frame); res.status != http.StatusOK || strings.Contains(res.body, "_blank") {
			t.Errorf("%q: status %d: %s", content, res.status, res.body)
		}
	}
	for _, returnTo := range []string{"//x.test/", "https://x.test/", `/\x.test`, "x"} {
		if res := ask("category=third_party&return_to="+url.QueryEscape(returnTo), frame); !strings.Contains(res.body, `name="return_to" value="/"`) {
			t.Errorf("%q: %s", returnTo, res.body)
		}
	}
	for name, res := range map[string]response{
		"on its own":        ask("category=third_party&return_to=%2Fa", "Sec-Fetch-Dest: document"),
		"nothing to allow":  ask("return_to=%2Fa", frame),
		"what is necessary": ask("category=necessary&return_to=%2Fa", frame),
		"what is not there": ask("category=gone&service=gone&return_to=%2Fa", frame),
	} {
		if res.status != http.StatusSeeOther || res.header.Get("Location") != prefix+"?return_to=%2Fa" {
			t.Errorf("%s: status %d, to %q", name, res.status, res.header.Get("Location"))
		}
	}
	if res := ask("category=third_party&host="+url.QueryEscape(`"><script>alert(1)</script>`), frame); strings.Contains(res.body, "<script") {
		t.Errorf("script in %s", res.body)
	}
	if res := s.do(t, h1, request{method: http.MethodPost, path: prefix + "placeholder", header: sameOrigin}); res.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", res.status)
	}
}
