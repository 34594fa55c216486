package cookieconsent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/cookieconsent/caddy-cookie-consent/consent/charset"
	"github.com/cookieconsent/caddy-cookie-consent/consent/mimetype"
)

// responseWriter filters the header of one response and puts the banner into
// pages. What it does with the body is decided once, when the header is complete;
// everything that is no page takes the shortest way past it.
type responseWriter struct {
	caddyhttp.ResponseWriterWrapper

	x      *exchange
	method string
	ctx    context.Context // ends when the client is gone

	phase    phase
	status   int
	essence  string // its type by the header
	page     *pageWriter
	pending  bool     // whether the header of a page is complete but not sent
	admitted []string // the application's policies as they are to be sent; nil if as they are
	refusal  error    // why the response is not sent
	failed   bool     // whether a failure was reported

	workerLine bool // whether the script of a service worker ends with a line of the module
}

// phase is how far a response has come.
type phase uint8

const (
	phaseHeader  phase = iota // nothing is decided
	phaseHeld                 // the status is known; the first bytes of the body have to be seen
	phasePass                 // the header is written; the body passes untouched
	phasePage                 // the header is written; the body is rewritten
	phaseRefused              // nothing is written, and nothing will be
	phaseOver                 // the handler has returned
)

func newResponseWriter(w http.ResponseWriter, r *http.Request, x *exchange) *responseWriter {
	return &responseWriter{
		ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: w},
		x:                     x,
		method:                r.Method,
		ctx:                   r.Context(),
	}
}

// serve lets the inner handlers answer and completes their response. Its error is
// theirs, or that of a response that was refused.
func (w *responseWriter) serve(r *http.Request, next caddyhttp.Handler) (err error) {
	defer func() {
		if w.phase != phaseRefused {
			return
		}
		// A proxy that can't write what it reads panics.
		if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // what was panicked with
			panic(p)
		}
		w.x.filterHeader(w.Header(), w.method)
		removeContentHeaders(w.Header())
		err = caddyhttp.Error(http.StatusBadGateway, w.refusal)
	}()
	err = next.ServeHTTP(w, r)
	if err != nil && w.phase < phasePass {
		// Caddy answers the error with the header as it is now.
		w.x.filterHeader(w.Header(), w.method)
		return err
	}
	w.finish()
	if err == nil && w.workerLine {
		_, err = w.ResponseWriter.Write(workerLine(w.x.handler.Prefix))
	}
	return err
}

