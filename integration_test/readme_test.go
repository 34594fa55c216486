package integration_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// Every Caddyfile in the README is formatted and runs.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^( *)```caddyfile\n(.*?)^ *```$").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) < 5 {
		t.Fatalf("%d Caddyfiles found", len(blocks))
	}
	t.Setenv("REPORT_PASSWORD_HASH", "$2a$04$JMOUsXdqAvcRT1WRjexTBO4GxmQgQjNkq7YCuny8FTXo/KAlz6UxK") // of "secret"
	for _, block := range blocks {
		text := strings.TrimPrefix(strings.ReplaceAll("\n"+block[2], "\n"+block[1], "\n"), "\n")
		if formatted := string(caddyfile.Format([]byte(text))); formatted != text {
			t.Errorf("not formatted:\n%s", text)
		}
		site, options := text, ""
		switch {
		case strings.HasPrefix(text, "cookie_consent"):
			site = "example.com {\n" + text + "}\n"
		case strings.HasPrefix(text, "{\n"):
			t.Setenv("CONSENT_KEY", strings.Repeat("k", 16))
			site, options = "example.com {\ncookie_consent\n}\n", strings.TrimSuffix(strings.TrimPrefix(text, "{\n"), "}\n")
		}
		start(t, strings.Replace(site, "example.com {", "http://example.com {", 1), options)
	}
}

// What the README tells tests and monitoring to do works as it is written there.
func TestReadmeSaysHowTestsChoose(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(language, word string) string {
		t.Helper()
		for _, match := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(readme), -1) {
			if strings.Contains(match[1], word) {
				return match[1]
			}
		}
		t.Fatalf("no %s with %s", language, word)
		return ""
	}
	app := statusApplication(t)
	s := start(t, siteFor("https://example.com", policy+"reverse_proxy "+app.addr))
	s.awaitCertificate(t, "example.com")

	folder := t.TempDir()
	settings := fmt.Sprintf("silent\nshow-error\nfail\ninsecure\nconnect-to = \"example.com:443:%s\"\n", s.addr("https"))
	if err := os.WriteFile(filepath.Join(folder, ".curlrc"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	shell := exec.Command("/bin/bash", "-e", "-c", block("sh", "curl -c jar"))
	shell.Dir, shell.Env = folder, append(os.Environ(), "CURL_HOME="+folder)
	var problem strings.Builder
	shell.Stderr = &problem
	printed, err := shell.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, problem.String())
	}
	if got := string(printed); !strings.Contains(got, settingsMark) || strings.Contains(got, bannerMark) {
		t.Errorf("after the commands the site answers %s", got)
	}

	b := openBrowser(t)
	url := "https://example.com" + strings.TrimPrefix(s.authority("https"), host) + "/page"
	b.open(url)
	if !b.has("#cookie-consent") {
		t.Fatal("no banner")
	}
	if !js[bool](b, block("js", "/.cookie-consent/preferences")) {
		t.Error("the choice was not taken")
	}
	b.open(url)
	if b.has("#cookie-consent") || !b.has("#cookie-consent-settings") || !slices.Contains(b.names(), nameOf(statsCookie)) {
		t.Errorf("the next page asks again, or the browser has only %q", b.names())
	}
}
