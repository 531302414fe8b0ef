package memfd

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

var (
	// ErrClosed is the error of an operation on a closed file or image. It is
	// fs.ErrClosed.
	ErrClosed = fs.ErrClosed

	// ErrInUse is the error of closing an image that somebody retains. It
	// answers errors.Is for EBUSY.
	ErrInUse error = inUse{}

	// ErrOverlap is the error of two segments that want the same byte, or of a
	// page that is given twice.
	ErrOverlap = errors.New("overlap")

	// ErrRange is the error of an offset or a length that is negative,
	// overflows, or lies past a limit or a file's end.
	ErrRange = errors.New("out of range")

	// ErrAlign is the error of an offset or a length that is not a multiple of
	// the page size where it has to be.
	ErrAlign = errors.New("not a multiple of the page size")

	// ErrUnbalanced is the error of closing an image that was released more
	// often than it was retained.
	ErrUnbalanced = errors.New("released more often than retained")
)

type inUse struct{}

func (inUse) Error() string        { return "image is in use" }
func (inUse) Is(target error) bool { return target == syscall.EBUSY }

// Error is an operation that failed: which one, on which file or image, with
// what arguments, and why.
type Error struct {
	Op     string // a system call such as "memfd_create", or what was asked for
	Name   string // the name of the file or image
	Detail string // the arguments, and what the error means here; may be empty
	Err    error  // the cause; a syscall.Errno if it comes from the kernel
}

// Error has the cause last.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "memfd: %s", e.Op)
	if e.Name != "" {
		fmt.Fprintf(&b, " %q", e.Name)
	}
	if e.Detail != "" {
		fmt.Fprintf(&b, " %s", e.Detail)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
