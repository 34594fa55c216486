package audit

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
)

func testOptions() Options {
	return Options{Catalog: catalog.Default(), Pages: 10, Timeout: 20 * time.Second, UserAgent: "test", Language: "en"}
}

// serve runs a site and returns its address.
func serve(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL + "/"
}

func audited(t testing.TB, handler http.HandlerFunc, change func(*Options)) *Site {
	t.Helper()
	opts := testOptions()
	if change != nil {
		change(&opts)
	}
	site, err := Visit(context.Background(), serve(t, handler), opts)
	if err != nil {
		t.Fatal(err)
	}
	return site
}

// found returns the findings as words: rule and subject.
func found(s *Site) []string {
	var words []string
	for _, f := range s.Findings {
		words = append(words, strings.TrimSpace(f.Rule+" "+f.Subject))
	}
	return words
}

func answerHTML(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, "<!DOCTYPE html><html><body>"+body)
}

func missing(w http.ResponseWriter, r *http.Request) bool {
	if strings.HasPrefix(r.URL.Path, defaultPrefix) {
		http.NotFound(w, r)
		return true
	}
	return false
}

// What a site without the module does before a choice.
func TestLeaks(t *testing.T) {
	site := audited(t, func(w http.ResponseWriter, r *http.Request) {
		if missing(w, r) {
			return
		}
		w.Header()["Set-Cookie"] = []string{"sessionid=1; HttpOnly", "_ga=1; Max-Age=99999999", "odd={\"a\": [1,2]}", "evil=1; Domain=other.example"}
		w.Header().Set("Link", "<https://fonts.googleapis.com>; rel=preconnect")
		answerHTML(w, `<style>@import "//use.typekit.net/x.css"; a { background: url(/own.png) }</style>
			<script>fbq('init')</script><script type="text/plain">hj('x')</script><script type="application/json">"clarity("</script>
			<img src=//www.google-analytics.com/c><noscript><iframe src=https://unknown.example.net></iframe></noscript>
			<a href=https://linked.example/>x</a>`)
	}, nil)
	want := []string{
		"cookie-before-choice _ga", "cookie-before-choice odd",
		"contact-before-choice Meta Pixel", "contact-before-choice fonts.googleapis.com", "contact-before-choice unknown.example.net",
		"contact-before-choice use.typekit.net", "contact-before-choice www.google-analytics.com",
		"long-lifetime _ga",
	}
	if got := found(site); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if len(site.Rounds) != 1 || site.Module != nil || len(site.Remarks) != 1 || site.Incomplete != "" {
		t.Errorf("%+v", site)
	}
	for _, c := range site.Rounds[0].Cookies {
		if c.Name == "_ga" && (c.Lifetime != "400d" || c.By != "catalog: Google Analytics" || c.Category != "statistics") {
			t.Errorf("%+v", c)
		}
	}
}

