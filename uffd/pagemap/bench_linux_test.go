package pagemap

import (
	"testing"

	"github.com/pageslot/pageslot/sys"
)

// Scans of 1024 tracked pages, of which none, every other or all are written,
// beside the bare call.
func BenchmarkScan(b *testing.B) {
	const pages = 1024
	m, d := open(b), async(b)
	for _, state := range []struct {
		name string
		step int
	}{{"none", 0}, {"half", 2}, {"all", 1}} {
		a := anon(b, pages)
		arm(b, d, a.all())
		for i := 0; state.step != 0 && i < pages; i += state.step {
			a.write(i)
		}
		buf := make([]Region, pages)
		b.Run("dirty="+state.name+"/scan", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := m.Scan(a.all(), dirty, buf); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("dirty="+state.name+"/walk", func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			f := func(Region) error { n++; return nil }
			for b.Loop() {
				if err := m.Walk(a.all(), dirty, buf[:128], f); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("dirty="+state.name+"/bare", func(b *testing.B) {
			p := sys.PmScanArg{
				Size: scanSize, Start: a.all().Start, End: a.all().End(),
				Vec: sys.SlicePointer(buf), VecLen: pages,
				CategoryMask: uint64(Written), ReturnMask: uint64(Written),
			}
			for b.Loop() {
				if _, err := sys.PagemapScan(m.FD(), &p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The entries of 1024 pages.
func BenchmarkEntries(b *testing.B) {
	m := openAny(b)
	a := anon(b, 1024)
	a.fill(1)
	into := make([]Entry, a.pages())
	for b.Loop() {
		if _, err := m.Entries(a.all().Start, into); err != nil {
			b.Fatal(err)
		}
	}
}
