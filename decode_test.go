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
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		var out bytes.Buffer
		d := newDecoder([]string{coding}, &out)
		if err := d.Close(); err != nil && coding != "br" {
			t.Errorf("%s: an empty body gave %v", coding, err)
		}
		d.stop()
	}
}

func TestDecoderDecodesWhatIsThere(t *testing.T) {
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	var out bytes.Buffer
	d := newDecoder([]string{"gzip"}, &out)
	defer d.stop()
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
			t.Fatalf("after a flush of %q, %q is out", want, out.String())
		}
	}
}

func TestContentCodings(t *testing.T) {
	for header, want := range map[string]string{
		"": "[] true", "identity": "[] true", "GZip": "[gzip] true", "gzip, br": "[gzip br] true", " deflate ,": "[deflate] true",
		"dcb": "[] false", "gzip, aes128gcm": "[] false", "br,gzip,br,gzip": "[br gzip br gzip] false",
	} {
		codings, ok := contentCodings([]string{header})
		if got := fmt.Sprint(codings, ok); got != want {
			t.Errorf("contentCodings(%q) = %s, want %s", header, got, want)
		}
	}
}
