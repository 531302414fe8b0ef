package fdpass

import (
	"fmt"
	"os"
	"syscall"
)

// Holder has a descriptor and keeps its number valid while a function uses it. A
// *uffd.Descriptor is one; [File] makes one of an *os.File.
type Holder interface {
	// Control calls f with the number and returns what f returns.
	Control(f func(fd int) error) error
}

// File is f as a Holder. Sending leaves f open.
func File(f *os.File) Holder { return file{f} }

type file struct{ f *os.File }

// Control calls f with the file's descriptor.
func (h file) Control(f func(fd int) error) error {
	raw, err := h.f.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		// The only reason there is, which package os does not name here.
		return fmt.Errorf("%w: %w", os.ErrClosed, err)
	}
	return inner
}

// holdAll calls f while all holders keep their numbers valid.
func holdAll(holders []Holder, numbers []int, f func(numbers []int) error) error {
	if len(holders) == 0 {
		return f(numbers)
	}
	if holders[0] == nil {
		return fmt.Errorf("a Holder is nil: %w", syscall.EINVAL)
	}
	return holders[0].Control(func(fd int) error {
		return holdAll(holders[1:], append(numbers, fd), f)
	})
}
