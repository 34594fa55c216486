package cookieconsent

import (
	"slices"
	"testing"
)

func TestVariantTagIsUndone(t *testing.T) {
	const variant, other = "0a1b2c3d", "ffffffff"
	for _, tag := range []string{`"abc"`, `W/"abc"`, `""`, `"a,b"`, `"a-cc0a1b2c3d"`, `"-gzip"`, `W/"1 2"`} {
		marked := variantTag(tag, variant)
		if marked == "" || marked == tag || marked[:3] != `W/"` {
			t.Errorf("variantTag(%q) = %q, not a weak tag of its own", tag, marked)
		}
		line := `"x", ` + marked + `, W/"y"`
		mine, unmarked := restoreTags([]string{line}, variant)
		if want := []string{tag}; !slices.Equal(mine, want) {
			t.Errorf("restoreTags(%q): mine %q, want %q", line, mine, want)
		}
		if want := []string{`"x"`, `W/"y"`}; !slices.Equal(unmarked, want) {
			t.Errorf("restoreTags(%q): unmarked %q, want %q", line, unmarked, want)
		}
		mine, unmarked = restoreTags([]string{line}, other)
		if len(mine) != 0 || len(unmarked) != 2 {
			t.Errorf("restoreTags of another variant: %q and %q; its tag must vanish", mine, unmarked)
		}
	}
	for _, malformed := range []string{"abc", `"abc`, `abc"`, "W/abc"} {
		if tag := variantTag(malformed, variant); tag != "" {
			t.Errorf("variantTag(%q) = %q; a malformed tag is dropped", malformed, tag)
		}
	}
}

func TestRestoreTagsKeepsWhatItDoesNotKnow(t *testing.T) {
	for _, line := range []string{"*", `"a"`, `W/"b-cc"`, `"c-cc0a1b2c3d"`, `W/"d-xx0a1b2c3d"`, `W/"e-ccZZZZZZZZ"`, "garbage"} {
		mine, unmarked := restoreTags([]string{line}, "0a1b2c3d")
		if len(mine) != 0 || !slices.Equal(unmarked, []string{line}) {
			t.Errorf("restoreTags(%q) = %q, %q", line, mine, unmarked)
		}
	}
}
