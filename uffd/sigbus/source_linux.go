package sigbus

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// From is the Region of memory whose missing pages come from a source: r is
// registered with d for uffd.ModeMissing, and its first byte is that of the source at
// Options.Offset. After the end of the source there are zeros, as in a mapped file.
//
// The Region may serve several goroutines, and then the source is read by several at
// once. The source must not lie in r.
//
// Errors: [ErrFeature], EINVAL with the reason in words. A fault fails with what
// the source answers, if that does not have the page that is wanted, and with an
// error of Copy.
func From(d Filler, r uffd.Range, source io.ReaderAt, o Options) (Region, error) {
	bad := func(err error) (Region, error) {
		return Region{}, &Error{Op: "from", Detail: fmt.Sprintf("of %v", r), Err: err}
	}
	s := &supply{d: d, r: r, source: source, offset: o.Offset, flags: o.Flags}
	region := Region{Range: r, Resolve: s.resolve, PageSize: o.PageSize, Patience: o.Patience}
	s.granule = o.granule(region.pageSize())
	s.retry = uffd.Retry{Exist: uffd.ExistSkip, PageSize: region.pageSize(), Changing: o.Changing}
	odd := region.oddity()
	switch {
	case missing(d):
		odd = "there is no descriptor"
	case source == nil:
		odd = "there is no source"
	case odd != "":
	case s.granule%region.pageSize() != 0 || s.granule > largest:
		odd = fmt.Sprintf("the granule, %d, is not a multiple of the page size, %d, or above %d", o.Granule, region.pageSize(), largest)
	case o.Offset < 0 || o.Offset > maxOffset-int64(min(r.Len, maxOffset)):
		odd = fmt.Sprintf("the offset, %d, leads outside what a source can be", o.Offset)
	}
	if odd != "" {
		return bad(fmt.Errorf("%s: %w", odd, unix.EINVAL))
	}
	if !d.Enabled().Has(uffd.FeatureSIGBUS) {
		return bad(fmt.Errorf("%w (it has %v)", ErrFeature, d.Enabled()))
	}
	return region, nil
}

// missing tells of a nil Filler, and of one that holds a nil pointer.
func missing(d Filler) bool {
	x, ok := d.(*uffd.Descriptor)
	return d == nil || ok && x == nil
}

const (
	largest   = 1 << 30 // of granules
	maxOffset = 1<<63 - 1
)

// supply copies from a source.
type supply struct {
	d       Filler
	r       uffd.Range
	source  io.ReaderAt
	offset  int64
	granule uint64
	flags   uffd.Flags
	retry   uffd.Retry
	buffers sync.Pool // of *[]byte, each as long as a granule
}

// resolve provides the granule around the page, or as much of it as can be had. A
// Resolve of somebody else may call it with a Fault of another Region: the address tells.
func (s *supply) resolve(f Fault) error {
	if !s.r.Contains(f.Address) {
		return fmt.Errorf("%#x is not in %v: %w", f.Address, s.r, unix.EINVAL)
	}
	size := s.retry.PageSize
	page := uffd.Range{Start: f.Address &^ (size - 1), Len: size}
	if err := poison(page); err != nil {
		return err
	}
	from := page.Start - (page.Start-s.r.Start)%s.granule
	all := uffd.Range{Start: from, Len: min(s.granule, s.r.Start+s.r.Len-from)}
	b := s.buffer()
	defer s.buffers.Put(b)
	n, err := s.read((*b)[:all.Len], all.Start)
	// What was read may end before the page that is wanted.
	whole := uint64(n) &^ (size - 1)
	if all.Start+whole <= page.Start {
		return fmt.Errorf("the source, for %d bytes at %d: %w", all.Len, s.at(all.Start), err)
	}
	all.Len = whole
	done, err := s.d.CopyAll(all.Start, (*b)[:all.Len], s.flags, s.retry)
	at := page.Start - all.Start
	if err == nil || uint64(done) >= at+size {
		return nil
	}
	if all.Len == size {
		return err
	}
	// A neighbour may be what is in the way: no longer registered, or elsewhere.
	_, err = s.d.CopyAll(page.Start, (*b)[at:at+size], s.flags, s.retry)
	return err
}

// read is ReadAt with zeros after the end. If it is less than all, the error says why.
func (s *supply) read(p []byte, at uint64) (int, error) {
	n, err := s.source.ReadAt(p, s.at(at))
	switch {
	case n < 0 || n > len(p):
		return 0, fmt.Errorf("it says that it read %d bytes of %d: %w", n, len(p), unix.EINVAL)
	case n == len(p):
		return n, nil
	case errors.Is(err, io.EOF):
		clear(p[n:])
		return len(p), nil
	case err == nil:
		err = io.ErrNoProgress
	}
	return n, err
}

// at is the offset in the source of an address.
func (s *supply) at(address uint64) int64 { return s.offset + int64(address-s.r.Start) }

func (s *supply) buffer() *[]byte {
	if b, ok := s.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, min(s.granule, s.r.Len))
	return &b
}
