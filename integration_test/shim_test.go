package integration_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
)

// scriptedApplication answers with pages whose first script notes what it finds.
func scriptedApplication(t testing.TB) *application {
	return newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		switch r.URL.Path {
		case "/frame":
			io.WriteString(w, `<!DOCTYPE html><title>f</title><script>document.cookie = "_pk_id.frame=1"; document.cookie = "csrftoken=frame"; window.first = document.cookie</script>`)
		default:
			io.WriteString(w, `<!DOCTYPE html><html lang="en"><head><title>t</title><script>window.scripts = document.scripts.length; document.cookie = "_pk_id.first=1"; document.cookie = "csrftoken=page"; window.first = document.cookie</script></head><body><h1>Page</h1><p id="words">words</p></body></html>`)
		}
	})
}

const writeCookies = `(async () => {
	for (const line of ["_pk_id.1=a", "adsid=b; path=/", "last_seen=c", "csrftoken=d; max-age=99999999", "sessionid=e; expires=Fri, 31 Dec 2100 23:59:59 GMT", "django_language=fr"]) document.cookie = line
	for (const name of ["_pk_ses.1", "adsid", "stored"]) await cookieStore.set(name, "x")
	await cookieStore.set({name: "PHPSESSID", value: "y"})
	await cookieStore.set({name: "_pk_late", value: "z", expires: Date.now() + 1e9})
	await cookieStore.set({name: "csrftoken", value: "d", expires: Date.now() + 3.4e10})
	return document.cookie.split("; ").map(pair => pair.split("=")[0]).sort().join(" ")
})()`

// What scripts write by themselves is what the visitor agreed to, in pages and in
// frames, and lives no longer than declared.
func TestScriptsWriteWhatIsGranted(t *testing.T) {
	app := scriptedApplication(t)
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	const necessary = "PHPSESSID csrftoken django_language sessionid"
	for _, state := range []struct {
		choice string
		want   string
	}{
		{"", necessary},
		{"reject_all", necessary},
		{"accept_all", "PHPSESSID _pk_id.1 _pk_id.first _pk_id.frame _pk_late _pk_ses.1 adsid csrftoken django_language last_seen sessionid stored"},
		{"reject_all", necessary},
	} {
		if state.choice != "" {
			b.decide(s, state.choice)
		}
		b.open(s.url("/page"))
		if got := js[int](b, "window.scripts"); got != 1 {
			t.Errorf("%s: the page's first script sees %d scripts", state.choice, got)
		}
		if got := js[string](b, "window.first"); strings.Contains(got, "_pk_") != (state.choice == "accept_all") || !strings.Contains(got, "csrftoken=page") {
			t.Errorf("%s: the page's first script sees the cookies %q", state.choice, got)
		}
		js[bool](b, `new Promise(done => { const f = document.createElement("iframe"); f.src = "/frame"; f.onload = () => done(true); document.body.append(f) })`)
		if got := js[string](b, "frames[0].first"); strings.Contains(got, "_pk_") != (state.choice == "accept_all") || !strings.Contains(got, "csrftoken=frame") {
			t.Errorf("%s: a frame sees the cookies %q", state.choice, got)
		}
		if got := js[string](b, writeCookies); got != state.want {
			t.Errorf("%s: document.cookie shows %s, want %s", state.choice, got, state.want)
		}
		if got := strings.Join(b.names(), " "); got != state.want {
			t.Errorf("%s: the browser holds %s, want %s", state.choice, got, state.want)
		}
		for _, c := range b.jar() {
			if c.Name == "csrftoken" || c.Name == "sessionid" {
				checkLifetime(t, c, map[string]int{"csrftoken": 365, "sessionid": 14}[c.Name])
			}
		}
		if got := js[string](b, `cookieStore.getAll().then(list => list.map(c => c.name).sort().join(" "))`); got != state.want {
			t.Errorf("%s: cookieStore shows %s, want %s", state.choice, got, state.want)
		}
		if got := js[string](b, `cookieStore.get("adsid").then(c => c ? c.value : "none")`); (got == "none") != (state.choice != "accept_all") {
			t.Errorf("%s: cookieStore has adsid: %s", state.choice, got)
		}
	}
}

func checkLifetime(t *testing.T, c *network.Cookie, days int) {
	t.Helper()
	if left := time.Until(time.Unix(int64(c.Expires), 0)); left > time.Duration(days)*24*time.Hour || left < time.Duration(days-1)*24*time.Hour {
		t.Errorf("%s lives for %v, want %d days", c.Name, left, days)
	}
}

