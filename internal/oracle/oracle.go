package oracle

import (
	"sort"
)

// An Oracle knows the bytes of a memory that nobody has written to. It may be
// asked from many goroutines.
type Oracle interface {
	// Fill writes the bytes at [offset, offset+len(p)) to p.
	Fill(p []byte, offset uint64)
	// Size is from where on there are only zeros.
	Size() uint64
}

// Zeros is a memory without an image.
type Zeros struct{}

// Fill clears p.
func (Zeros) Fill(p []byte, _ uint64) { clear(p) }

// Size is 0.
func (Zeros) Size() uint64 { return 0 }

// pieces is a memory that holds runs of bytes with zeros between them.
type pieces struct {
	list []piece // by rising address; none overlaps another
	size uint64
}

type piece struct {
	start uint64
	data  []byte
}

func (m *pieces) Size() uint64 { return m.size }

func (m *pieces) Fill(p []byte, offset uint64) {
	clear(p)
	end := offset + uint64(len(p))
	// The first piece that ends behind offset, and all that begin before end.
	first := sort.Search(len(m.list), func(i int) bool {
		return m.list[i].start+uint64(len(m.list[i].data)) > offset
	})
	for _, x := range m.list[first:] {
		switch {
		case x.start >= end:
			return
		case x.start >= offset:
			copy(p[x.start-offset:], x.data)
		default:
			copy(p, x.data[offset-x.start:])
		}
	}
}
