package uffd

import "github.com/pageslot/pageslot/sys"

// The features. The version is that of the first kernel whose headers have the
// bit; what this kernel has on this processor [Descriptor.Available] tells.
const (
	FeaturePagefaultFlagWP  Features = sys.UFFD_FEATURE_PAGEFAULT_FLAG_WP  // write-protection (5.7)
	FeatureEventFork        Features = sys.UFFD_FEATURE_EVENT_FORK         // events of fork (4.11; needs CAP_SYS_PTRACE)
	FeatureEventRemap       Features = sys.UFFD_FEATURE_EVENT_REMAP        // events of mremap (4.11)
	FeatureEventRemove      Features = sys.UFFD_FEATURE_EVENT_REMOVE       // events of madvise: the caller waits until they are read (4.11)
	FeatureMissingHugetlbfs Features = sys.UFFD_FEATURE_MISSING_HUGETLBFS  // missing pages of hugetlbfs (4.11)
	FeatureMissingShmem     Features = sys.UFFD_FEATURE_MISSING_SHMEM      // missing pages of shared memory (4.11)
	FeatureEventUnmap       Features = sys.UFFD_FEATURE_EVENT_UNMAP        // events of munmap (4.11)
	FeatureSIGBUS           Features = sys.UFFD_FEATURE_SIGBUS             // a signal instead of a message (4.14)
	FeatureThreadID         Features = sys.UFFD_FEATURE_THREAD_ID          // the thread's id in messages (4.14)
	FeatureMinorHugetlbfs   Features = sys.UFFD_FEATURE_MINOR_HUGETLBFS    // minor faults of hugetlbfs (5.13)
	FeatureMinorShmem       Features = sys.UFFD_FEATURE_MINOR_SHMEM        // minor faults of shared memory (5.14)
	FeatureExactAddress     Features = sys.UFFD_FEATURE_EXACT_ADDRESS      // addresses not rounded to pages (5.18)
	FeatureWPHugetlbfsShmem Features = sys.UFFD_FEATURE_WP_HUGETLBFS_SHMEM // write-protection of both (5.19)
	FeatureWPUnpopulated    Features = sys.UFFD_FEATURE_WP_UNPOPULATED     // write-protection of pages not there yet (6.4)
	FeaturePoison           Features = sys.UFFD_FEATURE_POISON             // UFFDIO_POISON (6.6); never on arm and mips, whose kernels stop at such a page
	FeatureWPAsync          Features = sys.UFFD_FEATURE_WP_ASYNC           // write-protection without messages; has WPUnpopulated with it (6.7)
	FeatureMove             Features = sys.UFFD_FEATURE_MOVE               // UFFDIO_MOVE (6.8)
	FeatureRWP              Features = sys.UFFD_FEATURE_RWP                // read- and write-protection (7.3)
	FeatureRWPAsync         Features = sys.UFFD_FEATURE_RWP_ASYNC          // the same without messages; needs RWP (7.3)
)

// The bit of an ioctl is its number: the low eight bits of the command on every
// port.
const numberMask = 0xff

// The ioctls. The version is that of the first kernel whose headers have it.
const (
	IoctlRegister     Ioctls = 1 << (sys.UFFDIO_REGISTER & numberMask)     // 4.3
	IoctlUnregister   Ioctls = 1 << (sys.UFFDIO_UNREGISTER & numberMask)   // 4.3
	IoctlWake         Ioctls = 1 << (sys.UFFDIO_WAKE & numberMask)         // 4.3
	IoctlCopy         Ioctls = 1 << (sys.UFFDIO_COPY & numberMask)         // 4.3
	IoctlZeropage     Ioctls = 1 << (sys.UFFDIO_ZEROPAGE & numberMask)     // 4.3
	IoctlMove         Ioctls = 1 << (sys.UFFDIO_MOVE & numberMask)         // 6.8
	IoctlWriteprotect Ioctls = 1 << (sys.UFFDIO_WRITEPROTECT & numberMask) // 5.7
	IoctlContinue     Ioctls = 1 << (sys.UFFDIO_CONTINUE & numberMask)     // 5.13
	IoctlPoison       Ioctls = 1 << (sys.UFFDIO_POISON & numberMask)       // 6.6
	IoctlRWprotect    Ioctls = 1 << (sys.UFFDIO_RWPROTECT & numberMask)    // 7.3
	IoctlSetMode      Ioctls = 1 << (sys.UFFDIO_SET_MODE & numberMask)     // 7.3
	IoctlAPI          Ioctls = 1 << (sys.UFFDIO_API & numberMask)          // 4.3
)

// What Register asks for. The version is that of the first kernel whose headers
// have it.
const (
	ModeMissing Mode = sys.UFFDIO_REGISTER_MODE_MISSING // pages that are not there (4.3)
	ModeWP      Mode = sys.UFFDIO_REGISTER_MODE_WP      // writes to protected pages (5.7)
	ModeMinor   Mode = sys.UFFDIO_REGISTER_MODE_MINOR   // pages that a shared file has, but that are not mapped (5.13)
	ModeRWP     Mode = sys.UFFDIO_REGISTER_MODE_RWP     // accesses to protected pages (7.3)
)

// The events. The version is that of the first kernel whose headers have it.
const (
	EventPagefault EventKind = sys.UFFD_EVENT_PAGEFAULT // an access waits (4.3)
	EventFork      EventKind = sys.UFFD_EVENT_FORK      // the process forked (4.11)
	EventRemap     EventKind = sys.UFFD_EVENT_REMAP     // a mapping moved (4.11)
	EventRemove    EventKind = sys.UFFD_EVENT_REMOVE    // contents were given up (4.11)
	EventUnmap     EventKind = sys.UFFD_EVENT_UNMAP     // a mapping went (4.11)
)

// The flags of a fault.
const (
	FaultWrite FaultFlags = sys.UFFD_PAGEFAULT_FLAG_WRITE // a write; without it, a read or a fetch of instructions (4.3)
	FaultWP    FaultFlags = sys.UFFD_PAGEFAULT_FLAG_WP    // the page is write-protected (5.7)
	FaultMinor FaultFlags = sys.UFFD_PAGEFAULT_FLAG_MINOR // the page is in the file (5.13)
	FaultRWP   FaultFlags = sys.UFFD_PAGEFAULT_FLAG_RWP   // the page is protected against all accesses (7.3)
)
