package main

import (
	"regexp"
	"strings"
)

// section is one table of docs/kernel-support.md.
type section struct {
	title string
	// names matches the symbols, as Since has them.
	names *regexp.Regexp
}

// sections are tried in this order; the first that fits has the symbol. Every
// symbol but numbers of system calls and structures has to fit one.
var sections = []section{
	{"userfaultfd: ioctls", regexp.MustCompile(`^(UFFDIO(_[A-Z]+)?|UFFDIO_SET_MODE|_UFFDIO_\w+|USERFAULTFD_\w+)$`)},
	{"userfaultfd: modes of the ioctls", regexp.MustCompile(`^UFFDIO_[A-Z]+_MODE_`)},
	{"userfaultfd: features", regexp.MustCompile(`^UFFD_FEATURE_`)},
	{"userfaultfd: events, flags of faults, and the rest", regexp.MustCompile(`^UFFD_`)},
	{"memfd_create", regexp.MustCompile(`^MFD_`)},
	{"Seals and descriptors", regexp.MustCompile(`^(F|FD)_`)},
	{"Advice: madvise, process_madvise", regexp.MustCompile(`^MADV_`)},
	{"Mappings: mmap, mremap, msync, mlock", regexp.MustCompile(`^(MAP|PROT|MREMAP|MS|MCL|MLOCK|OVERCOMMIT|HUGETLB|SHADOW_STACK)_`)},
	{"Protection keys", regexp.MustCompile(`^PKEY_`)},
	{"The page map: PAGEMAP_SCAN", regexp.MustCompile(`^(PAGEMAP|PAGE_IS|PM_SCAN)_`)},
	{"The maps of a process: PROCMAP_QUERY", regexp.MustCompile(`^(PROCMAP|PROCFS)_`)},
	{"Descriptors of processes", regexp.MustCompile(`^PIDFD_`)},
	{"io_uring: buffers that hold on to pages", regexp.MustCompile(`^IORING_`)},
	{"Codes of SIGSEGV and SIGBUS", regexp.MustCompile(`^(SEGV|BUS)_`)},
	{"Flags of open", regexp.MustCompile(`^O_`)},
	{"How an ioctl command is put together", regexp.MustCompile(`^_IOC_`)},
	{"Structures", regexp.MustCompile(`^struct `)},
	{"System calls that have to do with memory", memoryCalls},
}

// memoryCalls are the system calls in the document: there are hundreds of
// others, which package sys has too.
var memoryCalls = regexp.MustCompile(`^__NR_(userfaultfd|memfd_\w+|pkey_\w+|mmap2?|munmap|mremap|mprotect|msync|madvise|` +
	`process_(madvise|mrelease|vm_\w+)|pidfd_\w+|mseal|m(un)?lock\w*|mincore|membarrier|map_shadow_stack|cachestat|mbind|` +
	`\w*mempolicy\w*|migrate_pages|move_pages|remap_file_pages)$`)

// sectionOf returns the index of a symbol's section, -1 if it has none.
func sectionOf(symbol string) int {
	for i, s := range sections {
		if s.names.MatchString(symbol) {
			return i
		}
	}
	return -1
}

// shown is a symbol as the document writes it.
func shown(symbol string) string {
	return strings.TrimPrefix(symbol, "__NR_")
}
