package integration_test

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// firefox is a tab of Debian's Firefox with an empty profile.
type firefox struct {
	t   testing.TB
	s   *bidi
	tab string
}

// firefoxPreferences keep Firefox from contacting anybody on its own account.
var firefoxPreferences = map[string]any{
	"app.normandy.enabled":                           false,
	"app.update.disabledForTesting":                  true,
	"browser.aboutwelcome.enabled":                   false,
	"browser.newtabpage.enabled":                     false,
	"browser.region.network.url":                     "",
	"browser.safebrowsing.blockedURIs.enabled":       false,
	"browser.safebrowsing.downloads.enabled":         false,
	"browser.safebrowsing.malware.enabled":           false,
	"browser.safebrowsing.phishing.enabled":          false,
	"browser.search.update":                          false,
	"browser.shell.checkDefaultBrowser":              false,
	"browser.startup.homepage":                       "about:blank",
	"browser.startup.page":                           0,
	"browser.topsites.contile.enabled":               false,
	"datareporting.policy.dataSubmissionEnabled":     false,
	"dom.push.connection.enabled":                    false,
	"extensions.getAddons.cache.enabled":             false,
	"extensions.systemAddon.update.enabled":          false,
	"extensions.update.enabled":                      false,
	"media.gmp-manager.updateEnabled":                false,
	"network.captive-portal-service.enabled":         false,
	"network.connectivity-service.enabled":           false,
	"network.manage-offline-status":                  false,
	"security.OCSP.enabled":                          0,
	"security.remote_settings.intermediates.enabled": false,
	"services.settings.server":                       "data:,#/v1",
	"startup.homepage_welcome_url":                   "about:blank",
	"ui.prefersReducedMotion":                        1,
	"toolkit.telemetry.server":                       "",
}

// openFirefox starts Firefox until the end of the test. All names lead where the
// name server says, and there to the ports of https and http that it says.
func openFirefox(t testing.TB, names *nameServer, preferences map[string]any) *firefox {
	t.Helper()
	program := needFile(t, "/usr/bin/firefox-esr")
	profile := tempDir(t)
	all := maps.Clone(firefoxPreferences)
	maps.Copy(all, names.preferences())
	maps.Copy(all, preferences)
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&lines, "user_pref(%q, %#v);\n", name, all[name])
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "--remote-allow-origins", bidiOrigin, "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+profile, "MOZ_CRASHREPORTER_DISABLE=1", "MOZ_REMOTE_SETTINGS_DEVTOOLS=1", "MOZ_HEADLESS_WIDTH=1000", "MOZ_HEADLESS_HEIGHT=800")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting Firefox: %v", err)
	}
	found := make(chan string, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if _, address, ok := strings.Cut(lines.Text(), "WebDriver BiDi listening on "); ok {
				found <- address
			}
		}
		cmd.Wait()
	}()
	var s *bidi
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if s != nil {
			s.call(ctx, "browser.close", struct{}{}, nil)
		}
		select {
		case <-ended:
		case <-ctx.Done():
		}
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // whatever is left of its processes
		<-ended
	})
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	select {
	case address := <-found:
		if s, err = dialBidi(ctx, address+"/session"); err != nil {
			t.Fatalf("driving Firefox: %v", err)
		}
	case <-ended:
		t.Fatal("starting Firefox: it has ended")
	case <-ctx.Done():
		t.Fatal("starting Firefox: it listens to nobody")
	}
	f := &firefox{t: t, s: s} // without a tab
	f.call("browser.setDownloadBehavior", map[string]any{"downloadBehavior": map[string]string{"type": "denied"}}, nil)
	return f
}

// openTab opens another tab of the browser.
func (f *firefox) openTab(ctx context.Context) (*firefox, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var created struct{ Context string }
	err := f.s.call(ctx, "browsingContext.create", map[string]string{"type": "tab"}, &created)
	return &firefox{f.t, f.s, created.Context}, err
}

func (f *firefox) close() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	f.s.call(ctx, "browsingContext.close", map[string]string{"context": f.tab}, nil)
}

// navigate begins to load a page. Whether scripts run is a preference of the browser.
func (f *firefox) navigate(ctx context.Context, url string, _ bool) error {
	err := f.s.call(ctx, "browsingContext.navigate", map[string]string{"context": f.tab, "url": url, "wait": "none"}, nil)
	if err != nil && strings.Contains(err.Error(), "NS_ERROR_CORRUPTED_CONTENT") {
		return nil // what is said of it is the page
	}
	return err
}

