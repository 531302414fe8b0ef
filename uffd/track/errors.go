package track

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/pageslot/pageslot/uffd"
)

var (
	// ErrClosed is the error of an operation after Close. It is fs.ErrClosed.
	ErrClosed = fs.ErrClosed

	// ErrFeature is the error of New for a descriptor without the features that
	// tracking needs: they are enabled in the handshake.
	ErrFeature = errors.New("the descriptor lacks a feature")

	// ErrOverlap is the error of adding memory of which some is tracked already.
	ErrOverlap = errors.New("some of it is tracked already")

	// ErrUnknown is the error of removing memory that was not added.
	ErrUnknown = errors.New("not all of it is tracked")
)

// Error is an operation that failed before the kernel was asked. What the kernel
// refuses is a *uffd.Error or a *pagemap.Error.
type Error struct {
	Op     string
	Detail string
	Err    error // the cause
}

// Error has the cause last.
func (e *Error) Error() string { return fmt.Sprintf("track: %s %s: %v", e.Op, e.Detail, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func of(r uffd.Range) string { return fmt.Sprintf("of %v", r) }
