package cookieconsent

import (
	"net/url"
	"testing"
)

func TestAppendQueryEscaped(t *testing.T) {
	var all []byte
	for c := range 256 {
		all = append(all, byte(c))
	}
	for _, s := range []string{"", "https://x.test/a b?c=d&e=ü", string(all)} {
		if got, want := string(appendQueryEscaped([]byte("&a="), s)), "&a="+url.QueryEscape(s); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
