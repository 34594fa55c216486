package cookieconsent

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

const (
	// maxCodings is how many content codings may lie on top of each other.
	maxCodings = 3

	// maxWindow is the largest window of a Zstandard frame, as in browsers
	// (RFC 9659).
	maxWindow = 8 << 20
)

// contentCodings returns the content codings of a header in the order in which
// they were applied, and whether all of them can be undone.
func contentCodings(lines []string) (codings []string, ok bool) {
	for member := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		switch coding := strings.ToLower(strings.TrimSpace(member)); coding {
		case "", "identity":
		case "gzip", "x-gzip", "deflate", "br", "zstd":
			codings = append(codings, coding)
		default:
			return nil, false
		}
	}
	return codings, len(codings) <= maxCodings
}

// decodeError is a body that is not what its content coding promises.
type decodeError struct{ err error }

func (e *decodeError) Error() string { return fmt.Sprintf("decoding the body: %v", e.err) }
func (e *decodeError) Unwrap() error { return e.err }

// decoder undoes content codings of a body that is pushed to it. The decoders of
// the libraries pull; they run as a coroutine that is resumed for each piece, so
// that everything that can be decoded is out when Write returns.
type decoder struct {
	resume func() (struct{}, bool)
	stop   func()

	in    []byte // what the coroutine has not read yet
	began bool   // whether there was any input
	eof   bool
	done  bool
	err   error // of decoding or of writing the decoded bytes
}

var errStopped = errors.New("stopped")

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

// run decodes until the end of the input.
func (d *decoder) run(codings []string, out io.Writer, yield func(struct{}) bool) error {
	var source io.Reader = &pushed{d: d, yield: yield}
	for _, coding := range slices.Backward(codings) {
		decoded, closing, err := openCoding(coding, source)
		if errors.Is(err, io.EOF) && !d.began {
			return nil // an empty body is empty in every coding
		}
		if err != nil {
			return &decodeError{err}
		}
		defer closing()
		source = decoded
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for {
		n, err := source.Read(*buf)
		if n > 0 {
			if _, err := out.Write((*buf)[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return &decodeError{err}
		}
	}
}

// openCoding returns a reader of what is behind one content coding.
func openCoding(coding string, source io.Reader) (decoded io.Reader, closing func(), err error) {
	switch coding {
	case "gzip", "x-gzip":
		r, err := gzip.NewReader(source)
		if err == nil {
			r.Multistream(false) // browsers ignore what follows the first member
		}
		return r, func() {}, err
	case "deflate":
		return openDeflate(source)
	case "br":
		return brotli.NewReader(source), func() {}, nil
	default:
		r, err := zstd.NewReader(source, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, err
		}
		return r, r.Close, nil
	}
}

// openDeflate reads both things that servers call deflate: the zlib format, which
// RFC 9110, section 8.4.1.2, means, and bare DEFLATE data.
func openDeflate(source io.Reader) (io.Reader, func(), error) {
	buffered := bufio.NewReader(source)
	head, err := buffered.Peek(2)
	if err != nil {
		return nil, nil, err
	}
	if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		r, err := zlib.NewReader(buffered)
		return r, func() {}, err
	}
	return flate.NewReader(buffered), func() {}, nil
}

// Write decodes p as far as it goes.
func (d *decoder) Write(p []byte) error {
	if !d.done {
		d.in, d.began = p, d.began || len(p) > 0
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
