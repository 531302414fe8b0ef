package uffd

import (
	"fmt"

	"github.com/pageslot/pageslot/sys"
)

const (
	opWriteProtect = "UFFDIO_WRITEPROTECT"
	opRWProtect    = "UFFDIO_RWPROTECT"
	opSetMode      = "UFFDIO_SET_MODE"
)

// WriteProtect makes writes to pages of a range fault, which is registered with
// ModeWP (UFFDIO_WRITEPROTECT; anonymous memory Linux 5.7, shared memory and
// hugetlbfs 5.19). Pages of private anonymous memory that are not there yet are
// protected only with FeatureWPUnpopulated. On old kernels, 6.1 among them, the
// range must lie in one mapping.
//
// Errors: [ErrChanging] (EAGAIN), [ErrLayout] (ENOENT: also memory without
// ModeWP), [ErrGone] (ESRCH), EINVAL with the reason in words. A call that failed
// may have protected part of the range.
func (d *Descriptor) WriteProtect(r Range) error {
	return d.protect(opWriteProtect, r, true, 0)
}

// WriteUnprotect lets writes to a range through again, and those who wait to
// write go on. Flag: DontWake. Errors: those of WriteProtect.
func (d *Descriptor) WriteUnprotect(r Range, flags Flags) error {
	return d.protect(opWriteProtect, r, false, flags)
}

// RWProtect makes every access to the pages of a range fault that are there now;
// the range is registered with ModeRWP (UFFDIO_RWPROTECT, Linux 7.3). Errors:
// those of WriteProtect; a call that failed has changed nothing.
func (d *Descriptor) RWProtect(r Range) error {
	return d.protect(opRWProtect, r, true, 0)
}

// RWUnprotect lets accesses to a range through again, and those who wait go on.
// Flag: DontWake. Errors: those of RWProtect.
func (d *Descriptor) RWUnprotect(r Range, flags Flags) error {
	return d.protect(opRWProtect, r, false, flags)
}

func (d *Descriptor) protect(op string, r Range, on bool, flags Flags) error {
	fd, err := d.fd.Hold()
	if err != nil {
		return &Error{Op: op, Err: err}
	}
	if op == opWriteProtect {
		err = writeProtect(fd, r, on, flags)
	} else {
		err = rwProtect(fd, r, on, flags)
	}
	d.fd.Drop()
	if err == nil {
		return nil
	}
	what := "of"
	if !on {
		what = "off"
	}
	return d.failed(op, withFlags(fmt.Sprintf("%s %v", what, r), flags), r, err)
}

// The bare calls.

func writeProtect(fd int, r Range, on bool, flags Flags) error {
	mode, err := flags.mode(sys.UFFDIO_WRITEPROTECT_MODE_DONTWAKE, 0, 0)
	if err != nil {
		return err
	}
	if on {
		mode |= sys.UFFDIO_WRITEPROTECT_MODE_WP
	}
	a := sys.UffdioWriteprotect{Range: r.kernel(), Mode: mode}
	return sys.UffdioWriteprotectCall(fd, &a)
}

func rwProtect(fd int, r Range, on bool, flags Flags) error {
	mode, err := flags.mode(sys.UFFDIO_RWPROTECT_MODE_DONTWAKE, 0, 0)
	if err != nil {
		return err
	}
	if on {
		mode |= sys.UFFDIO_RWPROTECT_MODE_RWP
	}
	a := sys.UffdioRwprotect{Range: r.kernel(), Mode: mode}
	return sys.UffdioRwprotectCall(fd, &a)
}

// SetMode turns features of this descriptor on and off while it is in use
// (UFFDIO_SET_MODE, Linux 7.3). The kernel knows one that can be: RWP_ASYNC, on
// a descriptor with RWP. Turning it on lets all who wait go on.
//
// Errors: EINVAL for features that cannot be changed, and for one in both;
// [ErrGone] (ESRCH).
func (d *Descriptor) SetMode(enable, disable Features) error {
	fd, err := d.fd.Hold()
	if err != nil {
		return &Error{Op: opSetMode, Err: err}
	}
	defer d.fd.Drop()
	a := sys.UffdioSetMode{Enable: uint64(enable), Disable: uint64(disable)}
	// One at a time: Enabled would otherwise remember the one that lost.
	d.modes.Lock()
	defer d.modes.Unlock()
	if err := sys.UffdioSetModeCall(fd, &a); err != nil {
		return d.failed(opSetMode, fmt.Sprintf("enabling %v, disabling %v", enable, disable), Range{}, err)
	}
	d.enabled.Store(uint64((d.Enabled() | enable) &^ disable))
	return nil
}
