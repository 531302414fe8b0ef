package testgate

import (
	"regexp"
	"slices"
)

// Name says what a skipped test would have needed. The list is closed: a name
// that is not one of the constants below fails the test that uses it. Other
// modules may have names of their own, which begin with "x-" and go on with
// small letters, digits and hyphens: Name("x-io-uring").
type Name string

// own is the form of the names of other modules.
var own = regexp.MustCompile(`^x-[a-z0-9]+(-[a-z0-9]+)*$`)

// The names. The table beneath has a sentence for each.
const (
	// Who runs the tests.
	Root       Name = "root"
	User       Name = "user"
	Namespaces Name = "namespaces"

	// What the kernel offers.
	Userfaultfd      Name = "userfaultfd"
	UffdKernelFaults Name = "uffd-kernel-faults"
	UffdFeature      Name = "uffd-feature"
	Memfd            Name = "memfd"
	MemfdNoexec      Name = "memfd-noexec"
	MemfdSecret      Name = "memfd-secret"
	Pkey             Name = "pkey"
	NoPkey           Name = "no-pkey"
	PagemapScan      Name = "pagemap-scan"
	GuardRegions     Name = "guard-regions"
	Populate         Name = "populate"
	ProcessMadvise   Name = "process-madvise"
	Pidfd            Name = "pidfd"
	Mseal            Name = "mseal"
	ProcmapQuery     Name = "procmap-query"
	Droppable        Name = "droppable"
	Collapse         Name = "collapse"
	IOUring          Name = "io-uring"
	Proc             Name = "proc"

	// What the machine and its settings offer.
	Hugetlb      Name = "hugetlb"
	THP          Name = "thp"
	Memlock      Name = "memlock"
	AddressSpace Name = "address-space"
	Memory       Name = "memory"
	Swap         Name = "swap"
	MapCount     Name = "map-count"
	Overcommit   Name = "overcommit"
	PageSize     Name = "page-size"
	CPUs         Name = "cpus"
	Port         Name = "port"

	// What is installed.
	Clang   Name = "clang"
	Headers Name = "headers"
	GoTool  Name = "go-tool"
	Source  Name = "source"
	Apt     Name = "apt"

	// What starts machines.
	QEMU     Name = "qemu"
	VMKernel Name = "vm-kernel"

	// How the tests were built and called.
	Plain Name = "plain-build"
	Long  Name = "long"
)

// entry is what the gate knows of a name.
type entry struct {
	name Name
	// needs completes the sentence "The test needs ...".
	needs string
	// refused says that being refused (fs.ErrPermission) earns this skip too,
	// not only being unsupported.
	refused bool
}

var table = []entry{
	{Root, "root: an ordinary user is refused what it does", true},
	{User, "an ordinary user: root is not refused what it expects to be refused", false},
	{Namespaces, "leave to make its own namespaces", true},

	{Userfaultfd, "userfaultfd, by the system call or by /dev/userfaultfd", true},
	{UffdKernelFaults, "a userfaultfd that serves faults taken inside the kernel: root, CAP_SYS_PTRACE, vm.unprivileged_userfaultfd=1 or leave to open /dev/userfaultfd", true},
	{UffdFeature, "a userfaultfd feature that this kernel or port does not have", false},
	{Memfd, "memfd_create (Linux 3.17)", false},
	{MemfdNoexec, "MFD_EXEC and MFD_NOEXEC_SEAL (Linux 6.3)", false},
	{MemfdSecret, "memfd_secret (Linux 5.14, not on every port, may be switched off)", false},
	{Pkey, "protection keys: a processor and a kernel that have them, and a key that is free", false},
	{NoPkey, "a machine without protection keys", false},
	{PagemapScan, "PAGEMAP_SCAN (Linux 6.7)", false},
	{GuardRegions, "MADV_GUARD_INSTALL (Linux 6.13)", false},
	{Populate, "MADV_POPULATE_READ and MADV_POPULATE_WRITE (Linux 5.14)", false},
	{ProcessMadvise, "process_madvise with the advice that it gives", true},
	{Pidfd, "pidfd_open (Linux 5.3)", false},
	{Mseal, "mseal (Linux 6.10, 64-bit kernels)", false},
	{ProcmapQuery, "PROCMAP_QUERY (Linux 6.11)", false},
	{Droppable, "MAP_DROPPABLE (Linux 6.11, 64-bit kernels)", false},
	{Collapse, "MADV_COLLAPSE (Linux 6.1), and transparent huge pages", false},
	{IOUring, "io_uring_setup (Linux 5.1), not switched off: its buffers are how a page gets pinned", true},
	{Proc, "/proc as Linux has it", false},

	{Hugetlb, "huge pages of hugetlbfs, reserved by the administrator", true},
	{THP, "a transparent huge page: a kernel that has them, not switched off, and memory in one piece", false},
	{Memlock, "leave to lock a little memory (RLIMIT_MEMLOCK)", true},
	{AddressSpace, "more address space than this process has", false},
	{Memory, "more memory than this machine has free", false},
	{Swap, "a swap area, and memory that the kernel is willing to put there", false},
	{MapCount, "a higher vm.max_map_count", false},
	{Overcommit, "another vm.overcommit_memory", false},
	{PageSize, "pages of another size", false},
	{CPUs, "more than one processor", false},
	{Port, "another operating system or processor", false},

	{Clang, "clang 16 or newer", false},
	{Headers, "kernel headers of every port", false},
	{GoTool, "the go command", false},
	{Source, "the source tree of this repository around it", false},
	{Apt, "apt and dpkg-deb (Debian, Ubuntu)", false},

	{QEMU, "qemu-system for this machine's processor", false},
	{VMKernel, "a Linux kernel image for this machine's processor, named by PAGESLOT_TEST_KERNEL", false},

	{Plain, "a build without the race detector, checkptr and coverage: they allocate and are slow", false},
	{Long, "time: it is left out with -short", false},
}

func lookup(n Name) (entry, bool) {
	if own.MatchString(string(n)) {
		return entry{n, "what this name of another module stands for", true}, true
	}
	i := slices.IndexFunc(table, func(e entry) bool { return e.name == n })
	if i < 0 {
		return entry{}, false
	}
	return table[i], true
}

// Names returns every name of the list, in its order.
func Names() []Name {
	names := make([]Name, len(table))
	for i, e := range table {
		names[i] = e.name
	}
	return names
}

// Needs completes the sentence "The test needs ..." for n. It is empty for a
// name that does not exist.
func (n Name) Needs() string {
	e, _ := lookup(n)
	return e.needs
}
