package manager

import (
	"errors"
	"fmt"

	"github.com/pageslot/pageslot/uffd"
)

// attempt tries to resolve a fault.
func (s *server) attempt(p *process, f *fault) outcome {
	if !f.due.IsZero() && s.now().Before(f.due) {
		return postpone
	}
	missing := f.Flags.Missing()
	if missing && p.isFilled(f.Address) {
		return settled
	}
	p.mu.Lock()
	seg, ok := p.layout.find(f.Address)
	p.mu.Unlock()
	switch {
	case ok:
		f.known = true
	case p.changed || f.known:
		// It waits for a page that has just gone.
		s.wake(p, p.pageOf(f.Address))
		return settled
	case s.options.Outside == OutsideIsZero || !missing:
		seg = outside(f.Address)
	default:
		return s.fail(p, f, p.pageOf(f.Address), errOutside)
	}
	page, all, ok := seg.span(f.Address, s.options.Granule)
	if !ok {
		return s.fail(p, f, page, errMisfit)
	}
	switch {
	case missing:
		return s.provide(p, f, seg, page, all)
	case f.Flags.Has(uffd.FaultMinor):
		return s.proceed(p, f, seg, page, all)
	}
	return s.unprotect(p, f, page)
}

var (
	errOutside = errors.New("no region covers the page")
	errMisfit  = errors.New("the region ends inside the page: its page size is wrong, or the process cut it up")
)

// nowhere is the origin of pages that no region covers.
var nowhere = &origin{page: systemPage}

// outside stands for the page of an address that no region covers.
func outside(addr uint64) segment {
	start := addr - addr%systemPage
	return segment{start: start, end: start + systemPage, from: nowhere, zero: true}
}

// pageOf is the small page of an address: to wake those who wait in it.
func (p *process) pageOf(addr uint64) uffd.Range {
	return uffd.Range{Start: addr - addr%systemPage, Len: systemPage}
}

// provide puts a page there, and those of its granule. The granule is a bonus: if
// it meets with an error before the page is there, the page is tried alone.
func (s *server) provide(p *process, f *fault, seg segment, page, all uffd.Range) outcome {
	done, err := s.install(p, seg, page, all)
	if err != nil && all != page && !done.covers(page) && !errors.Is(err, uffd.ErrChanging) && !errors.Is(err, uffd.ErrGone) {
		all = page
		done, err = s.install(p, seg, page, all)
	}
	if done.Len > 0 {
		p.fill(done.Range)
	}
	if done.covers(page) {
		return settled
	}
	return s.verdict(p, f, page, err)
}

// verdict is what an error of a call means for the fault.
func (s *server) verdict(p *process, f *fault, page uffd.Range, err error) outcome {
	switch {
	case errors.Is(err, uffd.ErrChanging):
		s.stats.changing.inc()
		return changing
	case errors.Is(err, uffd.ErrLayout):
		return lost
	case errors.Is(err, uffd.ErrGone):
		return ended
	}
	return s.fail(p, f, page, err)
}

// extent is how far from the beginning of a range a call came.
type extent struct{ uffd.Range }

func (e extent) covers(page uffd.Range) bool {
	return page.Start >= e.Start && page.Start+page.Len <= e.Start+e.Len
}

// install fills a range of a segment. It returns what of it, from its beginning,
// is there now.
func (s *server) install(p *process, seg segment, page, all uffd.Range) (extent, error) {
	if seg.zero && !seg.from.protect && seg.from.page == systemPage {
		return s.each(p, seg, all, &s.stats.zeroed, p.zeros)
	}
	data, err := s.load(seg, page, all)
	if err != nil {
		return extent{}, err
	}
	all.Len = uint64(len(data))
	var flags uffd.Flags
	if seg.from.protect {
		flags = uffd.Protected
	}
	count := &s.stats.copied
	if seg.zero {
		count = &s.stats.zeroed
	}
	return s.each(p, seg, all, count, func(left uffd.Range) (uint64, error) {
		n, err := p.calls.Copy(left.Start, data[left.Start-all.Start:], flags)
		return uint64(n), err
	})
}

// each makes a call until the whole range is done. Pages that are there already
// are passed over, and who waits for them is woken.
func (s *server) each(p *process, seg segment, all uffd.Range, count *counter, call func(left uffd.Range) (uint64, error)) (extent, error) {
	done := uint64(0)
	for done < all.Len {
		n, err := call(uffd.Range{Start: all.Start + done, Len: all.Len - done})
		n = min(n, all.Len-done)
		done += n
		count.Add(n)
		switch {
		case err == nil:
			if n == 0 {
				return extent{uffd.Range{Start: all.Start, Len: done}}, fmt.Errorf("nothing was done at %#x: %w", all.Start+done, errInvalid)
			}
		case n > 0 && errors.Is(err, errAgain):
			// Partial progress.
		case errors.Is(err, uffd.ErrExists):
			s.stats.exists.inc()
			there := uffd.Range{Start: all.Start + done, Len: min(seg.from.page, all.Len-done)}
			if err := p.calls.Wake(there); err != nil {
				return extent{uffd.Range{Start: all.Start, Len: done}}, err
			}
			done += there.Len
		default:
			return extent{uffd.Range{Start: all.Start, Len: done}}, err
		}
	}
	return extent{uffd.Range{Start: all.Start, Len: done}}, nil
}