// A policy of the page that lets its scripts and styles load nothing elsewhere counts.
func TestWalled(t *testing.T) {
	site := audited(t, func(w http.ResponseWriter, r *http.Request) {
		if missing(w, r) {
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'self' 'unsafe-inline'")
		answerHTML(w, `<style>@import "//use.typekit.net/x.css"</style><script>fbq('init')</script>`)
	}, nil)
	if got := found(site); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// Which links are followed, and that nothing else is asked for.
func TestCrawl(t *testing.T) {
	var other atomic.Int32
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { other.Add(1) })
	var asked []string
	site := audited(t, func(w http.ResponseWriter, r *http.Request) {
		if missing(w, r) {
			return
		}
		asked = append(asked, r.Method+" "+r.URL.RequestURI())
		if r.Header.Get("Sec-Fetch-Dest") != "document" || r.Header.Get("Accept-Language") != "en" || r.URL.Path != "/" && r.Referer() == "" {
			t.Errorf("%s: %v", r.URL, r.Header)
		}
		switch r.URL.Path {
		case "/":
			answerHTML(w, `<base href="/shop/"><a href=a>a</a><a href="a#part">a again</a><a href="/logout">out</a><a href="/account/log-out">out</a>
				<a href="?action=delete&id=1">d</a><a href=/file.pdf>f</a><a href=/x download>x</a><a href=mailto:x@y>m</a>
				<a href="`+elsewhere+`">e</a><a href=/moved>m</a><a href=/loop>l</a><a href=/data>d</a><a href=/gone>g</a>`)
		case "/moved":
			http.Redirect(w, r, elsewhere+"tracked", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/data":
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, "<a href=/never>")
		case "/gone":
			w.WriteHeader(http.StatusGone)
			answerHTML(w, "<a href=/shop/b>b</a>")
		default:
			answerHTML(w, "<a href=/>home</a>")
		}
	}, nil)
	want := []string{"GET /", "GET /shop/a", "GET /moved", "GET /loop", "GET /data", "GET /gone", "GET /shop/b"}
	if got := slices.Compact(slices.Clone(asked)); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if loops := len(asked) - len(want); loops != maxRedirects {
		t.Errorf("the loop was followed %d times", loops)
	}
	if other.Load() != 0 {
		t.Errorf("%d requests went elsewhere", other.Load())
	}
	pages := site.Rounds[0].Pages
	if pages[2].NotTaken != elsewhere+"tracked" || pages[3].Problem == "" || pages[4].HTML || pages[5].Status != http.StatusGone {
		t.Errorf("%+v", pages)
	}
	if few := audited(t, func(w http.ResponseWriter, r *http.Request) {
		if !missing(w, r) {
			answerHTML(w, "<a href=/0>0</a>")
			answerHTML(w, "<a href=/a>a</a><a href=/b>b</a><a href=/c>c</a>")
		}
	}, func(o *Options) { o.Pages = 2 }); len(few.Rounds[0].Pages) != 2 || !strings.Contains(strings.Join(few.Remarks, " "), "more pages than the 2") {
		t.Errorf("%+v", few.Remarks)
	}
}

// Another tool keeps its choice in a cookie that is given.
func TestGivenCookies(t *testing.T) {
	site := audited(t, func(w http.ResponseWriter, r *http.Request) {
		if missing(w, r) {
			return
		}
		choice, err := r.Cookie("choice")
		if err == nil && choice.Value == "all" {
			w.Header().Add("Set-Cookie", "_ga=1; Max-Age=86400")
			w.Header().Add("Set-Cookie", "_pk_id=1; Path=/; Max-Age=86400")
		} else if err == nil {
			w.Header().Add("Set-Cookie", "_ga=; Max-Age=0")
		}
		answerHTML(w, "")
	}, func(o *Options) { o.Accepted, o.Rejected = []string{"choice=all"}, []string{"choice=none"} })
	if got := found(site); !slices.Equal(got, []string{"cookie-kept _pk_id"}) {
		t.Errorf("%q", got)
	}
	if last := site.Rounds[3]; last.Name != Withdrawn || !slices.Equal(last.Expired, []string{"_ga"}) {
		t.Errorf("%+v", last)
	}
}

// What a server that means harm sends is bounded.
func TestHostile(t *testing.T) {
	bomb := func() string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		for range 1 << 10 {
			io.WriteString(w, strings.Repeat("<a href=/x>", 1<<13))
		}
		w.Close()
		return b.String()
	}()
	for name, tt := range map[string]struct {
		handler    http.HandlerFunc
		problem    string // of the page
		incomplete string
	}{
		"bomb": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			answerHTML(w, "")
		}, "gzip", ""},
		"large": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, bomb)
		}, "only its first 4 MiB", ""},
		"coding": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			answerHTML(w, "")
		}, "not asked for", ""},
		"escapes": {func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Set-Cookie"] = []string{"a\x9b31m\u202eb=1", "c\xffd=1"}
			answerHTML(w, "<title>\x1b[31m</title><img src=//x\u009b.example/>")
		}, "", ""},
		"slow": {func(w http.ResponseWriter, r *http.Request) {
			answerHTML(w, strings.Repeat("x", 1<<13))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, "reading it", "no time"},
		"nested": {func(w http.ResponseWriter, _ *http.Request) {
			answerHTML(w, strings.Repeat("<details><form id=cookie-consent-form action=/x><select form=cookie-consent-form><div>", 20000))
		}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			site := audited(t, func(w http.ResponseWriter, r *http.Request) {
				if !missing(w, r) {
					tt.handler(w, r)
				}
			}, func(o *Options) { o.Timeout, o.Pages = 3*time.Second, 1 })
			if took := time.Since(begun); took > time.Minute {
				t.Errorf("took %v", took)
			}
			if problem := site.Rounds[0].Pages[0].Problem; !strings.Contains(problem, tt.problem) || tt.problem == "" && problem != "" {
				t.Errorf("problem: %q", problem)
			}
			if !strings.Contains(site.Incomplete, tt.incomplete) {
				t.Errorf("incomplete: %q", site.Incomplete)
			}
			var out bytes.Buffer
			report := NewReport(begun, []*Site{site})
			if err := report.WriteText(&out); err != nil {
				t.Error(err)
			}
			if err := report.WriteHTML(&out); err != nil {
				t.Error(err)
			}
			if i := strings.IndexFunc(out.String(), func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == '\u009b' || r == '\u202e' }); i >= 0 {
				t.Errorf("%q", out.String()[i:min(i+40, out.Len())])
			}
		})
	}
}

// Names of strangers are text in the page.
func TestHTML(t *testing.T) {
	site := audited(t, func(w http.ResponseWriter, r *http.Request) {
		if missing(w, r) {
			return
		}
		w.Header()["Set-Cookie"] = []string{`<script>alert(1)</script>=1`}
		answerHTML(w, `<a href="/&quot;><b>x">x</a>`)
	}, nil)
	var out bytes.Buffer
	if err := NewReport(time.Now(), []*Site{site}).WriteHTML(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "<script") || strings.Contains(out.String(), "<b>") || !strings.Contains(out.String(), "&lt;script&gt;alert(1)") {
		t.Error(out.String())
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"", "ftp://x.example/", "https://", "https://user:pass@x.example/", "http://[::1"} {
		if _, err := Visit(context.Background(), address, testOptions()); err == nil {
			t.Errorf("%q was visited", address)
		}
	}
	if u, err := startAddress("www.example.com"); err != nil || u.String() != "https://www.example.com/" {
		t.Errorf("%v, %v", u, err)
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	if _, err := Visit(context.Background(), closed.URL, testOptions()); err == nil {
		t.Error("a server that does not answer was visited")
	}
	for status, handler := range map[int]http.HandlerFunc{
		http.StatusForbidden: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		http.StatusFound: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://other.example/", http.StatusFound)
		},
	} {
		if site := audited(t, handler, nil); site.Incomplete == "" {
			t.Errorf("status %d is a whole audit: %+v", status, site)
		}
	}
}
