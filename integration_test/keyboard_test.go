package integration_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// key presses keys, one after the other, as a person does.
func (b *browser) key(keys string, modifiers ...chromedp.Modifier) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys, chromedp.KeyModifiers(modifiers...)))
}

// focused names what has the focus, in a placeholder too, and says why it can't be seen:
// it has to lie in the window, with nothing in front of it, and to look as if it had the
// focus (WCAG 2.2, sections 2.4.7 and 2.4.11).
func (b *browser) focused() string {
	b.t.Helper()
	var at string
	for range 5 { // the banner makes way with the next frame
		at = js[string](b, `(() => {
			let e = document.activeElement, within = document, x = 0, y = 0
			while (e.contentDocument) {
				const frame = e.getBoundingClientRect()
				x += frame.x + e.clientLeft
				y += frame.y + e.clientTop
				within = e.contentDocument
				e = within.activeElement
			}
			if (e === document.body) return "nothing"
			const problems = [], style = getComputedStyle(e), [box] = e.getClientRects()
			for (const [px, py] of [[box.x + 4, box.y + 4], [box.x + box.width / 2, box.y + box.height / 2], [box.right - 4, box.bottom - 4]]) {
				const met = within.elementFromPoint(px, py)
				if (x + px < 0 || x + px > innerWidth || y + py < 0 || y + py > innerHeight) problems.push(" outside of the window")
				else if (!met || !e.contains(met) && !met.contains(e) || within !== document && document.elementFromPoint(x + px, y + py)?.contentDocument !== within) problems.push(" covered")
			}
			if (style.outlineStyle === "none" || style.outlineStyle !== "auto" && parseFloat(style.outlineWidth) < 2) problems.push(" without an outline")
			const words = e.labels && e.labels.length ? [...e.labels].map(label => label.innerText).join(" ") : e.innerText
			const name = (e.getAttribute("aria-labelledby") || "").split(" ").map(id => within.getElementById(id)?.innerText).join(" ")
			return (name || words).trim().replace(/\s+/g, " ") + [...new Set(problems)].join("")
		})()`)
		if !strings.Contains(at, " outside") && !strings.Contains(at, " covered") {
			break
		}
		time.Sleep(30 * time.Millisecond)
	}
	return at
}

// walk presses Tab until what is named has the focus, and returns what had it on the way.
func (b *browser) walk(to string, modifiers ...chromedp.Modifier) []string {
	b.t.Helper()
	var way []string
	for range 30 {
		b.key("\t", modifiers...)
		at := b.focused()
		way = append(way, at)
		if at == to {
			return way
		}
	}
	b.t.Fatalf("Tab leads nowhere but to %q, not to %q", way, to)
	return nil
}

