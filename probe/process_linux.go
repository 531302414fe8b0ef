package probe

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

func pidfdOpen() Answer {
	fd, err := sys.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return judge("pidfd_open", err, "Linux 5.3", unix.EINVAL)
	}
	_ = unix.Close(fd)
	return yes()
}

// processMadvise discards the second and the fourth page of five with one call
// on the process itself.
func processMadvise() Answer {
	fd, err := sys.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return judge("pidfd_open", err, "Linux 5.3", unix.EINVAL)
	}
	defer unix.Close(fd)
	return discardVectored(fd, "process_madvise MADV_DONTNEED", "Linux 6.13", unix.EINVAL)
}

// processMadviseSelf does it with a number that stands for the process itself.
func processMadviseSelf() Answer {
	return discardVectored(sys.PIDFD_SELF_THREAD_GROUP, "process_madvise MADV_DONTNEED on PIDFD_SELF_THREAD_GROUP", "Linux 6.15", unix.EBADF)
}

func discardVectored(fd int, call, since string, unknown unix.Errno) Answer {
	if l := locked(); l.Verdict != Yes {
		return Answer{Verdict: Inconclusive, Reason: l.Reason, Remedy: l.Remedy}
	}
	page := os.Getpagesize()
	b, err := unix.Mmap(-1, 0, 5*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return unsure("mmap", err)
	}
	defer unix.Munmap(b)
	for i := range 5 {
		b[i*page] = first
	}
	vec := []unix.Iovec{{Base: &b[page]}, {Base: &b[3*page]}}
	for i := range vec {
		vec[i].SetLen(page)
	}
	n, err := sys.ProcessMadvise(fd, vec, sys.MADV_DONTNEED, 0)
	if err != nil {
		return judge(call, err, since, unknown)
	}
	for i := range 5 {
		want := byte(first)
		if i == 1 || i == 3 {
			want = 0
		}
		if n != 2*page || b[i*page] != want {
			return no(fmt.Sprintf("%s of the second and the fourth of five pages gave %d bytes, and page %d holds %#x", call, n, i+1, b[i*page]),
				"report this kernel to its makers")
		}
	}
	return yes()
}

// procmapQuery asks about a mapping of its own, whose neighbours cannot merge
// with it.
func procmapQuery() Answer {
	f, err := os.Open("/proc/self/maps")
	if errors.Is(err, os.ErrNotExist) {
		return Answer{Verdict: Inconclusive, Reason: err.Error(), Remedy: "mount /proc"}
	}
	if err != nil {
		return unsure("open", err)
	}
	defer f.Close()
	return withPages(func(b []byte) Answer {
		page := os.Getpagesize()
		mine := b[page : 2*page]
		if err := unix.Mprotect(mine, unix.PROT_READ); err != nil {
			return unsure("mprotect", err)
		}
		start := uint64(addressOf(mine))
		q := sys.ProcmapQuery{Size: uint64(sys.IocSize(sys.PROCMAP_QUERY)), QueryAddr: start}
		if err := sys.ProcmapQueryCall(int(f.Fd()), &q); err != nil {
			if errors.Is(err, unix.ENOTTY) {
				return no("PROCMAP_QUERY: this kernel does not know it", newerKernel+"Linux 6.11")
			}
			return judge("PROCMAP_QUERY", err, "Linux 6.11", 0)
		}
		if q.VmaStart != start || q.VmaEnd != start+uint64(page) || q.VmaFlags != sys.PROCMAP_QUERY_VMA_READABLE {
			return no(fmt.Sprintf("PROCMAP_QUERY of the page at %#x, which may be read, gave %#x..%#x with flags %#x", start, q.VmaStart, q.VmaEnd, q.VmaFlags),
				"report this kernel to its makers")
		}
		return yes()
	})
}
