package uffd

import (
	"github.com/pageslot/pageslot/sys"
)

// The five calls of this file put pages where none are. They have in common:
//
// They return how many bytes were done. If that is less than all, the error says
// why: with bytes done it is EAGAIN, and the call can go on after them; without,
// it is one of those below. Those who wait for the pages that were done are
// awake, except with DontWake.
//
// Errors of all five: [ErrChanging] (EAGAIN), [ErrLayout] (ENOENT), [ErrExists]
// (EEXIST), [ErrGone] (ESRCH; ENOSPC on old kernels); EINVAL for what no kernel
// accepts, with the reason in words; ENOMEM for want of memory.

// Copy fills missing pages at dst with src, whose length must be a multiple of
// the page size (of the huge page's, in hugetlbfs) while src may lie anywhere
// (UFFDIO_COPY, Linux 4.3). It works for all memory. Flags: DontWake, Protected.
//
// Errors: those of all calls that fill; EFAULT if src cannot be read, which is
// so too where src lies in missing pages of a user-mode-only descriptor.
func (d *Descriptor) Copy(dst uint64, src []byte, flags Flags) (int, error) {
	fd, err := d.fd.Hold()
	if err != nil {
		return 0, &Error{Op: opCopy, Err: err}
	}
	n, err := copyPages(fd, dst, src, flags)
	d.fd.Drop()
	if err != nil {
		return int(n), d.unfilled(opCopy, Range{dst, uint64(len(src))}, flags, n, err)
	}
	return int(n), nil
}

// Zero fills missing pages with zeros (UFFDIO_ZEROPAGE, Linux 4.3). It works for
// anonymous and shared memory, not for hugetlbfs (EINVAL). In private memory a
// page takes no memory until it is written. Flag: DontWake.
//
// A private page that was protected before it was there ([FeatureWPUnpopulated]) takes
// no zeros: that is ErrExists, and who waits faults again when woken. Copy zeros.
func (d *Descriptor) Zero(r Range, flags Flags) (uint64, error) {
	fd, err := d.fd.Hold()
	if err != nil {
		return 0, &Error{Op: opZero, Err: err}
	}
	n, err := zeroPages(fd, r, flags)
	d.fd.Drop()
	if err != nil {
		return n, d.unfilled(opZero, r, flags, n, err)
	}
	return n, nil
}

// Continue maps pages that a shared file has already, after a minor fault
// (UFFDIO_CONTINUE; hugetlbfs Linux 5.13, shared memory 5.14). Flags: DontWake,
// Protected.
//
// Errors: those of all calls that fill; EFAULT for a page that the file does not
// have; EIO for one that the hardware has lost.
func (d *Descriptor) Continue(r Range, flags Flags) (uint64, error) {
	fd, err := d.fd.Hold()
	if err != nil {
		return 0, &Error{Op: opContinue, Err: err}
	}
	n, err := continuePages(fd, r, flags)
	d.fd.Drop()
	if err != nil {
		return n, d.unfilled(opContinue, r, flags, n, err)
	}
	return n, nil
}

// Poison makes touching missing pages fail: with SIGBUS, and EFAULT inside
// system calls (UFFDIO_POISON, Linux 6.6). MADV_DONTNEED takes the poison away.
// Flag: DontWake. A private page that was protected before it was there takes no poison
// (ErrExists) until WriteUnprotect.
//
// On arm and mips it is refused (errors.ErrUnsupported): kernels of these ports stop
// when such a page is touched (of hugetlbfs, with arm).
func (d *Descriptor) Poison(r Range, flags Flags) (uint64, error) {
	fd, err := d.fd.Hold()
	if err != nil {
		return 0, &Error{Op: opPoison, Err: err}
	}
	n, err := poisonPages(fd, r, flags)
	d.fd.Drop()
	if err != nil {
		return n, d.unfilled(opPoison, r, flags, n, err)
	}
	return n, nil
}

