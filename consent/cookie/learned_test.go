package cookie

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// learn has a table learn from Set-Cookie lines of a host.
func learn(l *Learned, host string, lines ...string) {
	learner := l.On(host)
	FilterSetCookie(lines, at(now), func(name, attributes string) Verdict {
		learner.Learn(name, attributes)
		return Verdict{}
	}, nil)
}

// recalled returns the learned part of a plan: domain and path of each variant,
// "p:" before those with a partition.
func recalled(l *Learned, host, path string, secure bool, names ...string) string {
	d := NewDeletions(host, path, secure, names, l)
	var got []string
	for _, known := range d.learned {
		s := known.variant.Domain + known.variant.Path
		if known.variant.Partitioned {
			s = "p:" + s
		}
		got = append(got, s)
	}
	return strings.Join(got, " ")
}

func TestLearnedVariants(t *testing.T) {
	const www = "www.example.com"
	for _, tt := range []struct {
		setBy, attributes string
		host, path        string
		want              string // of what is learned of it for that request
	}{
		{www, "", www, "/", "/"},
		{www, "Path=/", www, "/a/b", "/"},
		{www, "Path=/a", www, "/a/b", "/a"},
		{www, "Path=/a/", www, "/a/b", "/a/"},
		{www, "Path=/a/b", www, "/a/b", "/a/b"},
		{www, "Path=/a", www, "/a/", "/a"},
		{www, "Path=/a/b", www, "/a/bc", ""},
		{www, "Path=/a/b/", www, "/a/b", ""},
		{www, "Path=/b", www, "/a/b", ""},
		{www, "Path=/A", www, "/a", ""},
		{www, "Path=a", www, "/a/b", "/ /a/b /a"},
		{www, "", www, "/a/b/c", "/ /a/b/c /a/b /a"},
		{www, "", www, "/a/b/", "/ /a/b /a"},
		{www, "Path=/a; Path=/", www, "/a", "/"},

		{www, "Path=/", "shop.example.com", "/", ""}, // host-only
		{www, "Path=/", "example.com", "/", ""},
		{www, "Path=/; Domain=example.com", www, "/", "example.com/"},
		{www, "Path=/; Domain=example.com", "shop.example.com", "/", "example.com/"},
		{www, "Path=/; Domain=example.com", "a.b.example.com", "/", "example.com/"},
		{www, "Path=/; Domain=example.com", "example.com", "/", "example.com/"},
		{www, "Path=/; domain=.Example.COM", "shop.example.com", "/", "example.com/"},
		{www, "Path=/; Domain=www.example.com", www, "/", "www.example.com/"},
		{www, "Path=/; Domain=www.example.com", "a.www.example.com", "/", "www.example.com/"},
		{www, "Path=/; Domain=www.example.com", "example.com", "/", ""},
		{www, "Path=/; Domain=", "shop.example.com", "/", ""},
		{www, "Path=/; Domain=example.com", "example.org", "/", ""},

		// Browsers refuse these.
		{www, "Path=/; Domain=shop.example.com", "shop.example.com", "/", ""},
		{www, "Path=/; Domain=a.www.example.com", "a.www.example.com", "/", ""},
		{www, "Path=/; Domain=ample.com", "ample.com", "/", ""},
		{www, "Path=/; Domain=com", www, "/", ""},
		{"me.github.io", "Path=/; Domain=github.io", "you.github.io", "/", ""},

		// These they keep for the host alone.
		{"github.io", "Path=/; Domain=github.io", "github.io", "/", "/"},
		{"github.io", "Path=/; Domain=github.io", "me.github.io", "/", ""},
		{"127.0.0.1", "Path=/; Domain=127.0.0.1", "127.0.0.1", "/", "/"},
		{"localhost", "Path=/; Domain=localhost", "localhost", "/", "/"},

		{www, "Path=/; Secure; Partitioned", www, "/", "p:/"},
		{www, "Path=/; PARTITIONED = x; Secure", www, "/", "p:/"},
		{www, "Domain=example.com; Secure; Partitioned", www, "/a/b", "p:example.com/ p:example.com/a/b p:example.com/a"},
		{www, "Path=/; Max-Age=0", www, "/", "/"}, // the application's own deletions tell too
		{www, "Path=/" + strings.Repeat("x", maxLearnedText), www, "/" + strings.Repeat("x", maxLearnedText), ""},
	} {
		l := NewLearned()
		learn(l, tt.setBy, "a=1; "+tt.attributes)
		if got := recalled(l, tt.host, tt.path, true, "a"); got != tt.want {
			t.Errorf("%s sets %q: for %s%.20s got %q, want %q", tt.setBy, tt.attributes, tt.host, tt.path, got, tt.want)
		}
		if got := recalled(l, tt.host, tt.path, true, "A", "b", ""); got != "" {
			t.Errorf("%s sets %q: for other names got %q", tt.setBy, tt.attributes, got)
		}
		if got := recalled(l, tt.host, tt.path, false, "a"); strings.Contains(got, "p:") {
			t.Errorf("%s sets %q: without a secure connection got %q", tt.setBy, tt.attributes, got)
		}
	}
}