// follow is walk along the way that is named.
func (b *browser) follow(way ...string) {
	b.t.Helper()
	if got := b.walk(way[len(way)-1]); !slices.Equal(got, way) {
		b.t.Errorf("the focus goes along\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(way, "\n"))
	}
}

// status is what screen readers are told without being asked: the text of the regions
// for that in the accessibility tree (WCAG 2.2, section 4.1.3).
func (b *browser) status() string {
	b.t.Helper()
	tree, err := chromedp.Call(b.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		b.t.Fatal(err)
	}
	is := func(n *accessibility.Node, role string) bool {
		return !n.Ignored && n.Role != nil && string(n.Role.Value) == quote(role)
	}
	within := map[accessibility.NodeID]bool{}
	var words []string
	for range 2 { // the tree comes level by level
		words = nil
		for _, n := range tree.Nodes {
			if within[n.NodeID] = is(n, "status") || within[n.ParentID]; within[n.NodeID] && is(n, "StaticText") {
				words = append(words, strings.Trim(string(n.Name.Value), `"`))
			}
		}
	}
	return strings.Join(words, " ")
}

// Everything is done by keys alone, with JavaScript and without: going through banner and
// page and back, refusing, accepting, choosing a category and a service, changing that on
// the preferences page, deleting a cookie there, and allowing what is blocked in its place.
func TestKeyboard(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		film := ""
		if r.URL.Path == "/film" {
			setCookies(w, csrfCookie)
			film = `<iframe title="A film" width="560" height="315" src="https://www.film.test/watch"></iframe>`
		}
		io.WriteString(w, `<!DOCTYPE html><html lang="en"><head><title>t</title><link rel="icon" href="data:,"></head><body>
			<p><a href="/first">First</a></p>`+film+strings.Repeat("<p>Words.</p>", 60)+`<p><a href="/last">Last</a></p></body></html>`)
	})
	s := start(t, site(strings.Replace(policy, "cookie_consent {\n", `cookie_consent {
		privacy_policy /privacy
		service film {
			category third_party
			provider "Film & Co"
			purpose "Shows films."
			hosts *.film.test
		}
`, 1)+"reverse_proxy "+app.addr))
	const (
		statistics = "Statistics"
		firstParty = "Profiling and advertising by this site"
		thirdParty = "Content and advertising from other sites"
		matomo     = "The portal's own Matomo"
		film       = "Film & Co"

		statisticsBox = statistics + " – measuring how you use this site"
		matomoBox     = matomo + " – Counts visits (matomo)"
		firstPartyBox = firstParty + " – recommendations and advertising based on your behaviour"
		thirdPartyBox = thirdParty + " – other companies store or read data on your device (videos, maps, advertisements)"
		filmBox       = film + " – Shows films. (film)"

		choose    = "Choose"
		rejectAll = "Reject all"
		acceptAll = "Accept all"
		save      = "Save my choice"
		services  = "Services in this category: 1"
		settings  = "Cookie settings"
		privacy   = "Privacy policy"
	)
	through := []string{"All cookies and providers", privacy, choose, rejectAll, acceptAll, "First", "Last"}
	shift := chromedp.ModifierShift
	b := openBrowser(t)
	b.do(chromedp.EmulateViewport(1280, 800))
	for _, scripts := range []bool{true, false} {
		t.Run(fmt.Sprintf("scripts=%t", scripts), func(t *testing.T) {
			b := &browser{t, b.ctx}
			if !scripts {
				b.disableScripts()
			}
			open := func(path string) {
				t.Helper()
				b.reset()
				b.open(s.url(path))
			}
			// granted waits for what is granted besides the necessary.
			granted := func(want string) {
				t.Helper()
				b.await("there is consent to: "+want, `document.readyState === "complete" && fetch("`+prefix+`state.json").then(r => r.json()).then(s =>
					s.asked && Object.entries({ ...s.categories, ...s.services }).filter(([name, state]) => state === "granted" && name !== "necessary").map(([name]) => name).join() === "`+want+`")`)
			}
			chosen := func(want string) {
				t.Helper()
				b.await("the banner is gone", `document.readyState === "complete" && !document.getElementById("cookie-consent") && !!document.getElementById("cookie-consent-settings")`)
				granted(want)
			}

			open("/")
			b.follow(through...)
			back := slices.Clone(through[:len(through)-1])
			slices.Reverse(back)
			if got := b.walk(back[len(back)-1], shift); !slices.Equal(got, back) {
				t.Errorf("back the focus goes along %q, want %q", got, back)
			}
			b.walk(rejectAll)
			b.key("\r")
			chosen("")
			if scripts {
				if b.focused() != settings {
					t.Errorf("after the choice, %s has the focus", b.focused())
				}
				if !eventually(func() bool { return b.status() == "Your choice is saved." }) {
					t.Errorf("after the choice, screen readers are told %q", b.status())
				}
			}

			open("/")
			b.walk(acceptAll)
			b.key(" ")
			chosen("first_party,statistics,third_party,film,matomo")

			// Enter in a checkbox saves.
			open("/")
			b.walk(choose)
			b.key("\r\t \r")
			chosen("statistics,matomo")

			// A category, and a service by itself.
			open("/film")
			b.walk(choose)
			b.key("\r")
			b.follow(statisticsBox, matomoBox, firstPartyBox, thirdPartyBox, filmBox, save, rejectAll)
			b.walk(filmBox, shift)
			b.key(" ")
			b.walk(statisticsBox, shift)
			b.key(" ")
			b.follow(firstPartyBox, thirdPartyBox, filmBox, save) // the category covers its service
			b.key("\r")
			chosen("statistics,film,matomo")

			// The settings, from the page and back to it.
			b.open(s.url("/film"))
			b.follow(settings)
			b.key("\r")
			b.await("the preferences are there", `location.pathname === "`+prefix+`" && document.readyState === "complete"`)
			b.follow("Back to the page", statistics, services)
			b.key("\r")
			b.follow(matomo+" matomo", firstParty, thirdParty, services, film+" film", save, rejectAll, acceptAll, "Delete cookies_preferences", "Delete csrftoken", privacy)
			b.walk(firstParty, shift)
			b.key(" ")
			b.walk(matomo+" matomo", shift)
			b.key(kb.ArrowDown + kb.ArrowDown) // like its category, on, off
			b.walk(save)
			b.key("\r")
			granted("first_party,statistics,film")
			b.await("the title of the page tells of it", `document.readyState === "complete" && document.title.startsWith("Your choice is saved. ")`)
			if got := b.status(); got != "Your choice is saved." {
				t.Errorf("after the choice, screen readers are told %q", got)
			}
			b.walk("Delete csrftoken")
			b.key(" ")
			b.await("the cookie is gone", `location.hash === "#sent" && !document.querySelector("[value=csrftoken]") && document.readyState === "complete"`)
			b.follow("Delete cookies_preferences") // where the visitor was
			b.walk("Back to the page")
			b.key("\r")
			b.await("the page is there", `location.pathname === "/film" && document.readyState === "complete"`)

			// What is blocked is allowed in its place.
			open("/film")
			b.follow(append(through[:5:5], "First", "Allow "+film, "Open it in a new window", settings, "Last")...)
			b.walk("Allow "+film, shift)
			b.key("\r")
			b.await("the film is shown", `document.querySelector("iframe")?.src === "https://www.film.test/watch"`)
		})
	}
}
