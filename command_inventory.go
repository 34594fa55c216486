package cookieconsent

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddyserver/caddy/v2"

	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

func inventoryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inventory [<file>...]",
		Short: "Lists the cookies and hosts that were seen",
		Long: `
Lists what the module has seen on each site, in observe and in enforce mode: cookies
by name, and hosts of others that pages would contact. Never a value, and nothing that
tells one visitor from another: parts of names that look random stand as
'<hex:32>' or '*', and so do parts of paths.

  category   what it counts as now, and by whom: 'declared' in the configuration, known
             to the 'catalog' of the module, 'perhaps' what that names, or 'unknown'
  from       'set': by the application, in Set-Cookie; 'script': sent by browsers, but
             never set by the application, so that a script wrote it, or another host
             of the domain; 'page', 'header', 'report': where a host was named
  lifetime   the longest that the application asked for

The inventory is that of the running Caddy, asked at its admin endpoint: --address, or the
one of the configuration. Where that one does not answer, the command says so and reads the
file cookie_consent/inventory.json in Caddy's data directory, which is written once a
minute; where the one of --address does not, it fails.
Run the command as the user that Caddy runs as, because the default directory is that
user's. Where several machines serve the site, each has a file: name copies of them, or
what --json printed there, and they are added up.

What is declared is read from the configuration: --config, or the Caddyfile in the current
folder, or else that of the running Caddy.
`,
		Example: `  caddy cookie-consent inventory
  caddy cookie-consent inventory --config /etc/caddy/Caddyfile --csv > cookies.csv
  caddy cookie-consent inventory --json > machine1.json
  caddy cookie-consent inventory machine1.json machine2.json`,
	}
	cmd.Flags().Bool("json", false, "Print JSON, which the command also reads")
	cmd.Flags().Bool("csv", false, "Print comma-separated values with a header line")
	cmd.MarkFlagsMutuallyExclusive("json", "csv")
	return overInventory(cmd, runInventory)
}

// overInventory completes a command that reads the inventory.
func overInventory(cmd *cobra.Command, run func(caddycmd.Flags) (int, error)) *cobra.Command {
	cmd.Flags().StringP("config", "c", "", "Configuration file of Caddy, for what is declared")
	cmd.Flags().StringP("adapter", "a", "", "Name of the adapter for the configuration")
	cmd.Flags().String("address", "", "Admin endpoint of the running Caddy, if that of the configuration is not meant")
	cmd.Flags().String("site", "", "Only this site")
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(run)
	return cmd
}

// inventorySource is what a command that reads the inventory works on.
type inventorySource struct {
	*inventory.Snapshot
	handlers []*configuredHandler
	running  *running // that it comes from, nil if it comes from files
}

// readInventory returns the inventory that the flags name, and the handlers of the
// configuration.
func readInventory(flags caddycmd.Flags) (*inventorySource, error) {
	files := flags.Args()
	source := &inventorySource{}
	var config []byte
	var err error
	file := flags.String("config")
	if file != "" || len(files) == 0 {
		if config, file, _, err = caddycmd.LoadConfig(file, flags.String("adapter")); err != nil {
			return nil, err
		}
	}
	if source.running, source.Snapshot, err = readSeen(files, flags.String("address"), config, file); err != nil {
		return nil, err
	}
	if len(config) == 0 && source.running != nil {
		config = source.running.config()
	}
	if source.handlers, err = configuredHandlers(config); err != nil {
		return nil, err
	}
	return source, source.limitTo(flags.String("site"))
}

// readInventoryFiles returns what files hold together, or else that of this machine.
func readInventoryFiles(files []string) (*inventory.Snapshot, error) {
	if len(files) == 0 {
		file := inventoryFile()
		s, err := inventory.Read(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, noInventoryError(file)
		case err != nil:
			return nil, err
		}
		return inventory.Merge(s), nil
	}
	all := make([]*inventory.Snapshot, len(files))
	for i, file := range files {
		var err error
		if all[i], err = inventory.Read(file); err != nil {
			return nil, err
		}
	}
	return inventory.Merge(all...), nil
}

// A noInventoryError is that there is no inventory in a file.
type noInventoryError string

func (file noInventoryError) Error() string {
	return "no running Caddy answers with an inventory, and there is none at " + string(file) + ": run the command as the user that Caddy runs as, a minute after the first visitor of a site with cookie_consent"
}

