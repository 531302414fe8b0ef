package pagemap

import (
	"errors"
	"fmt"
	"io/fs"
)

// What an Error can mean; errors.Is finds these as well as the errno. A process that
// has ended is uffd.ErrGone, and a kernel without PAGEMAP_SCAN
// errors.ErrUnsupported.
var (
	// ErrClosed is the error of an operation on a closed Map. It is fs.ErrClosed.
	ErrClosed = fs.ErrClosed

	// ErrNotTracked is EPERM of a scan with Query.CheckAsync: some memory of the
	// range is not registered for write-protection with a userfaultfd that has
	// WP_ASYNC.
	ErrNotTracked = errors.New("memory in the range is not tracked: not registered for write-protection with WP_ASYNC")

	// ErrHugePage is a scan with Query.Protect that was to protect a part of a
	// page of hugetlbfs: the range or MaxPages ends inside one. The kernel passes
	// such pages by.
	ErrHugePage = errors.New("a huge page of hugetlbfs can only be protected whole")
)

// Error is an operation that failed.
type Error struct {
	Op     string // the call, such as "PAGEMAP_SCAN"
	Detail string // its arguments, and what is known of the reason
	Err    error  // the cause; a syscall.Errno if it comes from the kernel

	kind error // the name of the errno's meaning, if it has one
}

// Error has the cause last.
func (e *Error) Error() string {
	return fmt.Sprintf("pagemap: %s %s: %v", e.Op, e.Detail, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is answers for the meaning that the errno has in this call.
func (e *Error) Is(target error) bool { return e.kind != nil && errors.Is(e.kind, target) }

// CategoryError says that a query names categories that the kernel does not know.
// It answers errors.Is for errors.ErrUnsupported.
type CategoryError struct {
	Unknown Categories // asked for, and not known
	Known   Categories // all that the kernel knows
}

// Error names the categories.
func (e *CategoryError) Error() string {
	return fmt.Sprintf("pagemap: this kernel does not know the categories %v (it knows %v): %v", e.Unknown, e.Known, errors.ErrUnsupported)
}

// Unwrap returns errors.ErrUnsupported.
func (e *CategoryError) Unwrap() error { return errors.ErrUnsupported }
