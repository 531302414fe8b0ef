package selftests

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// open makes a descriptor that is closed at the end of the test. It sees the
// faults of processes (of internal/rawproc) at least; see openAll for more. What
// the kernel lacks of the required features skips the test.
func open(t testing.TB, o uffd.Options) *uffd.Descriptor {
	t.Helper()
	switch o.UserMode {
	case uffd.KernelFaults:
		o.UserMode = uffd.UserModeFallback
	case uffd.UserModeOnly: // Linux 5.11: who has other descriptors lacks no more than that
		open(t, uffd.Options{})
		return opened(t, o, testgate.UffdFeature)
	}
	return opened(t, o, testgate.Userfaultfd)
}

// openAll makes a descriptor that sees faults inside the kernel too, or skips.
func openAll(t testing.TB, o uffd.Options) *uffd.Descriptor {
	t.Helper()
	o.UserMode = uffd.KernelFaults
	return opened(t, o, testgate.UffdKernelFaults)
}

func opened(t testing.TB, o uffd.Options, name testgate.Name) *uffd.Descriptor {
	t.Helper()
	checkProcess(t)
	d, err := uffd.Open(o)
	if _, lacks := errors.AsType[*uffd.FeatureError](err); lacks {
		testgate.Skip(t, testgate.UffdFeature, err.Error())
	}
	if errors.Is(err, uffd.ErrEventFork) {
		testgate.Need(t, testgate.Root, err)
	}
	testgate.Need(t, name, err)
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// register is Register, which has to work.
func register(t testing.TB, d *uffd.Descriptor, r uffd.Range, m uffd.Mode) uffd.Ioctls {
	t.Helper()
	ioctls, err := d.Register(r, m)
	if err != nil {
		t.Fatal(err)
	}
	return ioctls
}

// patience is how long a test waits for what must come.
func patience(t testing.TB) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), testgate.Stretch(t, 20*time.Second))
}

// nextEvent is the next message.
func nextEvent(t testing.TB, d *uffd.Descriptor) uffd.Event {
	t.Helper()
	ctx, cancel := patience(t)
	defer cancel()
	var events [1]uffd.Event
	if _, err := d.ReadContext(ctx, events[:]); err != nil {
		t.Fatal(err)
	}
	return events[0]
}

// nextFault is the next message, which has to be about a fault.
func nextFault(t testing.TB, d *uffd.Descriptor) uffd.Fault {
	t.Helper()
	e := nextEvent(t, d)
	if e.Kind != uffd.EventPagefault {
		t.Fatalf("%v; want a fault", &e)
	}
	return e.Fault()
}

// noEvent fails the test if there is a message.
func noEvent(t testing.TB, d *uffd.Descriptor) {
	t.Helper()
	var events [1]uffd.Event
	if n, err := d.TryRead(events[:]); n != 0 || !errors.Is(err, unix.EAGAIN) {
		t.Errorf("%d messages, %v: %v; want none", n, err, &events[0])
	}
}
