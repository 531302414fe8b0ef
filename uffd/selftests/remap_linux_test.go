package selftests

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

func needMovable(t *testing.T, k memory) {
	t.Helper()
	if !movable(t, k) {
		testgate.Skip(t, testgate.UffdFeature, "the kernel does not move huge pages (Linux 5.16)")
	}
}

// The event says from where to where. Who moves waits until it is read, and then
// the memory is registered where it is now, and nowhere else.
func TestRemapEvent(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		needMovable(t, k)
		a := newArea(t, k, 3)
		to := a.room(t, 3)
		d := open(t, uffd.Options{Required: uffd.FeatureEventRemap})
		register(t, d, a.all(), uffd.ModeMissing)
		data := a.filled(3, 1)
		if _, err := d.Copy(a.addr(0), data[:a.page], 0); err != nil {
			t.Fatal(err)
		}
		a.moved(t)
		v := visit(t, moves(a.all(), to, 0), rawproc.Load(to.Start), rawproc.Load(to.Start+a.page+1))
		e := nextUnread(t, d, v, to.Start+a.page)
		if want := (uffd.Remap{From: a.addr(0), To: to.Start, Len: a.all().Len}); e.Remap() != want {
			t.Errorf("%v; want %+v", e, want)
		}
		if got := v.succeeds(0); got != to.Start {
			t.Errorf("mremap: %#x, want %#x", got, to.Start)
		}
		if got := v.result(1); got != uint64(data[0]) {
			t.Errorf("the page that moved begins with %#x, want %#x", got, data[0])
		}
		if f := nextFault(t, d); f.Address != to.Start+a.page || !f.Flags.Missing() {
			t.Errorf("%v; want the missing page at %#x", f, to.Start+a.page)
		}
		wantLayout(t, d, a.addr(1), a.page)
		if _, err := d.Copy(to.Start+a.page, data[a.page:][:a.page], 0); err != nil {
			t.Error(err)
		}
		v.ended()
		if got, _ := v.p.Result(2); got != uint64(data[a.page+1]) {
			t.Errorf("it read %#x, want %#x", got, data[a.page+1])
		}
		noEvent(t, d)
	})
}

// nextUnread is the next message, which is about a change that v waits in. Before
// it is read it shuts out fills, at addr for example.
func nextUnread(t *testing.T, d *uffd.Descriptor, v *visitor, addr uint64) *uffd.Event {
	t.Helper()
	v.waits()
	waitFor(t, "an event", func() bool { return readable(t, d, 0) })
	wantChanging(t, "Zero", second(d.Zero(uffd.Range{Start: addr, Len: smallPage}, 0)))
	v.stuck()
	e := nextEvent(t, d)
	return &e
}

// Without EVENT_REMAP nobody is told, and what moved is registered no longer.
func TestRemapWithoutEvent(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		needMovable(t, k)
		a := newArea(t, k, 2)
		to := a.room(t, 2)
		d := open(t, uffd.Options{})
		register(t, d, a.all(), uffd.ModeMissing)
		a.moved(t)
		v := visit(t, moves(a.all(), to, 0), rawproc.Load(to.Start))
		v.ended()
		v.succeeds(0)
		if got, _ := v.p.Result(1); got != 0 {
			t.Errorf("the missing page reads %#x", got)
		}
		noEvent(t, d)
		wantLayout(t, d, to.Start+a.page, a.page)
		wantLayout(t, d, a.addr(0), a.page)
	})
}

// With EVENT_UNMAP moving is two events: that memory moved, and that it is no
// longer where it was. What is moved onto something unmaps that first.
func TestRemapOntoRegistered(t *testing.T) {
	a := newArea(t, anon, 2)
	b := newArea(t, anon, 2)
	d := open(t, uffd.Options{Required: uffd.FeatureEventRemap | uffd.FeatureEventUnmap})
	register(t, d, a.all(), uffd.ModeMissing)
	register(t, d, b.all(), uffd.ModeMissing)
	a.moved(t)
	v := visit(t, moves(a.all(), b.all(), 0), rawproc.Load(b.addr(1)))
	// The order of events about different ranges is not fixed.
	var unmapped []uffd.Range
	for range 3 {
		switch e := nextEvent(t, d); e.Kind {
		case uffd.EventUnmap:
			unmapped = append(unmapped, e.Removed())
		case uffd.EventRemap:
			if want := (uffd.Remap{From: a.addr(0), To: b.addr(0), Len: a.all().Len}); e.Remap() != want {
				t.Errorf("%v; want %+v", &e, want)
			}
		default:
			t.Fatalf("%v", &e)
		}
	}
	if len(unmapped) != 2 || unmapped[0] == unmapped[1] ||
		unmapped[0] != a.all() && unmapped[0] != b.all() || unmapped[1] != a.all() && unmapped[1] != b.all() {
		t.Errorf("unmapped %v; want %v and %v", unmapped, a.all(), b.all())
	}
	v.succeeds(0)
	missingFault(t, d, b, 1, false)
	if _, err := d.Zero(b.at(1), 0); err != nil {
		t.Error(err)
	}
	v.ended()
	noEvent(t, d)
}

