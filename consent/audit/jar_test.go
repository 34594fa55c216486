package audit

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"
	"time"

	"golang.org/x/net/publicsuffix"
)

// The jar keeps and sends what the one of the standard library does, as far as that
// reads what it is given.
func TestJar(t *testing.T) {
	for _, tt := range []struct {
		from  string
		lines []string
	}{
		{"https://www.example.com/shop/item", []string{"a=1", "b=2; Path=/", "c=3; Path=/shop", "d=4; Path=/sho", "e=5; Path=shop"}},
		{"https://www.example.com/", []string{"a=1; Domain=example.com", "b=2; Domain=.www.example.com", "c=3; Domain=com", "d=4; Domain=other.com", "e=5; Domain=www.example.com.evil.com"}},
		{"https://www.example.com/", []string{"a=1; Secure", "b=2; Secure; Domain=example.com"}},
		{"https://www.example.com/", []string{"a=1; Path=/", "a=2; Path=/", "b=1; Max-Age=100", "b=; Max-Age=0", "c=1; Path=/shop", "c=; Path=/; Max-Age=0"}},
		{"https://www.example.com/", []string{"a=1; Domain=example.com", "a=2", "a=; Max-Age=0"}},
		{"http://127.0.0.1/", []string{"a=1", "b=2; Domain=0.0.1"}},
		{"https://co.uk/", []string{"a=1; Domain=co.uk"}},
	} {
		from, err := url.Parse(tt.from)
		if err != nil {
			t.Fatal(err)
		}
		var own jar
		oracle, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		for _, line := range tt.lines {
			own.set(from, line, now)
			oracle.SetCookies(from, (&http.Response{Header: http.Header{"Set-Cookie": {line}}}).Cookies())
		}
		for _, to := range []string{
			tt.from, "https://www.example.com/", "http://www.example.com/", "https://example.com/shop/", "https://a.www.example.com/shop",
			"https://www.example.com/shopping", "http://127.0.0.1/", "https://a.co.uk/",
		} {
			u, err := url.Parse(to)
			if err != nil {
				t.Fatal(err)
			}
			r := http.Request{Header: http.Header{}}
			for _, c := range oracle.Cookies(u) {
				r.AddCookie(c)
			}
			if got, want := header(own.of(u, now)), r.Header.Get("Cookie"); got != want {
				t.Errorf("%q from %s to %s: got %q, want %q", tt.lines, tt.from, to, got, want)
			}
		}
	}
}

// What the standard library does not keep and browsers do.
func TestJarLikeBrowsers(t *testing.T) {
	u := &url.URL{Scheme: "https", Host: "www.example.com", Path: "/"}
	var j jar
	now := time.Now()
	for _, line := range []string{`a={"b": [1,2]}`, "n(1)=x", "nameless", "__Host-x=1; Secure; Path=/", "__Host-y=1; Path=/", "__Secure-z=1", "t=1; Max-Age=1"} {
		j.set(u, line, now)
	}
	if got, want := header(j.of(u, now.Add(time.Second))), `a={"b": [1,2]}; n(1)=x; nameless; __Host-x=1`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
