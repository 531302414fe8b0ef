package resolver

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/pageslot/pageslot/uffd"
)

var (
	// ErrClosed is the error of everything after Stop. It is fs.ErrClosed.
	ErrClosed = fs.ErrClosed

	// ErrOverlap is the error of serving memory of which some is served already.
	ErrOverlap = errors.New("some of it is served already")

	// ErrUnknown is the error of naming a range that is not served: it has to be
	// the range of a rule.
	ErrUnknown = errors.New("there is no rule for exactly this range")

	// ErrOwnSource is the error of a rule whose source lies in memory that a rule
	// serves: to read it the thread would wait for itself.
	ErrOwnSource = errors.New("the source lies in memory that the resolver serves itself")

	// ErrUnresolvable is the error of Finish for a rule that hands faults over: only
	// the program knows what belongs there.
	ErrUnresolvable = errors.New("the rule hands faults over, and does not say what belongs there")

	// ErrEnded is the error of reading when all threads have ended by themselves,
	// because all memory was unmapped, or because of what [Resolver.Err] says.
	ErrEnded = errors.New("the threads have ended")
)

// Error is an operation that failed. What the kernel refused in a userfaultfd call is
// a *uffd.Error.
type Error struct {
	Op     string // what was asked for
	Detail string // of what; may be empty
	Err    error  // the cause
}

// Error has the cause last.
func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("resolver: %s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("resolver: %s %s: %v", e.Op, e.Detail, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func of(r uffd.Range) string { return fmt.Sprintf("of %v", r) }
