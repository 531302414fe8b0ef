package machine

import (
	"bytes"
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// EndOfAddresses asks the kernel where the addresses end at which it maps for
// those who ask for no address.
func EndOfAddresses() (end uint64, ok bool) {
	page := uintptr(os.Getpagesize())
	somewhere := uint64(0) // near the top, on most systems
	if addr, err := sys.Mmap(0, page, sys.PROT_NONE, reserve, -1, 0); err == nil {
		somewhere = uint64(addr)
		_ = sys.Munmap(addr, page)
	}
	return endOfAddresses(somewhere, func(addr uint64) bool { return isUserAddress(addr, page) }), true
}

const reserve = sys.MAP_PRIVATE | sys.MAP_ANONYMOUS | sys.MAP_NORESERVE

// isUserAddress tells whether a page at addr is free for this process, or
// taken by it.
func isUserAddress(addr uint64, page uintptr) bool {
	if uint64(uintptr(addr)) != addr {
		return false
	}
	got, err := sys.Mmap(uintptr(addr), page, sys.PROT_NONE, reserve|sys.MAP_FIXED_NOREPLACE, -1, 0)
	if err != nil {
		return errors.Is(err, unix.EEXIST)
	}
	_ = sys.Munmap(got, page)
	return uint64(got) == addr // before 4.17 the flag means nothing, and addr is a hint
}

// MaxMapCount is vm.max_map_count: how many mappings a process may have.
func MaxMapCount() (n uint64, ok bool) { return sysctl("max_map_count") }

// Overcommit is vm.overcommit_memory: 0, 1, or 2 where all writable memory
// counts, used or not.
func Overcommit() (policy uint64, ok bool) { return sysctl("overcommit_memory") }

// Mappings counts those that this process has.
func Mappings() (n uint64, ok bool) {
	b, err := os.ReadFile("/proc/self/maps")
	return uint64(bytes.Count(b, []byte("\n"))), err == nil
}

// Mapped is how many bytes this process has mapped: what RLIMIT_AS is held
// against.
func Mapped() (n uint64, ok bool) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	pages, _, _ := bytes.Cut(b, []byte(" "))
	n, err = strconv.ParseUint(string(pages), 10, 64)
	return n * uint64(os.Getpagesize()), err == nil
}

// AddressLimit is RLIMIT_AS in bytes, Infinity where there is none.
func AddressLimit() (n uint64, ok bool) { return rlimit(unix.RLIMIT_AS) }

// LockedLimit is RLIMIT_MEMLOCK in bytes, Infinity where there is none.
func LockedLimit() (n uint64, ok bool) { return rlimit(unix.RLIMIT_MEMLOCK) }

func rlimit(resource int) (uint64, bool) {
	var l unix.Rlimit
	if unix.Getrlimit(resource, &l) != nil {
		return 0, false
	}
	if l.Cur == unix.RLIM_INFINITY {
		return Infinity, true
	}
	return l.Cur, true
}
