package cookieconsent

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/banner"
	"github.com/cookieconsent/caddy-cookie-consent/consent/charset"
	"github.com/cookieconsent/caddy-cookie-consent/consent/csp"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
	"github.com/cookieconsent/caddy-cookie-consent/consent/rewrite"
	"github.com/cookieconsent/caddy-cookie-consent/consent/shim"
	"github.com/cookieconsent/caddy-cookie-consent/consent/wall"
)

// pageWriter is the way of a page's bytes: decoded if need be, read in the encoding
// that browsers read them in, rewritten, and collected into pieces that are worth a
// write. It holds back only what has to be seen more of, and everything else goes
// out on Flush.
type pageWriter struct {
	pageState
	pageTools
}

// pageState is what belongs to one page.
type pageState struct {
	x       *exchange
	w       http.ResponseWriter
	output  pageOutput
	decoder *decoder // nil for a body without content coding

	// begin is called once, before the first byte is written to w: with whether
	// the body is a page, and its encoding.
	begin func(isPage bool, e charset.Encoding)
	begun bool

	sniffing bool   // whether the type is not known yet
	early    bool   // whether the header was to be sent before the first byte
	hurried  bool   // whether it was to be sent before the type was known
	raw      []byte // the body as it came, as long as sniffing and behind a content coding

	transcoder io.WriteCloser // of a page in UTF-16
	led        bool           // it is known whether it is JSON
	isJSON     bool
	shifting   bool   // the page goes on in ISO-2022-JP
	unread     string // why nothing is inserted any more

	taken     int64         // how much of the body has come
	left      int64         // how much of it is still to come; negative if unknown
	completed bool          // whether all of it has come
	language  string        // what the page says it is in
	admission csp.Admission // of what is put into it
	origin    string        // what the page's base element makes necessary

	shown showing // what of the module's own it begins with

	placeholders string // how the addresses of all placeholders of the page begin

	sweep   bool // whether the page has to fetch the rest of the deletions
	failure error
}

// pageTools is what serves one page after the other.
type pageTools struct {
	detector charset.Detector
	rewriter rewrite.Rewriter
	out      *bufio.Writer // in front of the output

	hold

	pending  []byte // what has to be seen more of
	lead     []byte // the start of what may be JSON
	inserted []byte
	guard    wall.Guard // where there is anybody to keep the page from

	head     func() []byte             // headStart
	start    func(rewrite.Head) []byte // bodyStart
	headRead func(rewrite.Head) []byte // readHead
	last     func() []byte             // end
	meta     func(httpEquiv, content, charset string)
	admitted func(*rewrite.Tag)                               // admitMeta
	ahead    func(start []byte)                               // lookAhead
	edit     func(*rewrite.Tag)                               // guard.Edit
	instead  func([]byte, consent.Destination, string) []byte // placeholder
}

const (
	// fullPiece is how much reverse_proxy passes on at a time where more is there.
	fullPiece = 32 << 10

	// outputSize is somewhat more than two of them: what is inserted fits in too.
	outputSize = 68 << 10

	// leastInput is how much of a body has at least come before any of it goes out,
	// unless it is flushed. The server itself would collect as much, and so does the
	// proxy's transport: of most small pages that is all, or all that is in the way
	// of the rest. Caddy's encode handler judges by the first write whether a
	// response is worth compressing.
	leastInput = 4 << 10

	// leastOutput is how much is at least written then, as the server itself would.
	leastOutput = 2 << 10
)

var pageWriters = sync.Pool{New: func() any {
	b := new(pageWriter)
	b.out = bufio.NewWriterSize(nil, outputSize)
	b.head, b.start, b.headRead, b.last = b.headStart, b.bodyStart, b.readHead, b.end
	b.meta, b.admitted, b.ahead = b.detector.Meta, b.admitMeta, lookAhead(&b.detector)
	b.edit, b.instead = b.guard.Edit, b.placeholder
	b.init(b.sendHeld)
	return b
}}

