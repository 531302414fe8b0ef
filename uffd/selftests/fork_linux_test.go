package selftests

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// followed is an area whose descriptor follows forks, with nothing there.
func followed(t *testing.T, k memory, pages int, more uffd.Features) (*uffd.Descriptor, *area) {
	t.Helper()
	a := newArea(t, k, pages)
	d := open(t, uffd.Options{Required: uffd.FeatureEventFork | more})
	register(t, d, a.all(), uffd.ModeMissing)
	return d, a
}

// The event brings a descriptor for the new process, which is like the one of its
// parent, and serves the new process alone.
func TestForkDescriptor(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a := followed(t, k, 2, uffd.FeatureThreadID)
		v := forked(t, rawproc.Load(a.addr(0)), rawproc.Store(a.addr(1), 5), rawproc.Load(a.addr(1)))
		c := descendant(t, d)
		if c.Enabled() != d.Enabled() || c.Available() != d.Available() || c.UserModeOnly() != d.UserModeOnly() || !c.Ready() {
			t.Errorf("enabled %v, available %v; the parent's %v, %v", c.Enabled(), c.Available(), d.Enabled(), d.Available())
		}
		err := c.Control(func(fd int) error {
			closes, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			if err != nil {
				return err
			}
			flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
			if closes&unix.FD_CLOEXEC == 0 || flags&unix.O_NONBLOCK == 0 {
				t.Errorf("descriptor flags %#x, file flags %#x; want CLOEXEC and NONBLOCK", closes, flags)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}

		f := nextFault(t, c)
		if f.Address != a.addr(0) || f.Flags != 0 || int(f.Thread) != v.p.Pid() {
			t.Errorf("%v; want a read of page 0 by %d", f, v.p.Pid())
		}
		noEvent(t, d)
		data := a.filled(2, 1)
		if _, err := c.Copy(a.addr(0), data[:a.page], 0); err != nil {
			t.Fatal(err)
		}
		if got := v.result(0); got != uint64(data[0]) {
			t.Errorf("the process read %#x, want %#x", got, data[0])
		}
		missingFault(t, c, a, 1, true)
		if _, err := c.Copy(a.addr(1), data[a.page:], 0); err != nil {
			t.Fatal(err)
		}
		v.ended()
		if got, _ := v.p.Result(2); got != 5 {
			t.Errorf("the process read %#x after it wrote 5", got)
		}
		noEvent(t, c)
		if k.private() {
			missing(t, "the parent's own", a, 0, 2)
		}
		if _, err := c.Copy(a.addr(0), data, 0); !errors.Is(err, uffd.ErrGone) {
			t.Errorf("COPY to a process that has ended: %v; want %v", err, uffd.ErrGone)
		}
	})
}

// Parent and child wait for the same page, each at its own descriptor.
func TestForkBothWait(t *testing.T) {
	d, a := followed(t, anon, 1, 0)
	child := forked(t, rawproc.Load(a.addr(0)))
	c := descendant(t, d)
	missingFault(t, c, a, 0, false)
	parent := reads(t, a.addr(0))
	missingFault(t, d, a, 0, false)
	if _, err := d.Copy(a.addr(0), a.filled(1, 1), 0); err != nil {
		t.Fatal(err)
	}
	parent.saw(a.filled(1, 1)[0])
	child.stuck()
	if _, err := c.Copy(a.addr(0), a.filled(1, 2), 0); err != nil {
		t.Fatal(err)
	}
	child.saw(a.filled(1, 2)[0])
}

// Without EVENT_FORK the copy is not registered.
func TestForkWithoutEvent(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 1)
		d := open(t, uffd.Options{})
		register(t, d, a.all(), uffd.ModeMissing)
		forked(t, rawproc.Load(a.addr(0))).saw(0)
		noEvent(t, d)
	})
}

