package resolver_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// What happens to the memory is told, in order, and whoever did it waits for that.
func TestEvents(t *testing.T) {
	child(t, func(t *testing.T) {
		d := openWith(t, uffd.FeatureEventRemove|uffd.FeatureEventRemap|uffd.FeatureEventUnmap|uffd.FeaturePoison)
		mem, keep := unmappable(t, 4), mapped(t, 1)
		of := uffd.RangeOf(mem)
		r := serve(t, d, resolver.Options{Ring: 4}, mem, resolver.Rule{Missing: resolver.Zero})
		must(t, r.Serve(resolver.Rule{Range: uffd.RangeOf(keep), Missing: resolver.Zero}))
		told := make(chan uffd.Event, 100)
		go func() {
			to := make([]resolver.Message, 3)
			for {
				n, err := r.Read(t.Context(), to)
				if errors.Is(err, resolver.ErrClosed) {
					return
				}
				must(t, err)
				for _, m := range to[:n] {
					if m.Reason == resolver.Event {
						told <- m.Event
					}
				}
			}
		}()
		mem[0] = 1
		for range testgate.Rounds(200, 20) {
			must(t, unix.Madvise(pages(mem, 0, 2), unix.MADV_DONTNEED))
			if e := <-told; e.Kind != uffd.EventRemove || e.Removed() != uffd.RangeOf(pages(mem, 0, 2)) {
				t.Fatal(e.String())
			}
			if load(mem, 0) != 0 {
				t.Fatal("what was given up is still there")
			}
			mem[pageSize] = 1
		}

		// What was moved is nobody's: no rule has it, and it does not become zeros.
		moved, err := remap(mem)
		must(t, err)
		if e := <-told; e.Kind != uffd.EventRemap || e.Remap().From != of.Start || e.Remap().To != uffd.RangeOf(moved).Start {
			t.Error(e.String())
		}
		if moved[pageSize] != 1 {
			t.Error("the contents did not move")
		}
		failsAt(t, moved, 3*pageSize)
		must(t, munmap(moved))
		must(t, r.Stop())
	})
}
