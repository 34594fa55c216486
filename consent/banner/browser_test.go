package banner

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

// The styles of pages that the banner has to live with. Frameworks reset
// elements much as these do; the last one does everything wrong that a page can.
var pageStyles = map[string]string{
	"none":      ``,
	"framework": `*,::before,::after{box-sizing:border-box;margin:0;padding:0;border:0 solid}html{font-size:62.5%;line-height:1.15}body{font:1.2rem serif}button,input,select{font:inherit;color:inherit;background:transparent;border-radius:0}ul{list-style:none}a{color:inherit;text-decoration:inherit}h1,h2{font-size:inherit;font-weight:inherit}button{text-transform:none}[hidden]{display:none!important}`,
	"table":     `body,td,p,a,div{font-family:Verdana;font-size:9px;color:#333}form{display:inline}a{text-decoration:none;color:#c00}div{position:absolute;float:left;width:50px}table{width:100%}`,
	"hostile":   `*{margin:0!important;padding:0!important;text-transform:uppercase;letter-spacing:.3em;font-family:fantasy!important;animation:none!important;opacity:.5;visibility:hidden}body{color:#eee;line-height:3;text-align:center;background:#225;cursor:wait;pointer-events:none}body div{display:none;z-index:-1;clip-path:circle(1px)}button{width:100%!important;height:3px;background:red!important;color:red;transform:rotate(5deg)}body#b button[value=reject_all]{display:none;font-size:5px!important}h2{color:red!important;font-size:40px!important}label,details,fieldset,li{display:none!important;float:right}input{opacity:0;position:absolute}span{visibility:hidden}#b :focus{outline:0!important}`,
}

// measured is what a page with the banner looks like in the browser.
type measured struct {
	Banner, Accept, Reject rect
	AcceptStyle            string
	RejectStyle            string
	Hit                    []string // what a click in the middle of each control would meet
	Targets                []rect   // everything to activate
	Overflow               float64  // how much wider than the window anything is
	Position               string
	FontSize               string
	Background             string
	Shift                  float64 // cumulative layout shift
	Forms                  []string
	ActiveBehind           bool // the page behind can be clicked
	Covered                bool // the banner covers what has the focus in the page
	Closed                 rect // the banner before the single switches are opened
	InSight                bool // all but the text can be used without scrolling
	Cut                    bool // text that cannot be scrolled to
}

type rect struct{ X, Y, Width, Height float64 }

const measure = `(() => {
	const banner = document.getElementById("cookie-consent");
	const closed = banner.getBoundingClientRect();
	const inSight = [...banner.querySelectorAll("summary, .cookie-consent-actions button")].every(e => {
		const r = e.getBoundingClientRect();
		return e.contains(document.elementFromPoint(r.x + 5, r.y + 3)) && e.contains(document.elementFromPoint(r.x + 5, r.bottom - 3));
	});
	banner.querySelector("details").open = true;
	const box = e => { const r = e.getBoundingClientRect(); return {X: r.x, Y: r.y, Width: r.width, Height: r.height}; };
	const accept = banner.querySelector(".cookie-consent-accept"), reject = banner.querySelector(".cookie-consent-reject");
	const style = e => { const s = getComputedStyle(e); return [...s].filter(p => !p.includes("origin")).map(p => p + ":" + s.getPropertyValue(p)).join(";"); };
	const controls = [...banner.querySelectorAll("button, a, summary, label")].filter(e => e.checkVisibility());
	const s = getComputedStyle(banner);
	return {
		Closed: box({ getBoundingClientRect: () => closed }), InSight: inSight,
		Banner: box(banner), Accept: box(accept), Reject: box(reject),
		AcceptStyle: style(accept), RejectStyle: style(reject),
		Hit: [accept, reject].map(e => { e.scrollIntoView({block: "nearest"}); const r = e.getBoundingClientRect(); return document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2)?.className || ""; }),
		Targets: controls.map(box),
		Overflow: Math.max(...[banner, ...controls].map(e => e.getBoundingClientRect()).map(r => Math.max(r.right - innerWidth, -r.left))),
		Position: s.position, FontSize: s.fontSize, Background: s.backgroundColor,
		Shift: performance.getEntriesByType("layout-shift").reduce((sum, e) => sum + e.value, 0),
		Forms: [...document.forms].map(f => f.id),
		Cut: [banner, ...banner.querySelectorAll("div")].every(e => e.scrollHeight <= e.clientHeight || getComputedStyle(e).overflowY !== "auto") && [banner, ...banner.children].some(e => e.scrollHeight > e.clientHeight + 1),
		Covered: (() => {
			banner.querySelector("details").open = false;
			const own = document.querySelector("#own input");
			own.focus();
			return document.activeElement === own && own.getBoundingClientRect().bottom > banner.getBoundingClientRect().top;
		})(),
		ActiveBehind: !banner.contains(document.elementFromPoint(innerWidth / 2, 3)),
	};
})()`

