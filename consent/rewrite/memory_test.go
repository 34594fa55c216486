package rewrite

import (
	"io"
	"runtime"
	"strings"
	"testing"
)

// TestMemory measures what a Rewriter needs in the middle of pages that make it hold as
// much as it can: each has come so far that nothing grows any more.
func TestMemory(t *testing.T) {
	long := func(s string) string { return strings.Repeat(s, 48<<10/len(s)) }
	awaiting := Options{Elements: shownElements, Edit: func(t *Tag) {
		disarm(t)
		t.AwaitContent()
	}}
	for name, page := range map[string]string{
		"value":             "<img src=x alt='" + long("x"),
		"attributes":        "<img" + long(" src=x"),
		"attribute names":   "<img " + long("x"),
		"tag name":          "<" + long("x"),
		"comment":           "<!--" + long("<img src=x>"),
		"CDATA":             "<svg><![CDATA[" + long("<img src=x>"),
		"value in CDATA":    "<svg><![CDATA[><img src=x alt='" + long("x"),
		"values in a style": "<svg><style><image alt=\"</style><img alt='" + long("x"),
		"script":            "<script a='" + strings.Repeat("x", maxTag-32) + "'>" + long("x"),
		"script in value":   "<script>" + long("x") + "</script><img alt='" + long("x"),
		"elements":          long("<b>") + long("<svg>"),
		"noscript":          "<noscript><img alt='" + long("x"),
		"head":              "<html lang='" + long("x"),
	} {
		const count, chunk = 10, 32 << 10
		o := awaiting
		o.BodyStart, o.End = func(Head) []byte { return nil }, func() []byte { return nil }
		rewriters := make([]*Rewriter, count)
		before := heap()
		for i := range rewriters {
			rewriters[i] = New(io.Discard, o)
			for p := page; len(p) > 0; p = p[min(len(p), chunk):] {
				if _, err := rewriters[i].Write([]byte(p[:min(len(p), chunk)])); err != nil {
					t.Fatal(err)
				}
			}
		}
		each := (heap() - before) / count
		runtime.KeepAlive(rewriters)
		t.Logf("%s: %d KB", name, each>>10)
		if each > 96<<10 {
			t.Errorf("%s: %d bytes", name, each)
		}
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
