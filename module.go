// Package cookieconsent is a Caddy module that makes the cookie policy of an
// application behind it true: it shows the consent banner and, until a visitor
// agrees, keeps every cookie that needs consent out of responses, out of
// requests and out of the browser.
package cookieconsent

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/banner"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
	"github.com/cookieconsent/caddy-cookie-consent/consent/csp"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
	"github.com/cookieconsent/caddy-cookie-consent/consent/shim"
	"github.com/cookieconsent/caddy-cookie-consent/consent/wall"
)

func init() {
	caddy.RegisterModule(Handler{})
}

// The modes of a [Handler].
const (
	modeEnforce = "enforce"
	modeObserve = "observe"
	modeOff     = "off"
)

// The values of UpstreamEncoding.
const (
	upstreamIdentity = "identity"
	upstreamKeep     = "keep"
)

// The values of Wall.
const (
	bannerAuto   = "auto"
	bannerAlways = "always"
	bannerOff    = "off"

	settingsCorner = "corner"
	settingsFooter = "footer"

	wallOn     = "on"
	wallReport = "report"
	wallOff    = "off"
)

const (
	defaultPrefix     = "/.cookie-consent/"
	defaultCookieName = "cookies_preferences"
	defaultMaxAge     = 182 * 24 * time.Hour
)

