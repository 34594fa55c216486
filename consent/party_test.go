package consent

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// places are hosts and paths as a site declares them.
func declaredPlaces() Config {
	cfg := portal()
	cfg.FirstParty = []string{"static.owner.example", "*.owner.test", "192.0.2.1", "both.example"}
	place := func(id, category string, hosts, paths string) {
		s := service(id, category)
		s.Hosts, s.Paths = strings.Fields(hosts), strings.Fields(paths)
		cfg.Services = append(cfg.Services, s)
	}
	place("cloaked", ThirdParty, "metrics.example.com bücher.example", "/stats.js /m%61tomo/*")
	place("tags", Statistics, "*.tags.example ads.owner.test 192.0.2.7 both.example", "/t/*.js /matomo/js/* /px*/a*c.gif")
	place("ads", "advertising", "ads.tags.example *.x.ads.tags.example", "")
	place("captcha", Necessary, "captcha.example *.x.ads.tags.example", "/captcha/*")
	return cfg
}

func TestDestination(t *testing.T) {
	p := mustNew(t, declaredPlaces())
	www := p.NewPage("https", "www.example.com", "/shop/cart?x")
	for _, tt := range []struct {
		page *Page
		url  string
		want string
	}{
		{www, "/app.js", "own_host www.example.com necessary"},
		{www, "app.js", "own_host www.example.com necessary"},
		{www, "http://www.example.com:8080/", "own_host www.example.com necessary"},
		{www, "wss://WWW.example.com./", "own_host www.example.com necessary"},
		{www, "#x", "none  necessary"},
		{www, "data:,x", "none  necessary"},
		{www, "//example.com/app.js", "same_site example.com necessary"},
		{www, "//cdn.example.com/app.js", "same_site cdn.example.com necessary"},
		{www, "//notexample.com/", "unknown notexample.com third_party"},
		{www, "//example.com.tp.test/", "unknown example.com.tp.test third_party"},
		{www, "//.example.com/", "unknown  third_party"},
		{www, "//a..example.com/", "unknown  third_party"},
		{www, "//com/", "unknown com third_party"},
		{www, "https://tp.test/", "unknown tp.test third_party"},
		{www, "foo://www.example.com/", "unknown  third_party"},
		{www, "https://[", "unknown  third_party"},
		{www, "//static.owner.example/x", "same_owner static.owner.example necessary"},
		{www, "//owner.example/x", "unknown owner.example third_party"},
		{www, "//a.b.owner.test/x", "same_owner a.b.owner.test necessary"},
		{www, "//owner.test/x", "unknown owner.test third_party"},
		{www, "//192.0.2.1/x", "same_owner 192.0.2.1 necessary"},
		{www, "//0xc0.0.0x201/x", "same_owner 192.0.2.1 necessary"},
		// Services.
		{www, "//stats.example.net/x", "service stats.example.net statistics counter"},
		{www, "//STATS.example%2enet./x", "service stats.example.net statistics counter"},
		{www, "//192.0.2.7/x", "service 192.0.2.7 statistics tags"},
		{www, "//metrics.example.com/x", "service metrics.example.com third_party cloaked"},
		{www, "//a.metrics.example.com/x", "same_site a.metrics.example.com necessary"},
		{www, "//xn--bcher-kva.example/x", "service xn--bcher-kva.example third_party cloaked"},
		{www, "//bücher.example/x", "service xn--bcher-kva.example third_party cloaked"},
		{www, "//ads.owner.test/x", "service ads.owner.test statistics tags"},
		{www, "//both.example/x", "service both.example statistics tags"},
		{www, "//tags.example/x", "unknown tags.example third_party"},
		{www, "//a.b.tags.example/x", "service a.b.tags.example statistics tags"},
		{www, "//captcha.example/x", "service captcha.example necessary captcha"},
		// The strictest category wins, and the services in it.
		{www, "//ads.tags.example/x", "service ads.tags.example advertising ads"},
		{www, "//y.x.ads.tags.example/x", "service y.x.ads.tags.example advertising ads"},
		// Paths.
		{www, "/stats.js", "service www.example.com third_party cloaked"},
		{www, "https://www.example.com:444/stats.js?x", "service www.example.com third_party cloaked"},
		{www, "../stats.js#x", "service www.example.com third_party cloaked"},
		{www, "stats.js", "own_host www.example.com necessary"},
		{www, "/stats.jsx", "own_host www.example.com necessary"},
		{www, "/?/stats.js", "own_host www.example.com necessary"},
		{www, "/a/../stats.js", "service www.example.com third_party cloaked"},
		{www, "/a/%2e%2E/st%61ts.js", "service www.example.com third_party cloaked"},
		{www, "/a%2f..%2fstats.js", "service www.example.com third_party cloaked"},
		{www, "/.//stats.js", "service www.example.com third_party cloaked"},
		{www, "/matomo/", "service www.example.com third_party cloaked"},
		{www, "/matomo/%2e%2e%2fapp.js", "service www.example.com third_party cloaked"},
		{www, "/matomo", "own_host www.example.com necessary"},
		{www, "/t/a/b.js", "service www.example.com statistics tags"},
		{www, "/t/a/b.css", "own_host www.example.com necessary"},
		{www, "/matomo/js/x", "service www.example.com third_party cloaked"},
		{www, "/px-1/b/abc.jpg", "own_host www.example.com necessary"},
		{www, "/px-1/abc.gif", "service www.example.com statistics tags"},
		{www, "/px/xabc.gif", "own_host www.example.com necessary"},
		{www, "/captcha/x", "service www.example.com necessary captcha"},
		{www, "//example.com/stats.js", "service example.com third_party cloaked"},
		{www, "//static.owner.example/t/x.js", "service static.owner.example statistics tags"},
		{www, "//metrics.example.com/t/x.js", "service metrics.example.com third_party cloaked"},
		{www, "//ads.owner.test/stats.js", "service ads.owner.test third_party cloaked"},
		{www, "//tp.test/stats.js", "unknown tp.test third_party"},
		{www, "/" + strings.Repeat("a/../", 300) + "stats.js", "service www.example.com third_party cloaked"},
		// Other pages.
		{p.NewPage("http", "www.example.com", "/matomo/"), "x.js", "service www.example.com third_party cloaked"},
		{p.NewPage("http", "www.example.com", "/matomo/"), "#x", "none  necessary"},
		{p.NewPage("https", "metrics.example.com", "/"), "x", "own_host metrics.example.com necessary"},
		{p.NewPage("https", "shop.example.co.uk", "/"), "//www.example.co.uk/", "same_site www.example.co.uk necessary"},
		{p.NewPage("https", "shop.example.co.uk", "/"), "//co.uk/", "unknown co.uk third_party"},
		{p.NewPage("https", "me.github.io", "/"), "//you.github.io/", "unknown you.github.io third_party"},
		{p.NewPage("https", "github.io", "/"), "//you.github.io/", "unknown you.github.io third_party"},
		{p.NewPage("https", "www.amazonaws.com", "/"), "//a.amazonaws.com/", "same_site a.amazonaws.com necessary"},
		{p.NewPage("https", "www.amazonaws.com", "/"), "//you.s3.amazonaws.com/", "unknown you.s3.amazonaws.com third_party"},
		{p.NewPage("https", "WWW.example.com.:443", "/"), "//cdn.example.com/", "same_site cdn.example.com necessary"},
		{p.NewPage("https", "www.example.com.", "/"), "//www.example.com/", "own_host www.example.com necessary"},
		{p.NewPage("http", "localhost:8080", "/"), "//localhost/", "own_host localhost necessary"},
		{p.NewPage("http", "localhost:8080", "/"), "//a.localhost/", "unknown a.localhost third_party"},
		{p.NewPage("http", "intranet", "/"), "//wiki/", "unknown wiki third_party"},
		{p.NewPage("http", "app.internal", "/"), "//cdn.app.internal/", "same_site cdn.app.internal necessary"},
		{p.NewPage("http", "127.0.0.1:8080", "/"), "//127.1/", "own_host 127.0.0.1 necessary"},
		{p.NewPage("http", "127.0.0.1:8080", "/"), "//127.0.0.2/", "unknown 127.0.0.2 third_party"},
		{p.NewPage("http", "127.0.0.1:8080", "/"), "//1.0.0.1/", "unknown 1.0.0.1 third_party"},
		{p.NewPage("http", "[::1]:8080", "/"), "//[0::1]:9/", "own_host [::1] necessary"},
		{p.NewPage("http", "[::1]:8080", "/"), "//[::2]/", "unknown [::2] third_party"},
		{p.NewPage("http", "", "/"), "x", "own_host  necessary"},
		{p.NewPage("http", "", "/"), "//x/", "unknown x third_party"},
		// Bases.
		{www.WithBase("//tp.test/"), "x", "unknown tp.test third_party"},
		{www.WithBase("//tp.test/"), "//www.example.com/", "own_host www.example.com necessary"},
		{www.WithBase("//stats.example.net/"), "#x", "service stats.example.net statistics counter"},
		{www.WithBase("/matomo/"), "x", "service www.example.com third_party cloaked"},
		{www.WithBase("https://<host>/"), "x", "own_host www.example.com necessary"},
		{www.WithBase("foo:bar"), "x", "unknown  third_party"},
	} {
		to := p.Destination(tt.page, tt.url)
		got := strings.TrimSpace(fmt.Sprint(to.Party, " ", to.Host, " ", to.Rule.Category, " ", strings.Join(to.Rule.Services, " ")))
		if got != tt.want {
			t.Errorf("%.80q on %s: got %s, want %s", tt.url, tt.page.host, got, tt.want)
		}
	}
}

