package sigbus

import (
	"errors"
	"fmt"
)

var (
	// ErrAgain is the error of a page that faults again and again, though Resolve
	// said that it was provided: it is protected against the access, or beyond the
	// end of its file, or taken away all the time.
	ErrAgain = errors.New("the page faults again and again, though it was resolved")

	// ErrPoisoned is the error of a page that was poisoned, with UFFDIO_POISON or
	// since its memory is broken. It comes with EHWPOISON. Linux tells since 5.14;
	// before, broken memory is ErrAgain.
	ErrPoisoned = errors.New("the page is poisoned")

	// ErrFeature is the error of From for a descriptor without uffd.FeatureSIGBUS: a
	// fault would not be a signal, and the access would wait.
	ErrFeature = errors.New("the descriptor lacks the feature SIGBUS")

	// ErrPass is what a Resolve returns for a fault that is none of its business: Do
	// panics with the value that it had recovered.
	ErrPass = errors.New("not resolved: the panic passes on")
)

// Error is a fault that could not be resolved, or what else Do and From did not
// accept.
type Error struct {
	Op     string // what was asked for: "resolve", "do", "from"
	Detail string // the arguments
	Fault  Fault  // with "resolve": the one that failed
	Err    error  // the cause
}

// Error has the cause last.
func (e *Error) Error() string { return fmt.Sprintf("sigbus: %s %s: %v", e.Op, e.Detail, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func unresolved(f Fault, err error) error {
	return &Error{Op: "resolve", Detail: f.String(), Fault: f, Err: err}
}
