package probe

import (
	"errors"

	"golang.org/x/sys/unix"
)

// touch reaches for memory by way of the kernel. An access of our own that is
// not served would be a signal that ends the process, or would wait for ever.
// The kernel's own access, for a system call, ends with EFAULT instead.
type touch struct{ from, to int }

func newTouch() (*touch, error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, inTheWay("pipe2: %w", err)
	}
	return &touch{p[0], p[1]}, nil
}

func (t *touch) close() {
	_ = unix.Close(t.from)
	_ = unix.Close(t.to)
}

// load reads the first byte of b.
func (t *touch) load(b []byte) (byte, error) {
	if _, err := unix.Write(t.to, b[:1]); err != nil {
		return 0, err
	}
	var got [1]byte
	if _, err := unix.Read(t.from, got[:]); err != nil {
		return 0, inTheWay("read of a pipe: %w", err)
	}
	return got[0], nil
}

// store writes the first byte of b.
func (t *touch) store(b []byte, v byte) error {
	if _, err := unix.Write(t.to, []byte{v}); err != nil {
		return inTheWay("write to a pipe: %w", err)
	}
	_, err := unix.Read(t.from, b[:1])
	if err != nil {
		var left [1]byte // the byte is still in the pipe
		_, _ = unix.Read(t.from, left[:])
	}
	return err
}

// trapped is nil for an access that the kernel stopped; what else says what it
// did.
func trapped(err error, access string) error {
	switch {
	case err == nil:
		return errors.New(access + " goes through untrapped")
	case !errors.Is(err, unix.EFAULT):
		return inTheWay("%s: %w", access, err)
	}
	return nil
}
