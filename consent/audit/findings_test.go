package audit

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/consent/banner"
)

// moduleSite stands for a site with the module whose banner, pages and cookies are
// wrong in every way that is looked for and that the module does not let happen.
func moduleSite(banners, settings string, choice func(w http.ResponseWriter, choice string)) http.HandlerFunc {
	declaration, err := json.Marshal(banner.Declaration{Fingerprint: "AbCdEfGhIjKl", Categories: []banner.DeclaredCategory{
		{Name: "necessary", Cookies: []banner.DeclaredCookie{{Names: []string{"cookies_preferences"}}}},
		{Name: "statistics", Services: []banner.DeclaredService{{ID: "count", Cookies: []string{"count_*"}}}},
		{Name: "polls", NeedsConsent: true, Cookies: []banner.DeclaredCookie{{Names: []string{"poll"}}}},
	}})
	if err != nil {
		panic(err)
	}
	const prefix = "/own/"
	return func(w http.ResponseWriter, r *http.Request) {
		form := `<form id="cookie-consent-form" method="post" action="` + prefix + `preferences"><input type=hidden name=return_to value="/">` + banners + `</form>`
		switch r.URL.Path {
		case prefix + "declaration.json":
			w.Header().Set("Content-Type", "application/json")
			w.Write(declaration)
		case prefix:
			answerHTML(w, form)
		case prefix + "preferences":
			if r.Method != http.MethodPost || r.Header.Get("Origin") != "http://"+r.Host || r.FormValue("return_to") != "/" {
				http.Error(w, "no form of the site", http.StatusForbidden)
				return
			}
			choice(w, r.FormValue("choice"))
		default:
			if _, err := r.Cookie("cookies_preferences"); err == nil {
				answerHTML(w, settings)
			} else {
				answerHTML(w, form)
			}
		}
	}
}

const (
	buttons      = `<button name=choice value=reject_all>No</button><button name=choice value=accept_all>Yes</button>`
	hiddenReject = `<button name=choice value=accept_all>Yes</button><details><button name=choice value=reject_all>No</button></details>`
	settingsLink = `<a id="cookie-consent-settings" href="/own/">Settings</a>`
)

func keep(w http.ResponseWriter, lines ...string) {
	w.Header()["Set-Cookie"] = lines
	w.Header().Set("Location", "/")
	w.WriteHeader(http.StatusSeeOther)
}

func TestFindings(t *testing.T) {
	always := []string{"no-controller", "no-privacy-policy"}
	fine := func(w http.ResponseWriter, _ string) { keep(w, "cookies_preferences=x; Path=/; Max-Age=15724800") }
	for name, tt := range map[string]struct {
		banner, settings string
		choice           func(w http.ResponseWriter, choice string)
		want             []string
	}{
		"nothing":       {buttons, settingsLink, fine, nil},
		"no settings":   {buttons, "", fine, []string{"no-settings", "no-settings", "no-settings"}},
		"hidden reject": {hiddenReject, settingsLink, fine, []string{"reject-harder"}},
		"no banner":     {"", settingsLink, fine, []string{"no-banner", "no-settings", "no-settings", "no-settings", "choice-not-taken", "choice-not-taken", "choice-not-taken"}},
		"not taken": {buttons, settingsLink, func(w http.ResponseWriter, choice string) {
			if choice == rejectChoice {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			fine(w, choice)
		}, []string{"choice-not-taken", "choice-not-taken"}},
		"refusal forgotten": {buttons, settingsLink, func(w http.ResponseWriter, choice string) {
			if choice == rejectChoice {
				keep(w, "cookies_preferences=x; Path=/")
				return
			}
			keep(w, "cookies_preferences=x; Path=/; Max-Age=34560000")
		}, []string{"refusal-forgotten", "choice-kept-long cookies_preferences"}},
		"given and kept": {buttons, settingsLink, func(w http.ResponseWriter, choice string) {
			lines := []string{"cookies_preferences=x; Path=/; Max-Age=15724800"}
			if choice == acceptChoice {
				lines = append(lines, "count_1=x; Path=/; Max-Age=34560000", "poll=1; Path=/", "stray=1; Path=/")
			} else {
				lines = append(lines, "count_1=; Path=/; Max-Age=0", "stray=; Path=/shop; Max-Age=0", "poll=1; Path=/")
			}
			keep(w, lines...)
		}, []string{"cookie-after-refusal poll", "cookie-kept poll", "cookie-kept stray", "cookie-after-withdrawal poll", "long-lifetime count_1", "undeclared-cookie stray"}},
	} {
		t.Run(name, func(t *testing.T) {
			site := audited(t, moduleSite(tt.banner, tt.settings, tt.choice), nil)
			if got, want := found(site), slices.Concat(tt.want, always); !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			if site.Module == nil || site.Module.Prefix != "/own/" || len(site.Rounds) != 4 || site.Incomplete != "" {
				t.Errorf("%+v", site)
			}
		})
	}
}

// The form that is sent is that which a browser sends.
func TestForm(t *testing.T) {
	p := readPage(&url.URL{Scheme: "https", Host: "www.example.com", Path: "/"}, `<form id=other><input name=x type=hidden value=1></form>
		<input form=cookie-consent-form type=hidden name=a value="&lt;1"><input form=cookie-consent-form type=checkbox name=category value=on checked>
		<input form=cookie-consent-form type=checkbox name=category value=off><form id=cookie-consent-form action=/own/preferences>
		<select name=service><option value=""><option value=s selected><option value=-s></select><select name=first><option value=1><option value=2></select></form>`)
	if got, want := p.fields.Encode(), "a=%3C1&category=on&first=1&service=s"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
