package selftests

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// channel is a pipe through which the kernel reads and writes memory for a test:
// waits that the Go runtime knows of.
type channel struct{ r, w int }

func newChannel(t testing.TB) channel {
	t.Helper()
	checkProcess(t)
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Close(fds[0])
		_ = unix.Close(fds[1])
	})
	return channel{fds[0], fds[1]}
}

// load makes the kernel read the first byte of mem.
func (c channel) load(mem []byte) (byte, error) {
	if _, err := unix.Write(c.w, mem[:1]); err != nil {
		return 0, err
	}
	var b [1]byte
	_, err := unix.Read(c.r, b[:])
	return b[0], err
}

// store makes the kernel write the first byte of mem.
func (c channel) store(mem []byte, b byte) error {
	if _, err := unix.Write(c.w, []byte{b}); err != nil {
		return err
	}
	_, err := unix.Read(c.r, mem[:1])
	if err != nil {
		_, _ = unix.Read(c.r, make([]byte, 1)) // it is still in the pipe
	}
	return err
}

// What a user-mode-only descriptor does to system calls: EFAULT, and no message.
func TestUserModeOnly(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 2)
		pipe := newChannel(t)
		d := open(t, uffd.Options{UserMode: uffd.UserModeOnly})
		register(t, d, a.all(), uffd.ModeMissing)
		_, err := pipe.load(a.mem)
		for call, err := range map[string]error{
			"write(2) of it":      err,
			"read(2) into it":     pipe.store(a.mem, 1),
			"COPY from it":        second(d.Copy(a.addr(1), a.mem[:a.page], 0)),
			"MADV_POPULATE_READ":  populate(a.mem, sys.MADV_POPULATE_READ),
			"MADV_POPULATE_WRITE": populate(a.mem, sys.MADV_POPULATE_WRITE),
		} {
			if !errors.Is(err, unix.EFAULT) {
				t.Errorf("%s: %v; want EFAULT", call, err)
			}
		}
		missing(t, "after all that", a, 0, 2)
		noEvent(t, d)

		want := a.filled(2, 1)
		if n, err := d.Copy(a.addr(0), want, 0); n != len(want) || err != nil {
			t.Errorf("COPY to it: %d, %v", n, err)
		}
		if b, err := pipe.load(a.mem); b != want[0] || err != nil {
			t.Errorf("write(2) of what is there: %#x, %v", b, err)
		}
		if err := populate(a.mem, sys.MADV_POPULATE_WRITE); err != nil && !errors.Is(err, unix.EFAULT) {
			t.Errorf("MADV_POPULATE_WRITE of what is there: %v", err)
		}
	})
}

// populate is EFAULT too where the kernel has no such advice (before 5.14): the
// test then has nothing to say about it.
func populate(mem []byte, advice int) error {
	err := unix.Madvise(mem, advice)
	if errors.Is(err, unix.EINVAL) {
		return unix.EFAULT
	}
	return err
}

// What a descriptor that sees all faults does to system calls: they wait.
func TestKernelFaults(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 3)
		d := openAll(t, uffd.Options{})
		register(t, d, a.all(), uffd.ModeMissing)
		pipe := newChannel(t)
		data := a.filled(3, 1)
		for i, touch := range []struct {
			how   string
			touch func(mem []byte) error
			write bool
		}{
			{"write(2) of it", func(mem []byte) error { return second(pipe.load(mem)) }, false},
			{"read(2) into it", func(mem []byte) error { return pipe.store(mem, 1) }, true},
			{"MADV_POPULATE_READ", func(mem []byte) error { return unix.Madvise(mem, sys.MADV_POPULATE_READ) }, false},
		} {
			page := a.mem[uint64(i)*a.page:][:a.page]
			done := make(chan error, 1)
			go func() { done <- touch.touch(page) }()
			if touch.how == "MADV_POPULATE_READ" && populateUnknown(t, d, done) {
				continue
			}
			f := nextFault(t, d)
			if f.Address != a.addr(i) || f.Flags.Has(uffd.FaultWrite) != touch.write || !f.Flags.Missing() {
				t.Errorf("%s: %v; want page %d, write %v", touch.how, f, i, touch.write)
			}
			if _, err := d.Copy(a.addr(i), data[uint64(i)*a.page:][:a.page], 0); err != nil {
				t.Errorf("%s: %v", touch.how, err)
			}
			if err := returned(t, done); err != nil {
				t.Errorf("%s: %v", touch.how, err)
			}
		}
		noEvent(t, d)
	})
}

// populateUnknown waits until there is a message, or until the advice fails since
// the kernel does not know it.
func populateUnknown(t *testing.T, d *uffd.Descriptor, done chan error) bool {
	t.Helper()
	for !readable(t, d, 10) {
		select {
		case err := <-done:
			if !errors.Is(err, unix.EINVAL) {
				t.Errorf("MADV_POPULATE_READ: %v", err)
			}
			return true
		default:
		}
	}
	return false
}

// readable tells whether there is a message within some milliseconds; -1 waits as
// long as a test may.
func readable(t testing.TB, d *uffd.Descriptor, milliseconds int) bool {
	t.Helper()
	var ready bool
	err := d.Control(func(fd int) error {
		set := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		for {
			n, err := unix.Poll(set, milliseconds)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			ready = n == 1 && set[0].Revents == unix.POLLIN
			return err
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return ready
}
