//go:build !linux

package pagemap

import (
	"errors"
	"fmt"

	"github.com/pageslot/pageslot/uffd"
)

// See the Linux documentation for what each stands for. Here they are different
// bits and nothing else.
const (
	WPAllowed Categories = 1 << iota
	Written
	File
	Present
	Swapped
	PFNZero
	Huge
	SoftDirty
	Guard
	Accessed
)

// Map is an open page map, on Linux. Here there is none that is open.
type Map struct{}

// Open opens a page map on Linux; here it fails.
func Open(pid int) (*Map, error) {
	return nil, &Error{Op: "open", Detail: fmt.Sprintf("the page map of process %d: not a Linux system", pid), Err: errors.ErrUnsupported}
}

// Pid is 0.
func (m *Map) Pid() int { return 0 }

// FD is -1: the map is closed.
func (m *Map) FD() int { return -1 }

// Close does nothing.
func (m *Map) Close() error { return nil }

// The rest is as with a closed map: each call answers ErrClosed.

// Control answers ErrClosed.
func (m *Map) Control(f func(fd int) error) error { return closed("control") }

// Scan answers ErrClosed.
func (m *Map) Scan(r uffd.Range, q Query, into []Region) (n int, end uint64, err error) {
	return 0, r.Start, closed("PAGEMAP_SCAN")
}

// Walk answers ErrClosed.
func (m *Map) Walk(r uffd.Range, q Query, buf []Region, f func(Region) error) error {
	return closed("PAGEMAP_SCAN")
}

// Categories answers ErrClosed.
func (m *Map) Categories() (Categories, error) { return 0, closed("PAGEMAP_SCAN") }

// Entries answers ErrClosed.
func (m *Map) Entries(addr uint64, into []Entry) (n int, err error) { return 0, closed("read") }

func closed(op string) error { return &Error{Op: op, Detail: "of a page map", Err: ErrClosed} }
