package memfd

import (
	"fmt"
	"math"
	"os"
)

// DefaultLimit is where an image's bytes must end unless
// [ImageOptions].Limit says otherwise: 1 GiB.
const DefaultLimit = 1 << 30

// ImageOptions say how an image is built. The zero value is good for most.
type ImageOptions struct {
	// Name shows in /proc/self/maps. The default is "pageslot-image".
	Name string

	// Limit is the largest offset at which a segment may end. The default, 0,
	// is DefaultLimit. The kernel sets the largest one there can be, 2^63 bytes
	// less a page.
	Limit uint64

	// PageSize is the size of the pages given to [NewImageFromPages]; those of
	// WebAssembly have 64 KiB. The default, 0, is os.Getpagesize(). It need not
	// be a multiple of that.
	PageSize uint64

	// LaterWins allows segments to overlap: where they do, the later one in the
	// slice counts, as with the data segments of a WebAssembly module. The
	// default is to refuse them (ErrOverlap).
	LaterWins bool
}

// withDefaults fills in what is zero and checks the rest.
func (o ImageOptions) withDefaults() (ImageOptions, error) {
	page := uint64(os.Getpagesize())
	if o.Name == "" {
		o.Name = "pageslot-image"
	}
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	if o.PageSize == 0 {
		o.PageSize = page
	}
	if largest := math.MaxInt64 &^ (page - 1); o.Limit > largest {
		return o, fmt.Errorf("%w: the limit %#x is above %#x", ErrRange, o.Limit, largest)
	}
	return o, nil
}
