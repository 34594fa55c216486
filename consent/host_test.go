package consent

import "testing"

func TestNormalizeHost(t *testing.T) {
	for in, want := range map[string]string{
		"stats.example.net":   "stats.example.net",
		"*.example.net":       "*.example.net",
		"example.co.uk":       "example.co.uk",
		"*.example.github.io": "*.example.github.io",
		"localhost":           "localhost",
		"*.internal":          "*.internal",
		"192.0.2.7":           "192.0.2.7",
		"a_b.example":         "a_b.example",
		"xn--bcher-kva.de":    "xn--bcher-kva.de",
		"bücher.de":           "xn--bcher-kva.de",
		"*.straße.example":    "*.xn--strae-oqa.example",
		"例え.テスト":              "xn--r8jz45g.xn--zckzah",
		"пример.испытание":    "xn--e1afmkfd.xn--80akhbyknj4f",
		"उदाहरण.परीक्षा": "xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g",
	} {
		if got, problem := normalizeHost(in); got != want || problem != "" {
			t.Errorf("%q: got %q (%s), want %q", in, got, problem, want)
		}
	}
	for _, in := range []string{
		"", ".", "*", "*.", ".example.com", "example.com.", "a..example", "*.*.example", "a*.example", "*example.com",
		"-a.example", "a-.example", "Example.com", "Ünder.example", "u\u0308nder.example", "a b.example", "a\x00.example",
		"https://a.example", "//a.example", "a.example:80", "a.example/", "user@a.example", "[2001:db8::1]", "2001:db8::1",
		"1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "*.192.0.2.7", "123", "a.example。", "☃.example", "a\xff.example",
		"com", "*.com", "co.uk", "*.github.io", "github.io", "公司.cn", "*.xn--55qx5d.cn",
	} {
		if got, problem := normalizeHost(in); problem == "" {
			t.Errorf("%q: got %q, want a problem", in, got)
		}
	}
}

// The samples of RFC 3492, section 7.1, that have no upper case.
func TestPunycode(t *testing.T) {
	for in, want := range map[string]string{
		"ليهمابتكلموشعربي؟":            "egbpdaj6bu4bxfgehfvwxn",
		"他们为什么不说中文":                    "ihqwcrb4cv8a8dqg056pqjye",
		"למההםפשוטלאמדבריםעברית":       "4dbcagdahymbxekheh6e0a7fei0b",
		"почемужеонинеговорятпорусски": "b1abfaaepdrnnbgefbadotcwatmq2g4l",
		"なぜみんな日本語を話してくれないのか":           "n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa",
	} {
		if got := punycode(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
