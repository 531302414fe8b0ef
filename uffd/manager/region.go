package manager

import (
	"fmt"
	"io"
	"math"
	"os"
	"syscall"

	"github.com/pageslot/pageslot/uffd"
)

// ID names a process that a Manager serves. It is not a process id: a Manager
// counts its processes from 1 on, forked ones too.
type ID int32

// Process is whose memory a descriptor stands for.
type Process struct {
	// PID is the process's id, and PidFD a descriptor of it from pidfd_open(2),
	// of which the Manager makes its own copy. One of them lets the Manager know
	// at once when the process ends, and kill it if [Kill] is chosen; it needs
	// neither. A PID can have become another process's; a pidfd cannot. 0 is none.
	PID   int
	PidFD int

	// Regions is where its registered memory lies and what it holds.
	Regions []Region
}

// Region is a range of a process's registered memory.
type Region struct {
	// Range is where it lies in that process, in whole pages.
	Range uffd.Range

	// Source holds what the pages hold at first: the page at Range.Start is at
	// Offset. If it ends (io.EOF) inside a page, zeros follow up to the page's
	// end; pages wholly beyond are an error, as with a mapped file. A nil Source
	// is zeros. One that is a [Viewer], such as [Bytes], is fastest.
	Source io.ReaderAt
	Offset int64

	// PageSize is that of the memory in bytes: 0 is the system's small page.
	// For hugetlbfs it must be given.
	PageSize uint64

	// Protect installs pages write-protected, so that the first write to each is
	// a fault of its own, which Options.OnWrite hears of. The memory must be
	// registered with uffd.ModeWP besides.
	Protect bool
}

// systemPage is the size of the kernel's small pages.
var systemPage = uint64(os.Getpagesize())

// largest is the limit of page sizes and granules: the buffer for a granule has to
// fit into 32 bits.
const largest = 1 << 30

// origin is what all pages of a Region have in common. Segments that come from the
// same Region share one, so it tells them apart without comparing sources.
type origin struct {
	source  io.ReaderAt
	viewer  Viewer // the source, if it is one
	page    uint64
	protect bool
}

// segment makes the region's first segment, or says what is wrong with it.
func (r Region) segment() (segment, error) {
	page := r.PageSize
	if page == 0 {
		page = systemPage
	}
	wrong := ""
	switch {
	case page&(page-1) != 0 || page < systemPage || page > largest:
		wrong = fmt.Sprintf("the page size, %d, is not a power of two from %d to %d", page, systemPage, largest)
	case r.Range.Len == 0:
		wrong = "the range is empty"
	case r.Range.Start%page != 0 || r.Range.Len%page != 0:
		wrong = fmt.Sprintf("it is not of whole pages of %d bytes", page)
	case r.Range.Start+r.Range.Len < r.Range.Start:
		wrong = "it reaches the end of the address space"
	case r.Offset < 0:
		wrong = fmt.Sprintf("the offset, %d, is negative", r.Offset)
	case r.Range.Len > math.MaxInt64 || r.Offset > math.MaxInt64-int64(r.Range.Len):
		wrong = fmt.Sprintf("the offset, %d, and the length go beyond 63 bits", r.Offset)
	default:
		viewer, _ := r.Source.(Viewer)
		return segment{
			start:  r.Range.Start,
			end:    r.Range.Start + r.Range.Len,
			from:   &origin{r.Source, viewer, page, r.Protect},
			offset: r.Offset,
			zero:   r.Source == nil,
		}, nil
	}
	return segment{}, fmt.Errorf("region %v: %s: %w", r.Range, wrong, errInvalid)
}

// newLayout is the layout of regions, all or none.
func newLayout(regions []Region) (layout, error) {
	var l layout
	return l, l.add(regions)
}

// add puts regions into the layout, all or none.
func (l *layout) add(regions []Region) error {
	next := l.clone()
	for _, r := range regions {
		s, err := r.segment()
		if err != nil {
			return err
		}
		if !next.insert(s) {
			return fmt.Errorf("region %v: it overlaps with another: %w", r.Range, errInvalid)
		}
	}
	*l = next
	return nil
}

var errInvalid = syscall.EINVAL
