package integration_test

import (
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// wholeRequest waits for the end of a request over HTTP/3 that has no body, which
// may come in a packet of its own. Where that is late by a fifth of a second, on a
// busy machine, Caddy's proxy reads the trailers while it notes them, which is a data
// race of its own.
type wholeRequest struct{}

// wholeRequestLine is the directive, in a site block.
const wholeRequestLine = "\twhole_request\n"

func init() {
	caddy.RegisterModule(wholeRequest{})
	httpcaddyfile.RegisterHandlerDirective("whole_request", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		return wholeRequest{}, nil
	})
	httpcaddyfile.RegisterDirectiveOrder("whole_request", httpcaddyfile.Before, "tracing")
}

// CaddyModule returns the Caddy module information.
func (wholeRequest) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.whole_request", New: func() caddy.Module { return new(wholeRequest) }}
}

func (wholeRequest) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if r.ProtoMajor == 3 && (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.ContentLength < 0 {
		if n, err := io.Copy(io.Discard, r.Body); err != nil || n > 0 {
			return caddyhttp.Error(http.StatusBadRequest, err)
		}
		r.Body, r.ContentLength = http.NoBody, 0
	}
	return next.ServeHTTP(w, r)
}

// Interface guards
var _ caddyhttp.MiddlewareHandler = (*wholeRequest)(nil)