// WriteHeader filters the header and sends it on, unless the body has to be seen
// first.
func (w *responseWriter) WriteHeader(status int) {
	if w.phase != phaseHeader {
		return
	}
	if 100 <= status && status <= 199 && status != http.StatusSwitchingProtocols {
		w.x.filterSetCookies(w.Header(), w.method)
		w.x.guardHeader(w.Header())
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.status = status
	w.x.noteRedirect(status, w.Header())
	t := mimetype.FromHeader(w.Header()["Content-Type"])
	w.essence = t.Essence
	treatment, codings := w.x.examine(status, w.Header(), t.Essence)
	switch {
	case treatment == bodyRefused:
		w.refuse(fmt.Errorf("a page in content coding %q, which can't be decoded", strings.Join(w.Header()["Content-Encoding"], ", ")))
	case treatment == bodyPasses, w.method == http.MethodHead:
		w.commit(treatment == bodyIsPage, charset.Lookup(t.Charset))
	default:
		w.phase = phaseHeld
		w.page = newPageWriter(w.ResponseWriter, pageOutput{w}, w.x, t.Charset, codings, treatment == bodySniffed)
		w.page.begin = w.commit
	}
}

// pageOutput is where the body of a page goes: its header is sent with the first of
// it, because a page that is complete by then gets a Content-Length.
type pageOutput struct{ w *responseWriter }

func (o pageOutput) Write(p []byte) (int, error) {
	o.w.sendHeader()
	return o.w.ResponseWriter.Write(p)
}

// begun reports whether the header is sent.
func (o pageOutput) begun() bool { return !o.w.pending }

// setLength tells the length of a page of which nothing is sent yet.
func (o pageOutput) setLength(n int64) {
	if o.w.pending {
		o.w.Header()["Content-Length"] = []string{strconv.FormatInt(n, 10)}
	}
}

func (w *responseWriter) sendHeader() {
	if w.pending {
		w.pending = false
		if w.admitted != nil && (w.page == nil || !w.page.insertsNothing()) {
			header := w.Header()
			lines := header[policyName]
			header[policyName] = slices.Concat(w.admitted, lines[min(len(lines), len(w.admitted)):])
		}
		w.ResponseWriter.WriteHeader(w.status)
	}
}

// commit completes the header and writes it, that of a page with its first bytes.
// isPage is whether the body is a page that gets the banner, e its encoding.
func (w *responseWriter) commit(isPage bool, e charset.Encoding) {
	header := w.Header()
	w.x.filterHeader(header, w.method)
	w.admitPieces(isPage)
	if w.needsPolicy(isPage) {
		w.x.addPolicy(header)
	}
	withholdTrailer(header)

	switch {
	case isPage:
		w.x.markPage(header)
		if w.x.marked {
			header.Set(pageMark, "?1")
		}
		if w.x.view == viewFrame {
			addVary(header, "Sec-Fetch-Dest")
		}
		declareUTF8(header, e)
		if codings, _ := contentCodings(header["Content-Encoding"]); len(codings) > 0 {
			delete(header, "Content-Encoding")
		}
	case w.confirms():
		w.x.markVariant(header)
	case w.x.adaptsWorker():
		makePrivate(header)
		addVary(header, "Cookie, Sec-GPC, Sec-Fetch-Dest")
	case bodyAllowed(w.status) && w.essence == mimetype.HTML &&
		!mimetype.IsAttachment(header["Content-Disposition"]):
		// Whoever keeps it must not show it to a visitor who navigates.
		makePrivate(header)
		addVary(header, "Sec-Fetch-Dest, Accept")
	}
	if _, typed := header["Content-Type"]; !typed && w.page != nil && (isPage || w.page.early) {
		// The server would name a type, and with it a charset, that the application
		// left to the browser.
		header["Content-Type"] = nil
	}
	w.workerLine = w.takesWorkerLine()
	more := w.x.expireRefused(header)
	w.phase = phasePass
	w.pending = true
	if isPage && w.page != nil {
		w.page.sweep = more
		w.phase = phasePage
		return
	}
	w.sendHeader()
}

// admitPieces makes the application's policies admit what is put into a page, or was
// into one that the browser has.
func (w *responseWriter) admitPieces(isPage bool) {
	lines := w.Header()[policyName]
	if len(lines) == 0 || !isPage && !w.confirms() || w.x.pieces() == 0 {
		return
	}
	a := w.x.admit(lines, !isPage)
	if w.admitted = a.Lines; isPage && w.page != nil {
		w.page.admission = a
	}
}

// confirms reports whether the response is that the browser has this variant of a page.
func (w *responseWriter) confirms() bool {
	return w.status == http.StatusNotModified && w.x.revalidates
}

// needsPolicy reports whether what the response is for may contact somebody.
func (w *responseWriter) needsPolicy(isPage bool) bool {
	switch {
	case w.confirms():
		// The browser has it, and keeps it unless others of that name come.
		return w.Header()[w.x.policyHeader()] != nil
	case isPage, w.x.worker:
		return true
	default:
		return w.x.view != viewOther && isMarkup(w.essence)
	}
}

// refuse answers in place of the application, of which nothing was sent yet.
func (w *responseWriter) refuse(why error) {
	w.phase = phaseRefused
	w.refusal = why
	w.report(why)
}

// errRefused keeps a handler from going on with a response that is not sent.
var errRefused = errors.New("the response is refused")

// errOver is for a handler that goes on with a page after it returned.
var errOver = errors.New("the response is over")

// Write takes the whole of p or fails.
func (w *responseWriter) Write(p []byte) (int, error) {
	if w.phase == phaseHeader {
		w.WriteHeader(http.StatusOK)
	}
	switch w.phase {
	case phaseHeld, phasePage:
		n, err := w.page.Write(p)
		if err != nil {
			return n, w.fail(err)
		}
		return n, nil
	case phaseRefused:
		return 0, errRefused
	case phaseOver:
		return 0, errOver
	default:
		return w.ResponseWriter.Write(p)
	}
}

// fail ends a page that can't be read on: before anything was sent by refusing the
// response, else by sending what is there.
func (w *responseWriter) fail(err error) error {
	_, ours := pageFailure(err)
	switch {
	case !ours || w.failed:
	case w.phase == phaseHeld:
		w.refuse(err)
	default:
		w.report(err)
		if err := w.page.salvage(); err != nil {
			return err
		}
		if err := http.NewResponseController(w.ResponseWriter).Flush(); err != nil {
			return err
		}
		select {
		case <-w.ctx.Done():
		case <-time.After(lingering):
		}
	}
	return err
}

// lingering is how long a connection is kept before it breaks, so that what was
// sent is read: what a browser has not read by the time a stream is reset is lost.
const lingering = 2 * time.Second

// report tells the operator that a page is not sent whole: once a response or, as
// Caddy logs every refused one itself, once a host and reason.
func (w *responseWriter) report(err error) {
	w.failed = true
	countPage(pageFailed)
	tell := func(message string) func(l *zap.Logger) {
		return func(l *zap.Logger) {
			l.Error(message, zap.String("host", w.x.host), zap.String("path", w.x.url.Path), zap.Error(err))
		}
	}
	if w.phase == phaseRefused {
		w.x.handler.notices.once(noticeUnreadPage, w.x.host+" "+err.Error(), tell("a page could not be read and was refused"))
		return
	}
	tell("a page could not be read on and was cut off")(w.x.handler.logger)
}

// ReadFrom keeps the kernel's short cut for files open where the body passes, and
// for what follows the last change to a page.
func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	if w.phase == phaseHeader {
		w.WriteHeader(http.StatusOK)
	}
	if w.phase == phasePass {
		return w.ResponseWriterWrapper.ReadFrom(r)
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	var total int64
	for w.phase != phasePage || !w.page.direct() {
		n, err := r.Read(*buf)
		if n > 0 {
			if _, err := w.Write((*buf)[:n]); err != nil {
				return total, err
			}
			total += int64(n)
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return total, err
		}
	}
	n, err := w.ResponseWriterWrapper.ReadFrom(r)
	if err == nil {
		err = w.page.passed(n)
	}
	return total + n, err
}

// FlushError sends everything that is decided. While the first bytes of a body
// have to be seen, the header stays back too.
func (w *responseWriter) FlushError() error {
	if w.phase == phaseHeader {
		w.WriteHeader(http.StatusOK)
	}
	if w.phase == phaseHeld {
		if err := w.page.hurry(); err != nil {
			return w.fail(err)
		}
	}
	switch w.phase {
	case phaseHeld:
		return nil
	case phaseRefused:
		return errRefused
	case phaseOver:
		return errOver
	case phasePage:
		if err := w.page.Flush(); err != nil {
			return err
		}
		w.sendHeader()
	case phaseHeader, phasePass:
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
	case phaseHeld, phasePage:
		err = w.page.Close()
		w.sendHeader()
	case phasePass, phaseRefused, phaseOver:
	}
	removeTrailer(w.Header())
	if err == nil {
		return
	}
	_ = w.fail(err) // it returns err, or the error of a client that is gone
	if w.phase != phaseRefused {
		panic(http.ErrAbortHandler)
	}
}

// release gives back what the response holds, however it ended.
func (w *responseWriter) release() {
	w.x.countBlocked()
	if w.page != nil {
		w.phase = phaseOver
		w.page.release()
		w.page = nil
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
