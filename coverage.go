package cookieconsent

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// coverage tells which sites of a configuration use the directive, and where they
// answer without it.
type coverage struct {
	Handlers []coveredHandler // of the directive
	Gaps     []coverageGap
	Without  []string // sites that do not use it
}

// A coveredHandler is the configuration of a directive and where it stands.
type coveredHandler struct {
	where string
	raw   json.RawMessage
}

// A coverageGap is an answer of an application or of files that does not go through
// the directive, in a site that uses it elsewhere.
type coverageGap struct {
	where   string
	handler string
	inError bool // it answers in place of an error
}

// The parts of Caddy's JSON configuration that decide who answers.
type (
	httpServer struct {
		Routes      []httpRoute          `json:"routes"`
		Errors      *httpRoutes          `json:"errors"`
		NamedRoutes map[string]httpRoute `json:"named_routes"`
	}
	httpRoutes struct {
		Routes []httpRoute `json:"routes"`
	}
	httpRoute struct {
		Group  string                       `json:"group"`
		Match  []map[string]json.RawMessage `json:"match"`
		Handle []json.RawMessage            `json:"handle"`
	}
	httpHandler struct {
		Handler        string      `json:"handler"`
		Routes         []httpRoute `json:"routes"`
		Errors         *httpRoutes `json:"errors"`
		Name           string      `json:"name"`
		HandleResponse []struct {
			Routes []httpRoute `json:"routes"`
		} `json:"handle_response"`
	}
)

// answering are the handlers that pass on what an application or a file says.
var answering = []string{"reverse_proxy", "file_server", "php", "cgi"}

// readCoverage reads a configuration as Caddy runs it.
func readCoverage(config []byte) (*coverage, error) {
	var whole struct {
		Apps struct {
			HTTP struct {
				Servers map[string]httpServer `json:"servers"`
			} `json:"http"`
		} `json:"apps"`
	}
	if err := json.Unmarshal(config, &whole); err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	c := new(coverage)
	for _, name := range slices.Sorted(maps.Keys(whole.Apps.HTTP.Servers)) {
		c.addServer(whole.Apps.HTTP.Servers[name])
	}
	return c, nil
}

// addServer adds the sites of a server. Those of a Caddyfile are routes of their own,
// among the routes for errors too.
func (c *coverage) addServer(server httpServer) {
	using := map[string]bool{}
	covered := false
	for _, site := range server.Routes {
		w := &walk{server: server}
		after := w.route(site, covered, "")
		name := siteName(site)
		if len(w.handlers) == 0 && !covered {
			if len(w.gaps) > 0 {
				c.Without = append(c.Without, name)
			}
			continue
		}
		using[name] = true
		c.Handlers = append(c.Handlers, w.handlers...)
		c.Gaps = append(c.Gaps, w.gaps...)
		covered = covered || after && len(site.Match) == 0 && site.Group == ""
	}
	if server.Errors == nil || len(using) == 0 {
		return
	}
	for _, site := range server.Errors.Routes {
		if len(site.Match) > 0 && !using[siteName(site)] {
			continue
		}
		w := &walk{server: server, inError: true}
		w.route(site, false, "")
		c.Handlers = append(c.Handlers, w.handlers...)
		c.Gaps = append(c.Gaps, w.gaps...)
	}
}

func siteName(route httpRoute) string {
	if name := describeMatch(route.Match); name != "" {
		return name
	}
	return "every host"
}

// A walk goes through the routes of one site.
type walk struct {
	server   httpServer
	inError  bool
	depth    int
	handlers []coveredHandler
	gaps     []coverageGap
}

// maxDepth bounds how deep routes lie in routes: named ones may name each other.
const maxDepth = 32

// routes reports whether what follows the routes goes through the directive: one in a
// route that always matches wraps all that comes after it.
func (w *walk) routes(routes []httpRoute, covered bool, where string) bool {
	for _, r := range routes {
		after := w.route(r, covered, where)
		covered = covered || after && len(r.Match) == 0 && r.Group == ""
	}
	return covered
}

func (w *walk) route(r httpRoute, covered bool, where string) bool {
	if w.depth++; w.depth > maxDepth {
		return covered
	}
	defer func() { w.depth-- }()
	where = strings.TrimSpace(where + " " + describeMatch(r.Match))
	for _, raw := range r.Handle {
		var h httpHandler
		if json.Unmarshal(raw, &h) != nil {
			continue // Caddy will say so
		}
		switch h.Handler {
		case "cookie_consent":
			w.handlers = append(w.handlers, coveredHandler{where, raw})
			covered = true
		case "subroute":
			if h.Errors != nil {
				inner := &walk{server: w.server, inError: true, depth: w.depth}
				inner.routes(h.Errors.Routes, covered, where)
				w.handlers, w.gaps = append(w.handlers, inner.handlers...), append(w.gaps, inner.gaps...)
			}
			covered = w.routes(h.Routes, covered, where)
		case "invoke":
			covered = w.route(w.server.NamedRoutes[h.Name], covered, where)
		default:
			if !covered && slices.Contains(answering, h.Handler) {
				w.gaps = append(w.gaps, coverageGap{where, h.Handler, w.inError})
			}
			for _, response := range h.HandleResponse {
				w.routes(response.Routes, covered, where)
			}
		}
	}
	return covered
}

// describeMatch names the hosts and paths that a route is for.
func describeMatch(sets []map[string]json.RawMessage) string {
	all := make([]string, 0, len(sets))
	for _, set := range sets {
		var words []string
		for _, name := range []string{"host", "path"} {
			var values []string
			if json.Unmarshal(set[name], &values) == nil && len(values) > 0 {
				words = append(words, strings.Join(values, ", "))
			}
		}
		for name := range set {
			if name != "host" && name != "path" {
				words = append(words, "("+name+")")
			}
		}
		slices.Sort(words[min(len(words), 2):])
		all = append(all, strings.Join(words, " "))
	}
	return strings.Join(all, " or ")
}
