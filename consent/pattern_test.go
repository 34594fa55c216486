package consent

import (
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"_ga", "_ga", true},
		{"_ga", "_GA", false},
		{"_ga", "_ga_1", false},
		{"_ga_*", "_ga_", true},
		{"_ga_*", "_ga_ABC", true},
		{"_ga_*", "_ga", false},
		{"*_session", "app_session", true},
		{"*_session", "_session", true},
		{"*_session", "app_sessions", false},
		{"mp_*_mixpanel", "mp_0123_mixpanel", true},
		{"mp_*_mixpanel", "mp_mixpanel", false},
		{"mp_*_mixpanel", "mp__mixpanel", true},
		{"ab*ba", "aba", false}, // the ends may not overlap
		{"ab*ba", "abba", true},
		{"a*b*c", "abc", true},
		{"a*b*c", "acb", false},
		{"a*bc*bc", "abc", false},
		{"a*bc*bc", "abcbc", true},
		{"*a*", "banana", true},
		{"*a*a*a*", "banana", true},
		{"*a*a*a*a*", "banana", false},
		{"*", "", true},
		{"**", "x", true},
		{"a**b", "ab", true},
		{"a.c", "abc", false},
		{"a?", "ab", false},
		{"[ab]", "a", false},
	} {
		p := compilePattern(tt.pattern)
		if got := p.match(tt.name); got != tt.want {
			t.Errorf("%q matches %q: got %v, want %v", tt.pattern, tt.name, got, tt.want)
		}
	}
}

// naiveMatch says by trying everything whether a pattern covers a name.
func naiveMatch(pattern, name string) bool {
	if pattern == "" {
		return name == ""
	}
	if pattern[0] != '*' {
		return name != "" && name[0] == pattern[0] && naiveMatch(pattern[1:], name[1:])
	}
	for i := range len(name) + 1 {
		if naiveMatch(pattern[1:], name[i:]) {
			return true
		}
	}
	return false
}

// FuzzConfigPattern checks the matcher, and the rules made of several patterns,
// against the naive one.
func FuzzConfigPattern(f *testing.F) {
	f.Add("_ga*", "*_id", "a*b*c", "_ga_id")
	f.Add("*", "s*", "session", "session")
	f.Add("ab*ba", "**a", "\xff*", "aba")
	f.Add("mp_*_mixpanel", "*mp*", "PHP*", "PHPSESSID")
	f.Fuzz(func(t *testing.T, statistics, firstParty, thirdParty, name string) {
		patterns := []string{statistics, firstParty, thirdParty}
		for _, s := range append(patterns, name) {
			// The naive matcher takes exponential time in the stars.
			if len(s) > 24 || strings.Count(s, "*") > 4 {
				t.Skip()
			}
		}
		want := ""
		for i, s := range patterns {
			p := compilePattern(s)
			got, naive := p.match(name), naiveMatch(s, name)
			if got != naive {
				t.Fatalf("%q matches %q: got %v, want %v", s, name, got, naive)
			}
			if naive {
				want = []string{Statistics, FirstParty, ThirdParty}[i]
			}
		}
		p, err := New(Config{
			Known:          testKnown,
			UnknownCookies: ThirdParty,
			Cookies:        []Cookie{cookies(Statistics, statistics), cookies(FirstParty, firstParty), cookies(ThirdParty, thirdParty)},
		})
		if err != nil {
			t.Skip() // a pattern that no configuration may have
		}
		rule := p.CookieRule(name)
		if want == "" && name != defaultCookieName {
			category := ThirdParty
			if i, _, ok := testKnown.Find(name); ok {
				category = testKnown.cookies[i].Category
			}
			if rule.Declared != (category == Necessary) || rule.Category != category {
				t.Fatalf("%q: got %+v for an undeclared name of category %s", name, rule, category)
			}
			return
		}
		if name == defaultCookieName {
			want = Necessary
		}
		if !rule.Declared || rule.Category != want {
			t.Fatalf("%q: got %+v, want category %s", name, rule, want)
		}
	})
}
