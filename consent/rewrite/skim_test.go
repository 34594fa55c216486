package rewrite

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/internal/pages"
)

// checkSkim checks that skimming leads where reading every token leads.
func checkSkim(t *testing.T, page []byte, chunk int) {
	t.Helper()
	var skimmed, read reading
	skimmed.reset(true)
	read.reset(true)
	for p := range slices.Chunk(page, chunk) {
		skimmed.window.reset()
		skimmed.run(p, 0)
		skimmed.offset += int64(len(p))
		for i := 0; i < len(p); {
			_, i = read.next(p, i)
		}
		read.offset += int64(len(p))
		if skimmed.state != read.state || skimmed.cdataAllowed != read.cdataAllowed || skimmed.lost != read.lost ||
			skimmed.foreign != read.foreign || skimmed.enclosures != read.enclosures || !slices.Equal(skimmed.stack, read.stack) ||
			read.state >= rawState && skimmed.raw != read.raw {
			t.Fatalf("up to %d of %q:\n skimmed to state %d, %v\n read to state %d, %v",
				read.offset, page, skimmed.state, skimmed.stack, read.state, read.stack)
		}
	}
}

func TestSkim(t *testing.T) {
	for _, page := range pages.Corpus() {
		for _, n := range []int{100, 4096} {
			checkSkim(t, page, n)
		}
	}
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 20000 {
		page := randomPage(rnd) + randomPage(rnd)
		checkSkim(t, []byte(page), len(page))
	}
}

func FuzzSkim(f *testing.F) {
	for i, c := range insertions {
		in, _ := expand(c.page)
		f.Add([]byte(in+"        "), uint8(20+i))
	}
	f.Fuzz(func(t *testing.T, page []byte, chunk uint8) {
		checkSkim(t, page, max(1, int(chunk)))
		checkSkim(t, page, max(1, len(page)))
	})
}