func TestDestinationScheme(t *testing.T) {
	p := mustNew(t, portal())
	page := p.NewPage("https", "www.example.com", "/")
	for url, want := range map[string]string{"/": "https", "WSS://tp.test": "wss", "Data:,": "data", "javascript:0": "javascript", "#x": "", "foo:x": "", "//[": ""} {
		if got := p.Destination(page, url).Scheme; got != want {
			t.Errorf("%s: got %q, want %q", url, got, want)
		}
	}
}

// What is combined stays what it was.
func TestDestinationsAreStable(t *testing.T) {
	p := mustNew(t, declaredPlaces())
	page := p.NewPage("https", "www.example.com", "/")
	for _, url := range []string{"/matomo/js/x", "//ads.owner.test/stats.js", "//ads.owner.test/matomo/js/x", "/t/x.js", "//ads.tags.example/"} {
		first := p.Destination(page, url)
		for range 3 {
			if again := p.Destination(page, url); again != first {
				t.Errorf("%s: got %+v, then %+v", url, first, again)
			}
		}
	}
}

func TestDecideURL(t *testing.T) {
	p := mustNew(t, declaredPlaces())
	page := p.NewPage("https", "www.example.com", "/")
	urls := []string{"/x", "#", "//cdn.example.com/", "//static.owner.example/", "//captcha.example/", "//stats.example.net/", "//maps.example/", "//tp.test/", "foo:", "/stats.js", "//ads.owner.test/stats.js"}
	for _, tt := range []struct {
		name   string
		choice *Choice
		gpc    bool
		want   string
	}{
		{"not asked", nil, false, "gggggnnnnnn"},
		{"not asked under the signal", nil, true, "gggggnrrrrr"},
		{"accepted", &Choice{Method: AcceptAll}, false, "ggggggggggg"},
		{"accepted, then the signal", &Choice{Method: AcceptAll}, true, "ggggggrrrrr"},
		{"rejected", &Choice{Method: RejectAll}, false, "gggggrrrrrr"},
		{"statistics", &Choice{Method: Save, Categories: []string{Statistics}}, false, "ggggggrrrrr"},
		{"statistics without the counter", &Choice{Method: Save, Categories: []string{Statistics}, Services: []string{"-counter"}}, false, "gggggrrrrrr"},
		{"maps alone", &Choice{Method: Save, Services: []string{"maps"}}, false, "gggggrgrrrr"},
		{"third party without cloaked", &Choice{Method: Save, Categories: []string{ThirdParty}, Services: []string{"-cloaked"}}, false, "gggggrgggrr"},
	} {
		var pref *Preference
		if tt.choice != nil {
			pref = mustChoose(t, p, *tt.choice, false)
		}
		d := p.Decide(pref, tt.gpc)
		var got strings.Builder
		for _, url := range urls {
			state, to := d.URL(page, url)
			got.WriteByte(state.String()[0])
			if to != p.Destination(page, url) {
				t.Errorf("%s: %s has two destinations", tt.name, url)
			}
		}
		if got.String() != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s for %q", tt.name, got.String(), tt.want, urls)
		}
	}
}

