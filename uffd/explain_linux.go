package uffd

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// errFlags stands for EINVAL of flags that a call does not have; it never leaves
// the package.
var errFlags = errors.New("flags that this call does not have")

// failed makes the error of a call that reports no bytes. The kernel has one EINVAL
// for a dozen reasons, so those that can be seen from here are put into words; it
// is done afterwards, which costs calls that work nothing.
func (d *Descriptor) failed(op, detail string, r Range, err error) error {
	if errors.Is(err, errFlags) {
		return &Error{Op: op, Detail: detail + ": flags that this call does not have", Err: unix.EINVAL}
	}
	kind := kindOf(op, err)
	why := ""
	if errors.Is(err, unix.EINVAL) {
		switch {
		case !d.Ready():
			kind, why = ErrNoHandshake, ErrNoHandshake.Error()
		case op != opSetMode:
			why = r.oddity()
		}
	}
	if why == "" && kind != nil {
		why = kind.Error()
	}
	if why != "" {
		detail += ": " + why
	}
	return &Error{Op: op, Detail: detail, Err: err, kind: kind}
}

// unfilled makes the error of a call that did n bytes of r.
func (d *Descriptor) unfilled(op string, r Range, flags Flags, n uint64, err error) error {
	detail := withFlags(fmt.Sprintf("of %v", r), flags)
	if n > 0 {
		return &Error{Op: op, Detail: fmt.Sprintf("%s: %d of %d bytes done", detail, n, r.Len), Err: err}
	}
	return d.failed(op, detail, r, err)
}

func withFlags(detail string, flags Flags) string {
	if flags == 0 {
		return detail
	}
	return fmt.Sprintf("%s with %v", detail, flags)
}

// more adds to what the error says of the arguments.
func (e *Error) more(detail string) *Error {
	e.Detail = detail + " " + e.Detail
	return e
}

// kindOf is the name that an errno of an ioctl has here, or nil.
func kindOf(op string, err error) error {
	switch {
	case op == opRegister || op == opUnregister || op == opWake || op == opSetMode && !errors.Is(err, unix.ESRCH):
		return nil
	case errors.Is(err, unix.EAGAIN):
		return ErrChanging
	case errors.Is(err, unix.ENOENT):
		return ErrLayout
	case errors.Is(err, unix.EEXIST):
		return ErrExists
	case errors.Is(err, unix.ESRCH), errors.Is(err, unix.ENOSPC):
		return ErrGone
	}
	return nil
}
