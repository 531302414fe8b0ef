package probe

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// asked has a function for every question but the abilities of a userfaultfd.
var asked = map[Question]func() Answer{
	UffdSyscall:      uffdSyscall,
	UffdUserModeOnly: uffdUserModeOnly,
	UffdDevice:       uffdDevice,
	UffdOpen:         uffdOpen,
	UffdFeatures:     uffdFeatures,

	UffdTHP: uffdHugePage,

	MemfdCreate:     memfdCreate,
	MemfdSeals:      memfdSeals,
	MemfdNoExecSeal: memfdNoExecSeal,
	MemfdExec:       memfdExec,
	MemfdHugeTLB:    memfdHugeTLB,
	MemfdHugePage:   memfdHugePage,
	MemfdSecret:     memfdSecret,

	Pkey:     protectionKeys,
	PkeyFree: freeKeys,

	PagemapScan:       pagemapScan,
	PagemapCategories: pagemapCategories,
	GuardInstall:      guardInstall,

	ProcmapQuery: procmapQuery,

	PopulateRead:       populateRead,
	PopulateWrite:      populateWrite,
	DontneedLocked:     dontneedLocked,
	Collapse:           madviseCollapse,
	ProcessMadvise:     processMadvise,
	ProcessMadviseSelf: processMadviseSelf,
	PidfdOpen:          pidfdOpen,
	Mseal:              mseal,
	Droppable:          droppable,

	THPSetting:   thpSetting,
	THPPage:      thpPage,
	HugetlbPages: hugetlbPages,

	LimitMemlock:      memlock,
	LimitMappings:     roomForMappings,
	LimitOvercommit:   overcommit,
	LimitAddressSpace: addressSpace,
	LimitLocked:       locked,
}

func ask(q Question) Answer {
	for _, a := range abilities {
		if a.question == q {
			return a.ask()
		}
	}
	return asked[q]()
}

func yes(values ...string) Answer { return Answer{Verdict: Yes, Values: values} }

func no(reason, remedy string) Answer { return Answer{Verdict: No, Reason: reason, Remedy: remedy} }

// refused is a no for want of privilege.
func refused(reason, remedy string) Answer {
	return Answer{Verdict: No, Reason: reason, Remedy: remedy, Refused: true}
}

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
		return refused(fmt.Sprintf("%s: refused (%v)", call, err), sandbox)
	}
	return unsure(call, err)
}
