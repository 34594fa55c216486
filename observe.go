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

// observingWriter changes nothing but for a header by which browsers report what they
// would load. It notes what a response sets and loads, and tells what would be withheld
// from a visitor who was not asked.
type observingWriter struct {
	*caddyhttp.ResponseWriterWrapper
	x    *exchange
	r    *http.Request
	done bool
	page *observedPage // nil if the body is not read
}

func newObservingWriter(w http.ResponseWriter, r *http.Request, x *exchange) *observingWriter {
	return &observingWriter{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, x: x, r: r}
}

// WriteHeader looks at the header on its way.
func (w *observingWriter) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.look(status)
	} else if !w.done {
		w.x.observeHeader(w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write looks at the header that is written implicitly.
func (w *observingWriter) Write(p []byte) (int, error) {
	w.look(http.StatusOK)
	n, err := w.ResponseWriter.Write(p)
	if w.page != nil {
		_, _ = w.page.Write(p[:n]) // which never fails
	}
	return n, err
}

// look notes what the header of a response says, once.
func (w *observingWriter) look(status int) {
	if w.done {
		return
	}
	w.done = true
	if exchangeOf(w.r) != w.x {
		return // a handler further inside has noted it before it was filtered
	}
	learner := learned.On(w.x.host)
	for key, lines := range w.Header() {
		if !strings.EqualFold(key, "Set-Cookie") {
			continue
		}
		for _, line := range lines {
			pair, attributes, _ := strings.Cut(line, ";")
			for name := range cookie.Pairs([]string{pair}) {
				if name != w.x.handler.CookieName {
					w.x.visit.Set(name, line[len(pair):])
				}
				if w.x.observe(name).Category != consent.Necessary {
					learner.Learn(name, attributes) // for when refusals are enforced
				}
			}
		}
	}
	w.x.observeHeader(w.Header())
	if w.r.Method != http.MethodHead {
		if w.page = w.x.observePage(status, w.Header()); w.page != nil {
			w.x.addReportPolicy(w.Header())
		}
	}
}

// close ends the reading of the page.
func (w *observingWriter) close() {
	w.look(http.StatusOK) // a response without a body may have no header written yet
	if w.page != nil {
		w.page.Close()
	}
}

// ReadFrom looks at the header and keeps the kernel's short cut for files open.
func (w *observingWriter) ReadFrom(r io.Reader) (int64, error) {
	w.look(http.StatusOK)
	if w.page != nil {
		r = io.TeeReader(r, w.page)
	}
	return w.ResponseWriterWrapper.ReadFrom(r)
}

// FlushError looks at the header before it is sent.
func (w *observingWriter) FlushError() error {
	w.look(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack looks at the header before the connection is handed over.
func (w *observingWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.look(http.StatusSwitchingProtocols)
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
