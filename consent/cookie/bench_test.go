package cookie

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// twenty returns the 20 cookies of a request, and as many Set-Cookie lines.
func twenty() (cookie, setCookie []string) {
	var pairs []string
	for i := range 20 {
		pair := fmt.Sprintf("cookie_%d=0123456789abcdef%d", i, i)
		pairs = append(pairs, pair)
		setCookie = append(setCookie, pair+"; Path=/; HttpOnly; SameSite=Lax")
	}
	return []string{strings.Join(pairs, "; ")}, setCookie
}

func BenchmarkFilterCookie(b *testing.B) {
	lines, _ := twenty()
	b.ReportAllocs()
	for b.Loop() {
		FilterCookie(lines, func(string) bool { return true }, nil)
	}
}

func BenchmarkFilterCookieCutting(b *testing.B) {
	lines, _ := twenty()
	b.ReportAllocs()
	for b.Loop() {
		FilterCookie(lines, func(name string) bool { return name != "cookie_7" }, nil)
	}
}

func BenchmarkFilterSetCookie(b *testing.B) {
	_, lines := twenty()
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		FilterSetCookie(lines, at(now), func(string, string) Verdict { return Verdict{Keep: true} }, nil)
	}
}

func BenchmarkFilterSetCookieLimited(b *testing.B) {
	_, lines := twenty()
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		FilterSetCookie(lines, at(now), func(string, string) Verdict { return Verdict{Keep: true, Lifetime: time.Hour} }, nil)
	}
}

func BenchmarkPairs(b *testing.B) {
	lines, _ := twenty()
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for name := range Pairs(lines) {
			n += len(name)
		}
		if n == 0 {
			b.Fatal("no names")
		}
	}
}

func BenchmarkParseSetCookie(b *testing.B) {
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		ParseSetCookie("sessionid=0123456789abcdef; Expires=Wed, 09 Jun 2027 10:18:14 GMT; Max-Age=1209600; HttpOnly; Path=/; SameSite=Lax", now)
	}
}

func BenchmarkDeletions(b *testing.B) {
	names := strings.Split("_ga _gid _gat _fbp _gcl_au hubspotutk __hstc __hssc __hssrc _uetsid _uetvid _pk_id", " ")
	b.ReportAllocs()
	for b.Loop() {
		NewDeletions("www.example.com", "/shop/category/page", true, names, nil).Lines(0, 2048)
	}
}

// TestNoAllocations is what the benchmarks show, as a test.
func TestNoAllocations(t *testing.T) {
	cookie, setCookie := twenty()
	now := time.Now()
	setCookie = append(setCookie, "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "b=1; Max-Age=60", "c")
	for name, f := range map[string]func(){
		"FilterCookie": func() {
			FilterCookie(cookie, func(string) bool { return true }, func(string) { t.Error("dropped") })
		},
		"FilterSetCookie": func() {
			FilterSetCookie(setCookie, at(now), func(string, string) Verdict { return Verdict{Keep: true} }, func(string) { t.Error("dropped") })
		},
		"FilterSetCookie with limits": func() {
			FilterSetCookie(setCookie, at(now), func(string, string) Verdict { return Verdict{Keep: true, Lifetime: time.Hour} }, nil)
		},
		"Pairs": func() {
			for name, value := range Pairs(cookie) {
				if name == value {
					t.Error("nothing read")
				}
			}
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// BenchmarkLearn measures lines of which the variant is known: one that was seen
// before, and one that has another date each time.
func BenchmarkLearn(b *testing.B) {
	const name, attributes = "_pk_id.1.1fff", "; Path=/; Domain=example.com; SameSite=Lax"
	l := NewLearned()
	known := l.On("www.example.com")
	for range steady {
		known.Learn(name, attributes)
	}
	b.Run("seen", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			learner := l.On("www.example.com")
			for pb.Next() {
				learner.Learn(name, attributes)
			}
		})
	})
	b.Run("dated", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for learner := l.On("www.example.com"); pb.Next(); learner.salt++ { // as good as a new date
				learner.Learn(name, "; Expires=Wed, 09 Jun 2027 10:18:14 GMT"+attributes)
			}
		})
	})
}

func BenchmarkDeletionsLearned(b *testing.B) {
	names := strings.Split("_ga _gid _gat _fbp _gcl_au hubspotutk __hstc __hssc __hssrc _uetsid _uetvid _pk_id", " ")
	l := NewLearned()
	for _, name := range names {
		learn(l, "www.example.com", name+"=1; Path=/; Domain=example.com", name+"=1")
	}
	b.ReportAllocs()
	for b.Loop() {
		NewDeletions("www.example.com", "/shop/category/page", true, names, l).Lines(0, 2048)
	}
}
