package cookieconsent

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddyserver/caddy/v2"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
)

func checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [<file>...]",
		Short: "Looks for mistakes in a configuration that can be loaded all the same",
		Long: `
Reads a configuration as 'caddy run' would and says what is probably not meant:

  * sites that answer without the directive somewhere: in routes for errors, in what
    comes before it, such as 'forward_auth', and in routes beside it
  * declarations that contradict what the catalog knows, such as a statistics cookie
    that is declared necessary
  * what visitors are not told: who is responsible, where the privacy policy is, and
    what something is for whose purpose looks like a misspelt word of the catalog
  * where the inventory differs from the declaration: hosts that pages may need to look
    right, with the line that lets them pass, other cookies and hosts that were seen
    and are not declared, and what is declared and was not seen, once the inventory of
    a site is two weeks old

The inventory is read as by 'caddy cookie-consent inventory': that of the running Caddy
or of this machine, if there is one, or the files that are named.

Exit status: 0 if there is nothing to say, 3 if there is, 1 if the configuration could
not be read.
`,
		Example: `  caddy cookie-consent check
  caddy cookie-consent check --config /etc/caddy/Caddyfile
  caddy cookie-consent check --config /etc/caddy/Caddyfile machine1.json machine2.json`,
	}
	cmd.Flags().StringP("config", "c", "", "Configuration file of Caddy")
	cmd.Flags().StringP("adapter", "a", "", "Name of the adapter for the configuration")
	cmd.Flags().String("address", "", "Admin endpoint of the running Caddy, if that of the configuration is not meant")
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(runCheck)
	return cmd
}

func runCheck(flags caddycmd.Flags) (int, error) {
	config, file, _, err := caddycmd.LoadConfig(flags.String("config"), flags.String("adapter"))
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	findings, err := checkConfig(config)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	_, seen, err := readSeen(flags.Args(), flags.String("address"), config, file)
	if _, none := errors.AsType[noInventoryError](err); !none {
		if err != nil {
			return caddy.ExitCodeFailedStartup, err
		}
		handlers, err := configuredHandlers(config)
		if err != nil {
			return caddy.ExitCodeFailedStartup, err
		}
		drifted, err := drift(handlers, seen, time.Now())
		if err != nil {
			return caddy.ExitCodeFailedStartup, err
		}
		findings = append(findings, drifted...)
	}
	if len(findings) == 0 {
		fmt.Println("nothing to say")
		return caddy.ExitCodeSuccess, nil
	}
	for _, finding := range findings {
		fmt.Println(finding)
	}
	return exitWrong, nil
}

// checkConfig returns what there is to say of a configuration, one thing a line.
func checkConfig(config []byte) ([]string, error) {
	sites, err := readCoverage(config)
	if err != nil {
		return nil, err
	}
	var findings []string
	say := func(where, format string, args ...any) {
		findings = append(findings, cmp.Or(where, "every host")+": "+fmt.Sprintf(format, args...))
	}
	if len(sites.Handlers) == 0 {
		return []string{"no site uses cookie_consent"}, nil
	}
	for _, site := range sites.Without {
		say(site, "does not use cookie_consent")
	}
	for _, gap := range sites.Gaps {
		if gap.inError {
			say(gap.where, "%s answers in place of an error without cookie_consent; write the directive into the handle_errors block too", gap.handler)
		} else {
			say(gap.where, "%s answers without cookie_consent, because the directive is not on its way; write it into the same block, before it", gap.handler)
		}
	}
	for _, directive := range sites.Handlers {
		h, err := newConfiguredHandler(directive.raw, nil)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", directive.where, err)
		}
		if h.Mode == modeObserve {
			say(directive.where, "only observes: nothing is kept back yet")
		}
		for _, finding := range h.check() {
			say(directive.where, "%s", finding)
		}
	}
	slices.Sort(findings)
	return slices.Compact(findings), nil
}

// check returns what there is to say of the directive itself.
func (h *Handler) check() []string {
	findings := h.warnings()
	say := func(format string, args ...any) { findings = append(findings, fmt.Sprintf(format, args...)) }
	if h.Controller == "" {
		say("visitors are not told who is responsible: say it by 'controller'")
	}
	if h.PrivacyPolicy == "" {
		say("visitors find no privacy policy: name its address by 'privacy_policy'")
	}
	cfg := h.policy.Config()
	for i := range cfg.Cookies {
		c := &cfg.Cookies[i]
		for _, pattern := range c.Patterns {
			h.checkCookie(say, pattern, c.Category)
		}
	}
	for i := range cfg.Services {
		s := &cfg.Services[i]
		for _, pattern := range s.Cookies {
			h.checkCookie(say, pattern, s.Category)
		}
		for _, host := range s.Hosts {
			h.checkHost(say, host+" is declared "+s.Category, host, s.Category)
		}
	}
	for _, host := range cfg.FirstParty {
		h.checkHost(say, host+" is listed as first_party", host, consent.Necessary)
	}
	return findings
}

// samples are what may stand where a declared name has a star, to find out whether the
// catalog knows names like it.
var samples = []string{"", "1", "G0ABCDEF12", "0123456789abcdef0123456789abcdef"}

// checkCookie compares a declaration to what is known of such names.
func (h *Handler) checkCookie(say func(string, ...any), pattern, category string) {
	for _, sample := range samples {
		known, ok := h.catalog.Cookie(strings.ReplaceAll(pattern, "*", sample))
		if ok && !known.IsHint() {
			contradict(say, "the cookie "+pattern+" is declared "+category, category, known)
			return
		}
		if !strings.Contains(pattern, "*") {
			return
		}
	}
}

func (h *Handler) checkHost(say func(string, ...any), what, host, category string) {
	known, ok := h.catalog.Host(strings.TrimPrefix(host, "*."))
	if ok && !known.IsCDN() {
		contradict(say, what, category, known)
	}
}

// contradict says that a declaration is milder than what is known.
func contradict(say func(string, ...any), what, category string, known catalog.Match) {
	strictness := []string{consent.Necessary, consent.Statistics, consent.FirstParty, consent.ThirdParty}
	declared := slices.Index(strictness, category)
	if declared < 0 || declared >= slices.Index(strictness, known.Category) {
		return
	}
	say("%s, but it belongs to %s, which counts as %s", what, cmp.Or(known.Name(), "a list of trackers"), known.Category)
}