func TestLearnedNames(t *testing.T) {
	l := NewLearned()
	learn(l, "www.example.com",
		"bare; Path=/x; Domain=example.com", "=nameless; Path=/y", "__Host-a=1; Path=/; Secure", "__Host-b=1; Path=/; Domain=example.com; Secure",
		"not\x00=1; Path=/x")
	for names, want := range map[string]string{
		"bare":       "example.com/x",
		"":           "example.com/x /y",
		"__Host-a":   "/",
		"__Host-b":   "",
		"not":        "",
		"bare,":      "example.com/x example.com/x /y",
		"b,bare,b,a": "example.com/x",
	} {
		got := recalled(l, "www.example.com", "/x", true, strings.Split(names, ",")...)
		if strings.Contains(want, "/y") {
			got += recalled(l, "www.example.com", "/y", true, "")
			want = strings.Replace(want, " /y", "/y", 1)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", names, got, want)
		}
	}
}

// TestLearnedFirst follows the windows of a plan: what was learned of all names
// comes first, everything else follows, nothing comes twice and nothing is missing.
func TestLearnedFirst(t *testing.T) {
	const host, path = "www.example.com", "/dir/sub/page"
	l := NewLearned()
	learn(l, host,
		"a=1; Path=/dir/sub; Domain=example.com; Secure; Partitioned", "a=1; Path=/dir", "b=1; Domain=www.example.com; Path=/dir/",
		"a=1; Path=/elsewhere", "__Host-c=1; Path=/; Secure; Partitioned")
	names := []string{"d", "a", "b", "__Host-c"}
	var got []string
	d := NewDeletions(host, path, true, names, l)
	for offset := 0; offset < d.Len(); {
		lines, next := d.Lines(offset, 200)
		if next <= offset {
			t.Fatalf("no progress at %d", offset)
		}
		got, offset = append(got, lines...), next
	}
	first := []string{
		"a=;Max-Age=0;Path=/dir",
		"b=;Max-Age=0;Path=/dir/;Domain=www.example.com",
		"__Host-c=;Max-Age=0;Path=/;Partitioned;Secure",
		"a=;Max-Age=0;Path=/dir/sub;Domain=example.com;Partitioned;Secure",
	}
	if !slices.Equal(got[:len(first)], first) {
		t.Errorf("first come %q, want %q", got[:len(first)], first)
	}
	all, _ := NewDeletions(host, path, true, names, nil).Lines(0, 1<<20)
	rest := slices.DeleteFunc(slices.Clone(all), func(line string) bool { return slices.Contains(first, line) })
	if len(rest) != len(all)-len(first) || !slices.Equal(got[len(first):], rest) {
		t.Errorf("%d lines follow instead of %d of %d, or in another order", len(got)-len(first), len(rest), len(all))
	}
}

// known reports how many of n cookies of the host are remembered, by their path.
func known(l *Learned, host, prefix string, n int) (count int) {
	for i := range n {
		if recalled(l, host, "/known/x", true, prefix+fmt.Sprint(i)) == "/known" {
			count++
		}
	}
	return count
}

