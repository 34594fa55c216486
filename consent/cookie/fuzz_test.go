package cookie

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// segments reads a Cookie line in the plainest way.
func segments(line string) []string {
	var out []string
	for s := range strings.SplitSeq(line, ";") {
		if s = strings.Trim(s, " \t"); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func FuzzCookie(f *testing.F) {
	for _, v := range vectors(f) {
		for _, o := range v.outcomes() {
			for _, line := range raw(o.Cookie) {
				f.Add(line, "a")
			}
		}
	}
	f.Add(";;a=1;;_ga = 2;\t;=_ga=3;_ga", "_ga")
	f.Add(`ok="x; _ga=1"; ok=1, _ga=2`, "_ga")
	f.Fuzz(func(t *testing.T, line, refused string) {
		var want []string
		for _, s := range segments(line) {
			name, _, found := strings.Cut(s, "=")
			name = strings.Trim(name, " \t")
			switch {
			case !found && refused == "", name == refused:
				continue
			case found && name == "":
				// What is left if the cookie was nameless and its value is read as a pair.
				_, value, _ := strings.Cut(s, "=")
				if inner, _, pair := strings.Cut(value, "="); pair && strings.Trim(inner, " \t") == refused {
					continue
				}
			}
			want = append(want, s)
		}
		lines := []string{line}
		got := FilterCookie(lines, except(refused), nil)
		if len(want) == len(segments(line)) {
			if !slices.Equal(got, lines) {
				t.Fatalf("nothing to cut, but %q became %q", line, got)
			}
			return
		}
		if len(want) == 0 {
			if got != nil {
				t.Fatalf("%q left %q", line, got)
			}
			return
		}
		if len(got) != 1 || !slices.Equal(segments(got[0]), want) {
			t.Fatalf("%q without %q: got %q, want %q", line, refused, got, want)
		}
		for name := range Pairs(got) {
			if name == refused {
				t.Fatalf("%q is still in %q", refused, got)
			}
		}
		// Every segment that is left has its bytes, but for blanks at the beginning.
		rest := strings.Split(line, ";")
		for i, s := range strings.Split(got[0], ";") {
			at := slices.IndexFunc(rest, func(r string) bool { return r == s || i == 0 && strings.TrimLeft(r, " \t") == s })
			if at < 0 {
				t.Fatalf("%q of %q is not in %q", s, got, line)
			}
			rest = rest[at+1:]
		}
		if again := FilterCookie(got, except(refused), nil); !slices.Equal(again, got) {
			t.Fatalf("a second time %q became %q", got, again)
		}
	})
}

func FuzzSetCookie(f *testing.F) {
	for _, v := range vectors(f) {
		for _, line := range raw(v.Lines) {
			f.Add(line)
		}
	}
	f.Add("a=1; Expires=6/9/2099 12:30 PM -0800; max-age=+5")
	f.Add("a=1; Expires=Wed, 31 Feb 99999 99:99:99 NST+1; Expires; Max-Age=-x")
	f.Fuzz(func(t *testing.T, line string) {
		lines := []string{line}
		all := func(verdict Verdict) []string {
			return FilterSetCookie(lines, at(now), func(string, string) Verdict { return verdict }, nil)
		}
		c := ParseSetCookie(line, now)
		names := slices.Collect(c.Names())
		if !slices.Contains(names, c.Name) {
			t.Fatalf("%q: %q is not of the names %q", line, c.Name, names)
		}
		if all(Verdict{}) != nil {
			t.Fatalf("%q passes although nothing is allowed", line)
		}
		if strings.ContainsAny(line, "\x00\r\n") {
			if all(Verdict{Keep: true}) != nil {
				t.Fatalf("%q passes", line)
			}
			return
		}
		// Whatever net/http can read has a name that is known here.
		if std, err := http.ParseSetCookie(line); err == nil && !slices.Contains(names, std.Name) {
			t.Fatalf("%q: net/http reads %q, names are %q", line, std.Name, names)
		}
		if got := all(Verdict{Keep: true}); !slices.Equal(got, lines) {
			t.Fatalf("%q became %q", line, got)
		}
		for _, name := range names {
			if FilterSetCookie(lines, at(now), judge(except(name)), nil) != nil {
				t.Fatalf("%q passes although %q is refused", line, name)
			}
		}

		const limit = 24 * time.Hour
		limited := all(Verdict{Keep: true, Lifetime: limit})[0]
		if !strings.HasPrefix(limited, line) {
			t.Fatalf("%q became %q", line, limited)
		}
		session := all(Verdict{Keep: true, Session: true})[0]
		for got, ok := range map[string]func(SetCookie) bool{
			limited: func(c SetCookie) bool { return c.Lifetime <= limit },
			session: func(c SetCookie) bool { return !c.Persistent || c.Deletes() },
		} {
			after := ParseSetCookie(got, now)
			if !ok(after) {
				t.Fatalf("%q became %q, which is kept for %v", line, got, after.Lifetime)
			}
			if c.Deletes() && got != line {
				t.Fatalf("the deletion %q became %q", line, got)
			}
			after.Raw, after.Persistent, after.Lifetime = c.Raw, c.Persistent, c.Lifetime
			if after != c {
				t.Fatalf("%q became %q, which is another cookie: %+v", line, got, after)
			}
		}
	})
}

func FuzzDeletions(f *testing.F) {
	f.Add("www.example.co.uk:8443", "/dir/sub/page", "_ga", true)
	f.Add("x;HttpOnly.example.com", "/a;b/\x01/c", "a\r\nb", false)
	f.Add("[::1]", "", "__Host-a", true)
	f.Fuzz(func(t *testing.T, host, path, name string, secure bool) {
		d := NewDeletions(host, path, secure, []string{name, "a"}, nil)
		for offset := 0; offset < min(d.Len(), 500); {
			lines, next := d.Lines(offset, 300)
			if next <= offset || len(lines) == 0 && next < d.Len() {
				t.Fatalf("no progress at %d of %d", offset, d.Len())
			}
			for _, line := range lines {
				c := ParseSetCookie(line, now)
				if c.Name != name && c.Name != "a" || !c.Deletes() || c.Name == "" && c.Value == "" {
					t.Fatalf("%q does not delete %q", line, name)
				}
				if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
					t.Fatalf("%q is not a field value", line)
				}
				if c.Path == "" || c.Path != "/" && !strings.HasPrefix(path, c.Path) || c.HttpOnly && !strings.Contains(strings.ToLower(name), "http-") {
					t.Fatalf("%q for %q", line, path)
				}
				if bare, _, _ := strings.Cut(strings.ToLower(host), ":"); c.Domain != "" && bare != c.Domain && !strings.HasSuffix(bare, "."+c.Domain) {
					t.Fatalf("%q for %q", line, host)
				}
				if c.Secure && !secure {
					t.Fatalf("%q cannot be set", line)
				}
			}
			offset = next
		}
	})
}

// FuzzLearned compares what is learned of a line with how it is parsed, and looks
// for it in the plan of a request that the cookie would be sent with.
func FuzzLearned(f *testing.F) {
	for _, v := range vectors(f) {
		for _, line := range raw(v.Lines) {
			f.Add("www.example.com", line, "/dir/page")
		}
	}
	f.Add("www.example.co.uk", "a=1; Domain=.Example.co.uk; Path=/dir; Partitioned", "/dir/page")
	f.Add("127.0.0.1", "a; Domain=127.0.0.1; path = /dir ", "/dir")
	f.Fuzz(func(t *testing.T, host, line, path string) {
		if strings.ContainsAny(line, "\x00\r\n") {
			return
		}
		c := ParseSetCookie(line, now)
		_, attributes, _ := strings.Cut(line, ";")
		if domain, path, partitioned := place(attributes); domain != c.Domain || path != c.Path || partitioned != c.Partitioned {
			t.Fatalf("%q: %q, %q, %t are not the attributes of %+v", line, domain, path, partitioned, c)
		}
		l := NewLearned()
		learn(l, host, line)
		d := NewDeletions(host, path, true, slices.Collect(c.Names()), l)
		for _, known := range d.learned {
			v := known.variant
			if c.Path != "" && v.Path != c.Path || v.Domain != "" && v.Domain != c.Domain || v.Partitioned != c.Partitioned {
				t.Fatalf("%q on %s%s: learned %+v", line, host, path, v)
			}
			if !slices.Contains(slices.Collect(Variants(host, path, true)), v) {
				t.Fatalf("%q on %s%s: %+v is not possible", line, host, path, v)
			}
		}
		v := c.Variant(path)
		if len(host)+len(line) > maxLearnedText || len(d.names) == 0 || !possible(c.Name, v) || d.names[0] != c.Name || strings.HasSuffix(v.Path, "//") ||
			c.Path == "" && strings.HasSuffix(v.Path, "/") && v.Path != "/" {
			return
		}
		// A domain that is the host itself may stand for a host-only cookie.
		hostOnly := v
		hostOnly.Domain = ""
		sent := slices.Contains(slices.Collect(Variants(host, path, true)), v)
		if got := slices.ContainsFunc(d.learned, func(known learnedDeletion) bool {
			return known.variant == v || v.Domain == host && known.variant == hostOnly
		}); sent && !got && len(d.learned) < maxLearnedOfName {
			t.Fatalf("%q on %s%s: %+v is not learned but %v", line, host, path, v, d.learned)
		}
	})
}
