package track

import (
	"io"

	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/pagemap"
)

// WorkingSet tells which pages were accessed, by reading, writing or executing
// (Linux 7.3; private anonymous memory, shared memory, hugetlbfs). Its methods may
// be called from several goroutines at once; they wait for each other. The zero
// WorkingSet is closed.
//
// Pages that are not there cannot be protected. They count as accessed once they
// are there. A page whose contents were given up does not count.
type WorkingSet struct {
	tracked
}

// Swapped pages can be accessed ones too.
var accessed = pagemap.Query{Mask: pagemap.Accessed, Return: pagemap.Accessed}

// OpenWorkingSet makes a WorkingSet for memory of this process, with a userfaultfd of
// its own. No privilege is needed.
//
// Errors: those of uffd.Open (a *uffd.FeatureError where the kernel lacks RWP or
// RWP_ASYNC) and of pagemap.Open.
func OpenWorkingSet() (*WorkingSet, error) {
	d, err := uffd.Open(uffd.Options{Required: uffd.FeatureRWP | uffd.FeatureRWPAsync, UserMode: uffd.UserModeFallback})
	if err != nil {
		return nil, err
	}
	w, err := newWorkingSet(d, true, 0)
	if err != nil {
		_ = d.Close()
		return nil, err
	}
	return w, nil
}

// NewWorkingSet makes a WorkingSet for the memory of the process pid (0: this one),
// whose userfaultfd d is: see New. FeatureRWP and FeatureRWPAsync are needed.
//
// Errors: those of New.
func NewWorkingSet(d *uffd.Descriptor, pid int) (*WorkingSet, error) {
	return newWorkingSet(d, false, pid)
}

func newWorkingSet(d *uffd.Descriptor, own bool, pid int) (*WorkingSet, error) {
	w := &WorkingSet{tracked{mode: uffd.ModeRWP, arm: (*uffd.Descriptor).RWProtect}}
	if err := w.start(d, own, pid, uffd.FeatureRWP|uffd.FeatureRWPAsync, pagemap.Accessed); err != nil {
		return nil, err
	}
	return w, nil
}

// Add begins to observe a range (UFFDIO_REGISTER, UFFDIO_RWPROTECT); none of its
// pages counts as accessed afterwards. Errors: ErrOverlap; those of uffd's Register
// and RWProtect. An error leaves the range as it was.
func (w *WorkingSet) Add(r uffd.Range) error { return w.add(r) }

// Remove stops observing a range, which can be a part of what was added. Errors:
// ErrUnknown; those of uffd's Unregister.
func (w *WorkingSet) Remove(r uffd.Range) error { return w.remove(r) }

// Reset forgets all accesses. Errors: those of uffd's RWProtect.
func (w *WorkingSet) Reset() error { return w.reset() }

// Ranges are what is observed, in ascending order; neighbours are one.
func (w *WorkingSet) Ranges() []uffd.Range { return w.list() }

// Close stops observing. The second Close does nothing.
func (w *WorkingSet) Close() error { return w.close() }

// Accessed calls f with every range of pages that were accessed, and that stay so.
// It does not allocate. f must not call the WorkingSet. An error from f ends the
// call and is returned.
//
// Errors: uffd.ErrGone; io.ErrShortBuffer for an empty buf.
func (w *WorkingSet) Accessed(buf []pagemap.Region, f func(uffd.Range) error) error {
	return w.each("accessed", buf, false, f)
}

// Collect is Accessed, and forgets the accesses that it reports. The kernel cannot
// do both in one step: an access between them is reported with the first and makes
// no further one.
func (w *WorkingSet) Collect(buf []pagemap.Region, f func(uffd.Range) error) error {
	return w.each("collect", buf, true, f)
}

func (w *WorkingSet) each(op string, buf []pagemap.Region, collect bool, f func(uffd.Range) error) error {
	if err := w.lock(op); err != nil {
		return err
	}
	defer w.mu.Unlock()
	if len(buf) == 0 {
		return &Error{Op: op, Detail: "without room for a region", Err: io.ErrShortBuffer}
	}
	for _, r := range w.memory {
		if err := w.scan(r, buf, collect, f); err != nil {
			return err
		}
	}
	return nil
}

func (w *WorkingSet) scan(r uffd.Range, buf []pagemap.Region, collect bool, f func(uffd.Range) error) error {
	for {
		n, end, err := w.pages.Scan(r, accessed, buf)
		for i := range buf[:n] {
			found := buf[i].Range()
			if collect {
				if err := w.d.RWProtect(found); err != nil {
					return err
				}
			}
			if err := f(found); err != nil {
				return err
			}
		}
		if err != nil || end >= r.End() {
			return err
		}
		r = uffd.Between(end, r.End())
	}
}
