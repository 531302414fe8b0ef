package track

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/pagemap"
)

// tracked is what Tracker and WorkingSet have in common: memory that is registered
// in one mode, and what can be asked about it.
type tracked struct {
	mode uffd.Mode
	arm  func(*uffd.Descriptor, uffd.Range) error // protects again

	mu     sync.Mutex // held by every operation
	d      *uffd.Descriptor
	own    bool // d is closed with this
	pages  *pagemap.Map
	memory ranges
	closed bool
}

// start is for a zero tracked. It takes over d if it succeeds and own is set.
func (t *tracked) start(d *uffd.Descriptor, own bool, pid int, need uffd.Features, category pagemap.Categories) error {
	if d == nil {
		return &Error{Op: "start", Detail: "without a descriptor", Err: unix.EINVAL}
	}
	if lacks := need &^ d.Enabled(); lacks != 0 {
		return &Error{Op: "start", Detail: fmt.Sprintf("with a descriptor that has %v, not %v", d.Enabled(), lacks), Err: ErrFeature}
	}
	pages, err := pagemap.Open(pid)
	if err != nil {
		return err
	}
	known, err := pages.Categories()
	if err == nil && !known.Has(category) {
		err = &pagemap.CategoryError{Unknown: category, Known: known}
	}
	if err != nil {
		_ = pages.Close()
		return err
	}
	t.d, t.own, t.pages = d, own, pages
	return nil
}

func (t *tracked) lock(op string) error {
	t.mu.Lock()
	if t.closed || t.d == nil {
		t.mu.Unlock()
		return &Error{Op: op, Detail: "after the end", Err: ErrClosed}
	}
	return nil
}

func (t *tracked) add(r uffd.Range) error {
	if err := t.lock("add"); err != nil {
		return err
	}
	defer t.mu.Unlock()
	if t.memory.overlaps(r) {
		return &Error{Op: "add", Detail: of(r), Err: ErrOverlap}
	}
	if _, err := t.d.Register(r, t.mode); err != nil {
		return err
	}
	if err := t.arm(t.d, r); err != nil {
		_ = t.d.Unregister(r) // the first error says more
		return err
	}
	t.memory = t.memory.add(r)
	return nil
}

func (t *tracked) remove(r uffd.Range) error {
	if err := t.lock("remove"); err != nil {
		return err
	}
	defer t.mu.Unlock()
	if r.Len == 0 || !t.memory.has(r) {
		return &Error{Op: "remove", Detail: of(r), Err: ErrUnknown}
	}
	if err := t.d.Unregister(r); err != nil && !t.unmapped(r) {
		return err
	}
	t.memory = t.memory.remove(r)
	return nil
}

func (t *tracked) reset() error {
	if err := t.lock("reset"); err != nil {
		return err
	}
	defer t.mu.Unlock()
	for _, r := range t.memory {
		if err := t.arm(t.d, r); err != nil && !t.unmapped(r) {
			return err
		}
	}
	return nil
}

// unmapped tells whether nothing is mapped in a range any more: then there is nothing
// to be done about it, which the calls of a userfaultfd call an error.
func (t *tracked) unmapped(r uffd.Range) bool {
	var any [1]pagemap.Region
	n, _, err := t.pages.Scan(r, pagemap.Query{}, any[:])
	return err == nil && n == 0
}

// list is a copy of what is tracked.
func (t *tracked) list() []uffd.Range {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]uffd.Range(nil), t.memory...)
}

func (t *tracked) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.d == nil {
		return nil
	}
	t.closed = true
	if t.own {
		// Which ends the registrations, too.
		return errors.Join(t.d.Close(), t.pages.Close())
	}
	var failed error
	for _, r := range t.memory {
		err := t.d.Unregister(r)
		// ENOMEM is a process that is gone.
		if err != nil && !errors.Is(err, unix.ENOMEM) && !t.unmapped(r) {
			failed = errors.Join(failed, err)
		}
	}
	return errors.Join(failed, t.pages.Close())
}