// limitTo leaves out all sites but one, if that is named.
func (s *inventorySource) limitTo(site string) error {
	if site == "" {
		return nil
	}
	s.Sites = slices.DeleteFunc(s.Sites, func(other inventory.Site) bool { return other.Host != site })
	if len(s.Sites) == 0 {
		return fmt.Errorf("--site '%s' is not in the inventory", site)
	}
	return nil
}

// listed is a line of the list.
type listed struct {
	site, kind, name, category, by, from, lifetime string
	last                                           time.Time
	count                                          uint64
}

// listedSite is a site in JSON: what the inventory has, and how that is classified.
type listedSite struct {
	inventory.Site
	Cookies []listedCookie `json:"cookies,omitempty"`
	Hosts   []listedHost   `json:"hosts,omitempty"`
}

type listedCookie struct {
	inventory.Cookie
	Category string `json:"category"`
	By       string `json:"by"`
}

type listedHost struct {
	inventory.Host
	Category string `json:"category"`
	By       string `json:"by"`
}

func runInventory(flags caddycmd.Flags) (int, error) {
	found, err := readInventory(flags)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	var lines []listed
	document := struct {
		Version int          `json:"version"`
		Sites   []listedSite `json:"sites"`
	}{found.Version, []listedSite{}}
	for i := range found.Sites {
		site := &found.Sites[i]
		h, err := handlerOf(found.handlers, site.Host)
		if err != nil {
			return caddy.ExitCodeFailedStartup, err
		}
		inJSON := listedSite{Site: *site}
		for _, c := range site.Cookies {
			v := h.classifyCookie(c.Name)
			from := "set"
			if c.Script() {
				from = "script"
			}
			lines = append(lines, listed{site.Host, "cookie", c.Name, v.category, v.by(), from, c.Lifetime.String(), c.Last, max(c.Set, c.Sent)})
			inJSON.Cookies = append(inJSON.Cookies, listedCookie{c, v.category, v.by()})
		}
		for _, other := range site.Hosts {
			v := h.classifyHost(site.Host, other.Host)
			lines = append(lines, listed{site.Host, "host", other.Host, v.category, v.by(), whereNamed(&other), "", other.Last, other.Count()})
			inJSON.Hosts = append(inJSON.Hosts, listedHost{other, v.category, v.by()})
		}
		document.Sites = append(document.Sites, inJSON)
		if site.Unlisted > 0 {
			fmt.Fprintf(os.Stderr, "%s: there was no room for further names, which were seen %d times\n", site.Host, site.Unlisted)
		}
	}
	out := bufio.NewWriter(os.Stdout)
	switch {
	case flags.Bool("json"):
		err = writeIndented(out, document)
	case flags.Bool("csv"):
		err = writeListCSV(out, lines)
	default:
		err = writeListTable(out, lines)
	}
	if err = cmp.Or(err, out.Flush()); err != nil {
		return caddy.ExitCodeFailedStartup, fmt.Errorf("printing the inventory: %w", err)
	}
	return caddy.ExitCodeSuccess, nil
}

// whereNamed says in words where a host was named.
func whereNamed(h *inventory.Host) string {
	var words []string
	for _, place := range []struct {
		n    uint64
		word string
	}{{h.Markup, "page"}, {h.Link, "header"}, {h.Report, "report"}} {
		if place.n > 0 {
			words = append(words, place.word)
		}
	}
	return strings.Join(words, " ")
}

var listColumns = []string{"site", "kind", "name", "category", "by", "from", "lifetime", "last_seen", "count"}

func (l *listed) cells(layout string) []string {
	return []string{l.site, l.kind, l.name, l.category, l.by, l.from, l.lifetime, l.last.UTC().Format(layout), strconv.FormatUint(l.count, 10)}
}

func writeListTable(out io.Writer, lines []listed) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.Join(listColumns, "\t"))
	for i := range lines {
		cells := lines[i].cells("2006-01-02 15:04")
		for j, cell := range cells {
			cells[j] = cmp.Or(cell, "-")
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	return table.Flush()
}

func writeListCSV(out io.Writer, lines []listed) error {
	table := csv.NewWriter(out)
	if err := table.Write(listColumns); err != nil {
		return err
	}
	for i := range lines {
		cells := lines[i].cells(time.RFC3339)
		for j, cell := range cells {
			cells[j] = ledger.PlainCell(cell)
		}
		if err := table.Write(cells); err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}
