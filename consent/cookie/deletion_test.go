package cookie

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The cookies and deletions of testdata/deletion.json, all sent by
// https://www.example.com/dir/page.
var (
	deletionCookies = map[string]string{
		"host-only /":            "a=1; Path=/",
		"host-only default path": "a=1",
		"domain parent /":        "a=1; Path=/; Domain=example.com",
		"domain www /":           "a=1; Path=/; Domain=www.example.com",
		"path /dir":              "a=1; Path=/dir",
		"path /dir/":             "a=1; Path=/dir/",
		"Secure /":               "a=1; Path=/; Secure",
		"HttpOnly /":             "a=1; Path=/; HttpOnly",
		"SameSite=None Secure /": "a=1; Path=/; SameSite=None; Secure",
		"Partitioned /":          "a=1; Path=/; SameSite=None; Secure; Partitioned",
		"persistent /":           "a=1; Path=/; Max-Age=86400",
		"nameless":               "=1; Path=/",
	}
	deletionLines = map[string]string{
		"a=; Max-Age=0":                "a=; Max-Age=0",
		"+Path=/":                      "a=; Max-Age=0; Path=/",
		"+Path=/dir":                   "a=; Max-Age=0; Path=/dir",
		"+Path=/dir/":                  "a=; Max-Age=0; Path=/dir/",
		"Path=/ Domain=parent":         "a=; Max-Age=0; Path=/; Domain=example.com",
		"Path=/ Domain=www":            "a=; Max-Age=0; Path=/; Domain=www.example.com",
		"Path=/ Domain=.parent":        "a=; Max-Age=0; Path=/; Domain=.example.com",
		"Path=/ Secure":                "a=; Max-Age=0; Path=/; Secure",
		"Path=/ Expires epoch":         "a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
		"Path=/ Partitioned Secure":    "a=; Max-Age=0; Path=/; Partitioned; Secure",
		"name case A":                  "A=; Max-Age=0; Path=/",
		"nameless = Path=/":            "=0; Max-Age=0; Path=/",
		"Path=/ empty value no expiry": "a=; Path=/",
		"Path=/ Expires=0":             "a=; Path=/; Expires=0",
		"Path=/ Max-Age=-1":            "a=; Path=/; Max-Age=-1",
	}
)

// identity is what has to agree for one line to replace or delete the cookie of
// another.
type identity struct {
	name string
	Variant
}

func identityOf(line, requestPath string) identity {
	c := ParseSetCookie(line, time.Now())
	return identity{c.Name, c.Variant(requestPath)}
}

func TestDeletionMatrix(t *testing.T) {
	var file struct {
		Deleted   map[string][]string
		Deletions []string
	}
	readTestdata(t, "deletion.json", &file)
	if n := len(file.Deleted) * len(file.Deletions); n != 180 || len(deletionCookies) != len(file.Deleted) || len(deletionLines) != len(file.Deletions) {
		t.Fatalf("%d pairs for %d cookies and %d deletions, want 180", n, len(deletionCookies), len(deletionLines))
	}
	for kind, deletedBy := range file.Deleted {
		set, ok := deletionCookies[kind]
		if !ok {
			t.Fatalf("unknown cookie %q", kind)
		}
		cookie := identityOf(set, "/dir/page")
		for _, deletion := range file.Deletions {
			line, ok := deletionLines[deletion]
			if !ok {
				t.Fatalf("unknown deletion %q", deletion)
			}
			want := slices.Contains(deletedBy, deletion)
			if got := identityOf(line, "/dir/page") == cookie; got != want {
				t.Errorf("%s: %q meets the cookie: %t, the browser deleted it: %t", kind, line, got, want)
			}
		}

		// One line of the plan has to be the one that deletes.
		d := NewDeletions("www.example.com", "/dir/page", true, []string{"other", cookie.name}, nil)
		lines, next := d.Lines(0, 1<<20)
		if next != d.Len() {
			t.Errorf("%s: the plan ends at %d of %d", kind, next, d.Len())
		}
		if !slices.ContainsFunc(lines, func(line string) bool { return deletes(line, cookie) }) {
			t.Errorf("%s: no line of the plan deletes %v", kind, cookie)
		}
	}
}

func deletes(line string, cookie identity) bool {
	c := ParseSetCookie(line, time.Now())
	return c.Deletes() && (c.Name != "" || c.Value != "") && identityOf(line, "/") == cookie
}

