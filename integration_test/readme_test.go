package integration_test

import (
	"os"
	"regexp"
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
