//go:build !linux

package track

import (
	"errors"

	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/pagemap"
)

// Tracker tells which pages were written, on Linux. Here there is none that is open.
type Tracker struct{}

// Open makes a Tracker on Linux; here it fails.
func Open() (*Tracker, error) { return nil, notLinux() }

// New makes a Tracker on Linux; here it fails.
func New(d *uffd.Descriptor, pid int) (*Tracker, error) { return nil, notLinux() }

// Add answers ErrClosed, as all that follows.
func (t *Tracker) Add(r uffd.Range) error { return closed("add") }

// Remove answers ErrClosed.
func (t *Tracker) Remove(r uffd.Range) error { return closed("remove") }

// Reset answers ErrClosed.
func (t *Tracker) Reset() error { return closed("reset") }

// Ranges is empty.
func (t *Tracker) Ranges() []uffd.Range { return nil }

// Close does nothing.
func (t *Tracker) Close() error { return nil }

// Dirty answers ErrClosed.
func (t *Tracker) Dirty(buf []pagemap.Region, f func(uffd.Range) error) error {
	return closed("dirty")
}

// Collect answers ErrClosed.
func (t *Tracker) Collect(buf []pagemap.Region, f func(uffd.Range) error) error {
	return closed("collect")
}

// WorkingSet tells which pages were accessed, on Linux. Here there is none that is
// open.
type WorkingSet struct{}

// OpenWorkingSet makes a WorkingSet on Linux; here it fails.
func OpenWorkingSet() (*WorkingSet, error) { return nil, notLinux() }

// NewWorkingSet makes a WorkingSet on Linux; here it fails.
func NewWorkingSet(d *uffd.Descriptor, pid int) (*WorkingSet, error) { return nil, notLinux() }

// Add answers ErrClosed, as all that follows.
func (w *WorkingSet) Add(r uffd.Range) error { return closed("add") }

// Remove answers ErrClosed.
func (w *WorkingSet) Remove(r uffd.Range) error { return closed("remove") }

// Reset answers ErrClosed.
func (w *WorkingSet) Reset() error { return closed("reset") }

// Ranges is empty.
func (w *WorkingSet) Ranges() []uffd.Range { return nil }

// Close does nothing.
func (w *WorkingSet) Close() error { return nil }

// Accessed answers ErrClosed.
func (w *WorkingSet) Accessed(buf []pagemap.Region, f func(uffd.Range) error) error {
	return closed("accessed")
}

// Collect answers ErrClosed.
func (w *WorkingSet) Collect(buf []pagemap.Region, f func(uffd.Range) error) error {
	return closed("collect")
}

func notLinux() error {
	return &Error{Op: "open", Detail: "on a system that is not Linux", Err: errors.ErrUnsupported}
}

func closed(op string) error { return &Error{Op: op, Detail: "after the end", Err: ErrClosed} }
