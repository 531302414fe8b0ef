//go:build !linux

package uffd

// Where there is no Linux the numbers stand for nothing, but code that names
// them compiles. All that can be said of them is that they are different bits.

// See the Linux documentation for what each stands for.
const (
	FeaturePagefaultFlagWP Features = 1 << iota
	FeatureEventFork
	FeatureEventRemap
	FeatureEventRemove
	FeatureMissingHugetlbfs
	FeatureMissingShmem
	FeatureEventUnmap
	FeatureSIGBUS
	FeatureThreadID
	FeatureMinorHugetlbfs
	FeatureMinorShmem
	FeatureExactAddress
	FeatureWPHugetlbfsShmem
	FeatureWPUnpopulated
	FeaturePoison
	FeatureWPAsync
	FeatureMove
	FeatureRWP
	FeatureRWPAsync
)

// See the Linux documentation for what each stands for.
const (
	IoctlRegister Ioctls = 1 << iota
	IoctlUnregister
	IoctlWake
	IoctlCopy
	IoctlZeropage
	IoctlMove
	IoctlWriteprotect
	IoctlContinue
	IoctlPoison
	IoctlRWprotect
	IoctlSetMode
	IoctlAPI
)

// See the Linux documentation for what each stands for.
const (
	ModeMissing Mode = 1 << iota
	ModeWP
	ModeMinor
	ModeRWP
)

// See the Linux documentation for what each stands for.
const (
	EventPagefault EventKind = 1 + iota
	EventFork
	EventRemap
	EventRemove
	EventUnmap
)

// See the Linux documentation for what each stands for.
const (
	FaultWrite FaultFlags = 1 << iota
	FaultWP
	FaultMinor
	FaultRWP
)
