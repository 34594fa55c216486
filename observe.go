package cookieconsent

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/cookie"
)

// observingWriter changes nothing. It tells which cookies of a response would be
// withheld from a visitor who was not asked.
type observingWriter struct {
	*caddyhttp.ResponseWriterWrapper
	x    *exchange
	done bool
}

func newObservingWriter(w http.ResponseWriter, x *exchange) *observingWriter {
	return &observingWriter{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, x: x}
}

// WriteHeader looks at the header on its way.
func (w *observingWriter) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.look()
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write looks at the header that is written implicitly.
func (w *observingWriter) Write(p []byte) (int, error) {
	w.look()
	return w.ResponseWriter.Write(p)
}

func (w *observingWriter) look() {
	if w.done {
		return
	}
	w.done = true
	learner := learned.On(w.x.host)
	for key, lines := range w.Header() {
		if !strings.EqualFold(key, "Set-Cookie") {
			continue
		}
		for _, line := range lines {
			pair, attributes, _ := strings.Cut(line, ";")
			for name := range cookie.Pairs([]string{pair}) {
				if w.x.observe(name).Category != consent.Necessary {
					learner.Learn(name, attributes) // for when refusals are enforced
				}
			}
		}
	}
}

// ReadFrom looks at the header and keeps the kernel's short cut for files open.
func (w *observingWriter) ReadFrom(r io.Reader) (int64, error) {
	w.look()
	return w.ResponseWriterWrapper.ReadFrom(r)
}

// FlushError looks at the header before it is sent.
func (w *observingWriter) FlushError() error {
	w.look()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack looks at the header before the connection is handed over.
func (w *observingWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.look()
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// observe tells about one cookie that passes, and returns the rule for it.
func (x *exchange) observe(name string) *consent.Rule {
	state, rule := x.handler.unasked.Cookie(name)
	if state != consent.Granted && name != x.handler.CookieName {
		x.handler.notices.wouldWithhold(name, rule.Category, rule.Declared)
	}
	return rule
}

// observeRequest tells about the cookies that the browser sends.
func (x *exchange) observeRequest(r *http.Request) {
	for name := range cookie.Pairs(r.Header["Cookie"]) {
		x.observe(name)
	}
}