// Handler enforces a cookie policy in front of an application. Every cookie of a
// category that needs consent is withheld until the visitor agreed to that
// category, in both directions; cookies that nobody declared count as needing
// consent. The session, CSRF, language and load-balancer cookies of common
// frameworks are known and pass.
//
// Place it outside of what produces pages and inside of `encode`, which is where
// the Caddyfile directive puts itself.
type Handler struct {
	// Mode is "enforce" (default), "observe" (only note what passes, and log what
	// would be withheld) or "off".
	Mode string `json:"mode,omitempty"`

	// Prefix is the path below which the handler answers itself. It begins and
	// ends with a slash. Default: /.cookie-consent/
	Prefix string `json:"prefix,omitempty"`

	// CookieName is the name of the cookie that keeps the visitor's choice.
	// Default: cookies_preferences
	CookieName string `json:"cookie_name,omitempty"`

	// CookieDomain makes one choice valid for every host below this domain.
	// Default: the host alone.
	CookieDomain string `json:"cookie_domain,omitempty"`

	// Revision is a number to raise when every visitor has to be asked again.
	Revision int `json:"revision,omitempty"`

	// Controller is who answers for the site, as shown to visitors.
	Controller string `json:"controller,omitempty"`

	// Contact is how to reach the controller, as shown to visitors.
	Contact string `json:"contact,omitempty"`

	// PrivacyPolicy is the address of the site's privacy policy.
	PrivacyPolicy string `json:"privacy_policy,omitempty"`

	// MaxAge is how long a choice is kept, agreement and refusal alike, in whole
	// days up to 400. Default: 182 days.
	MaxAge caddy.Duration `json:"max_age,omitempty"`

	// Language forces one language for the banner and the handler's own pages.
	// Default: that of the page, else the visitor's.
	Language string `json:"language,omitempty"`

	// DefaultLanguage is used where neither the page nor the visitor asks for a
	// language that there is. Default: en
	DefaultLanguage string `json:"default_language,omitempty"`

	// FirstParty lists further hosts of the same owner.
	FirstParty []string `json:"first_party,omitempty"`

	// UnknownCookies is the category of cookies that nobody declared. It can't
	// be necessary. Default: first_party
	UnknownCookies string `json:"unknown_cookies,omitempty"`

	// UnknownHosts is the category of other sites' hosts that nobody declared.
	// It can't be necessary. Default: third_party
	UnknownHosts string `json:"unknown_hosts,omitempty"`

	// PassHeader names a request header that tells the application what the
	// visitor chose, such as
	// "necessary=granted, statistics=refused, first_party=not_asked". What a
	// client sends under that name is removed. Default: no header.
	PassHeader string `json:"pass_header,omitempty"`

	// UpstreamEncoding is the content coding in which the application is asked for
	// pages: "identity" (default) asks for none, which is cheapest where it is
	// near; "keep" asks for those that the browser accepts and this module can
	// decode, which spares bytes on the way from an application far away.
	UpstreamEncoding string `json:"upstream_encoding,omitempty"`

	// Banner is when visitors are asked: "auto" (default) where the declaration, or what
	// was seen on the site and nobody declared, holds something that needs consent;
	// "always"; or "off", where something else than the module asks.
	Banner string `json:"banner,omitempty"`

	// Settings is where visitors find the link to the settings once they have chosen:
	// "corner" (default) of the window, or "footer", as the last line of the page.
	Settings string `json:"settings,omitempty"`

	// SettingsLink is a CSS selector for elements of pages that open the settings when
	// they are activated. Where a page has one, the link of Settings is hidden. It takes
	// JavaScript; without it, the link of Settings stays.
	SettingsLink string `json:"settings_link,omitempty"`

	// Texts are texts for visitors in place of those of the module, by their names in
	// its language files, such as "banner_title". The tag "" is for all languages.
	Texts map[string]consent.Text `json:"texts,omitempty"`

	// Wall is what keeps style sheets and scripts of a page from contacting whom the
	// visitor did not agree to: "on" (default) a Content-Security-Policy, "report"
	// one that browsers only report about, or "off". What pages load by their markup
	// is blocked in any case.
	Wall string `json:"wall,omitempty"`

	// GoogleConsentMode makes pages tell the visitor's choice to Google's scripts
	// before these run (Google Consent Mode, version 2), and says for each type of
	// consent, such as "ad_storage", which categories have to be granted for it.
	// Types that are missing have the default: statistics for analytics_storage,
	// first_party and third_party for those that begin with "ad_", first_party for
	// personalization_storage and necessary for the others. Default: nothing is told.
	GoogleConsentMode shim.GoogleConsentMode `json:"google_consent_mode,omitzero"`

	// Categories change the built-in categories (necessary, statistics,
	// first_party, third_party) or add others.
	Categories []consent.Category `json:"categories,omitempty"`

	// Cookies declare cookies of the application.
	Cookies []consent.Cookie `json:"cookies,omitempty"`

	// Services declare products of one provider each.
	Services []consent.Service `json:"services,omitempty"`

	// Catalog lists files of the operator's own that say more of cookies and hosts than
	// the module knows by itself: entries in the format of its catalog (TOML), hosts
	// files, lists of domains, and filter lists, of which rules such as
	// "||tracker.example^" are read. They are read when the configuration is loaded.
	// Cookies that entries name are known as if the module knew them; hosts are named in
	// the log, and no more.
	Catalog []string `json:"catalog,omitempty"`

	// Stylesheet is the file of a style sheet of the operator's own, which banner and
	// pages get behind that of the module. It has at most 64 KiB, and what it loads is
	// below paths of the site. It is read when the configuration is loaded.
	Stylesheet string `json:"stylesheet,omitempty"`

	// Templates is a directory with templates of the operator's own: one or more of
	// banner.html, page.html and placeholder.html. What they define takes the place of
	// the module's own templates; they are read, and tried out, when the configuration
	// is loaded.
	Templates string `json:"templates,omitempty"`

	// GPC makes the site say at /.well-known/gpc.json that it honours the Global
	// Privacy Control, and since when: a day such as 2026-01-31. The handler honours it
	// in any case. Default: the address is left to the application.
	GPC string `json:"gpc,omitempty"`

	catalog     *catalog.Catalog
	theme       *banner.Theme
	policy      *consent.Policy
	policies    *wall.Policies // nil if the wall is off
	banner      *banner.Renderer
	shim        *shim.Script
	capsCookies bool // whether lifetimes of granted cookies are capped
	pieces      [pieceCount]csp.Piece
	admissions  *admissions
	keys        *keyring
	ledger      *appLedger // nil if off
	inventory   *inventory.Inventory
	shown       *shownCache
	preferences *preferenceCache
	notices     *notices
	asking      *asking
	counters    map[string]categoryCounters // by category
	unasked     *consent.Decision           // that of a visitor who has not chosen
	edition     string                      // changes whenever the same page would be rewritten differently
	logger      *zap.Logger
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.cookie_consent",
		New: func() caddy.Module { return new(Handler) },
	}
}

// config returns the part of the configuration that makes the policy.
func (h *Handler) config() consent.Config {
	return consent.Config{
		CookieName:     h.CookieName,
		Revision:       h.Revision,
		FirstParty:     h.FirstParty,
		UnknownCookies: h.UnknownCookies,
		UnknownHosts:   h.UnknownHosts,
		Known:          h.catalog.Known(),
		Categories:     h.Categories,
		Cookies:        h.Cookies,
		Services:       h.Services,
	}
}

