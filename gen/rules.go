package main

import "regexp"

// rule says which names of which headers package sys has. It is a pattern and
// not a list: what a newer header adds comes by itself.
type rule struct {
	// title stands above the constants in the generated files.
	title string
	// include is the header that the rule has compiled.
	include string
	// from matches the headers that define the names: include itself or what it
	// includes.
	from *regexp.Regexp
	// names matches the names wanted.
	names *regexp.Regexp
	// except matches names that fit and are not wanted.
	except *regexp.Regexp
	// mayBeEmpty says that headers of old kernels have none of the names.
	mayBeEmpty bool
}

// The exceptions are macros that are no part of the kernel's interface. They
// say "everything that this header knows", so they change with the release,
// and a program that has one in it asks for what its kernel does not know:
// UFFD_API_FEATURES and the like, PKEY_ACCESS_MASK, __NR_syscalls. Or they only
// help other macros: __NR_Linux, __NR_SYSCALL_BASE.

// rules are tried in this order; the first that fits has the name.
var rules = []rule{
	{
		title:   "userfaultfd: linux/userfaultfd.h.",
		include: "linux/userfaultfd.h",
		from:    regexp.MustCompile(`^linux/userfaultfd\.h$`),
		names:   regexp.MustCompile(`^(_?UFFD|USERFAULTFD_)`),
		except:  regexp.MustCompile(`^UFFD_API_(FEATURES|IOCTLS|RANGE_IOCTLS\w*|REGISTER_MODES)$`),
	},
	{
		title:   "memfd_create: linux/memfd.h.",
		include: "linux/memfd.h",
		from:    regexp.MustCompile(`^linux/memfd\.h$`),
		names:   regexp.MustCompile(`^MFD_`),
	},
	{
		title:   "Seals, and the rest of fcntl that a descriptor needs: linux/fcntl.h, asm/fcntl.h.",
		include: "linux/fcntl.h",
		from:    regexp.MustCompile(`^(linux|asm|asm-generic)/fcntl\.h$`),
		names:   regexp.MustCompile(`^(F_(SEAL_\w+|ADD_SEALS|GET_SEALS|DUPFD_CLOEXEC|[GS]ETF[DL])|FD_CLOEXEC)$`),
	},
	{
		title:   "Flags of open: asm/fcntl.h.",
		include: "linux/fcntl.h",
		from:    regexp.MustCompile(`^(asm|asm-generic)/fcntl\.h$`),
		names:   regexp.MustCompile(`^O_`),
	},
	{
		title:   "Mappings: linux/mman.h, asm/mman.h.",
		include: "linux/mman.h",
		from:    regexp.MustCompile(`^(linux|asm|asm-generic)/(mman[a-z-]*|hugetlb_encode)\.h$`),
		names:   regexp.MustCompile(`^[A-Z]`),
		except:  regexp.MustCompile(`^PKEY_ACCESS_MASK$`),
	},
	{
		title:      "The page map and the maps of a process: linux/fs.h.",
		include:    "linux/fs.h",
		from:       regexp.MustCompile(`^linux/fs\.h$`),
		names:      regexp.MustCompile(`^(PAGEMAP|PAGE_IS|PM_SCAN|PROCMAP|PROCFS)_`),
		mayBeEmpty: true, // PAGEMAP_SCAN is of Linux 6.7
	},
	{
		title:   "Descriptors of processes: linux/pidfd.h, linux/fcntl.h.",
		include: "linux/pidfd.h",
		from:    regexp.MustCompile(`^linux/(pidfd|fcntl)\.h$`),
		names:   regexp.MustCompile(`^PIDFD_`),
	},
	{
		title:   "io_uring, as far as it holds on to pages: linux/io_uring.h.",
		include: "linux/io_uring.h",
		from:    regexp.MustCompile(`^linux/io_uring\.h$`),
		// The header has hundreds of names. These pin memory and let go of it.
		names: regexp.MustCompile(`^IORING_(UN)?REGISTER_BUFFERS$`),
	},
	{
		title:   "Codes of SIGSEGV and SIGBUS: asm/siginfo.h.",
		include: "asm/siginfo.h",
		from:    regexp.MustCompile(`^(asm|asm-generic)/siginfo\.h$`),
		names:   regexp.MustCompile(`^(SEGV|BUS)_`),
	},
	{
		title:   "How an ioctl command is put together: asm/ioctl.h.",
		include: "asm/ioctl.h",
		from:    regexp.MustCompile(`^(asm|asm-generic)/ioctl\.h$`),
		names:   regexp.MustCompile(`^_IOC_`),
	},
	{
		title:   callsTitle,
		include: "asm/unistd.h",
		from:    regexp.MustCompile(`^(asm|asm-generic)/unistd[a-z0-9_-]*\.h$`),
		names:   regexp.MustCompile(`^__NR_`),
		except:  regexp.MustCompile(`^__NR_(\w*Linux(_syscalls)?|(OABI_)?SYSCALL_(BASE|MASK)|syscalls|arch_specific_syscall)$`),
	},
}

// callsTitle marks the rule whose names go to files of their own.
const callsTitle = "Numbers of system calls: asm/unistd.h."

// structRule is a rule for structures.
type structRule struct {
	header string
	names  *regexp.Regexp
	// mayBeEmpty says that headers of old kernels have none.
	mayBeEmpty bool
}

var structRules = []structRule{
	{"linux/userfaultfd.h", regexp.MustCompile(``), false},
	{"linux/mman.h", regexp.MustCompile(``), true},
	{"linux/pidfd.h", regexp.MustCompile(``), true},
	{"linux/fs.h", regexp.MustCompile(`^(pm_scan_|page_region|procmap_)`), true},
	{"linux/io_uring.h", regexp.MustCompile(`^io_(uring_params|[sc]qring_offsets)$`), false},
}

// versionHeader has the version of the kernel that the headers belong to, and
// needed has what the headers above expect to have been included before them:
// linux/userfaultfd.h leaves linux/ioctl.h to its user, and asm/signal.h of
// Linux 5.10 wants size_t.
const versionHeader = "linux/version.h"

var needed = []string{"stddef.h", "linux/types.h", "linux/ioctl.h", versionHeader}

// ruleFor returns the index of the rule that wants a name of a header, -1 if
// none does.
func ruleFor(header, name string) int {
	for i, r := range rules {
		if r.from.MatchString(header) && r.names.MatchString(name) &&
			(r.except == nil || !r.except.MatchString(name)) {
			return i
		}
	}
	return -1
}

// wantsStruct says whether package sys has a structure of a header.
func wantsStruct(header, name string) bool {
	for _, r := range structRules {
		if r.header == header && r.names.MatchString(name) {
			return true
		}
	}
	return false
}
