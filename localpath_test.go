package cookieconsent

import (
	"net/url"
	"strings"
	"testing"
)

func TestLocalPath(t *testing.T) {
	for _, ok := range []string{"/", "/a/b?c=d&e=/f", "/%2f%2fevil.example", "/a?u=https://x.example/", "/a//b", "/a@b:c", "/?x=\"'<>", `/a?b=c\d`, `/?\\evil.example`, `/a#\`} {
		if localPath(ok) != ok {
			t.Errorf("localPath(%q) refuses a path of the site", ok)
		}
	}
	for _, bad := range []string{
		"", "//evil.example", "/\\evil.example", "\\/evil.example", "https://evil.example/", "javascript:alert(1)",
		"/\t/evil.example", "/a\nb", "/a\rb", "/a b", "/a\x00", "/a\x7f", "a", "?x", " /", "/é", `/a\b?c`, `/a\..\..\evil.example`, "/" + strings.Repeat("a", maxLocalPath), "/%zz",
	} {
		if got := localPath(bad); got != "" {
			t.Errorf("localPath(%q) = %q", bad, got)
		}
	}
}

// FuzzLocalPath checks that whatever is accepted stays on the site, for a reader
// as lenient as browsers are.
func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{"/", "/a?b=c", "//x", "/\\x", "/\t/x", "/%2e%2e//x", "https:/x", "/;@x", "/a/..//x"} {
		f.Add(seed)
	}
	base := &url.URL{Scheme: "https", Host: "site.example", Path: "/"}
	f.Fuzz(func(t *testing.T, s string) {
		accepted := localPath(s)
		if accepted == "" {
			return
		}
		// What WHATWG URL does before it reads: drop tabs and line breaks, trim
		// controls and blanks, take backslashes for slashes.
		lenient := strings.NewReplacer("\t", "", "\n", "", "\r", "", "\\", "/").Replace(strings.Trim(accepted, "\x00 "))
		u, err := base.Parse(lenient)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || u.User != nil || strings.HasPrefix(lenient, "//") {
			t.Fatalf("accepted %q leads to %v (%v)", accepted, u, err)
		}
		for i := range len(accepted) {
			if accepted[i] < ' ' || accepted[i] == 0x7f {
				t.Fatalf("accepted %q holds a control byte", accepted)
			}
		}
	})
}
