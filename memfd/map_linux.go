package memfd

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// MapShared maps length bytes at offset so that what is written goes to the file
// and to all who share it (mmap(2), MAP_SHARED). It answers EPERM where prot has
// ProtWrite and the file is sealed against writing; before Linux 6.7 such a file
// cannot be mapped shared at all.
//
// Here and in MapPrivate, offset is a multiple of the page size (of the huge
// page size for such files) and the range lies within the file, rounded up to a
// page: touching a page past the end of a file is SIGBUS. That is checked once:
// a file that others may shrink should get SealShrink first.
func (f *File) MapShared(offset int64, length int, prot Prot) (*Mapping, error) {
	return f.mmap(offset, length, prot, sys.MAP_SHARED, "shared")
}

// MapPrivate maps length bytes at offset so that what is written is a copy of
// one's own and the file does not change (mmap(2), MAP_PRIVATE). Whether a page
// that was not yet written to follows later changes of the file is not defined.
func (f *File) MapPrivate(offset int64, length int, prot Prot) (*Mapping, error) {
	return f.mmap(offset, length, prot, sys.MAP_PRIVATE, "private")
}

func (f *File) mmap(offset int64, length int, prot Prot, flags int, kind string) (*Mapping, error) {
	fd, err := f.hold("mmap")
	if err != nil {
		return nil, err
	}
	defer f.fd.Drop()
	fail := func(why string, err error) (*Mapping, error) {
		return nil, f.fail("mmap", fmt.Sprintf("%s, %d bytes at %#x, %v%s", kind, length, offset, prot, why), err)
	}
	if offset < 0 || length <= 0 {
		return fail("", ErrRange)
	}
	if offset%f.page != 0 {
		return fail(fmt.Sprintf(" (pages of %d bytes)", f.page), ErrAlign)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fail("", err)
	}
	pages := st.Size/f.page + min(st.Size%f.page, 1)
	if pages < offset/f.page || int64(length) > (pages-offset/f.page)*f.page {
		return fail(fmt.Sprintf(" (the file has %d bytes)", st.Size), ErrRange)
	}
	// munmap(2) wants whole pages, for huge ones too.
	whole := (int64(length) + f.page - 1) / f.page * f.page
	if whole > math.MaxInt {
		return fail("", ErrRange)
	}
	addr, err := sys.Mmap(0, uintptr(whole), int(prot), flags, fd, offset)
	if err != nil {
		why := ""
		switch {
		case errors.Is(err, unix.EPERM):
			why = " (the file is sealed against it)"
		case errors.Is(err, unix.ENOMEM):
			why = " (no address space, no mapping or no huge page is left)"
		}
		return fail(why, err)
	}
	return &Mapping{name: f.name, addr: addr, whole: uintptr(whole), bytes: bytesAt(addr, length)}, nil
}

// Mapping is a part of a file in this process's memory.
type Mapping struct {
	name  string
	addr  uintptr
	whole uintptr // the length, rounded up to a page
	bytes []byte
	mu    sync.Mutex
	gone  bool
}

// Addr is where the mapping begins.
func (m *Mapping) Addr() uintptr { return m.addr }

// Len is the length that was asked for.
func (m *Mapping) Len() int { return len(m.bytes) }

// Bytes is the mapping as a slice. It must not be touched after Close, nor
// written to if the mapping lacks ProtWrite, nor read if it lacks ProtRead: the
// program would die of it. Memory that others write at the same time is their
// and the caller's to synchronise.
func (m *Mapping) Bytes() []byte { return m.bytes }

// Close unmaps (munmap(2)). The second Close does nothing.
func (m *Mapping) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		return nil
	}
	if err := sys.Munmap(m.addr, m.whole); err != nil {
		return &Error{Op: "munmap", Name: m.name, Detail: fmt.Sprintf("[%#x, %#x)", m.addr, m.addr+m.whole), Err: err}
	}
	m.gone = true
	return nil
}
