package faultloop

import (
	"testing"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// Several processes touch all pages, each in another order, and several threads serve
// them.
func TestThreads(t *testing.T) {
	for name, c := range map[string]Config{
		"one":             {Threads: 1, Batch: 16},
		"three":           {Threads: 3, Batch: 1},
		"three, batches":  {Threads: 3, Batch: 16},
		"two, that spin":  {Threads: 2, Batch: 4, Spin: 200},
		"batches of ring": {Threads: 2, Batch: 64, Slots: 2},
	} {
		t.Run(name, func(t *testing.T) {
			pages := testgate.Rounds(2048, 256)
			s := newScene(t, pages, c, 0)
			s.register(0, pages, uffd.ModeMissing)
			r := s.rule(0, pages)
			r.Missing = Copy
			s.rules(r)
			var all []*rawproc.Process
			for k := range 4 {
				order := make([]int, pages)
				for i := range order {
					order[i] = (i*(2*k+1) + k) % pages // odd, so all are reached
				}
				all = append(all, s.read(order...))
			}
			for k, p := range all {
				s.ends(p, 0)
				for i := range pages {
					if value, done := p.Result(i); !done || value != uint64(mark((i*(2*k+1)+k)%pages)) {
						t.Fatalf("step %d of process %d read %d", i, k, value)
					}
				}
			}
			s.counts(func(c *Counters) {
				c.Copies, c.Bytes = uint64(pages), uint64(pages*pageSize)
				c.Missing, c.Exists = c.Messages, c.Messages-c.Copies
				c.Failed, c.Parked, c.Outside, c.Handed, c.Lost, c.Agains, c.Stale = 0, 0, 0, 0, 0, 0, 0
			})
			if c.Batch == 1 {
				s.counts(func(c *Counters) { c.Batches = c.Messages })
			}
			if got := s.Counters(); got.Batches > got.Messages || got.Messages > 4*uint64(pages) {
				t.Errorf("%+v", got)
			}
		})
	}
}
