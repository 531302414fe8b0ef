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
// is done afterwards, which costs calls that work nothing. hints are further words
// that the caller knows.
func (d *Descriptor) failed(op, detail string, r Range, err error, hints ...string) *Error {
	if errors.Is(err, errFlags) {
		return &Error{Op: op, Detail: detail + ": flags that this call does not have", Err: unix.EINVAL}
	}
	kind := kindOf(op, err)
	why := ""
	if errors.Is(err, unix.EINVAL) {
		switch {
		case !d.Ready():
			kind, why = ErrNoHandshake, ErrNoHandshake.Error()
		case d.lacks(op):
			kind, why = errors.ErrUnsupported, "this kernel, on this processor, does not have it"
		case op != opSetMode:
			why = r.oddity()
		}
		for _, hint := range hints {
			if why == "" {
				why = hint
			}
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
func (d *Descriptor) unfilled(op string, r Range, flags Flags, n uint64, err error, hints ...string) *Error {
	detail := withFlags(preposition(op)+r.String(), flags)
	if n > 0 {
		return &Error{Op: op, Detail: fmt.Sprintf("%s: %d of %d bytes done", detail, n, r.Len), Err: err}
	}
	return d.failed(op, detail, r, err, hints...)
}

// preposition is how the range stands to the call.
func preposition(op string) string {
	if op == opMove {
		return "to "
	}
	return "of "
}

func withFlags(detail string, flags Flags) string {
	if flags == 0 {
		return detail
	}
	return fmt.Sprintf("%s with %v", detail, flags)
}

// lacks tells whether the kernel is known to be without a call: it takes a call
// that it does not know for one with bad arguments.
func (d *Descriptor) lacks(op string) bool {
	var one Features // of which one would do
	switch op {
	case opContinue:
		one = FeatureMinorShmem | FeatureMinorHugetlbfs
	case opPoison:
		one = FeaturePoison
	case opMove:
		one = FeatureMove
	case opWriteProtect:
		one = FeaturePagefaultFlagWP
	case opRWProtect, opSetMode:
		one = FeatureRWP
	}
	return one != 0 && d.without(one)
}

// without tells whether the kernel is known to have none of some features.
func (d *Descriptor) without(some Features) bool { return d.Ready() && d.told && d.claimed&some == 0 }

// oddity says what this descriptor does not accept of a mode, or nothing.
func (d *Descriptor) oddity(m Mode) string {
	lacking := func(mode Mode, one Features) bool { return m.Has(mode) && d.without(one) }
	switch {
	case m == 0:
		return "there is no mode"
	case m.Has(ModeWP | ModeRWP):
		return "WP and RWP exclude each other"
	case lacking(ModeWP, FeaturePagefaultFlagWP), lacking(ModeMinor, FeatureMinorShmem|FeatureMinorHugetlbfs), lacking(ModeRWP, FeatureRWP):
		return "this kernel, on this processor, does not have the mode"
	case m.Has(ModeRWP) && d.told && !d.Enabled().Has(FeatureRWP):
		return "RWP was not enabled when the descriptor was opened"
	}
	return ""
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
