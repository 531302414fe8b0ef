package pagemap

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// Entries reads the words of as many pages as into has room for, from the page at
// addr on, and returns how many it read (pread(2) of the page map, every kernel).
// All pages have one: those where nothing is mapped, too.
//
// Errors: EINVAL for an address that is not that of a page; uffd.ErrGone; io.EOF if
// the process's addresses end before into is full; ErrClosed.
func (m *Map) Entries(addr uint64, into []Entry) (n int, err error) {
	fd, err := m.fd.Hold()
	if err != nil {
		return 0, m.unread(addr, into, "", err)
	}
	defer m.fd.Drop()
	if addr%pageSize != 0 {
		return 0, m.unread(addr, into, fmt.Sprintf("the address is not a multiple of the page size, %d", pageSize), unix.EINVAL)
	}
	const word = 8
	for n < len(into) {
		offset := int64((addr/pageSize + uint64(n)) * word)
		got, err := pread(fd, entryBytes(into[n:]), offset)
		n += got / word
		switch {
		case err != nil:
			return n, m.unread(addr, into, "", err)
		case got == 0 && gone(fd):
			return n, m.unread(addr, into, "", unix.ESRCH)
		case got == 0:
			return n, m.unread(addr, into, "the process's addresses end before", io.EOF)
		}
	}
	return n, nil
}

func (m *Map) unread(addr uint64, into []Entry, why string, err error) error {
	detail := fmt.Sprintf("%d entries from %#x on %s", len(into), addr, m.name())
	if why != "" {
		detail += ": " + why
	}
	e := &Error{Op: "read", Detail: detail, Err: err}
	if errors.Is(err, unix.ESRCH) {
		e.kind = uffd.ErrGone
	}
	return e
}
