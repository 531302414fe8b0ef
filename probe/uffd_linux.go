package probe

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
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

// uffdFeatures asks for what the kernel claims, with a handshake of its own:
// package uffd leaves out a claim that it knows to be false.
func uffdFeatures() Answer {
	return openUffd(uffd.Options{UserMode: uffd.UserModeFallback}, "a kernel built with CONFIG_USERFAULTFD", func(d *uffd.Descriptor) Answer {
		flags := sys.O_CLOEXEC | sys.O_NONBLOCK
		if d.UserModeOnly() {
			flags |= sys.UFFD_USER_MODE_ONLY
		}
		claimed := d.Available()
		if d.Path() == uffd.SyscallPath {
			fd, err := sys.Userfaultfd(flags)
			if err != nil {
				return unsure("userfaultfd", err)
			}
			defer unix.Close(fd)
			a := sys.UffdioApi{Api: sys.UFFD_API}
			if err := sys.UffdioApiCall(fd, &a); err != nil {
				return unsure("UFFDIO_API", err)
			}
			claimed = uffd.Features(a.Features)
		}
		a := Answer{Verdict: Yes}
		if claimed != 0 {
			a.Values = strings.Split(claimed.String(), "|")
		}
		var lacks []string
		for _, f := range uffdSince {
			if !claimed.Has(f.feature) {
				lacks = append(lacks, fmt.Sprintf("%v (Linux %s)", f.feature, f.since))
			}
		}
		if lacks != nil {
			a.Reason = "not here: " + strings.Join(lacks, ", ")
		}
		return a
	})
}

// uffdSince is since when there is a feature, on the processors that have it.
var uffdSince = []struct {
	feature uffd.Features
	since   string
}{
	{uffd.FeaturePagefaultFlagWP, "5.7"}, {uffd.FeatureEventFork, "4.11"}, {uffd.FeatureEventRemap, "4.11"},
	{uffd.FeatureEventRemove, "4.11"}, {uffd.FeatureMissingHugetlbfs, "4.11"}, {uffd.FeatureMissingShmem, "4.11"},
	{uffd.FeatureEventUnmap, "4.11"}, {uffd.FeatureSIGBUS, "4.14"}, {uffd.FeatureThreadID, "4.14"},
	{uffd.FeatureMinorHugetlbfs, "5.13"}, {uffd.FeatureMinorShmem, "5.14"}, {uffd.FeatureExactAddress, "5.18"},
	{uffd.FeatureWPHugetlbfsShmem, "5.19"}, {uffd.FeatureWPUnpopulated, "6.4"}, {uffd.FeaturePoison, "6.6"},
	{uffd.FeatureWPAsync, "6.7"}, {uffd.FeatureMove, "6.8"}, {uffd.FeatureRWP, "7.3"}, {uffd.FeatureRWPAsync, "7.3"},
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
	if lacks, ok := errors.AsType[*uffd.FeatureError](err); ok {
		if lacks.Missing.Has(uffd.FeatureSIGBUS) {
			return Answer{Verdict: Inconclusive, Reason: "this kernel does not have SIGBUS, without which trying it may hang", Remedy: newerKernel + "Linux 4.14"}
		}
		if lacks.Deadly != 0 {
			return no(fmt.Sprintf("kernels of this port stop when %v is used, so it was not tried", lacks.Deadly), "another processor")
		}
		return no(fmt.Sprintf("UFFDIO_API: this kernel does not have %v on this processor", lacks.Missing), absent)
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
