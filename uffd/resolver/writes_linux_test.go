package resolver_test

import (
	"bytes"
	"runtime"
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
