package wall

import "testing"

// FuzzGuard checks that nothing is left to block in what the guard lets pass, and
// that it does not matter how a page is split.
func FuzzGuard(f *testing.F) {
	for _, page := range []string{
		`<base href=//x.test><img src=a srcset="a 1x, //x.test/b 2x"><script type=module src='//x.test'>a()</script>`,
		`<link rel="next preload" href=//x.test imagesrcset=//x.test><meta content="0;url=//x.test" http-equiv=refresh>`,
		`<iframe srcdoc="<img src=&quot;//x.test/p&quot;>" src=&#47;/x.test></iframe><svg><image xlink:href=//x.test /></svg>`,
		`<noscript><img src=//x.test></noscript><script type=speculationrules>{}</script>`,
	} {
		f.Add(page, 3)
	}
	f.Fuzz(func(t *testing.T, page string, n int) {
		once, blocked := guarded(t, page, max(1, len(page)))
		if split, _ := guarded(t, page, max(1, min(n, len(page)))); split != once {
			t.Fatalf("%q\n in pieces of %d is %q\n not %q", page, n, split, once)
		}
		twice, again := guarded(t, once, max(1, len(once)))
		// A base element that was blocked by nobody makes what follows lead elsewhere
		// in both passes, so that the second finds nothing new.
		if twice != once || len(again) > 0 {
			t.Fatalf("%q, where %q was blocked,\n became %q\n and then %q, where %q was", page, blocked, once, twice, again)
		}
	})
}

// FuzzFilterHeaders checks that nothing is left to take out of what is let pass.
func FuzzFilterHeaders(f *testing.F) {
	names := []string{"Link", "Refresh", "Report-To", "Alt-Svc", "Content-Security-Policy"}
	f.Add(0, `</a>; rel=next, <//x.test>; rel="preload x", </b>;title=",<"`)
	f.Add(1, "0;url='//x.test'")
	f.Add(2, `{"endpoints":[{"url":"https:\/\/x.test\/r"}]}`)
	f.Add(3, `h3=":443", h2="x.test:443"`)
	f.Add(4, "img-src *; report-uri //x.test /r, report-uri")
	f.Fuzz(func(t *testing.T, name int, line string) {
		header := map[string][]string{names[uint(name)%uint(len(names))]: {line}}
		g, _ := testGuard()
		g.FilterHeaders(header)
		again, blocked := testGuard()
		again.FilterHeaders(header)
		if len(*blocked) > 0 {
			t.Fatalf("%q still has %q", header, *blocked)
		}
	})
}
