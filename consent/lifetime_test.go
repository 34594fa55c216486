package consent

import (
	"encoding/json"
	"testing"
	"time"
)

func TestLifetime(t *testing.T) {
	for in, want := range map[string]struct {
		lifetime Lifetime
		text     string
	}{
		"session":  {Lifetime{Session: true}, "session"},
		"182d":     {Lifetime{Duration: 182 * 24 * time.Hour}, "182d"},
		"1d12h":    {Lifetime{Duration: 36 * time.Hour}, "1d12h0m0s"},
		"30m":      {Lifetime{Duration: 30 * time.Minute}, "30m0s"},
		"1s":       {Lifetime{Duration: time.Second}, "1s"},
		"48h":      {Lifetime{Duration: 48 * time.Hour}, "2d"},
		"0d1h":     {Lifetime{Duration: time.Hour}, "1h0m0s"},
		"1000ms":   {Lifetime{Duration: time.Second}, "1s"},
		"400d1.5h": {Lifetime{Duration: 400*24*time.Hour + 90*time.Minute}, "400d1h30m0s"},
	} {
		got, err := ParseLifetime(in)
		if err != nil || got != want.lifetime || got.String() != want.text {
			t.Errorf("%s: got %+v %q (%v), want %+v %q", in, got, got.String(), err, want.lifetime, want.text)
		}
		b, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var back Lifetime
		if err := json.Unmarshal(b, &back); err != nil || back != got {
			t.Errorf("%s: %s reads back as %+v (%v)", in, b, back, err)
		}
	}
	for _, in := range []string{
		"", "0", "0d", "0s", "12", "d", "-1d", "-1h", "+1h", "1d-12h", "1d+1h", "1.5d", "500ms", "1h0.5s", "1w", "1y", "Session", " 1d", "1d ", "1d 1h", "1d1d", "65536d",
		"65535d2000000h", "9999999h", "1d\n",
	} {
		if got, err := ParseLifetime(in); err == nil {
			t.Errorf("%q: got %+v", in, got)
		}
	}
	if got := (Lifetime{}).String(); got != "" || !(Lifetime{}).IsZero() || (Lifetime{Session: true}).IsZero() {
		t.Errorf("got %q for no lifetime", got)
	}
	var l Lifetime
	if err := json.Unmarshal([]byte(`"soon"`), &l); err == nil || !l.IsZero() {
		t.Errorf("got %+v (%v)", l, err)
	}
}
