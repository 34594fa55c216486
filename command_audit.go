package cookieconsent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddyserver/caddy/v2"

	"github.com/cookieconsent/caddy-cookie-consent/consent/audit"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
)

// auditAgent is how the audit introduces itself to sites.
const auditAgent = "Mozilla/5.0 (compatible; caddy-cookie-consent-audit)"

func auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit <address>...",
		Short: "Visits running sites and says what an authority would ask about",
		Long: `
Visits a site from outside, as somebody who chooses nothing, who refuses, who agrees,
and who withdraws, and says what does not meet a requirement:

  - cookies that need consent and are set before it, after a refusal or after its
    withdrawal, or that stay after that
  - others whom pages make browsers contact, in the same rounds
  - pages without a banner, a button to refuse or a link to the settings
  - what is kept too long, or not declared, and who is not named

Any site can be visited. On one that uses cookie_consent the banner's form is sent as by
a browser without JavaScript, and what the site declares is known. On others only visits
before a choice can be made, unless --accepted and --rejected name the cookies by which
its own consent tool keeps a choice.

Each round begins with no cookies, but for withdrawal, which goes on from agreement, and
visits the same pages: those that links lead to, the nearest first, on the host of the
address alone. Nothing is asked of any other host. Only GET requests are sent, and the
form of the banner; links that look as if they did something, such as logging out, are
left out. robots.txt is not read: audit your own sites, or ask.

Every choice is a real one: the ledger of the site records it.

It is no browser. What scripts do is not seen; the report says what else is not.

Exit status: 0 if nothing was found, 3 if something was, 1 if a site could not be
visited, or not completely.
`,
		Example: `  caddy cookie-consent audit https://www.example.com/
  caddy cookie-consent audit -o report.html https://www.example.com/ https://shop.example.com/
  caddy cookie-consent audit --insecure --json https://localhost:8443/ > audit.json
  caddy cookie-consent audit --accepted 'choice=all' --rejected 'choice=none' https://www.example.com/`,
	}
	flags := cmd.Flags()
	flags.Int("pages", 20, "Pages to visit in each round, at most")
	flags.String("timeout", "5m", "How long the visits to one site may take")
	flags.String("delay", "250ms", "Time between two requests")
	flags.String("language", "en", "Language to ask for, as in Accept-Language")
	flags.String("user-agent", auditAgent, "Name to introduce itself by; some sites show search engines another page")
	flags.StringArray("first-party", nil, "Further host of the owner, such as static.example.net; may be repeated")
	flags.StringArray("accepted", nil, "Cookie <name>=<value> by which another tool keeps agreement; may be repeated")
	flags.StringArray("rejected", nil, "Cookie <name>=<value> by which it keeps a refusal; may be repeated")
	flags.Bool("insecure", false, "Do not verify certificates, such as those of test machines")
	flags.Bool("json", false, "Print JSON")
	flags.StringP("output", "o", "", "File to write the report to as an HTML page")
	cmd.MarkFlagsRequiredTogether("accepted", "rejected")
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(runAudit)
	return cmd
}

func runAudit(flags caddycmd.Flags) (int, error) {
	opts, err := readAuditOptions(flags)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	if len(flags.Args()) == 0 {
		return caddy.ExitCodeFailedStartup, errors.New("there is no address to visit: name one such as https://www.example.com/")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var sites []*audit.Site
	var failed error
	found := false
	for _, address := range flags.Args() {
		site, err := audit.Visit(ctx, address, opts)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		sites = append(sites, site)
		found = found || len(site.Findings) > 0
		if site.Incomplete != "" {
			failed = errors.Join(failed, fmt.Errorf("%s: %s", site.Host, site.Incomplete))
		}
	}
	if len(sites) == 0 {
		return caddy.ExitCodeFailedStartup, failed
	}
	report := audit.NewReport(time.Now(), sites)
	if err := writeAudit(report, flags); err != nil {
		return caddy.ExitCodeFailedStartup, fmt.Errorf("writing the report: %w", err)
	}
	switch {
	case found:
		return exitWrong, failed
	case failed != nil:
		return caddy.ExitCodeFailedStartup, failed
	}
	return caddy.ExitCodeSuccess, nil
}

func readAuditOptions(flags caddycmd.Flags) (audit.Options, error) {
	opts := audit.Options{
		Catalog: catalog.Default(), Pages: flags.Int("pages"), UserAgent: flags.String("user-agent"),
		Language: flags.String("language"), Insecure: flags.Bool("insecure"),
		Progress: func(text string) { fmt.Fprintln(os.Stderr, text) },
	}
	if opts.Pages < 1 || opts.Pages > 1000 {
		return opts, fmt.Errorf("--pages '%s' is not a number from 1 to 1000", flags.String("pages"))
	}
	for _, duration := range []struct {
		name string
		to   *time.Duration
		from time.Duration
	}{{"timeout", &opts.Timeout, time.Second}, {"delay", &opts.Delay, 0}} {
		var err error
		if *duration.to, err = caddy.ParseDuration(flags.String(duration.name)); err != nil || *duration.to < duration.from {
			return opts, fmt.Errorf("--%s '%s' is not a duration such as 30s or 5m", duration.name, flags.String(duration.name))
		}
	}
	for _, list := range []struct {
		name string
		to   *[]string
	}{{"first-party", &opts.FirstParty}, {"accepted", &opts.Accepted}, {"rejected", &opts.Rejected}} {
		words, err := flags.GetStringArray(list.name)
		if err != nil {
			return opts, err
		}
		for _, word := range words {
			if name, _, ok := strings.Cut(word, "="); list.name != "first-party" && (!ok || name == "") {
				return opts, fmt.Errorf("--%s '%s' is not a cookie such as choice=all", list.name, word)
			}
		}
		*list.to = words
	}
	return opts, nil
}

// writeAudit writes a report to where the flags say.
func writeAudit(report *audit.Report, flags caddycmd.Flags) error {
	if name := flags.String("output"); name != "" {
		file, err := os.Create(name)
		if err != nil {
			return err
		}
		if err := errors.Join(report.WriteHTML(file), file.Close()); err != nil {
			return err
		}
	}
	if flags.Bool("json") {
		return writeIndented(os.Stdout, report)
	}
	return report.WriteText(os.Stdout)
}

func writeIndented(out io.Writer, document any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "\t")
	return encoder.Encode(document)
}
