package browser

import (
	"os"
	"path/filepath"
	"testing"
)

// NPM returns a file of a package that make test-tools installs from npm.
func NPM(t testing.TB, path string) string {
	t.Helper()
	root, err := os.Getwd()
	for err == nil && root != filepath.Dir(root) {
		if _, missing := os.Stat(filepath.Join(root, "go.mod")); missing == nil {
			break
		}
		root = filepath.Dir(root)
	}
	content, err := os.ReadFile(filepath.Join(root, "bin/npm/node_modules", path))
	if err != nil {
		t.Fatalf("%v: make test-tools installs it", err)
	}
	return string(content)
}
