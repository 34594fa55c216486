package cookieconsent

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/cookieconsent/caddy-cookie-consent/consent/banner"
	"github.com/cookieconsent/caddy-cookie-consent/consent/rewrite"
)

// pageBody is the way of a page's bytes: decoded if need be, rewritten, and
// collected into pieces that are worth a write. It holds back only what the
// rewriter has to see more of, and everything goes out on Flush.
type pageBody struct {
	x        *exchange
	out      *bufio.Writer
	rewriter *rewrite.Rewriter
	decoder  *decoder // nil for a body without content coding
	inserted []byte
	origin   string // what the page's base element makes necessary
	sweep    bool   // whether the page has to fetch the rest of the deletions
	failure  error
}

// outputSize is how much of a page is collected before it is written. Caddy's
// encode handler judges by the first write whether a response is worth compressing.
const outputSize = 8 << 10

var (
	outputBuffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, outputSize) }}
	rewriters     = sync.Pool{New: func() any { return new(rewrite.Rewriter) }}
)

func newPageBody(w http.ResponseWriter, x *exchange, codings []string, sweep bool) *pageBody {
	b := &pageBody{
		x:        x,
		out:      outputBuffers.Get().(*bufio.Writer),
		rewriter: rewriters.Get().(*rewrite.Rewriter),
		sweep:    sweep,
	}
	b.out.Reset(w)
	b.rewriter.Reset(b.out, rewrite.Options{
		BodyStart:    b.bodyStart,
		End:          b.end,
		DocumentOnly: x.view == viewPossible,
	})
	if len(codings) > 0 {
		b.decoder = newDecoder(codings, b.rewriter)
	}
	return b
}

// bodyStart returns what the page begins with: the banner or, once the visitor
// has chosen, the link to the settings.
func (b *pageBody) bodyStart(head rewrite.Head) []byte {
	h := b.x.handler
	b.origin = b.x.originBeside(head.Base)
	returnTo := localPath(b.x.url.RequestURI())
	if returnTo == "" {
		returnTo = "/"
	}
	b.inserted = h.banner.AppendBodyStart(b.inserted[:0], banner.Place{
		Language: h.banner.Language(head.Lang, b.x.language),
		ReturnTo: returnTo,
		Origin:   b.origin,
	}, b.x.decision)
	return b.inserted
}

// end returns what the page ends with.
func (b *pageBody) end() []byte {
	b.inserted = b.x.handler.banner.AppendEnd(b.inserted[:0], banner.Place{Origin: b.origin}, b.x.decision)
	if b.sweep {
		b.inserted = b.x.appendSweeps(b.inserted, b.origin)
	}
	return b.inserted
}

// Write takes bytes of the page as the application sent them. After a failure it
// goes on failing, so that nothing follows what is missing.
func (b *pageBody) Write(p []byte) (int, error) {
	if b.failure == nil {
		if b.decoder != nil {
			b.failure = b.decoder.Write(p)
		} else {
			_, b.failure = b.rewriter.Write(p)
		}
	}
	if b.failure != nil {
		return 0, b.failure
	}
	return len(p), nil
}

// Flush sends what is decided.
func (b *pageBody) Flush() error {
	if b.failure == nil {
		b.failure = b.rewriter.Flush()
	}
	if b.failure == nil {
		b.failure = b.out.Flush()
	}
	return b.failure
}

// Close completes the page.
func (b *pageBody) Close() error {
	if b.failure == nil && b.decoder != nil {
		b.failure = b.decoder.Close()
	}
	if b.failure == nil {
		b.failure = b.rewriter.Close()
	}
	if b.failure == nil {
		b.failure = b.out.Flush()
	}
	if b.failure == nil {
		b.report()
	}
	return b.failure
}

// report tells what became of a page that was sent whole.
func (b *pageBody) report() {
	switch reason := b.rewriter.Skipped(); reason {
	case rewrite.Complete:
		countPage(pageRewritten)
	case rewrite.Fragment:
		countPage(pageFragment)
	default:
		b.x.passUnread(reason.String())
	}
}

var errReleased = errors.New("the response is over")

// release gives back the buffers. Bytes that are still held belong to a response
// that failed, and are not sent.
func (b *pageBody) release() {
	if b.decoder != nil {
		b.decoder.stop()
	}
	b.out.Reset(nil)
	outputBuffers.Put(b.out)
	b.rewriter.Reset(nil, rewrite.Options{})
	rewriters.Put(b.rewriter)
	b.out, b.rewriter = nil, nil
	b.failure = errReleased // a handler that writes after it returned
}

// pageFailure tells failures of the rewriting from those of the connection to the
// visitor, which are nobody's fault here.
func pageFailure(err error) (reason string, ours bool) {
	if _, decoding := errors.AsType[*decodeError](err); decoding {
		return "content coding", true
	}
	return "", false
}

var _ io.Writer = (*pageBody)(nil)
