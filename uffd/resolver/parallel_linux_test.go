package resolver_test

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// Many fault at once, on the same page and on all pages.
func TestParallel(t *testing.T) {
	for _, o := range []resolver.Options{{}, {Threads: 4}, {Spin: 1000}, {Threads: 2, Batch: 1, Spin: 50}, {Batch: 1024, Ring: 2}} {
		for _, procs := range []int{1, 2, 4} {
			t.Run(fmt.Sprintf("%d threads, batch %d, spin %d, ring %d, procs %d", o.Threads, o.Batch, o.Spin, o.Ring, procs), func(t *testing.T) {
				child(t, func(t *testing.T) {
					runtime.GOMAXPROCS(procs)
					const n = 16
					count := testgate.Rounds(1000, 50)
					mem, source := mapped(t, count), pattern(count)
					r := serve(t, open(t, anybody), o, mem, resolver.Rule{Missing: resolver.Copy, Source: source, Granule: 2 * uint64(pageSize)})
					half := count / 4 * 2
					together(n, func(int) { // all on one page after the other
						if !bytes.Equal(pages(mem, 0, half), pages(source, 0, half)) {
							t.Error("other bytes")
						}
					})
					together(n, func(i int) { // each on its own
						for p := half + i; p < count; p += n {
							if !bytes.Equal(pages(mem, p, 1), pages(source, p, 1)) {
								t.Error("other bytes in page ", p)
							}
						}
					})
					counts(t, r, func(s resolver.Stats) bool {
						return s.Bytes == uint64(len(mem)) && s.Failed+s.Parked+s.Stale+s.Lost+s.Outside == 0
					})
					must(t, r.Stop())
				})
			})
		}
	}
}

// Many on pages that fail: each gets its fault.
func TestParallelGuards(t *testing.T) {
	child(t, func(t *testing.T) {
		mem := mapped(t, 8)
		for _, d := range []*uffd.Descriptor{open(t, anybody), poisonless(t)} {
			must(t, mmapAt(mem))
			r := serve(t, d, resolver.Options{Threads: 2}, mem, resolver.Rule{Missing: resolver.Guard})
			together(32, func(i int) {
				for p := range 8 {
					failsAt(t, mem, (p+i)%8*pageSize)
				}
			})
			hitPages(t, r, mem, 0, 1, 2, 3, 4, 5, 6, 7)
			if s := r.Stats(); s.Parked != 0 {
				t.Errorf("%+v", s)
			}
			must(t, r.Stop())
		}
	})
}
