package track

import (
	"testing"
	"time"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/pagemap"
)

// Collecting 1024 pages of which some were written, and the two bare calls that it
// is made of, by turns: collect-ns and bare-ns. The writes and their faults are
// outside.
func BenchmarkCollect(b *testing.B) {
	const pages = 1024
	for _, state := range []struct {
		name string
		step int
	}{{"none", 0}, {"64", 16}, {"all", 1}} {
		b.Run("dirty="+state.name, func(b *testing.B) {
			tr := open(b)
			a := anon(b, pages)
			add(b, tr, a.all())
			write := func() {
				for i := 0; state.step != 0 && i < pages; i += state.step {
					a.write(i)
				}
			}
			room := make([]pagemap.Region, 128)
			n := 0
			f := func(uffd.Range) error { n++; return nil }
			first := sys.PmScanArg{
				Size: uint64(sys.IocSize(sys.PAGEMAP_SCAN)), Start: a.all().Start, End: a.all().End(),
				Vec: sys.SlicePointer(room), VecLen: uint64(len(room)), Flags: sys.PM_SCAN_WP_MATCHING | sys.PM_SCAN_CHECK_WPASYNC,
				CategoryMask: uint64(pagemap.Written), ReturnMask: uint64(pagemap.Written),
			}
			second := first
			second.Flags = sys.PM_SCAN_CHECK_WPASYNC
			second.CategoryInverted, second.CategoryMask = uint64(emptied.Inverted), uint64(emptied.Mask)
			second.ReturnMask = uint64(emptied.Return)
			fd := tr.pages.FD()
			var collect, bare time.Duration
			for b.Loop() {
				write()
				t0 := time.Now()
				if err := tr.Collect(room, f); err != nil {
					b.Fatal(err)
				}
				t1 := time.Now()
				write()
				t2 := time.Now()
				_, err := sys.PagemapScan(fd, &first)
				if err == nil {
					_, err = sys.PagemapScan(fd, &second)
				}
				if err != nil {
					b.Fatal(err)
				}
				collect += t1.Sub(t0)
				bare += time.Since(t2)
			}
			b.ReportMetric(float64(collect.Nanoseconds())/float64(b.N), "collect-ns")
			b.ReportMetric(float64(bare.Nanoseconds())/float64(b.N), "bare-ns")
		})
	}
}