// newSite serves a page with the banner under "/<style>" and the assets, and
// reports the bodies of what is posted.
func newSite(t *testing.T, r *Renderer) (address string, posted <-chan string) {
	t.Helper()
	bodies := make(chan string, 10)
	mux := http.NewServeMux()
	mux.HandleFunc("/.cookie-consent/", func(w http.ResponseWriter, req *http.Request) {
		name := strings.TrimPrefix(req.URL.Path, "/.cookie-consent/")
		if body, contentType, ok := r.Asset(name); ok {
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write(body)
			return
		}
		if req.Method == http.MethodPost {
			body, _ := io.ReadAll(req.Body)
			bodies <- req.URL.Path + " " + string(body)
		}
	})
	own := func(path string, document func(lang string) []byte) {
		mux.HandleFunc(path, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
			_, _ = w.Write(document(req.FormValue("lang")))
		})
	}
	preferences := func(lang string, p Page) []byte {
		p.ReturnTo, p.RequestCookies = "/", []string{"a"}
		document, err := r.Page(lang, p)
		if err != nil {
			t.Error(err)
		}
		return document
	}
	own("/page", func(lang string) []byte { return preferences(lang, Page{Decision: notAsked(r)}) })
	own("/saved", func(lang string) []byte {
		everything := &consent.Preference{Categories: map[string]consent.State{}}
		for _, c := range r.policy.Categories()[1:] {
			everything.Categories[c.Name] = consent.Granted
		}
		return preferences(lang, Page{Decision: chosen(r, everything), Saved: true})
	})
	own("/placeholder", func(lang string) []byte {
		document, _ := r.PlaceholderPage(lang, Placeholder{
			Services: []string{"tiles"}, Category: consent.ThirdParty, Host: "a.tiles.example",
			Content: "https://a.tiles.example/map", ReturnTo: "/",
		})
		return document
	})
	own("/error", func(lang string) []byte { return r.ErrorPage(lang, http.StatusForbidden, WrongOrigin) })
	mux.HandleFunc("/site/{style}", func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=windows-1252")
		w.Header().Set("Content-Security-Policy", "style-src 'self' 'unsafe-inline'; script-src 'none'")
		document := fmt.Appendf(nil, `<!DOCTYPE html><html><meta name=viewport content="width=device-width"><title>t</title><style>%s</style><body id=b>`, pageStyles[req.PathValue("style")])
		document = r.AppendBodyStart(document, Place{Language: req.FormValue("lang"), ReturnTo: req.URL.RequestURI()}, notAsked(r))
		document = append(document, strings.Repeat("<p>Behind.</p>", 50)+`<form id=own action=/search><input name=q>`+strings.Repeat("<p>Behind.</p>", 50)...)
		_, _ = w.Write(r.AppendEnd(document, Place{}, notAsked(r)))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, bodies
}

func TestBannerInBrowser(t *testing.T) {
	ctx := browser.Start(t)
	r := newRenderer(t, &consent.Config{}, Config{Controller: "City of Example", PrivacyPolicy: "/privacy"})
	site, _ := newSite(t, r)
	for name := range pageStyles {
		for _, window := range []struct {
			width, height int64
			scheme        string
			lang          string
		}{{1280, 800, "light", "en"}, {390, 844, "dark", "de"}, {320, 640, "light", "fr"}, {640, 320, "light", "de"}, {320, 256, "dark", "en"}, {390, 844, "light", "el"}, {320, 568, "dark", "ar"}, {780, 440, "light", "de"}} {
			t.Run(fmt.Sprintf("%s/%dx%d", name, window.width, window.height), func(t *testing.T) {
				var m measured
				_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: window.scheme}},
				})
				if err == nil {
					err = chromedp.Do(ctx, chromedp.EmulateViewport(window.width, window.height), chromedp.Navigate(site+"/site/"+name+"?lang="+window.lang))
				}
				if err == nil {
					m, err = chromedp.Run(ctx, chromedp.Evaluate[measured](measure))
				}
				if err != nil {
					t.Fatal(err)
				}
				m.check(t, float64(window.width), float64(window.height), window.scheme)
			})
		}
	}
}