// hasCategory reports whether there is a category of that name.
func (h *Handler) hasCategory(name string) bool {
	return slices.ContainsFunc(h.policy.Categories(), func(c *consent.Category) bool { return c.Name == name })
}

// setDefaults fills in what was not configured.
func (h *Handler) setDefaults() {
	if h.Mode == "" {
		h.Mode = modeEnforce
	}
	if h.Prefix == "" {
		h.Prefix = defaultPrefix
	}
	if h.CookieName == "" {
		h.CookieName = defaultCookieName
	}
	if h.UpstreamEncoding == "" {
		h.UpstreamEncoding = upstreamIdentity
	}
	if h.Banner == "" {
		h.Banner = bannerAuto
	}
	if h.Settings == "" {
		h.Settings = settingsCorner
	}
	if h.Wall == "" {
		h.Wall = wallOn
	}
	if h.MaxAge == 0 {
		h.MaxAge = caddy.Duration(defaultMaxAge)
	}
	if h.catalog == nil {
		h.catalog = catalog.Default()
	}
}

// Provision checks and compiles the configuration.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.logger = ctx.Logger()
	h.setDefaults()
	if err := h.loadCatalog(); err != nil {
		return err
	}
	if err := h.loadTheme(); err != nil {
		return err
	}
	if err := h.compile(); err != nil {
		return err
	}
	for _, warning := range h.warnings() {
		h.logger.Warn(warning)
	}

	app, err := ctx.App("cookie_consent")
	if err != nil {
		return fmt.Errorf("loading the cookie_consent app: %w", err)
	}
	h.keys, h.ledger = app.(*App).keys, app.(*App).ledger
	h.inventory = app.(*App).inventory.Inventory
	h.unasked = h.policy.Decide(nil, false)
	h.preferences = newPreferenceCache()
	h.shown = new(shownCache)
	h.admissions = new(admissions)
	h.notices = newNotices(h.logger, h.catalog)
	h.notices.quiet = h.Banner == bannerOff
	h.asking = newAsking(h)
	h.counters = newCategoryCounters(h.policy)
	h.edition = h.banner.Edition() + h.shim.Name()
	return registerMetrics(ctx.GetMetricsRegistry())
}

// compile checks everything that can be checked without a running Caddy, and keeps
// what it makes of the configuration. The Caddyfile adapter calls it too, to report
// errors with file and line.
func (h *Handler) compile() (err error) {
	if err := h.checkOptions(); err != nil {
		return err
	}
	if h.policy, err = consent.New(h.config()); err != nil {
		return err
	}
	h.banner, err = banner.New(h.policy, banner.Config{
		Prefix:          h.Prefix,
		Controller:      h.Controller,
		Contact:         h.Contact,
		PrivacyPolicy:   h.PrivacyPolicy,
		Language:        h.Language,
		DefaultLanguage: h.DefaultLanguage,
		OwnTexts:        h.Texts,
		Footer:          h.Settings == settingsFooter,
		MaxAge:          time.Duration(h.MaxAge),
		CookieName:      h.CookieName,
		Theme:           h.theme,
	})
	if err != nil {
		return err
	}
	h.capsCookies = h.policy.CapsLifetimes()
	if h.shim, err = shim.New(h.policy, h.Prefix, h.SettingsLink, h.GoogleConsentMode); err != nil {
		return err
	}
	h.pieces = h.piecesOf()
	if h.Wall == wallOff {
		return nil
	}
	h.policies, err = wall.NewPolicies(h.policy)
	return err
}

