package integration_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/domstorage"
	"github.com/chromedp/cdproto/indexeddb"
	"github.com/chromedp/chromedp"
)

// trackers answers for every host but the site's with what stores and contacts as the
// products of such kinds do, and notes who is contacted, at the TLS handshake.
type trackers struct {
	port    string
	scripts map[string]string // by host and path

	mu        sync.Mutex
	contacted map[string]bool
}

func newTrackers(t testing.TB, scripts map[string]string) *trackers {
	k := &trackers{scripts: scripts, contacted: map[string]bool{}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(k.answer))
	server.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.contacted[hello.ServerName] = true
		return nil, nil
	}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Config.SetKeepAlivesEnabled(false)
	server.StartTLS()
	t.Cleanup(server.Close)
	_, k.port, _ = net.SplitHostPort(server.Listener.Addr().String())
	return k
}

// trackerScripts are the files of trackers by host and path. PORT is their port. Each
// says by a class of the html element that it has run.
var trackerScripts = map[string]string{
	// A tag manager, which brings another script and writes for it.
	"tags.test/tags.js": `
		document.documentElement.classList.add("tags")
		document.cookie = "_tag_id=1; max-age=9999999; path=/"
		localStorage.setItem("tag_state", "1")
		const s = document.createElement("script")
		s.src = "https://pixel.test:PORT/pixel.js"
		document.head.append(s)`,
	// An analytics script that keeps an identifier for the whole domain, and goes on
	// reporting.
	"stats.test/stats.js": `
		document.documentElement.classList.add("stats")
		document.cookie = "_st_id=1; max-age=9999999; path=/; domain=site.test"
		localStorage.st_queue = "1"
		new Image().src = "https://collect.stats.test:PORT/collect.gif?first"
		const beat = () => setTimeout(() => fetch("https://collect.stats.test:PORT/beat", {mode: "no-cors"}).catch(() => {}).then(beat), 5)
		beat()`,
	// A pixel with a frame of its own.
	"pixel.test/pixel.js": `
		document.documentElement.classList.add("pixel")
		document.cookie = "_px=1; max-age=9999999; path=/"
		const f = document.createElement("iframe")
		f.src = "https://pixel.test:PORT/frame.html"
		document.body.append(f)`,
	// A session recorder.
	"recorder.test/recorder.js": `
		document.documentElement.classList.add("recorder")
		sessionStorage.setItem("rec_session", "1")
		const db = indexedDB.open("rec_events", 1)
		db.onupgradeneeded = () => db.result.createObjectStore("events")
		db.onsuccess = () => { document.documentElement.classList.add("recorder-db"); db.result.close() }
		fetch("https://recorder.test:PORT/events", {method: "POST", mode: "no-cors", body: "1"}).catch(() => {})
		try { new WebSocket("wss://live.recorder.test:PORT/") } catch (e) {}`,
	// A chat.
	"chat.test/chat.js": `
		document.documentElement.classList.add("chat")
		localStorage["chat_visitor"] = "1"
		cookieStore.set("chat_id", "1")
		const c = document.createElement("iframe")
		c.src = "https://chat.test:PORT/window.html"
		document.body.append(c)`,
}

func (k *trackers) answer(w http.ResponseWriter, r *http.Request) {
	host, _, _ := strings.Cut(r.Host, ":")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Set-Cookie", "visitor=1; Max-Age=9999999; Path=/; Secure; SameSite=None")
	switch script, ok := k.scripts[host+r.URL.Path]; {
	case strings.HasPrefix(script, "<"):
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, script)
	case strings.HasPrefix(script, "@"):
		w.Header().Set("Content-Type", "text/css")
		io.WriteString(w, script)
	case ok:
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprintf(w, "(() => {%s\n})()", strings.ReplaceAll(script, "PORT", k.port))
	case strings.HasSuffix(r.URL.Path, ".css"):
		w.Header().Set("Content-Type", "text/css")
		fmt.Fprintf(w, "@font-face { font-family: f; src: url(https://files.fonts.test:%s/f.woff2) } body { font-family: f }", k.port)
	case strings.HasSuffix(r.URL.Path, ".html"):
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<p>frame")
	default:
		w.Header().Set("Content-Type", "image/gif")
		io.WriteString(w, pixel)
	}
}

