package uffd

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

var (
	// ErrClosed is the error of an operation on a closed descriptor. It is
	// fs.ErrClosed.
	ErrClosed = fs.ErrClosed

	// ErrEventFork is the error of asking for FeatureEventFork without
	// CAP_SYS_PTRACE.
	ErrEventFork = errors.New("EVENT_FORK needs CAP_SYS_PTRACE")

	// ErrRWPAsync is the error of asking for FeatureRWPAsync without FeatureRWP.
	ErrRWPAsync = errors.New("RWP_ASYNC needs RWP")

	// ErrBlocking is the error of waiting for events of a descriptor that is not
	// O_NONBLOCK any more, for which poll(2) reports POLLERR: somebody has made it
	// blocking, here or in another process that has it too.
	ErrBlocking = errors.New("the descriptor has been made blocking, which cannot be waited for")

	// ErrNotUserfaultfd is the error of FromFD for a descriptor of another kind.
	ErrNotUserfaultfd = errors.New("not a userfaultfd")

	// ErrNoHandshake is the error of every call on a received descriptor that
	// nobody has done the UFFDIO_API handshake on: see [Descriptor.Handshake].
	ErrNoHandshake = errors.New("the descriptor has had no UFFDIO_API handshake")
)

// What an [Error] of a call on a range can mean; errors.Is finds these as well as
// the errno.
var (
	// ErrChanging is EAGAIN without a byte done: the process is changing its
	// layout and waits for its event to be read (fork, mremap, madvise, munmap).
	// Whoever reads events has to do so first; nothing was done.
	ErrChanging = errors.New("the process is changing its memory, and an event about it waits to be read")

	// ErrExists is EEXIST: there is a page already, so somebody else was
	// faster, which is normal. A fault that waits for the page needs a Wake.
	ErrExists = errors.New("there is a page already")

	// ErrLayout is ENOENT: the range is not inside one mapping that is
	// registered in the mode that the call needs. Under a manager it means that
	// the process has changed its layout.
	ErrLayout = errors.New("not inside one registered mapping: the layout has changed, or the range or its mode is wrong")

	// ErrGone is ESRCH, and ENOSPC on kernels before 4.13: the process whose
	// memory it was has ended.
	ErrGone = errors.New("the process is gone")
)

// Error is an operation that failed: which one, with what arguments, and why.
type Error struct {
	Op     string // a system call or an ioctl such as "UFFDIO_API", or what was asked for
	Detail string // the arguments; may be empty
	Err    error  // the cause; a syscall.Errno if it comes from the kernel

	kind error // the name of the errno's meaning, if it has one
}

// Error has the cause last.
func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("uffd: %s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("uffd: %s %s: %v", e.Op, e.Detail, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is answers for the meaning that the errno has in this call: ErrExists and the
// others.
func (e *Error) Is(target error) bool { return e.kind != nil && target == e.kind }

// FeatureError says that the kernel lacks features that were required. It
// answers errors.Is for errors.ErrUnsupported.
type FeatureError struct {
	Missing   Features // required, and not there
	Available Features // all that the kernel has
	Untrapped Features // those of the missing that the kernel claims, though a write to a protected page goes through
	Deadly    Features // those of the missing that kernels of this port may claim, but stop when they are used
}

// Error names the features.
func (e *FeatureError) Error() string {
	if e.Deadly != 0 {
		return fmt.Sprintf("uffd: the required features %v are not to be had (it has %v); kernels of this port stop when %v is used: %v",
			e.Missing, e.Available, e.Deadly, errors.ErrUnsupported)
	}
	if e.Untrapped != 0 {
		return fmt.Sprintf("uffd: this kernel lacks the required features %v (it has %v; it claims %v, but a write to a write-protected page goes through untrapped): %v",
			e.Missing, e.Available, e.Untrapped, errors.ErrUnsupported)
	}
	return fmt.Sprintf("uffd: this kernel lacks the required features %v (it has %v): %v", e.Missing, e.Available, errors.ErrUnsupported)
}

// Unwrap returns errors.ErrUnsupported.
func (e *FeatureError) Unwrap() error { return errors.ErrUnsupported }

// Attempt is one way to a descriptor that failed.
type Attempt struct {
	Path         Path
	UserModeOnly bool   // whether a user-mode-only descriptor was asked for
	Op           string // the call that failed
	Err          error
}

// String says what failed and why.
func (a Attempt) String() string {
	mode := ""
	if a.UserModeOnly {
		mode = " (user-mode-only)"
	}
	return fmt.Sprintf("%s%s: %v", a.Op, mode, a.Err)
}

// refused tells whether the reason is a lack of privilege.
func (a Attempt) refused() bool { return errors.Is(a.Err, fs.ErrPermission) }

// absent tells whether the reason is a kernel without this way.
func (a Attempt) absent() bool {
	return slices.ContainsFunc(absences, func(err error) bool { return errors.Is(a.Err, err) })
}

// OpenError says that no way leads to a descriptor: what was tried, and what would
// help.
//
// It answers errors.Is for fs.ErrPermission if any attempt was refused, and for
// errors.ErrUnsupported only if every attempt says that the kernel lacks the
// way: somebody who is refused one way has it.
type OpenError struct {
	Attempts []Attempt
}

// Error names all attempts and the remedy.
func (e *OpenError) Error() string {
	tried := make([]string, len(e.Attempts))
	for i, a := range e.Attempts {
		tried[i] = a.String()
	}
	s := "uffd: no descriptor: " + strings.Join(tried, "; ")
	if r := e.Remedy(); r != "" {
		s += "; " + r
	}
	return s
}

// Remedy says what would help, as a clause for people; empty if nothing known
// would.
func (e *OpenError) Remedy() string {
	var wantsAll, refused bool
	for _, a := range e.Attempts {
		wantsAll = wantsAll || !a.UserModeOnly
		refused = refused || a.refused()
	}
	switch {
	case refused && wantsAll:
		return "to see faults inside the kernel a process needs CAP_SYS_PTRACE, or the sysctl vm.unprivileged_userfaultfd=1, or permission to open " + devicePath +
			"; a user-mode-only descriptor needs none of them"
	case refused:
		return "a user-mode-only descriptor needs no privilege, so a filter (seccomp, a security module) seems to be in the way"
	case e.unsupported() && wantsAll:
		return "the kernel was built without CONFIG_USERFAULTFD, or a filter (seccomp) hides it"
	case e.unsupported():
		return "user-mode-only descriptors need Linux 5.11 and CONFIG_USERFAULTFD"
	}
	return ""
}

func (e *OpenError) unsupported() bool {
	for _, a := range e.Attempts {
		if !a.absent() {
			return false
		}
	}
	return len(e.Attempts) > 0
}

// Is answers for the error of any attempt, and for errors.ErrUnsupported as
// described.
func (e *OpenError) Is(target error) bool {
	if target == errors.ErrUnsupported {
		return e.unsupported()
	}
	for _, a := range e.Attempts {
		if errors.Is(a.Err, target) {
			return true
		}
	}
	return false
}
