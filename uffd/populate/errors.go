package populate

import (
	"errors"
	"fmt"

	"github.com/pageslot/pageslot/uffd"
)

// What an [Error] can mean; errors.Is finds these as well as the errno.
var (
	// ErrFault is EFAULT: no system call gets the page. It is missing in memory of a
	// userfaultfd that does not serve faults inside the kernel, or it lies beyond the
	// end of its file, or in a guard region.
	ErrFault = errors.New("no system call gets the page: its userfaultfd is user-mode-only or has SIGBUS, or the file ends before it, or it is a guard")

	// ErrUserModeOnly is EFAULT with a descriptor in the Options that is
	// user-mode-only: such a descriptor's pages can't be asked for. ErrFault is there
	// as well.
	ErrUserModeOnly = errors.New("the userfaultfd is user-mode-only, so it does not serve system calls")

	// ErrSIGBUS is the same with one that has uffd.FeatureSIGBUS.
	ErrSIGBUS = errors.New("the userfaultfd has SIGBUS, so it does not serve system calls")

	// ErrPoisoned is EHWPOISON: the page was poisoned with UFFDIO_POISON, or its memory
	// is broken.
	ErrPoisoned = errors.New("the page is poisoned")

	// ErrNotMapped is ENOMEM where nothing is mapped.
	ErrNotMapped = errors.New("nothing is mapped there")

	// ErrAccess is EINVAL of a kernel that has the call: the mapping does not allow
	// this access, or is one of a device.
	ErrAccess = errors.New("the mapping does not allow the access")
)

// Error is a range of which not all could be had.
type Error struct {
	Op    string     // "MADV_POPULATE_READ" or "MADV_POPULATE_WRITE", or what was asked for
	Range uffd.Range // what is left: it begins where the first page is that failed
	Done  uint64     // how many bytes before it are there
	Err   error      // the cause; a syscall.Errno if it comes from the kernel

	kinds [2]error // the names of what the errno means
}

// Error has the cause last.
func (e *Error) Error() string {
	s := "populate: " + e.Op
	if e.Range != (uffd.Range{}) {
		s += fmt.Sprintf(" of %v", e.Range)
	}
	if e.Done > 0 {
		s += fmt.Sprintf(", after %d bytes", e.Done)
	}
	for i := len(e.kinds) - 1; i >= 0; i-- {
		if e.kinds[i] != nil { // the last says most
			return fmt.Sprintf("%s: %v: %v", s, e.kinds[i], e.Err)
		}
	}
	return s + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is answers for what the errno means: ErrFault and the others.
func (e *Error) Is(target error) bool {
	return target != nil && (target == e.kinds[0] || target == e.kinds[1])
}
