package banner

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

var (
	bannerToken = regexp.MustCompile(`--cc-([a-z-]+): var\(--cookie-consent-[a-z-]+, (#[0-9a-f]{6})\);`)
	pageToken   = regexp.MustCompile(`--([a-z-]+): var\(--cookie-consent-[a-z-]+, (#[0-9a-f]{6})\);`)
	mixed       = regexp.MustCompile(`--([a-z-]+): color-mix\(in srgb, var\(--fg\) ([0-9]+)%, var\(--bg\)\);`)
)

// colours returns the colours of a style sheet's light and dark scheme.
func colours(t *testing.T, css string, token *regexp.Regexp) (light, dark map[string]string) {
	t.Helper()
	before, after, ok := strings.Cut(cssComment.ReplaceAllString(css, ""), "@media (prefers-color-scheme: dark)")
	if !ok {
		t.Fatal("no dark scheme")
	}
	read := func(css string) map[string]string {
		found := map[string]string{}
		for _, m := range token.FindAllStringSubmatch(css, -1) {
			found[m[1]] = m[2]
		}
		return found
	}
	after, _, _ = strings.Cut(after, "@media print")
	return read(before), read(after)
}

// contrast returns the contrast ratio of two colours (WCAG 2.2, section 1.4.3).
func contrast(a, b string) float64 {
	luminance := func(colour string) float64 {
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			v, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
			if err != nil {
				panic(err)
			}
			c := float64(v) / 255
			if c <= 0.04045 {
				c /= 12.92
			} else {
				c = math.Pow((c+0.055)/1.055, 2.4)
			}
			sum += weight * c
		}
		return sum
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// mix returns a colour that has so many percent of a and the rest of b.
func mix(t *testing.T, a, b, percent string) string {
	t.Helper()
	share, err := strconv.Atoi(percent)
	if err != nil {
		t.Fatal(err)
	}
	mixed := "#"
	for i := 1; i < len(a); i += 2 {
		x, errA := strconv.ParseUint(a[i:i+2], 16, 8)
		y, errB := strconv.ParseUint(b[i:i+2], 16, 8)
		if errA != nil || errB != nil {
			t.Fatal(a, b)
		}
		mixed += fmt.Sprintf("%02x", (int(x)*share+int(y)*(100-share))/100)
	}
	return mixed
}

func TestContrast(t *testing.T) {
	if got := contrast("#000000", "#ffffff"); math.Abs(got-21) > 0.01 {
		t.Fatalf("black on white has %v", got)
	}
	type pair struct {
		front, back string
		least       float64
	}
	common := []pair{
		{"fg", "bg", 7}, // also the outline of what has the focus
		{"link", "bg", 4.5},
		{"button-fg", "button", 4.5},
		{"button-fg", "button-hover", 4.5},
		{"button", "bg", 3},
		{"button-hover", "bg", 3},
	}
	check := func(sheet, scheme string, colours map[string]string, pairs []pair) {
		for _, p := range pairs {
			front, back := colours[p.front], colours[p.back]
			if front == "" || back == "" {
				t.Errorf("%s, %s: no colour %s or %s", sheet, scheme, p.front, p.back)
			} else if got := contrast(front, back); got < p.least {
				t.Errorf("%s, %s: %s on %s has a contrast of %.2f, want %.1f", sheet, scheme, p.front, p.back, got, p.least)
			}
		}
	}
	light, dark := colours(t, bannerSource, bannerToken)
	check("banner", "light", light, common)
	check("banner", "dark", dark, common)

	pageLight, pageDark := colours(t, pageSource, pageToken)
	for _, m := range mixed.FindAllStringSubmatch(pageSource, -1) {
		for _, scheme := range []map[string]string{pageLight, pageDark} {
			scheme[m[1]] = mix(t, scheme["fg"], scheme["bg"], m[2])
		}
	}
	onPage := append(common, pair{"fg", "soft", 4.5}, pair{"control", "bg", 3})
	check("page", "light", pageLight, onPage)
	check("page", "dark", pageDark, onPage)

	for scheme, both := range map[string][2]map[string]string{"light": {light, pageLight}, "dark": {dark, pageDark}} {
		for name := range maps.Keys(both[0]) {
			if both[0][name] != both[1][name] {
				t.Errorf("%s: the banner's %s is %s, the page's %s", scheme, name, both[0][name], both[1][name])
			}
		}
	}
}

// Every documented custom property is used and every used one documented.
func TestCustomPropertiesAreDocumented(t *testing.T) {
	header, rules, ok := strings.Cut(bannerSource, "*/")
	if !ok {
		t.Fatal("no comment at the top")
	}
	property := regexp.MustCompile(`--cookie-consent-[a-z-]+`)
	documented, used := map[string]bool{}, map[string]bool{}
	for _, name := range property.FindAllString(header, -1) {
		documented[name] = true
	}
	for _, name := range property.FindAllString(rules, -1) {
		used[name] = true
	}
	onPages := map[string]bool{}
	for _, name := range property.FindAllString(pageSource, -1) {
		if strings.Contains(pageSource, "var("+name) {
			onPages[name] = true
		}
	}
	if !maps.Equal(documented, used) || !maps.Equal(documented, onPages) {
		t.Errorf("documented %v, used by the banner %v, by pages %v", documented, used, onPages)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range documented {
		if !strings.Contains(string(readme), "`"+name+"`") {
			t.Errorf("the README does not name %s", name)
		}
	}
}

func TestStylesheets(t *testing.T) {
	r := newRenderer(t, &consent.Config{}, Config{})
	for _, a := range []*asset{r.bannerCSS, r.pageCSS} {
		body, contentType, ok := r.Asset(a.name)
		if !ok || contentType != "text/css; charset=utf-8" || !bytes.Equal(body, a.body) {
			t.Errorf("%s: %t %q", a.name, ok, contentType)
		}
		if !regexp.MustCompile(`^[a-z]+\.[0-9a-f]{8}\.css$`).MatchString(a.name) {
			t.Errorf("name %q", a.name)
		}
		if bytes.Contains(body, []byte("/*")) || bytes.ContainsAny(body, "\n\t<") || bytes.Count(body, []byte("{")) != bytes.Count(body, []byte("}")) {
			t.Errorf("%s: %s", a.name, body)
		}
		if bytes.Contains(body, []byte("url(")) || bytes.Contains(body, []byte("@import")) {
			t.Errorf("%s loads something", a.name)
		}
	}
	for _, name := range []string{"", "banner.css", "banner.00000000.css", "../banner.go", bannerCSS().name + "/"} {
		if _, _, ok := r.Asset(name); ok {
			t.Errorf("there is an asset %q", name)
		}
	}
	if size := len(bannerCSS().body); size > 9<<10 {
		t.Errorf("the banner's style sheet has %d bytes", size)
	}
}

// The page around the banner may call its own declarations important.
func TestEveryDeclarationOfTheBannerIsImportant(t *testing.T) {
	const images = ":where(img[data-cookie-consent-src]){display:inline-block}" // which are the page's
	body, ok := strings.CutSuffix(string(bannerCSS().body), images)
	if !ok {
		t.Errorf("it does not end in %s", images)
	}
	for _, block := range regexp.MustCompile(`\{([^{}]*)\}`).FindAllStringSubmatch(body, -1) {
		for declaration := range strings.SplitSeq(strings.TrimSuffix(block[1], ";"), ";") {
			if !strings.HasSuffix(declaration, "!important") {
				t.Errorf("not important: %q", declaration)
			}
		}
	}
	for _, selectors := range regexp.MustCompile(`[{}]([^{}@]*)\{`).FindAllStringSubmatch("}"+body, -1) {
		for selector := range strings.SplitSeq(selectors[1], ",") {
			if selector != ":root:has(#cookie-consent)" && selector != ":root:has(.cookie-consent-room)" && selector != "#cookie-consent-form#cookie-consent-form" && selector != "#cookie-consent-status#cookie-consent-status" && !strings.HasPrefix(selector, "#cookie-consent#cookie-consent") && !strings.HasPrefix(selector, "#cookie-consent-corner#cookie-consent-corner") {
				t.Errorf("selector %q reaches beyond the banner or is too weak", selector)
			}
		}
	}
}

func TestNameOfAnAssetFollowsItsContent(t *testing.T) {
	if a, b := newStylesheet("x", "a{}"), newStylesheet("x", "b{}"); a.name == b.name || a.name != newStylesheet("x", "a{}").name {
		t.Errorf("%s and %s", a.name, b.name)
	}
}
