package cookieconsent

import (
	"bytes"
	"errors"
	"net/http"

	"github.com/cookieconsent/caddy-cookie-consent/consent/charset"
	"github.com/cookieconsent/caddy-cookie-consent/consent/mimetype"
)

// errNoPage ends the reading of a body that turned out to be no page. It was
// written as it came.
var errNoPage = errors.New("no page")

// take reads bytes as the application sent them.
func (b *pageWriter) take(p []byte) error {
	var err error
	if b.decoder == nil {
		err = b.read(p, false)
	} else {
		if b.sniffing {
			b.raw = append(b.raw, p...)
		}
		err = b.decoder.Write(p)
	}
	if _, ours := pageFailure(err); ours && b.sniffing {
		err = b.passRaw(nil) // the browser may fail as it likes
	}
	if errors.Is(err, errNoPage) {
		return nil
	}
	return err
}

// finishInput reads what is left.
func (b *pageWriter) finishInput() error {
	if b.decoder != nil {
		err := b.decoder.Close()
		if _, ours := pageFailure(err); ours && b.sniffing {
			err = b.passRaw(nil)
		}
		if err != nil {
			return err
		}
	}
	if err := b.read(nil, true); err != nil {
		return err
	}
	if b.transcoder != nil {
		if err := b.transcoder.Close(); err != nil {
			return err
		}
	}
	return b.follow(nil, true)
}

// passRaw writes a body that is no page as it came.
func (b *pageWriter) passRaw(body []byte) error {
	b.sniffing = false
	b.left = -1 // nothing has to be completed
	b.begin(false, charset.Undeclared)
	if b.decoder != nil {
		body = b.raw
	}
	b.raw, b.pending = nil, b.pending[:0]
	if len(body) > 0 {
		if _, err := b.w.Write(body); err != nil {
			return err
		}
	}
	return errNoPage
}

// decoded is where a decoder writes to.
type decoded struct{ b *pageWriter }

func (d decoded) Write(p []byte) (int, error) {
	if err := d.b.read(p, false); err != nil {
		return 0, err
	}
	return len(p), nil
}

// read takes bytes behind all content codings, and sends them on as soon as it is
// known what they mean.
func (b *pageWriter) read(p []byte, last bool) error {
	if len(b.pending) > 0 {
		b.pending = append(b.pending, p...)
		p = b.pending
	}
	if b.sniffing {
		isPage, decided := b.sniff(p, last)
		if !decided {
			b.pending = append(b.pending[:0], p...)
			return nil
		}
		if !isPage {
			return b.passRaw(p)
		}
		b.sniffing, b.raw = false, nil
	}
	for {
		e, n := b.detector.Next(p, last)
		if n == 0 && !last {
			break
		}
		if !b.begun {
			b.begun = true
			b.begin(true, e)
		}
		if err := b.readIn(e, p[:n]); err != nil {
			return err
		}
		if p = p[n:]; len(p) == 0 {
			break
		}
	}
	b.pending = append(b.pending[:0], p...)
	return nil
}

// goSniffLength is how much of a body [http.DetectContentType] looks at.
const goSniffLength = 512

// sniff tells whether a body of unknown type is a page. Where the header goes to
// the browser without a type, the browser finds out; but Go's server names one if
// the handler has written something before it sends the header, and then that
// counts, with the charset that comes with it.
func (b *pageWriter) sniff(p []byte, last bool) (isPage, decided bool) {
	essence, decided := mimetype.Sniff(p, last)
	if essence != mimetype.HTML || !decided {
		return false, decided
	}
	header := b.w.Header()
	if _, typed := header["Content-Type"]; typed || b.early || header["Content-Encoding"] != nil {
		return true, true
	}
	if len(p) < goSniffLength && !last && !b.hurried {
		return false, false
	}
	const html = "text/html; charset=utf-8"
	if http.DetectContentType(p) != html {
		return false, true
	}
	header["Content-Type"] = []string{html}
	b.detector.Reset("utf-8")
	return true, true
}

// hurry makes do with what is there of a body, so that it can be flushed.
func (b *pageWriter) hurry() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.pending) == 0 {
		b.early = true
		return nil
	}
	b.hurried = true
	if err := b.read(nil, false); !errors.Is(err, errNoPage) {
		return err
	}
	return nil
}

// readIn takes bytes of a known encoding.
func (b *pageWriter) readIn(e charset.Encoding, p []byte) error {
	switch e {
	case charset.Undeclared, charset.ASCIICompatible:
		return b.follow(p, false)
	case charset.ISO2022JP:
		if !b.shifting {
			b.shifting = true
			if err := b.follow(nil, true); err != nil {
				return err
			}
			b.rewriter.ReadISO2022JP()
		}
		return b.follow(p, false)
	case charset.UTF16LE, charset.UTF16BE:
		if b.transcoder == nil {
			b.transcoder = e.Transcoder(transcoded{b})
		}
		_, err := b.transcoder.Write(p)
		return err
	default:
		if b.unread == "" {
			b.unread = "it is in " + e.String()
			if err := b.follow(nil, true); err != nil {
				return err
			}
			if err := b.rewriter.Stop(); err != nil {
				return err
			}
		}
		_, err := b.rewriter.Write(p)
		return err
	}
}

// transcoded is where a transcoder writes to.
type transcoded struct{ b *pageWriter }

func (t transcoded) Write(p []byte) (int, error) {
	if err := t.b.follow(p, false); err != nil {
		return 0, err
	}
	return len(p), nil
}

// follow takes bytes that the rewriter can read. A body that begins as JSON gets
// nothing inserted, whatever its type says: nobody looks at it as a page.
func (b *pageWriter) follow(p []byte, last bool) error {
	if !b.led {
		var rest []byte
		if len(b.lead) > 0 {
			rest = append(b.lead, p...)
		} else {
			rest = bytes.TrimLeft(p, " \t\r\n")
			if _, err := b.rewriter.Write(p[:len(p)-len(rest)]); err != nil {
				return err
			}
		}
		if b.isJSON, b.led = mimetype.SniffJSON(rest, last); !b.led {
			b.lead = append(b.lead[:0], rest...)
			return nil
		}
		if b.isJSON {
			if err := b.rewriter.Stop(); err != nil {
				return err
			}
		}
		p, b.lead = rest, b.lead[:0]
	}
	_, err := b.rewriter.Write(p)
	return err
}