// contacts returns who was contacted since the last call.
func (k *trackers) contacts() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var hosts []string
	for host := range k.contacted {
		hosts = append(hosts, host)
	}
	clear(k.contacted)
	slices.Sort(hosts)
	return hosts
}

// page is a page full of them.
func (k *trackers) page(title string) string {
	return strings.ReplaceAll(`<!DOCTYPE html><html lang="en"><head><title>`+title+`</title>
		<script>(function tagManager() { const s = document.createElement("script"); s.src = "https://tags.test:PORT/tags.js"; document.head.append(s) })()</script>
		<script>localStorage.setItem("theme", "dark"); document.cookie = "csrftoken=1; path=/"; window.own = document.cookie.includes("csrftoken=1") && localStorage.theme</script>
		<link rel="preconnect" href="https://stats.test:PORT">
		<link rel="dns-prefetch" href="https://pixel.test:PORT">
		<link rel="stylesheet" href="https://fonts.test:PORT/font.css">
		<script async src="https://stats.test:PORT/stats.js"></script>
		<noscript><img src="https://pixel.test:PORT/noscript.gif"></noscript></head>
		<body><h1>`+title+`</h1><p>Text</p>
		<iframe src="https://www.video.test:PORT/film.html" width="300" height="200"></iframe>
		<script src="https://recorder.test:PORT/recorder.js"></script>
		<script type="module" src="https://chat.test:PORT/chat.js"></script>
		<a id="next" href="/next">next</a></body></html>`, "PORT", k.port)
}

const trackerPolicy = `
	cookie_consent {
		cookie_domain site.test
		service tags {
			category first_party
			provider Tags
			purpose "Brings other scripts"
			hosts tags.test
			cookies _tag_*
			storage tag_*
			inline tagManager(
		}
		service stats {
			category statistics
			provider Stats
			purpose "Counts visits"
			hosts stats.test *.stats.test
			cookies _st_*
			storage st_*
		}
		service pixel {
			category third_party
			provider Pixel
			purpose "Advertises"
			hosts pixel.test
			cookies _px
		}
		service recorder {
			category first_party
			provider Recorder
			purpose "Records visits"
			hosts recorder.test *.recorder.test
			storage rec_*
		}
		service fonts {
			category third_party
			provider Fonts
			purpose "Draws letters"
			hosts fonts.test *.fonts.test
		}
		service video {
			category third_party
			provider Video
			purpose "Shows films"
			hosts *.video.test
		}
		service chat {
			category third_party
			provider Chat
			purpose "Talks to visitors"
			hosts chat.test
			cookies chat_id
			storage chat_*
		}
	}
`

// What each service contacts and keeps in the browser.
var (
	trackerHosts = map[string][]string{
		"tags": {"tags.test"}, "stats": {"collect.stats.test", "stats.test"}, "pixel": {"pixel.test"},
		"recorder": {"live.recorder.test", "recorder.test"}, "fonts": {"files.fonts.test", "fonts.test"},
		"video": {"www.video.test"}, "chat": {"chat.test"},
	}
	trackerKeeps = map[string][]string{
		"tags": {"cookie _tag_id", "local tag_state"}, "stats": {"cookie _st_id", "local st_queue"}, "pixel": {"cookie _px"},
		"recorder": {"database rec_events", "session rec_session"}, "chat": {"cookie chat_id", "local chat_visitor"},
	}
	trackerServices = []string{"chat", "fonts", "pixel", "recorder", "stats", "tags", "video"}
)

// ofServices returns what those services have in a table.
func ofServices(table map[string][]string, services []string) []string {
	var all []string
	for _, s := range services {
		all = append(all, table[s]...)
	}
	slices.Sort(all)
	return all
}

