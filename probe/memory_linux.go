package probe

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/memfd"
	"github.com/pageslot/pageslot/sys"
)

// kind is a kind of memory.
type kind struct {
	name               string
	shared, file, huge bool
}

var kinds = []kind{
	{PrivateAnonymous, false, false, false},
	{SharedAnonymous, true, false, false},
	{SharedMemfd, true, true, false},
	{PrivateMemfd, false, true, false},
	{SharedHugetlb, true, true, true},
	{PrivateHugetlb, false, true, true},
}

// largestTried bounds what a question takes of memory. Some huge pages are
// larger: on arm64 with pages of 64 KiB they have 512 MiB.
const largestTried = 64 << 20

// obstacle is an error that says nothing about what was asked.
type obstacle struct{ error }

func (o obstacle) Unwrap() error { return o.error }

func inTheWay(format string, args ...any) error { return obstacle{fmt.Errorf(format, args...)} }

// region is memory of one kind: one page, whatever size that kind's pages have.
// It is touched by system calls only, see touch.
type region struct {
	kind
	mem  []byte // of one page
	file int    // what is mapped, or -1
	free func()
}

// close gives all of it back.
func (r *region) close() {
	if r.free != nil {
		r.free()
	}
	if r.file >= 0 {
		_ = unix.Close(r.file)
	}
}

// newRegion maps a page of kind k. Where there are none of that kind the error
// says so; other errors are obstacles.
func newRegion(k kind) (*region, error) {
	r := &region{kind: k, file: -1}
	size := os.Getpagesize()
	if k.file {
		var err error
		if r.file, size, err = newMemory(k.huge); err != nil {
			return nil, err
		}
	}
	mem, err := r.mapAgain(size, k.shared)
	if err != nil {
		r.close()
		return nil, err
	}
	r.mem, r.free = mem, func() { _ = unix.Munmap(mem) }
	return r, nil
}

// mapAgain makes a mapping of what r is of.
func (r *region) mapAgain(size int, shared bool) ([]byte, error) {
	flags := unix.MAP_PRIVATE
	if shared {
		flags = unix.MAP_SHARED
	}
	if r.file < 0 {
		flags |= unix.MAP_ANON
	}
	mem, err := unix.Mmap(r.file, 0, size, unix.PROT_READ|unix.PROT_WRITE, flags)
	if r.huge && errors.Is(err, unix.ENOMEM) {
		return nil, errors.New("no huge page is free")
	}
	if err != nil {
		return nil, inTheWay("mmap of %s: %w", r.name, err)
	}
	return mem, nil
}

// newMemory makes a file of one page, whatever vm.memfd_noexec says.
func newMemory(huge bool) (fd, size int, err error) {
	flags := memfd.CloseOnExec
	if huge {
		flags |= memfd.HugeTLB
	}
	fd, err = sys.MemfdCreate("pageslot-probe", uint(flags))
	if errors.Is(err, unix.EACCES) {
		fd, err = sys.MemfdCreate("pageslot-probe", uint(flags|memfd.NoExecSeal))
	}
	switch {
	case huge && (errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL)):
		return -1, 0, errors.New("this kernel or machine has no huge pages for files")
	case err != nil:
		return -1, 0, inTheWay("memfd_create with %v: %w", flags, err)
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil {
		if size = int(st.Blksize); size > largestTried {
			_ = unix.Close(fd)
			return -1, 0, fmt.Errorf("a huge page has %d bytes, too many to try", size)
		}
		err = unix.Ftruncate(fd, int64(size))
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, 0, inTheWay("a file in memory: %w", err)
	}
	return fd, size, nil
}
