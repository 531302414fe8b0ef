package selftests

import (
	"github.com/pageslot/pageslot/internal/rawproc"
)

// visits is a process that counts in the pages of one bounce, and what it has to
// find there. Every process has a byte of its own in each page, so what it reads is
// known beforehand: no lock is needed to see a page that was lost, came twice or
// came in part.
type visits struct {
	*visitor
	want map[int]byte // by step
}

// perPage is how many visits a page gets from each process.
const perPage = 2

// visitors starts the processes of a bounce.
func (s *stress) visitors(bits int) []*visits {
	s.t.Helper()
	var all []*visits
	for w := range s.workers {
		v := &visits{want: map[int]byte{}}
		var steps []rawproc.Op
		for n := range s.pages * perPage {
			i := n % s.pages
			if bits&bounceRandom != 0 {
				i = s.random.IntN(s.pages)
			} else if bits&bounceRacing == 0 {
				i = (w*s.pages/s.workers + n) % s.pages
			}
			at := uint64(i) * s.dst.page
			look := uint64(s.workers) + s.random.Uint64N(s.dst.page-uint64(s.workers))
			v.want[len(steps)] = s.content[at+uint64(w)]
			v.want[len(steps)+2] = s.content[at+look]
			s.content[at+uint64(w)]++
			steps = append(steps,
				rawproc.Load(s.dst.addr(0)+at+uint64(w)),
				rawproc.Store(s.dst.addr(0)+at+uint64(w), s.content[at+uint64(w)]),
				rawproc.Load(s.dst.addr(0)+at+look))
		}
		v.visitor = visit(s.t, steps...)
		all = append(all, v)
	}
	return all
}

// check waits for the end of the process, and compares all that it has read.
func (v *visits) check() {
	v.t.Helper()
	v.ended()
	for step, want := range v.want {
		if got, done := v.p.Result(step); !done || got != uint64(want) {
			v.t.Fatalf("step %d read %#x, want %#x", step, got, want)
		}
	}
}