func TestUnknownHosts(t *testing.T) {
	cfg := declaredPlaces()
	cfg.UnknownHosts = "advertising"
	p := mustNew(t, cfg)
	d := p.Decide(mustChoose(t, p, Choice{Method: Save, Categories: []string{"advertising"}}, false), false)
	if state, to := d.URL(p.NewPage("https", "example.com", "/"), "//tp.test/"); state != Granted || to.Rule.Category != "advertising" || to.Rule.Declared {
		t.Errorf("got %s, %+v", state, to.Rule)
	}
}

func TestDecidePath(t *testing.T) {
	p := mustNew(t, declaredPlaces())
	d := p.Decide(mustChoose(t, p, Choice{Method: RejectAll}, false), false)
	for path, want := range map[string]string{
		"/":                       "granted",
		"":                        "granted",
		"*":                       "granted",
		"/app.js?/stats.js":       "granted",
		"/stats.js":               "refused cloaked",
		"//stats.js":              "refused cloaked",
		"/x/..%2fstats.js?x":      "refused cloaked",
		"/x/../stats.js":          "refused cloaked",
		"/x\\..\\stats.js":        "refused cloaked",
		"/matomo/matomo.php?id=1": "refused cloaked",
		"/captcha/x":              "granted captcha",
	} {
		state, rule := d.Path(path)
		got := state.String()
		if rule != nil {
			got += " " + strings.Join(rule.Services, " ")
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	none := mustNew(t, portal())
	if state, rule := none.Decide(nil, false).Path("/stats.js"); state != Granted || rule != nil {
		t.Errorf("without paths: got %s, %+v", state, rule)
	}
}

func TestPlaceWarnings(t *testing.T) {
	p := mustNew(t, declaredPlaces())
	if want := `host "both.example" is listed in first_party and by service "tags", which wins`; !slices.Contains(p.Warnings(), want) {
		t.Errorf("got %q, want %s among them", p.Warnings(), want)
	}
}

func TestSitesAreBounded(t *testing.T) {
	p := mustNew(t, portal())
	for i := range 3 * maxSites {
		host := fmt.Sprintf("a%d.b.example", i)
		if page := p.NewPage("https", host, "/"); page.site != "b.example" {
			t.Fatalf("%s: got %s", host, page.site)
		}
	}
	if n := len(*p.byHost.Load()); n > maxSites {
		t.Errorf("%d sites are remembered", n)
	}
}

func TestConcurrentDestinations(t *testing.T) {
	p := mustNew(t, declaredPlaces())
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 300 {
				host := fmt.Sprintf("a%d.example.com", (i+worker)%50)
				page := p.NewPage("https", host, "/")
				for url, want := range map[string]Party{"//b." + host: SameSite, "//example.com/matomo/js/x": ServiceParty, "//ads.owner.test/stats.js": ServiceParty, "//tp.test": UnknownParty} {
					if to := p.Destination(page, url); to.Party != want {
						t.Errorf("%s on %s: got %s", url, host, to.Party)
					}
				}
			}
		})
	}
	wg.Wait()
}

