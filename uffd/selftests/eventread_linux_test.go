package selftests

import (
	"testing"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// pending makes three visitors wait for their REMOVE of pages 0 to 2 to be read,
// in this order, and then one that waits for page 3.
func pending(t *testing.T, d *uffd.Descriptor, a *area) (removers []*visitor, reader *visitor) {
	t.Helper()
	for i := range 3 {
		v := visit(t, rawproc.Load(a.addr(4)), advises(a.at(i), sys.MADV_DONTNEED))
		v.waits()
		removers = append(removers, v)
	}
	reader = reads(t, a.addr(3)+9)
	reader.waits()
	return removers, reader
}

// withEvents is an area of 5 pages, of which only page 3 is missing.
func withEvents(t *testing.T, more uffd.Features) (*uffd.Descriptor, *area) {
	t.Helper()
	a := newArea(t, anon, 5)
	d := open(t, uffd.Options{Required: uffd.FeatureEventRemove | more})
	register(t, d, a.all(), uffd.ModeMissing)
	data := a.filled(5, 1)
	for _, i := range []int{0, 1, 2, 4} {
		if _, err := d.Copy(a.addr(i), data[uint64(i)*a.page:][:a.page], 0); err != nil {
			t.Fatal(err)
		}
	}
	return d, a
}

// All that waits comes in one read: faults first, then events in their order.
func TestEventsInOneRead(t *testing.T) {
	d, a := withEvents(t, 0)
	removers, reader := pending(t, d, a)
	events := make([]uffd.Event, 8)
	n, err := d.TryRead(events)
	if n != 4 || err != nil {
		t.Fatalf("%d messages, %v; want 4", n, err)
	}
	if f := events[0].Fault(); f.Address != a.addr(3) || f.Flags != 0 {
		t.Errorf("%v; want the fault first, on page 3", &events[0])
	}
	for i, e := range events[1:4] {
		if e.Kind != uffd.EventRemove || e.Removed() != a.at(i) {
			t.Errorf("%v; want REMOVE of page %d", &e, i)
		}
	}
	finish(t, d, a, removers, reader)
}

// A buffer that is too small gets what fits, and the rest waits.
func TestEventsInSmallReads(t *testing.T) {
	d, a := withEvents(t, 0)
	removers, reader := pending(t, d, a)
	events := make([]uffd.Event, 8)
	if n, err := d.TryRead(events[:2]); n != 2 || err != nil {
		t.Fatalf("%d messages, %v; want 2", n, err)
	}
	removers[0].ended()
	removers[1].stuck()
	if n, err := d.TryRead(events[2:]); n != 2 || err != nil {
		t.Fatalf("%d messages, %v; want 2", n, err)
	}
	for i, e := range events[1:4] {
		if e.Removed() != a.at(i) {
			t.Errorf("%v; want REMOVE of page %d", &e, i)
		}
	}
	finish(t, d, a, removers, reader)
}

func finish(t *testing.T, d *uffd.Descriptor, a *area, removers []*visitor, reader *visitor) {
	t.Helper()
	for _, v := range removers {
		v.ended()
		v.succeeds(1)
	}
	if _, err := d.Zero(a.at(3), 0); err != nil {
		t.Fatal(err)
	}
	reader.saw(0)
	noEvent(t, d)
}

// Each fault says who waits, with THREAD_ID, and nobody otherwise.
func TestThreadIDs(t *testing.T) {
	for name, feature := range map[string]uffd.Features{"with": uffd.FeatureThreadID, "without": 0} {
		t.Run(name, func(t *testing.T) {
			d, a := withEvents(t, feature)
			waiting := map[uint32]*visitor{}
			for _, v := range []*visitor{reads(t, a.addr(3)), writes(t, a.addr(3), 0)} {
				waiting[uint32(v.p.Pid())] = v
			}
			for range 2 {
				f := nextFault(t, d)
				if feature == 0 && f.Thread != 0 || feature != 0 && waiting[f.Thread] == nil {
					t.Errorf("%v; the processes are %v", f, waiting)
				}
				delete(waiting, f.Thread)
			}
			if feature != 0 && len(waiting) != 0 {
				t.Errorf("nothing was said of %v", waiting)
			}
			if _, err := d.Zero(a.at(3), 0); err != nil {
				t.Error(err)
			}
		})
	}
}
