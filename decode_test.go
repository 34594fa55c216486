package cookieconsent

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// encoded applies content codings in order.
func encoded(t testing.TB, plain []byte, codings ...string) []byte {
	t.Helper()
	for _, coding := range codings {
		var b bytes.Buffer
		var w io.WriteCloser
		var err error
		switch coding {
		case "gzip", "x-gzip":
			w = gzip.NewWriter(&b)
		case "deflate":
			w = zlib.NewWriter(&b)
		case "bare deflate":
			w, err = flate.NewWriter(&b, flate.BestSpeed)
		case "br":
			w = brotli.NewWriter(&b)
		case "zstd":
			w, err = zstd.NewWriter(&b)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(plain); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		plain = b.Bytes()
	}
	return plain
}

func TestDecoder(t *testing.T) {
	plain := []byte("<!doctype html>" + strings.Repeat("<p>A page with several paragraphs.</p>\n", 4000))
	for _, codings := range [][]string{
		{"gzip"}, {"x-gzip"}, {"deflate"}, {"bare deflate"}, {"br"}, {"zstd"}, {"gzip", "gzip"}, {"br", "gzip"}, {"deflate", "zstd", "gzip"},
	} {
		t.Run(strings.Join(codings, " "), func(t *testing.T) {
			body := encoded(t, plain, codings...)
			announced, ok := contentCodings([]string{strings.ReplaceAll(strings.Join(codings, ", "), "bare ", "")})
			if !ok {
				t.Fatal("the codings are not known")
			}
			for _, size := range []int{1, 7, 4096, len(body)} {
				var out bytes.Buffer
				d := newDecoder(announced, &out)
				for rest := body; len(rest) > 0; {
					n := min(size, len(rest))
					if err := d.Write(rest[:n]); err != nil {
						t.Fatal(err)
					}
					rest = rest[n:]
				}
				if err := d.Close(); err != nil {
					t.Fatal(err)
				}
				d.stop()
				if !bytes.Equal(out.Bytes(), plain) {
					t.Fatalf("in pieces of %d bytes: %d bytes came out of %d", size, out.Len(), len(plain))
				}
			}
			for range 20 {
				var out bytes.Buffer
				d := newDecoder(announced, &out)
				err := d.Write(body[:rand.IntN(len(body)-10)+1])
				if err == nil {
					err = d.Close()
				}
				d.stop()
				if _, decoding := errors.AsType[*decodeError](err); !decoding && !bytes.Equal(out.Bytes(), plain) {
					t.Fatalf("a truncated body gave %d bytes and %v", out.Len(), err)
				}
				if !bytes.HasPrefix(plain, out.Bytes()) {
					t.Fatal("a truncated body decodes to something else")
				}
			}
		})
	}
}

func TestDecoderEmptyBody(t *testing.T) {
	for _, coding := range readableCodings {
		if out, err := decodeAll([]string{coding}, nil); err != nil || len(out) > 0 {
			t.Errorf("%s: an empty body gave %q and %v", coding, out, err)
		}
	}
}

// decodeAll decodes a body that comes in one piece.
func decodeAll(codings []string, body []byte) ([]byte, error) {
	var out bytes.Buffer
	d := newDecoder(codings, &out)
	defer d.stop()
	err := d.Write(body)
	if err == nil {
		err = d.Close()
	}
	return out.Bytes(), err
}

func TestDecoderDecodesWhatIsThere(t *testing.T) {
	var compressed bytes.Buffer
	fast, err := flate.NewWriter(&compressed, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	frames, err := zstd.NewWriter(&compressed)
	if err != nil {
		t.Fatal(err)
	}
	for coding, w := range map[string]interface {
		io.Writer
		Flush() error
	}{
		"gzip": gzip.NewWriter(&compressed), "deflate": fast, "br": brotli.NewWriter(&compressed), "zstd": frames,
	} {
		var out bytes.Buffer
		compressed.Reset()
		d := newDecoder([]string{coding}, &out)
		for i := range 5 {
			fmt.Fprintf(w, "piece %d\n", i)
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			if err := d.Write(compressed.Bytes()); err != nil {
				t.Fatal(err)
			}
			compressed.Reset()
			if want := fmt.Sprintf("piece %d\n", i); !strings.HasSuffix(out.String(), want) {
				t.Fatalf("%s: after a flush of %q, %q is out", coding, want, out.String())
			}
		}
		d.stop()
	}
}

// What servers do to coded bodies, and what Chromium 156 makes of it: unless
// stated otherwise, the page is shown as if nothing were wrong.
func TestDecoderOddBodies(t *testing.T) {
	plain := []byte("<!doctype html>" + strings.Repeat("<p>A paragraph.</p>\n", 50))
	gz, zl, raw := encoded(t, plain, "gzip"), encoded(t, plain, "deflate"), encoded(t, plain, "bare deflate")
	br, zs := encoded(t, plain, "br"), encoded(t, plain, "zstd")
	garbage := []byte("more words")
	changed := func(b []byte, fromEnd int) []byte {
		b = bytes.Clone(b)
		b[len(b)-fromEnd] ^= 0x55
		return b
	}
	named := []byte("\x1f\x8b\x08\x1e\x00\x00\x00\x00\x00\x03\x05\x00extraname\x00comment\x00\x12\x34")
	for _, c := range []struct {
		name, codings string
		body          []byte
		out           int // bytes of plain, -1 for all
		fails         bool
	}{
		{"wrong checksum", "gzip", changed(gz, 7), -1, false},
		{"wrong size", "gzip", changed(gz, 2), -1, false},
		{"no trailer", "gzip", gz[:len(gz)-8], -1, false},
		{"half a trailer", "gzip", gz[:len(gz)-4], -1, false},
		{"garbage behind", "gzip", slices.Concat(gz, garbage), -1, false},
		{"zeros behind", "gzip", slices.Concat(gz, make([]byte, 100)), -1, false},
		{"two members", "gzip", slices.Concat(encoded(t, plain[:60], "gzip"), encoded(t, plain[60:], "gzip")), 60, false},
		{"every field of the header", "gzip", slices.Concat(named, gz[10:]), -1, false},
		{"no coded body", "gzip", plain, 0, true},
		{"zlib as gzip", "gzip", zl, 0, true},
		{"header alone", "gzip", gz[:10], 0, true}, // an empty page to Chromium
		{"half a header", "gzip", gz[:4], 0, true}, // an empty page to Chromium
		{"twice", "gzip, gzip", encoded(t, gz, "gzip"), -1, false},
		{"wrong checksum", "deflate", changed(zl, 2), -1, false}, // fails in Chromium
		{"no checksum", "deflate", zl[:len(zl)-4], -1, false},
		{"garbage behind", "deflate", slices.Concat(zl, garbage), -1, false},
		{"garbage behind bare data", "deflate", slices.Concat(raw, garbage), -1, false}, // fails in Chromium
		{"bare data inside", "deflate, gzip", encoded(t, raw, "gzip"), -1, false},
		{"no coded body", "deflate", plain, 0, true},
		{"dictionary", "deflate", []byte("\x78\xbb\x00\x00\x00\x00"), 0, true},
		{"garbage behind", "br", slices.Concat(br, garbage), -1, false},
		{"no coded body", "br", plain, 0, true},
		{"larger window than 16 MiB", "br", []byte("\x11\x19\x00\x00\x00\x00"), 0, true},
		{"two frames", "zstd", slices.Concat(encoded(t, plain[:60], "zstd"), encoded(t, plain[60:], "zstd")), -1, false},
		{"skippable frame", "zstd", slices.Concat([]byte("\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"), zs), -1, false},
		{"garbage behind", "zstd", slices.Concat(zs, garbage), -1, true}, // shown by Chromium, which then fails too
		{"no coded body", "zstd", plain, 0, true},
		{"larger window than 8 MiB", "zstd", []byte("\x28\xb5\x2f\xfd\x00\x70\x01\x00\x00"), 0, true},
	} {
		codings, ok := contentCodings([]string{c.codings})
		if !ok {
			t.Fatalf("%s is not known", c.codings)
		}
		want := plain
		if c.out >= 0 {
			want = plain[:c.out]
		}
		out, err := decodeAll(codings, c.body)
		if _, decoding := errors.AsType[*decodeError](err); decoding != c.fails || err != nil && !c.fails {
			t.Errorf("%s, %s: %v", c.codings, c.name, err)
		}
		if !bytes.Equal(out, want) {
			t.Errorf("%s, %s: %d bytes came out, want %d", c.codings, c.name, len(out), len(want))
		}
	}
}

// zeros is a reader of so many zeros.
func zeros(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// bomb is 64 MiB of zeros in codings.
func bomb(t testing.TB, codings ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch codings[0] {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "br":
		w = brotli.NewWriterLevel(&b, 1)
	case "zstd":
		w, _ = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	}
	if _, err := io.Copy(w, zeros(1<<26)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return encoded(t, b.Bytes(), codings[1:]...)
}

func TestDecoderBombs(t *testing.T) {
	for _, codings := range [][]string{{"gzip"}, {"br"}, {"zstd"}, {"gzip", "gzip"}, {"zstd", "gzip"}} {
		body := bomb(t, codings...)
		var out count
		d := newDecoder(codings, &out)
		err := d.Write(body)
		d.stop()
		if !errors.Is(err, errBomb) {
			t.Errorf("%v: %d bytes for %d, and %v", codings, out, len(body), err)
		}
		if most := max(freeSize, maxRatio*len(body)) + 64<<10; int(out) > most {
			t.Errorf("%v: %d bytes came out of %d, want at most %d", codings, out, len(body), most)
		}
	}
}

// count is a writer that counts.
type count int

func (c *count) Write(p []byte) (int, error) {
	*c += count(len(p))
	return len(p), nil
}

// A page that is not a bomb may be of any size.
func TestDecoderLargePages(t *testing.T) {
	var row bytes.Buffer
	for i := range 2000 {
		fmt.Fprintf(&row, "<tr><td>%d</td><td>%x</td></tr>\n", i, i*i*7919)
	}
	plain := bytes.Repeat(row.Bytes(), 64<<20/row.Len())
	body := encoded(t, plain, "gzip")
	var out count
	d := newDecoder([]string{"gzip"}, &out)
	defer d.stop()
	if err := d.Write(body); err != nil || int(out) != len(plain) {
		t.Errorf("%d of %d bytes came out of %d, and %v", out, len(plain), len(body), err)
	}
}

func FuzzDecoder(f *testing.F) {
	plain := []byte("<!doctype html><p>A paragraph.</p>")
	for _, codings := range []string{"gzip", "deflate", "br", "zstd", "br, gzip"} {
		f.Add(codings, encoded(f, plain, strings.Split(codings, ", ")...), 3)
	}
	f.Fuzz(func(t *testing.T, header string, body []byte, size int) {
		codings, ok := contentCodings([]string{header})
		if !ok || len(codings) == 0 || size < 1 {
			return
		}
		var whole, pieces bytes.Buffer
		one := newDecoder(codings, &whole)
		defer one.stop()
		err := one.Write(body)
		if err == nil {
			err = one.Close()
		}
		if _, decoding := errors.AsType[*decodeError](err); err != nil && !decoding {
			t.Fatal(err)
		}
		if whole.Len() > max(freeSize, maxRatio*len(body))+64<<10 {
			t.Fatalf("%d bytes came out of %d", whole.Len(), len(body))
		}
		other := newDecoder(codings, &pieces)
		defer other.stop()
		var otherErr error
		for p := range slices.Chunk(body, min(size, len(body)+1)) {
			if otherErr = other.Write(p); otherErr != nil {
				break
			}
		}
		if otherErr == nil {
			otherErr = other.Close()
		}
		// A piece may end where the whole has not failed yet.
		if (err == nil) != (otherErr == nil) || err == nil && !bytes.Equal(whole.Bytes(), pieces.Bytes()) {
			t.Fatalf("in pieces of %d bytes: %d bytes and %v, else %d and %v", size, pieces.Len(), otherErr, whole.Len(), err)
		}
	})
}

// BenchmarkDecoder shows what a decoder costs besides the decoding.
func BenchmarkDecoder(b *testing.B) {
	plain := []byte("<!doctype html>" + strings.Repeat("<p>A page with several paragraphs.</p>\n", 2400))
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		body := encoded(b, plain, coding)
		b.Run(coding, func(b *testing.B) {
			b.SetBytes(int64(len(plain)))
			b.ReportAllocs()
			for b.Loop() {
				d := newDecoder([]string{coding}, io.Discard)
				if err := d.Write(body); err != nil {
					b.Fatal(err)
				}
				if err := d.Close(); err != nil {
					b.Fatal(err)
				}
				d.stop()
			}
		})
	}
}

func TestContentCodings(t *testing.T) {
	for header, want := range map[string]string{
		"": "[] true", "identity": "[] true", "GZip": "[gzip] true", "gzip, br": "[gzip br] true", " deflate ,": "[deflate] true",
		"x-gzip": "[x-gzip] true", "identity, gzip": "[gzip] true",
		"utf-8": "[] true", "none": "[] true", "aws-chunked, utf-8": "[] true",
		"gzip, utf-8": "[gzip] false", "dcb": "[] false", "compress": "[] false", "gzip, aes128gcm": "[] false",
		"gzip;q=1": "[] false", `"gzip"`: "[] false", "text/html": "[] true", "text/html; charset=utf-8": "[] false",
		"br,gzip,br": "[br gzip br] true", "br,gzip,br,gzip": "[br gzip br gzip] false",
	} {
		codings, ok := contentCodings([]string{header})
		if got := fmt.Sprint(codings, ok); got != want {
			t.Errorf("contentCodings(%q) = %s, want %s", header, got, want)
		}
	}
	if codings, ok := contentCodings([]string{"br", "gzip"}); !ok || !slices.Equal(codings, []string{"br", "gzip"}) {
		t.Errorf("two lines make %v %v", codings, ok)
	}
}
