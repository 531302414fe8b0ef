package uffd

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// CopyAll is Copy until all of src is there or an error ends it: it goes on after
// partial progress, and as r says with pages that exist and with a layout that
// changes. It returns how many bytes were done, pages that existed and were
// skipped among them.
func (d *Descriptor) CopyAll(dst uint64, src []byte, flags Flags, r Retry) (int, error) {
	all := Range{dst, uint64(len(src))}
	fd, err := d.fd.Hold()
	if err != nil {
		return 0, &Error{Op: opCopy, Err: err}
	}
	defer d.fd.Drop()
	if err := r.check(); err != nil {
		return 0, d.ended(opCopy, all, flags, 0, err)
	}
	var done uint64
	for {
		n, err := copyPages(fd, dst+done, src[done:], flags)
		done += n
		if err == nil {
			return int(done), nil
		}
		if done, err = r.after(fd, all, done, n, flags, err); err != nil || done == all.Len {
			return int(done), d.ended(opCopy, all, flags, done, err)
		}
	}
}

// ZeroAll is Zero until the whole range is there or an error ends it: see CopyAll.
func (d *Descriptor) ZeroAll(all Range, flags Flags, r Retry) (uint64, error) {
	return d.fillAll(opZero, zeroPages, all, flags, r)
}

// ContinueAll is Continue until the whole range is there or an error ends it: see
// CopyAll.
func (d *Descriptor) ContinueAll(all Range, flags Flags, r Retry) (uint64, error) {
	return d.fillAll(opContinue, continuePages, all, flags, r)
}

// PoisonAll is Poison until the whole range is done or an error ends it: see
// CopyAll.
func (d *Descriptor) PoisonAll(all Range, flags Flags, r Retry) (uint64, error) {
	return d.fillAll(opPoison, poisonPages, all, flags, r)
}

// MoveAll is Move until the whole range is there or an error ends it: see
// CopyAll. A page that exists at dst stays there, and so does its source.
func (d *Descriptor) MoveAll(dst, src, length uint64, flags Flags, r Retry) (uint64, error) {
	n, err := d.fillAll(opMove, func(fd int, left Range, flags Flags) (uint64, error) {
		return movePages(fd, left.Start, src+(left.Start-dst), left.Len, flags)
	}, Range{dst, length}, flags, r)
	if e, ok := err.(*Error); ok && e.Detail != "" {
		return n, e.more("from " + Range{src, length}.String())
	}
	return n, err
}

func (d *Descriptor) fillAll(op string, call func(fd int, r Range, flags Flags) (uint64, error), all Range, flags Flags, r Retry) (uint64, error) {
	fd, err := d.fd.Hold()
	if err != nil {
		return 0, &Error{Op: op, Err: err}
	}
	defer d.fd.Drop()
	if err := r.check(); err != nil {
		return 0, d.ended(op, all, flags, 0, err)
	}
	var done uint64
	for {
		n, err := call(fd, all.from(done), flags)
		done += n
		if err == nil {
			return done, nil
		}
		if done, err = r.after(fd, all, done, n, flags, err); err != nil || done == all.Len {
			return done, d.ended(op, all, flags, done, err)
		}
	}
}

// after decides what comes after a call that failed with err and did n bytes, with
// which done bytes of all are done. It returns how many are now, or the error
// that ends it.
func (r *Retry) after(fd int, all Range, done, n uint64, flags Flags, err error) (uint64, error) {
	switch {
	case n > 0 && errors.Is(err, unix.EAGAIN):
		return done, nil
	case errors.Is(err, unix.EAGAIN) && r.Changing != nil:
		return done, r.Changing()
	case errors.Is(err, unix.EEXIST) && r.Exist == ExistSkip:
		page := Range{Start: all.Start + done, Len: min(r.pageSize(), all.Len-done)}
		if flags&DontWake == 0 {
			if err := wake(fd, page); err != nil {
				return done, err
			}
		}
		return done + page.Len, nil
	}
	return done, err
}

// check refuses a page size that no memory has: it would leave gaps.
func (r *Retry) check() error {
	if s := r.PageSize; s != 0 && (s < pageSize || s&(s-1) != 0) {
		return fmt.Errorf("Retry.PageSize is %d: %w", s, unix.EINVAL)
	}
	return nil
}

func (r *Retry) pageSize() uint64 {
	if r.PageSize == 0 {
		return pageSize
	}
	return r.PageSize
}

// ended makes the error of a call that did done bytes of all before err.
func (d *Descriptor) ended(op string, all Range, flags Flags, done uint64, err error) error {
	if err == nil {
		return nil
	}
	e := d.failed(op, withFlags(preposition(op)+all.from(done).String(), flags), all.from(done), err)
	if done > 0 {
		return e.more("after " + Range{all.Start, done}.String() + " was done,")
	}
	return e
}
