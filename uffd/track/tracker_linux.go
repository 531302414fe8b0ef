package track

import (
	"io"

	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/pagemap"
)

// Tracker tells which pages were written. Its methods may be called from several
// goroutines at once; they wait for each other. The zero Tracker is closed.
type Tracker struct {
	tracked
}

// The two questions of which Collect and Dirty are made. The first is for pages
// that are not protected. It has exactly this form because up to Linux 7.2 only this
// form counts pages that are not there and have no mark. The second is for those
// that it cannot see all the same: where a whole huge page was given up, and in
// hugetlbfs.
var (
	written = pagemap.Query{Mask: pagemap.Written, Return: pagemap.Written, CheckAsync: true}
	emptied = pagemap.Query{
		Inverted: pagemap.Populated | pagemap.Written, Mask: pagemap.Populated | pagemap.Written,
		Return: pagemap.WPAllowed, CheckAsync: true,
	}
)

// Open makes a Tracker for memory of this process, with a userfaultfd of its own.
// No privilege is needed: a user-mode-only one will do, since nothing ever waits for
// it.
//
// Errors: those of uffd.Open (a *uffd.FeatureError where the kernel lacks WP_ASYNC)
// and of pagemap.Open.
func Open() (*Tracker, error) {
	d, err := uffd.Open(uffd.Options{
		Required: uffd.FeatureWPAsync,
		Wanted:   uffd.FeatureWPHugetlbfsShmem,
		UserMode: uffd.UserModeFallback,
	})
	if err != nil {
		return nil, err
	}
	t, err := newTracker(d, true, 0)
	if err != nil {
		_ = d.Close()
		return nil, err
	}
	return t, nil
}

// New makes a Tracker for the memory of the process pid (0: this one), whose
// userfaultfd d is. Of its features FeatureWPAsync is needed. d stays the
// caller's, and has to stay open; Close takes away the registrations. For another
// process than this one the rights of ptrace(2) are needed, see pagemap.Open; that d
// and pid belong together is the caller's to know.
//
// Errors: ErrFeature; EINVAL without a descriptor; those of pagemap.Open; errors.ErrUnsupported on kernels
// without PAGEMAP_SCAN.
func New(d *uffd.Descriptor, pid int) (*Tracker, error) { return newTracker(d, false, pid) }

func newTracker(d *uffd.Descriptor, own bool, pid int) (*Tracker, error) {
	t := &Tracker{tracked{mode: uffd.ModeWP, arm: (*uffd.Descriptor).WriteProtect}}
	if err := t.start(d, own, pid, uffd.FeatureWPAsync, pagemap.Written); err != nil {
		return nil, err
	}
	return t, nil
}

// Add begins to track a range (UFFDIO_REGISTER, UFFDIO_WRITEPROTECT). All of its
// pages are clean afterwards. It may have gaps; every kind of memory will do, files
// too, and hugetlbfs in whole huge pages.
//
// Errors: ErrOverlap; those of uffd's Register and WriteProtect. An error leaves the
// range as it was.
func (t *Tracker) Add(r uffd.Range) error { return t.add(r) }

// Remove stops tracking a range, which can be a part of what was added
// (UFFDIO_UNREGISTER). Errors: ErrUnknown; those of uffd's Unregister.
func (t *Tracker) Remove(r uffd.Range) error { return t.remove(r) }

// Reset makes all pages clean without asking which were not. Errors: those of
// uffd's WriteProtect, where some pages may be clean already.
func (t *Tracker) Reset() error { return t.reset() }

// Ranges are what is tracked, in ascending order; neighbours are one.
func (t *Tracker) Ranges() []uffd.Range { return t.list() }

// Close stops tracking. The second Close does nothing.
func (t *Tracker) Close() error { return t.close() }

// Dirty calls f with every range of dirty pages, which stay dirty. buf is room for
// the kernel's answers; 128 regions are plenty. It does not allocate.
//
// f gets the ranges of one Add in ascending order, twice where two questions to the
// kernel are needed and a page changed between them. It must not call the Tracker.
// An error from f ends the call and is returned.
//
// Errors: pagemap.ErrNotTracked where something else was mapped over tracked
// memory; uffd.ErrGone; io.ErrShortBuffer for an empty buf.
func (t *Tracker) Dirty(buf []pagemap.Region, f func(uffd.Range) error) error {
	return t.each("dirty", buf, false, f)
}

// Collect is Dirty, and makes the pages that it reports clean, each in one step
// with finding it: a write comes before it and is reported, or after it and makes
// the page dirty again. So no write is ever lost, whoever writes meanwhile. Who
// copies a page does so after f was called with it, and needs no stop of the world:
// what is written during the copy is reported by the next Collect.
//
// Pages that f returned an error for or panicked at, and those that it was not called
// with, are dirty again. After any other error too, what f was not called with is still dirty.
func (t *Tracker) Collect(buf []pagemap.Region, f func(uffd.Range) error) error {
	return t.each("collect", buf, true, f)
}

func (t *Tracker) each(op string, buf []pagemap.Region, collect bool, f func(uffd.Range) error) error {
	if err := t.lock(op); err != nil {
		return err
	}
	defer t.mu.Unlock()
	if len(buf) == 0 {
		return &Error{Op: op, Detail: "without room for a region", Err: io.ErrShortBuffer}
	}
	first := written
	first.Protect = collect
	for _, r := range t.memory {
		if err := t.scan(r, first, buf, collect, false, f); err != nil {
			return err
		}
		if err := t.scan(r, emptied, buf, collect, collect, f); err != nil {
			return err
		}
	}
	return nil
}

// scan asks one question of a range. If protect is set, it protects what it finds
// by a call of its own, before f hears of it: the kernel's way to do both at once
// passes these pages by, and in hugetlbfs some kernels wait for themselves there for
// ever.
func (t *Tracker) scan(r uffd.Range, q pagemap.Query, buf []pagemap.Region, collect, protect bool, f func(uffd.Range) error) error {
	for {
		n, end, err := t.pages.Scan(r, q, buf)
		if failed := t.deliver(buf[:n], collect, protect, f); failed != nil {
			return failed
		}
		if err != nil || end >= r.End() {
			return err
		}
		r = uffd.Between(end, r.End())
	}
}

// deliver calls f with what was found. With collect, what was not delivered is dirty
// again in the end, whether f fails or panics.
func (t *Tracker) deliver(regions []pagemap.Region, collect, protect bool, f func(uffd.Range) error) error {
	done := 0
	defer func() {
		if collect {
			t.restore(regions[done:])
		}
	}()
	for ; done < len(regions); done++ {
		found := regions[done].Range()
		if protect {
			if err := t.d.WriteProtect(found); err != nil {
				return err
			}
		}
		if err := f(found); err != nil {
			return err
		}
	}
	return nil
}

// restore makes pages dirty that were found and not delivered. Where that fails the
// memory is gone, or the process.
func (t *Tracker) restore(regions []pagemap.Region) {
	for i := range regions {
		_ = t.d.WriteUnprotect(regions[i].Range(), 0)
	}
}
