package track

import (
	"testing"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/pagemap"
)

// Collecting 1024 pages of which some were written, beside the two bare calls that it
// is made of, and the writes alone, whose faults are in all of them.
func BenchmarkCollect(b *testing.B) {
	const pages = 1024
	for _, state := range []struct {
		name string
		step int
	}{{"none", 0}, {"64", 16}, {"all", 1}} {
		tr := open(b)
		a := anon(b, pages)
		add(b, tr, a.all())
		write := func() {
			for i := 0; state.step != 0 && i < pages; i += state.step {
				a.write(i)
			}
		}
		room := make([]pagemap.Region, 128)
		b.Run("dirty="+state.name+"/collect", func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			f := func(uffd.Range) error { n++; return nil }
			for b.Loop() {
				write()
				if err := tr.Collect(room, f); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("dirty="+state.name+"/bare", func(b *testing.B) {
			first := sys.PmScanArg{
				Size: uint64(sys.IocSize(sys.PAGEMAP_SCAN)), Start: a.all().Start, End: a.all().End(),
				Vec: sys.SlicePointer(room), VecLen: uint64(len(room)), Flags: sys.PM_SCAN_WP_MATCHING | sys.PM_SCAN_CHECK_WPASYNC,
				CategoryMask: uint64(pagemap.Written), ReturnMask: uint64(pagemap.Written),
			}
			second := first
			second.Flags = sys.PM_SCAN_CHECK_WPASYNC
			second.CategoryInverted, second.CategoryMask = uint64(emptied.Inverted), uint64(emptied.Mask)
			fd := tr.pages.FD()
			for b.Loop() {
				write()
				_, err := sys.PagemapScan(fd, &first)
				if err == nil {
					_, err = sys.PagemapScan(fd, &second)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
