package cookieconsent

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/catalog"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
)

// configuredHandler is a handler of a configuration as commands see it.
type configuredHandler struct {
	*Handler

	hosts    []string        // that the routes to it match; none for all
	bare     bool            // it has no options but the mode
	declared *consent.Policy // what the operator declares, without what the catalog knows
	folded   map[string]bool // names that are declared, as an inventory has them
}

// configuredHandlers returns the handlers of a configuration in JSON, in their order;
// those that are switched off are left out.
func configuredHandlers(config []byte) ([]*configuredHandler, error) {
	if len(config) == 0 {
		return nil, nil
	}
	var whole any
	if err := json.Unmarshal(config, &whole); err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	var found []*configuredHandler
	err := eachHandler(whole, nil, func(raw json.RawMessage, hosts []string) error {
		h, err := newConfiguredHandler(raw, hosts)
		if err == nil && h.Mode != modeOff {
			found = append(found, h)
		}
		return err
	})
	return found, err
}

// eachHandler calls visit for each handler of this module below a value, with the hosts
// that the routes to it match.
func eachHandler(value any, hosts []string, visit func(raw json.RawMessage, hosts []string) error) error {
	switch value := value.(type) {
	case []any:
		for _, inner := range value {
			if err := eachHandler(inner, hosts, visit); err != nil {
				return err
			}
		}
	case map[string]any:
		if value["handler"] == "cookie_consent" {
			raw, err := json.Marshal(value)
			if err != nil {
				return err
			}
			return visit(raw, hosts)
		}
		if own := matchedHosts(value["match"]); own != nil {
			hosts = own
		}
		for _, inner := range value {
			if err := eachHandler(inner, hosts, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// matchedHosts returns the hosts that the matchers of a route name; nil if there is one
// that names none.
func matchedHosts(match any) []string {
	sets, _ := match.([]any)
	var hosts []string
	for _, set := range sets {
		matchers, _ := set.(map[string]any)
		names, _ := matchers["host"].([]any)
		if len(names) == 0 {
			return nil
		}
		for _, name := range names {
			if text, ok := name.(string); ok {
				hosts = append(hosts, strings.ToLower(text))
			}
		}
	}
	return hosts
}

func newConfiguredHandler(raw json.RawMessage, hosts []string) (*configuredHandler, error) {
	h := new(Handler)
	if err := json.Unmarshal(raw, h); err != nil {
		return nil, fmt.Errorf("reading a cookie_consent handler: %w", err)
	}
	bare := reflect.DeepEqual(*h, Handler{Mode: h.Mode})
	h.logger = zap.NewNop()
	if err := h.loadCatalog(); err != nil {
		return nil, err
	}
	if err := h.loadTheme(); err != nil {
		return nil, err
	}
	h.setDefaults()
	if err := h.compile(); err != nil {
		return nil, err
	}
	configured, err := asConfigured(h, hosts)
	if err == nil {
		configured.bare = bare
	}
	return configured, err
}

// asConfigured returns a handler that is compiled as commands see it.
func asConfigured(handler *Handler, hosts []string) (*configuredHandler, error) {
	h := &configuredHandler{Handler: handler, hosts: hosts, folded: map[string]bool{}}
	cfg := h.config()
	cfg.Known = nil
	var err error
	if h.declared, err = consent.New(cfg); err != nil {
		return nil, err
	}
	fold := func(names []string) {
		for _, name := range names {
			if !strings.Contains(name, "*") {
				h.folded[inventory.Fold(name, knownShape)] = true
			}
		}
	}
	for i := range h.Cookies {
		fold(h.Cookies[i].Patterns)
	}
	for i := range h.Services {
		fold(h.Services[i].Cookies)
	}
	return h, nil
}

// handlerOf returns the handler for a site, or what holds without one.
func handlerOf(handlers []*configuredHandler, site string) (*configuredHandler, error) {
	for _, matches := range []func(host string) bool{
		func(host string) bool { return host == site },
		func(host string) bool {
			_, parent, _ := strings.Cut(site, ".")
			below, wildcard := strings.CutPrefix(host, "*.")
			return wildcard && parent == below
		},
	} {
		for _, h := range handlers {
			if slices.ContainsFunc(h.hosts, matches) {
				return h, nil
			}
		}
	}
	for _, h := range handlers {
		if len(h.hosts) == 0 {
			return h, nil
		}
	}
	return newConfiguredHandler(json.RawMessage(`{"mode":"observe"}`), nil)
}

// A verdict is how something of an inventory is classified.
type verdict struct {
	category string        // that holds for it now
	declared bool          // by the operator
	known    catalog.Match // of what the catalog knows
}

// by says in a word or two who classifies it.
func (v *verdict) by() string {
	switch {
	case v.declared:
		return "declared"
	case v.known.List != nil:
		return "list " + v.known.List.File
	case v.known.Name() == "":
		return "unknown"
	case v.known.IsHint():
		return "perhaps " + v.known.Name()
	}
	return "catalog: " + v.known.Name()
}

// classifyCookie classifies a name as an inventory has it.
func (h *configuredHandler) classifyCookie(name string) verdict {
	example := consent.KnownExample(name)
	known, _ := h.catalog.Cookie(example)
	return verdict{
		category: h.policy.CookieRule(example).Category,
		declared: h.folded[name] || h.declared.CookieRule(example).Declared,
		known:    known,
	}
}

// classifyHost classifies a host of others as an inventory of a site has it.
func (h *configuredHandler) classifyHost(site, host string) verdict {
	example := (&inventory.Host{Host: host}).Example()
	to := h.policy.Destination(h.policy.NewPage("https", site, "/"), "https://"+example+"/")
	known, _ := h.catalog.Host(example)
	return verdict{category: to.Rule.Category, declared: to.Party != consent.UnknownParty, known: known}
}