// manyPlaces has 500 host rules, 60 services and 60 paths.
func manyPlaces(tb testing.TB) *Policy {
	var cfg Config
	for i := range 60 {
		s := service(fmt.Sprintf("s%d", i), []string{Statistics, FirstParty, ThirdParty}[i%3])
		for j := range 8 {
			s.Hosts = append(s.Hosts, fmt.Sprintf([]string{"*.service%d-%d.example", "cdn.service%d-%d.example"}[j%2], i, j))
		}
		s.Paths = append(s.Paths, fmt.Sprintf("/tracker-%d/*", i))
		cfg.Services = append(cfg.Services, s)
	}
	for i := range 20 {
		cfg.FirstParty = append(cfg.FirstParty, fmt.Sprintf("*.owner%d.example", i))
	}
	return mustNew(tb, cfg)
}

// pageURLs are URLs as pages have them, by what is found out about them.
var pageURLs = []struct{ name, url string }{
	{"unknown", "https://www.google-analytics.com/g/collect?v=2&tid=G-ABCDEF1234&_p=123456789"},
	{"unknown, relative to the scheme", "//cdn.tp.test/libs/jquery/3.7.1/jquery.min.js"},
	{"service", "https://cdn.service7-1.example/a/b/tag.js"},
	{"service by wildcard", "https://a.b.service30-4.example/pixel.gif?id=1"},
	{"same owner", "https://static.owner3.example/app.css"},
	{"same site", "https://cdn.example.com/assets/app.0123456789abcdef.js"},
	{"own", "https://www.example.com/images/logo.png"},
	{"own, absolute path", "/assets/app.0123456789abcdef.js?v=3"},
	{"own, relative path", "../images/%7Euser/photo-1600x1200.jpg"},
	{"tracker path", "/tracker-9/matomo.js"},
	{"data", "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="},
	{"fragment", "#top"},
}

func BenchmarkURL(b *testing.B) {
	p := manyPlaces(b)
	d, page := p.Decide(nil, false), p.NewPage("https", "www.example.com", "/shop/2026/cart.html")
	for _, tt := range pageURLs {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d.URL(page, tt.url)
			}
		})
	}
}

func BenchmarkNewPage(b *testing.B) {
	p := manyPlaces(b)
	b.ReportAllocs()
	for b.Loop() {
		p.NewPage("https", "www.example.com", "/shop/2026/cart.html")
	}
}

func TestDecidingURLsAllocatesNothing(t *testing.T) {
	p := manyPlaces(t)
	d, page := p.Decide(nil, false), p.NewPage("https", "www.example.com", "/shop/2026/cart.html")
	allocs := testing.AllocsPerRun(100, func() {
		for _, tt := range pageURLs {
			d.URL(page, tt.url)
		}
		d.Path("/tracker-9/../assets/%7Euser//x")
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
