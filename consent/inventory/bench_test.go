package inventory

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// steadyNames are what a request and its response hold, all seen before.
func steadyNames(inv *Inventory, now time.Time) func() {
	attributes := "; Path=/; Expires=Sat, 31 Jan 2026 14:00:00 GMT; HttpOnly; SameSite=Lax"
	return func() {
		v := inv.On(host, "/", now)
		v.Sent("_ga")
		v.Sent("_ga_ABC123DEF4")
		v.Sent("sessionid")
		v.Set("sessionid", attributes)
		v.Host(Markup, "www.googletagmanager.com")
	}
}

func TestAllocations(t *testing.T) {
	note := steadyNames(New(nil), start)
	note()
	if n := testing.AllocsPerRun(100, note); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkSeen is about names seen before: ns/name is the time for one of five.
func BenchmarkSeen(b *testing.B) {
	inv := New(nil)
	note := steadyNames(inv, start)
	note()
	report := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/5, "ns/name")
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			note()
		}
		report(b)
	})
	b.Run("16", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism((16 + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				note()
			}
		})
		report(b)
	})
}

// BenchmarkNew is about names never seen before, where there is no room.
func BenchmarkNew(b *testing.B) {
	inv := New(nil)
	b.ReportAllocs()
	names := make([]string, 1<<16)
	for i := range names {
		names[i] = fmt.Sprintf("a%xq%xz", i*7919, i)
	}
	i := 0
	for b.Loop() {
		v := inv.On(host, "/", start)
		v.Sent(names[i%len(names)])
		i++
	}
}

// Names that are seen again cost nothing, however many a site has.
func TestManyNamesAllocateNothing(t *testing.T) {
	inv := New(nil)
	now := time.Now()
	names := make([]string, 100)
	for i := range names {
		names[i] = "cookie" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "x"
	}
	see := func() {
		v := inv.On("www.example.test", "/", now)
		for _, name := range names {
			v.Set(name, "; Path=/")
			v.Sent(name)
		}
	}
	see()
	if n := testing.AllocsPerRun(100, see); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
