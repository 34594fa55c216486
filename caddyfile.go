package cookieconsent

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

func init() {
	httpcaddyfile.RegisterDirective("cookie_consent", parseDirective)
	httpcaddyfile.RegisterDirectiveOrder("cookie_consent", httpcaddyfile.After, "encode")
	httpcaddyfile.RegisterHandlerDirective("cookie_consent_report", parseReport)
	httpcaddyfile.RegisterDirectiveOrder("cookie_consent_report", httpcaddyfile.After, "encode") // and before cookie_consent
	httpcaddyfile.RegisterGlobalOption("cookie_consent", parseGlobalOption)
}

// parseDirective makes a route of the directive. Where the directive has a
// matcher, its own endpoints are matched besides: a visitor who was asked on one
// page must be able to answer, whatever the matcher says about other paths.
func parseDirective(helper httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	if !helper.Next() {
		return nil, helper.ArgErr()
	}
	matcher, err := helper.ExtractMatcherSet()
	if err != nil {
		return nil, err
	}
	h := new(Handler)
	if err := h.UnmarshalCaddyfile(helper.Dispenser); err != nil {
		return nil, err
	}
	routes := helper.NewRoute(matcher, h)
	if matcher == nil {
		return routes, nil
	}
	prefix := h.Prefix
	if prefix == "" {
		prefix = defaultPrefix
	}
	own := "^" + regexp.QuoteMeta(prefix)
	if h.GPC != "" {
		own += "|^" + regexp.QuoteMeta(gpcPath) + "$"
	}
	route := routes[0].Value.(caddyhttp.Route)
	route.MatcherSetsRaw = append(route.MatcherSetsRaw, caddy.ModuleMap{
		"vars_regexp": helper.JSON(map[string]any{
			"{http.request.orig_uri.path}": map[string]string{"pattern": own},
		}),
	})
	routes[0].Value = route
	return routes, nil
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	cookie_consent [<matcher>] {
//		mode             enforce|observe|off
//		prefix           <path>
//		cookie_name      <name>
//		cookie_domain    <domain>
//		revision         <n>
//		controller       <text>
//		contact          <text>
//		privacy_policy   <url>
//		max_age          <duration>
//		language         <tag>
//		default_language <tag>
//		first_party      <host>...
//		unknown_cookies  <category>
//		unknown_hosts    <category>
//		catalog          <file>...
//		pass_header      <name>
//		upstream_encoding identity|keep
//		banner           auto|always|off
//		settings         corner|footer
//		settings_link    <selector>
//		text             <name> [<lang>] <text>
//		wall             on|report|off
//		stylesheet       <file>
//		templates        <directory>
//		gpc              <day>
//		google_consent_mode {
//			<type> <category>...
//		}
//		category <name> {
//			title       [<lang>] <text>
//			description [<lang>] <text>
//			exempt      <justification>
//		}
//		cookie <pattern>... {
//			category   <name>
//			provider   <text>
//			function   [<lang>] <text>
//			purpose    <word>|[<lang>] <text>
//			lifetime   <duration>|session
//			recipients <text>
//		}
//		service <id> {
//			category <name>
//			provider <text>
//			purpose  <word>|[<lang>] <text>
//			exempt   <justification>
//			cookies  <pattern>...
//			hosts    <host>...
//			paths    <path>...
//			storage  <key>...
//			inline   <text>...
//			policy   <url>
//		}
//	}
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	p := &parser{Dispenser: d, positions: map[string]caddyfile.Token{"": d.Token()}}
	if d.NextArg() {
		return d.Errf("cookie_consent takes no argument besides a matcher, but found '%s'", d.Val())
	}
	if err := p.block("cookie_consent", h.option(p)); err != nil {
		return err
	}
	checked := *h
	checked.setDefaults()
	if err := checked.compile(); err != nil {
		return p.located(err)
	}
	return nil
}

// option returns the parser of the directive's options.
func (h *Handler) option(p *parser) func(option string) error {
	return func(option string) error {
		switch option {
		case "mode":
			return p.word("mode", &h.Mode)
		case "prefix":
			return p.word("prefix", &h.Prefix)
		case "cookie_name":
			return p.word("cookie_name", &h.CookieName)
		case "cookie_domain":
			return p.word("cookie_domain", &h.CookieDomain)
		case "controller":
			return p.word("controller", &h.Controller)
		case "contact":
			return p.word("contact", &h.Contact)
		case "privacy_policy":
			return p.word("privacy_policy", &h.PrivacyPolicy)
		case "language":
			return p.word("language", &h.Language)
		case "default_language":
			return p.word("default_language", &h.DefaultLanguage)
		case "unknown_cookies":
			return p.word("unknown_cookies", &h.UnknownCookies)
		case "unknown_hosts":
			return p.word("unknown_hosts", &h.UnknownHosts)
		case "upstream_encoding":
			return p.word("upstream_encoding", &h.UpstreamEncoding)
		case "banner":
			return p.word("banner", &h.Banner)
		case "settings":
			return p.word("settings", &h.Settings)
		case "settings_link":
			return p.word("settings_link", &h.SettingsLink)
		case "text":
			return p.ownText(&h.Texts)
		case "wall":
			return p.word("wall", &h.Wall)
		case "stylesheet":
			return p.word("stylesheet", &h.Stylesheet)
		case "templates":
			return p.word("templates", &h.Templates)
		case "gpc":
			return p.word("gpc", &h.GPC)
		case "pass_header":
			return p.word("pass_header", &h.PassHeader)
		case "catalog":
			return p.words("catalog", &h.Catalog)
		case "first_party":
			return p.words("first_party", &h.FirstParty)
		case "revision":
			var text string
			if err := p.word("revision", &text); err != nil {
				return err
			}
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				return p.Errf("revision '%s' is not a whole number from 0", text)
			}
			h.Revision = n
			return nil
		case "max_age":
			var text string
			if err := p.word("max_age", &text); err != nil {
				return err
			}
			d, err := caddy.ParseDuration(text)
			if err != nil || d == 0 { // zero would stand for the default
				return p.Errf("max_age '%s' is not a duration such as 182d", text)
			}
			h.MaxAge = caddy.Duration(d)
			return nil
		case "google_consent_mode":
			return p.googleConsentMode(&h.GoogleConsentMode)
		case "category":
			return p.category(&h.Categories)
		case "cookie":
			return p.cookie(&h.Cookies)
		case "service":
			return p.service(&h.Services)
		default:
			return p.unknownOption("cookie_consent", option,
				"mode", "prefix", "cookie_name", "cookie_domain", "revision", "controller", "contact", "privacy_policy",
				"max_age", "language", "default_language", "first_party", "unknown_cookies", "unknown_hosts", "catalog",
				"pass_header", "upstream_encoding", "banner", "settings", "settings_link", "text", "wall", "stylesheet", "templates", "gpc", "google_consent_mode", "category", "cookie", "service")
		}
	}
}

