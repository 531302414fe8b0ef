package machine

import (
	"bytes"
	"os"
	"strconv"
)

// HugePageSize is the size of a transparent huge page that one entry of the page
// middle directory maps, in bytes.
func HugePageSize() (n uint64, ok bool) {
	return number("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
}

// MemfdNoexec is vm.memfd_noexec: 0, 1 or 2 (Linux 6.3).
func MemfdNoexec() (n uint64, ok bool) { return sysctl("memfd_noexec") }

// UnprivilegedUserfaultfd is vm.unprivileged_userfaultfd: 1 where everybody may
// see the faults of the kernel (Linux 5.2).
func UnprivilegedUserfaultfd() (n uint64, ok bool) { return sysctl("unprivileged_userfaultfd") }

// HugePages is vm.nr_hugepages: how many huge pages of the default size are
// reserved.
func HugePages() (n uint64, ok bool) { return sysctl("nr_hugepages") }

// sysctl reads a number of /proc/sys/vm.
func sysctl(name string) (uint64, bool) { return number("/proc/sys/vm/" + name) }

// number reads a file that holds one.
func number(file string) (uint64, bool) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(string(bytes.TrimSpace(b)), 10, 64)
	return n, err == nil
}
