package integration_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startNginx runs nginx as a shared cache in front of Caddy and returns its
// network address. location are further directives of the cached location.
func (s *server) startNginx(t testing.TB, location string) string {
	t.Helper()
	binary := needFile(t, "/usr/sbin/nginx")
	dir := t.TempDir()
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	config := fmt.Sprintf(`
daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log stderr warn;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	proxy_cache_path %[1]s/cache keys_zone=shared:1m;
	server {
		listen %[2]s;
		location / {
			proxy_pass http://%[3]s;
			proxy_http_version 1.1;
			proxy_set_header Host %[4]s;
			proxy_cache shared;
			proxy_cache_valid 200 404 10m;
			add_header X-Cache $upstream_cache_status always;
			%[5]s
		}
	}
}
`, dir, addr, s.addr("http"), s.authority("http"), location)
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	nginx := exec.Command(binary, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
	nginx.Stderr = os.Stderr
	run(t, nginx)
	await(t, addr)
	return addr
}

// run starts a program for the time of a test.
func run(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		cmd.Wait()
		kill.Stop()
	})
}

// await waits until something listens on an address.
func await(t testing.TB, addr string) {
	t.Helper()
	if !eventually(func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}) {
		t.Fatalf("nothing listens on %s", addr)
	}
}

// A shared cache in front of Caddy never gives one visitor what depends on
// another's consent: an ordinary one, one that stores responses whatever
// cookies they set, and one that holds pages for everybody by configuration as
// far as Cache-Control lets it.
func TestSharedCacheInFront(t *testing.T) {
	caches := map[string]string{
		"ordinary":       "",
		"stores cookies": "proxy_ignore_headers Set-Cookie;",
		"without Vary":   "proxy_ignore_headers Set-Cookie Vary;",
	}
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		setCookies(w, statsCookie, unknownCookie, adsCookie)
		w.Header().Set("Cache-Control", "public, max-age=600")
		switch r.URL.Path {
		case "/style.css":
			w.Header().Set("Content-Type", "text/css")
			io.WriteString(w, "body{}")
		default:
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, page)
		}
	})
	for name, location := range caches {
		t.Run(name, func(t *testing.T) {
			s := start(t, site(policy+"reverse_proxy "+app.addr))
			visitors := s.visitors(t)
			for i := range visitors {
				visitors[i].allowed = slices.DeleteFunc(slices.Clone(visitors[i].allowed), func(line string) bool {
					return line == sessionCookie || line == csrfCookie
				})
			}
			// In every order, each cache begins with another visitor.
			for first := range visitors {
				cache := &server{httpPort: port(t, s.startNginx(t, location))}
				order := slices.Concat(visitors[first:], visitors[:first])
				for range 2 {
					for _, v := range order {
						res := cache.do(t, h1, request{scheme: "http", path: "/", header: slices.Concat(navigation, []string{v.cookieLine()})})
						checkInsertion(t, page, res.body)
						v.checkBanner(t, res.body)
						v.checkCookies(t, res.cookies())

						res = cache.do(t, h1, request{scheme: "http", path: "/style.css", header: slices.Concat(subresource, []string{v.cookieLine()})})
						if res.body != "body{}" {
							t.Errorf("style sheet %q", res.body)
						}
						for _, line := range res.cookies() {
							if deletes := isDeletion(line); v.refuses(line) != deletes || deletes && !v.deletes {
								t.Errorf("%s, after %s: the style sheet (%s) sets %q", v.name, order[0].name, res.header.Get("X-Cache"), line)
							}
						}
					}
				}
			}
		})
	}
}

// What another handler or the application answers by a visitor's choice, although
// it is no page and carries no cookie, is for that visitor alone, too.
func TestAnswersByChoiceInASharedCache(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=600")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Vary", "X-Consent")
		io.WriteString(w, strconv.FormatBool(strings.Contains(r.Header.Get("X-Consent"), "statistics=granted")))
	})
	s := start(t, site(strings.Replace(policy, "{\n", "{\n\t\tpass_header X-Consent\n", 1)+`
	@counted cookie_consent statistics
	handle /matcher {
		header Cache-Control "public, max-age=600"
		respond @counted true
		respond false
	}
	handle /error {
		header Cache-Control "public, max-age=600"
		error @counted "" 404
		respond false
	}
	handle /placeholder {
		header Cache-Control "public, max-age=600"
		@granted vars {http.cookie_consent.statistics} granted
		respond @granted true
		respond false
	}
	handle {
		reverse_proxy `+app.addr+`
	}
	handle_errors {
		respond true
	}`))
	visitors := s.visitors(t)
	for first := range visitors {
		cache := &server{httpPort: port(t, s.startNginx(t, ""))}
		for _, v := range slices.Concat(visitors[first:], visitors[:first]) {
			want := strconv.FormatBool(slices.Contains(v.allowed, statsCookie))
			for _, path := range []string{"/matcher", "/placeholder", "/error", "/application"} {
				header := slices.Concat(subresource, []string{v.cookieLine()})
				res := cache.do(t, h1, request{scheme: "http", path: path, header: header})
				if res.body != want {
					t.Errorf("%s, after %s: %s answers %s (%s), want %s", v.name, visitors[first].name, path, res.body, res.header.Get("X-Cache"), want)
				}
			}
		}
	}
}

// The cache of the tests above does store: otherwise it would prove nothing.
func TestSharedCacheStores(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=600")
		w.Header().Set("Content-Type", "text/css")
		io.WriteString(w, "body{}")
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	cache := &server{httpPort: port(t, s.startNginx(t, ""))}
	for _, want := range []string{"MISS", "HIT"} {
		res := cache.do(t, h1, request{scheme: "http", path: "/style.css", header: subresource})
		if got := res.header.Get("X-Cache"); got != want {
			t.Errorf("X-Cache %q, want %q: what is the same for everybody must stay cacheable", got, want)
		}
	}
}

// port is the port of a network address.
func port(t testing.TB, addr string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// What differs between visitors although it is not a page must not be called
// cacheable for all of them.
func TestCacheableResponsesCarryNobodysCookies(t *testing.T) {
	app := newApplication(t, func(w http.ResponseWriter, _ *http.Request) {
		setCookies(w, statsCookie)
		w.Header().Set("Cache-Control", "public, max-age=600")
		w.Header().Set("Content-Type", "text/css")
		io.WriteString(w, "body{}")
	})
	s := start(t, site(policy+"reverse_proxy "+app.addr))
	for _, v := range s.visitors(t) {
		res := s.do(t, h1, request{path: "/style.css", header: slices.Concat(subresource, []string{v.cookieLine()})})
		if len(res.cookies()) > 0 && !strings.Contains(res.header.Get("Cache-Control"), "private") {
			t.Errorf("%s: %q goes out with Cache-Control %q", v.name, res.cookies(), res.header.Get("Cache-Control"))
		}
	}
}
