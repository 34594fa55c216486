package integration_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// setCookieVector is a Set-Cookie field, and what browsers store of it.
type setCookieVector struct {
	id     string
	head   string // lines of a response head, as bytes
	stored bool   // whether a browser stored anything, or may
}

// vectors are the measured Set-Cookie fields, and whole header lines that are
// odd as lines.
func vectors(t testing.TB) []setCookieVector {
	t.Helper()
	data, err := os.ReadFile("../consent/cookie/testdata/set-cookie.json")
	if err != nil {
		t.Fatal(err)
	}
	type outcome struct{ Stored []struct{ Name string } }
	var file struct {
		Vectors []struct {
			ID                string
			Lines             []string
			Chromium, Firefox *outcome
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) < 166 {
		t.Fatalf("%d vectors, want 166", len(file.Vectors))
	}
	var all []setCookieVector
	for _, v := range file.Vectors {
		vector := setCookieVector{id: v.ID}
		for _, line := range v.Lines {
			vector.head += "Set-Cookie: " + latin1(line) + "\r\n"
		}
		for _, o := range []*outcome{v.Chromium, v.Firefox} {
			vector.stored = vector.stored || o != nil && len(o.Stored) > 0
		}
		all = append(all, vector)
	}
	for _, head := range []string{
		"set-cookie: a=b\r\n",
		"SET-COOKIE:a=b\r\n",
		"Set-Cookie:\t a=b\r\n",
		"Set-Cookie: a=b\r\n c; Path=/\r\n",
		"Set-Cookie: ok=2\r\nset-cookie: a=b\r\nSet-Cookie: c=d\r\n",
		"Set-Cookie: ok=2, a=b\r\n",
		"Set-Cookie: a=b\n",
		"X: y\nSet-Cookie: a=b\r\n",
		"X: y\rSet-Cookie: a=b\r\n",
		"Set-Cookie : a=b\r\n",
		"Set-Cookie\t: a=b\r\n",
		"Set-Cookie2: a=b\r\n",
		"Set-Cookie: ok=2\rSet-Cookie: a=b\r\n",
	} {
		all = append(all, setCookieVector{id: strings.TrimSpace(head), head: head, stored: true})
	}
	return all
}

// latin1 turns characters into the bytes that they stand for in the vectors.
func latin1(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteByte(byte(r))
	}
	return b.String()
}

const okCookie = "ok=1; Path=/"

// vectorBackend answers a request for the vector of that number with its head
// and one more cookie.
func vectorBackend(t testing.TB, all []setCookieVector) string {
	return rawBackend(t, func(r *http.Request, conn net.Conn) {
		head := ""
		if number, err := strconv.Atoi(r.Header.Get("X-Vector")); err == nil {
			head = all[number].head
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"+head+"Set-Cookie: "+okCookie+"\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<body>")
	})
}

const okPolicy = `
	cookie_consent {
		banner always
		cookie ok {
			category necessary
			provider "The portal"
			purpose "Log-in"
			lifetime 400d
		}
	}
`

// With one name allowed, no Set-Cookie line passes that any browser stores
// under another name; with everything allowed, every line passes as it is.
func TestSetCookieVectors(t *testing.T) {
	all := vectors(t)
	backend := vectorBackend(t, all)
	s := start(t, site(okPolicy+"reverse_proxy "+backend)+siteFor("http://plain.example.test", "reverse_proxy "+backend))
	granted := s.choose(t, acceptAll)
	ask := func(site string, number int, cookies string) response {
		return s.do(t, h1, request{scheme: "http", host: site, path: "/dir/page", header: []string{"X-Vector: " + strconv.Itoa(number), cookies}})
	}
	refused := 0
	for number, v := range all {
		plain := ask("plain.example.test", number, "Cookie: x=y")
		// Header lines that Go's client does not accept cost the page with
		// and without us.
		res := ask(host, number, "Cookie: x=y")
		if plain.status != res.status {
			t.Errorf("%s: status %d, without the directive %d", v.id, res.status, plain.status)
		}
		for _, line := range res.cookies() {
			if line != okCookie && !strings.HasPrefix(line, "ok=2") && v.stored {
				t.Errorf("%s: %q passed", v.id, line)
			}
		}
		if plain.status == http.StatusOK && !slices.Contains(res.cookies(), okCookie) {
			t.Errorf("%s: the allowed cookie is missing", v.id)
		}
		if plain.status != http.StatusOK {
			refused++
		}
		want := slices.DeleteFunc(slices.Clone(plain.cookies()), func(line string) bool {
			return strings.TrimSpace(strings.TrimPrefix(nameOf(line), "=")) == preferenceCookie || pair(line) == "="+preferenceCookie+"=all"
		})
		if got := ask(host, number, "Cookie: "+granted).cookies(); !slices.Equal(got, want) {
			t.Errorf("%s: granted: %q, want %q", v.id, got, want)
		}
	}
	if refused > len(all)/4 {
		t.Errorf("%d of %d vectors never reach a browser through Go", refused, len(all))
	}
}

// The same in Chromium: after every vector its jar holds the allowed cookie
// and nothing else, and after consent many.
func TestSetCookieVectorsInChromium(t *testing.T) {
	all := vectors(t)
	s := start(t, siteFor("https://www.example.com", okPolicy+"reverse_proxy "+vectorBackend(t, all))+site("respond ok"))
	b := openBrowser(t)
	b.open(strings.Replace(s.url("/dir/page"), host, "www.example.com", 1))
	load := func() {
		loaded := js[int](b, `(async () => {
			let loaded = 0
			for (let number = 0; number < `+strconv.Itoa(len(all))+`; number++) {
				const response = await fetch("/dir/page", {headers: {"X-Vector": number}})
				await response.text()
				loaded += response.ok
			}
			return loaded
		})()`)
		if loaded < len(all)/2 {
			t.Errorf("only %d of %d vectors arrived", loaded, len(all))
		}
	}
	load()
	if got := slices.Compact(b.names()); !slices.Equal(got, []string{"ok"}) {
		t.Errorf("without a choice the jar holds %q", got)
	}
	b.press(acceptButton)
	load()
	if got := b.names(); len(slices.Compact(got)) < 20 {
		t.Errorf("after consent the jar holds only %q", got)
	}
}