func TestVariants(t *testing.T) {
	for _, tt := range []struct {
		host, path string
		secure     bool
		want       string
	}{
		{"example.com", "/", false, "/ example.com/"},
		{"example.com", "/", true, "/ example.com/ p:/ p:example.com/"},
		{"WWW.Example.com:8443", "/", false, "/ example.com/ www.example.com/"},
		{"a.b.example.co.uk", "/", false, "/ example.co.uk/ a.b.example.co.uk/ b.example.co.uk/"},
		{"localhost", "/x/y", false, "/ /x /x/ /x/y"},
		{"localhost", "/x", true, "/ p:/ /x p:/x"},
		{"example.com", "/x/", false, "/ example.com/ /x example.com/x /x/ example.com/x/"},
		{"localhost", "//x//", false, "/ // //x //x/ //x//"},
		{"127.0.0.1:80", "/", false, "/"},
		{"[::1]:80", "/", false, "/"},
		{"::1", "/", false, "/"},
		{"github.io", "/", false, "/"},
		{"co.uk", "/", false, "/"},
		{"me.github.io", "/", false, "/ me.github.io/"},
		{"app.internal", "/", false, "/ app.internal/"},
		{"example.com.", "/", false, "/"},
		{"", "", false, "/"},
		{"www.xn--mnchen-3ya.example", "/", false, "/ xn--mnchen-3ya.example/ www.xn--mnchen-3ya.example/"},
		{"x;HttpOnly.example.com", "/", false, "/"},
		{"a b.example.com", "/", false, "/"},
		{"a..example.com", "/", false, "/"},
		{"localhost", "*", false, "/"},
		{"localhost", "/a;b/c", false, "/"},
		{"localhost", "/a/b;c/d", false, "/ /a /a/"},
		{"localhost", "/a/\x01", false, "/ /a /a/"},
		{"localhost", "/%C3%A9/é", false, "/ /%C3%A9 /%C3%A9/ /%C3%A9/é"},
	} {
		var got []string
		for v := range Variants(tt.host, tt.path, tt.secure) {
			s := v.Domain + v.Path
			if v.Partitioned {
				s = "p:" + s
			}
			got = append(got, s)
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s%s: got %s, want %s", tt.host, tt.path, s, tt.want)
		}
	}
}

func TestVariantsStop(t *testing.T) {
	for v := range Variants("example.com", "/dir", true) {
		if v.Path != "/" {
			t.Error("goes on")
		}
		break
	}
}

// TestVariantsOfPaths compares the paths with the definition of path-match.
func TestVariantsOfPaths(t *testing.T) {
	pathMatch := func(request, cookie string) bool {
		return request == cookie || strings.HasPrefix(request, cookie) && (strings.HasSuffix(cookie, "/") || request[len(cookie)] == '/')
	}
	for _, path := range []string{"/", "/a", "/a/", "/a/b", "//", "/a//b/", "/" + strings.Repeat("x/", 600), "/" + strings.Repeat("y", 2000)} {
		var want []string
		for n := 1; n <= min(len(path), 1024); n++ {
			if pathMatch(path, path[:n]) {
				want = append(want, path[:n])
			}
		}
		if got := paths(path); !slices.Equal(got, want) {
			t.Errorf("%.30s: got %d paths, want %d", path, len(got), len(want))
		}
	}
}

func TestAppendDeletion(t *testing.T) {
	for _, tt := range []struct {
		name string
		v    Variant
		want string
	}{
		{"a", Variant{Path: "/"}, "a=;Max-Age=0;Path=/"},
		{"a", Variant{Path: "/dir", Domain: "example.com"}, "a=;Max-Age=0;Path=/dir;Domain=example.com"},
		{"a", Variant{Path: "/", Partitioned: true}, "a=;Max-Age=0;Path=/;Partitioned;Secure"},
		{"", Variant{Path: "/"}, "=0;Max-Age=0;Path=/"},
		{"__Secure-a", Variant{Path: "/"}, "__Secure-a=;Max-Age=0;Path=/;Secure"},
		{"__hOST-a", Variant{Path: "/"}, "__hOST-a=;Max-Age=0;Path=/;Secure"},
		{"__Http-a", Variant{Path: "/"}, "__Http-a=;Max-Age=0;Path=/;Secure;HttpOnly"},
		{"__Host-Http-a", Variant{Path: "/"}, "__Host-Http-a=;Max-Age=0;Path=/;Secure;HttpOnly"},
	} {
		got := string(AppendDeletion([]byte("x"), tt.name, tt.v))
		if got != "x"+tt.want {
			t.Errorf("got %q, want %q", got[1:], tt.want)
		}
		if !deletes(got[1:], identity{tt.name, tt.v}) {
			t.Errorf("%q does not delete %q %+v", got[1:], tt.name, tt.v)
		}
	}
}

