package highlevel

import (
	"errors"
	"fmt"
	"syscall"
)

var (
	// ErrExhausted says that a pool has nothing left of what the error names: slots,
	// mappings. The pool goes on working; a Release makes room.
	ErrExhausted = errors.New("exhausted")
	// ErrReleased says that a lease has ended, or never began.
	ErrReleased = errors.New("lease has ended")
	// ErrBusy says that a lease is in use by Do or Grow, or a pool by leases. It answers
	// errors.Is for EBUSY.
	ErrBusy error = busyError{}
	// ErrClosed says that the pool is closed.
	ErrClosed = errors.New("pool is closed")
	// ErrState says that a slot's operation came in a state that does not allow it.
	ErrState = errors.New("wrong state")
	// ErrAddressSpace says that the process has no address space left for a slab.
	ErrAddressSpace = errors.New("no address space left")
	// ErrMemory says that a slot can't have that size, or an image that place.
	ErrMemory = errors.New("does not fit")
	// ErrInvalid says that a constraint of a layout or a pool makes no sense.
	ErrInvalid = errors.New("invalid")
)

type busyError struct{}

func (busyError) Error() string        { return "in use" }
func (busyError) Is(target error) bool { return target == syscall.EBUSY }

// OpError is a memory operation that failed: which call, on which range, why.
type OpError struct {
	Call string  // the system call
	Addr uintptr // start of the range
	Len  uint64  // bytes
	Err  error   // usually a unix.Errno
}

func (e *OpError) Error() string {
	return fmt.Sprintf("%s [%#x, %#x) (%d bytes): %v", e.Call, e.Addr, uint64(e.Addr)+e.Len, e.Len, e.Err)
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// SlotError is an operation on a slot of a pool that failed.
type SlotError struct {
	Op   string // acquire, grow, release ...
	Slot int
	Err  error
}

func (e *SlotError) Error() string { return fmt.Sprintf("pool: %s slot %d: %v", e.Op, e.Slot, e.Err) }

// Unwrap returns the cause.
func (e *SlotError) Unwrap() error { return e.Err }

// LimitError is a limit that was reached. It answers errors.Is for [ErrExhausted].
type LimitError struct {
	What  string // what ran out
	Limit int    // how many there are
}

func (e *LimitError) Error() string { return fmt.Sprintf("pool: %s: all %d in use", e.What, e.Limit) }

// Is tells that a LimitError is an exhaustion.
func (e *LimitError) Is(target error) bool { return target == ErrExhausted }
