package weburl

import "testing"

func TestPaths(t *testing.T) {
	for _, tt := range []struct{ in, path, merged string }{
		{"/", "/", "/"},
		{"", "/", "/"},
		{"/stats.js?x=/../y", "/stats.js", "/stats.js"},
		{"/a/../stats.js", "/stats.js", "/stats.js"},
		{"/a/%2e%2E/stats.js", "/stats.js", "/stats.js"},
		{"/a/.%2e/b/./%2e/stats.js#x", "/b/stats.js", "/b/stats.js"},
		{"/../../stats.js", "/stats.js", "/stats.js"},
		{"/a/..", "/", "/"},
		{"/a/.", "/a/", "/a/"},
		{"/a/b/", "/a/b/", "/a/b/"},
		{"/a//..", "/a/", "/a/"},
		{"//stats.js", "//stats.js", "/stats.js"},
		{"/a//../stats.js", "/a/stats.js", "/a/stats.js"},
		{"/a/%2f../stats.js", "/a//../stats.js", "/stats.js"},
		{"/st%61ts.js", "/stats.js", "/stats.js"},
		{"/a%2f../stats.js", "/a/../stats.js", "/stats.js"},
		{"/a%5c..%5cstats.js", "/a\\..\\stats.js", "/stats.js"},
		{"\\a\\stats.js", "/a/stats.js", "/a/stats.js"},
		{"/st\n\rats\t.js", "/stats.js", "/stats.js"},
		{"/.../x", "/.../x", "/.../x"},
		{"/%", "/%", "/%"},
		{"/%2", "/%2", "/%2"},
		{"/%zz%2", "/%zz%2", "/%zz%2"},
		{"/%252e%252e/x", "/%2e%2e/x", "/%2e%2e/x"},
	} {
		path := AppendPath([]byte("%20"), tt.in)[3:]
		merged := string(AppendMerged([]byte("/x/"), path)[3:])
		if string(path) != tt.path || merged != tt.merged {
			t.Errorf("%q: got %s and %s, want %s and %s", tt.in, path, merged, tt.path, tt.merged)
		}
		if IsMerged(path) && merged != string(path) {
			t.Errorf("%q: not merged", tt.in)
		}
	}
}

func FuzzPath(f *testing.F) {
	f.Add("/a/../%2e%2e//b\\.")
	f.Fuzz(func(t *testing.T, in string) {
		path := AppendPath(nil, in)
		merged := AppendMerged(nil, path)
		if path[0] != '/' || merged[0] != '/' {
			t.Fatalf("got %q and %q", path, merged)
		}
		if !IsMerged(merged) && !hasHidden(merged) {
			t.Fatalf("%q is not merged", merged)
		}
		if IsMerged(path) && string(merged) != string(path) {
			t.Fatalf("%q becomes %q", path, merged)
		}
		if again := AppendMerged(nil, merged); string(again) != string(merged) {
			t.Fatalf("%q becomes %q", merged, again)
		}
	})
}

// hasHidden reports whether a segment begins with a dot without being a dot segment.
func hasHidden(path []byte) bool {
	for i := 1; i < len(path); i++ {
		if path[i-1] == '/' && path[i] == '.' {
			return true
		}
	}
	return false
}
