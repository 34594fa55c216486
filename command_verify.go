package cookieconsent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddyserver/caddy/v2"

	"github.com/cookieconsent/caddy-cookie-consent/consent/ledger"
)

// maxFindings bounds the findings that verify prints.
const maxFindings = 100

// exitWrong is the exit status of verify, check and audit where they find something wrong.
const exitWrong = 3

func verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Checks that no record was altered, removed, added or reordered",
		Long: `
Checks every record of the ledger against the hashes of its chain, the end of the
chain against its head, and the beginning, where records were pruned, against the
checkpoint that was sealed with the signing key.

A chain that was cut or written anew together with its head can only be told by a
head that was noted elsewhere: Caddy logs it every day, and --head takes it, with
the chain's id before it where there are several.

Exit status: 0 if all is well, 3 if something is wrong, 1 if the ledger could not
be read.
`,
		Example: `  caddy cookie-consent verify --head 1234:5f70bf18a08660a70ca1ffbc1ab3dd3a0bb94a2d7cd7db9dfe42e3d17ea7ac5f
  caddy cookie-consent verify --file /backup/consent.db`,
	}
	cmd.Flags().StringArray("head", nil, "A head that was noted earlier: [<chain>:]<count>:<hash>; may be repeated")
	return subcommand(cmd, runVerify)
}

func runVerify(ctx context.Context, flags caddycmd.Flags) (int, error) {
	texts, err := flags.GetStringArray("head")
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	kept := make([]ledger.KeptHead, 0, len(texts))
	for _, text := range texts {
		head, err := parseKeptHead(text)
		if err != nil {
			return caddy.ExitCodeFailedStartup, fmt.Errorf("--head: %w", err)
		}
		kept = append(kept, head)
	}
	reader, source, err := openReader(ctx, flags)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	defer reader.Close()
	var keys [][]byte
	if source.keys != nil {
		keys = source.keys.all()
	}
	findings := 0
	v, err := ledger.Verify(ctx, reader, keys, kept, func(f ledger.Finding) {
		if findings++; findings <= maxFindings {
			fmt.Println(f)
		}
	}, progress())
	if err != nil {
		return caddy.ExitCodeFailedStartup, fmt.Errorf("verifying: %w", err)
	}
	for _, chain := range v.Unsealed {
		fmt.Printf("chain %s: the checkpoint at its beginning was not checked: that takes the signing key, which --config leads to\n", chain)
	}
	for _, chain := range v.Chains {
		fmt.Printf("chain %s ends at %s\n", chain.ID, chain.Head)
	}
	fmt.Printf("%d records checked, %d pruned before\n", v.Records, v.Pruned)
	if findings > 0 {
		return exitWrong, fmt.Errorf("the ledger is not what it was: %d findings", findings)
	}
	fmt.Println("all is well")
	return caddy.ExitCodeSuccess, nil
}

// parseKeptHead reads [<chain>:]<count>:<hash>.
func parseKeptHead(text string) (ledger.KeptHead, error) {
	var kept ledger.KeptHead
	if strings.Count(text, ":") == 2 {
		kept.Chain, text, _ = strings.Cut(text, ":")
	}
	var err error
	kept.Head, err = ledger.ParseHead(text)
	return kept, err
}

func pruneCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Removes the records that are older than they may get",
		Long: `
Removes the records that are older than the retention of the configuration, or than
--older-than, and leaves a checkpoint in their place that is sealed with the
signing key, so that what remains can be verified. A running Caddy does the same
every hour by itself.
`,
		Example: `  caddy cookie-consent prune --older-than 365d`,
	}
	cmd.Flags().String("older-than", "", "Age from which records are removed, such as 365d")
	return subcommand(cmd, runPrune)
}

func runPrune(ctx context.Context, flags caddycmd.Flags) (int, error) {
	source, err := readSource(flags)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	if source.app == nil {
		return caddy.ExitCodeFailedStartup, errors.New("pruning takes the signing key: --config has to name the configuration with which the ledger was made")
	}
	age := time.Duration(source.app.Retention)
	if text := flags.String("older-than"); text != "" {
		if age, err = caddy.ParseDuration(text); err != nil || age < minRetention {
			return caddy.ExitCodeFailedStartup, fmt.Errorf("--older-than '%s' is not a duration from 1d such as 365d", text)
		}
	}
	before := time.Now().Add(-age)
	n, err := pruneFile(ctx, source, before)
	if err != nil {
		return caddy.ExitCodeFailedStartup, fmt.Errorf("pruning: %w", err)
	}
	fmt.Printf("%d records from before %s removed\n", n, before.UTC().Format(time.RFC3339))
	return caddy.ExitCodeSuccess, nil
}
