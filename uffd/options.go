package uffd

import (
	"fmt"
	"syscall"
)

// Options say what [Open] shall make. The zero value asks for a descriptor that
// sees all faults, by either way, without any feature.
type Options struct {
	// Required features are enabled, or Open fails with a [FeatureError].
	Required Features

	// Wanted features are enabled where the kernel has them.
	Wanted Features

	// UserMode says what to do about descriptors that do not see faults taken
	// inside the kernel.
	UserMode UserMode

	// Path restricts how the descriptor is made.
	Path Path
}

// UserMode is about UFFD_USER_MODE_ONLY (Linux 5.11): such a descriptor serves
// faults of the program itself only. A fault inside a system call, and
// MADV_POPULATE_READ, fail with EFAULT on its memory.
type UserMode int

const (
	// KernelFaults asks for a descriptor that sees all faults, or for none.
	KernelFaults UserMode = iota
	// UserModeFallback asks for one that sees all faults if this process may
	// have it, and for a user-mode-only one otherwise.
	UserModeFallback
	// UserModeOnly asks for a user-mode-only descriptor. No privilege is
	// needed.
	UserModeOnly
)

// String is the constant's name.
func (m UserMode) String() string {
	switch m {
	case KernelFaults:
		return "KernelFaults"
	case UserModeFallback:
		return "UserModeFallback"
	case UserModeOnly:
		return "UserModeOnly"
	}
	return fmt.Sprintf("UserMode(%d)", int(m))
}

// Path is a way to a descriptor.
type Path int

const (
	// AnyPath tries both, the system call first.
	AnyPath Path = iota
	// SyscallPath is userfaultfd(2). Who may see all faults: root (more exactly
	// CAP_SYS_PTRACE), and everybody where the sysctl vm.unprivileged_userfaultfd
	// is 1 (the default is 0 since Linux 5.11).
	SyscallPath
	// DevicePath is /dev/userfaultfd (Linux 6.1). Who may open it sees all
	// faults; the default is root.
	DevicePath
)

// String is how error messages name the path.
func (p Path) String() string {
	switch p {
	case AnyPath:
		return "any path"
	case SyscallPath:
		return "userfaultfd(2)"
	case DevicePath:
		return devicePath
	}
	return fmt.Sprintf("Path(%d)", int(p))
}

const devicePath = "/dev/userfaultfd"

// check refuses what no kernel could make sense of.
func (o Options) check() error {
	invalid := func(format string, args ...any) error {
		return &Error{Op: "open", Detail: fmt.Sprintf(format, args...), Err: syscall.EINVAL}
	}
	switch {
	case o.UserMode < KernelFaults || o.UserMode > UserModeOnly:
		return invalid("with %v", o.UserMode)
	case o.Path < AnyPath || o.Path > DevicePath:
		return invalid("by %v", o.Path)
	case (o.Required | o.Wanted).Has(FeatureRWPAsync) && !(o.Required | o.Wanted).Has(FeatureRWP):
		return &Error{Op: "open", Detail: fmt.Sprintf("with features %v", o.Required|o.Wanted), Err: fmt.Errorf("%w: %w", ErrRWPAsync, syscall.EINVAL)}
	}
	return nil
}

// way is one attempt that Open makes.
type way struct {
	path         Path
	userModeOnly bool
}

// ways lists the attempts in order.
func (o Options) ways() []way {
	var ways []way
	for _, userModeOnly := range []bool{false, true} {
		if userModeOnly && o.UserMode == KernelFaults || !userModeOnly && o.UserMode == UserModeOnly {
			continue
		}
		for _, p := range []Path{SyscallPath, DevicePath} {
			if o.Path == AnyPath || o.Path == p {
				ways = append(ways, way{p, userModeOnly})
			}
		}
	}
	return ways
}

// choose gives the features to enable on a kernel that has available, and
// untrapped in words alone.
func (o Options) choose(available, untrapped Features) (Features, error) {
	if missing := o.Required &^ available; missing != 0 {
		return 0, &FeatureError{Missing: missing, Available: available, Untrapped: missing & untrapped, Deadly: missing & deadlyHere}
	}
	return o.Required | o.Wanted&available, nil
}
