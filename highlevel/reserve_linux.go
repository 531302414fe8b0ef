package highlevel

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// reserve takes address space: inaccessible, without memory, out of core dumps.
func reserve(length uint64) (uintptr, error) {
	addr, err := sys.Mmap(0, uintptr(length), sys.PROT_NONE, reserveFlags, -1, 0)
	if err != nil {
		return 0, noSpace(length, err)
	}
	// A discard now tells whether a reset will work later.
	err = sys.Madvise(addr, uintptr(length), sys.MADV_DONTDUMP)
	if err == nil {
		err = sys.Madvise(addr, uintptr(length), sys.MADV_DONTNEED)
	}
	if err != nil {
		_ = sys.Munmap(addr, uintptr(length))
		if errors.Is(err, unix.EINVAL) {
			return 0, fmt.Errorf("pool: memory of this process is locked (mlockall(MCL_FUTURE)), so it can't be given back: %w",
				&OpError{"madvise (MADV_DONTNEED)", addr, length, err})
		}
		return 0, fmt.Errorf("pool: %w", &OpError{"madvise", addr, length, err})
	}
	return addr, nil
}

// noSpace says why a reservation failed, as far as the process can see.
func noSpace(length uint64, err error) error {
	cause := &OpError{"mmap (reserve)", 0, length, err}
	switch {
	case errors.Is(err, unix.EAGAIN):
		return fmt.Errorf("pool: %w: locked memory is limited (RLIMIT_MEMLOCK) and mlockall(MCL_FUTURE) locks all: %w", ErrAddressSpace, cause)
	case !errors.Is(err, unix.ENOMEM):
		return fmt.Errorf("pool: %w", cause)
	}
	why := "no gap is that long"
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_AS, &limit) == nil && limit.Cur != unix.RLIM_INFINITY {
		why = fmt.Sprintf("RLIMIT_AS is %d bytes", limit.Cur)
	} else if b, err := os.ReadFile("/proc/sys/vm/overcommit_memory"); err == nil && bytes.Equal(bytes.TrimSpace(b), []byte("2")) {
		why = "vm.overcommit_memory is 2"
	}
	return fmt.Errorf("pool: %w: %s: %w", ErrAddressSpace, why, cause)
}

// unreserve gives address space back.
func unreserve(addr uintptr, length uint64) error {
	if err := sys.Munmap(addr, uintptr(length)); err != nil {
		return &OpError{"munmap", addr, length, err}
	}
	return nil
}

// words maps zeroed memory outside Go's heap; what nobody touches takes none.
func words(length uint64) (uintptr, error) {
	addr, err := sys.Mmap(0, uintptr(length), sys.PROT_READ|sys.PROT_WRITE, reserveFlags, -1, 0)
	if err != nil {
		return 0, noSpace(length, err)
	}
	return addr, nil
}

// defaultMaxMapCount is what vm.max_map_count is taken for where /proc does not tell.
const defaultMaxMapCount = 65530

// mapCounts asks how many mappings the process may have, and how many it has.
func mapCounts() (limit, now int) {
	limit = defaultMaxMapCount
	if b, err := os.ReadFile("/proc/sys/vm/max_map_count"); err == nil {
		if n, err := strconv.Atoi(string(bytes.TrimSpace(b))); err == nil {
			limit = n
		}
	}
	if b, err := os.ReadFile("/proc/self/maps"); err == nil {
		now = bytes.Count(b, []byte("\n"))
	}
	return limit, now
}

// addressSpace asks how many bytes this process can map: up to the highest address that
// the kernel lets it have, and no more than RLIMIT_AS. Above 47 bits it does not look:
// what lies there is only given to those who ask for it by address.
func addressSpace() uint64 {
	space := topOfAddresses()
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_AS, &limit) == nil {
		space = min(space, limit.Cur)
	}
	return space
}

func topOfAddresses() uint64 {
	for bits := 47; bits > 32; bits-- {
		if canMap(1 << (bits - 1)) {
			return 1 << bits
		}
	}
	for top := uint64(4 << 30); top > 1<<30; top -= 1 << 30 {
		if canMap(top - top/16) {
			return top
		}
	}
	return 1 << 30
}

// canMap tells whether an address is the process's: free, or taken already.
func canMap(addr uint64) bool {
	page := uintptr(os.Getpagesize())
	if uint64(uintptr(addr)) != addr {
		return false
	}
	got, err := sys.Mmap(uintptr(addr), page, sys.PROT_NONE, reserveFlags|sys.MAP_FIXED_NOREPLACE, -1, 0)
	if err != nil {
		return errors.Is(err, unix.EEXIST)
	}
	_ = sys.Munmap(got, page)
	return uint64(got) == addr // an old kernel takes the address for a hint
}
