package cookieconsent

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

const (
	// maxCodings is how many content codings may lie on top of each other.
	maxCodings = 3

	// maxRatio is how many times its size a body may grow by decoding, once that is
	// more than freeSize. DEFLATE reaches 1032 at most, pages hardly 100.
	maxRatio = 512
	freeSize = 16 << 20
)

// contentCodings returns the content codings of a header in the order in which
// they were applied, and whether the body can be read without them.
//
// Words that are no coding, such as "utf-8", "none" or "text/html", are ignored by
// browsers, and the body is what it is. Real codings that can't be undone, in part or at all, and
// too many of them make a body unreadable.
func contentCodings(lines []string) (codings []string, ok bool) {
	words := 0
	for member := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		switch coding := strings.ToLower(strings.Trim(member, " \t")); {
		case coding == "", coding == "identity":
		case slices.Contains(readableCodings, coding):
			codings = append(codings, coding)
		case slices.Contains(unreadableCodings, coding), !isWord(coding):
			return nil, false
		default:
			words++
		}
	}
	return codings, len(codings) <= maxCodings && (words == 0 || len(codings) == 0)
}

// isWord reports whether Chromium ignores an unknown content coding of that name;
// others fail to load.
func isWord(s string) bool {
	return httpguts.ValidHeaderFieldName(strings.ReplaceAll(s, "/", ""))
}

var (
	readableCodings = []string{"gzip", "deflate", "br", "zstd", "x-gzip"}

	// unreadableCodings are the others of the HTTP Content Coding Registry, and
	// SDCH, which was none.
	unreadableCodings = []string{"aes128gcm", "compress", "dcb", "dcz", "exi", "pack200-gzip", "sdch", "x-compress"}
)

// decodeError is a body that is not what its content coding promises.
type decodeError struct{ err error }

func (e *decodeError) Error() string { return fmt.Sprintf("decoding the body: %v", e.err) }
func (e *decodeError) Unwrap() error { return e.err }

var errBomb = fmt.Errorf("it grows more than %d times its size beyond %d MiB", maxRatio, freeSize>>20)

// decoder undoes content codings of a body that is pushed to it. The decoders of
// the libraries pull; they run as a coroutine that is resumed for each piece, so
// that everything that can be decoded is out when Write returns.
type decoder struct {
	resume func() (struct{}, bool)
	stop   func()

	in       []byte // what the coroutine has not read yet
	received int64  // bytes of input
	eof      bool
	done     bool
	err      error // of decoding or of writing the decoded bytes
}

var errStopped = errors.New("stopped")

// newDecoder returns a decoder that writes to out. Its stop has to be called in the
// end.
func newDecoder(codings []string, out io.Writer) *decoder {
	d := new(decoder)
	d.resume, d.stop = iter.Pull(func(yield func(struct{}) bool) {
		err := d.run(codings, out, yield)
		if d.done = true; !errors.Is(err, errStopped) {
			d.err = err
		}
	})
	return d
}

// run decodes until the end of the data, which may come before that of the input:
// browsers ignore what follows.
func (d *decoder) run(codings []string, out io.Writer, yield func(struct{}) bool) error {
	var source io.Reader = &pushed{d: d, yield: yield}
	for _, coding := range slices.Backward(codings) {
		decoded := openCoding(coding, source)
		defer decoded.release()
		source = decoded
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for written := int64(0); ; {
		n, err := source.Read(*buf)
		if n > 0 {
			if _, err := out.Write((*buf)[:n]); err != nil {
				return err
			}
			if written += int64(n); written > freeSize && written > maxRatio*d.received {
				return &decodeError{errBomb}
			}
		}
		switch {
		case errors.Is(err, io.EOF), d.eof && d.received == 0: // nothing is nothing in every coding
			return nil
		case err != nil:
			return &decodeError{err}
		}
	}
}

// Write decodes p as far as it goes.
func (d *decoder) Write(p []byte) error {
	if !d.done && len(p) > 0 {
		d.in = p
		d.received += int64(len(p))
		d.resume()
		d.in = nil // nothing is left, unless the data ended before the body did
	}
	return d.err
}

// Close decodes the rest and reports data that ends too early.
func (d *decoder) Close() error {
	d.eof = true
	if !d.done {
		d.resume()
	}
	return d.err
}

// pushed is the reading end of what is pushed to a decoder.
type pushed struct {
	d     *decoder
	yield func(struct{}) bool
}

func (p *pushed) Read(buf []byte) (int, error) {
	for len(p.d.in) == 0 {
		if p.d.eof {
			return 0, io.EOF
		}
		if !p.yield(struct{}{}) {
			return 0, errStopped
		}
	}
	n := copy(buf, p.d.in)
	p.d.in = p.d.in[n:]
	return n, nil
}