func (m *measured) check(t *testing.T, width, height float64, scheme string) {
	t.Helper()
	if m.Accept.Width != m.Reject.Width || m.Accept.Height != m.Reject.Height || m.AcceptStyle != m.RejectStyle {
		t.Errorf("accept %v and reject %v differ, or their styles do", m.Accept, m.Reject)
	}
	if m.Accept.Height < 38 || m.Accept.Width < 100 {
		t.Errorf("the buttons are small: %v", m.Accept)
	}
	if most := max(height/2, 14*16) + 1; m.Closed.Height > most || m.Banner.Height > most {
		t.Errorf("in a window of %v pixels the banner is %v high, and opened %v", height, m.Closed.Height, m.Banner.Height)
	}
	if !m.InSight {
		t.Error("the buttons and the way to the single switches have to be scrolled to")
	}
	if len(m.Hit) != 2 || !strings.Contains(m.Hit[0], "cookie-consent-accept") || !strings.Contains(m.Hit[1], "cookie-consent-reject") {
		t.Errorf("clicks meet %q", m.Hit)
	}
	for _, target := range m.Targets {
		if target.Width < 24 || target.Height < 24 {
			t.Errorf("a target of %v", target)
		}
	}
	if len(m.Targets) != 2+1+3+3 {
		t.Errorf("%d targets are visible", len(m.Targets))
	}
	if m.Overflow > 0 || m.Banner.X < 0 || m.Banner.Y < 0 || m.Banner.Y+m.Banner.Height > height || m.Banner.Width > width {
		t.Errorf("the banner %v is beyond the window, by %v", m.Banner, m.Overflow)
	}
	background := map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(28, 33, 41)"}[scheme]
	if m.Position != "fixed" || m.FontSize != "16px" || m.Background != background {
		t.Errorf("position %s, size %s, background %s", m.Position, m.FontSize, m.Background)
	}
	if m.Shift != 0 {
		t.Errorf("the layout shifts by %v", m.Shift)
	}
	if strings.Join(m.Forms, " ") != "own cookie-consent-form" {
		t.Errorf("document.forms is %q", m.Forms)
	}
	if m.Covered && height > 288 { // below, the banner takes the whole window
		t.Error("the banner covers what has the focus")
	}
	if m.Cut {
		t.Error("some text cannot be scrolled to")
	}
	if !m.ActiveBehind {
		t.Error("the page behind cannot be clicked")
	}
}

// A language from right to left has everything on the other side.
func TestRightToLeft(t *testing.T) {
	ctx := browser.Start(t)
	r := newRenderer(t, declared(), Config{Controller: "Example Ltd."})
	site, _ := newSite(t, r)
	for lang, mirrored := range map[string]bool{"en": false, "he": true} {
		err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 800), chromedp.Navigate(site+"/site/framework?lang="+lang))
		if err != nil {
			t.Fatal(err)
		}
		// The link of the template takes the place of the banner, as after a choice.
		got, err := chromedp.Run(ctx, chromedp.Evaluate[struct{ Text, Actions, Corner, Dot, Sentence float64 }](`(() => {
			const banner = document.getElementById("cookie-consent"), x = e => e.getBoundingClientRect().x;
			const text = [...banner.querySelectorAll("li bdi")].find(e => e.textContent === "Shows where things are.").firstChild;
			const range = document.createRange();
			const at = i => { range.setStart(text, i); range.setEnd(text, i + 1); return x(range); };
			const found = {
				Text: x(banner.querySelector("h2")), Actions: x(banner.querySelector(".cookie-consent-actions")),
				Sentence: at(0), Dot: at(text.length - 1),
			};
			document.body.append(banner.querySelector("template").content);
			found.Corner = x(document.getElementById("cookie-consent-corner"));
			return found;
		})()`))
		if err != nil {
			t.Fatal(err)
		}
		if got.Actions < got.Text != mirrored || got.Corner > 640 != mirrored {
			t.Errorf("%s: text at %v, buttons at %v, link at %v", lang, got.Text, got.Actions, got.Corner)
		}
		if got.Dot < got.Sentence {
			t.Errorf("%s: the full stop of an English text stands before it, at %v and %v", lang, got.Dot, got.Sentence)
		}
	}
}

