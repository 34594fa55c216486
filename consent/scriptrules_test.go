package consent

import (
	"slices"
	"testing"
)

// Shapes of one category stand together in the script's expression, unless one of another
// category comes between them that names of both have: the more specific one has to be
// asked first.
func TestScriptShapes(t *testing.T) {
	for _, tt := range []struct {
		name  string
		known []KnownCookie
		want  string
		in    []int
	}{
		{"none", nil, `[^\s\S]`, nil},
		{
			"apart",
			[]KnownCookie{{"longest_<digit:4>", Necessary}, {"middle_<digit:4>", ThirdParty}, {"end_<digit:4>", Necessary}},
			`^(?:(end_[0-9]{4}|longest_[0-9]{4})|(middle_[0-9]{4}))$`,
			[]int{0, 3},
		},
		{
			"one within the other",
			[]KnownCookie{{"a_b_c_<digit:4>", Necessary}, {"a_b_*", ThirdParty}, {"a_*", Necessary}},
			`^(?:(a_b_c_[0-9]{4})|(a_b_[\s\S]*)|(a_[\s\S]*))$`,
			[]int{0, 3, 0},
		},
		{
			"any beginning",
			[]KnownCookie{{"a_b_<digit:4>", Necessary}, {"a_<digit:4>", ThirdParty}, {"*_z", Necessary}},
			`^(?:(a_b_[0-9]{4})|(a_[0-9]{4})|([\s\S]*_z))$`,
			[]int{0, 3, 0},
		},
	} {
		known, err := NewKnown(tt.known)
		if err != nil {
			t.Fatal(err)
		}
		p, err := New(Config{Known: known})
		if err != nil {
			t.Fatal(err)
		}
		if r := p.ScriptRules(); r.Shapes != tt.want || !slices.Equal(r.ShapesIn, tt.in) {
			t.Errorf("%s: %s in %v, want %s in %v", tt.name, r.Shapes, r.ShapesIn, tt.want, tt.in)
		}
	}
}
