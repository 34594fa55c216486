package rewrite

import (
	"math/rand/v2"
	"testing"
)

// classifyBytes is classify byte by byte.
func classifyBytes(p []byte, masks []mask) {
	for i := range masks {
		m := mask{}
		set := func(bits *uint64, j int, is bool) {
			if is {
				*bits |= 1 << j
			}
		}
		for j, c := range p[i*blockSize:][:blockSize] {
			set(&m.less, j, c == '<')
			set(&m.greater, j, c == '>')
			set(&m.equals, j, c == '=')
			set(&m.quote, j, c == '"')
			set(&m.apostrophe, j, c == '\'')
			set(&m.separator, j, c <= ' ' || c == '/')
		}
		masks[i] = m
	}
}

func TestClassify(t *testing.T) {
	rnd := rand.New(rand.NewPCG(13, 14))
	const meaning = "<>=\"'/ \t\n\r\f\x00\x1f!;?.0\x7f\x80\xff"
	for range 2000 {
		p := make([]byte, windowBlocks*blockSize)
		for i := range p {
			p[i] = byte(rnd.Uint32())
			if rnd.IntN(2) == 0 {
				p[i] = meaning[rnd.IntN(len(meaning))]
			}
		}
		var got [3][windowBlocks]mask
		n := 1 + rnd.IntN(windowBlocks)
		for i, f := range []func([]byte, []mask){classify, classifyWords, classifyBytes} {
			f(p, got[i][:n])
			if got[i] != got[0] {
				t.Fatalf("%q\n is %+v\n or %+v", p, got[0], got[i])
			}
		}

		var w window
		p = p[:rnd.IntN(len(p))]
		for range 20 {
			i := rnd.IntN(len(p) + 1)
			if fits := len(p)-i >= blockSize; w.covers(p, i) != fits {
				t.Fatalf("from %d of %d: %t", i, len(p), !fits)
			} else if !fits {
				continue
			}
			next := w.less(i)
			for j := i; j < next; j++ {
				if p[j] == '<' {
					t.Fatalf("missed < at %d of %q", j, p)
				}
			}
			if next < w.to && p[next] != '<' {
				t.Fatalf("no < at %d of %q", next, p)
			}
		}
	}
}

func TestBits(t *testing.T) {
	rnd := rand.New(rand.NewPCG(15, 16))
	bit := func(x uint64, n uint) uint64 { return x >> n & 1 }
	for range 1000 {
		a, b := rnd.Uint64(), rnd.Uint64()
		inside := uint64(0)
		for i := range uint(blockSize) {
			inside ^= bit(a, i)
			if bit(between(a), i) != inside {
				t.Fatalf("between(%#x) = %#x", a, between(a))
			}
			for j := range uint(blockSize) {
				want := bit(b, (i+j)%blockSize)
				if i+j < blockSize {
					want = bit(a, i+j)
				}
				if bit(shifted(a, b, i), j) != want {
					t.Fatalf("shifted(%#x, %#x, %d) = %#x", a, b, i, shifted(a, b, i))
				}
			}
		}
	}
}
