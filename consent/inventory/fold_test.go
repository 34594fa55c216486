package inventory

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

func TestFoldName(t *testing.T) {
	for name, want := range map[string]string{
		"sessionid": "sessionid", "PHPSESSID": "PHPSESSID", "cookie_consent": "cookie_consent", "oauth2_state": "oauth2_state",
		"__Host-token": "__Host-token", "v2": "v2", "utm_source": "utm_source", "Base64Token": "Base64Token", "": "",
		"DW68700bfd16c2027de7de74a5a8202a6f":          "DW<hex:32>",
		"dw68700bfd16c2027de7de74a5a8202a6f":          "dw<hex:32>",
		"PrestaShop-a1b2c3d4e5f60718293a4b5c6d7e8f90": "PrestaShop-<hex:32>",
		"68700bfd16c2027de7de74a5a8202a6f":            "<hex:32>",
		"seen_4711":                                   "seen_<digit:4-64>",
		"seen_471100815":                              "seen_<digit:4-64>",
		"user4711_prefs":                              "user<digit:4-64>_prefs",
		"_ga_ABC123DEF4":                              "_ga_<upnum:8-128>",
		"t-x7f3q9k2m1":                                "t-<lownum:8-128>",
		"t-x7F3q9K2m1":                                "t-<alnum:8-128>",
		"s.8f14e45f-ceea-467a-9575-25b1f1d2cc2c.x":    "s.<hex:8>-<hex:4>-<hex:4>-<hex:4>-<hex:12>.x",
		"8f14e45f-ceea-467a-9575-25b1f1d2cc2c":        "<hex:8>-<hex:4>-<hex:4>-<hex:4>-<hex:12>",
		"nonce.CfDJ8K3x_Qm9-T2vLw7R1bZ5nY8":           "nonce.<base64:24-512>",
		"a*b":                                         "a*",
		"x\x00y":                                      "x*",
		"x\xffy":                                      "x*",
		"a<hex:32>":                                   "a*",
		"q\"{$HOME}`":                                 "q*",
		"id12345*x":                                   "id*",
		strings.Repeat("x", 300):                      "*",
		"a." + strings.Repeat("x", 120):               "a." + strings.Repeat("x", 94) + "*",
		strings.Repeat("x-", 200):                     strings.Repeat("x-", 48) + "*",
	} {
		got := foldName(name)
		if got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
		if got == "" || got == "*" {
			continue
		}
		// What is kept is a pattern of the catalog's notation, which covers the name.
		if err := consent.CheckKnownName(got); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if !consent.KnownCovers(got, name) {
			t.Errorf("%q does not cover %q", got, name)
		}
	}
}

// Random names become few.
func TestFoldRandomNames(t *testing.T) {
	random := func(n int) []byte {
		b := make([]byte, n)
		rand.Read(b)
		return b
	}
	for what, name := range map[string]func() string{
		"hex":    func() string { return "x-" + hex.EncodeToString(random(16)) },
		"base64": func() string { return "nonce." + base64.RawURLEncoding.EncodeToString(random(48)) },
	} {
		folded := map[string]int{}
		for range 2000 {
			folded[foldName(name())]++
		}
		if most := max(folded["x-<hex:32>"], folded["nonce.<base64:24-512>"]); most < 1900 {
			t.Errorf("%s: %d of 2000 names became one; there are %d", what, most, len(folded))
		}
	}
}

func TestFoldHost(t *testing.T) {
	for host, want := range map[string]string{
		"www.google-analytics.com":            "www.google-analytics.com",
		"d111111abcdef8.cloudfront.net":       "d111111abcdef8.cloudfront.net", // whose it is
		"x7f3q9k2.metric.gstatic.com":         "*.metric.gstatic.com",
		"a.b12345.example.com":                "*.example.com",
		"203.0.113.7":                         "203.0.113.7",
		"[2001:db8::1]":                       "",
		"printer":                             "printer",
		"a b.example":                         "",
		"Ä.example":                           "",
		"":                                    "",
		strings.Repeat("a.", 200) + "example": "",
	} {
		if got := foldHost(host); got != want {
			t.Errorf("%q became %q, want %q", host, got, want)
		}
	}
}

func TestFoldPath(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "": "/", "*": "/",
		"/cart/checkout.php?token=1":                "/cart/checkout.php",
		"/users/alice/settings":                     "/users/*/settings",
		"/p/4711":                                   "/p/*",
		"/reset/xkqjwvbnmasd":                       "/reset/*",
		"/a/8f14e45f-ceea-467a-9575-25b1f1d2cc2c/b": "/a/*/b",
		"/a@b.example/x":                            "/*/x",
		"/%61/x":                                    "/*/x",
		"/en//x/":                                   "/en//x/",
		"/aBcDeFgHiJk":                              "/*",
		"/a/b/c/d/e/f/g":                            "/a/b/c/d/e/*",
		"/\x00\n":                                   "/*",
	} {
		if got := foldPath(path); got != want {
			t.Errorf("%q became %q, want %q", path, got, want)
		}
	}
}

func FuzzFold(f *testing.F) {
	f.Add("DW68700bfd16c2027de7de74a5a8202a6f")
	f.Add("/users/alice")
	f.Fuzz(func(t *testing.T, s string) {
		if name := foldName(s); name != "" && name != "*" {
			if err := consent.CheckKnownName(name); err != nil {
				t.Errorf("%q became %q: %v", s, name, err)
			}
			if len(name) > maxName+80 {
				t.Errorf("%q became %q, which is long", s, name)
			}
		}
		if path := foldPath(s); len(path) > maxPath+maxWord+4 || strings.ContainsAny(path, " ?\n@%") {
			t.Errorf("%q became %q", s, path)
		}
		if host := foldHost(s); strings.ContainsAny(host, " /:\n") {
			t.Errorf("%q became %q", s, host)
		}
	})
}