// Memory that grows as it moves is registered where it grew, and the event has the
// length from before.
func TestRemapGrows(t *testing.T) {
	a := newArea(t, anon, 2)
	to := a.room(t, 3)
	d := open(t, uffd.Options{Required: uffd.FeatureEventRemap})
	register(t, d, a.all(), uffd.ModeMissing)
	a.moved(t)
	v := visit(t, moves(a.all(), to, 0), rawproc.Load(to.Start+2*a.page))
	e := wantEvent(t, d, uffd.EventRemap)
	if want := (uffd.Remap{From: a.addr(0), To: to.Start, Len: a.all().Len}); e.Remap() != want {
		t.Errorf("%v; want %+v", &e, want)
	}
	if f := nextFault(t, d); f.Address != to.Start+2*a.page {
		t.Errorf("%v; want the page that is new", f)
	}
	if _, err := d.Zero(uffd.Range{Start: to.Start, Len: 3 * a.page}, 0); err != nil {
		t.Error(err)
	}
	v.ended()
	noEvent(t, d)
}

// Memory that shrinks in place unmaps its end.
func TestRemapShrinks(t *testing.T) {
	a := newArea(t, anon, 3)
	d := open(t, uffd.Options{Required: uffd.FeatureEventRemap | uffd.FeatureEventUnmap})
	register(t, d, a.all(), uffd.ModeMissing)
	v := visit(t, rawproc.Syscall(sys.SYS_MREMAP, a.addr(0), 3*a.page, a.page, 0, 0))
	a.gone = a.span(1, 2)
	wantRemoved(t, d, uffd.EventUnmap, a.span(1, 2))
	v.ended()
	v.succeeds(0)
	wantLayout(t, d, a.addr(1), a.page)
	noEvent(t, d)
}

// MREMAP_DONTUNMAP (Linux 5.7, shared memory 5.13) takes the pages away and leaves
// the mapping. Both are registered then, and only the move is an event.
func TestRemapDontunmap(t *testing.T) {
	forEach(t, []memory{anon, shmem}, func(t *testing.T, k memory) {
		a := newArea(t, k, 2)
		to := a.room(t, 2)
		d := open(t, uffd.Options{Required: uffd.FeatureEventRemap | uffd.FeatureEventUnmap})
		register(t, d, a.all(), uffd.ModeMissing)
		data := a.filled(2, 1)
		if _, err := d.Copy(a.addr(0), data, 0); err != nil {
			t.Fatal(err)
		}
		second := uffd.Range{Start: to.Start + a.page, Len: a.page}
		v := visit(t, moves(a.all(), to, sys.MREMAP_DONTUNMAP), rawproc.Load(to.Start), rawproc.Load(a.addr(0)),
			advises(second, k.emptying()), rawproc.Load(second.Start))
		waitFor(t, "an event", func() bool { return v.p.Done() > 0 || readable(t, d, 0) })
		if got, done := v.p.Result(0); done && failed(got) == unix.EINVAL && k == shmem {
			testgate.Skip(t, testgate.UffdFeature, "the kernel has no MREMAP_DONTUNMAP of shared memory (Linux 5.13)")
		}
		e := wantEvent(t, d, uffd.EventRemap)
		if want := (uffd.Remap{From: a.addr(0), To: to.Start, Len: a.all().Len}); e.Remap() != want {
			t.Errorf("%v; want %+v", &e, want)
		}
		v.succeeds(0)
		if got := v.result(1); got != uint64(data[0]) {
			t.Errorf("the page that moved begins with %#x, want %#x", got, data[0])
		}
		left := uint64(data[0]) // the file has it still
		if k == anon {
			left = 0
			missingFault(t, d, a, 0, false)
			if _, err := d.Zero(a.at(0), 0); err != nil {
				t.Fatal(err)
			}
		}
		if got := v.result(2); got != left {
			t.Errorf("the page that was left begins with %#x, want %#x", got, left)
		}
		v.succeeds(3)
		if f := nextFault(t, d); f.Address != second.Start {
			t.Errorf("%v; want the page at %#x", f, second.Start)
		}
		if _, err := d.Zero(second, 0); err != nil {
			t.Fatal(err)
		}
		v.ended()
		noEvent(t, d)
	})
}
