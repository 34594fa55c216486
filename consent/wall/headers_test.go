package wall

import (
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// testPolicy has a service that needs consent and one that is necessary.
var testPolicy = sync.OnceValue(func() *consent.Policy {
	p, err := consent.New(consent.Config{
		CookieName: "cookies_preferences",
		FirstParty: []string{"static.example.net"},
		Services: []consent.Service{
			{ID: "counter", Category: consent.Statistics, Provider: "Counter", Purpose: consent.Text{"": "Counts visits"}, Hosts: []string{"*.counter.example"}, Inline: []string{"fbq("}},
			{ID: "payment", Category: consent.Necessary, Provider: "Bank", Purpose: consent.Text{"": "Pays"}, Hosts: []string{"pay.example.org"}},
		},
	})
	if err != nil {
		panic(err)
	}
	return p
})

// testGuard returns the guard of a page for a visitor who has not chosen, and what it
// blocked.
func testGuard() (*Guard, *[]string) {
	p := testPolicy()
	var blocked []string
	return NewGuard(p.Decide(nil, false), p.NewPage("https", "www.site.example", "/dir/page"), func(to consent.Destination) {
		blocked = append(blocked, to.Party.String()+" "+to.Host)
	}), &blocked
}

func TestFilterHeaders(t *testing.T) {
	for _, tt := range []struct {
		name      string
		line      string
		want      []string // of the same name
		blockings int
	}{
		{"Link", "</a.css>; rel=preload; as=style", []string{"</a.css>; rel=preload; as=style"}, 0},
		{"Link", "<https://x.test/a.css>; rel=preload; as=style", nil, 1},
		{"Link", "<https://x.test/>; rel=canonical", []string{"<https://x.test/>; rel=canonical"}, 0},
		{"Link", `<https://x.test/>; rel="alternate stylesheet"`, nil, 1},
		{"Link", `</l>; rel=next, <https://x.test/x.js>; rel="preload foo"; as=script`, []string{"</l>; rel=next"}, 1},
		{"Link", `</a>; title="x, <b>"; rel=next, <//x.test>;REL=dns-prefetch,</c>; rel=preload`, []string{`</a>; title="x, <b>"; rel=next,</c>; rel=preload`}, 1},
		{"Link", "<https://a.counter.example/x,y>; rel=preconnect", nil, 1},
		{"Link", "<https://pay.example.org/>; rel=preconnect", []string{"<https://pay.example.org/>; rel=preconnect"}, 0},
		{"Link", "https://x.test/; rel=preload", nil, 0},
		{"Link", "<https://x.test/", nil, 0},
		{"Link", "</a>; x=<, <https://x.test/>; rel=preload", nil, 0},
		{"Link", `</a>; title="x, <https://x.test/>; rel=preload`, nil, 0},
		{"Link", `</a>; title="a \"b\", <c>"; rel=next`, []string{`</a>; title="a \"b\", <c>"; rel=next`}, 0},
		{"Refresh", "0; url=https://x.test/", nil, 1},
		{"Refresh", "5; url=/next", []string{"5; url=/next"}, 0},
		{"Refresh", "5", []string{"5"}, 0},
		{"Speculation-Rules", `"/rules.json"`, nil, 0},
		{"Reporting-Endpoints", `default="https://reports.x.test/r"`, nil, 1},
		{"Reporting-Endpoints", `default="/r", other="https://static.example.net/r"`, []string{`default="/r", other="https://static.example.net/r"`}, 0},
		{"Report-To", `{"group":"g","max_age":9,"endpoints":[{"url":"https:\/\/x.test\/r"}]}`, nil, 1},
		{"Report-To", `{"group":"g","max_age":9,"endpoints":[{"url":"https:\u002f\u002fx.test"}]}`, nil, 1},
		{"Report-To", `{"group":"\"g","max_age":9,"endpoints":[{"url":"/r"}]}`, nil, 1},
		{"Reporting-Endpoints", `default="\\\\x.test"`, nil, 1},
		{"Alt-Svc", `h3=":443"; ma=86400`, []string{`h3=":443"; ma=86400`}, 0},
		{"Alt-Svc", `h2="x.test:443"`, nil, 1},
		{"Content-Security-Policy", "default-src 'self'; report-uri /r", []string{"default-src 'self'; report-uri /r"}, 0},
		{"Content-Security-Policy", "default-src 'self'; report-uri https://x.test/r; img-src *", []string{"default-src 'self'; img-src *"}, 1},
		{"Content-Security-Policy", "img-src *; Report-URI https://x.test/r /own, default-src 'none'", []string{"img-src *; Report-URI /own, default-src 'none'"}, 1},
		{"Content-Security-Policy-Report-Only", "report-uri https://x.test/r", []string{""}, 1},
		{"X-Other", "https://x.test/", []string{"https://x.test/"}, 0},
	} {
		g, blocked := testGuard()
		lines := []string{tt.line}
		header := map[string][]string{tt.name: lines}
		g.FilterHeaders(header)
		want := map[string][]string{}
		if tt.want != nil {
			want[tt.name] = tt.want
		}
		if !reflect.DeepEqual(header, want) || len(*blocked) != tt.blockings {
			t.Errorf("%s: %s\n became %q, blocked %q", tt.name, tt.line, header, *blocked)
		}
		if !slices.Equal(lines, []string{tt.line}) {
			t.Errorf("%s: %s: the slice was written to", tt.name, tt.line)
		}
	}
}