// One custom property in an operator's style sheet changes banner and page alike, and no
// page can keep it from doing so.
func TestThemeInBrowser(t *testing.T) {
	ctx := browser.Start(t)
	css := ":root{--cookie-consent-button:#205c3b;--cookie-consent-background:#fffff0}\n#cookie-consent#cookie-consent .cookie-consent-button{border-radius:0!important}"
	theme, err := ReadTheme(write(t, filepath.Join(t.TempDir(), "theme.css"), css), "")
	if err != nil {
		t.Fatal(err)
	}
	site, _ := newSite(t, newRenderer(t, declared(), Config{Theme: theme}))
	for path, want := range map[string]string{
		"/site/hostile?lang=en": "rgb(32, 92, 59) rgb(255, 255, 240) 0px",
		"/page?lang=en":         "rgb(32, 92, 59) rgb(255, 255, 240) 8px",
	} {
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 800), chromedp.Navigate(site+path)); err != nil {
			t.Fatal(err)
		}
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](`(() => {
			const button = getComputedStyle(document.querySelector(".cookie-consent-accept"));
			const around = getComputedStyle(document.getElementById("cookie-consent") || document.documentElement);
			return [button.backgroundColor, around.backgroundColor, button.borderRadius].join(" ");
		})()`))
		if err != nil || got != want {
			t.Errorf("%s: %s, want %s (%v)", path, got, want, err)
		}
	}
}

// On paper there is the page without the banner and the link to the settings, and of the
// preferences what can be read: the choice, and the tables of the policy as a whole.
func TestWhatIsPrinted(t *testing.T) {
	ctx := browser.Start(t)
	r := newRenderer(t, declared(), Config{})
	site, _ := newSite(t, r)
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}); err != nil {
		t.Fatal(err)
	}
	look := func(path, script string) string {
		t.Helper()
		err := chromedp.Do(ctx, chromedp.EmulateViewport(700, 1000), chromedp.Navigate(site+path+"?lang=en")) // as wide as A4 has room for
		var got string
		if err == nil {
			got, err = chromedp.Run(ctx, chromedp.Evaluate[string](script))
		}
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	const own = `[...document.querySelectorAll("[id^=cookie-consent]")].filter(e => e.checkVisibility() && e.id !== "cookie-consent-status").map(e => e.id).join()` // which is clipped away everywhere
	if got := look("/site/none", own+` + " " + document.querySelector("body > p").checkVisibility()`); got != " true" {
		t.Errorf("printed are %s", got)
	}
	if got := look("/site/none", `document.body.append(document.querySelector("#cookie-consent template").content), `+own); got != "" {
		t.Errorf("after a choice %s is printed", got)
	}
	const tables = `(() => {
		const cells = [...document.querySelectorAll(".cookie-consent-declaration-table th, .cookie-consent-declaration-table td")];
		const shown = cells.filter(e => e.checkVisibility() && e.offsetWidth > 0 && e.getBoundingClientRect().right <= innerWidth);
		const controls = [...document.querySelectorAll("button, a.back, .download")].filter(e => e.checkVisibility());
		const switches = [...document.querySelectorAll("[role=switch]")].every(e => e.checkVisibility());
		return [cells.length > 20, cells.length - shown.length, controls.length, switches].join();
	})()`
	if got := look("/page", tables); got != "true,0,0,true" {
		t.Errorf("of the preferences there are printed, of the cells, all but, controls, switches: %s", got)
	}
}

func TestPageInBrowser(t *testing.T) {
	ctx := browser.Start(t)
	r := newRenderer(t, declared(), Config{Controller: "City of Example"})
	site, _ := newSite(t, r)
	for width, languages := range map[int64][]string{1280: {"en", "fi", "ar"}, 320: Languages()} {
		for _, lang := range languages {
			if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 800), chromedp.Navigate(site+"/page?lang="+lang)); err != nil {
				t.Fatal(err)
			}
			m, err := chromedp.Run(ctx, chromedp.Evaluate[struct {
				Wider    float64
				Small    []string
				Unstyled bool
				Buttons  int
			}](`({
				Wider: document.documentElement.scrollWidth - innerWidth,
				Small: [...document.querySelectorAll("button, input:not([type=hidden]), select, summary")].filter(e => e.checkVisibility() && (e.offsetWidth < 24 || e.offsetHeight < 24)).map(e => e.outerHTML),
				Unstyled: getComputedStyle(document.querySelector("button")).minHeight === "auto",
				Buttons: new Set([...document.querySelectorAll(".actions button")].map(e => e.offsetWidth + "x" + e.offsetHeight)).size,
			})`))
			if err != nil {
				t.Fatal(err)
			}
			if m.Wider > 0 || len(m.Small) > 0 || m.Unstyled || m.Buttons != 1 {
				t.Errorf("%s at %d: %+v", lang, width, m)
			}
		}
	}
}
