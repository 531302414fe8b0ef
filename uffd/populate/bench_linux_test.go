package populate

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// Pages that are asked for and then touched, while a goroutine serves them, beside a
// bare page fault of the kernel and beside asking where nobody has to serve anything,
// by turns in the same loop: ask-ns, bare-ns and plain-ns for each page, each the
// median of the rounds. The ask is for so many pages at a time; the handler copies a
// granule for each fault. With one processor the runtime gives it to the handler only
// when it notices that the asking thread waits, which takes some 20 microseconds.
func BenchmarkPopulate(b *testing.B) {
	const pages = 256
	bare := anon(b, pages)
	want := content(1, len(bare.mem))
	for _, c := range []struct{ ask, granule int }{{1, 1}, {16, 1}, {256, 1}, {16, 16}, {256, 16}} {
		b.Run(fmt.Sprintf("ask=%d/granule=%d", c.ask, c.granule), func(b *testing.B) {
			needed(b)
			a := anon(b, pages)
			d := open(b, 0)
			register(b, d, a, uffd.ModeMissing)
			stop := bulk(b, d, a, want, uint64(c.granule)*pageSize)
			defer stop()
			sum := 0
			visit := func(mem []byte) time.Duration {
				t0 := time.Now()
				for i := 0; i < pages; i += c.ask {
					piece := mem[i*int(pageSize) : (i+c.ask)*int(pageSize)]
					if _, err := Write(context.Background(), piece); err != nil {
						b.Fatal(err)
					}
					for j := 0; j < len(piece); j += int(pageSize) {
						sum += int(piece[j])
					}
				}
				return time.Since(t0)
			}
			var ask, plain, kernel []time.Duration
			discard := func() {
				if err := unix.Madvise(bare.mem, unix.MADV_DONTNEED); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				a.discard(b)
				ask = append(ask, visit(a.mem))
				discard()
				plain = append(plain, visit(bare.mem))
				discard()
				t0 := time.Now()
				for i := 0; i < len(bare.mem); i += int(pageSize) {
					bare.mem[i] = 1
				}
				kernel = append(kernel, time.Since(t0))
			}
			b.ReportMetric(median(ask)/pages, "ask-ns")
			b.ReportMetric(median(plain)/pages, "plain-ns")
			b.ReportMetric(median(kernel)/pages, "bare-ns")
		})
	}
}

// median is that of some times, in nanoseconds.
func median(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2].Nanoseconds())
}

// bulk serves missing pages, a granule for each.
func bulk(b *testing.B, d *uffd.Descriptor, a area, want []byte, granule uint64) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		var events [16]uffd.Event
		for {
			n, err := d.ReadContext(ctx, events[:])
			if err != nil {
				return
			}
			for i := range events[:n] {
				at := (events[i].Fault().Address - a.all().Start) / granule * granule
				if _, err := d.CopyAll(a.all().Start+at, want[at:at+granule], 0, uffd.Retry{Exist: uffd.ExistSkip}); err != nil {
					b.Error(err)
				}
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