// A visitor who was not asked keeps what is there; scripts do not see it, and may
// delete it.
func TestScriptsDoNotReadWhatIsNotGranted(t *testing.T) {
	app := scriptedApplication(t)
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.open(s.url("/page"))
	b.decide(s, "accept_all")
	b.open(s.url("/page"))
	js[string](b, writeCookies)
	for _, c := range b.jar() {
		if c.Name == preferenceCookie {
			if _, err := deleteCookie(b, c); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.open(s.url("/page"))
	if got := js[string](b, "document.cookie"); strings.Contains(got, "_pk_") || !strings.Contains(got, "sessionid=e") {
		t.Errorf("document.cookie shows %q", got)
	}
	if !slices.Contains(b.names(), "_pk_id.1") {
		t.Error("what was not asked for is deleted")
	}
	js[bool](b, `document.cookie = "_pk_id.1=; expires=Thu, 01 Jan 1970 00:00:00 GMT"; cookieStore.delete("last_seen").then(() => true)`)
	if names := b.names(); slices.Contains(names, "_pk_id.1") || slices.Contains(names, "last_seen") || !slices.Contains(names, "_pk_ses.1") {
		t.Errorf("after deletions the browser holds %q", names)
	}
}

// Documents that scripts write into frames are guarded as the page is.
func TestWrittenFramesAreGuarded(t *testing.T) {
	app := scriptedApplication(t)
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.open(s.url("/page"))
	got := js[string](b, `(async () => {
		const add = () => document.body.appendChild(document.createElement("iframe"))
		add().contentDocument.cookie = "a_frame=1"
		add(); frames[1].document.cookie = "b_frame=1"
		const written = add().contentDocument
		written.open(); written.write('<script>document.cookie = "c_frame=1"; document.cookie = "csrftoken=written"<\/script>'); written.close()
		const nested = add().contentDocument.body.appendChild(frames[3].document.createElement("iframe"))
		nested.contentDocument.cookie = "d_frame=1"
		const inline = document.createElement("iframe")
		inline.srcdoc = "<p>inline"
		await new Promise(done => { inline.onload = done; document.body.append(inline) })
		inline.contentDocument.cookie = "e_frame=1"
		return document.cookie
	})()`)
	if got != "csrftoken=written" {
		t.Errorf("document.cookie shows %q", got)
	}
	if got := b.names(); !slices.Equal(got, []string{"csrftoken"}) {
		t.Errorf("the browser holds %q", got)
	}
}

// A page that declares its charset as late as browsers look for it is read in that.
func TestScriptLeavesTheCharset(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		head := "<!DOCTYPE html><html><head>"
		const declaration = `<meta charset="iso-8859-2">`
		head += "<!--" + strings.Repeat("x", 1024-len(head)-len("<!---->")-len(declaration)) + "-->" + declaration
		io.WriteString(w, head+"<title>t</title></head><body><p id=\"words\">\xb1</p></body></html>")
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.open(s.url("/"))
	if got := js[string](b, `document.characterSet + " " + document.getElementById("words").textContent`); got != "ISO-8859-2 \u0105" {
		t.Errorf("the page is read as %s", got)
	}
}

// The script costs next to nothing: to start, and to read twenty cookies.
func TestScriptIsFast(t *testing.T) {
	app := scriptedApplication(t)
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	b := openBrowser(t)
	b.open(s.url("/page"))
	js[bool](b, `(() => { for (let i = 0; i < 20; i++) document.cookie = "wordpress_" + "0123456789abcdef0123456789abcde" + "0123456789abcdef0123"[i] + "=some-value-of-usual-length"; return true })()`)
	started := js[float64](b, `fetch(performance.getEntriesByType("resource").find(e => e.name.includes("/shim.")).name).then(r => r.text()).then(source => {
		const times = []
		for (let i = 0; i < 15; i++) {
			const frame = document.body.appendChild(document.createElement("iframe")) // a realm of its own
			const run = frame.contentWindow.Function("document", source)
			const inner = frame.contentDocument
			const own = {
				currentScript: {src: "/shim.js", dataset: {state: "2111"}, remove() {}},
				documentElement: inner.documentElement,
				createElement: name => inner.createElement(name),
				addEventListener: (...args) => inner.addEventListener(...args),
				querySelector: selector => inner.querySelector(selector),
			}
			const from = performance.now()
			run(own)
			times.push(performance.now() - from)
			frame.remove()
		}
		return times.sort((a, b) => a - b)[7]
	})`)
	const reading = `(() => {
		const times = []
		for (let run = 0; run < 25; run++) {
			const from = performance.now()
			for (let i = 0; i < 100; i++) document.cookie
			times.push((performance.now() - from) * 10)
		}
		return times.sort((a, b) => a - b)[3]
	})()`
	guarded := js[float64](b, reading)
	b.open(s.url(prefix)) // without the script
	bare := js[float64](b, reading)
	t.Logf("it starts in %.2f ms; reading 20 cookies takes %.1f µs, without it %.1f µs", started, guarded, bare)
	if started > 10 || guarded > 2*bare+20 {
		t.Error("that is too long")
	}
}
