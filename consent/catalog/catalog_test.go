package catalog

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// TestData reads the embedded files and checks every entry, by itself and together
// with the others.
func TestData(t *testing.T) {
	files, err := fs.Sub(data, "data")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	cookies := 0
	for _, e := range c.entries {
		cookies += len(e.cookies())
	}
	t.Logf("%d products, %d services, %d cookies, %d hosts", len(c.Products()), len(c.Services()), cookies, len(c.hosts))
}

const (
	goodProduct = `[[product]]
id = "alpha"
name = "Alpha"
source = "https://alpha.example/"
confidence = "high"
cookies = [
	{ name = "alpha_session", purpose = "session", lifetime = "session" },
	{ name = "alpha_<hex:8>", purpose = "log-in" },
	{ name = "alpha_seen", category = "statistics", purpose = "audience-measurement", lifetime = "30d" },
]
`
	goodService = `[[service]]
id = "beta"
name = "Beta"
provider = "Beta Inc."
category = "third_party"
purpose = "advertising"
hosts = ["beta.example", "*.beta.example"]
cookies = [
	{ name = "_beta_*" },
	{ name = "uid", host = "beta.example" },
]
storage = ["betaStore*"]
source = "https://beta.example/cookies"
confidence = "low"
`
)

// TestMistakes makes one mistake each in good files.
func TestMistakes(t *testing.T) {
	tests := []struct {
		name, old, new string
		want           string
	}{
		{"none", "", "", ""},
		{"syntax", `name = "Alpha"`, `name = Alpha`, "products/a.toml:3: "},
		{"unknown key of a product", `name = "Alpha"`, "name = \"Alpha\"\ncategory = \"necessary\"", `products/a.toml:4: "product.category" is not a key`},
		{"unknown key of a cookie", `lifetime = "session"`, `lifetme = "session"`, `products/a.toml:7: "product.cookies.lifetme" is not a key`},
		{"unknown table", "[[product]]", "[[prodct]]", `products/a.toml:1: "prodct" is not a key`},
		{"service among products", "[[product]]", goodService + "[[product]]", "products/a.toml:1: a service does not belong into products"},
		{"bad id", `id = "alpha"`, `id = "Alpha"`, `products/a.toml:2: "Alpha" is not an id`},
		{"no name", `name = "Alpha"`, `name = ""`, `"alpha" needs a name`},
		{"no source", `source = "https://alpha.example/"`, "", `products/a.toml:1: "alpha" needs the address of its source`},
		{"bad source", `https://alpha.example/`, "their documentation", `products/a.toml:4: "alpha" needs the address of its source, but has "their documentation"`},
		{"bad confidence", `confidence = "high"`, `confidence = "sure"`, `products/a.toml:5: "sure" is not a confidence; allowed: high, medium, low`},
		{"necessary from memory", `confidence = "high"`, `confidence = "low"`, `products/a.toml:7: "alpha_session" is necessary, but nothing is from memory alone`},
		{"unknown purpose", `purpose = "log-in"`, `purpose = "login"`, `products/a.toml:8: cookie "alpha_<hex:8>": "login" is not a purpose; allowed: ab-testing, `},
		{"no purpose", `, purpose = "log-in"`, ``, `products/a.toml:8: cookie "alpha_<hex:8>": "" is not a purpose`},
		{"unknown category of a cookie", `category = "statistics"`, `category = "statistic"`, `products/a.toml:9: cookie "alpha_seen": "statistic" is not a category; allowed: necessary, `},
		{"bad lifetime", `lifetime = "30d"`, `lifetime = "a month"`, `products/a.toml:9: `},
		{"unknown class", `alpha_<hex:8>`, `alpha_<hx:8>`, `products/a.toml:8: cookie "alpha_<hx:8>" is not a pattern: "alpha_<hx:8>": "hx" is not a class of characters; allowed: alnum, `},
		{"bad count", `alpha_<hex:8>`, `alpha_<hex:8-4>`, `"8-4" is not a count`},
		{"run that takes what follows", `alpha_<hex:8>`, `alpha_<hex:8>a`, "has a run that would take what follows it"},
		{"run at the beginning", `alpha_<hex:8>`, `<hex:8>`, "begins with a run"},
		{"necessary star", `alpha_<hex:8>`, `alpha_x*`, "has a star, behind which a tracker could hide"},
		{"star behind little", `"_beta_*"`, `"_b*"`, `services/b.toml:9: cookie "_b*" has a star with less than 3 characters`},
		{"star alone", `"_beta_*"`, `"*"`, `is not a pattern`},
		{"two stars", `"_beta_*"`, `"_beta_*_*"`, `has another star`},
		{"no cookie name", `"_beta_*"`, `"_beta;"`, `cookie "_beta;" is not a name`},
		{"cookie twice", `name = "alpha_<hex:8>"`, `name = "alpha_session"`, `products/a.toml:7: cookie "alpha_session" is listed twice`},
		{"shadowed cookie", `{ name = "_beta_*" },`, `{ name = "_beta_*" }, { name = "_beta_x" },`, `cookie "_beta_x" is listed although "_beta_*" covers it`},
		{"contradiction", `{ name = "_beta_*" },`, `{ name = "alpha_session" },`, `cookie "alpha_session" of category necessary is found as "alpha_session" of Beta, which is of category third_party`},
		{"necessary shape that a tracker takes", `{ name = "_beta_*" },`, `{ name = "alpha_<lownum:8>" },`, `cookie "alpha_<hex:8>" of category necessary is found as "alpha_<lownum:8>" of Beta`},
		{"id twice", `id = "beta"`, `id = "alpha"`, `the id "alpha" is taken by products/a.toml`},
		{"not sorted", goodService, goodService + strings.ReplaceAll(goodService, "beta", "aaa"), `services/b.toml:16: entries are sorted by id, but "aaa" stands behind "beta"`},
		{"no provider", `provider = "Beta Inc."`, ``, `"beta" needs a name and, if it is a service, a provider`},
		{"unknown category of a service", `category = "third_party"`, `category = "ads"`, `services/b.toml:5: "ads" is not a category`},
		{"unknown purpose of a service", `purpose = "advertising"`, `purpose = "ads"`, `services/b.toml:6: "ads" is not a purpose`},
		{"necessary service from memory", `category = "third_party"`, `category = "necessary"`, `is necessary, but nothing is from memory alone`},
		{"host in capitals", `"beta.example", "*.b`, `"Beta.example", "*.b`, `services/b.toml:7: host "Beta.example" is not a host`},
		{"public suffix", `"beta.example", "*.b`, `"*.co.uk", "*.b`, `host "*.co.uk" is a public suffix`},
		{"covered host", `"beta.example", "*.b`, `"a.beta.example", "*.b`, `host "a.beta.example" is listed although "*.beta.example" covers it`},
		{"host of a cookie", `host = "beta.example"`, `host = "*.beta.example"`, `host "*.beta.example" is not a host`},
		{"cdn with cookies", `storage =`, "cdn = true\nstorage =", `sets cookies, so that it is not a mere cdn`},
		{"bad path", `storage =`, "paths = [\"beta.js\"]\nstorage =", `"beta.js" is not the end of a path`},
		{"short inline text", `storage =`, "inline = [\"_b\"]\nstorage =", `inline text "_b" is too short`},
		{"key twice", `storage = ["betaStore*"]`, `storage = ["betaStore", "betaStore"]`, `storage key "betaStore" is listed twice`},
		{"bad policy", `storage =`, "policy = \"there\"\nstorage =", `"there" is not an address`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			product, service := goodProduct, goodService
			if strings.Contains(product, test.old) {
				product = strings.Replace(product, test.old, test.new, 1)
			} else {
				service = strings.Replace(service, test.old, test.new, 1)
			}
			if test.new != test.old && product == goodProduct && service == goodService {
				t.Fatal("the test changes nothing")
			}
			_, err := Load(fstest.MapFS{
				"products/a.toml": {Data: []byte(product)},
				"services/b.toml": {Data: []byte(service)},
			})
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
