package probe

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/machine"
	"github.com/pageslot/pageslot/sys"
)

const reserve = sys.MAP_PRIVATE | sys.MAP_ANONYMOUS | sys.MAP_NORESERVE

// largestMapping is the largest power of two that one mapping can have now.
func largestMapping() (n uint64, ok bool) {
	for b := bits.UintSize - 1; b > 0; b-- {
		if addr, err := sys.Mmap(0, 1<<b, sys.PROT_NONE, reserve, -1, 0); err == nil {
			_ = sys.Munmap(addr, 1<<b)
			return 1 << b, true
		}
	}
	return 0, false
}

// wanted is how many mappings should be left. The kernel's default limit is
// 65,530, of which a Go program takes some hundreds.
const wanted = 60_000

func roomForMappings() Answer {
	most, ok := machine.MaxMapCount()
	now, ok2 := machine.Mappings()
	switch {
	case !ok || !ok2:
		return Answer{Verdict: Inconclusive, Reason: "/proc/sys/vm/max_map_count or /proc/self/maps cannot be read", Remedy: "mount /proc"}
	case most < now+wanted:
		return no(fmt.Sprintf("vm.max_map_count is %d, and this process has %d mappings", most, now),
			"sysctl vm.max_map_count=262144, or smaller pools")
	}
	return yes(strconv.FormatUint(most-now, 10))
}

// overcommit maps more writable memory than the machine has, twice over, with
// MAP_NORESERVE: only under vm.overcommit_memory=2 does that count.
func overcommit() Answer {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return unsure("sysinfo", err)
	}
	unit := uint64(max(info.Unit, 1))
	size := (2*uint64(info.Totalram)*unit + 2*uint64(info.Totalswap)*unit) &^ uint64(os.Getpagesize()-1)
	if end, _ := machine.EndOfAddresses(); size > end/4 {
		// There are fewer addresses than memory. What the kernel says has to do.
		switch policy, ok := machine.Overcommit(); {
		case !ok:
			return Answer{Verdict: Inconclusive, Reason: "/proc/sys/vm/overcommit_memory cannot be read", Remedy: "mount /proc"}
		case policy != 2:
			return yes()
		}
		return counted()
	}
	addr, err := sys.Mmap(0, uintptr(size), sys.PROT_READ|sys.PROT_WRITE, reserve, -1, 0)
	if err == nil {
		_ = sys.Munmap(addr, uintptr(size))
		return yes()
	}
	if policy, ok := machine.Overcommit(); errors.Is(err, unix.ENOMEM) && ok && policy == 2 {
		return counted()
	}
	return unsure(fmt.Sprintf("mmap of %d bytes with MAP_NORESERVE", size), err)
}

func counted() Answer {
	return no("vm.overcommit_memory is 2: all writable memory counts, used or not", "sysctl vm.overcommit_memory=0")
}

func addressSpace() Answer {
	n, ok := machine.AddressLimit()
	switch {
	case n == machine.Infinity:
		return yes()
	case !ok:
		return Answer{Verdict: Inconclusive, Reason: "getrlimit RLIMIT_AS failed"}
	}
	return no(fmt.Sprintf("RLIMIT_AS is %d bytes", n), "ulimit -v unlimited")
}

// locked looks whether a new mapping is locked: MADV_DONTNEED is refused then.
func locked() Answer {
	return withPages(func(b []byte) Answer {
		err := unix.Madvise(b, sys.MADV_DONTNEED)
		if errors.Is(err, unix.EINVAL) {
			return no("mlockall was called with MCL_FUTURE in this process: all that a pool reserves would be memory at once",
				"do not call mlockall with MCL_FUTURE")
		}
		if err != nil {
			return unsure("madvise MADV_DONTNEED", err)
		}
		return yes()
	})
}

// memlock locks a page.
func memlock() Answer {
	return withPages(func(b []byte) Answer {
		page := os.Getpagesize()
		limit := limit(machine.LockedLimit())
		const remedy = "ulimit -l unlimited, or CAP_IPC_LOCK"
		switch err := unix.Mlock(b[:page]); {
		case errors.Is(err, unix.EPERM):
			return refused("mlock: RLIMIT_MEMLOCK is 0", remedy)
		case errors.Is(err, unix.ENOMEM):
			return refused(fmt.Sprintf("mlock: RLIMIT_MEMLOCK is %v bytes, and they are locked", limit), remedy)
		case err != nil:
			return unsure("mlock", err)
		}
		_ = unix.Munlock(b[:page])
		return yes("RLIMIT_MEMLOCK " + limit.String())
	})
}
