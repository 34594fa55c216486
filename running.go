package cookieconsent

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// errNotRunning is for what asks about a configuration that does not use this module.
var errNotRunning = errors.New("the running configuration does not use cookie_consent")

// A runningHandler is a handler of the running configuration.
type runningHandler struct {
	*Handler
	hosts []string // that the routes to it match; none for all
}

// runningApp returns the app of the running configuration. It goes by what runs now: an
// endpoint of Caddy's admin API outlives a configuration that could not be loaded.
func runningApp() (*App, error) {
	app, err := caddy.ActiveContext().AppIfConfigured("cookie_consent")
	if err != nil {
		return nil, errNotRunning
	}
	return app.(*App), nil
}

// runningHandlers returns the handlers of the running configuration, server by server.
func runningHandlers() []runningHandler {
	app, err := caddy.ActiveContext().AppIfConfigured("http")
	if err != nil {
		return nil
	}
	servers := app.(*caddyhttp.App).Servers
	var found []runningHandler
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		f := &handlerFinder{server: servers[name]}
		f.routes(servers[name].Routes, nil)
		if servers[name].Errors != nil {
			f.routes(servers[name].Errors.Routes, nil)
		}
		found = append(found, f.found...)
	}
	return found
}

// handlerFinder goes through the routes of a server.
type handlerFinder struct {
	server *caddyhttp.Server
	depth  int // named routes may name each other
	found  []runningHandler
}

func (f *handlerFinder) routes(routes caddyhttp.RouteList, hosts []string) {
	if f.depth++; f.depth <= maxDepth {
		for i := range routes {
			f.route(&routes[i], hosts)
		}
	}
	f.depth--
}

func (f *handlerFinder) route(route *caddyhttp.Route, hosts []string) {
	if own := hostsOf(route.MatcherSets); own != nil {
		hosts = own
	}
	for _, handler := range route.Handlers {
		switch handler := handler.(type) {
		case *Handler:
			f.found = append(f.found, runningHandler{handler, hosts})
		case *caddyhttp.Subroute:
			f.routes(handler.Routes, hosts)
			if handler.Errors != nil {
				f.routes(handler.Errors.Routes, hosts)
			}
		case *caddyhttp.Invoke:
			if named := f.server.NamedRoutes[handler.Name]; named != nil {
				f.routes(caddyhttp.RouteList{*named}, hosts)
			}
		}
	}
}

// hostsOf returns the hosts that matchers name; nil if there is a set that names none.
func hostsOf(sets caddyhttp.MatcherSets) []string {
	var hosts []string
	for _, set := range sets {
		named := false
		for _, matcher := range set {
			if names, ok := matcher.(*caddyhttp.MatchHost); ok {
				named = true
				for _, name := range *names {
					hosts = append(hosts, strings.ToLower(name))
				}
			}
		}
		if !named {
			return nil
		}
	}
	return hosts
}

// runningConfigured returns the handlers of the running configuration as commands see
// them; those that are switched off are left out.
func runningConfigured() ([]*configuredHandler, error) {
	var all []*configuredHandler
	for _, running := range runningHandlers() {
		if running.Mode == modeOff {
			continue
		}
		h, err := asConfigured(running.Handler, running.hosts)
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}