// kept is what the browser keeps for the site, as the browser itself says it, but for
// the preference and what is the application's own.
func (b *browser) kept(origin string) []string {
	b.t.Helper()
	all := slices.DeleteFunc(b.stored(origin), func(item string) bool { return item == "local theme" || item == "session theme" })
	for _, c := range b.jar() {
		if strings.HasSuffix(c.Domain, "site.test") && c.Name != preferenceCookie && c.Name != "csrftoken" {
			all = append(all, "cookie "+c.Name)
		}
	}
	slices.Sort(all)
	return all
}

// stored is what the browser keeps for an origin beside cookies, as it says itself.
func (b *browser) stored(origin string) []string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	var all []string
	for kind, local := range map[string]bool{"local": true, "session": false} {
		items, err := chromedp.Call(ctx, domstorage.GetDOMStorageItems, domstorage.GetDOMStorageItemsParams{
			StorageID: &domstorage.StorageID{SecurityOrigin: origin, IsLocalStorage: local},
		})
		if err != nil {
			b.t.Fatal(err)
		}
		for _, item := range items.Entries {
			all = append(all, kind+" "+item[0])
		}
	}
	names, err := chromedp.Call(ctx, indexeddb.RequestDatabaseNames, indexeddb.RequestDatabaseNamesParams{SecurityOrigin: origin})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, name := range names.DatabaseNames {
		all = append(all, "database "+name)
	}
	return all
}

// keepingWorker answers with pages as they were the first time, and with one that it
// fetched ahead and asks nobody else for.
const keepingWorker = `
	addEventListener("install", e => {
		skipWaiting()
		e.waitUntil(caches.open("pages").then(cache => cache.addAll(["/shell"])))
	})
	addEventListener("activate", e => e.waitUntil(clients.claim()))
	addEventListener("fetch", e => {
		if (e.request.mode !== "navigate" || e.request.method !== "GET") return
		e.respondWith(caches.open("pages").then(async cache => {
			const kept = await cache.match(e.request.url)
			if (kept || new URL(e.request.url).pathname === "/shell") return kept
			const response = await fetch(e.request)
			if (response.ok && response.type === "basic") await cache.put(e.request.url, response.clone())
			return response
		}))
	})`

