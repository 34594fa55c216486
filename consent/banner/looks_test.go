package banner

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/cookieconsent/caddy-cookie-consent/internal/browser"
)

// What visitors ask of their browsers costs them nothing: in colours of their own, with a
// window of 1280 by 1024 pixels zoomed to 200 and 400 %, and with the spacing of WCAG 2.2,
// section 1.4.12, buttons have an edge, accept and reject have one size, no text is cut off,
// no control lies on another one, nothing has to be scrolled sideways, and nothing moves.
func TestWhatVisitorsAskOfTheirBrowsers(t *testing.T) {
	ctx := browser.Start(t)
	site, _ := newSite(t, newRenderer(t, declared(), Config{Controller: "City of Example", Contact: "privacy@city.example", PrivacyPolicy: "/privacy"}))
	const spacing = `for (const e of document.querySelectorAll("body, body *"))
		for (const [property, value] of [["line-height", "1.5"], ["letter-spacing", "0.12em"], ["word-spacing", "0.16em"], ...(e.localName === "p" ? [["margin-bottom", "2em"]] : [])])
			e.style.setProperty(property, value, "important");`
	// What is wrong, in words.
	const look = `(() => {
		const root = document.getElementById("cookie-consent") || document.body, wrong = [];
		const visible = [...root.querySelectorAll("*")].filter(e => e.checkVisibility() && getComputedStyle(e.closest("thead") || e).clipPath === "none");
		const name = e => (e.innerText || e.outerHTML).slice(0, 40);
		for (const e of [document.documentElement, root, ...visible])
			if (e.scrollWidth > e.clientWidth + 1 && (e === document.documentElement || getComputedStyle(e).overflowX !== "visible" && e.localName !== "select")) wrong.push("wider than its room: " + e.localName + "." + e.className);
		for (const e of visible) {
			const box = e.getBoundingClientRect(), style = getComputedStyle(e);
			for (const text of [...e.childNodes].filter(n => n.nodeType === 3 && n.data.trim())) {
				const range = document.createRange();
				range.selectNodeContents(text);
				for (const line of range.getClientRects()) {
					if (line.left < -1 || line.right > innerWidth + 1) wrong.push("outside of the window: " + name(e));
					if (e.localName === "button" && (line.top < box.top || line.bottom > box.bottom || line.left < box.left || line.right > box.right)) wrong.push("cut off: " + name(e));
				}
			}
			if (matchMedia("(forced-colors: active)").matches && e.matches("button, select, [role=switch]") && (style.borderTopStyle === "none" || parseFloat(style.borderTopWidth) < 1 || style.borderTopColor === getComputedStyle(root).backgroundColor)) wrong.push("without an edge: " + name(e));
			if (style.animationName !== "none" || parseFloat(style.transitionDuration) > 0 || style.scrollBehavior === "smooth") wrong.push("moves: " + name(e));
		}
		const controls = visible.filter(e => e.matches("a, button, summary, select, input"));
		const scrolled = e => e.closest(".cookie-consent-words") || e.closest(".cookie-consent-text, .cookie-consent-actions") || root;
		for (const [i, a] of controls.entries())
			for (const b of controls.slice(i + 1))
				if (scrolled(a) === scrolled(b))
					for (const x of a.getClientRects())
						for (const y of b.getClientRects())
							if (x.left < y.right - 1 && y.left < x.right - 1 && x.top < y.bottom - 1 && y.top < x.bottom - 1) wrong.push(name(a) + " lies on " + name(b));
		const sizes = [...root.querySelectorAll(".cookie-consent-accept, .cookie-consent-reject")].map(e => e.getBoundingClientRect()).map(box => box.width + "x" + box.height);
		if (new Set(sizes).size > 1) wrong.push("accept and reject are " + sizes);
		return [visible.length, ...new Set(wrong)].join("\n");
	})()`
	for _, asked := range []struct {
		name, feature, value string
		width, height        int64
		script               string
	}{
		{"own colours", "forced-colors", "active", 1280, 1024, ""},
		{"own colours at 400 %", "forced-colors", "active", 320, 256, ""},
		{"less motion at 200 %", "prefers-reduced-motion", "reduce", 640, 512, ""},
		{"more contrast at 400 %", "prefers-contrast", "more", 320, 256, ""},
		{"spacing", "prefers-color-scheme", "dark", 1280, 1024, spacing},
		{"spacing in a narrow window", "prefers-color-scheme", "light", 320, 640, spacing},
	} {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: asked.feature, Value: asked.value}},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, lang := range []string{"de", "ar"} {
			for _, path := range []string{"/site/none", "/saved", "/placeholder", "/error"} {
				if err := chromedp.Do(ctx, chromedp.EmulateViewport(asked.width, asked.height), chromedp.Navigate(site+path+"?lang="+lang)); err != nil {
					t.Fatal(err)
				}
				for _, open := range []bool{false, true} {
					found, err := chromedp.Run(ctx, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelectorAll("details").forEach(e => { e.open = %t }); %s; %s`, open, asked.script, look)))
					n, wrong, _ := strings.Cut(found, "\n")
					if err != nil || n == "0" || wrong != "" {
						t.Errorf("%s: %s in %s, unfolded %t: %s elements (%v)\n%s", asked.name, path, lang, open, n, err, wrong)
					}
				}
			}
		}
	}
}