func (f *firefox) evaluate(ctx context.Context, expression string) (string, error) {
	// A tab that goes on to another process shows an empty page for a moment.
	return f.s.evaluate(ctx, f.tab, `location.href === "about:blank" ? "" : JSON.stringify(`+expression+`)`)
}

// newVisitor opens a tab of somebody else, who has no cookies yet.
func (f *firefox) newVisitor() *firefox {
	f.t.Helper()
	var created struct{ UserContext, Context string }
	f.call("browser.createUserContext", struct{}{}, &created)
	f.call("browsingContext.create", map[string]string{"type": "tab", "userContext": created.UserContext}, &created)
	return &firefox{f.t, f.s, created.Context}
}

// call carries out a command and fails the test if it fails.
func (f *firefox) call(method string, params, result any) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := f.s.call(ctx, method, params, result); err != nil {
		f.t.Fatalf("Firefox: %v", err)
	}
}

func (f *firefox) open(url string) {
	f.t.Helper()
	f.call("browsingContext.navigate", map[string]string{"context": f.tab, "url": url, "wait": "complete"}, nil)
}

// frame is the first frame of the page.
func (f *firefox) frame() *firefox {
	f.t.Helper()
	var tree struct {
		Contexts []struct{ Children []struct{ Context string } }
	}
	if !eventually(func() bool {
		f.call("browsingContext.getTree", map[string]string{"root": f.tab}, &tree)
		return len(tree.Contexts[0].Children) > 0
	}) {
		f.t.Fatal("Firefox: the page has no frame")
	}
	return &firefox{f.t, f.s, tree.Contexts[0].Children[0].Context}
}

// evaluateIn evaluates an expression in the page.
func evaluateIn[T any](f *firefox, expression string) T {
	f.t.Helper()
	value, err := evaluate[T](context.Background(), f, expression)
	if err != nil {
		f.t.Fatalf("Firefox: %s: %v", expression, err)
	}
	return value
}

// await waits until an expression is true, in whatever page there is by then.
func (f *firefox) await(what, expression string) {
	f.t.Helper()
	if !eventually(func() bool {
		is, err := evaluate[bool](context.Background(), f, expression)
		return err == nil && is
	}) {
		f.t.Fatalf("waiting until %s: in vain", what)
	}
}

// click activates an element as a person does.
func (f *firefox) click(selector string) {
	f.t.Helper()
	var found struct{ Nodes []struct{ SharedID string } }
	f.call("browsingContext.locateNodes", map[string]any{"context": f.tab, "locator": map[string]string{"type": "css", "value": selector}}, &found)
	if len(found.Nodes) == 0 {
		f.t.Fatalf("Firefox: no %s on the page", selector)
	}
	evaluateIn[bool](f, `(document.querySelector(`+quote(selector)+`).scrollIntoView({block: "center", behavior: "instant"}), true)`)
	element := map[string]any{"type": "element", "element": map[string]string{"sharedId": found.Nodes[0].SharedID}}
	f.call("input.performActions", map[string]any{"context": f.tab, "actions": []any{map[string]any{
		"type": "pointer", "id": "mouse", "actions": []any{
			map[string]any{"type": "pointerMove", "x": 0, "y": 0, "origin": element},
			map[string]any{"type": "pointerDown", "button": 0},
			map[string]any{"type": "pointerUp", "button": 0},
		},
	}}}, nil)
}

// follow activates an element and waits for the page that this leads to.
func (f *firefox) follow(selector string) {
	f.t.Helper()
	evaluateIn[bool](f, "window.left = true")
	f.click(selector)
	f.await("another page is there", `window.left !== true && document.readyState === "complete"`)
}

// names are the names of the cookies that the visitor's browser holds, but for that of
// the preference.
func (f *firefox) names() []string {
	f.t.Helper()
	var jar struct{ Cookies []struct{ Name string } }
	f.call("storage.getCookies", map[string]any{"partition": map[string]string{"type": "context", "context": f.tab}}, &jar)
	var names []string
	for _, cookie := range jar.Cookies {
		if cookie.Name != preferenceCookie {
			names = append(names, cookie.Name)
		}
	}
	slices.Sort(names)
	return names
}
