package banner

import (
	"errors"
	"strings"
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// The operator's texts stand in the place of the module's, each in the languages that it
// is for.
func TestOwnTexts(t *testing.T) {
	r := newRenderer(t, &consent.Config{}, Config{OwnTexts: map[string]consent.Text{
		"banner_title": {"": "Cookies <here>", "fr": "Biscuits"},
		"accept_all":   {"fr": "Oui et plus"},
	}})
	plain := newRenderer(t, &consent.Config{}, Config{})
	for lang, want := range map[string][]string{
		"fr": {"Biscuits", "Oui et plus"},
		"de": {"Cookies &lt;here&gt;", localeIn("de", "en").Texts["accept_all"]},
	} {
		got := string(r.AppendBodyStart(nil, Place{Language: lang, ReturnTo: "/"}, notAsked(r)))
		for _, text := range want {
			if !strings.Contains(got, text) {
				t.Errorf("%s: no %q in %s", lang, text, got)
			}
		}
	}
	if r.Edition() == plain.Edition() {
		t.Error("pages with other texts are of the same edition")
	}
	if got := r.locale("de").Texts["settings"]; got != localeIn("de", "en").Texts["settings"] {
		t.Errorf("a text that was left alone is %q", got)
	}
}

func TestWrongTexts(t *testing.T) {
	for name, test := range map[string]struct {
		texts map[string]consent.Text
		want  string
	}{
		"name":        {map[string]consent.Text{"banner_titel": {"": "x"}}, "is not the name of a text"},
		"language":    {map[string]consent.Text{"banner_title": {"tlh": "x"}}, "is a language that there are no texts in"},
		"missing":     {map[string]consent.Text{"banner_withdraw": {"": "Change it any time"}}, "must have the placeholders {settings}"},
		"unknown":     {map[string]consent.Text{"banner_withdraw": {"": "{settings} {more}"}}, "must have the placeholders {settings}"},
		"superfluous": {map[string]consent.Text{"banner_title": {"": "{who}"}}, "must have no placeholder"},
	} {
		_, err := New(newPolicy(t, &consent.Config{}), Config{Prefix: "/.cookie-consent/", OwnTexts: test.texts})
		wrong, ok := errors.AsType[*consent.ConfigError](err)
		if !ok || wrong.Problem != test.want && !strings.HasPrefix(wrong.Problem, test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}
