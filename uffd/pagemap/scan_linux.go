package pagemap

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

const opScan = "PAGEMAP_SCAN"

var scanSize = uint64(sys.IocSize(sys.PAGEMAP_SCAN))

// Scan looks for pages once (PAGEMAP_SCAN, Linux 6.7), writes what it finds into
// into, in ascending order, and returns how many regions that are, and where the
// scan ended: at the end of the range, rounded up to a whole page, if all of it was
// looked at; before it if into was full or MaxPages were found. There the next scan
// goes on. Addresses where nothing is mapped are passed over.
//
// Regions that touch and are equal are one, mostly: the kernel works through the
// range in parts, and does not join across all of them. [Map.Walk] does.
//
// With Query.Protect and an empty into, the kernel protects all tracked memory of
// the range, whatever Mask, AnyOf and Inverted say. Without Protect an empty into
// is io.ErrShortBuffer.
//
// Errors, with end at the start of the range: EINVAL with the reason in words for a
// start that is not that of a page, or a range past the last address (EFAULT past
// the last of user memory); a *CategoryError; ErrNotTracked (EPERM), where n tells
// how many regions before that memory were protected and written to into;
// ErrHugePage, where n does the same; uffd.ErrGone (ESRCH); errors.ErrUnsupported
// on kernels without it (ENOTTY); ENOMEM; ErrClosed.
func (m *Map) Scan(r uffd.Range, q Query, into []Region) (n int, end uint64, err error) {
	if why := oddity(r); why != "" {
		return 0, r.Start, m.failed(r, why, unix.EINVAL, nil)
	}
	if len(into) == 0 && !q.Protect {
		return 0, r.Start, m.failed(r, "there is no room for a region", io.ErrShortBuffer, nil)
	}
	fd, err := m.fd.Hold()
	if err != nil {
		return 0, r.Start, m.failed(r, "", err, nil)
	}
	n, end, err = scan(fd, r, q, into)
	if err == nil && n == 0 && m.pid != 0 && gone(fd) {
		err = unix.ESRCH
	}
	m.fd.Drop()
	if err != nil {
		return n, r.Start, m.explain(r, q, err)
	}
	return n, end, nil
}

func scan(fd int, r uffd.Range, q Query, into []Region) (n int, end uint64, err error) {
	a := sys.PmScanArg{
		Size: scanSize, Start: r.Start, End: r.End(), MaxPages: q.MaxPages,
		Vec: sys.SlicePointer(into), VecLen: uint64(len(into)),
		CategoryInverted: uint64(q.Inverted), CategoryMask: uint64(q.Mask),
		CategoryAnyofMask: uint64(q.AnyOf), ReturnMask: uint64(q.Return),
	}
	if len(into) == 0 {
		a.Vec = sys.Pointer{}
	}
	if q.Protect {
		a.Flags |= sys.PM_SCAN_WP_MATCHING
	}
	if q.CheckAsync {
		a.Flags |= sys.PM_SCAN_CHECK_WPASYNC
	}
	// When the kernel meets memory that is not tracked, it has protected pages
	// before, has written them to into, and does not say how many.
	recount := q.Protect && q.CheckAsync
	if recount {
		clear(into)
	}
	n, err = sys.PagemapScan(fd, &a)
	if err != nil {
		n = 0
		for recount && errors.Is(err, unix.EPERM) && n < len(into) && into[n].End != 0 {
			n++
		}
		return n, r.Start, err
	}
	if q.Protect && len(into) > 0 && stuck(r, q, into, n, a.WalkEnd) {
		return n, r.Start, ErrHugePage
	}
	return n, a.WalkEnd, nil
}

// stuck tells whether a scan ended early without a reason that it may have.
func stuck(r uffd.Range, q Query, into []Region, n int, end uint64) bool {
	return end < r.End() && n < len(into) && (q.MaxPages == 0 || pages(into[:n]) < q.MaxPages)
}

// Walk scans the whole range, in as many calls as that takes, and calls f with each
// region, in ascending order. buf is room for what one call finds; 128 regions are
// plenty. Regions that touch and are equal are one, across calls too. Query.MaxPages
// is for the walk as a whole.
//
// An error from f ends the walk and is returned. With Query.Protect the rest of what
// the last call found is protected then and was not reported (package track puts
// that right).
//
// Errors: those of Scan, after f was called with all that was found before; and
// io.ErrShortBuffer for an empty buf.
func (m *Map) Walk(r uffd.Range, q Query, buf []Region, f func(Region) error) error {
	if len(buf) == 0 {
		return m.failed(r, "there is no room for a region", io.ErrShortBuffer, nil)
	}
	return walk(m.Scan, r, q, buf, f)
}

// Categories are those that this kernel knows, which it is asked: about each bit,
// for no memory.
//
// Errors: errors.ErrUnsupported (ENOTTY) on kernels without PAGEMAP_SCAN; ErrClosed.
func (m *Map) Categories() (Categories, error) {
	fd, err := m.fd.Hold()
	if err != nil {
		return 0, m.failed(uffd.Range{}, "", err, nil)
	}
	known, err := categories(fd)
	m.fd.Drop()
	if err != nil {
		return 0, m.explain(uffd.Range{}, Query{}, err)
	}
	return known, nil
}

func categories(fd int) (known Categories, err error) {
	if _, _, err := scan(fd, uffd.Range{}, Query{}, nil); err != nil {
		return 0, err
	}
	for c := Categories(1); c != 0; c <<= 1 {
		if _, _, err := scan(fd, uffd.Range{}, Query{Mask: c}, nil); err == nil {
			known |= c
		}
	}
	return known, nil
}

// explain makes the error of a scan. The kernel has one EINVAL, so it is asked what
// it does know; it is done afterwards, which costs calls that work nothing.
func (m *Map) explain(r uffd.Range, q Query, err error) error {
	switch {
	case errors.Is(err, unix.ENOTTY):
		return m.failed(r, "this kernel's page map has no scan (Linux 6.7)", err, errors.ErrUnsupported)
	case errors.Is(err, unix.ESRCH):
		return m.failed(r, uffd.ErrGone.Error(), err, uffd.ErrGone)
	case errors.Is(err, unix.EPERM) && q.CheckAsync:
		return m.failed(r, ErrNotTracked.Error(), err, ErrNotTracked)
	case errors.Is(err, unix.EINVAL):
		known, other := m.Categories()
		if unknown := (q.Inverted | q.Mask | q.AnyOf | q.Return) &^ known; other == nil && unknown != 0 {
			return &CategoryError{Unknown: unknown, Known: known}
		}
	}
	return m.failed(r, "", err, nil)
}

// failed makes an error of a scan.
func (m *Map) failed(r uffd.Range, why string, err, kind error) error {
	detail := fmt.Sprintf("of %v %s", r, m.name())
	if why != "" {
		detail += ": " + why
	}
	return &Error{Op: opScan, Detail: detail, Err: err, kind: kind}
}
