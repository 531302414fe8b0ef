package sigbus

import "github.com/pageslot/pageslot/uffd"

// Filler puts pages where none are: a *uffd.Descriptor.
type Filler interface {
	CopyAll(dst uint64, src []byte, flags uffd.Flags, r uffd.Retry) (int, error)
	Enabled() uffd.Features
}

// Options say how From provides pages. The zero value is good for most.
type Options struct {
	// Offset is where in the source the range begins, in bytes.
	Offset int64

	// Granule is how much is provided for one fault, in bytes: the block of this size
	// around the page, counted from the beginning of the range. A fault costs more than
	// copying a page, so more than one at once is cheaper by far, if they are
	// touched. 0 is 64 KiB; anything up to the page size means one page. Pages that
	// are there already stay as they are, but not those that are poisoned: Copy puts
	// a page there. Memory with such needs a granule of one page.
	Granule uint64

	// PageSize and Patience are those of the Region.
	PageSize uint64
	Patience int

	// Flags are those of uffd.Descriptor.Copy: uffd.Protected.
	Flags uffd.Flags

	// Changing is that of uffd.Retry. It is for descriptors with events.
	Changing func() error
}

const granule = 64 << 10

func (o *Options) granule(page uint64) uint64 {
	if o.Granule == 0 {
		return max(granule, page)
	}
	return max(o.Granule, page)
}