// newPageWriter returns a writer for the body of a response, which is a page or, if
// sniffing, may turn out to be one. A page goes to output, anything else to w. label
// is the charset in the header.
func newPageWriter(w http.ResponseWriter, output pageOutput, x *exchange, label string, codings []string, sniffing bool) *pageWriter {
	b := pageWriters.Get().(*pageWriter)
	b.pageState = pageState{
		x:        x,
		w:        w,
		output:   output,
		sniffing: sniffing,
		led:      x.view == viewPossible, // the rewriter looks for a whole document then
		left:     contentLength(w.Header()),
	}
	b.out.Reset(output)
	options := rewrite.Options{DocumentOnly: x.view == viewPossible}
	if x.view != viewFrame {
		options.BodyStart, options.EditMeta = b.start, b.admitted
		if !x.decision.Asked() || len(x.refused) > 0 || x.handler.Settings == settingsFooter {
			options.End = b.last
		}
	}
	if x.guardsScripts() {
		options.HeadStart = b.head
	}
	if x.walled() {
		x.guard(&b.guard, inventory.Markup)
		b.guard.Placeholder = b.instead
		options.Edit, options.Elements = b.edit, wall.Elements
		if x.view == viewFrame {
			options.BodyStart, options.EditMeta = b.headRead, b.admitted
		}
	}
	b.detector.Reset(label)
	if charset.Lookup(label) == charset.Undeclared {
		options.Meta = b.meta
		b.detector.Lookahead = b.ahead
	}
	b.rewriter.Reset(b.out, options)
	if len(codings) > 0 {
		b.decoder = newDecoder(codings, decoded{b})
	}
	return b
}

// lookAhead returns what reads the declarations of a page that can't be passed on before
// they are known.
func lookAhead(d *charset.Detector) func(start []byte) {
	return func(start []byte) {
		_, _ = rewrite.New(io.Discard, rewrite.Options{Meta: d.Meta}).Write(start)
	}
}

// headStart returns the script that comes before all of the page, unless it can't run.
func (b *pageWriter) headStart() []byte {
	if slices.Contains(b.admission.Impossible, csp.Script) {
		return nil
	}
	b.inserted = b.x.handler.shim.AppendTag(b.inserted[:0], shim.Page{
		Decision:  b.x.decision,
		Posted:    b.x.posted,
		Withheld:  b.x.withheld || b.x.consulted,
		Holds:     b.x.holds,
		Site:      b.x.otherSite(),
		Nonce:     b.admission.ScriptNonce,
		Integrity: b.admission.Integrity,
	})
	return b.inserted
}

// bodyStart returns what the page begins with: the banner or, once the visitor
// has chosen, the link to the settings.
func (b *pageWriter) bodyStart(head rewrite.Head) []byte {
	b.readHead(head)
	b.shown = b.x.shows()
	if b.shown == showNothing {
		return nil
	}
	b.inserted = b.x.handler.banner.AppendBodyStart(b.inserted[:0], b.place(), b.x.decision)
	return b.inserted
}

// place returns where in the site the page is.
func (b *pageWriter) place() banner.Place {
	return banner.Place{
		Settings:   b.shown == showSettings,
		Language:   b.x.handler.banner.Language(b.language, b.x.language),
		ReturnTo:   b.x.returnTo(),
		Origin:     b.origin,
		StyleNonce: b.admission.StyleNonce,
	}
}

// readHead takes note of what the page's head says, and returns nothing to insert.
func (b *pageWriter) readHead(head rewrite.Head) []byte {
	b.language, b.origin = head.Lang, b.x.originBeside(head.Base)
	return nil
}

// end returns what the page ends with.
func (b *pageWriter) end() []byte {
	b.inserted = b.inserted[:0]
	if b.shown != showNothing {
		b.inserted = b.x.handler.banner.AppendEnd(b.inserted, b.place(), b.x.decision)
	}
	if b.sweep {
		b.inserted = b.x.appendSweeps(b.inserted, b.origin, b.admission.StyleNonce)
	}
	return b.inserted
}

// Write takes bytes of the page as the application sent them. After a failure it
// goes on failing, so that nothing follows what is missing.
func (b *pageWriter) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failure == nil && b.completed && len(p) > 0 {
		b.failure = http.ErrContentLength
	}
	if b.failure == nil {
		if b.passesOn() {
			_, b.failure = b.output.Write(p)
		} else {
			b.failure = b.take(p)
		}
	}
	if b.failure == nil {
		b.failure = b.account(int64(len(p)))
	}
	if b.failure != nil {
		return 0, b.failure
	}
	return len(p), nil
}

// direct reports whether what follows may go to the output directly.
func (b *pageWriter) direct() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.passesOn()
}

// passed notes that it did.
func (b *pageWriter) passed(n int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.account(n)
}

