package probe

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// asked has a function for every question.
var asked = map[string]func() Answer{
	"userfaultfd.syscall":        uffdSyscall,
	"userfaultfd.user-mode-only": uffdUserModeOnly,
	"userfaultfd.device":         uffdDevice,
	"userfaultfd.open":           uffdOpen,
	"userfaultfd.features":       uffdFeatures,

	"memfd.create":       memfdCreate,
	"memfd.seals":        memfdSeals,
	"memfd.noexec-seal":  memfdNoExecSeal,
	"memfd.exec":         memfdExec,
	"memfd.hugetlb":      memfdHugeTLB,
	"memfd.hugetlb-page": memfdHugePage,
	"memfd.secret":       memfdSecret,

	"pkey": protectionKeys,

	"pagemap.scan":       pagemapScan,
	"pagemap.categories": pagemapCategories,
	"guard.install":      guardInstall,

	"limits.mappings":      roomForMappings,
	"limits.overcommit":    overcommit,
	"limits.address-space": addressSpace,
	"limits.locked":        locked,
}

func ask(name string) Answer { return asked[name]() }

func yes(values ...string) Answer { return Answer{Verdict: Yes, Values: values} }

func no(reason, remedy string) Answer { return Answer{Verdict: No, Reason: reason, Remedy: remedy} }

// unsure is for what is neither a yes nor a no: err says what was in the way.
func unsure(call string, err error) Answer {
	return Answer{Verdict: Inconclusive, Reason: fmt.Sprintf("%s: %v", call, err)}
}

const (
	newerKernel = "a newer kernel: "
	sandbox     = "look for a sandbox (seccomp, a container's profile) that refuses the call"
)

// judge turns the error of a call into an answer, for the errors that mean the
// same everywhere. since says from which kernel on there is such a call; unknown,
// if not 0, is the error by which this call says that it does not know its
// argument.
func judge(call string, err error, since string, unknown unix.Errno) Answer {
	switch {
	case err == nil:
		return yes()
	case errors.Is(err, unix.ENOSYS):
		return no(call+": this kernel has no such call, or it was built without it", newerKernel+since+", built with it")
	case errors.Is(err, errors.ErrUnsupported), unknown != 0 && errors.Is(err, unknown):
		return no(fmt.Sprintf("%s: this kernel does not know it (%v)", call, err), newerKernel+since)
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return no(fmt.Sprintf("%s: refused (%v)", call, err), sandbox)
	}
	return unsure(call, err)
}
