package cookieconsent

import (
	"bytes"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddyserver/caddy/v2"

	"github.com/cookieconsent/caddy-cookie-consent/consent/report"
)

func reportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report [<file>...]",
		Short: "Writes a page about cookies and choices for the owner of the site",
		Long: `
Writes one HTML page, without scripts and complete in itself, for the owner of a site and
the data-protection officer:

  - what to do first
  - what visitors chose, by day, week or month, and by language
  - which cookies and whose content were kept back, by category
  - the cookies and hosts that were seen, those first that nobody knows, each with the
    lines that declare it
  - what is declared, but was never seen, and what contradicts the module's catalog

The inventory and the counters are read as by 'caddy cookie-consent inventory': those of
the running Caddy or of this machine, or the files that are named, added up. The directive
cookie_consent_report serves the same page.
`,
		Example: `  caddy cookie-consent report --config /etc/caddy/Caddyfile -o report.html
  caddy cookie-consent report --config /etc/caddy/Caddyfile --site www.example.com > report.html
  caddy cookie-consent report --config /etc/caddy/Caddyfile -o report.html machine1.json machine2.json`,
	}
	cmd.Flags().StringP("output", "o", "", "File to write, instead of standard output")
	return overInventory(cmd, runReport)
}

func runReport(flags caddycmd.Flags) (int, error) {
	source, err := readInventory(flags)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	problem := ""
	if source.running != nil {
		problem = source.running.ledgerProblem()
	}
	document, err := newReport(source.Snapshot, source.handlers, problem)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	var page bytes.Buffer
	if err := report.Write(&page, document); err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	if file := flags.String("output"); file != "" {
		err = os.WriteFile(file, page.Bytes(), 0o600)
	} else {
		_, err = page.WriteTo(os.Stdout)
	}
	if err != nil {
		return caddy.ExitCodeFailedStartup, fmt.Errorf("writing the report: %w", err)
	}
	return caddy.ExitCodeSuccess, nil
}