// account notes that bytes of the body were taken, and writes what is worth it.
func (b *pageWriter) account(n int64) error {
	b.taken += n
	if b.left > 0 {
		if b.left -= n; b.left == 0 {
			return b.complete()
		}
	}
	size := b.out.Buffered()
	switch {
	case b.taken <= leastInput, size < leastOutput:
		return nil
	case b.left > 0 && n >= fullPiece && size < outputSize-fullPiece && b.output.begun():
		b.holdBack()
		return nil
	default:
		return b.send()
	}
}

// sendHeld is for what was held back too long.
func (b *pageWriter) sendHeld() {
	if b.failure == nil {
		b.failure = b.send()
	}
}

// send writes what is collected. The header goes with the first of it, with a length
// where that is known by now.
func (b *pageWriter) send() error {
	b.held = false
	if b.left > 0 && b.asItCame() {
		b.output.setLength(int64(b.out.Buffered()) + b.left)
	}
	return b.out.Flush()
}

// asItCame reports whether all that follows goes out as it comes in.
func (b *pageWriter) asItCame() bool {
	return b.begun && b.led && b.decoder == nil && b.transcoder == nil && len(b.pending) == 0 && b.rewriter.Finished()
}

// passesOn reports whether what follows can be written to the output directly.
func (b *pageWriter) passesOn() bool { return b.out.Buffered() == 0 && b.asItCame() }

// contentLength returns the length of a body by its header, negative if unknown.
func contentLength(header http.Header) int64 {
	if lines := header["Content-Length"]; len(lines) == 1 {
		if n, err := strconv.ParseInt(lines[0], 10, 64); err == nil {
			return n
		}
	}
	return -1
}

// Flush sends what is decided. Before anything is, it does nothing.
func (b *pageWriter) Flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failure == nil && b.begun {
		b.failure = b.rewriter.Flush()
		if b.failure == nil {
			b.failure = b.send()
		}
	}
	return b.failure
}

// Close completes the page. It does nothing once the page is complete.
func (b *pageWriter) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.complete()
}

func (b *pageWriter) complete() error {
	if b.completed {
		return b.failure
	}
	b.completed, b.held = true, false
	for _, step := range []func() error{b.finishInput, b.rewriter.Close, b.flushLast} {
		if b.failure == nil {
			b.failure = step()
		}
	}
	if errors.Is(b.failure, errNoPage) {
		b.failure = nil
		return nil
	}
	if b.failure == nil {
		b.report()
	}
	return b.failure
}

func (b *pageWriter) flushLast() error {
	b.output.setLength(int64(b.out.Buffered()))
	return b.out.Flush()
}

// salvage sends what is there of a page that can't be read on, with what belongs to
// the banner: a browser that decodes itself shows that much too.
func (b *pageWriter) salvage() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = false
	if b.transcoder != nil {
		b.pending = nil // half a character
	}
	for _, held := range [][]byte{b.lead, b.pending} {
		if _, err := b.rewriter.Write(held); err != nil {
			return err
		}
	}
	if err := b.rewriter.Close(); err != nil {
		return err
	}
	return b.out.Flush()
}

// report tells what became of a page that was sent whole.
func (b *pageWriter) report() {
	reason := b.rewriter.Skipped()
	switch {
	case b.unread != "":
		b.x.passUnread(passCharset, b.unread)
	case b.isJSON, reason == rewrite.Fragment:
		countPage(pageFragment)
	case reason == rewrite.Complete:
		rewritten.Inc()
		metrics.pageBytes.Add(float64(b.taken))
	default:
		b.x.passUnread(passContent, reason.String())
	}
}

// release makes b ready for another page. Bytes that are still held belong to a
// response that failed, and are not sent.
func (b *pageWriter) release() {
	b.mu.Lock()
	if b.decoder != nil {
		b.decoder.stop()
	}
	b.held = false
	b.pageState = pageState{}
	b.guard.Reset(nil, nil, nil)
	b.out.Reset(nil)
	b.detector.Lookahead = nil
	b.pending, b.lead = b.pending[:0], b.lead[:0]
	b.mu.Unlock()
	pageWriters.Put(b)
}

// pageFailure tells failures of the rewriting from those of the connection to the
// visitor, which are nobody's fault here.
func pageFailure(err error) (reason string, ours bool) {
	if _, decoding := errors.AsType[*decodeError](err); decoding {
		return "content coding", true
	}
	return "", false
}

var _ io.Writer = (*pageWriter)(nil)
