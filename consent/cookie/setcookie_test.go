package cookie

import (
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// at is a clock that stands still.
func at(t time.Time) func() time.Time { return func() time.Time { return t } }

func TestFilterSetCookie(t *testing.T) {
	const day = 24 * time.Hour
	verdicts := map[string]Verdict{
		"ok":      {Keep: true},
		"day":     {Keep: true, Lifetime: day},
		"session": {Keep: true, Session: true},
		"both":    {Keep: true, Session: true, Lifetime: day},
		"":        {Keep: true, Lifetime: time.Hour},
	}
	for _, tt := range []struct{ line, want string }{
		{"ok=1", "ok=1"},
		{"_ga=1; Path=/", ""},
		{"OK=1", ""},
		{"ok", "ok"}, // both readings are allowed, and it is a session cookie
		{"_ga", ""},
		{"=1", "=1"},
		{"=_ga=1", ""},
		{"=ok=1", "=ok=1"},
		{"ok=1, _ga=2; Path=/", "ok=1, _ga=2; Path=/"},
		{`ok="1; _ga=2"`, `ok="1; _ga=2"`},
		{"ok=1; Max-Age=99999999", "ok=1; Max-Age=99999999"},

		// Longer than allowed.
		{"day=1; Max-Age=86401", "day=1; Max-Age=86401; Max-Age=86400"},
		{"day=1; Max-Age=99999999999999999999999", "day=1; Max-Age=99999999999999999999999; Max-Age=86400"},
		{"day=1; Max-Age=+86401", "day=1; Max-Age=+86401; Max-Age=86400"},
		{"day=1; max-AGE = 86401 ;Path=/;", "day=1; max-AGE = 86401 ;Path=/;; Max-Age=86400"},
		{"day=1; Max-Age=60; Max-Age=86401", "day=1; Max-Age=60; Max-Age=86401; Max-Age=86400"},
		{"day=1; Expires=Mon, 02 Mar 2026 12:00:01 GMT", "day=1; Expires=Mon, 02 Mar 2026 12:00:01 GMT; Max-Age=86400"},
		{"day=1; Expires=Mon, 02 Mar 2026 12:00:01 GMT; Max-Age=x", "day=1; Expires=Mon, 02 Mar 2026 12:00:01 GMT; Max-Age=x; Max-Age=86400"},
		{"; Max-Age=7200", "; Max-Age=7200; Max-Age=3600"},
		{"day; Max-Age=7200", "day; Max-Age=7200; Max-Age=3600"}, // the stricter of both names
		{"session; Max-Age=60", "session"},

		// Not longer.
		{"day=1", "day=1"},
		{"day=1; Max-Age=86400", "day=1; Max-Age=86400"},
		{"day=1; Max-Age=99999999; Max-Age=60", "day=1; Max-Age=99999999; Max-Age=60"},
		{"day=1; Expires=Mon, 02 Mar 2026 12:00:00 GMT", "day=1; Expires=Mon, 02 Mar 2026 12:00:00 GMT"},
		{"day=1; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Max-Age=60", "day=1; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Max-Age=60"},
		{"day=Max-Age=99999999", "day=Max-Age=99999999"},
		{"day=1; Expires=0", "day=1; Expires=0"},
		{"day=1; Expires=-1", "day=1; Expires=-1"},
		{"day=1; Max-Age=" + strings.Repeat("9", 1025), "day=1; Max-Age=" + strings.Repeat("9", 1025)},

		// Deletions pass, whatever the lifetime.
		{"day=; Max-Age=0; Expires=Fri, 01 Jan 2100 00:00:00 GMT", "day=; Max-Age=0; Expires=Fri, 01 Jan 2100 00:00:00 GMT"},
		{"session=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/", "session=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"},
		{"session=; Max-Age=-1", "session=; Max-Age=-1"},

		// Session cookies lose what makes them persistent, nothing else.
		{"session=1; Path=/; HttpOnly", "session=1; Path=/; HttpOnly"},
		{"session=1; Path=/; Max-Age=60; HttpOnly", "session=1; Path=/; HttpOnly"},
		{"session=1;Expires=Fri, 01 Jan 2100 00:00:00 GMT ; Path=/ ;max-age=5;;X", "session=1; Path=/ ;;X"},
		{"session=Max-Age=60; Max-Age=60", "session=Max-Age=60"},
		{"session=1; Expires=0", "session=1; Expires=0"},
		{"session=1; Expire\u017f=x; EXPIRES=Fri, 01 Jan 2100 00:00:00 GMT", "session=1; Expire\u017f=x"},
		{"both=1; Max-Age=60", "both=1"},

		// Not a field value.
		{"ok=1\r\n_ga=2", ""},
		{"ok=1\n", ""},
		{"ok=1; Path=/\rx", ""},
		{"ok\x00=1", ""},
	} {
		var dropped []string
		lines := []string{"ok=before", tt.line, "ok=after"}
		before := slices.Clone(lines)
		got := FilterSetCookie(lines, at(now), func(name, _ string) Verdict { return verdicts[name] }, func(line string) {
			dropped = append(dropped, line)
		})
		want := []string{"ok=before", tt.want, "ok=after"}
		if tt.want == "" {
			want = []string{"ok=before", "ok=after"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q:\n got %q\nwant %q", tt.line, got, want)
		}
		if (tt.want == "") != slices.Equal(dropped, []string{tt.line}) {
			t.Errorf("%q: dropped %q", tt.line, dropped)
		}
		if same := &got[0] == &lines[0]; same != (tt.want == tt.line) {
			t.Errorf("%q: the same slice is returned: %t", tt.line, same)
		}
		if !slices.Equal(lines, before) {
			t.Errorf("%q: the slice was written to: %q", tt.line, lines)
		}
	}
	none := FilterSetCookie([]string{"_ga=1", "_gid=2"}, at(now), func(string, string) Verdict { return Verdict{} }, nil)
	if none != nil {
		t.Errorf("got %q although nothing is allowed", none)
	}
}

func TestParseSetCookie(t *testing.T) {
	const line = "\tName = a=b ; PATH=/x; Domain=.Example.COM; httponly; Secure=no; SameSite=LAX; Partitioned; Max-Age=60; Unknown"
	got := ParseSetCookie(line, now)
	want := SetCookie{
		Raw: line, Name: "Name", Value: "a=b", Domain: "example.com", Path: "/x", SameSite: "lax",
		HttpOnly: true, Secure: true, Partitioned: true, Persistent: true, Lifetime: time.Minute,
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for line, want := range map[string]string{
		"a=1; SameSite=Strict; SameSite=bogus": "",
		"a=1; SameSite=x; SameSite = none":     "none",
		"a=1; SameSite":                        "",
	} {
		if c := ParseSetCookie(line, now); c.SameSite != want {
			t.Errorf("%q: SameSite %q, want %q", line, c.SameSite, want)
		}
	}
	// Browsers fold the case of ASCII letters only, and refuse control characters.
	for _, line := range []string{"a=1; \u017fecure; Expire\u017f=Fri, 01 Jan 2100 00:00:00 GMT", "a=1; Path=/\r\nx", "a=1; Domain=x\x01y"} {
		if got, want := ParseSetCookie(line, now), (SetCookie{Raw: line, Name: "a", Value: "1"}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	for line, want := range map[string]Variant{
		"a=1":                              {Path: "/dir"},
		"a=1; Path=/; Path":                {Path: "/dir"},
		"a=1; Path=x":                      {Path: "/dir"},
		"a=1; Path=/x; Domain=A.example":   {Path: "/x", Domain: "a.example"},
		"a=1; Secure; partitioned; Path=/": {Path: "/", Partitioned: true},
	} {
		if got := ParseSetCookie(line, now).Variant("/dir/page"); got != want {
			t.Errorf("%q: %+v, want %+v", line, got, want)
		}
	}
	for path, want := range map[string]string{"/": "/", "/a": "/", "/a/": "/a", "/a/b/c": "/a/b", "": "/", "*": "/", "a/b": "/", "//a": "/"} {
		if got := ParseSetCookie("a=1", now).Variant(path).Path; got != want {
			t.Errorf("default path of %q: %q, want %q", path, got, want)
		}
	}
}

// TestLastSecond has a cookie that is not expired yet, by a part of a second.
func TestLastSecond(t *testing.T) {
	c := ParseSetCookie("a=1; Expires=Sun, 01 Mar 2026 12:00:01 GMT", now.Add(900*time.Millisecond))
	if c.Deletes() || c.Lifetime != time.Second {
		t.Errorf("deletes: %t, lifetime: %v", c.Deletes(), c.Lifetime)
	}
}

// TestManySetCookies goes beyond the 3,000 lines at which net/http stops reading.
func TestManySetCookies(t *testing.T) {
	lines := slices.Repeat([]string{"a=b"}, 5000)
	lines = append(lines, "_ga=1")
	got := FilterSetCookie(lines, at(now), judge(except("_ga")), nil)
	if len(got) != 5000 || slices.Contains(got, "_ga=1") {
		t.Errorf("%d lines, the last %q", len(got), got[len(got)-1])
	}
}

func TestReadMaxAge(t *testing.T) {
	kept := func(seconds int64, agreed bool) reading { return reading{lifeOf(seconds), agreed} }
	for value, want := range map[string]reading{
		"60":                     kept(60, true),
		"060":                    kept(60, true),
		"0":                      kept(0, true),
		"-0":                     kept(0, true),
		"-60":                    kept(0, true),
		"+60":                    kept(60, false),
		"+":                      {},
		"-":                      {},
		"-x":                     {},
		"":                       {},
		"abc":                    {},
		"60x":                    {},
		"6 0":                    {},
		"1e9":                    {},
		`"60"`:                   {},
		"34560000":               kept(34560000, true),
		"34560001":               kept(34560000, true),
		"99999999999999999999":   kept(34560000, true),
		"99999999999999999999x":  kept(34560000, false),
		"-99999999999999999999":  kept(0, true),
		"+99999999999999999999":  kept(34560000, false),
		strings.Repeat("0", 100): kept(0, true),
	} {
		if got := readMaxAge(value); got != want {
			t.Errorf("%q: got %+v, want %+v", value, got, want)
		}
	}
}
