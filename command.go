package cookieconsent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddyserver/caddy/v2"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "cookie-consent",
		Usage: "<command>",
		Short: "Checks configurations and sites, and reads the inventory and the ledger of consent",
		Long: `
'check' looks for mistakes in a configuration, and 'audit' visits running sites from
outside. 'inventory' and 'suggest' read what the cookie_consent module has seen; the
other commands work on the ledger of consent that it keeps. All of them work while
Caddy runs and while it does not.

--config and --adapter name the configuration as for 'caddy run', which without them
takes the Caddyfile in the current folder or nothing but defaults. The inventory and,
unless the configuration says otherwise, the ledger are in Caddy's data folder: run
the command as the user that Caddy runs as, because that folder is that user's.
--file names the file of a ledger instead, such as a copy.
`,
		CobraFunc: func(cmd *cobra.Command) {
			cmd.Args = cobra.NoArgs // so that a command that there is not is an error
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			cmd.AddCommand(exportCommand(), verifyCommand(), pruneCommand(), statsCommand(), checkCommand(), auditCommand(), inventoryCommand(), suggestCommand(), reportCommand())
		},
	})
}

// subcommand completes a command with what all of them share.
func subcommand(cmd *cobra.Command, run func(ctx context.Context, flags caddycmd.Flags) (int, error)) *cobra.Command {
	cmd.Args = cobra.NoArgs
	cmd.Flags().StringP("config", "c", "", "Configuration file of Caddy, which leads to the ledger; without it, the Caddyfile in this folder or the defaults")
	cmd.Flags().StringP("adapter", "a", "", "Name of the adapter for the configuration, such as caddyfile")
	cmd.Flags().StringP("file", "f", "", "File of a ledger, instead of that of the configuration")
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(flags caddycmd.Flags) (int, error) {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		return run(ctx, flags)
	})
	return cmd
}

// addFilter adds the flags that select records.
func addFilter(cmd *cobra.Command) {
	cmd.Flags().String("since", "", "Only choices from this day or time on: 2026-01-31 or 2026-01-31T12:00:00Z")
	cmd.Flags().String("until", "", "Only choices before this day or time")
	cmd.Flags().String("site", "", "Only choices for this site")
	cmd.Flags().String("policy", "", "Only choices about the policy with this fingerprint")
	cmd.Flags().String("id", "", "Only the record with this id, which is on the visitor's receipt")
}

func readFilter(flags caddycmd.Flags) (ledger.Filter, error) {
	f := ledger.Filter{Site: flags.String("site"), Policy: flags.String("policy"), ID: flags.String("id")}
	var err error
	if f.Since, err = readTime(flags, "since"); err != nil {
		return f, err
	}
	f.Until, err = readTime(flags, "until")
	return f, err
}

func readTime(flags caddycmd.Flags, name string) (time.Time, error) {
	text := flags.String(name)
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--%s '%s' is neither a day such as 2026-01-31 nor a time such as 2026-01-31T12:00:00Z", name, text)
}

// ledgerSource is the ledger that a command works on.
type ledgerSource struct {
	store Store
	keys  *keyring // nil without a configuration
	app   *App     // nil without a configuration
}

// readSource finds the ledger that the flags name.
func readSource(flags caddycmd.Flags) (*ledgerSource, error) {
	file := flags.String("file")
	if file != "" && flags.String("config") == "" {
		store, err := fileStore(file)
		return &ledgerSource{store: store}, err
	}
	app, err := configuredApp(flags.String("config"), flags.String("adapter"))
	if err != nil {
		return nil, err
	}
	source := &ledgerSource{keys: app.keys, app: app}
	if file != "" {
		source.store, err = fileStore(file)
		return source, err
	}
	if app.ledger == nil {
		return nil, errors.New("the configuration keeps no ledger: it says 'ledger off'")
	}
	source.store = app.ledger.store
	return source, nil
}

// configuredApp provisions the app of a configuration, and nothing else of it but
// the storage that holds the signing key.
func configuredApp(file, adapter string) (*App, error) {
	config, _, _, err := caddycmd.LoadConfig(file, adapter)
	if err != nil {
		return nil, err
	}
	var whole struct {
		Storage json.RawMessage            `json:"storage"`
		Apps    map[string]json.RawMessage `json:"apps"`
	}
	if len(config) > 0 {
		if err := json.Unmarshal(config, &whole); err != nil {
			return nil, fmt.Errorf("reading the configuration: %w", err)
		}
	}
	const name = "cookie_consent"
	part := &caddy.Config{StorageRaw: whole.Storage, AppsRaw: caddy.ModuleMap{name: json.RawMessage("{}")}}
	if raw, ok := whole.Apps[name]; ok {
		part.AppsRaw[name] = raw
	}
	quiet := &caddy.Logging{Logs: map[string]*caddy.CustomLog{"default": {BaseLog: caddy.BaseLog{Level: "ERROR"}}}}
	part.Logging = quiet
	ctx, err := caddy.ProvisionContext(part)
	if err != nil {
		return nil, err
	}
	app, err := ctx.App(name)
	if err != nil {
		return nil, err
	}
	return app.(*App), nil
}

// progressInterval is how often a command that takes long says how far it is.
const progressInterval = 2 * time.Second

// progress returns a function that tells, on standard error and not too often, how
// many records a command has looked at.
func progress() func(int64) {
	last := time.Now()
	return func(n int64) {
		if now := time.Now(); now.Sub(last) >= progressInterval {
			last = now
			fmt.Fprintf(os.Stderr, "%d records\n", n)
		}
	}
}
