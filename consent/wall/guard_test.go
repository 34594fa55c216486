package wall

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/rewrite"
)

// guarded returns a page as the guard leaves it, in pieces of n bytes.
func guarded(t testing.TB, html string, n int) (page string, blocked []string) {
	t.Helper()
	g, list := testGuard()
	var out bytes.Buffer
	r := rewrite.New(&out, rewrite.Options{Edit: g.Edit, Elements: Elements})
	for p := []byte(html); len(p) > 0; p = p[min(n, len(p)):] {
		if _, err := r.Write(p[:min(n, len(p))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String(), *list
}

// What a visitor would see gets something else in its place, and nothing that visitors
// do not see.
func TestPlaceholder(t *testing.T) {
	for _, tt := range []struct{ in, out string }{
		{`<iframe src=//x.test/f width=300 sandbox="allow-scripts">`, `<iframe src="/instead?x.test+//x.test/f" data-cookie-consent-src=//x.test/f width=300 data-cookie-consent-sandbox="allow-scripts">`},
		{`<iframe SRC=//x.test/f src=/own>`, `<iframe src="/instead?x.test+//x.test/f" data-cookie-consent-src=//x.test/f data-cookie-consent-src=/own>`},
		{`<object type="application/x" data=//x.test/f width=100% height=16px></object>`, `<object type="text/html" data="/instead?x.test+//x.test/f" data-cookie-consent-type="application/x" data-cookie-consent-data=//x.test/f width=100% height=16px></object>`},
		{`<embed src=//x.test/f>`, `<embed src="/instead?x.test+//x.test/f" data-cookie-consent-src=//x.test/f>`},
		{`<iframe srcdoc="<img src=//x.test/p>">`, `<iframe src="/instead?x.test+" data-cookie-consent-srcdoc="<img src=//x.test/p>">`},
		{`<iframe srcdoc="<img src=//x.test/p>" src=/own>`, `<iframe data-cookie-consent-srcdoc="<img src=//x.test/p>" src=/own>`},
		{`<iframe srcdoc="<p>own" src=//x.test/f>`, `<iframe srcdoc="<p>own" data-cookie-consent-src=//x.test/f>`},
		{in: `<iframe src=/own></iframe><embed src=https://pay.example.org/>`},

		{`<iframe src=//x.test/f width=1 height=1>`, `<iframe data-cookie-consent-src=//x.test/f width=1 height=1>`},
		{`<iframe src=//x.test/f height="0px">`, `<iframe data-cookie-consent-src=//x.test/f height="0px">`},
		{`<iframe src=//x.test/f hidden>`, `<iframe data-cookie-consent-src=//x.test/f hidden>`},
		{`<iframe src=//x.test/f style="Display : none">`, `<iframe data-cookie-consent-src=//x.test/f style="Display : none">`},
		{`<iframe src=//x.test/f style="visibility:hidden;">`, `<iframe data-cookie-consent-src=//x.test/f style="visibility:hidden;">`},
		{`<img src=//x.test/p><script src=//x.test/s></script>`, `<img data-cookie-consent-src=//x.test/p><script type="text/plain" data-cookie-consent-src=//x.test/s></script>`},
	} {
		if tt.out == "" {
			tt.out = tt.in
		}
		g, _ := testGuard()
		g.Placeholder = func(b []byte, to consent.Destination, value string) []byte {
			return append(b, "/instead?"+to.Host+"+"+value...)
		}
		var out strings.Builder
		r := rewrite.New(&out, rewrite.Options{Edit: g.Edit, Elements: Elements})
		if _, err := r.Write([]byte(tt.in)); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if out.String() != tt.out {
			t.Errorf("%s\ngot  %s\nwant %s", tt.in, out.String(), tt.out)
		}
	}
}

// Scripts within a page are known by what they say.
func TestInlineScripts(t *testing.T) {
	for _, tt := range []struct{ in, out string }{
		{`<script>fbq('init')</script><p>`, `<script type="text/plain">fbq('init')</script><p>`},
		{`<script type=Module>fbq('init')</script>`, `<script type="text/plain" data-cookie-consent-type=Module>fbq('init')</script>`},
		{`<script type="text/javascript; x">fbq('init')</script>`, ``},
		{`<script type="text/javascript1.5">fbq('init')</script>`, `<script type="text/plain" data-cookie-consent-type="text/javascript1.5">fbq('init')</script>`},
		{`<script src=/own.js>fbq('init')</script>`, ``},
		{`<script>own()</script><script>` + strings.Repeat(" ", 16<<10) + `fbq('init')</script>`, ``},
		{`<script type="application/ld+json">"fbq('init')"</script>`, ``},
		{`<script>other('init')</script>`, ``},
		{`<svg><script>own()</script></svg>`, `<svg><script type="text/plain">own()</script></svg>`}, // which is markup
	} {
		if tt.out == "" {
			tt.out = tt.in
		}
		for _, n := range []int{1, 7, 1 << 20} {
			if got, _ := guarded(t, tt.in, n); got != tt.out {
				t.Errorf("%s\ngot  %s\nwant %s", tt.in, got, tt.out)
			}
		}
	}
}

func TestGuard(t *testing.T) {
	long := strings.Repeat("x", 20<<10)
	for _, tt := range []struct{ in, out string }{ // no out: nothing changes
		{in: `<img src=/a.png srcset="/b.png 1x, b.png 2x"><script src="app.js"></script>`},
		{in: `<script src="https://static.example.net/x.js"></script><iframe src="https://pay.example.org/"></iframe>`},
		{in: `<img src="https://cdn.site.example/a.png"><a href="https://x.test/">x</a><form action=//x.test>`},
		{`<img src="//x.test/p.png" alt="p">`, `<img data-cookie-consent-src="//x.test/p.png" alt="p">`},
		{`<img SRC=//x.test/p.png src=/own.png>`, `<img data-cookie-consent-src=//x.test/p.png data-cookie-consent-src=/own.png>`},
		{`<img src="&#47;/x.test/p.png">`, `<img data-cookie-consent-src="&#47;/x.test/p.png">`},
		{`<img src=/a.png srcset="/b.png 1x, //x.test/b.png 2x">`, `<img src=/a.png data-cookie-consent-srcset="/b.png 1x, //x.test/b.png 2x">`},
		{`<image src=//x.test/p.png>`, `<image data-cookie-consent-src=//x.test/p.png>`},
		{`<svg><image xlink:href="//x.test/p.png"/></svg>`, `<svg><image data-cookie-consent-xlink-href="//x.test/p.png"/></svg>`},
		{`<video poster=//x.test/p src=/v><source src=//x.test/v></video>`, `<video data-cookie-consent-poster=//x.test/p src=/v><source data-cookie-consent-src=//x.test/v></video>`},
		{`<object data="//x.test/o"></object><embed src=//x.test/e>`, `<object data-cookie-consent-data="//x.test/o"></object><embed data-cookie-consent-src=//x.test/e>`},
		{`<iframe src="https://v.counter.example/1" width=5></iframe>`, `<iframe data-cookie-consent-src="https://v.counter.example/1" width=5></iframe>`},

		{`<script src=//x.test/t.js async></script>`, `<script type="text/plain" data-cookie-consent-src=//x.test/t.js async></script>`},
		{`<script type=module src=//x.test/t.js>a()</script>`, `<script type="text/plain" data-cookie-consent-type=module data-cookie-consent-src=//x.test/t.js>a()</script>`},
		{`<script type=" SpeculationRules ">{}</script>`, `<script type="text/plain" data-cookie-consent-type=" SpeculationRules ">{}</script>`},
		{in: `<script type=application/json>{"a":"<img src=//x.test>"}</script>`},
		{`<script ` + long + ` src=/own.js></script>`, `<script type="text/plain" ` + long + ` src=/own.js></script>`},

		{`<script ` + long + ` src=//x.test/t.js type=module>a()</script>`, `<script type="text/plain" ` + long + ` data-cookie-consent-src=//x.test/t.js data-cookie-consent-type=module>a()</script>`},

		{in: `<link rel=canonical href=//x.test/><link rel="next alternate" href=//x.test/><link href=//x.test/>`},
		{`<link rel=stylesheet href=//x.test/a.css>`, `<link rel=stylesheet data-cookie-consent-href=//x.test/a.css>`},
		{`<link rel="alternate STYLESHEET" href=//x.test/a.css>`, `<link rel="alternate STYLESHEET" data-cookie-consent-href=//x.test/a.css>`},
		{`<link href=//x.test rel=dns-prefetch>`, `<link data-cookie-consent-href=//x.test rel=dns-prefetch>`},
		{`<link rel=next rel=preload href=//x.test>`, `<link rel=next rel=preload data-cookie-consent-href=//x.test>`},
		{`<link rel=preload as=image href=/a imagesrcset="//x.test/a 1x">`, `<link rel=preload as=image href=/a data-cookie-consent-imagesrcset="//x.test/a 1x">`},

		{in: `<meta name=description content="0;url=//x.test"><meta http-equiv=refresh content="5">`},
		{`<meta http-equiv="Re&#102;resh" content="0; URL='//x.test/'">`, `<meta http-equiv="Re&#102;resh" data-cookie-consent-content="0; URL='//x.test/'">`},

		{
			`<base href=//x.test/><img src=a.png><img src=/b.png><img src=//www.site.example/c.png>`,
			`<base href=//x.test/><img data-cookie-consent-src=a.png><img data-cookie-consent-src=/b.png><img src=//www.site.example/c.png>`,
		},
		{`<base target=x><img src=a.png><base href="https://www.site.example/"><img src=a.png>`, ``},

		{`<iframe srcdoc="<img src=&quot;//x.test/p&quot;>"></iframe>`, `<iframe data-cookie-consent-srcdoc="<img src=&quot;//x.test/p&quot;>"></iframe>`},
		{in: `<iframe srcdoc="<p>hello <img src=/own.png>"></iframe>`},

		{`<svg><image><set attributeName=href to=//x.test/p /></image></svg>`, `<svg><image><set attributeName=href data-cookie-consent-to=//x.test/p /></image></svg>`},
		{`<svg><animate values="/a;//x.test/p" from=/a attributeName="XLink:href"/></svg>`, `<svg><animate data-cookie-consent-values="/a;//x.test/p" from=/a attributeName="XLink:href"/></svg>`},
		{in: `<svg><animate attributeName=href values="/a;b" /><animate attributeName=d to="x:y" /><set to=//x.test></svg>`},

		{`<svg><![CDATA[><link rel=preconnect href=//x.test><iframe src=//x.test/f></iframe>]]></svg>`, `<svg><![CDATA[><link rel=preconnect data-cookie-consent-href=//x.test><iframe data-cookie-consent-src=//x.test/f></iframe>]]></svg>`},
		{`<svg><style><!--</style><script src=//x.test/a>a()</script>--></style></svg>`, `<svg><style><!--</style><script data-cookie-consent-src=//x.test/a>a()</script>--></style></svg>`},

		{in: `<iframe src="data:text/html,<p>hello <img src=/own.png>"></iframe><object data=data:image/png,x></object>`},
		{in: `<embed src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><path/></svg>"><iframe src=about:blank>`},
		{`<iframe src="data:text/html,<link rel=preconnect href=//x.test>">`, `<iframe data-cookie-consent-src="data:text/html,<link rel=preconnect href=//x.test>">`},
		{`<frame src="data:;,x"><frame src=" da&Tab;ta:x/y,%3Ciframe src=https://x.test>">`, `<frame src="data:;,x"><frame data-cookie-consent-src=" da&Tab;ta:x/y,%3Ciframe src=https://x.test>">`},
		{`<object data="data:text/html;base64,PG1ldGEgaHR0cC1lcXVpdj1yZWZyZXNoIGNvbnRlbnQ9IjA7Ly94LnRlc3QiPg">`, `<object data-cookie-consent-data="data:text/html;base64,PG1ldGEgaHR0cC1lcXVpdj1yZWZyZXNoIGNvbnRlbnQ9IjA7Ly94LnRlc3QiPg">`},
		{`<embed src="data:image/svg+xml,<svg><image href='//x.test'/></svg>">`, `<embed data-cookie-consent-src="data:image/svg+xml,<svg><image href='//x.test'/></svg>">`},
		{`<embed src="data:image/svg+xml,<svg><h:link xmlns:h='http://www.w3.org/1999/&amp;%23120;html'/></svg>">`, `<embed data-cookie-consent-src="data:image/svg+xml,<svg><h:link xmlns:h='http://www.w3.org/1999/&amp;%23120;html'/></svg>">`},
		{`<iframe src="data:text/html;charset=utf-16,%00<">`, `<iframe data-cookie-consent-src="data:text/html;charset=utf-16,%00<">`},
		{`<iframe src="data:text/html,` + long + `">`, `<iframe data-cookie-consent-src="data:text/html,` + long + `">`},

		{in: `<img src="data:image/png;base64,` + long + `">`},
		{`<img src="//x.test/` + long + `">`, `<img data-cookie-consent-src="//x.test/` + long + `">`},
		{`<img src="http://` + long + `.x.test/">`, `<img data-cookie-consent-src="http://` + long + `.x.test/">`},
		{`<noscript><img src=//x.test/pixel></noscript>`, `<noscript><img data-cookie-consent-src=//x.test/pixel></noscript>`},
		{in: `<!-- <img src=//x.test/p> --><textarea><img src=//x.test/p></textarea>`},
	} {
		want := tt.out
		if want == "" {
			want = tt.in
		}
		for _, n := range []int{1, 7, len(tt.in)} {
			got, blocked := guarded(t, tt.in, n)
			if got != want {
				t.Errorf("in pieces of %d:\n%.200s\n became %.200s\n not    %.200s", n, tt.in, got, want)
			}
			if renamed := strings.Contains(want, renamedPrefix) && !strings.Contains(want, "Rules"); renamed != (len(blocked) > 0) {
				t.Errorf("%.200s: blocked %q", tt.in, blocked)
			}
		}
	}
}

// Too many bases are more than can be told apart: nothing that is relative loads then.
func TestTooManyBases(t *testing.T) {
	html := strings.Repeat("<base href=/dir/>", 3*maxBases) + "<img src=a.png>"
	if got, _ := guarded(t, html, len(html)); !strings.Contains(got, "<img data-cookie-consent-src=a.png>") {
		t.Error(got)
	}
}

func TestPolicies(t *testing.T) {
	p := testPolicy()
	policies, err := NewPolicies(p)
	if err != nil {
		t.Fatal(err)
	}
	page := p.NewPage("https", "www.site.example", "/")
	const want = "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval' *.site.example:* ws://*.site.example:* site.example:* ws://site.example:* " +
		"static.example.net:* ws://static.example.net:* pay.example.org:* ws://pay.example.org:*"
	if got := policies.Of(p.Decide(nil, false), page); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What clients name as host in place of one takes no memory and is in no policy.
func TestPoliciesOfLongHosts(t *testing.T) {
	p := testPolicy()
	policies, err := NewPolicies(p)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		host := strings.Repeat("a.", 1000*(i+1)) + "site.example"
		page := p.NewPage("https", host, "/")
		if got := policies.Of(p.Decide(nil, false), page); page.Site() != "" || strings.Contains(got, "a.a") || !strings.Contains(got, "static.example.net") {
			t.Errorf("site %s, policy %.200s", page.Site(), got)
		}
	}
	if len(policies.kept) != 0 {
		t.Errorf("%d policies are kept", len(policies.kept))
	}
}
