package consent

import "testing"

func TestTextIn(t *testing.T) {
	full := Text{"": "any", "en": "English", "pt": "Portuguese", "pt-br": "Brazilian"}
	for _, tt := range []struct {
		text Text
		lang string
		want string
	}{
		{full, "pt-br", "Brazilian"},
		{full, "PT-BR", "Brazilian"},
		{full, "pt-pt", "Portuguese"},
		{full, "pt", "Portuguese"},
		{full, "fr", "any"},
		{full, "", "any"},
		{Text{"en": "English", "de": "German"}, "fr", "English"},
		{Text{"fr": "French", "de": "German"}, "it", "German"},
		{Text{"": "any"}, "fr", "any"},
		{Text{}, "fr", ""},
		{nil, "fr", ""},
	} {
		if got := tt.text.In(tt.lang); got != tt.want {
			t.Errorf("%v in %q: got %q, want %q", tt.text, tt.lang, got, tt.want)
		}
	}
}
