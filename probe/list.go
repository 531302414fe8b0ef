package probe

// Ways to a userfaultfd, and what it offers.
const (
	// UffdSyscall: userfaultfd(2) for all faults, those inside the kernel too.
	UffdSyscall Question = "userfaultfd.syscall"
	// UffdUserModeOnly: userfaultfd(2) with UFFD_USER_MODE_ONLY (Linux 5.11).
	UffdUserModeOnly Question = "userfaultfd.user-mode-only"
	// UffdDevice: a descriptor by /dev/userfaultfd (Linux 6.1).
	UffdDevice Question = "userfaultfd.device"
	// UffdOpen: a descriptor by any of these.
	UffdOpen Question = "userfaultfd.open"
	// UffdFeatures: what the kernel claims in UFFDIO_API. The values are the
	// names of the features, and the bits without a name in hexadecimal.
	UffdFeatures Question = "userfaultfd.features"
)

// What a userfaultfd does with memory. Each is done, and a fault has to be
// trapped for a yes. The values are the kinds of memory for which it works.
const (
	// UffdMissing: pages that are not there, served by UFFDIO_COPY (Linux 4.3).
	UffdMissing Question = "userfaultfd.missing"
	// UffdZeropage: the same, served by UFFDIO_ZEROPAGE (Linux 4.3).
	UffdZeropage Question = "userfaultfd.zeropage"
	// UffdMinor: pages that the file has and the mapping has not, served by
	// UFFDIO_CONTINUE (Linux 5.13).
	UffdMinor Question = "userfaultfd.minor"
	// UffdWriteProtect: UFFDIO_WRITEPROTECT, and that it stops a write (Linux
	// 5.7). A kernel may claim it and let writes through.
	UffdWriteProtect Question = "userfaultfd.write-protect"
	// UffdWriteProtectAsync: WP_ASYNC: writes are noted, for PAGEMAP_SCAN, and
	// not stopped (Linux 6.7).
	UffdWriteProtectAsync Question = "userfaultfd.write-protect-async"
	// UffdPoison: UFFDIO_POISON (Linux 6.6).
	UffdPoison Question = "userfaultfd.poison"
	// UffdMove: UFFDIO_MOVE (Linux 6.8).
	UffdMove Question = "userfaultfd.move"
	// UffdRWP: UFFDIO_RWPROTECT, and that it stops reads and writes (Linux 7.3).
	UffdRWP Question = "userfaultfd.rwp"
	// UffdRWPAsync: RWP_ASYNC: accesses are noted and not stopped (Linux 7.3).
	UffdRWPAsync Question = "userfaultfd.rwp-async"
	// UffdTHP: what of this works on a transparent huge page, which there has to
	// be now. The values are the words after "userfaultfd.".
	UffdTHP Question = "userfaultfd.thp"
)

// Files in memory.
const (
	// MemfdCreate: memfd_create(2) (Linux 3.17).
	MemfdCreate Question = "memfd.create"
	// MemfdSeals: sealing. The values are the seals.
	MemfdSeals Question = "memfd.seals"
	// MemfdNoExecSeal: MFD_NOEXEC_SEAL (Linux 6.3).
	MemfdNoExecSeal Question = "memfd.noexec-seal"
	// MemfdExec: MFD_EXEC (Linux 6.3).
	MemfdExec Question = "memfd.exec"
	// MemfdHugeTLB: MFD_HUGETLB (Linux 4.14). The values are the sizes.
	MemfdHugeTLB Question = "memfd.hugetlb"
	// MemfdHugePage: that a reserved huge page is free.
	MemfdHugePage Question = "memfd.hugetlb-page"
	// MemfdSecret: memfd_secret(2) (Linux 5.14).
	MemfdSecret Question = "memfd.secret"
)

// Protection keys.
const (
	// Pkey: that there are protection keys. The values are how many, and the
	// lowest; they count those that are taken.
	Pkey Question = "pkey"
	// PkeyFree: that one is free. The value is how many are.
	PkeyFree Question = "pkey.free"
)

// Pages.
const (
	// PagemapScan: PAGEMAP_SCAN (Linux 6.7).
	PagemapScan Question = "pagemap.scan"
	// PagemapCategories: the categories of pages that PAGEMAP_SCAN knows.
	PagemapCategories Question = "pagemap.categories"
	// ProcmapQuery: PROCMAP_QUERY of /proc/PID/maps (Linux 6.11).
	ProcmapQuery Question = "procmap.query"
	// GuardInstall: MADV_GUARD_INSTALL (Linux 6.13). The values are the kinds of
	// memory that can have guards.
	GuardInstall Question = "guard.install"
)

