package resolver_test

import (
	"bytes"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// Who takes the writes, protects the pages and then reads them has all that was ever
// written, whatever the writers do meanwhile.
func TestNoWriteIsMissed(t *testing.T) {
	child(t, func(t *testing.T) {
		d := openWith(t, uffd.FeaturePagefaultFlagWP)
		const n = 3
		mem := mapped(t, n)
		of := uffd.RangeOf(mem)
		r := serve(t, d, resolver.Options{Threads: 2}, mem, resolver.Rule{Missing: resolver.Copy, Source: make([]byte, len(mem)), Written: resolver.Unprotect, Protected: true})
		shadow := make([]byte, len(mem))
		copy(shadow, mem)
		rounds := testgate.Rounds(300, 30)
		for round := range rounds {
			var stop atomic.Bool
			ended := make(chan bool)
			go func() {
				together(2, func(i int) {
					for v := byte(1); !stop.Load(); v++ {
						mem[int(v)%n*pageSize+i] = v
						if v%8 == 0 {
							runtime.Gosched()
						}
					}
				})
				ended <- true
			}()
			var notes []uint64
			take := func() {
				var err error
				notes, err = r.Writes(of, notes[:0])
				must(t, err)
				for _, a := range notes {
					page := uffd.Range{Start: a, Len: uint64(pageSize)}
					must(t, d.WriteProtect(page))
					at := int(a - of.Start)
					copy(shadow[at:at+pageSize], mem[at:])
				}
			}
			for taken := 0; taken < 100; taken += len(notes) {
				take()
				runtime.Gosched()
			}
			stop.Store(true)
			<-ended
			take()
			if !bytes.Equal(shadow, mem) {
				t.Fatalf("round %d: a write was missed", round)
			}
		}
		must(t, r.StopFinished())
	})
}

// Pages that were protected before they were there come as zeros, and stay protected.
func TestProtectedBefore(t *testing.T) {
	child(t, func(t *testing.T) {
		d := openWith(t, uffd.FeaturePagefaultFlagWP|uffd.FeatureWPUnpopulated)
		mem := mapped(t, 4)
		of := uffd.RangeOf(mem)
		r := serve(t, d, resolver.Options{}, mem, resolver.Rule{Missing: resolver.Zero, Written: resolver.Unprotect})
		must(t, d.WriteProtect(of))
		all(t, pages(mem, 0, 2), 0)
		mem[pageSize], mem[2*pageSize] = 1, 1
		writes, err := r.Writes(of, nil)
		must(t, err)
		if want := []uint64{of.Start + uint64(pageSize), of.Start + uint64(2*pageSize)}; !slices.Equal(writes, want) {
			t.Errorf("written: %#x, want %#x", writes, want)
		}
		counts(t, r, func(s resolver.Stats) bool { return s.Copies >= 3 && s.Messages < 100 && s.Parked+s.Failed == 0 })
		must(t, r.Stop())
	})
}
