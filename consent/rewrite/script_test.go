package rewrite

import (
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// awaiting is disarming that first waits for the content of every script. contents are
// what it was shown.
func awaiting(contents *[]string) Options {
	return Options{Elements: shownElements, Edit: func(t *Tag) {
		if t.AwaitContent() {
			return
		}
		if t.Content() != nil && contents != nil {
			*contents = append(*contents, string(t.Content()))
		}
		disarm(t)
	}}
}

func TestAwaitContent(t *testing.T) {
	long := strings.Repeat("x<!-- ", maxContent)
	for _, c := range []struct {
		name, page string
		contents   []string
	}{
		{"one", "<script>a()</script>b", []string{"a()"}},
		{"empty", "<script></script>", []string{""}},
		{"empty in a page", "<p>" + strings.Repeat("x", 100) + "<script></script><p>" + strings.Repeat("y", 100), []string{""}},
		{"some", `<p><script src=x> a("</p>") </SCRIPT ><script>b()</script x>`, []string{` a("</p>") `, "b()"}},
		{"not the end", "<script>a('</scrip', '</scripts')</script>", []string{"a('</scrip', '</scripts')"}},
		{"escaped", "<script><!-- <script>a()</script> --></script>", []string{"<!-- <script>a()</script> -->"}},
		{"unfinished", "<script>a()", []string{"a()"}},
		{"unfinished end tag", "<script>a()</script", []string{"a()</script"}},
		{"unfinished tag", "<script>a()</script><script ", []string{"a()"}},
		{"long", "<script>" + long + "</script><script>b()</script>", []string{long[:maxContent], "b()"}},
		{"as long as is shown", "<script>" + long[:maxContent] + "</script><script>b()</script>", []string{long[:maxContent], "b()"}},
		{"in the head", "<html><head><script>a()</script></head><body><p>x", []string{"a()"}},
		{"others", "<style>a</style><img src=x><title>b</title>", nil},
		{"in svg", "<svg><script>a()</script></svg><script>b()</script>", []string{"b()"}},
		{"in noscript", "<noscript><script>a()</script></noscript><script>b()</script>", []string{"b()"}},
		{"long tag", "<script a='" + strings.Repeat("x", 2*maxTag) + "'>a()</script>", nil},
	} {
		want, _ := rewritten(t, disarming(), c.page, len(c.page))
		for _, n := range append(chunkSizes, maxContent-1, maxContent, maxContent+1) {
			var contents []string
			if got, _ := rewritten(t, awaiting(&contents), c.page, n); got != want {
				t.Errorf("%s, chunks of %d:\n got  %.300q\n want %.300q", c.name, n, got, want)
			}
			if !slices.Equal(contents, c.contents) {
				t.Errorf("%s, chunks of %d: shown %.200q", c.name, n, contents)
			}
		}
	}
}

// Whoever waits for the content of scripts gets the same pages as who does not.
func TestAwaitContentChangesNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(13, 14))
	pieces := slices.Concat(editPieces, []string{"<script>", "</script>", "<script src=x>", "<body>", "</head>", "<noscript>", "</noscript>"})
	n := 20000
	if testing.Short() {
		n = 5000
	}
	for range n {
		page := randomly(rnd, pieces, 14)
		checkAwaiting(t, page, 1+rnd.IntN(40))
	}
}

func checkAwaiting(t *testing.T, page string, n int) {
	t.Helper()
	inserting := func(o Options) Options {
		o.HeadStart = func() []byte { return []byte("<head-start>") }
		o.BodyStart = func(Head) []byte { return []byte("<body-start>") }
		o.End = func() []byte { return []byte("<end>") }
		return o
	}
	want, _ := rewritten(t, inserting(disarming()), page, max(1, len(page)))
	for _, n := range []int{max(1, len(page)), n} {
		if got, _ := rewritten(t, inserting(awaiting(nil)), page, n); got != want {
			t.Fatalf("chunks of %d:\n page %q\n got  %q\n want %q", n, page, got, want)
		}
	}
}

// FuzzAwaitContent checks that it makes no difference to wait for the content of scripts.
func FuzzAwaitContent(f *testing.F) {
	for i, s := range editPieces {
		f.Add("<script src=x>"+s+"</script><script>"+s, uint8(i))
	}
	f.Fuzz(func(t *testing.T, page string, n uint8) { checkAwaiting(t, page, max(1, int(n))) })
}

// TestAwaitContentMemory writes a script of 100 MB.
func TestAwaitContentMemory(t *testing.T) {
	r := New(io.Discard, awaiting(nil))
	for _, p := range []string{"<script>", strings.Repeat("x", 32<<10)} {
		for range max(1, len(p)>>15*3200) {
			if _, err := r.Write([]byte(p)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if held := cap(r.raw.held) + cap(r.raw.joined) + cap(r.edited); held > 96<<10 {
		t.Errorf("%d bytes held", held)
	}
}
