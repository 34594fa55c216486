package banner

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

func TestLanguage(t *testing.T) {
	german := Config{DefaultLanguage: "de"}
	for _, test := range []struct {
		name         string
		cfg          Config
		html, accept string
		want         string
	}{
		{"nothing known", Config{}, "", "", "en"},
		{"nothing known, other default", german, "", "", "de"},
		{"the page's language first", Config{}, "fr", "de,en;q=0.5", "fr"},
		{"forced against all", Config{Language: "de"}, "fr", "fr", "de"},
		{"forced regional variety", Config{Language: "de-AT"}, "fr", "fr", "de"},
		{"default as written by applications", Config{DefaultLanguage: "FR_ca"}, "", "", "fr"},

		{"regional variety", Config{}, "de-AT", "", "de"},
		{"Swiss spelling", Config{}, "de-CH", "", "de"},
		{"Canadian", Config{}, "fr-CA", "", "fr"},
		{"underscore", german, "en_US", "", "en"},
		{"underscore with encoding", german, "fr_FR.UTF-8", "", "fr"},
		{"case and space", Config{}, " DE-at ", "", "de"},
		{"unknown region", Config{}, "de-QQ", "", "de"},
		{"unknown variant", Config{}, "fr-nosuchvar", "", "fr"},
		{"private use", german, "en-x-portal", "", "en"},

		{"Brazilian", Config{}, "pt-BR", "", "pt"},
		{"Portuguese", Config{}, "pt-PT", "", "pt"},
		{"Swiss Italian", Config{}, "it-CH", "", "it"},
		{"Latin American", Config{}, "es-419", "", "es"},
		{"Moldovan, as it was called", Config{}, "mo", "", "ro"},
		{"Norwegian, not saying which", Config{}, "no", "", "nb"},
		{"Norwegian of Norway", Config{}, "", "no-NO,en;q=0.5", "nb"},
		{"Nynorsk", Config{}, "nn-NO", "en", "nb"},
		{"Hebrew, as it was called", Config{}, "iw", "", "he"},
		{"Hebrew of Israel", Config{}, "he_IL", "", "he"},
		{"Egyptian", Config{}, "ar-EG", "", "ar"},
		{"Standard Arabic", Config{}, "arb", "", "ar"},
		{"Mainland Chinese", Config{}, "zh-CN", "", "zh"},
		{"Simplified Chinese", Config{}, "zh-Hans-SG", "", "zh"},
		{"Mandarin", Config{}, "cmn", "", "zh"},

		{"Traditional Chinese, rather than the default", Config{}, "zh-TW", "", "zh"},
		{"Traditional Chinese, as browsers ask", Config{}, "", "zh-TW,zh;q=0.9,en;q=0.8", "zh"},
		{"Traditional Chinese, visitor reads French", Config{}, "zh-Hant", "zh-TW,fr;q=0.3", "fr"},
		{"Serbian, rather than the default", Config{}, "sr", "", "hr"},
		{"Serbian in Latin letters", Config{}, "sr-Latn", "sr-Latn-RS", "hr"},
		{"Serbo-Croatian", Config{}, "sh", "", "hr"},
		{"Bosnian, visitor reads German", Config{}, "bs", "bs,de;q=0.5", "de"},
		{"Catalan, rather than the default", Config{}, "ca-ES", "ca", "es"},
		{"the page's reader before the visitor's", Config{}, "lb", "sr", "de"},
		{"Macedonian is not Bulgarian", Config{}, "mk", "mk", "en"},
		{"Kurdish is not Turkish", Config{}, "ku", "ku", "en"},
		{"Russian is not Ukrainian", german, "ru", "ru-RU", "de"},
		{"a related language is not the language", Config{}, "lb", "fr", "fr"},
		{"Breton is not French", Config{}, "br", "de", "de"},
		{"undetermined", Config{}, "und", "fr", "fr"},
		{"several", Config{}, "mul", "fr", "fr"},
		{"no linguistic content", Config{}, "zxx", "de", "de"},

		{"template not filled in", Config{}, "{{ lang }}", "fr", "fr"},
		{"bytes that are not UTF-8", Config{}, "\xff\xfe", "fr", "fr"},
		{"markup", Config{}, `"><script>`, "fr", "fr"},
		{"character reference", Config{}, "d&#101;", "fr", "fr"},
		{"NUL", Config{}, "de\x00", "fr", "fr"},
		{"a word", Config{}, "deutsch", "fr", "fr"},
		{"a country", Config{}, "us", "fr", "fr"},
		{"much too long", Config{}, strings.Repeat("de-", 10000), "fr", "fr"},

		{"header in order of weights", Config{}, "", "en;q=0.1,fr;q=0.2,de;q=0.9", "de"},
		{"first that there are texts for", Config{}, "", "sw,ko;q=0.9,de-LI;q=0.8,en;q=0.7", "de"},
		{"unwanted", Config{}, "", "de;q=0,fr;q=0.1", "fr"},
		{"anything", german, "", "*", "de"},
		{"empty members", Config{}, "", ",,fr,,", "fr"},
		{"unknown language among others", Config{}, "", "xx-YY,en-us-foo,de;q=0.5;x=1,fr;q=0.3", "fr"},
		{"broken weight", german, "", "fr;q=x", "de"},
		{"bytes", german, "", "\x00\xff;q=1", "de"},
		{"long header, the beginning counts", Config{}, "", "fr," + strings.Repeat("aa-bb,", 5000), "fr"},
		{"one long member", german, "", strings.Repeat("a-", 100000), "de"},
	} {
		r := newRenderer(t, &consent.Config{}, test.cfg)
		for range 2 { // the second time from memory
			if got := r.Language(test.html, test.accept); got != test.want {
				t.Errorf("%s: Language(%.40q, %.40q) = %q, want %q", test.name, test.html, test.accept, got, test.want)
			}
		}
	}
}

