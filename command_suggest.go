package cookieconsent

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddyserver/caddy/v2"
)

func suggestCommand() *cobra.Command {
	return overInventory(&cobra.Command{
		Use:   "suggest [<file>...]",
		Short: "Prints Caddyfile lines for what was seen and is not declared",
		Long: `
Prints a cookie_consent block for each site, or for the sites that share one, with what
the inventory holds and the configuration does not declare yet:

  - services and cookies that the catalog of the module knows, declared, with who is
    behind them, what they are for and the hosts that were seen
  - as comments, what somebody has to answer: hosts that pages may need to look right,
    and cookies and hosts that nobody knows, with what was seen of them

As it is printed it enforces consent, and lets nothing pass that would not pass without
it. Read it, answer the questions, and put the lines into the block of your Caddyfile.
Whether something is necessary is a legal question that you answer, not this command.

The inventory is read as by 'caddy cookie-consent inventory': that of the running Caddy or
of this machine, or the files that are named.
`,
		Example: `  caddy cookie-consent suggest --config /etc/caddy/Caddyfile
  caddy cookie-consent suggest --config /etc/caddy/Caddyfile --site www.example.com > suggested
  caddy cookie-consent suggest machine1.json machine2.json`,
	}, runSuggest)
}

func runSuggest(flags caddycmd.Flags) (int, error) {
	found, err := readInventory(flags)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	groups, err := groupSites(found.Snapshot, found.handlers)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	blocks := make([]string, len(groups))
	for i, group := range groups {
		blocks[i] = suggest(group.handler, group.sites)
	}
	fmt.Print(strings.Join(blocks, "\n"))
	return caddy.ExitCodeSuccess, nil
}