// The descriptor of the parent may close before: that of the child goes on. (The
// child has a copy of the parent's number, and so of its descriptor.)
func TestForkOutlivesParentDescriptor(t *testing.T) {
	d, a := followed(t, anon, 1, 0)
	v := forked(t, rawproc.Syscall(sys.SYS_CLOSE, uint64(d.FD())), rawproc.Load(a.addr(0)))
	c := descendant(t, d)
	v.succeeds(0)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	missingFault(t, c, a, 0, false)
	v.stuck()
	if _, err := c.Copy(a.addr(0), a.filled(1, 1), 0); err != nil {
		t.Fatal(err)
	}
	v.ended()
	if got, _ := v.p.Result(1); got != uint64(a.filled(1, 1)[0]) {
		t.Errorf("it read %#x", got)
	}
}

// Closing the descriptor of the child lets it go on, with zeros.
func TestForkDescriptorClosed(t *testing.T) {
	d, a := followed(t, anon, 2, 0)
	v := forked(t, rawproc.Load(a.addr(0)), rawproc.Load(a.addr(1)))
	c := descendant(t, d)
	missingFault(t, c, a, 0, false)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	v.saw(0)
	noEvent(t, d)
}

// A fork of a fork is an event of the fork's descriptor.
func TestForkNested(t *testing.T) {
	d, a := followed(t, anon, 3, 0)
	fds := make([]int, 2)
	if err := unix.Pipe2(fds, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	v := forked(t,
		rawproc.Load(a.addr(0)),
		rawproc.Child(
			rawproc.Load(a.addr(1)),
			rawproc.Syscall(sys.SYS_WRITE, uint64(fds[1]), a.addr(1), 1),
			rawproc.Child(rawproc.Load(a.addr(2)), rawproc.Syscall(sys.SYS_WRITE, uint64(fds[1]), a.addr(2), 1)),
			rawproc.Syscall(sys.SYS_WAIT4, ^uint64(0), 0, unix.WALL, 0)),
		rawproc.Syscall(sys.SYS_WAIT4, ^uint64(0), 0, unix.WALL, 0))
	data := a.filled(3, 1)
	for i := range 3 {
		d = descendant(t, d)
		missingFault(t, d, a, i, false)
		if _, err := d.Copy(a.addr(i), data[uint64(i)*a.page:][:a.page], 0); err != nil {
			t.Fatal(err)
		}
	}
	v.ended()
	if got, _ := v.p.Result(2); got != v.succeeds(1) {
		t.Errorf("the process reaped %d", int64(got))
	}
	var read [2]byte
	if n, err := unix.Read(fds[0], read[:]); n != 2 || err != nil || read[0] != data[a.page] || read[1] != data[2*a.page] {
		t.Errorf("the descendants read % x (%d, %v)", read, n, err)
	}
}

// Several forks and a fault in one read: each has its own descriptor.
func TestForksInOneRead(t *testing.T) {
	d, a := followed(t, anon, 2, 0)
	fault := reads(t, a.addr(1))
	fault.waits()
	children := map[int]*visitor{}
	for i := range 3 {
		children[i] = forked(t, rawproc.Store(a.addr(0), byte(i)), rawproc.Load(a.addr(0)))
	}
	var events []uffd.Event
	for len(events) < 4 {
		var batch [8]uffd.Event
		waitFor(t, "events", func() bool { return readable(t, d, 0) })
		n, err := d.TryRead(batch[:])
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, batch[:n]...)
	}
	if f := events[0].Fault(); f.Address != a.addr(1) {
		t.Errorf("%v; want the fault first", &events[0])
	}
	for _, e := range events[1:] {
		c := e.Child()
		if e.Kind != uffd.EventFork || c == nil {
			t.Fatalf("%v; want FORK", &e)
		}
		missingFault(t, c, a, 0, true)
		if _, err := c.Zero(a.at(0), 0); err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	for i, v := range children {
		v.ended()
		if got, _ := v.p.Result(1); got != uint64(i) {
			t.Errorf("child %d read %d", i, got)
		}
	}
	if _, err := d.Zero(a.at(1), 0); err != nil {
		t.Error(err)
	}
	fault.saw(0)
	noEvent(t, d)
}
