package cookieconsent

import (
	"io"
	"net/http"
	"sync"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// responseWriter filters the header of one response and puts the banner into
// pages. What it does with the body is decided once, when the header is complete;
// everything that is no page takes the shortest way past it.
type responseWriter struct {
	caddyhttp.ResponseWriterWrapper

	x      *exchange
	method string

	phase  phase
	status int
	held   []byte // the first bytes of a body of which the type is not known yet
	early  bool   // whether the header was to be sent before the first byte of the body
	page   *pageBody
}

// phase is how far a response has come.
type phase uint8

const (
	phaseHeader phase = iota // nothing is decided
	phaseHeld                // the status is known, the type of the body isn't
	phasePass                // the header is written; the body passes untouched
	phasePage                // the header is written; the body is rewritten
)

// sniffLength is how much of a body [http.DetectContentType] looks at.
const sniffLength = 512

func newResponseWriter(w http.ResponseWriter, r *http.Request, x *exchange) *responseWriter {
	return &responseWriter{
		ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: w},
		x:                     x,
		method:                r.Method,
	}
}

// WriteHeader filters the header and sends it on, unless the type of the body has
// to be seen first.
func (w *responseWriter) WriteHeader(status int) {
	if w.phase != phaseHeader {
		return
	}
	if 100 <= status && status <= 199 && status != http.StatusSwitchingProtocols {
		w.x.filterSetCookies(w.Header(), w.method)
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.status = status
	if w.mustSniff() {
		w.phase = phaseHeld
		return
	}
	w.commit("")
}

// mustSniff reports whether a browser would look at the body to find out whether
// it is a page (WHATWG MIME Sniffing, section 7).
func (w *responseWriter) mustSniff() bool {
	header := w.Header()
	if w.x.view == viewOther || w.method == http.MethodHead || !bodyAllowed(w.status) || header["Content-Encoding"] != nil || hasNosniff(header) {
		return false
	}
	essence, _ := effectiveType("", header["Content-Type"])
	return essence == ""
}

// commit decides about the body, completes the header and writes it. sniffed is
// the type of a body of which the header does not tell the type.
func (w *responseWriter) commit(sniffed string) {
	header := w.Header()
	w.x.filterHeader(header, w.method)
	withholdTrailer(header)

	codings, isPage := w.x.examinePage(w.status, sniffed, header)
	if isPage {
		w.x.markPage(header)
	} else if w.status == http.StatusNotModified && w.x.revalidates {
		w.x.markVariant(header)
	} else if essence, _ := effectiveType(sniffed, header["Content-Type"]); essence == "text/html" && bodyAllowed(w.status) && !isAttachment(header) {
		// Whoever keeps it must not show it to a visitor who navigates.
		makePrivate(header)
		addVary(header, "Sec-Fetch-Dest")
		addVary(header, "Accept")
	}
	if _, typed := header["Content-Type"]; !typed && w.early {
		// The server would name a type, and with it a charset, that the application
		// left to the browser.
		header["Content-Type"] = nil
	}
	more := w.x.expireRefused(header)
	w.phase = phasePass
	if isPage {
		header.Del("Content-Encoding")
	}
	if isPage && w.method != http.MethodHead {
		w.page = newPageBody(w.ResponseWriter, w.x, codings, more)
		w.phase = phasePage
	}
	w.ResponseWriter.WriteHeader(w.status)
}

// Write takes the whole of p or fails.
func (w *responseWriter) Write(p []byte) (int, error) {
	if w.phase == phaseHeader {
		w.WriteHeader(http.StatusOK)
	}
	switch w.phase {
	case phasePage:
		return w.page.Write(p)
	case phaseHeld:
		w.held = append(w.held, p...)
		if len(w.held) < sniffLength {
			return len(p), nil
		}
		return len(p), w.unhold()
	default:
		return w.ResponseWriter.Write(p)
	}
}

// unhold decides by the bytes that are there.
func (w *responseWriter) unhold() error {
	held := w.held
	w.held = nil
	w.commit(http.DetectContentType(held))
	if len(held) == 0 {
		return nil
	}
	_, err := w.Write(held)
	return err
}

// ReadFrom keeps the kernel's short cut for files open where the body passes.
func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	if w.phase == phaseHeader {
		w.WriteHeader(http.StatusOK)
	}
	if w.phase == phasePass {
		return w.ResponseWriterWrapper.ReadFrom(r)
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{w}, r, *buf)
}

// FlushError sends everything that is decided. While nothing of the body is
// there, its type is not known either, and the header stays back.
func (w *responseWriter) FlushError() error {
	if w.phase == phaseHeader {
		w.WriteHeader(http.StatusOK)
	}
	if w.phase == phaseHeld {
		if len(w.held) == 0 {
			w.early = true
			return nil
		}
		if err := w.unhold(); err != nil {
			return err
		}
	}
	if w.phase == phasePage {
		if err := w.page.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// finish completes the response after the inner handlers returned. A page that
// can't be completed is cut off visibly: the connection breaks, as it does when
// the application fails in the middle of a page.
func (w *responseWriter) finish() {
	var err error
	switch w.phase {
	case phaseHeader: // Caddy or net/http will write the header
		w.x.filterHeader(w.Header(), w.method)
	case phaseHeld:
		err = w.unhold()
		if err == nil && w.phase == phasePage {
			err = w.page.Close()
		}
	case phasePage:
		err = w.page.Close()
	case phasePass:
	}
	removeTrailer(w.Header())
	if err == nil {
		return
	}
	if reason, ours := pageFailure(err); ours {
		countPage(pageFailed)
		w.x.handler.logger.Error("rewriting a page failed; the response was cut off",
			zap.String("host", w.x.host), zap.String("reason", reason), zap.Error(err))
	}
	panic(http.ErrAbortHandler)
}

// release gives back what the response holds, however it ended.
func (w *responseWriter) release() {
	if w.page != nil {
		w.page.release()
	}
}

var copyBuffers = sync.Pool{New: func() any {
	buf := make([]byte, 32<<10)
	return &buf
}}

// Interface guards
var (
	_ http.ResponseWriter             = (*responseWriter)(nil)
	_ io.ReaderFrom                   = (*responseWriter)(nil)
	_ interface{ FlushError() error } = (*responseWriter)(nil)
)