// TestDeletionsWalk follows the windows of all budgets and expects each variant
// of each name exactly once, the most likely ones of all names first.
func TestDeletionsWalk(t *testing.T) {
	var names []string
	for i := range 60 {
		names = append(names, "cookie"+strconv.Itoa(i))
	}
	newPlan := func() *Deletions { return NewDeletions("www.example.com", "/dir/sub/page", true, names, nil) }
	var want []string
	for v := range Variants("www.example.com", "/dir/sub/page", true) {
		for _, name := range names {
			want = append(want, string(AppendDeletion(nil, name, v)))
		}
	}
	for _, budget := range []int{0, 100, 2048, 1 << 20} {
		var got []string
		for offset := 0; offset < newPlan().Len(); {
			lines, next := newPlan().Lines(offset, budget)
			if next <= offset || len(lines) == 0 {
				t.Fatalf("budget %d: no progress at %d", budget, offset)
			}
			if size := len(strings.Join(lines, "")); size > budget && len(lines) > 1 {
				t.Errorf("budget %d: %d bytes", budget, size)
			}
			got, offset = append(got, lines...), next
		}
		if !slices.Equal(got, want) {
			t.Errorf("budget %d: %d lines instead of %d, or in another order", budget, len(got), len(want))
		}
	}
	first, _ := newPlan().Lines(0, 2048)
	for _, offset := range []int{newPlan().Len(), -1, 7 * newPlan().Len()} {
		if again, _ := newPlan().Lines(offset, 2048); !slices.Equal(again, first) {
			t.Errorf("offset %d does not start again", offset)
		}
	}
}

func TestDeletionsNames(t *testing.T) {
	plan := func(secure bool, names ...string) string {
		lines, _ := NewDeletions("www.example.com", "/dir/page", secure, names, nil).Lines(0, 1<<20)
		var got []string
		for _, line := range lines {
			name, _, _ := strings.Cut(line, "=")
			got = append(got, name)
		}
		return strings.Join(slices.Compact(got), ",")
	}
	if got := plan(false, "a", "a", "b;c", "d=e", "f\x01", "g\x7f", "h\ni", " j", "k\t", strings.Repeat("x", 4097)); got != "a" {
		t.Errorf("names that no line can set: %s", got)
	}
	once, twice := NewDeletions("a.example", "/", true, []string{"a", "b"}, nil), NewDeletions("a.example", "/", true, []string{"a", "b", "a"}, nil)
	if once.Len() == 0 || once.Len() != twice.Len() {
		t.Errorf("%d lines for two names, %d with one repeated", once.Len(), twice.Len())
	}
	if got := plan(false, "__Host-a", "__secure-b", "__Http-c"); got != "" {
		t.Errorf("prefixes without a secure connection: %s", got)
	}
	host, _ := NewDeletions("www.example.com", "/dir/page", true, []string{"__Host-a"}, nil).Lines(0, 1<<20)
	if want := []string{"__Host-a=;Max-Age=0;Path=/;Secure", "__Host-a=;Max-Age=0;Path=/;Partitioned;Secure"}; !slices.Equal(host, want) {
		t.Errorf("got %q, want %q", host, want)
	}
	empty := NewDeletions("www.example.com", "/", true, nil, nil)
	if lines, next := empty.Lines(3, 2048); lines != nil || next != 0 || empty.Len() != 0 {
		t.Errorf("without names: %q, %d of %d", lines, next, empty.Len())
	}
}

// TestDeletionsOfLongPaths keeps a request from costing more than its window.
func TestDeletionsOfLongPaths(t *testing.T) {
	host := strings.Repeat("a.", 120) + "example.com"
	path := strings.Repeat("/", 8000)
	if n := testing.AllocsPerRun(10, func() {
		NewDeletions(host, path, true, []string{"a"}, nil).Lines(100_000, 2048)
	}); n > 100 {
		t.Errorf("%v allocations", n)
	}
}
