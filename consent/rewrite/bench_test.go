package rewrite

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/cookieconsent/caddy-cookie-consent/internal/pages"
)

// BenchmarkInsert inserts at both places. It reports the speed as a multiple of
// the least that any rewriter does, a search for every "<", and of the tokenizer
// of x/net/html; what is compared are the fastest of many alternating runs, which
// other programs on the machine disturb the least.
func BenchmarkInsert(b *testing.B) {
	start, end := []byte(startMark), []byte(endMark)
	o := Options{BodyStart: func(Head) []byte { return start }, End: func() []byte { return end }}
	r := New(io.Discard, o)
	corpus := pages.Corpus()
	for _, name := range slices.Sorted(maps.Keys(corpus)) {
		page := corpus[name]
		runs := []func(){
			func() {
				r.Reset(io.Discard, o)
				for p := range slices.Chunk(page, 32<<10) {
					_, _ = r.Write(p)
				}
				_ = r.Close()
			},
			func() {
				for p := page; ; {
					i := bytes.IndexByte(p, '<')
					if i < 0 {
						break
					}
					p = p[i+1:]
				}
			},
			func() {
				z := html.NewTokenizer(bytes.NewReader(page))
				for z.Next() != html.ErrorToken {
					z.TagName()
				}
			},
		}
		b.Run(name, func(b *testing.B) {
			best := make([]time.Duration, len(runs))
			for b.Loop() {
				for i, run := range runs {
					began := time.Now()
					run()
					if took := time.Since(began); best[i] == 0 || took < best[i] {
						best[i] = took
					}
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(len(page))/best[0].Seconds()/1e9, "GB/s")
			b.ReportMetric(best[1].Seconds()/best[0].Seconds(), "x-search")
			b.ReportMetric(best[2].Seconds()/best[0].Seconds(), "x-tokenizer")
		})
	}
}

// hostile are pages of a kind that slows parsers down, of n repetitions.
var hostile = map[string]func(n int) string{
	"less-thans":         func(n int) string { return strings.Repeat("<", n) },
	"open tags":          func(n int) string { return strings.Repeat("<a ", n) },
	"open quotes":        func(n int) string { return strings.Repeat("<a b=\"", n) },
	"long name":          func(n int) string { return "<" + strings.Repeat("a", n) },
	"long attribute":     func(n int) string { return "<a b='" + strings.Repeat(">", n) },
	"many attributes":    func(n int) string { return "<a" + strings.Repeat(" a=''", n) + ">" },
	"equals":             func(n int) string { return "<a " + strings.Repeat("=", n) },
	"comments":           func(n int) string { return strings.Repeat("<!--", n) },
	"dashes":             func(n int) string { return "<!--" + strings.Repeat("-", n) },
	"deep":               func(n int) string { return strings.Repeat("<b>", n) },
	"deep and stray":     func(n int) string { return strings.Repeat("<b>", maxDepth) + strings.Repeat("</i>", n) },
	"deep svg":           func(n int) string { return strings.Repeat("<svg>", n) },
	"deep svg and stray": func(n int) string { return strings.Repeat("<svg>", maxDepth-1) + strings.Repeat("</i>", n) },
	"math and HTML": func(n int) string {
		return "<math><mi>" + strings.Repeat("<i>", maxDepth-3) + strings.Repeat("<li></b></p><td></td><a></a>", n)
	},
	"templates":        func(n int) string { return strings.Repeat("<template>", n) },
	"tables":           func(n int) string { return strings.Repeat("<table></b>", n) },
	"CDATA":            func(n int) string { return "<svg>" + strings.Repeat("<![CDATA[]]", n) },
	"script comments":  func(n int) string { return "<script>" + strings.Repeat("<!--", n) },
	"script in script": func(n int) string { return "<script><!--" + strings.Repeat("<script>", n) },
	"end tags in raw":  func(n int) string { return "<title>" + strings.Repeat("</titl", n) },
	"end tag in raw":   func(n int) string { return "<title>" + strings.Repeat("</title x=\"", n) },
	"noscript":         func(n int) string { return strings.Repeat("<noscript><!--</noscript>", n) },
	"noscript and deep": func(n int) string {
		return "<noscript><table></noscript>" + strings.Repeat("<b>", maxDepth) + strings.Repeat("<i></i>", n)
	},
	"number":     func(n int) string { return "&#" + strings.Repeat("0", n) },
	"references": func(n int) string { return strings.Repeat("&#32", n) },
}

// BenchmarkHostile reports the time for a byte of hostile pages of 64 KB
// and 128 KB, and how many times longer twice the page takes: 2 is linear.
func BenchmarkHostile(b *testing.B) {
	o := Options{BodyStart: func(Head) []byte { return nil }, End: func() []byte { return nil }}
	benchmarkDoubling(b, o, hostile)
}

func benchmarkDoubling(b *testing.B, o Options, families map[string]func(n int) string) {
	r := New(io.Discard, o)
	for _, name := range slices.Sorted(maps.Keys(families)) {
		family := families[name]
		for _, chunk := range []int{1, 32 << 10} {
			b.Run(fmt.Sprintf("%s/%d", name, chunk), func(b *testing.B) {
				n := 64 << 10 / max(1, len(family(2))-len(family(1)))
				pages := [][]byte{[]byte(family(n)), []byte(family(2 * n))}
				best := make([]time.Duration, len(pages))
				for b.Loop() {
					for i, page := range pages {
						began := time.Now()
						r.Reset(io.Discard, o)
						for p := range slices.Chunk(page, chunk) {
							_, _ = r.Write(p)
						}
						_ = r.Close()
						if took := time.Since(began); best[i] == 0 || took < best[i] {
							best[i] = took
						}
					}
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(best[1].Nanoseconds())/float64(len(pages[1])), "ns/byte")
				b.ReportMetric(best[1].Seconds()/best[0].Seconds(), "x-doubled")
			})
		}
	}
}
