package populate

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/awake"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// Supported tells whether the kernel can populate (Linux 5.14): nil, or an error that
// is errors.ErrUnsupported.
func Supported() error { return thisKernel.supported() }

// Read asks for the pages that hold mem, as a read would: Range with ForRead. It
// returns how many bytes of mem, from its beginning, are there.
func Read(ctx context.Context, mem []byte) (int, error) {
	n, err := Range(ctx, uffd.RangeOf(mem), Options{Access: ForRead})
	return int(n), err
}

// Write asks for the pages that hold mem, as a write would: Range with ForWrite.
func Write(ctx context.Context, mem []byte) (int, error) {
	n, err := Range(ctx, uffd.RangeOf(mem), Options{Access: ForWrite})
	return int(n), err
}

// Do asks for the pages that hold mem, all of them, and then calls f with mem. It
// returns what f returns. It does not keep the pages there: what was said of the time
// between asking and touching is true while f runs.
//
// f is not called if a page can't be had: then the error is that of Range.
func Do(ctx context.Context, mem []byte, o Options, f func(mem []byte) error) error {
	if f == nil {
		return &Error{Op: "do", Range: uffd.RangeOf(mem), Err: fmt.Errorf("without a function: %w", unix.EINVAL)}
	}
	if _, err := Range(ctx, uffd.RangeOf(mem), o); err != nil {
		return err
	}
	return f(mem)
}

// Range asks for the pages that hold the bytes of r in this process, chunk by chunk,
// and waits until they are there. It returns how many bytes of r, from its beginning,
// are. r need not begin or end with a page, and an empty range is nothing to do.
//
// If a chunk fails, it goes on page by page to the one that does: so the error names
// this page, and those before it are there. Others after it may be, too.
//
// Errors, as an [*Error]: the context's; [ErrFault] (EFAULT), with [ErrUserModeOnly] or
// [ErrSIGBUS] if the Options have the descriptor; [ErrPoisoned] (EHWPOISON);
// [ErrNotMapped] (ENOMEM), or ENOMEM alone for want of memory; [ErrAccess] (EINVAL);
// errors.ErrUnsupported before Linux 5.14; EINVAL for what no kernel accepts, with the
// reason in words.
func Range(ctx context.Context, r uffd.Range, o Options) (uint64, error) {
	return thisKernel.populate(ctx, r, o)
}

// kernel is what is asked, which tests answer themselves.
type kernel struct {
	madvise func(addr, length uintptr, advice int) error
	mincore func(addr, length uintptr, vec []byte) error
}

var thisKernel = kernel{sys.Madvise, sys.Mincore}

// supported asks about no memory at all: that is EINVAL if the kernel does not know
// the advice, and nothing otherwise.
func (k kernel) supported() error {
	if err := k.madvise(0, 0, sys.MADV_POPULATE_READ); err != nil {
		return &Error{Op: opRead, Err: fmt.Errorf("this kernel does not have it, which needs Linux 5.14 (%w): %w", err, errors.ErrUnsupported)}
	}
	return nil
}

const (
	opRead  = "MADV_POPULATE_READ"
	opWrite = "MADV_POPULATE_WRITE"
)

func (k kernel) populate(ctx context.Context, r uffd.Range, o Options) (uint64, error) {
	op, advice := opRead, sys.MADV_POPULATE_READ
	if o.Access == ForWrite {
		op, advice = opWrite, sys.MADV_POPULATE_WRITE
	}
	all, odd := pages(r)
	switch {
	case ctx == nil:
		odd = "there is no context"
	case o.Access > ForWrite:
		odd = o.Access.String()
	}
	if odd != "" {
		return 0, &Error{Op: op, Range: r, Err: fmt.Errorf("%s: %w", odd, unix.EINVAL)}
	}
	awake.Begin()
	defer awake.End()
	var done uint64 // of all
	for chunk := o.chunk(); done < all.Len; {
		part := uffd.Range{Start: all.Start + done, Len: min(chunk, all.Len-done)}
		err := k.ask(ctx, part, advice)
		if err == nil {
			done += part.Len
			continue
		}
		for end := done + part.Len; done < end; done += pageSize {
			if err = k.ask(ctx, uffd.Range{Start: all.Start + done, Len: pageSize}, advice); err != nil {
				return k.failed(op, all, r, done, err, o)
			}
		}
	}
	return r.Len, nil
}

// How often EAGAIN, which is about resources of the kernel, is worth another try.
const patience = 1000

// ask is one call, and others for those that ended early.
func (k kernel) ask(ctx context.Context, r uffd.Range, advice int) error {
	for again := 0; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := k.madvise(uintptr(r.Start), uintptr(r.Len), advice)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN && again < patience:
			again++
			runtime.Gosched()
		default:
			return err
		}
	}
}

// failed makes the error of a call that came to done bytes of all pages of r.
func (k kernel) failed(op string, all, r uffd.Range, done uint64, err error, o Options) (uint64, error) {
	n := uint64(0) // of r
	if before := r.Start - all.Start; done > before {
		n = done - before
	}
	e := &Error{Op: op, Range: uffd.Range{Start: r.Start + n, Len: r.Len - n}, Done: n, Err: err}
	switch {
	case errors.Is(err, unix.EFAULT):
		e.kinds[0] = ErrFault
		switch d := o.Descriptor; {
		case missing(d):
		case d.Enabled().Has(uffd.FeatureSIGBUS):
			e.kinds[1] = ErrSIGBUS
		case d.UserModeOnly():
			e.kinds[1] = ErrUserModeOnly
		}
	case errors.Is(err, unix.EHWPOISON):
		e.kinds[0] = ErrPoisoned
	case errors.Is(err, unix.ENOMEM):
		var there [1]byte
		if k.mincore(uintptr(all.Start+done), uintptr(pageSize), there[:]) == unix.ENOMEM {
			e.kinds[0] = ErrNotMapped
		}
	case errors.Is(err, unix.EINVAL):
		e.kinds[0] = ErrAccess
		if unsupported := k.supported(); unsupported != nil {
			e.kinds[0], e.Err = nil, errors.Unwrap(unsupported)
		}
	}
	return n, e
}

// missing tells of a nil Descriptor, and of one that holds a nil pointer.
func missing(d Descriptor) bool {
	x, ok := d.(*uffd.Descriptor)
	return d == nil || ok && x == nil
}

// pages are those that hold the bytes of r; or it says why there are none.
func pages(r uffd.Range) (uffd.Range, string) {
	start := r.Start &^ (pageSize - 1)
	end := up(r.End())
	switch {
	case r.Len == 0:
		return uffd.Range{}, ""
	case r.End() < r.Start || end < start, end-1 > uint64(^uintptr(0)):
		return uffd.Range{}, "the range goes beyond the last address"
	}
	return uffd.Between(start, end), ""
}
