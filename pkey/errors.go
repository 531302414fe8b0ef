package pkey

import (
	"errors"
	"fmt"
	"syscall"
)

var (
	// ErrExhausted says that the machine has protection keys and this process
	// has none left. It answers errors.Is for ENOSPC and not for
	// errors.ErrUnsupported.
	ErrExhausted error = exhausted{}

	// ErrNotAllocated says that a key is not allocated, never was or no longer
	// is.
	ErrNotAllocated = errors.New("key is not allocated")

	// ErrKeyZero says that key 0 cannot be given back: all memory of the
	// process that nobody coloured has it, Go's stacks among it.
	ErrKeyZero = errors.New("key 0 belongs to all memory that has no other key")

	// ErrAlign is the error of an address that is not a multiple of the page
	// size.
	ErrAlign = errors.New("address is not a multiple of the page size")

	// ErrRange is the error of a length that goes past the last address.
	ErrRange = errors.New("range goes past the last address")
)

type exhausted struct{}

func (exhausted) Error() string        { return "all protection keys of this process are taken" }
func (exhausted) Is(target error) bool { return target == noSpace }

// Error is a call that failed: which one, with what arguments, and why.
type Error struct {
	Op     string // a system call such as "pkey_alloc"
	Detail string // the arguments; may be empty
	Err    error  // the cause; a syscall.Errno if it comes from the kernel
}

// Error has the cause last.
func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("pkey: %s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("pkey: %s %s: %v", e.Op, e.Detail, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// notAllocated is ErrNotAllocated with the kernel's word for it.
func notAllocated(errno error) error { return fmt.Errorf("%w (%w)", ErrNotAllocated, errno) }

var invalid = error(syscall.EINVAL)
