package uffd

import "fmt"

// Features are what a kernel's userfaultfd can do (UFFD_FEATURE_ in
// linux/userfaultfd.h, ioctl_userfaultfd(2)). Bits that this package has no name
// for are kept.
type Features uint64

// String gives the kernel's names without their prefix, and bits without a name
// in hexadecimal.
func (f Features) String() string { return bitString(uint64(f), featureNames) }

// Has tells whether all of other are in f.
func (f Features) Has(other Features) bool { return f&other == other }

// Ioctls are calls that a descriptor or a registered range understands, as the
// kernel reports them.
type Ioctls uint64

// String gives the kernel's names without their prefix, and bits without a name
// in hexadecimal.
func (i Ioctls) String() string { return bitString(uint64(i), ioctlNames) }

// Has tells whether all of other are in i.
func (i Ioctls) Has(other Ioctls) bool { return i&other == other }

type bitName struct {
	bit  uint64
	name string
}

func bitString(v uint64, names []bitName) string {
	if v == 0 {
		return "0"
	}
	var s string
	for _, n := range names {
		if v&n.bit != 0 {
			s += "|" + n.name
			v &^= n.bit
		}
	}
	if v != 0 {
		s += fmt.Sprintf("|%#x", v)
	}
	return s[1:]
}

// In the order of the bits.
var featureNames = []bitName{
	{uint64(FeaturePagefaultFlagWP), "PAGEFAULT_FLAG_WP"},
	{uint64(FeatureEventFork), "EVENT_FORK"},
	{uint64(FeatureEventRemap), "EVENT_REMAP"},
	{uint64(FeatureEventRemove), "EVENT_REMOVE"},
	{uint64(FeatureMissingHugetlbfs), "MISSING_HUGETLBFS"},
	{uint64(FeatureMissingShmem), "MISSING_SHMEM"},
	{uint64(FeatureEventUnmap), "EVENT_UNMAP"},
	{uint64(FeatureSIGBUS), "SIGBUS"},
	{uint64(FeatureThreadID), "THREAD_ID"},
	{uint64(FeatureMinorHugetlbfs), "MINOR_HUGETLBFS"},
	{uint64(FeatureMinorShmem), "MINOR_SHMEM"},
	{uint64(FeatureExactAddress), "EXACT_ADDRESS"},
	{uint64(FeatureWPHugetlbfsShmem), "WP_HUGETLBFS_SHMEM"},
	{uint64(FeatureWPUnpopulated), "WP_UNPOPULATED"},
	{uint64(FeaturePoison), "POISON"},
	{uint64(FeatureWPAsync), "WP_ASYNC"},
	{uint64(FeatureMove), "MOVE"},
	{uint64(FeatureRWP), "RWP"},
	{uint64(FeatureRWPAsync), "RWP_ASYNC"},
}

var ioctlNames = []bitName{
	{uint64(IoctlRegister), "REGISTER"},
	{uint64(IoctlUnregister), "UNREGISTER"},
	{uint64(IoctlWake), "WAKE"},
	{uint64(IoctlCopy), "COPY"},
	{uint64(IoctlZeropage), "ZEROPAGE"},
	{uint64(IoctlMove), "MOVE"},
	{uint64(IoctlWriteprotect), "WRITEPROTECT"},
	{uint64(IoctlContinue), "CONTINUE"},
	{uint64(IoctlPoison), "POISON"},
	{uint64(IoctlRWprotect), "RWPROTECT"},
	{uint64(IoctlSetMode), "SET_MODE"},
	{uint64(IoctlAPI), "API"},
}