// A page full of trackers contacts and keeps what the visitor agreed to and nothing
// else: before a choice, after each, and after it is taken back, with Back and Forward
// and in other tabs.
func TestPageFullOfTrackers(t *testing.T) {
	k := newTrackers(t, trackerScripts)
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/worker.js" {
			w.Header().Set("Content-Type", "text/javascript")
			io.WriteString(w, keepingWorker)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, k.page(r.URL.Path))
	})
	const name = "www.site.test"
	s := start(t, siteFor("https://"+name, trackerPolicy+"reverse_proxy "+app.addr))
	s.awaitCertificate(t, name)
	for _, bfcache := range []bool{true, false} {
		t.Run(fmt.Sprintf("bfcache %t", bfcache), func(t *testing.T) {
			disabled := "Translate"
			if !bfcache {
				disabled += ",BackForwardCache"
			}
			b := openBrowser(t, chromedp.Flag("disable-features", disabled))
			// Choices are made in a tab of their own: the way back leads to no form then.
			desk := b.tab()
			k.contacts() // of an earlier browser
			_, port, _ := net.SplitHostPort(s.addr("https"))
			origin := "https://" + net.JoinHostPort(name, port)

			// check waits until those services contact whom they contact and keep what
			// they keep, and then for a while that nobody else does.
			check := func(b *browser, when string, services ...string) {
				t.Helper()
				hosts, keeps := ofServices(trackerHosts, services), ofServices(trackerKeeps, services)
				var contacted, kept []string
				for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
					for _, host := range k.contacts() {
						if !slices.Contains(contacted, host) {
							contacted = append(contacted, host)
						}
					}
					if kept = b.kept(origin); containsAll(contacted, hosts) && slices.Equal(kept, keeps) {
						break
					}
				}
				time.Sleep(300 * time.Millisecond)
				contacted = append(contacted, k.contacts()...)
				slices.Sort(contacted)
				if contacted = slices.Compact(contacted); !slices.Equal(contacted, hosts) {
					t.Errorf("%s: contacted %q, want %q", when, contacted, hosts)
				}
				if kept = b.kept(origin); !slices.Equal(kept, keeps) {
					t.Errorf("%s: kept %q, want %q", when, kept, keeps)
				}
				if own := js[string](b, "String(window.own)"); own != "dark" {
					t.Errorf("%s: the application's own script finds %s", when, own)
				}
			}
			// choose makes a choice on the preferences page, and goes to a page that tells
			// others of it.
			choose := func(choice string, switches ...string) {
				t.Helper()
				desk.open(origin + prefix)
				for _, name := range switches {
					js[bool](desk, `(name => {
						const e = document.querySelector("input[value='" + name + "']")
						if (e) return e.checked = true
						document.querySelector("option[value='" + name + "']").selected = true
						return true
					})(`+quote(name)+`)`)
				}
				desk.click(`button[value="` + choice + `"]`)
				desk.open(origin + "/desk")
			}
			visit := func(when, path string, services ...string) {
				t.Helper()
				k.contacts()
				b.open(origin + path)
				check(b, when, services...)
			}

			visit("before the choice", "/first")
			b.press(rejectButton)
			check(b, "after the refusal, on the page")
			visit("after the refusal", "/second")
			choose("save", "statistics")
			visit("with statistics", "/third", "stats")
			choose("save", "statistics", "video")
			visit("with statistics and a service", "/fourth", "stats", "video")
			choose("accept_all")
			visit("with everything", "/fifth", trackerServices...)
			visit("with everything, once more", "/sixth", trackerServices...)

			choose("reject_all")
			b.await("the page has heard of it", `![...document.documentElement.classList].some(name => !name.startsWith("cookie-consent-"))`)
			k.contacts()
			check(b, "after everything was taken back")
			for _, step := range []struct{ way, to string }{
				{"back", "/fifth"}, {"back", "/fourth"}, {"back", "/third"}, {"forward", "/fourth"}, {"forward", "/fifth"}, {"forward", "/sixth"},
			} {
				k.contacts()
				js[bool](b, "setTimeout(() => history."+step.way+"()), true")
				b.await("the page is there", `location.pathname === "`+step.to+`" && document.readyState === "complete" && ![...document.documentElement.classList].some(name => !name.startsWith("cookie-consent-"))`)
				check(b, step.way+" to "+step.to+" after everything was taken back")
			}
			visit("on another page", "/seventh")

			// A service worker keeps pages of an earlier choice.
			js[bool](b, `navigator.serviceWorker.register("/worker.js").then(() => navigator.serviceWorker.ready).then(() => new Promise(done => {
				const look = () => navigator.serviceWorker.controller ? done(true) : setTimeout(look, 10)
				look()
			}))`)
			choose("accept_all")
			visit("with everything and a worker", "/kept", trackerServices...)
			visit("on another page, with everything and a worker", "/also", trackerServices...)
			choose("reject_all")
			b.await("the page has heard of it", `![...document.documentElement.classList].some(name => !name.startsWith("cookie-consent-"))`)
			visit("from a worker after everything was taken back", "/kept")
			visit("from a worker, once more", "/kept")

			visit("fetched ahead by a worker", "/shell")
			choose("accept_all")
			visit("fetched ahead by a worker before everything was granted", "/shell", trackerServices...)
			choose("reject_all")
			b.await("the page has heard of it", `![...document.documentElement.classList].some(name => !name.startsWith("cookie-consent-"))`)
			visit("fetched ahead by a worker, after everything was taken back", "/shell")

			// Nobody is there to hear of it but the page on which it happens.
			choose("accept_all")
			visit("with everything and a worker again", "/kept", trackerServices...)
			visit("fetched ahead by a worker, with everything again", "/shell", trackerServices...)
			desk.open("about:blank")
			b.open(origin + prefix)
			b.click(`button[value="reject_all"]`)
			b.await("the worker has forgotten what was granted", `caches.open("pages").then(cache => cache.matchAll()).then(pages => Promise.all(pages.map(p => p.text()))).then(
				pages => pages.length > 1 && pages.every(page => !page.includes('data-state="22')))`)
			visit("from a worker after everything was taken back on the same page", "/kept")
			visit("fetched ahead by a worker, after everything was taken back on the same page", "/shell")
		})
	}
}