// parseGlobalOption parses the global option of what sites share. Syntax:
//
//	cookie_consent {
//		signing_key  <key>...
//		ledger       off
//		retention    <duration>
//		choice_limit <n>|off
//		sqlite       [<path>] {
//			max_size <size>
//		}
//		postgres     <dsn> {
//			...
//		}
//	}
func parseGlobalOption(d *caddyfile.Dispenser, existing any) (any, error) {
	app := new(App)
	if previous, ok := existing.(httpcaddyfile.App); ok {
		if err := json.Unmarshal(previous.Value, app); err != nil {
			return nil, fmt.Errorf("reading the earlier cookie_consent option: %w", err)
		}
	}
	d.Next() // the option's name
	if d.NextArg() {
		return nil, d.Errf("the global option cookie_consent takes no argument, but found '%s'", d.Val())
	}
	p := &parser{Dispenser: d, positions: map[string]caddyfile.Token{"": d.Token()}}
	before := len(app.SigningKeys)
	if err := p.block("the global option cookie_consent", app.option(p)); err != nil {
		return nil, err
	}
	for i, key := range app.SigningKeys[before:] {
		if strings.Contains(key, "{") {
			continue // a placeholder, which is known when the configuration is loaded
		}
		if problem := checkSigningKey(key); problem != "" {
			return nil, p.located(&consent.ConfigError{Field: fmt.Sprintf("signing_keys[%d]", before+i), Problem: problem})
		}
	}
	if app.LedgerOff && app.StoreRaw != nil {
		return nil, d.Err("the ledger is off, but a store is configured for it")
	}
	return httpcaddyfile.App{Name: "cookie_consent", Value: caddyconfig.JSON(app, nil)}, nil
}

// option returns the parser of the global option's options.
func (a *App) option(p *parser) func(option string) error {
	return func(option string) error {
		var text string
		switch option {
		case "signing_key":
			return p.words("signing_keys", &a.SigningKeys)
		case "ledger":
			if err := p.word("ledger_off", &text); err != nil {
				return err
			}
			if text != "off" {
				return p.Errf("ledger '%s' is not allowed; allowed: off", text)
			}
			a.LedgerOff = true
			return nil
		case "retention":
			if err := p.word("retention", &text); err != nil {
				return err
			}
			retention, err := caddy.ParseDuration(text)
			if err != nil || retention < minRetention {
				return p.Errf("retention '%s' is not a duration from 1d such as 1096d", text)
			}
			a.Retention = caddy.Duration(retention)
			return nil
		case "choice_limit":
			if err := p.word("choice_limit", &text); err != nil {
				return err
			}
			n, err := strconv.Atoi(text)
			if text == "off" {
				n, err = -1, nil
			} else if n < 1 {
				err = strconv.ErrRange
			}
			if err != nil {
				return p.Errf("choice_limit '%s' is neither a number from 1 nor off", text)
			}
			a.ChoiceLimit = n
			return nil
		case "sqlite", "postgres":
			return a.parseStore(p, option)
		default:
			return p.unknownOption("the global option cookie_consent", option,
				"signing_key", "ledger", "retention", "choice_limit", "sqlite", "postgres")
		}
	}
}

// parseStore lets the module of a store parse its option.
func (a *App) parseStore(p *parser, name string) error {
	if a.StoreRaw != nil {
		return p.Errf("'%s' is a second store; the ledger has one", name)
	}
	id := "cookie_consent.stores." + name
	if _, err := caddy.GetModule(id); err != nil {
		return p.Errf("'%s' is not part of this Caddy; build it --with github.com/cookieconsent/caddy-cookie-consent/%s", name, name)
	}
	module, err := caddyfile.UnmarshalModule(p.Dispenser, id)
	if err != nil {
		return err
	}
	a.StoreRaw = caddyconfig.JSONModuleObject(module, "driver", name, nil)
	return nil
}

// located adds file and line to an error that names a field of the configuration.
func (p *parser) located(err error) error {
	configErr, ok := errors.AsType[*consent.ConfigError](err)
	if !ok {
		return p.WrapErr(err)
	}
	at := caddyfile.NewDispenser([]caddyfile.Token{p.position(configErr.Field)})
	at.Next()
	return at.WrapErr(err)
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
