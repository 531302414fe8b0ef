package uffd

import "github.com/pageslot/pageslot/internal/bitnames"

// Features are what a kernel's userfaultfd can do (UFFD_FEATURE_ in
// linux/userfaultfd.h, ioctl_userfaultfd(2)). Bits that this package has no name
// for are kept.
type Features uint64

// String gives the kernel's names without their prefix, and bits without a name
// in hexadecimal.
func (f Features) String() string { return bitnames.String(uint64(f), featureNames) }

// Has tells whether all of other are in f.
func (f Features) Has(other Features) bool { return f&other == other }

// Ioctls are calls that a descriptor or a registered range understands, as the
// kernel reports them.
type Ioctls uint64

// String gives the kernel's names without their prefix, and bits without a name
// in hexadecimal.
func (i Ioctls) String() string { return bitnames.String(uint64(i), ioctlNames) }

// Has tells whether all of other are in i.
func (i Ioctls) Has(other Ioctls) bool { return i&other == other }

// In the order of the bits.
var featureNames = []bitnames.Name{
	{Bit: uint64(FeaturePagefaultFlagWP), Name: "PAGEFAULT_FLAG_WP"},
	{Bit: uint64(FeatureEventFork), Name: "EVENT_FORK"},
	{Bit: uint64(FeatureEventRemap), Name: "EVENT_REMAP"},
	{Bit: uint64(FeatureEventRemove), Name: "EVENT_REMOVE"},
	{Bit: uint64(FeatureMissingHugetlbfs), Name: "MISSING_HUGETLBFS"},
	{Bit: uint64(FeatureMissingShmem), Name: "MISSING_SHMEM"},
	{Bit: uint64(FeatureEventUnmap), Name: "EVENT_UNMAP"},
	{Bit: uint64(FeatureSIGBUS), Name: "SIGBUS"},
	{Bit: uint64(FeatureThreadID), Name: "THREAD_ID"},
	{Bit: uint64(FeatureMinorHugetlbfs), Name: "MINOR_HUGETLBFS"},
	{Bit: uint64(FeatureMinorShmem), Name: "MINOR_SHMEM"},
	{Bit: uint64(FeatureExactAddress), Name: "EXACT_ADDRESS"},
	{Bit: uint64(FeatureWPHugetlbfsShmem), Name: "WP_HUGETLBFS_SHMEM"},
	{Bit: uint64(FeatureWPUnpopulated), Name: "WP_UNPOPULATED"},
	{Bit: uint64(FeaturePoison), Name: "POISON"},
	{Bit: uint64(FeatureWPAsync), Name: "WP_ASYNC"},
	{Bit: uint64(FeatureMove), Name: "MOVE"},
	{Bit: uint64(FeatureRWP), Name: "RWP"},
	{Bit: uint64(FeatureRWPAsync), Name: "RWP_ASYNC"},
}

var ioctlNames = []bitnames.Name{
	{Bit: uint64(IoctlRegister), Name: "REGISTER"},
	{Bit: uint64(IoctlUnregister), Name: "UNREGISTER"},
	{Bit: uint64(IoctlWake), Name: "WAKE"},
	{Bit: uint64(IoctlCopy), Name: "COPY"},
	{Bit: uint64(IoctlZeropage), Name: "ZEROPAGE"},
	{Bit: uint64(IoctlMove), Name: "MOVE"},
	{Bit: uint64(IoctlWriteprotect), Name: "WRITEPROTECT"},
	{Bit: uint64(IoctlContinue), Name: "CONTINUE"},
	{Bit: uint64(IoctlPoison), Name: "POISON"},
	{Bit: uint64(IoctlRWprotect), Name: "RWPROTECT"},
	{Bit: uint64(IoctlSetMode), Name: "SET_MODE"},
	{Bit: uint64(IoctlAPI), Name: "API"},
}
