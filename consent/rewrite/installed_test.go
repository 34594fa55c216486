package rewrite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// installedPages are packages of Debian with many pages from many hands: in twelve
// languages, with scripts and drawings in them, made by several generators.
var installedPages = []string{"/usr/share/doc/apache2-doc/manual", "/usr/share/doc/sqlite3", "/usr/share/doc/git-doc", "/usr/share/doc/libjs-jquery-ui-docs"}

var pageName = regexp.MustCompile(`\.(html?|xhtml)(\.[\w.-]+)?$`)

// Of the pages that Debian's packages install, so much is read.
const (
	maxInstalled      = 4000
	maxInstalledBytes = 300 << 20
)

// TestInstalledPages runs every HTML page that packages have installed on this
// machine through the rewriter: what it inserted or renamed aside, each is as it was.
func TestInstalledPages(t *testing.T) {
	for _, dir := range installedPages {
		if _, err := os.Stat(dir); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%v: make test-tools installs it", err)
			}
			t.Skip(err)
		}
	}
	files, size, blocked := 0, int64(0), 0
	for _, root := range []string{"/usr/share", "/usr/lib"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrPermission) {
				return fs.SkipDir
			}
			if err != nil || !entry.Type().IsRegular() || !pageName.MatchString(path) {
				return err
			}
			if files == maxInstalled || size >= maxInstalledBytes {
				return fs.SkipAll
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files++
			size += int64(len(b))
			if testing.Short() && files%10 > 0 {
				return nil
			}
			t.Run(path, func(t *testing.T) {
				if checkInstalled(t, string(b), files%20 == 0) {
					blocked++
				}
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d pages, %d MB; something to block in %d", files, size>>20, blocked)
}

// checkInstalled checks a page, and its document too. It reports whether there is
// something in it that others provide.
func checkInstalled(t *testing.T, page string, document bool) bool {
	t.Helper()
	insertion := marks(true)
	insertion.HeadStart = func() []byte { return []byte(headMark) }
	var marked, blocked string
	for _, n := range []int{997, 4096} {
		if out, _ := rewritten(t, Options{}, page, n); out != page {
			t.Fatalf("without options, in chunks of %d, the page changed", n)
		}
		out, r := rewritten(t, insertion, page, n)
		checkIdentity(t, page, strings.Replace(out, headMark, "", 1), r)
		if marked != "" && marked != out {
			t.Fatalf("in chunks of %d, the page with marks changed", n)
		}
		marked = out
		out, _ = rewritten(t, blocking(), page, n)
		checkRenamed(t, page, out)
		if blocked != "" && blocked != out {
			t.Fatalf("in chunks of %d, the blocked page changed", n)
		}
		blocked = out
	}
	if document && utf8.ValidString(page) {
		checkInsertion(t, page)
		checkHeadDocument(t, page)
		checkBlockedDocument(t, page)
	}
	return blocked != page
}
