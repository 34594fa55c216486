package cookieconsent

import (
	"io"
	"maps"
	"net/http"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
	"github.com/cookieconsent/caddy-cookie-consent/consent/charset"
	"github.com/cookieconsent/caddy-cookie-consent/consent/inventory"
	"github.com/cookieconsent/caddy-cookie-consent/consent/mimetype"
	"github.com/cookieconsent/caddy-cookie-consent/consent/rewrite"
	"github.com/cookieconsent/caddy-cookie-consent/consent/wall"
)

// maxObserved bounds how much of a page is read, in bytes behind its content codings.
const maxObserved = 4 << 20

// observedPage reads a copy of a page to find out whom it would contact.
type observedPage struct {
	decoder  *decoder // nil for a body without content coding
	detector charset.Detector
	rewriter *rewrite.Rewriter

	transcoder io.WriteCloser // of a page in UTF-16
	shifting   bool           // it is in ISO-2022-JP
	pending    []byte         // what the detector has to see more of
	left       int            // how much may still be read
	over       bool
}

// observePage returns what reads the page that follows a header, or nil if none does or
// none has to be read.
func (x *exchange) observePage(status int, header http.Header) *observedPage {
	if x.own || x.view == viewOther || !bodyAllowed(status) || status == http.StatusPartialContent || isRedirect(status, header) ||
		mimetype.IsAttachment(header["Content-Disposition"]) || x.handler.unasked.AllGranted() {
		return nil
	}
	t := mimetype.FromHeader(header["Content-Type"])
	codings, ok := contentCodings(header["Content-Encoding"])
	if t.Essence != mimetype.HTML || !ok || !x.visit.Sample() {
		return nil
	}
	p := &observedPage{left: maxObserved}
	guard := wall.NewGuard(x.handler.unasked, x.page(), func(to consent.Destination) { x.observeHost(inventory.Markup, to) })
	options := rewrite.Options{DocumentOnly: x.view == viewPossible, Edit: guard.Edit, Elements: wall.Elements}
	p.detector.Reset(t.Charset)
	if charset.Lookup(t.Charset) == charset.Undeclared {
		options.Meta = p.detector.Meta
		p.detector.Lookahead = lookAhead(&p.detector)
	}
	p.rewriter = rewrite.New(io.Discard, options)
	if len(codings) > 0 {
		p.decoder = newDecoder(codings, observedBytes{p})
	}
	return p
}

// Write reads a part of the body as the application sends it. It keeps nothing of it and
// never fails.
func (p *observedPage) Write(body []byte) (int, error) {
	if !p.over {
		var err error
		if p.decoder != nil {
			err = p.decoder.Write(body)
		} else {
			err = p.read(body, false)
		}
		if p.over = p.over || err != nil; p.over {
			p.pending = nil
		}
	}
	return len(body), nil
}

// observedBytes is where the decoder writes to.
type observedBytes struct{ p *observedPage }

func (o observedBytes) Write(body []byte) (int, error) {
	if err := o.p.read(body, false); err != nil {
		return 0, err
	}
	if o.p.over {
		return 0, io.ErrShortWrite
	}
	return len(body), nil
}

// read reads bytes behind all content codings.
func (p *observedPage) read(body []byte, last bool) error {
	if len(body) >= p.left {
		body, p.over = body[:p.left], true
	}
	p.left -= len(body)
	if len(p.pending) > 0 {
		p.pending = append(p.pending, body...)
		body = p.pending
	}
	for {
		e, n := p.detector.Next(body, last)
		if n == 0 && !last {
			break
		}
		if err := p.readIn(e, body[:n]); err != nil {
			return err
		}
		if body = body[n:]; len(body) == 0 {
			break
		}
	}
	p.pending = append(p.pending[:0], body...)
	return nil
}

func (p *observedPage) readIn(e charset.Encoding, body []byte) error {
	var to io.Writer = p.rewriter
	switch e {
	case charset.Undeclared, charset.ASCIICompatible:
	case charset.ISO2022JP:
		if !p.shifting {
			p.shifting = true
			p.rewriter.ReadISO2022JP()
		}
	case charset.UTF16LE, charset.UTF16BE:
		if p.transcoder == nil {
			p.transcoder = e.Transcoder(p.rewriter)
		}
		to = p.transcoder
	default:
		p.over = true // no page in it gets a banner either
		return nil
	}
	_, err := to.Write(body)
	return err
}

// Close reads what is left and gives back what the reading holds.
func (p *observedPage) Close() {
	if p.decoder != nil {
		if !p.over {
			_ = p.decoder.Close() // the browser may make of it what it likes
		}
		p.decoder.stop()
	}
	if !p.over {
		p.over = p.read(nil, true) != nil
	}
	if !p.over && p.transcoder != nil {
		p.over = p.transcoder.Close() != nil
	}
	if !p.over {
		_ = p.rewriter.Close() // what it writes is thrown away
	}
	p.over = true
}

// observeHeader notes whom a header would make a browser contact.
func (x *exchange) observeHeader(header http.Header) {
	if x.handler.unasked.AllGranted() {
		return
	}
	for key := range header {
		if wall.Concerns(key) {
			guard := wall.NewGuard(x.handler.unasked, x.page(), func(to consent.Destination) { x.observeHost(inventory.Link, to) })
			guard.FilterHeaders(maps.Clone(header))
			return
		}
	}
}

// observeHost notes somebody whom the visitor's browser would be kept from contacting.
func (x *exchange) observeHost(source inventory.Source, to consent.Destination) {
	x.noteHost(source, to)
	if to.Party == consent.UnknownParty && to.Host != "" {
		x.handler.notices.wouldBlock(to.Host, to.Rule.Category)
	}
}
