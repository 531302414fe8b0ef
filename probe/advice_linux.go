package probe

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// knows asks for an advice about no memory at all: the kernel looks whether it
// knows the advice before it looks at the length.
func knows(advice int, name, remedy string) Answer {
	return withPages(func(b []byte) Answer {
		switch err := sys.Madvise(addressOf(b), 0, advice); {
		case errors.Is(err, unix.EINVAL):
			return no("madvise "+name+": this kernel does not know it", remedy)
		default:
			return judge("madvise "+name, err, "Linux 3.0", 0)
		}
	})
}

// populate has pages brought in that nobody has touched.
func populate(advice int, name string) Answer {
	return withPages(func(b []byte) Answer {
		b = b[2*os.Getpagesize():]
		before, err := resident(b)
		if err != nil {
			return unsure("mincore", err)
		}
		if err := unix.Madvise(b, advice); err != nil {
			return judge("madvise "+name, err, "Linux 5.14", unix.EINVAL)
		}
		after, err := resident(b)
		if err != nil {
			return unsure("mincore", err)
		}
		for i := range after {
			if after[i]&1 == 0 {
				return no(fmt.Sprintf("madvise %s succeeds, but mincore says that page %d of %d is not there (before: %v)", name, i, len(after), before),
					"report this kernel to its makers")
			}
		}
		return yes()
	})
}

func populateRead() Answer { return populate(sys.MADV_POPULATE_READ, "MADV_POPULATE_READ") }

func populateWrite() Answer { return populate(sys.MADV_POPULATE_WRITE, "MADV_POPULATE_WRITE") }

// dontneedLocked discards a locked page. Who may lock nothing is told whether
// the kernel knows the advice.
func dontneedLocked() Answer {
	const name, since = "MADV_DONTNEED_LOCKED", "Linux 5.18"
	return withPages(func(b []byte) Answer {
		page := os.Getpagesize()
		b = b[page : 2*page]
		if err := unix.Mlock(b); err != nil {
			return knows(sys.MADV_DONTNEED_LOCKED, name, newerKernel+since)
		}
		defer unix.Munlock(b)
		if err := unix.Madvise(b, sys.MADV_DONTNEED_LOCKED); err != nil {
			return judge("madvise "+name, err, since, unix.EINVAL)
		}
		if b[0] != 0 {
			return no("madvise "+name+" succeeds, but the bytes are still there", "report this kernel to its makers")
		}
		return yes()
	})
}

func madviseCollapse() Answer {
	return knows(sys.MADV_COLLAPSE, "MADV_COLLAPSE", newerKernel+"Linux 6.1, built with CONFIG_TRANSPARENT_HUGEPAGE")
}

// mseal asks for a seal on no memory at all, which every kernel that has the
// call grants. A real seal cannot be taken off: the mapping would stay for as
// long as the process, and so would one for every time that somebody asks.
func mseal() Answer {
	return withPages(func(b []byte) Answer {
		err := sys.Mseal(addressOf(b), 0, 0)
		if errors.Is(err, unix.ENOSYS) {
			return no("mseal: this kernel has no such call", newerKernel+"Linux 6.10, for a 64-bit processor")
		}
		return judge("mseal", err, "Linux 6.10", 0)
	})
}

// droppable maps memory that the kernel may take away.
func droppable() Answer {
	page := uintptr(os.Getpagesize())
	addr, err := sys.Mmap(0, page, sys.PROT_READ|sys.PROT_WRITE, sys.MAP_DROPPABLE|sys.MAP_ANONYMOUS, -1, 0)
	if err != nil {
		return judge("mmap with MAP_DROPPABLE", err, "Linux 6.11, for a 64-bit processor", unix.EINVAL)
	}
	if err := sys.Munmap(addr, page); err != nil {
		return unsure("munmap", err)
	}
	return yes()
}
