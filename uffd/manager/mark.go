package manager

import (
	"errors"
	"syscall"

	"github.com/pageslot/pageslot/uffd"
)

// A page of private anonymous memory that is protected before it is there has a mark in
// its place (uffd.FeatureWPUnpopulated). The kernel puts neither zeros nor poison over a
// mark: it says that the page is there, and whoever is woken for that faults again.

// zeroPage is what is copied over a mark: that the kernel does.
var zeroPage = make([]byte, systemPage)

// zeros fills the range of small pages with zeros, or the first of them if it has a mark.
func (p *process) zeros(left uffd.Range) (uint64, error) {
	n, err := p.calls.Zero(left, 0)
	if n > 0 || !errors.Is(err, uffd.ErrExists) {
		return n, err
	}
	copied, copying := p.calls.Copy(left.Start, zeroPage, uffd.Protected)
	if errors.Is(copying, syscall.EINVAL) { // not registered for protection: there are no marks
		return n, err
	}
	return uint64(copied), copying
}

// unmark takes a mark away, or the protection of a page, and tells whether that can be.
func (p *process) unmark(page uffd.Range) bool {
	return p.calls.WriteUnprotect(page, uffd.DontWake) == nil
}
