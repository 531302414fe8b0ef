package probe

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/pageslot/pageslot/uffd"
)

func uffdSyscall() Answer {
	return openUffd(uffd.Options{Path: uffd.SyscallPath}, "a kernel built with CONFIG_USERFAULTFD", nil)
}

func uffdUserModeOnly() Answer {
	return openUffd(uffd.Options{Path: uffd.SyscallPath, UserMode: uffd.UserModeOnly}, newerKernel+"Linux 5.11, built with CONFIG_USERFAULTFD", nil)
}

func uffdDevice() Answer {
	return openUffd(uffd.Options{Path: uffd.DevicePath}, newerKernel+"Linux 6.1, built with CONFIG_USERFAULTFD; in a container, pass /dev/userfaultfd in", nil)
}

// uffdOpen opens as a program would that takes what it can get.
func uffdOpen() Answer {
	return openUffd(uffd.Options{UserMode: uffd.UserModeFallback}, "a kernel built with CONFIG_USERFAULTFD", func(d *uffd.Descriptor) Answer {
		if !d.UserModeOnly() {
			return yes("by " + d.Path().String())
		}
		a := yes("by "+d.Path().String(), "user-mode-only")
		a.Reason = "faults of the kernel itself are not served: a system call on a missing page answers EFAULT"
		return a
	})
}

func uffdFeatures() Answer {
	return openUffd(uffd.Options{UserMode: uffd.UserModeFallback}, "a kernel built with CONFIG_USERFAULTFD", func(d *uffd.Descriptor) Answer {
		if d.Available() == 0 {
			return yes()
		}
		return yes(strings.Split(d.Available().String(), "|")...)
	})
}

// openUffd opens and closes a descriptor. absent is the remedy where the kernel
// does not have this way to one.
func openUffd(o uffd.Options, absent string, use func(*uffd.Descriptor) Answer) Answer {
	d, err := uffd.Open(o)
	if err == nil {
		defer d.Close()
		if use == nil {
			return yes()
		}
		return use(d)
	}
	tried, ok := errors.AsType[*uffd.OpenError](err)
	if !ok {
		return Answer{Verdict: Inconclusive, Reason: err.Error()}
	}
	var why []string
	for _, a := range tried.Attempts {
		why = append(why, a.String())
	}
	a := no(strings.Join(why, "; "), absent)
	switch {
	case errors.Is(err, fs.ErrPermission):
		a.Remedy, a.Refused = tried.Remedy(), true
	case !errors.Is(err, errors.ErrUnsupported):
		a.Verdict, a.Remedy = Inconclusive, ""
	}
	return a
}
