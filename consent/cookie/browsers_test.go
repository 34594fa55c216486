package cookie

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// vector is a Set-Cookie field and what browsers made of it.
type vector struct {
	ID, Note, Path    string
	Lines             []latin1
	Chromium, Firefox *outcome
}

type outcome struct {
	Stored []stored
	Cookie []latin1 // lines of the Cookie field of the next request
}

type stored struct {
	Name, Path latin1
	Domain     string
	Seconds    int
	HTTPOnly   bool
	Secure     bool
}

// latin1 is a string of bytes that testdata holds as one character each.
type latin1 string

func (s *latin1) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	var b strings.Builder
	for _, r := range text {
		b.WriteByte(byte(r))
	}
	*s = latin1(b.String())
	return nil
}

func raw(list []latin1) []string {
	var out []string
	for _, s := range list {
		out = append(out, string(s))
	}
	return out
}

func (v *vector) outcomes() []*outcome {
	return slices.DeleteFunc([]*outcome{v.Chromium, v.Firefox}, func(o *outcome) bool { return o == nil })
}

// names returns each name under which a browser stored the vector.
func (v *vector) names() []string {
	var names []string
	for _, o := range v.outcomes() {
		for _, s := range o.Stored {
			names = append(names, string(s.Name))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func vectors(t testing.TB) []vector {
	t.Helper()
	var file struct{ Vectors []vector }
	readTestdata(t, "set-cookie.json", &file)
	if len(file.Vectors) != 166 {
		t.Fatalf("%d vectors, want 166", len(file.Vectors))
	}
	return file.Vectors
}

func readTestdata(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func judge(keep Keep) func(name, attributes string) Verdict {
	return func(name, _ string) Verdict { return Verdict{Keep: keep(name)} }
}

// measured is when Chromium stored the vectors with an Expires attribute, give
// or take the minutes that the whole run and Firefox's took.
var measured = time.Date(2027, time.June, 9, 10, 18, 14, 0, time.UTC).Add(-17094636 * time.Second)

const measuring = 10 * time.Minute

// TestNoBrowserStoresWhatIsRefused allows one name after the other, and one
// that no vector uses, and looks for lines that a browser stores under another.
func TestNoBrowserStoresWhatIsRefused(t *testing.T) {
	all := vectors(t)
	allowed := []string{"ok"}
	for _, v := range all {
		allowed = append(allowed, v.names()...)
	}
	slices.Sort(allowed)
	allowed = slices.Compact(allowed)
	for _, v := range all {
		for _, name := range allowed {
			dropped := 0
			passed := FilterSetCookie(raw(v.Lines), at(measured), judge(only(name)), func(string) { dropped++ })
			if len(passed)+dropped != len(v.Lines) {
				t.Errorf("%s (%s): %d lines passed, %d dropped of %d", v.ID, v.Note, len(passed), dropped, len(v.Lines))
			}
			for _, s := range v.names() {
				// Of several lines those of other names may pass.
				if s != name && len(v.names()) > 1 && len(v.Lines) > 1 {
					continue
				}
				if s != name && passed != nil {
					t.Errorf("%s (%s): with %q allowed %q passes, stored as %q", v.ID, v.Note, name, passed, s)
				}
			}
		}
	}
}

// TestAllowedPasses allows exactly the names under which a vector was stored.
func TestAllowedPasses(t *testing.T) {
	for _, v := range vectors(t) {
		names := v.names()
		if len(names) == 0 {
			continue
		}
		if strings.ContainsAny(strings.Join(raw(v.Lines), ""), "\r\n\x00") {
			continue // not a field value: TestNotAFieldValue
		}
		if v.Chromium == nil || v.Firefox == nil {
			t.Logf("%s was measured in one browser", v.ID)
		}
		lines := raw(v.Lines)
		got := FilterSetCookie(lines, at(measured), judge(only(names...)), func(line string) {
			t.Errorf("%s (%s): %q is dropped with %q allowed", v.ID, v.Note, line, names)
		})
		if !slices.Equal(got, lines) {
			t.Errorf("%s (%s): got %q, want %q", v.ID, v.Note, got, lines)
		}
	}
}

// TestNamesAreStored compares the names with what was stored, so that caution
// does not go further than the browsers do.
func TestNamesAreStored(t *testing.T) {
	for _, v := range vectors(t) {
		if len(v.Lines) != 1 || len(v.names()) == 0 || v.Chromium == nil || v.Firefox == nil ||
			strings.ContainsAny(string(v.Lines[0]), "\r\n\x00") {
			continue
		}
		c := ParseSetCookie(string(v.Lines[0]), measured)
		if got := slices.Sorted(c.Names()); !slices.Equal(got, v.names()) {
			t.Errorf("%s (%s): got names %q, browsers store %q", v.ID, v.Note, got, v.names())
		}
	}
}

// TestAttributesAreStored compares the attributes with what was stored.
func TestAttributesAreStored(t *testing.T) {
	for _, v := range vectors(t) {
		if len(v.Lines) != 1 {
			continue
		}
		c := ParseSetCookie(string(v.Lines[0]), measured)
		longest, known := 0, false
		for _, o := range v.outcomes() {
			for _, s := range o.Stored {
				longest, known = max(longest, s.Seconds), true
				if got := c.Variant(v.Path); got.Path != string(s.Path) {
					t.Errorf("%s (%s): path %q, stored %q", v.ID, v.Note, got.Path, s.Path)
				}
				if domain, isDomain := strings.CutPrefix(s.Domain, "."); isDomain && c.Domain != domain ||
					!isDomain && c.Domain != "" && c.Domain != domain {
					t.Errorf("%s (%s): domain %q, stored %q", v.ID, v.Note, c.Domain, s.Domain)
				}
				if c.HttpOnly != s.HTTPOnly || c.Secure != s.Secure {
					t.Errorf("%s (%s): HttpOnly %t and Secure %t, stored %t and %t", v.ID, v.Note, c.HttpOnly, c.Secure, s.HTTPOnly, s.Secure)
				}
			}
		}
		if !known {
			continue
		}
		want := time.Duration(longest) * time.Second
		if c.Persistent != (longest > 0) || (c.Lifetime-want).Abs() > measuring {
			t.Errorf("%s (%s): persistent %t for %v, stored for %v", v.ID, v.Note, c.Persistent, c.Lifetime, want)
		}
	}
}

// TestDeletionsAreRead checks the vectors about expiry that no browser stored.
func TestDeletionsAreRead(t *testing.T) {
	n := 0
	for _, v := range vectors(t) {
		line := strings.Join(raw(v.Lines), "\n")
		if len(v.names()) > 0 || !strings.Contains(line, "Max-Age") && !strings.Contains(line, "Expires") {
			continue
		}
		n++
		if c := ParseSetCookie(line, measured); !c.Deletes() {
			t.Errorf("%s (%s): %q is kept for %v", v.ID, v.Note, line, c.Lifetime)
		}
	}
	if n < 8 {
		t.Errorf("only %d vectors", n)
	}
}

// TestCookieHeadersKeepTheirBytes removes a cookie that is not there from every
// Cookie field that the browsers sent, then everything.
func TestCookieHeadersKeepTheirBytes(t *testing.T) {
	n := 0
	for _, v := range vectors(t) {
		for _, o := range v.outcomes() {
			for i, line := range raw(o.Cookie) {
				n++
				lines := []string{line}
				if got := FilterCookie(lines, except("absent"), nil); !slices.Equal(got, lines) {
					t.Errorf("%s: %q became %q", v.ID, line, got)
				}
				if got := FilterCookie(lines, except("_ga"), nil); !slices.Equal(got, lines) {
					t.Errorf("%s: %q became %q", v.ID, line, got)
				}
				if got := FilterCookie([]string{"_ga=1; " + line + "; _ga=2"}, except("_ga"), nil); !slices.Equal(got, lines) {
					t.Errorf("%s: %q became %q between removed cookies", v.ID, line, got)
				}
				if got := FilterCookie(lines, only(), nil); got != nil {
					t.Errorf("%s: %q left %q", v.ID, line, got)
				}
				// What was stored is what is read here.
				if i == 0 && len(o.Stored) == 1 {
					for name := range Pairs(lines) {
						if name != string(o.Stored[0].Name) {
							t.Errorf("%s: %q is read as %q, was stored as %q", v.ID, line, name, o.Stored[0].Name)
						}
					}
				}
			}
		}
	}
	if n < 200 {
		t.Errorf("only %d Cookie fields", n)
	}
}
