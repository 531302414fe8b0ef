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
	// Pkey: that there are protection keys.
	Pkey Question = "pkey"
)

// Pages.
const (
	// PagemapScan: PAGEMAP_SCAN (Linux 6.7).
	PagemapScan Question = "pagemap.scan"
	// PagemapCategories: the categories of pages that PAGEMAP_SCAN knows.
	PagemapCategories Question = "pagemap.categories"
	// GuardInstall: MADV_GUARD_INSTALL (Linux 6.13).
	GuardInstall Question = "guard.install"
)

// Limits of the process and of the system.
const (
	// LimitMappings: room for many more mappings.
	LimitMappings Question = "limits.mappings"
	// LimitOvercommit: reservations that do not count as memory.
	LimitOvercommit Question = "limits.overcommit"
	// LimitAddressSpace: no RLIMIT_AS.
	LimitAddressSpace Question = "limits.address-space"
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

	{MemfdCreate, "memfd_create(2), and what a file is without further flags", false},
	{MemfdSeals, "sealing, and the seals that there are", false},
	{MemfdNoExecSeal, "MFD_NOEXEC_SEAL", false},
	{MemfdExec, "MFD_EXEC", false},
	{MemfdHugeTLB, "MFD_HUGETLB, and the sizes of huge pages that there are", false},
	{MemfdHugePage, "a huge page of the default size for a mapping", true},
	{MemfdSecret, "memfd_secret(2)", false},

	{Pkey, "protection keys", false},

	{PagemapScan, "PAGEMAP_SCAN on a mapping with one page in use", false},
	{PagemapCategories, "the categories of pages that it knows", false},
	{GuardInstall, "MADV_GUARD_INSTALL, and that the page is out of reach then", false},

	{LimitMappings, "room for 60,000 more mappings (a slot in use takes 2 to 4)", true},
	{LimitOvercommit, "reservations that do not count as memory", false},
	{LimitAddressSpace, "no limit on the process's address space", false},
	{LimitLocked, "mappings that are not locked in memory from the start", false},
}
