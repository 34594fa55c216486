package cookieconsent

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

var update = flag.Bool("update", false, "write the golden files anew")

// divider stands between a Caddyfile and what becomes of it: JSON or an error.
const divider = "----------\n"

// TestAdapt compares what Caddyfiles are adapted to, errors included, with golden files.
func TestAdapt(t *testing.T) {
	files, err := filepath.Glob("testdata/adapt/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			golden, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, ok := strings.Cut(string(golden), divider)
			if !ok {
				t.Fatal("the file has no divider")
			}
			got, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), map[string]any{"filename": "Caddyfile"})
			for _, w := range warnings {
				t.Errorf("warning: %v", w)
			}
			if err != nil {
				got = []byte(err.Error())
			} else {
				var indented bytes.Buffer
				if err := json.Indent(&indented, got, "", "\t"); err != nil {
					t.Fatal(err)
				}
				got = indented.Bytes()
			}
			got = append(got, '\n')
			if *update {
				if err := os.WriteFile(file, []byte(input+divider+string(got)), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if string(got) != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// TestExampleIsFormatted keeps the example as `caddy fmt` would write it.
func TestExampleIsFormatted(t *testing.T) {
	example, err := os.ReadFile("Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	if formatted := caddyfile.Format(example); !bytes.Equal(formatted, example) {
		t.Errorf("Caddyfile.example is not formatted; `caddy fmt` makes it:\n%s", formatted)
	}
}
