package rewrite

import (
	"bytes"
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
		odd := false // whether the quotes up to here are
		for j := range blockSize {
			odd = odd != (m.quote>>j&1 != 0)
			set(&m.inside, j, odd)
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

// TestClosing looks for closing apostrophes, in the window and behind it.
func TestClosing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(15, 16))
	for range 2000 {
		p := make([]byte, blockSize+rnd.IntN(3*blockSize))
		for i := range p {
			p[i] = "'abcdefghijklmnopqrstuvwxyz"[rnd.IntN(27)]
		}
		var w window
		if !w.covers(p, rnd.IntN(len(p)-blockSize+1)) {
			t.Fatal("not covered")
		}
		i := w.from + rnd.IntN(len(p)-w.from+1)
		want := bytes.IndexByte(p[i:], '\'')
		if want >= 0 {
			want += i + 1
		}
		if got := w.closing(p, i); got != want {
			t.Fatalf("from %d of %q: %d, not %d", i, p, got, want)
		}
	}
}

// TestRawLess looks for what may end raw text, at every place of a short text and around
// where the processor's registers begin.
func TestRawLess(t *testing.T) {
	rnd := rand.New(rand.NewPCG(17, 18))
	const meaning = "<<<<//!!->\x00\xff"
	for range 5000 {
		p := make([]byte, rnd.IntN(200))
		rare := 1 + rnd.IntN(40)
		for i := range p {
			p[i] = byte('a' + rnd.IntN(26))
			if rnd.IntN(rare) == 0 {
				p[i] = meaning[rnd.IntN(len(meaning))]
			}
		}
		for i := range len(p) + 1 {
			want := i
			for want < len(p) && (p[want] != '<' || want+1 < len(p) && p[want+1] != '/' && p[want+1] != '!') {
				want++
			}
			if got := rawLessAt(p, i); got != want {
				t.Fatalf("from %d of %q: %d, want %d", i, p, got, want)
			}
			if got := scanRaw(p, i); got > want {
				t.Fatalf("from %d of %q: passed %d", i, p, want)
			}
		}
	}
}
