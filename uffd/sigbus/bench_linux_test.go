package sigbus

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// A page that Do provides, beside a bare page fault of the kernel and beside the bare
// copy that is part of it, by turns in the same loop: do-ns, bare-ns and copy-ns for
// each page, each the median of the rounds. The position is kept, so that each piece
// is done once.
func BenchmarkFault(b *testing.B) {
	const pages = 256
	bare := anon(b, pages)
	for _, granule := range []uint64{1, 64 << 10} {
		b.Run(fmt.Sprintf("granule=%d", max(granule, pageSize)), func(b *testing.B) {
			a := anon(b, pages)
			d := open(b, 0)
			register(b, d, a, uffd.ModeMissing)
			content := a.want(1)
			r, err := From(d, a.all(), bytes.NewReader(content), Options{Granule: granule})
			if err != nil {
				b.Fatal(err)
			}
			sum, pos, faults := 0, 0, 0
			touch := func(mem []byte) {
				for ; pos < len(mem); pos += int(pageSize) {
					sum += int(mem[pos])
				}
			}
			f := func(last Fault) error {
				faults += min(1, last.Number)
				touch(a.mem)
				return nil
			}
			step := int(max(granule, pageSize))
			var do, kernel, fill []time.Duration
			for b.Loop() {
				a.discard(b)
				pos = 0
				t0 := time.Now()
				if err := Do(f, r); err != nil {
					b.Fatal(err)
				}
				do = append(do, time.Since(t0))

				if err := unix.Madvise(bare.mem, unix.MADV_DONTNEED); err != nil {
					b.Fatal(err)
				}
				pos = 0
				t0 = time.Now()
				for ; pos < len(bare.mem); pos += int(pageSize) {
					bare.mem[pos] = 1
				}
				kernel = append(kernel, time.Since(t0))

				a.discard(b)
				t0 = time.Now()
				for at := 0; at < len(content); at += step {
					if _, err := d.Copy(a.addr(0)+uint64(at), content[at:at+step], 0); err != nil {
						b.Fatal(err)
					}
				}
				fill = append(fill, time.Since(t0))
			}
			b.ReportMetric(median(do)/pages, "do-ns")
			b.ReportMetric(median(kernel)/pages, "bare-ns")
			b.ReportMetric(median(fill)/pages, "copy-ns")
			b.ReportMetric(float64(faults)/float64(len(do)), "faults")
		})
	}
}

// median is that of some times, in nanoseconds.
func median(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2].Nanoseconds())
}

// A Do without a fault.
func BenchmarkNoFault(b *testing.B) {
	a, r := served(b, memories[0], 1, 1)
	sum := 0
	f := func(Fault) error { sum += int(a.mem[0]); return nil }
	for b.Loop() {
		if err := Do(f, r); err != nil {
			b.Fatal(err)
		}
	}
}
