package integration_test

import (
	"bytes"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// The banner is not in front of what has the focus, wherever a page lets that be, and
// it is in the window even if the page's body is what the fixed is fixed to.
func TestBannerGivesWay(t *testing.T) {
	pages := map[string]string{
		"/long":  `<body>` + strings.Repeat(`<p>Words.</p>`, 60) + `<p><a href="#last" id="last">Last</a></p>`,
		"/short": `<body style="margin:0;height:100vh;display:flex;flex-direction:column;justify-content:space-between"><h1>t</h1><p><a href="#last" id="last">Last</a></p>`,
		"/inner": `<body style="margin:0"><main style="height:100vh;overflow:auto">` + strings.Repeat(`<p>Words.</p>`, 60) + `<p><a href="#last" id="last">Last</a></p></main>`,
		"/frame": `<body style="transform:translateZ(0)">` + strings.Repeat(`<p>Words.</p>`, 60) + `<p><a href="#last" id="last">Last</a></p>`,
	}
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<!DOCTYPE html><html lang="en"><head><title>t</title><link rel="icon" href="data:,"></head>`+pages[r.URL.Path])
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.do(chromedp.EmulateViewport(1280, 800))
	// Without the focus, a page is not always told what has it in the page.
	if _, err := chromedp.Call(b.ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	const banner = `document.getElementById("cookie-consent").getBoundingClientRect()`
	for path := range pages {
		b.open(s.url(path))
		b.await(path+": the banner is in the window", banner+`.bottom <= innerHeight && `+banner+`.top > innerHeight / 2`)
		height := js[float64](b, `document.querySelector("h1, main, body").getBoundingClientRect().height`)
		js[bool](b, `document.getElementById("last").focus(), true`)
		b.await(path+": what has the focus is in sight", `(() => {
			const a = document.getElementById("last"), { x, y, width, height } = a.getBoundingClientRect()
			return document.activeElement === a && document.elementFromPoint(x + width / 2, y + height / 2) === a
		})()`)
		if got := js[float64](b, `document.querySelector("h1, main, body").getBoundingClientRect().height`); got != height {
			t.Errorf("%s: the page changes", path)
		}
		if scrolls := js[bool](b, `document.documentElement.scrollHeight > innerHeight`); scrolls != (path == "/long" || path == "/frame") {
			t.Errorf("%s: that the page can be scrolled is %t", path, scrolls)
		}
		js[bool](b, `document.querySelector("#cookie-consent summary").focus(), true`)
		b.await(path+": the banner is back", banner+`.bottom > innerHeight - 10`)
	}
}

// What a page does to its body as a whole does not reach the banner: it stands whole, and as
// clear as elsewhere, at the end of the window, and in front of the page.
func TestBodyThatIsAFrame(t *testing.T) {
	styles := []string{
		"", "opacity:.2", "filter:blur(3px) grayscale(1)", "transform:translateX(250px)", "transform:scale(.5);height:100px", "contain:strict;height:60px",
		"perspective:10px;height:60px", "will-change:transform;overflow:hidden;height:60px", "zoom:.7", "rotate:180deg", "clip-path:inset(0);transform:none",
	}
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<!DOCTYPE html><html lang="en"><head><title>t</title><link rel="icon" href="data:,"></head><body style="`+r.URL.Query().Get("style")+`">`+strings.Repeat(`<p>Words.</p>`, 60)+`</body></html>`)
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.do(chromedp.EmulateViewport(1280, 800))
	look := func(id string) string {
		return js[string](b, `(() => {
			const e = document.getElementById("`+id+`"), { x, y, width, height } = e.getBoundingClientRect()
			const met = [[x + 12, y + 12], [x + width - 12, y + 12], [x + 12, y + height - 12], [x + width - 12, y + height - 12]].map(at => e.contains(document.elementFromPoint(...at)))
			return [x, y, width, height].map(Math.round).join(" ") + " " + met.join(" ")
		})()`)
	}
	red := func() float64 { // how much of the picture is as the buttons are
		picture := value(b, chromedp.CaptureScreenshot())
		return shareOf(t, picture, 0x1c, 0x4f, 0x86)
	}
	for _, button := range []string{"", rejectButton} {
		var want string
		var share float64
		id := "cookie-consent"
		if button != "" {
			b.press(button)
			id = "cookie-consent-corner"
		}
		for _, style := range styles {
			b.open(s.url("/?style=" + url.QueryEscape(style)))
			b.await("the page is complete", `document.readyState === "complete" && !!document.getElementById("`+id+`")`)
			js[bool](b, `new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
			got, clear := look(id), 0.0
			if button == "" {
				clear = red()
			}
			if style == "" {
				want, share = got, clear
				if button == "" && share < 0.005 {
					t.Fatalf("the buttons are %f of the picture", share)
				}
			}
			if style != "zoom:.7" && got != want || clear < share*0.4 {
				t.Errorf("%s with %q is at %s and its buttons %f of the picture, else %s and %f", id, style, got, clear, want, share)
			}
			if strings.Contains(got, "false") {
				t.Errorf("%s with %q can't be clicked: %s", id, style, got)
			}
		}
	}
}

// shareOf returns how much of a picture has a colour.
func shareOf(t *testing.T, data []byte, red, green, blue uint8) float64 {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	bounds, n := picture.Bounds(), 0
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			if color.NRGBAModel.Convert(picture.At(x, y)) == (color.NRGBA{red, green, blue, 0xff}) {
				n++
			}
		}
	}
	return float64(n) / float64(bounds.Dx()*bounds.Dy())
}
