package cookieconsent

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
)

// decoding is a reader of what is behind one content coding.
type decoding interface {
	io.Reader
	release() // gives back its memory
}

// openCoding returns a reader of what is behind one of readableCodings.
func openCoding(coding string, source io.Reader) decoding {
	switch coding {
	case "br":
		b := brotlis.Get().(*brotliDecoding)
		b.failed = b.reader.Reset(source)
		return b
	case "zstd":
		z := zstds.Get().(*zstdDecoding)
		z.failed = z.reader.Reset(source)
		return z
	default:
		f := inflates.Get().(*inflation)
		f.source.Reset(source)
		f.open = openGzip
		if coding == "deflate" {
			f.open = openDeflate
		}
		return f
	}
}

// inflation reads DEFLATE data behind the header of the gzip or zlib format. It
// ends where the data ends, as browsers do: they look neither at the checksum nor
// at whatever follows, and show a page that lacks both.
type inflation struct {
	source *bufio.Reader
	data   io.ReadCloser
	open   func(*bufio.Reader) error // until the header is read
}

var inflates = sync.Pool{New: func() any {
	none := bytes.NewReader(nil)
	return &inflation{source: bufio.NewReader(none), data: flate.NewReader(none)}
}}

func (f *inflation) Read(p []byte) (int, error) {
	if f.open != nil {
		if err := f.open(f.source); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		f.open = nil
		if err := f.data.(flate.Resetter).Reset(f.source, nil); err != nil {
			return 0, err
		}
	}
	return f.data.Read(p)
}

func (f *inflation) release() {
	f.source.Reset(nil)
	inflates.Put(f)
}

// openGzip skips the header of the first member of the gzip format (RFC 1952,
// section 2.3).
func openGzip(r *bufio.Reader) error {
	const (
		withChecksum = 1 << (iota + 1)
		withExtra
		withName
		withComment
	)
	header, err := r.Peek(10)
	if err != nil {
		return err
	}
	if header[0] != 0x1f || header[1] != 0x8b || header[2] != 8 {
		return errors.New("it is not in the gzip format")
	}
	flags := header[3]
	if _, err := r.Discard(len(header)); err != nil {
		return err
	}
	if flags&withExtra != 0 {
		size, err := r.Peek(2)
		if err != nil {
			return err
		}
		if _, err := r.Discard(2 + int(size[0]) + int(size[1])<<8); err != nil {
			return err
		}
	}
	for _, text := range []byte{withName, withComment} {
		for c := byte(1); flags&text != 0 && c != 0; {
			if c, err = r.ReadByte(); err != nil {
				return err
			}
		}
	}
	if flags&withChecksum != 0 {
		_, err = r.Discard(2)
	}
	return err
}

// openDeflate makes ready for both things that servers call deflate: the zlib
// format (RFC 1950), which RFC 9110, section 8.4.1.2, means, and bare DEFLATE data.
func openDeflate(r *bufio.Reader) error {
	header, err := r.Peek(2)
	if err != nil {
		return err
	}
	if header[0]&0x0f != 8 || (int(header[0])<<8|int(header[1]))%31 != 0 {
		return nil
	}
	if header[1]&0x20 != 0 {
		return errors.New("it needs a dictionary")
	}
	_, err = r.Discard(len(header))
	return err
}

// brotliDecoding reads Brotli (RFC 7932), with windows of 16 MiB at most, as
// browsers. What follows the data is ignored.
type brotliDecoding struct {
	reader *brotli.Reader
	failed error
}

var brotlis = sync.Pool{New: func() any { return &brotliDecoding{reader: brotli.NewReader(nil)} }}

// brotliExcess is the error text of the library for what follows the data; it has
// no other name.
const brotliExcess = "brotli: excessive input"

func (b *brotliDecoding) Read(p []byte) (int, error) {
	if b.failed != nil {
		return 0, b.failed
	}
	n, err := b.reader.Read(p)
	if err != nil && err.Error() == brotliExcess {
		b.failed, err = io.EOF, nil
	}
	return n, err
}

// release keeps the reader unless it can't let go of its source.
func (b *brotliDecoding) release() {
	if err := b.reader.Reset(nil); err == nil {
		brotlis.Put(b)
	}
}

// maxWindow is the largest window of a Zstandard frame, as in browsers
// (RFC 9659).
const maxWindow = 8 << 20

// zstdDecoding reads Zstandard frames (RFC 8878).
type zstdDecoding struct {
	reader *zstd.Decoder
	failed error
}

var zstds = sync.Pool{New: func() any {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		panic(fmt.Sprintf("cookieconsent: internal error: %v", err)) // of the options, which are constant
	}
	return &zstdDecoding{reader: r}
}}

func (z *zstdDecoding) Read(p []byte) (int, error) {
	if z.failed != nil {
		return 0, z.failed
	}
	return z.reader.Read(p)
}

// release keeps the decoder unless it can't let go of its source.
func (z *zstdDecoding) release() {
	if err := z.reader.Reset(nil); err == nil {
		zstds.Put(z)
	}
}
