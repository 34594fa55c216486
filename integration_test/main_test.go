// Package integration_test looks at the module from outside: a real Caddy,
// configured by a Caddyfile, between real clients and real backends.
package integration_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain starts the tests once more in the environment that they need. Two
// things are read before any test could set them: GODEBUG, without which
// net/http's servers refuse WebSockets over HTTP/2, and the folder in which
// Caddy keeps its data.
func TestMain(m *testing.M) {
	const extendedConnect = "http2xconnect=1"
	if debug := os.Getenv("GODEBUG"); !strings.Contains(debug, extendedConnect) {
		if err := restart(strings.Trim(debug+","+extendedConnect, ",")); err != nil {
			fmt.Fprintln(os.Stderr, "starting the tests again:", err)
			os.Exit(1)
		}
	}
	status := m.Run()
	os.RemoveAll(os.Getenv("XDG_DATA_HOME"))
	os.Exit(status)
}

// restart replaces this process by a new one with the given GODEBUG and an
// empty home. It returns only in the case of an error.
func restart(debug string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	home, err := os.MkdirTemp("", "integration_test")
	if err != nil {
		return err
	}
	os.Setenv("GODEBUG", debug)
	os.Setenv("XDG_DATA_HOME", home)
	os.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
	return syscall.Exec(self, os.Args, os.Environ())
}

// eventually waits for a condition, for as long as patience, and reports whether it
// came to hold.
func eventually(condition func() bool) bool {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if condition() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

// tempDir is t.TempDir for programs of which something may still write for a moment
// after they have stopped: a process of Chromium, or a goroutine to Caddy's log.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !eventually(func() bool { err = os.RemoveAll(dir); return err == nil }) {
			t.Errorf("removing what is left of the test: %v", err)
		}
	})
	return dir
}

// sameDay keeps what follows from both sides of midnight: when a choice was made, in
// days UTC, is in the preference cookie.
func sameDay() {
	const day, near = 24 * time.Hour, time.Minute
	if left := day - time.Since(time.Now().Truncate(day)); left < near {
		time.Sleep(left)
	}
}

// need fails a test for which something is not installed. Nothing is skipped:
// a test that did not run has proved nothing.
func need(t testing.TB, present bool, what string) {
	t.Helper()
	if !present {
		t.Fatalf("%s is missing: make test-tools installs it", what)
	}
}

// needFile is need for a file that a package installs.
func needFile(t testing.TB, path string) string {
	t.Helper()
	_, err := os.Stat(path)
	need(t, err == nil, path)
	return path
}