func TestLanguageAllocatesNothingOnceKnown(t *testing.T) {
	r := newRenderer(t, &consent.Config{}, Config{})
	for _, wish := range [][2]string{{"fr-CA", "de"}, {"", "sw,de-AT;q=0.8"}, {"xx{{", "ko"}, {"sr", "zh-TW"}} {
		r.Language(wish[0], wish[1])
		if n := testing.AllocsPerRun(100, func() { r.Language(wish[0], wish[1]) }); n != 0 {
			t.Errorf("Language(%q) allocates %v times", wish, n)
		}
	}
}

func TestLanguageRemembersLittle(t *testing.T) {
	r := newRenderer(t, &consent.Config{}, Config{})
	for i := range 10 * maxRemembered {
		r.Language(fmt.Sprintf("x%d", i), fmt.Sprintf("fr;q=0.%d", i))
	}
	for name, m := range map[string]*memo{"tags": r.tags, "headers": r.accepts} {
		known := *m.known.Load()
		if len(known) > maxRemembered || len(known) == 0 {
			t.Errorf("%d %s remembered", len(known), name)
		}
		for key := range known {
			if len(key) > maxAcceptLanguageLength {
				t.Errorf("%d bytes remembered as one of the %s", len(key), name)
			}
		}
	}
}

// What is remembered must not change when the buffer that it was read from does.
func TestLanguageKeepsItsOwnCopy(t *testing.T) {
	m := newMemo(matchTag)
	buffer := []byte("fr")
	m.get(unsafeString(buffer))
	copy(buffer, "de")
	if got := m.get("fr").lang; got != "fr" {
		t.Errorf("fr is now %q", got)
	}
	if got := m.get("de").lang; got != "de" {
		t.Errorf("de is now %q", got)
	}
}

func TestLanguageConcurrently(t *testing.T) {
	r := newRenderer(t, &consent.Config{}, Config{})
	done := make(chan bool)
	for i := range 4 {
		go func() {
			for j := range 500 {
				if got := r.Language("", fmt.Sprintf("de;q=0.%d%d", i+1, j)); got != "de" {
					t.Errorf("got %q", got)
				}
			}
			done <- true
		}()
	}
	for range 4 {
		<-done
	}
}

func TestUnknownConfiguredLanguage(t *testing.T) {
	for option, cfg := range map[string]Config{
		"language":         {Language: "sr"},
		"default_language": {DefaultLanguage: "zh-Hant"},
	} {
		_, err := New(newPolicy(t, &consent.Config{}), cfg)
		if err == nil {
			t.Errorf("%s is accepted", option)
			continue
		}
		for _, part := range append(Languages(), option) {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("error %q does not name %q", err, part)
			}
		}
	}
}

func BenchmarkLanguage(b *testing.B) {
	r := newRenderer(b, &consent.Config{}, Config{})
	b.ReportAllocs()
	for b.Loop() {
		r.Language("sw", "sw-KE,sw;q=0.9,de-DE;q=0.8,de;q=0.7")
	}
}