// checkOptions checks the options that concern HTTP rather than the policy.
func (h *Handler) checkOptions() error {
	for _, option := range []struct {
		field, value, problem string
		allowed               []string
	}{
		{"mode", h.Mode, "is not a mode", []string{modeEnforce, modeObserve, modeOff}},
		{"upstream_encoding", h.UpstreamEncoding, "is not a way to ask for pages", []string{upstreamIdentity, upstreamKeep}},
		{"banner", h.Banner, "is not a time to ask", []string{bannerAuto, bannerAlways, bannerOff}},
		{"settings", h.Settings, "is not a place for the link to the settings", []string{settingsCorner, settingsFooter}},
		{"wall", h.Wall, "is not a kind of wall", []string{wallOn, wallReport, wallOff}},
	} {
		if !slices.Contains(option.allowed, option.value) {
			return &consent.ConfigError{Field: option.field, Value: option.value, Problem: option.problem, Allowed: option.allowed}
		}
	}
	if h.SettingsLink != "" && !validSelector(h.SettingsLink) {
		return &consent.ConfigError{
			Field: "settings_link", Value: h.SettingsLink, Problem: "is not a CSS selector whose brackets and quotes are closed",
		}
	}
	for i, category := range h.Categories {
		if category.Name == statePlaceholder {
			return &consent.ConfigError{
				Field: fmt.Sprintf("categories[%d].name", i), Value: category.Name,
				Problem: "is taken: the placeholder of that name tells the visitor's choice as a whole",
			}
		}
	}
	if !validPrefix(h.Prefix) {
		return &consent.ConfigError{
			Field: "prefix", Value: h.Prefix,
			Problem: "is not a path that begins and ends with a slash, has a name in between and consists of letters, digits, '.', '_', '-' and '/'",
		}
	}
	if h.CookieDomain != "" {
		if !validDomain(h.CookieDomain) {
			return &consent.ConfigError{
				Field: "cookie_domain", Value: h.CookieDomain,
				Problem: "is not a registrable domain or a host below one, in lower case without a leading dot",
			}
		}
		if len(h.CookieName) >= 7 && strings.EqualFold(h.CookieName[:7], "__Host-") {
			return &consent.ConfigError{
				Field: "cookie_domain", Value: h.CookieDomain,
				Problem: "can't be combined with a cookie name that begins with __Host-",
			}
		}
	}
	const day = 24 * time.Hour
	if maxAge := time.Duration(h.MaxAge); maxAge < day || maxAge > consent.MaxLifetimeDays*day || maxAge%day != 0 {
		return &consent.ConfigError{
			Field: "max_age", Value: consent.Lifetime{Duration: maxAge}.String(),
			Problem: fmt.Sprintf("is not a whole number of days from 1d to %dd", consent.MaxLifetimeDays),
		}
	}
	if h.PassHeader != "" && !isFreeHeader(h.PassHeader) {
		return &consent.ConfigError{
			Field: "pass_header", Value: h.PassHeader,
			Problem: "is not the name of a header that is free to use, such as X-Consent",
		}
	}
	if _, err := time.Parse(time.DateOnly, h.GPC); h.GPC != "" && err != nil {
		return &consent.ConfigError{
			Field: "gpc", Value: h.GPC,
			Problem: "is not the day since when the signal is honoured, such as 2026-01-31",
		}
	}
	if h.PrivacyPolicy != "" && !validLink(h.PrivacyPolicy) {
		return &consent.ConfigError{
			Field: "privacy_policy", Value: h.PrivacyPolicy,
			Problem: "is neither an http(s) address nor a path of this site",
		}
	}
	return nil
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if h.Mode == modeOff {
		removeHeader(r.Header, h.PassHeader)
		return next.ServeHTTP(w, r)
	}
	outer := exchangeOf(r)
	first := outer == nil
	if outer != nil && outer.handler.Mode == modeObserve && h.Mode == modeEnforce {
		outer = nil // what only observes does not keep an inner handler from enforcing
	}
	if outer != nil && !outer.mustRepeat(r) {
		return next.ServeHTTP(w, r)
	}
	x := h.newExchange(r, outer)
	if strings.HasPrefix(x.url.Path, h.Prefix) {
		return h.serveEndpoint(w, r, x)
	}
	if h.servesGPC(r, x) {
		return h.serveGPC(w, r, x)
	}
	if first {
		x.noteRequest(r)
	}
	if h.Mode == modeObserve {
		removeHeader(r.Header, h.PassHeader)
		x.observeRequest(r)
		ow := newObservingWriter(w, r, x)
		defer ow.close()
		return next.ServeHTTP(ow, r)
	}

	if state, rule := x.decision.Path(x.url.RequestURI()); state != consent.Granted {
		x.countContacts(rule.Category, 1)
		return servePath(w, r)
	}
	x.filterRequest(r)
	rw := newResponseWriter(w, r, x)
	defer rw.release()
	return rw.serve(r, next)
}

// Interface guards
var (
	_ caddy.Module                = (*Handler)(nil)
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
