package cookieconsent

import "testing"

func TestOriginBeside(t *testing.T) {
	for base, want := range map[string]string{
		"":                               "",
		"/":                              "",
		"/sub/dir/":                      "",
		"sub/":                           "",
		"?x":                             "",
		"https://www.site.example/":      "",
		"HTTPS://WWW.site.example/a/b":   "",
		"//www.site.example/":            "",
		"&#104;ttps://www.site.example/": "",
		"http://www.site.example/":       "https://www.site.example",
		"https://site.example/":          "https://www.site.example",
		"https://www.site.example:8443/": "https://www.site.example",
		"//cdn.example/":                 "https://www.site.example",
		`\\cdn.example\`:                 "https://www.site.example",
		"/\t/cdn.example/":               "https://www.site.example",
		"https:cdn.example":              "https://www.site.example",
		"javascript:x":                   "https://www.site.example",
		"%zz://":                         "https://www.site.example",
	} {
		x := &exchange{secure: true, address: "www.site.example"}
		if got := x.originBeside(base); got != want {
			t.Errorf("beside %q: %q, want %q", base, got, want)
		}
	}
	x := &exchange{address: "site.example:8080"}
	if got := x.originBeside("https://site.example:8080/"); got != "" {
		t.Errorf("a proxy in front may have taken HTTPS off: got %q", got)
	}
}
