package selftests

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// Who gives pages up waits until the event is read; then they are missing again,
// unless a file has them.
func TestRemoveEvent(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		for name, advice := range map[string]uint64{"DONTNEED": sys.MADV_DONTNEED, "REMOVE": sys.MADV_REMOVE, "FREE": sys.MADV_FREE} {
			if advice == sys.MADV_REMOVE && k.private() || advice == sys.MADV_FREE && k != anon {
				continue // the kernel refuses it
			}
			t.Run(name, func(t *testing.T) {
				a := newArea(t, k, 4)
				d := open(t, uffd.Options{Required: uffd.FeatureEventRemove})
				register(t, d, a.all(), uffd.ModeMissing)
				data := a.filled(4, 1)
				if _, err := d.Copy(a.addr(0), data, 0); err != nil {
					t.Fatal(err)
				}
				v := visit(t, advises(a.span(1, 2), advice), rawproc.Load(a.addr(3)), rawproc.Load(a.addr(1)))
				waitFor(t, "an event", func() bool { return v.p.Done() > 0 || readable(t, d, 0) })
				if k.huge() && v.p.Done() > 0 && !emptiable(t, hugetlbPrivate) {
					testgate.Skip(t, testgate.UffdFeature, "the kernel has no MADV_DONTNEED of huge pages (Linux 5.18)")
				}
				if e := nextUnread(t, d, v, a.addr(1)); e.Kind != uffd.EventRemove || e.Removed() != a.span(1, 2) {
					t.Errorf("%v; want REMOVE of %v", e, a.span(1, 2))
				}
				v.succeeds(0)
				if got := v.result(1); got != uint64(data[3*a.page]) {
					t.Errorf("the page beside begins with %#x, want %#x", got, data[3*a.page])
				}
				switch {
				case advice == sys.MADV_FREE: // as long as the kernel has memory to spare, they stay
				case advice == sys.MADV_DONTNEED && !k.private():
					if got := v.result(2); got != uint64(data[a.page]) {
						t.Errorf("the file's page begins with %#x, want %#x", got, data[a.page])
					}
				default:
					missingFault(t, d, a, 1, false)
					if _, err := d.Copy(a.addr(1), data[:a.page], 0); err != nil {
						t.Error(err)
					}
					if got := v.result(2); got != uint64(data[0]) {
						t.Errorf("the page reads %#x, want %#x", got, data[0])
					}
				}
			})
		}
	})
}

// Without EVENT_REMOVE nobody waits and nobody is told.
func TestRemoveWithoutEvent(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		if !emptiable(t, k) {
			testgate.Skip(t, testgate.UffdFeature, "the kernel has no MADV_DONTNEED of huge pages (Linux 5.18)")
		}
		a := newArea(t, k, 2)
		d := open(t, uffd.Options{})
		register(t, d, a.all(), uffd.ModeMissing)
		if _, err := d.Copy(a.addr(0), a.filled(2, 1), 0); err != nil {
			t.Fatal(err)
		}
		v := visit(t, advises(a.at(1), k.emptying()), rawproc.Load(a.addr(1)))
		v.succeeds(0)
		missingFault(t, d, a, 1, false)
		if _, err := d.Copy(a.addr(1), a.zeros(1), 0); err != nil {
			t.Fatal(err)
		}
		v.ended()
		noEvent(t, d)
	})
}

// A hole that is made through the file is no event: only the process's own advice
// is.
func TestPunchedHoleIsNoEvent(t *testing.T) {
	forEach(t, []memory{shmem, hugetlb}, func(t *testing.T, k memory) {
		a := newArea(t, k, 2)
		d := open(t, uffd.Options{Required: uffd.FeatureEventRemove | uffd.FeatureEventUnmap})
		register(t, d, a.all(), uffd.ModeMissing)
		if _, err := d.Copy(a.addr(0), a.filled(2, 1), 0); err != nil {
			t.Fatal(err)
		}
		if err := unix.Fallocate(a.fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, int64(a.page), int64(a.page)); err != nil {
			t.Fatal(err)
		}
		noEvent(t, d)
		v := reads(t, a.addr(1))
		missingFault(t, d, a, 1, false)
		if _, err := d.Copy(a.addr(1), a.zeros(1), 0); err != nil {
			t.Fatal(err)
		}
		v.saw(0)
	})
}

