package cookieconsent

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddyserver/caddy/v2"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

func exportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Writes records to standard output",
		Long: `
Writes the records of the ledger to standard output, oldest first, in one of these
formats:

  jsonl  one JSON object a line, in the terms of ISO/IEC TS 27560 (default)
  csv    comma-separated values with a header line. A value that a spreadsheet
         would take for a formula has an apostrophe before it.
  shown  what visitors were shown, one JSON object a line: the declaration, the
         banner and the preferences page of each policy and language. A record
         names it in 'privacy_notice', or 'shown', by its SHA-256.
`,
		Example: `  caddy cookie-consent export --since 2026-01-01 --site www.example.com > consent.jsonl
  caddy cookie-consent export --id 0197a0b4-93c5-7d3e-8a52-4be1c0ffee00`,
	}
	cmd.Flags().String("format", string(ledger.JSONLines), "jsonl, csv or shown")
	addFilter(cmd)
	return subcommand(cmd, runExport)
}

func runExport(ctx context.Context, flags caddycmd.Flags) (int, error) {
	filter, err := readFilter(flags)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	format := flags.String("format")
	if !slices.Contains([]string{string(ledger.JSONLines), string(ledger.CSV), "shown"}, format) {
		return caddy.ExitCodeFailedStartup, fmt.Errorf("--format '%s' is not allowed; allowed: jsonl, csv, shown", format)
	}
	reader, _, err := openReader(ctx, flags)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	defer reader.Close()
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	var n int64
	if format == "shown" {
		n, err = exportShown(ctx, reader, out)
	} else {
		n, err = ledger.WriteExport(ctx, reader, filter, ledger.Format(format), out, progress())
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return caddy.ExitCodeFailedStartup, fmt.Errorf("exporting: %w", err)
	}
	fmt.Fprintf(os.Stderr, "%d exported\n", n)
	return caddy.ExitCodeSuccess, nil
}

// exportShown writes what visitors were shown and returns how many pieces.
func exportShown(ctx context.Context, reader ledger.Reader, out *bufio.Writer) (int64, error) {
	n := int64(0)
	encoder := json.NewEncoder(out)
	for shown, err := range reader.Shown(ctx) {
		if err != nil {
			return n, err
		}
		if err := encoder.Encode(map[string]any{
			"sha256": shown.Digest, "first_used": shown.FirstUsed, "document": string(shown.Document),
		}); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// openReader opens the ledger that the flags name.
func openReader(ctx context.Context, flags caddycmd.Flags) (ledger.Reader, *ledgerSource, error) {
	source, err := readSource(flags)
	if err != nil {
		return nil, nil, err
	}
	reader, err := source.store.OpenReader(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the ledger: %w", err)
	}
	return reader, source, nil
}

func statsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Counts choices over time",
		Long: `
Prints how many visitors chose what, by day, month or year. A visitor who chooses
twice counts twice, because nobody is told apart.
`,
		Example: `  caddy cookie-consent stats --by month --since 2026-01-01`,
	}
	cmd.Flags().String("by", "day", "day, month or year")
	addFilter(cmd)
	return subcommand(cmd, runStats)
}

// periods are the layouts that turn a time into the period that it is in.
var periods = map[string]string{"day": "2006-01-02", "month": "2006-01", "year": "2006"}

func runStats(ctx context.Context, flags caddycmd.Flags) (int, error) {
	filter, err := readFilter(flags)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	layout, ok := periods[flags.String("by")]
	if !ok {
		return caddy.ExitCodeFailedStartup, fmt.Errorf("--by '%s' is not allowed; allowed: day, month, year", flags.String("by"))
	}
	reader, _, err := openReader(ctx, flags)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	defer reader.Close()

	type key struct{ period, site string }
	counts := map[key]map[string]int64{}
	methods := []string{string(consent.AcceptAll), string(consent.Save), string(consent.RejectAll), string(consent.Placeholder), ledger.Withdraw}
	err = ledger.Each(ctx, reader, filter, func(r *ledger.Record) {
		k := key{r.Time.Format(layout), r.Site}
		if counts[k] == nil {
			counts[k] = map[string]int64{}
		}
		counts[k][r.Method]++
		if !slices.Contains(methods, r.Method) {
			methods = append(methods, r.Method)
		}
	}, progress())
	if err != nil {
		return caddy.ExitCodeFailedStartup, fmt.Errorf("counting: %w", err)
	}

	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "%s\tsite\tchoices", flags.String("by"))
	for _, method := range methods {
		fmt.Fprintf(out, "\t%s", method)
	}
	fmt.Fprintln(out)
	for _, k := range slices.SortedFunc(maps.Keys(counts), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.period, b.period), cmp.Compare(a.site, b.site))
	}) {
		total := int64(0)
		for _, n := range counts[k] {
			total += n
		}
		fmt.Fprintf(out, "%s\t%s\t%d", k.period, k.site, total)
		for _, method := range methods {
			fmt.Fprintf(out, "\t%d", counts[k][method])
		}
		fmt.Fprintln(out)
	}
	if err := out.Flush(); err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	return caddy.ExitCodeSuccess, nil
}
