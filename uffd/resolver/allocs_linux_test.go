package resolver_test

import (
	"context"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// What is called again and again allocates nothing.
func TestNothingIsAllocated(t *testing.T) {
	child(t, func(t *testing.T) {
		mem, guarded := mapped(t, 4), mapped(t, 4)
		r := serve(t, open(t, anybody), resolver.Options{}, mem, resolver.Rule{Missing: resolver.Copy, Source: pattern(4)})
		must(t, r.Serve(resolver.Rule{Range: uffd.RangeOf(guarded), Missing: resolver.Guard}))
		to, hits := make([]resolver.Message, 4), make([]uint64, 0, 4)
		for name, f := range map[string]func(){
			"Stats": func() { r.Stats() },
			"Hits": func() {
				var err error
				hits, err = r.Hits(uffd.RangeOf(guarded), hits[:0])
				must(t, err)
			},
			"Reset": func() { must(t, r.Reset(uffd.RangeOf(guarded))) },
			"a fault": func() {
				load(mem, pageSize)
				must(t, unix.Madvise(mem, unix.MADV_DONTNEED))
			},
		} {
			none(t, name, testing.AllocsPerRun(testgate.Rounds(100, 20), f))
		}
		// A fault that fails is a panic, which allocates.
		guard := func() {
			fault(func() { load(guarded, 0) })
			must(t, r.Reset(uffd.RangeOf(guarded)))
		}
		read := func() {
			guard()
			_, err := r.Read(context.Background(), to)
			must(t, err)
		}
		alone := testing.AllocsPerRun(testgate.Rounds(100, 20), guard)
		none(t, "Read", max(0, testing.AllocsPerRun(testgate.Rounds(100, 20), read)-alone))
		must(t, r.Stop())
	})
}

func none(t *testing.T, name string, allocations float64) {
	t.Helper()
	switch {
	case allocations == 0:
	case conversionsAllocate():
		testgate.Skip(t, testgate.Plain, "in this build a variable whose address becomes a number is on the heap")
	default:
		t.Errorf("%s: %v allocations", name, allocations)
	}
}
