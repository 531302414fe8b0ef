//go:build !linux

package uffd

import (
	"errors"
	"fmt"
)

// absences are what a kernel without a way says.
var absences = []error{errors.ErrUnsupported}

var errNotLinux = fmt.Errorf("not a Linux system: %w", errors.ErrUnsupported)

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
