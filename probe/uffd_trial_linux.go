package probe

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// trial is one region and a descriptor that it can be registered with. The
// descriptor has FEATURE_SIGBUS, so a fault that it should see never waits for
// anybody: a system call on the page fails with EFAULT. That is how it shows
// that the fault is trapped, and nothing here can hang.
type trial struct {
	*region
	*touch
	fd int
}

// span is the region for the kernel.
func (t *trial) span() sys.UffdioRange {
	return sys.UffdioRange{Start: uint64(addressOf(t.mem)), Len: uint64(len(t.mem))}
}

func (t *trial) register(mode uint64, name string) error {
	a := sys.UffdioRegister{Range: t.span(), Mode: mode}
	return failed("UFFDIO_REGISTER for "+name, sys.UffdioRegisterCall(t.fd, &a))
}

// failed names the call. That there is no memory says nothing about it.
func failed(call string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", call, err)
	if errors.Is(err, unix.ENOMEM) {
		return obstacle{err}
	}
	return err
}

// patiently makes a call again that met something on its way: pages that the
// kernel is busy with for a moment.
func patiently(call func() error) (err error) {
	for range 100 {
		if err = call(); !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EBUSY) {
			return err
		}
	}
	return inTheWay("%w, a hundred times", err)
}

// The bytes by which pages are told apart.
const (
	first  = 0xA5
	second = 0x5A
)

// fill writes to a page that nothing has been done to yet.
func (t *trial) fill() error {
	err := t.store(t.mem, first)
	if errors.Is(err, unix.EFAULT) && t.huge {
		return errors.New("no huge page is free")
	}
	if err != nil {
		return inTheWay("write of a new page of %s: %w", t.name, err)
	}
	if t.name == THP && !filled(t.mem) {
		return errors.New("no huge page came")
	}
	return nil
}

// holds looks whether the page can be read and holds want.
func (t *trial) holds(want byte, after string) error {
	got, err := t.load(t.mem)
	switch {
	case err != nil:
		return fmt.Errorf("after %s the page cannot be read: %w", after, err)
	case got != want:
		return fmt.Errorf("after %s the page holds %#x, want %#x", after, got, want)
	}
	return nil
}

// registerMissing registers a page that is not there, and looks that it is missed.
func (t *trial) registerMissing() error {
	if err := t.register(sys.UFFDIO_REGISTER_MODE_MISSING, "missing pages"); err != nil {
		return err
	}
	return trapped(t.store(t.mem, second), "UFFDIO_REGISTER for missing pages succeeds, but a write to one")
}
