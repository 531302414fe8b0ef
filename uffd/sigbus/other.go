//go:build !linux

package sigbus

import (
	"errors"
	"io"

	"github.com/pageslot/pageslot/uffd"
)

// Poisoned is false here.
func (f Fault) Poisoned() bool { return false }

// Do serves faults on Linux. Here it fails without calling f.
func Do(f func(last Fault) error, regions ...Region) error {
	return &Error{Op: "do", Detail: "on a system that is not Linux", Err: errors.ErrUnsupported}
}

// From is a Region on Linux; here it fails.
func From(d Filler, r uffd.Range, source io.ReaderAt, o Options) (Region, error) {
	return Region{}, &Error{Op: "from", Detail: "on a system that is not Linux", Err: errors.ErrUnsupported}
}