// Unmapping is told of after the fact, with the range that was unmapped, whether it
// was all registered or not. Who unmaps waits until the event is read.
func TestUnmapEvent(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 4)
		d := open(t, uffd.Options{Required: uffd.FeatureEventUnmap})
		register(t, d, a.span(0, 3), uffd.ModeMissing)
		v := visit(t, a.unmaps(1, 3))
		if e := nextUnread(t, d, v, a.addr(0)); e.Kind != uffd.EventUnmap || e.Removed() != a.span(1, 3) {
			t.Errorf("%v; want UNMAP of %v", e, a.span(1, 3))
		}
		v.ended()
		v.succeeds(0)
		wantLayout(t, d, a.addr(1), a.page)
		if _, err := d.Copy(a.addr(0), a.filled(1, 1), 0); err != nil {
			t.Errorf("the page that stays: %v", err)
		}
		noEvent(t, d)
	})
}

// Mapping something over registered memory unmaps it.
func TestUnmapByMappingOver(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 3)
		d := open(t, uffd.Options{Required: uffd.FeatureEventUnmap})
		register(t, d, a.all(), uffd.ModeMissing)
		done := make(chan error, 1)
		go func() {
			_, err := sys.Mmap(uintptr(a.addr(1)), uintptr(a.page), sys.PROT_NONE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS|sys.MAP_FIXED, -1, 0)
			done <- err
		}()
		wantRemoved(t, d, uffd.EventUnmap, a.at(1))
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		wantLayout(t, d, a.addr(1), a.page)
		if _, err := d.Copy(a.addr(2), a.filled(1, 1), 0); err != nil {
			t.Errorf("the page that stays: %v", err)
		}
		noEvent(t, d)
	})
}

// Two descriptors: each is told, with the range of both, and who unmaps waits for
// both.
func TestUnmapOfTwoDescriptors(t *testing.T) {
	a := newArea(t, anon, 4)
	var ds [2]*uffd.Descriptor
	for i := range ds {
		ds[i] = open(t, uffd.Options{Required: uffd.FeatureEventUnmap})
		register(t, ds[i], a.span(2*i, 2), uffd.ModeMissing)
	}
	v := visit(t, a.unmaps(1, 2))
	first := 0
	waitFor(t, "an event", func() bool {
		first = 1 - first
		return readable(t, ds[first], 0)
	})
	wantRemoved(t, ds[first], uffd.EventUnmap, a.span(1, 2))
	v.stuck()
	wantRemoved(t, ds[1-first], uffd.EventUnmap, a.span(1, 2))
	v.ended()
	for _, d := range ds {
		noEvent(t, d)
	}
}

// Closing the descriptor lets those go on whose event nobody has read.
func TestCloseWithUnreadEvent(t *testing.T) {
	for name, c := range map[string]struct {
		op   func(a *area) rawproc.Op
		need uffd.Features
	}{
		"REMOVE": {func(a *area) rawproc.Op { return advises(a.at(1), sys.MADV_DONTNEED) }, uffd.FeatureEventRemove},
		"UNMAP":  {func(a *area) rawproc.Op { return a.unmaps(1, 1) }, uffd.FeatureEventUnmap},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArea(t, anon, 2)
			d := open(t, uffd.Options{Required: c.need})
			register(t, d, a.all(), uffd.ModeMissing)
			v := visit(t, c.op(a), rawproc.Load(a.addr(0)))
			waitFor(t, "an event", func() bool { return readable(t, d, 0) })
			v.stuck()
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			v.ended()
			v.succeeds(0)
		})
	}
}

// Killed while it waits, the process takes its event with it.
func TestKilledWithUnreadEvent(t *testing.T) {
	a := newArea(t, anon, 2)
	d := open(t, uffd.Options{Required: uffd.FeatureEventRemove})
	register(t, d, a.all(), uffd.ModeMissing)
	v := visit(t, advises(a.at(1), sys.MADV_DONTNEED))
	waitFor(t, "an event", func() bool { return readable(t, d, 0) })
	if err := v.p.Kill(); err != nil {
		t.Fatal(err)
	}
	noEvent(t, d)
	if _, err := d.Copy(a.addr(0), a.filled(2, 1), 0); err != nil {
		t.Errorf("COPY afterwards: %v", err)
	}
}
