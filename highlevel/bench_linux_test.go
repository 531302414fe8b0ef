package highlevel

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/pageslot/pageslot/internal/kernelcall"
	"github.com/pageslot/pageslot/memfd"
	"github.com/pageslot/pageslot/sys"
)

// Benchmarks here run what is measured and what it is held against by turns, in small
// batches, and report the medians of both: the machine's moods hit both alike.
//
//	ns/op    the pool
//	bare-ns  the bare system calls that the same work needs
//	over-ns  the difference
//	ratio    the quotient

// paired runs both by turns until b.N operations of ours are done.
func paired(b *testing.B, ours, bare func()) {
	b.Helper()
	b.ReportAllocs()
	const batch = 32
	var mine, theirs []float64
	measure := func(f func()) float64 {
		start := time.Now()
		for range batch {
			f()
		}
		return float64(time.Since(start)) / batch
	}
	measure(ours)
	measure(bare)
	b.ResetTimer()
	for done := 0; done < b.N; done += batch {
		mine = append(mine, measure(ours))
		b.StopTimer()
		theirs = append(theirs, measure(bare))
		b.StartTimer()
	}
	b.StopTimer()
	m, t := median(mine), median(theirs)
	b.ReportMetric(m, "ns/op")
	b.ReportMetric(t, "bare-ns")
	b.ReportMetric(m-t, "over-ns")
	b.ReportMetric(m/t, "ratio")
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// benchPool is a pool of slots of 4 MiB, and an image of 1 MiB. All slots lie alike within
// their 2 MiB, for the kernel frees a page table where one mapping covers all of it.
func benchPool(b *testing.B) (*Pool, *memfd.Image) {
	b.Helper()
	p := newPoolT(b, Config{Slots: 16, MaxMemory: 4 << 20, Reservation: 64 << 20, Guard: 2 << 20})
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(i*131) | 1
	}
	im, err := memfd.NewImage([]memfd.Segment{{Data: data}}, memfd.ImageOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := im.Close(); err != nil {
			b.Error(err)
		}
	})
	b.Cleanup(func() {
		if _, err := p.Purge(im); err != nil {
			b.Error(err)
		}
	})
	return p, im
}

func must(b *testing.B, err error) {
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkBookkeeping is acquire and release with an executor that does nothing.
func BenchmarkBookkeeping(b *testing.B) {
	for _, with := range []string{"none", "image"} {
		b.Run("image="+with, func(b *testing.B) {
			p, im := benchPool(b)
			if with == "none" {
				im = nil
			}
			tn := p.Tenant()
			release(b, acquire(b, tn, im, 2<<20))
			remove := kernelcall.Install(func(kernelcall.Op, uint64) kernelcall.Verdict { return kernelcall.Pretend() })
			defer remove()
			b.ReportAllocs()
			for b.Loop() {
				l, err := tn.Acquire(im, 2<<20)
				must(b, err)
				must(b, l.Release())
			}
		})
	}
}

// BenchmarkWarm is acquire and release of a slot that nobody touches, against the bare
// discards of its mappings.
func BenchmarkWarm(b *testing.B) { reset(b, []int{0}, false) }

// BenchmarkResetAndTouch is a lease of a warm slot whose tenant writes to some pages,
// against the same writes and the bare discards.
func BenchmarkResetAndTouch(b *testing.B) { reset(b, []int{0, 1, 4, 16, 64, 256}, true) }

func reset(b *testing.B, dirty []int, do bool) {
	for _, with := range []string{"none", "image"} {
		for _, n := range dirty {
			b.Run(fmt.Sprintf("image=%s/pages=%d", with, n), func(b *testing.B) {
				p, im := benchPool(b)
				if with == "none" {
					im = nil
				}
				tn := p.Tenant()
				size := uint64(4 << 20)
				step := int(size) / max(n, 1)
				write := func(v View) error {
					m := v.Bytes()
					for i := range n {
						m[i*step+64] = 7
					}
					return nil
				}
				// The other half of the comparison has a slot of its own, so that neither
				// finds the other's pages.
				held := acquire(b, tn, im, size)
				e := p.entries[held.Slot()]
				cuts := []uintptr{e.slot.base}
				if im != nil {
					cuts = append(cuts, e.slot.base+uintptr(im.End()))
				}
				cuts = append(cuts, e.slot.base+uintptr(size))
				view := View{held, e}
				paired(b, func() {
					l, err := tn.Acquire(im, size)
					must(b, err)
					if do {
						must(b, l.Do(write))
					}
					must(b, l.Release())
				}, func() {
					if do {
						_ = write(view)
					}
					for i := range cuts[1:] {
						must(b, sys.Madvise(cuts[i], cuts[i+1]-cuts[i], sys.MADV_DONTNEED))
					}
				})
				release(b, held)
			})
		}
	}
}

// BenchmarkDo is Do with a function that does nothing.
func BenchmarkDo(b *testing.B) {
	p, _ := benchPool(b)
	l := acquire(b, p.Tenant(), nil, 1<<20)
	nothing := func(View) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		_ = l.Do(nothing)
	}
	release(b, l)
}

// BenchmarkNew makes a pool of 10,000 slots, and counts what it keeps for each of them
// while none is used.
func BenchmarkNew(b *testing.B) {
	const slots = 10000
	var kept []float64
	var m0, m1 runtime.MemStats
	for b.Loop() {
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&m0)
		b.StartTimer()
		p, err := New(Config{Slots: slots})
		b.StopTimer()
		must(b, err)
		runtime.GC()
		runtime.ReadMemStats(&m1)
		kept = append(kept, float64(m1.HeapAlloc-m0.HeapAlloc)/slots)
		must(b, p.Close())
		b.StartTimer()
	}
	b.ReportMetric(median(kept), "B/slot")
}