// Move takes pages away at src and puts them where they are missing at dst,
// without a copy (UFFDIO_MOVE, Linux 6.8). Both lie in private anonymous memory
// of this very process, each within one mapping, of equal rights; src need not be
// registered. Flags: DontWake, AllowHoles.
//
// Errors: those of all calls that fill, where ErrLayout can also mean a hole in
// src; EBUSY for a page that is shared with a forked process, or pinned.
func (d *Descriptor) Move(dst, src, length uint64, flags Flags) (uint64, error) {
	fd, err := d.fd.Hold()
	if err != nil {
		return 0, &Error{Op: opMove, Err: err}
	}
	n, err := movePages(fd, dst, src, length, flags)
	d.fd.Drop()
	if err != nil {
		source := Range{src, length}
		return n, d.unfilled(opMove, Range{dst, length}, flags, n, err, source.sourceOddity()).more("from " + source.String())
	}
	return n, nil
}

const (
	opCopy     = "UFFDIO_COPY"
	opZero     = "UFFDIO_ZEROPAGE"
	opContinue = "UFFDIO_CONTINUE"
	opPoison   = "UFFDIO_POISON"
	opMove     = "UFFDIO_MOVE"
)

// The bare calls: they return how far they came, and a bare error.

func copyPages(fd int, dst uint64, src []byte, flags Flags) (uint64, error) {
	mode, err := flags.mode(sys.UFFDIO_COPY_MODE_DONTWAKE, sys.UFFDIO_COPY_MODE_WP, 0)
	if err != nil {
		return 0, err
	}
	a := sys.UffdioCopy{Dst: dst, Src: sys.SlicePointer(src), Len: uint64(len(src)), Mode: mode, Copy: unwritten}
	err = sys.UffdioCopyCall(fd, &a)
	return progress(a.Len, a.Copy, err != nil), err
}

func zeroPages(fd int, r Range, flags Flags) (uint64, error) {
	mode, err := flags.mode(sys.UFFDIO_ZEROPAGE_MODE_DONTWAKE, 0, 0)
	if err != nil {
		return 0, err
	}
	a := sys.UffdioZeropage{Range: r.kernel(), Mode: mode, Zeropage: unwritten}
	err = sys.UffdioZeropageCall(fd, &a)
	return progress(r.Len, a.Zeropage, err != nil), err
}

func continuePages(fd int, r Range, flags Flags) (uint64, error) {
	mode, err := flags.mode(sys.UFFDIO_CONTINUE_MODE_DONTWAKE, sys.UFFDIO_CONTINUE_MODE_WP, 0)
	if err != nil {
		return 0, err
	}
	a := sys.UffdioContinue{Range: r.kernel(), Mode: mode, Mapped: unwritten}
	err = sys.UffdioContinueCall(fd, &a)
	return progress(r.Len, a.Mapped, err != nil), err
}

func poisonPages(fd int, r Range, flags Flags) (uint64, error) {
	if deadlyHere.Has(FeaturePoison) {
		return 0, errDeadly
	}
	mode, err := flags.mode(sys.UFFDIO_POISON_MODE_DONTWAKE, 0, 0)
	if err != nil {
		return 0, err
	}
	a := sys.UffdioPoison{Range: r.kernel(), Mode: mode, Updated: unwritten}
	err = sys.UffdioPoisonCall(fd, &a)
	return progress(r.Len, a.Updated, err != nil), err
}

func movePages(fd int, dst, src, length uint64, flags Flags) (uint64, error) {
	mode, err := flags.mode(sys.UFFDIO_MOVE_MODE_DONTWAKE, 0, sys.UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES)
	if err != nil {
		return 0, err
	}
	a := sys.UffdioMove{Dst: dst, Src: src, Len: length, Mode: mode, Move: unwritten}
	err = sys.UffdioMoveCall(fd, &a)
	return progress(length, a.Move, err != nil), err
}

// mode is the kernel's bits for flags; a bit that is 0 says that the call does not
// have the flag.
func (f Flags) mode(dontWake, protected, allowHoles uint64) (uint64, error) {
	if f == 0 {
		return 0, nil
	}
	var mode uint64
	for _, m := range [...]struct {
		flag Flags
		bit  uint64
	}{{DontWake, dontWake}, {Protected, protected}, {AllowHoles, allowHoles}} {
		if f&m.flag != 0 && m.bit != 0 {
			mode |= m.bit
			f &^= m.flag
		}
	}
	if f != 0 {
		return 0, errFlags
	}
	return mode, nil
}