func TestSteadyNamesStay(t *testing.T) {
	const host, n = "www.example.com", 100
	l := NewLearned()
	set := func(prefix string, i int) { learn(l, host, fmt.Sprintf("%s%d=1; Path=/known", prefix, i)) }
	for range steady {
		for i := range n {
			set("steady", i)
		}
	}
	for i := range 40_000 {
		set("once", i)
	}
	if got := known(l, host, "steady", n); got != n {
		t.Errorf("%d of %d names are left after many that came once", got, n)
	}
	for i := range 10_000 {
		for range steady {
			set("visitor", i)
		}
		if i%100 == 0 {
			for j := range n {
				set("steady", j)
			}
		}
	}
	if got := known(l, host, "steady", n); got != n {
		t.Errorf("%d of %d names are left after many that came some times", got, n)
	}

	// What is not set any more makes room, in most sets by now: which names share one
	// is random.
	for range 120 {
		for i := range n {
			set("newer", i)
		}
		for i := range 2 * learnedSets {
			set("fresh", i)
		}
	}
	if got := known(l, host, "newer", n); got < n*9/10 {
		t.Errorf("%d of %d new names were learned by a full table", got, n)
	}
}

// TestCrowdedName has an application set one cookie for each of its pages.
func TestCrowdedName(t *testing.T) {
	const host = "www.example.com"
	l := NewLearned()
	for i := range 10_000 {
		if i%200 == 0 {
			learn(l, host, "a=1; Path=/", "a=1; Path=/", "a=1; Path=/; Domain=example.com")
		}
		learn(l, host, fmt.Sprintf("a=1; Path=/page%d", i))
	}
	if got := recalled(l, host, "/page9999", true, "a"); got != "/ /page9999 example.com/" {
		t.Errorf("got %q", got)
	}
	kept := 0
	for i := range l.sets {
		for w := range l.sets[i].ways {
			if v := l.sets[i].ways[w].Load(); v != nil {
				kept++
			}
		}
	}
	if kept != maxLearnedScoped+1 {
		t.Errorf("%d variants are kept, want %d host-only ones and one of the domain", kept, maxLearnedScoped)
	}
}

func TestLearnedMemory(t *testing.T) {
	const bound = 2 << 20
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	l := NewLearned()
	learner := l.On("h")
	long := strings.Repeat("n", maxLearnedText-len("h/0123456"))
	for i := range 5 * learnedSets * learnedWays {
		learner.Learn(long, fmt.Sprintf("; Path=/%07d; Domain=x", i)) // refused
		learner.Learn(fmt.Sprintf("%s%07d", long, i), "; Path=/")
		learner.Learn(fmt.Sprintf("%s%08d", long, i), "; Path=/") // too long
	}
	full := 0
	for i := range l.sets {
		for w := range l.sets[i].ways {
			if l.sets[i].ways[w].Load() != nil {
				full++
			}
		}
	}
	after := heap()
	if full != learnedSets*learnedWays {
		t.Errorf("%d variants are kept", full)
	}
	if after-before > bound {
		t.Errorf("%d bytes for %d variants, more than %d", after-before, full, bound)
	}
	t.Logf("%d bytes for %d of the longest variants", after-before, full)
	runtime.KeepAlive(l)
}

func TestLearningAllocatesNothing(t *testing.T) {
	l := NewLearned()
	learner := l.On("www.example.com")
	lines := [][2]string{
		{"_ga", "; Path=/; Domain=example.com"},
		{"_fbp", "; Path=/"},
		{"refused", "; Path=/; Domain=example.org"},
		{"long", "; Path=/" + strings.Repeat("x", 500)},
	}
	for second := range 60 {
		lines = append(lines, [2]string{"dated", fmt.Sprintf("; Expires=Wed, 09 Jun 2027 10:18:%02d GMT; Path=/a", second)})
	}
	all := func() {
		for _, line := range lines {
			learner.Learn(line[0], line[1])
		}
	}
	all()
	if n := testing.AllocsPerRun(100, all); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestLearnConcurrently is for the race detector, and finds what was learned.
func TestLearnConcurrently(t *testing.T) {
	const host, n = "www.example.com", 50
	l := NewLearned()
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 3000 {
				learn(l, host, fmt.Sprintf("common%d=1; Path=/known", i%n), fmt.Sprintf("g%d_%d=1; Path=/x", g, i))
				if lines, _ := NewDeletions(host, "/known/x", true, []string{"common0", "other"}, l).Lines(0, 2048); len(lines) == 0 {
					t.Error("no lines")
				}
			}
		})
	}
	all.Wait()
	if got := known(l, host, "common", n); got != n {
		t.Errorf("%d of %d names are known", got, n)
	}
}
