package consent

import (
	"fmt"
	"go/build"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestPolicy(t *testing.T) {
	cfg := portal()
	cfg.Categories = append(cfg.Categories, Category{Name: Statistics, Title: Text{"": "Figures"}, Exempt: "anonymous"}, Category{Name: "zeta"})
	p := mustNew(t, cfg)

	var names []string
	for _, c := range p.Categories() {
		names = append(names, c.Name)
	}
	if want := []string{Necessary, Statistics, FirstParty, "advertising", "zeta", ThirdParty}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	if got := p.Categories()[1].Title.In("en"); got != "Figures" {
		t.Errorf("got title %q", got)
	}
	for name, want := range map[string]bool{Necessary: false, Statistics: false, FirstParty: true, "advertising": true, "nonsense": true} {
		if got := p.NeedsConsent(name); got != want {
			t.Errorf("%s needs consent: got %v", name, got)
		}
	}
	if c := p.Config(); c.CookieName != "cookies_preferences" || c.UnknownCookies != FirstParty || c.UnknownHosts != ThirdParty {
		t.Errorf("got %+v", c)
	}

	if got := p.Services(ThirdParty); len(got) != 2 || got[0].ID != "video" || got[1].ID != "maps" {
		t.Errorf("got %v", got)
	}
	if s, ok := p.Service("maps"); !ok || s.Provider != "Maps" {
		t.Errorf("got %v", s)
	}
	if s, ok := p.Service("nonsense"); ok || s != nil {
		t.Errorf("got %v", s)
	}

	if got := p.Cookies(Statistics); len(got) != 1 || got[0].Patterns[0] != "stats" {
		t.Errorf("got %v", got)
	}
	necessary := p.Cookies(Necessary)
	if own := necessary[len(necessary)-1]; len(necessary) != 3 || own.Provider != "" || !slices.Equal(own.Patterns, []string{"cookies_preferences"}) {
		t.Errorf("got %+v", own)
	}
	cfg.Cookies = append(cfg.Cookies, cookies(Necessary, "cookies_preferences"))
	if necessary := mustNew(t, cfg).Cookies(Necessary); len(necessary) != 3 || necessary[2].Provider != "Example" {
		t.Errorf("the operator's declaration of the preference cookie does not stand: %v", necessary)
	}
}

// The package decides and does nothing else: it needs no server and no network.
func TestImports(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pkg.Imports {
		first, _, _ := strings.Cut(path, "/")
		if strings.Contains(first, ".") && path != "golang.org/x/net/publicsuffix" && !strings.HasSuffix(path, "/consent/weburl") || path == "net/http" || path == "os" {
			t.Errorf("imports %s", path)
		}
	}
}

// Requests are served at once, under one policy.
func TestConcurrentUse(t *testing.T) {
	cfg := crowd(10, 10)
	cfg.Cookies = append(cfg.Cookies, cookies(Statistics, "x*"), cookies(Statistics, "x1*"), cookies(ThirdParty, "*y"))
	p := mustNew(t, cfg)
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 300 {
				pref, err := p.Choose(Choice{Method: Save, Services: []string{fmt.Sprintf("s%02d", i%10)}}, testNow.AddDate(0, 0, i+worker), false)
				if err != nil {
					t.Error(err)
					return
				}
				d := p.Decide(pref, i%2 == 0)
				if state, _ := d.Cookie(fmt.Sprintf("s%02d", i%10)); state != Granted {
					t.Errorf("got %s", state)
				}
				for _, name := range []string{"third", "xy", "x1y", fmt.Sprint("x", i, "y")} {
					if state, rule := d.Cookie(name); state != Refused || rule.Category != ThirdParty {
						t.Errorf("%s: got %s in %s", name, state, rule.Category)
					}
				}
			}
		})
	}
	wg.Wait()
}
