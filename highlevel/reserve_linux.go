package highlevel

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/machine"
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
	if limit, ok := machine.AddressLimit(); ok && limit != machine.Infinity {
		why = fmt.Sprintf("RLIMIT_AS is %d bytes", limit)
	} else if policy, ok := machine.Overcommit(); ok && policy == 2 {
		why = "vm.overcommit_memory is 2"
	}
	return fmt.Errorf("pool: %w: %s: %w", ErrAddressSpace, why, cause)
}

// avoidHuge asks for no transparent huge pages in a reservation. It tells whether the
// kernel knows of them; one that does not needs no asking.
func avoidHuge(addr uintptr, length uint64) bool {
	return sys.Madvise(addr, uintptr(length), sys.MADV_NOHUGEPAGE) == nil
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
