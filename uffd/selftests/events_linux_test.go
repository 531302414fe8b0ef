package selftests

import (
	"testing"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/uffd"
)

const allEvents = uffd.FeatureEventFork | uffd.FeatureEventRemap | uffd.FeatureEventRemove | uffd.FeatureEventUnmap

// TestEvents is a whole life: a forked process reads and writes its pages, moves
// them, gives some up, and unmaps one, while this process serves it by what it is
// told.
func TestEvents(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) { live(t, k, false) })
}

// TestEventsWp is TestEvents with pages that come write-protected.
func TestEventsWp(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) { live(t, k, true) })
}

func live(t *testing.T, k memory, wp bool) {
	const pages = 4
	moving, emptying := movable(t, k), emptiable(t, k)
	a := newArea(t, k, pages)
	to := a.room(t, pages)
	need, mode := allEvents, uffd.ModeMissing
	if wp {
		need, mode = need|wpFor(k), mode|uffd.ModeWP
	}
	d := open(t, uffd.Options{Required: need})
	register(t, d, a.all(), mode)

	s := &server{t: t, d: d, content: a.filled(pages, 1), page: a.page, wp: wp, base: a.addr(0)}
	var steps []rawproc.Op
	want := map[int]uint64{} // the results of steps
	step := func(op rawproc.Op) { steps = append(steps, op) }
	load := func(addr uint64, value byte) {
		want[len(steps)] = uint64(value)
		step(rawproc.Load(addr))
	}
	for i := range pages {
		load(a.addr(i)+1, s.content[uint64(i)*a.page+1])
		step(rawproc.Store(a.addr(i)+2, byte(i+1)))
		load(a.addr(i)+2, byte(i+1))
	}
	now := a.all()
	if moving {
		now = to
		want[len(steps)] = to.Start
		step(moves(a.all(), to, 0))
		load(to.Start+2, 1)
	}
	if emptying {
		want[len(steps)] = 0
		step(advises(uffd.Range{Start: now.Start + a.page, Len: 2 * a.page}, k.emptying()))
		load(now.Start+2*a.page+2, 0)
		load(now.Start+3*a.page+2, 4)
	}
	want[len(steps)] = 0
	step(unmaps(uffd.Range{Start: now.Start, Len: a.page}))
	step(rawproc.Exit(7))

	v := forked(t, steps...)
	s.d = descendant(t, d)
	s.serve(uffd.Range{Start: now.Start, Len: a.page})
	if status := v.status(); !status.Exited() || status.ExitStatus() != 7 {
		t.Errorf("the process ended with %#x after %d steps", status, v.p.Done())
	}
	for i, value := range want {
		if got, _ := v.p.Result(i); got != value {
			t.Errorf("step %d: %#x, want %#x", i, got, value)
		}
	}
	expected := counts{missing: pages, unmap: 1}
	if wp {
		expected.wp = pages
	}
	if moving {
		expected.remap, expected.unmap = 1, 2 // the old range counts as unmapped, too
	}
	if emptying {
		expected.remove, expected.missing = 1, pages+1
	}
	if s.counts != expected {
		t.Errorf("served %+v, want %+v", s.counts, expected)
	}
	noEvent(t, d)
	if n, err := d.Copy(a.addr(0), s.content, 0); k.private() && (n != len(a.mem) || err != nil) {
		t.Errorf("the parent's own pages are not missing any more: %v", err)
	}
}

type counts struct{ missing, wp, remap, remove, unmap int }

// server serves the memory of a process.
type server struct {
	counts

	t       *testing.T
	d       *uffd.Descriptor
	content []byte
	page    uint64
	wp      bool
	base    uint64     // where the memory lies now
	old     uffd.Range // where it lay before
	removed uffd.Range // what reads as zeros
}

// serve serves until the last range is unmapped.
func (s *server) serve(last uffd.Range) {
	s.t.Helper()
	for {
		e := nextEvent(s.t, s.d)
		switch e.Kind {
		case uffd.EventPagefault:
			s.fault(e.Fault())
		case uffd.EventRemap:
			if r := e.Remap(); r.From != s.base || r.Len != uint64(len(s.content)) {
				s.t.Errorf("%v; want all from %#x", &e, s.base)
			}
			s.old = uffd.Range{Start: s.base, Len: e.Remap().Len}
			s.base = e.Remap().To
			s.remap++
		case uffd.EventRemove:
			s.removed = e.Removed()
			s.remove++
		case uffd.EventUnmap:
			s.unmap++
			if e.Removed() == last {
				return
			}
			if e.Removed() != s.old {
				s.t.Fatalf("%v; want %v, which moved, or %v", &e, s.old, last)
			}
		default:
			s.t.Fatalf("%v", &e)
		}
	}
}

func (s *server) fault(f uffd.Fault) {
	s.t.Helper()
	at := uffd.Range{Start: f.Address, Len: s.page}
	if f.Flags.Has(uffd.FaultWP) {
		s.counts.wp++
		unprotect(s.t, s.d, at)
		return
	}
	s.missing++
	from := f.Address - s.base
	if f.Address < s.base || from >= uint64(len(s.content)) {
		s.t.Fatalf("%v: memory begins at %#x", f, s.base)
	}
	page, flags := s.content[from:][:s.page], uffd.Flags(0)
	if s.removed.Contains(f.Address) {
		page = make([]byte, s.page)
	}
	if s.wp {
		flags = uffd.Protected
	}
	if _, err := s.d.Copy(f.Address, page, flags); err != nil {
		s.t.Fatal(err)
	}
}
