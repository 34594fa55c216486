package cookie

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func only(allowed ...string) Keep {
	return func(name string) bool { return slices.Contains(allowed, name) }
}

func except(refused ...string) Keep {
	return func(name string) bool { return !slices.Contains(refused, name) }
}

func TestFilterCookie(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lines []string
		keep  Keep
		want  []string
		gone  string
	}{
		{"nothing to cut", []string{"a=1; b=2; c=3"}, except("x"), []string{"a=1; b=2; c=3"}, ""},
		{"in the middle", []string{"a=1; b=2; c=3"}, except("b"), []string{"a=1; c=3"}, "b"},
		{"first", []string{"a=1; b=2; c=3"}, except("a"), []string{"b=2; c=3"}, "a"},
		{"last", []string{"a=1; b=2; c=3"}, except("c"), []string{"a=1; b=2"}, "c"},
		{"runs", []string{"a=1; b=2; c=3; d=4; e=5"}, except("a", "c", "d"), []string{"b=2; e=5"}, "a c d"},
		{"all", []string{"a=1; b=2"}, only(), nil, "a b"},
		{"duplicates", []string{"a=1; b=2; a=3"}, except("a"), []string{"b=2"}, "a a"},
		{"a whole line", []string{"a=1", "b=2", "a=3; c=4"}, except("a"), []string{"b=2", "c=4"}, "a a"},
		{"case", []string{"a=1; A=2"}, except("a"), []string{"A=2"}, "a"},
		{"blanks stay", []string{"a=1;b=2;  c = 3 ;\td=4"}, except("b"), []string{"a=1;  c = 3 ;\td=4"}, "b"},
		{"empty segments stay", []string{";;a=1;;b=2; ;"}, except("x"), []string{";;a=1;;b=2; ;"}, ""},
		{"empty segments do not", []string{"; a=1; ;"}, except("a"), nil, "a"},
		{"empty line stays", []string{"", "a=1"}, except("x"), []string{"", "a=1"}, ""},
		{"value bytes", []string{`a={"x":"1, 2"}; b="q\" ; c=ü`}, except("b"), []string{`a={"x":"1, 2"}; c=ü`}, "b"},
		{"equals signs", []string{"a==b=c; d=="}, except("d"), []string{"a==b=c"}, "d"},
		{"blanks around the name", []string{"a=1; \t_ga \t=2"}, except("_ga"), []string{"a=1"}, "_ga"},
		{"nameless, refused by name", []string{"a=1; b"}, except("b"), []string{"a=1"}, "b"},
		{"nameless, refused as nameless", []string{"a=1; b"}, except(""), []string{"a=1"}, ""},
		{"nameless, kept", []string{"a=1; b"}, only("a", "b", ""), []string{"a=1; b"}, ""},
		{"name behind an empty one", []string{"a=1; =b=2"}, except("b"), []string{"a=1"}, "b"},
		{"only an equals sign", []string{"a=1; ="}, except(""), []string{"a=1"}, ""},
		{"quotes hide nothing", []string{`ok="x; _ga=1"`}, except("_ga"), []string{`ok="x`}, "_ga"},
		{"commas are values", []string{"ok=1, _ga=2"}, except("_ga"), []string{"ok=1, _ga=2"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := slices.Clone(tt.lines)
			var gone []string
			got := FilterCookie(tt.lines, tt.keep, func(name string) { gone = append(gone, name) })
			if !slices.Equal(got, tt.want) || got == nil != (tt.want == nil) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if g := strings.Join(gone, " "); g != tt.gone {
				t.Errorf("dropped %q, want %q", g, tt.gone)
			}
			if !slices.Equal(tt.lines, before) {
				t.Errorf("the slice was written to: %q", tt.lines)
			}
			if again := FilterCookie(tt.lines, tt.keep, nil); !slices.Equal(again, got) {
				t.Errorf("without a callback %q", again)
			}
		})
	}
}

// TestManyCookies goes beyond the 3,000 cookies at which net/http stops reading.
func TestManyCookies(t *testing.T) {
	var line strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&line, "c%d=%d; ", i, i)
	}
	line.WriteString("_ga=1; last=2")
	got := FilterCookie([]string{line.String()}, except("_ga"), nil)
	if want := strings.Replace(line.String(), " _ga=1;", "", 1); len(got) != 1 || got[0] != want {
		t.Error("the cookie behind 5,000 others was not cut, or more than it")
	}
	n := 0
	for name := range Pairs(got) {
		if n++; name == "_ga" {
			t.Error("Pairs yields a cookie that was cut")
		}
	}
	if n != 5001 {
		t.Errorf("Pairs yields %d cookies, want 5001", n)
	}
}

func TestPairs(t *testing.T) {
	var got []string
	for name, value := range Pairs([]string{`a=1; b = "x" ;; =v; n;c=`, "", "a=2=3"}) {
		got = append(got, name+"|"+value)
	}
	if want := []string{"a|1", `b|"x"`, "|v", "|n", "c|", "a|2=3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for range Pairs([]string{"a=1; b=2"}) {
		break // must not go on
	}
}