// Memory calls.
const (
	// PopulateRead: MADV_POPULATE_READ (Linux 5.14).
	PopulateRead Question = "madvise.populate-read"
	// PopulateWrite: MADV_POPULATE_WRITE (Linux 5.14).
	PopulateWrite Question = "madvise.populate-write"
	// DontneedLocked: MADV_DONTNEED_LOCKED (Linux 5.18).
	DontneedLocked Question = "madvise.dontneed-locked"
	// Collapse: that the kernel knows MADV_COLLAPSE (Linux 6.1).
	Collapse Question = "madvise.collapse"
	// ProcessMadvise: process_madvise(2) with MADV_DONTNEED for several ranges of
	// the process itself, by a pidfd (Linux 6.13).
	ProcessMadvise Question = "process-madvise.dontneed"
	// ProcessMadviseSelf: the same by PIDFD_SELF_THREAD_GROUP, without a
	// descriptor (Linux 6.15).
	ProcessMadviseSelf Question = "process-madvise.self"
	// PidfdOpen: pidfd_open(2) (Linux 5.3).
	PidfdOpen Question = "pidfd.open"
	// Mseal: that the kernel has mseal(2) (Linux 6.10, 64 bits).
	Mseal Question = "mseal"
	// Droppable: MAP_DROPPABLE (Linux 6.11, 64 bits).
	Droppable Question = "mmap.droppable"
)

// Huge pages.
const (
	// THPSetting: that memory may have transparent huge pages. The values are
	// the setting (always, madvise, never) and the size.
	THPSetting Question = "thp.setting"
	// THPPage: that there is one to be had now. The values are the ways.
	THPPage Question = "thp.page"
	// HugetlbPages: that huge pages are reserved and free. The values are how
	// many of which size.
	HugetlbPages Question = "hugetlb.pages"
)

// Limits of the process and of the system.
const (
	// LimitMappings: room for many more mappings.
	LimitMappings Question = "limits.mappings"
	// LimitOvercommit: reservations that do not count as memory.
	LimitOvercommit Question = "limits.overcommit"
	// LimitAddressSpace: no RLIMIT_AS.
	LimitAddressSpace Question = "limits.address-space"
	// LimitMemlock: that memory may be locked. The value is RLIMIT_MEMLOCK.
	LimitMemlock Question = "limits.memlock"
	// LimitLocked: that mappings are not locked from the start.
	LimitLocked Question = "limits.locked"
)

// table has every question, in the order of the report.
var table = []entry{
	{UffdSyscall, "userfaultfd(2), serving the kernel's own faults too", false},
	{UffdUserModeOnly, "userfaultfd(2) with UFFD_USER_MODE_ONLY", false},
	{UffdDevice, "/dev/userfaultfd", false},
	{UffdOpen, "a descriptor by any of these", false},
	{UffdFeatures, "the handshake UFFDIO_API, and the features that the kernel claims", false},

	{UffdMissing, "missing pages, served by UFFDIO_COPY", false},
	{UffdZeropage, "missing pages, served by UFFDIO_ZEROPAGE", false},
	{UffdMinor, "minor faults, served by UFFDIO_CONTINUE", false},
	{UffdWriteProtect, "UFFDIO_WRITEPROTECT, and that it stops a write", false},
	{UffdWriteProtectAsync, "WP_ASYNC: writes noted for PAGEMAP_SCAN", false},
	{UffdPoison, "UFFDIO_POISON, and that the page is poisoned then", false},
	{UffdMove, "missing pages, served by UFFDIO_MOVE", false},
	{UffdRWP, "UFFDIO_RWPROTECT, and that it stops reads and writes", false},
	{UffdRWPAsync, "RWP_ASYNC: accesses noted for PAGEMAP_SCAN", false},
	{UffdTHP, "what of this works on a transparent huge page", true},

	{MemfdCreate, "memfd_create(2), and what a file is without further flags", false},
	{MemfdSeals, "sealing, and the seals that there are", false},
	{MemfdNoExecSeal, "MFD_NOEXEC_SEAL", false},
	{MemfdExec, "MFD_EXEC", false},
	{MemfdHugeTLB, "MFD_HUGETLB, and the sizes of huge pages that there are", false},
	{MemfdHugePage, "a huge page of the default size for a mapping", true},
	{MemfdSecret, "memfd_secret(2)", false},

	{Pkey, "protection keys, and how many a process can have", false},
	{PkeyFree, "a protection key that is free", true},

	{PagemapScan, "PAGEMAP_SCAN on a mapping with one page in use", false},
	{PagemapCategories, "the categories of pages that it knows", false},
	{ProcmapQuery, "PROCMAP_QUERY", false},
	{GuardInstall, "MADV_GUARD_INSTALL, and that the page is out of reach then", false},

	{PopulateRead, "MADV_POPULATE_READ", false},
	{PopulateWrite, "MADV_POPULATE_WRITE", false},
	{DontneedLocked, "MADV_DONTNEED_LOCKED", false},
	{Collapse, "MADV_COLLAPSE", false},
	{ProcessMadvise, "process_madvise(2) with MADV_DONTNEED for several ranges of its own", false},
	{ProcessMadviseSelf, "the same by PIDFD_SELF_THREAD_GROUP", false},
	{PidfdOpen, "pidfd_open(2)", false},
	{Mseal, "mseal(2)", false},
	{Droppable, "MAP_DROPPABLE", false},

	{THPSetting, "transparent huge pages for memory that asks for them", false},
	{THPPage, "one to be had now", true},
	{HugetlbPages, "reserved huge pages that are free", true},

	{LimitMappings, "room for 60,000 more mappings (a slot in use takes 2 to 4)", true},
	{LimitOvercommit, "reservations that do not count as memory", false},
	{LimitAddressSpace, "no limit on the process's address space", false},
	{LimitMemlock, "a page that may be locked in memory", false},
	{LimitLocked, "mappings that are not locked in memory from the start", false},
}
