package integration_test

import (
	"io"
	"net/http"
	"slices"
	"testing"
)

// shellWorker answers every navigation with the shell that it fetched when it was
// installed, be it one that sends a form.
const shellWorker = `
	addEventListener("install", e => {
		skipWaiting()
		e.waitUntil(caches.open("shell").then(cache => cache.addAll(["/shell", "/app.js"])))
	})
	addEventListener("activate", e => e.waitUntil(clients.claim()))
	addEventListener("fetch", e => {
		if (e.request.mode === "navigate") {
			e.respondWith(caches.match("/shell"))
			return
		}
		e.respondWith(caches.match(e.request).then(kept => kept || fetch(e.request)))
	}) // without an end of line`

// shellScript makes a page of the shell, and other views of it in each of the ways that
// such applications know.
const shellScript = `
	const view = () => {
		const root = document.createElement("main")
		root.id = "root"
		root.innerHTML = "<h1>" + location.pathname + "</h1>"
		document.cookie = "_pk_id.1=1; path=/"
		return root
	}
	const ways = {
		root: () => document.getElementById("root").replaceWith(view()),
		children: () => document.body.replaceChildren(view()),
		markup: () => { document.body.innerHTML = view().outerHTML },
		body: () => {
			const body = document.createElement("body")
			body.append(view())
			document.body.replaceWith(body)
		},
	}
	const go = (way, path) => {
		history.pushState(null, "", path)
		ways[way]()
		return true
	}
	addEventListener("popstate", () => ways.root())
	ways.root()`

// An application of which every page is a shell that its service worker kept, filled by
// a script, asks for a choice on every view, keeps it, and has the way to change it.
func TestShellOfAServiceWorker(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/worker.js":
			w.Header().Set("Content-Type", "text/javascript")
			io.WriteString(w, shellWorker)
		case "/app.js":
			w.Header().Set("Content-Type", "text/javascript")
			io.WriteString(w, shellScript)
		default:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			setCookies(w, statsCookie)
			io.WriteString(w, `<!DOCTYPE html><html lang="en"><head><title>Shell</title><link rel="icon" href="data:,"></head><body><main id="root"></main><script src="/app.js"></script></body></html>`)
		}
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)

	b.open(s.url("/"))
	js[bool](b, `navigator.serviceWorker.register("/worker.js").then(() => navigator.serviceWorker.ready).then(() => new Promise(done => {
		const look = () => navigator.serviceWorker.controller ? done(true) : setTimeout(look, 10)
		look()
	}))`)
	once := func(when string, asks bool) {
		t.Helper()
		there, not := "#cookie-consent-settings", "#cookie-consent"
		if asks {
			there, not = not, there
		}
		b.await(when+": "+there+" is there once, and not "+not, `document.readyState === "complete" && document.querySelectorAll("`+there+`").length === 1 && !document.querySelector("`+not+`") && document.querySelectorAll("#cookie-consent-form").length <= 1`)
		if !b.has(there) {
			t.Errorf("%s: %s can't be seen", when, there)
		}
	}
	// views goes through the application, from a page that the worker answers.
	views := func(when string, asks, granted bool) {
		t.Helper()
		app.requests()
		b.open(s.url("/first"))
		once(when+", on the shell", asks)
		b.mark()
		for _, way := range []string{"root", "children", "markup", "body", "body", "root"} {
			path := "/" + way + "/view"
			js[bool](b, `go("`+way+`", "`+path+`")`)
			b.await("the view is there", `document.querySelector("h1").textContent === "`+path+`"`)
			once(when+", after another view by "+way, asks)
		}
		js[bool](b, "history.back(), true")
		b.await("the view before is there", `document.querySelector("h1").textContent === "/body/view"`)
		once(when+", on the way back", asks)
		if !b.isMarked() {
			t.Errorf("%s: a view was loaded anew", when)
		}
		if has := js[bool](b, `document.cookie.includes("_pk_id.1")`); has != granted || slices.Contains(b.names(), "_pk_id.1") != granted {
			t.Errorf("%s: the script has its cookie: %t, and the browser %q", when, has, b.names())
		}
		for _, r := range app.requests() {
			if r.Header.Get("Sec-Fetch-Mode") == "navigate" {
				t.Errorf("%s: %s was not answered by the worker", when, r.URL.Path)
			}
		}
	}

	views("before a choice", true, false)
	b.press(rejectButton)
	once("on the page of the refusal", false)
	views("after the refusal", false, false)

	// The link to the settings leads to them, and not to the shell.
	b.click("#cookie-consent-settings")
	b.click(`button[value="accept_all"]`)
	b.await("the worker has a shell of that choice", `caches.match("/shell").then(r => r.text()).then(text => text.includes('data-state="22'))`)
	views("after agreement on the preferences page", false, true)

	b.tab().choose(s, "reject_all")
	b.await("the page is loaded anew", `window.mark !== true && document.readyState === "complete"`)
	views("after everything was taken back in another tab", false, false)
	if got := b.names(); len(got) > 0 {
		t.Errorf("after everything was taken back the browser holds %q", got)
	}

	// A banner from the worker takes agreement, too.
	b.reset()
	b.open(s.url("/again"))
	once("asked again", true)
	b.press(acceptButton)
	once("on the page of the agreement", false)
	views("after agreement on the shell", false, true)
}
