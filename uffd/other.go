//go:build !linux

package uffd

import (
	"context"
	"errors"
	"fmt"
)

// absences are what a kernel without a way says.
var absences = []error{errors.ErrUnsupported}

var errNotLinux = fmt.Errorf("not a Linux system: %w", errors.ErrUnsupported)

// Map maps memory on Linux; here it fails.
func Map(length int) ([]byte, error) {
	return nil, &Error{Op: "mmap", Detail: "on a system that is not Linux", Err: errors.ErrUnsupported}
}

// Open makes a descriptor on Linux; here it fails.
func Open(options Options) (*Descriptor, error) {
	if err := options.check(); err != nil {
		return nil, err
	}
	return nil, &Error{Op: "open", Err: errNotLinux}
}

// WriteProtectTraps tells on Linux whether write-protection traps; here it fails.
func WriteProtectTraps() (bool, error) {
	return false, &Error{Op: "try write-protection", Err: errNotLinux}
}

// Descriptor is a userfaultfd, on Linux. Here there is none that is open.
type Descriptor struct{}

// Path is how the descriptor was made.
func (d *Descriptor) Path() Path { return AnyPath }

// UserModeOnly tells whether faults inside the kernel are not seen.
func (d *Descriptor) UserModeOnly() bool { return false }

// Available are all features of the kernel.
func (d *Descriptor) Available() Features { return 0 }

// Enabled are the features that are in effect.
func (d *Descriptor) Enabled() Features { return 0 }

// Ioctls are the calls that the descriptor understands.
func (d *Descriptor) Ioctls() Ioctls { return 0 }

// FD is -1: the descriptor is closed.
func (d *Descriptor) FD() int { return -1 }

// Control answers ErrClosed.
func (d *Descriptor) Control(f func(fd int) error) error {
	return &Error{Op: "control", Err: ErrClosed}
}

// Close does nothing.
func (d *Descriptor) Close() error { return nil }

// FromFD takes over a descriptor on Linux; here it fails.
func FromFD(fd int) (*Descriptor, error) {
	return nil, &Error{Op: "take over", Err: errNotLinux}
}

// Ready is false.
func (d *Descriptor) Ready() bool { return false }

// The rest is as with a closed descriptor: each call answers ErrClosed.

// Handshake answers ErrClosed.
func (d *Descriptor) Handshake(o Options) error { return closed("UFFDIO_API") }

// Register answers ErrClosed.
func (d *Descriptor) Register(r Range, mode Mode) (Ioctls, error) {
	return 0, closed("UFFDIO_REGISTER")
}

// Unregister answers ErrClosed.
func (d *Descriptor) Unregister(r Range) error { return closed("UFFDIO_UNREGISTER") }

// Wake answers ErrClosed.
func (d *Descriptor) Wake(r Range) error { return closed("UFFDIO_WAKE") }

// Copy answers ErrClosed.
func (d *Descriptor) Copy(dst uint64, src []byte, flags Flags) (int, error) {
	return 0, closed("UFFDIO_COPY")
}

// Zero answers ErrClosed.
func (d *Descriptor) Zero(r Range, flags Flags) (uint64, error) {
	return 0, closed("UFFDIO_ZEROPAGE")
}

// Continue answers ErrClosed.
func (d *Descriptor) Continue(r Range, flags Flags) (uint64, error) {
	return 0, closed("UFFDIO_CONTINUE")
}

// Poison answers ErrClosed.
func (d *Descriptor) Poison(r Range, flags Flags) (uint64, error) {
	return 0, closed("UFFDIO_POISON")
}

// Move answers ErrClosed.
func (d *Descriptor) Move(dst, src, length uint64, flags Flags) (uint64, error) {
	return 0, closed("UFFDIO_MOVE")
}

// CopyAll answers ErrClosed.
func (d *Descriptor) CopyAll(dst uint64, src []byte, flags Flags, r Retry) (int, error) {
	return 0, closed("UFFDIO_COPY")
}

// ZeroAll answers ErrClosed.
func (d *Descriptor) ZeroAll(all Range, flags Flags, r Retry) (uint64, error) {
	return 0, closed("UFFDIO_ZEROPAGE")
}

// ContinueAll answers ErrClosed.
func (d *Descriptor) ContinueAll(all Range, flags Flags, r Retry) (uint64, error) {
	return 0, closed("UFFDIO_CONTINUE")
}

// PoisonAll answers ErrClosed.
func (d *Descriptor) PoisonAll(all Range, flags Flags, r Retry) (uint64, error) {
	return 0, closed("UFFDIO_POISON")
}

// MoveAll answers ErrClosed.
func (d *Descriptor) MoveAll(dst, src, length uint64, flags Flags, r Retry) (uint64, error) {
	return 0, closed("UFFDIO_MOVE")
}

// WriteProtect answers ErrClosed.
func (d *Descriptor) WriteProtect(r Range) error { return closed("UFFDIO_WRITEPROTECT") }

// WriteUnprotect answers ErrClosed.
func (d *Descriptor) WriteUnprotect(r Range, flags Flags) error {
	return closed("UFFDIO_WRITEPROTECT")
}

// RWProtect answers ErrClosed.
func (d *Descriptor) RWProtect(r Range) error { return closed("UFFDIO_RWPROTECT") }

// RWUnprotect answers ErrClosed.
func (d *Descriptor) RWUnprotect(r Range, flags Flags) error {
	return closed("UFFDIO_RWPROTECT")
}

// SetMode answers ErrClosed.
func (d *Descriptor) SetMode(enable, disable Features) error { return closed("UFFDIO_SET_MODE") }

// Read answers ErrClosed.
func (d *Descriptor) Read(events []Event) (int, error) { return 0, closed("read") }

// ReadContext answers ErrClosed.
func (d *Descriptor) ReadContext(ctx context.Context, events []Event) (int, error) {
	return 0, closed("read")
}

// TryRead answers ErrClosed.
func (d *Descriptor) TryRead(events []Event) (int, error) { return 0, closed("read") }

// Fault is zero.
func (e *Event) Fault() Fault { return Fault{} }

func closed(op string) error { return &Error{Op: op, Err: ErrClosed} }
