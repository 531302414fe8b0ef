package memfd

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Segment is bytes at an offset of a memory. Offset and length are free: they
// need not be multiples of anything.
type Segment struct {
	Offset uint64
	Data   []byte
}

// Page is a whole page of a memory: Index 3 is the fourth. Its size is that of
// [ImageOptions].PageSize.
type Page struct {
	Index uint64
	Data  []byte
}

// span is a range of bytes that begins and ends at a page.
type span struct{ start, end uint64 }

// contents is what a file has to hold. It is computed, purely, before the file
// is made.
type contents struct {
	segments []Segment // not empty, sorted, without overlaps
	data     []span    // the pages that are not all zeros, sorted, not touching
}

// offset is where the first page of data begins.
func (c *contents) offset() uint64 {
	if len(c.data) == 0 {
		return 0
	}
	return c.data[0].start
}

// end is where the last page of data ends.
func (c *contents) end() uint64 {
	if len(c.data) == 0 {
		return 0
	}
	return c.data[len(c.data)-1].end
}

// plan checks the segments and finds out which pages hold something.
func plan(segments []Segment, limit uint64, laterWins bool, page uint64) (contents, error) {
	sorted, err := arrange(segments, limit, laterWins)
	if err != nil {
		return contents{}, err
	}
	return contents{segments: sorted, data: dataPages(sorted, page)}, nil
}

// arrange returns the segments that are not empty, in order and without
// overlaps.
func arrange(segments []Segment, limit uint64, laterWins bool) ([]Segment, error) {
	order := make([]int, 0, len(segments))
	for i, s := range segments {
		if s.Offset > limit || uint64(len(s.Data)) > limit-s.Offset {
			return nil, fmt.Errorf("%w: %s, the limit is %#x", ErrRange, describe(segments, i), limit)
		}
		if len(s.Data) != 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(segments[a].Offset, segments[b].Offset) })

	sorted := make([]Segment, len(order))
	overlap := false
	for k, i := range order {
		sorted[k] = segments[i]
		// A segment that overlaps any of those before it overlaps its
		// neighbour, if none of those before it overlap.
		if k == 0 || segments[order[k-1]].end() <= segments[i].Offset {
			continue
		}
		if !laterWins {
			first, second := min(i, order[k-1]), max(i, order[k-1])
			return nil, fmt.Errorf("%w: %s and %s", ErrOverlap, describe(segments, first), describe(segments, second))
		}
		overlap = true
	}
	if overlap {
		sorted = flatten(segments, order)
	}
	return sorted, nil
}

// end is the offset of the first byte behind the segment, which arrange has
// checked not to overflow.
func (s Segment) end() uint64 { return s.Offset + uint64(len(s.Data)) }

// describe names a segment in an error.
func describe(segments []Segment, i int) string {
	s := segments[i]
	if uint64(len(s.Data)) > math.MaxUint64-s.Offset {
		return fmt.Sprintf("segment %d (%d bytes at %#x, past the last address)", i, len(s.Data), s.Offset)
	}
	return fmt.Sprintf("segment %d [%#x, %#x)", i, s.Offset, s.end())
}

// dataPages finds the pages that hold a byte other than zero.
func dataPages(sorted []Segment, page uint64) []span {
	var data []span
	for _, s := range sorted {
		for pos, rest := s.Offset, s.Data; len(rest) > 0; {
			start := pos &^ (page - 1)
			n := min(start+page-pos, uint64(len(rest)))
			last := len(data) - 1
			switch {
			case last >= 0 && data[last].end > start: // known from the segment before
			case allZero(rest[:n]):
			case last >= 0 && data[last].end == start:
				data[last].end = start + page
			default:
				data = append(data, span{start, start + page})
			}
			pos, rest = pos+n, rest[n:]
		}
	}
	return data
}

var zeros [4096]byte

// allZero compares with zeros in pieces: that runs at the speed of memory.
func allZero(b []byte) bool {
	for len(b) > 0 {
		n := min(len(b), len(zeros))
		if !bytes.Equal(b[:n], zeros[:n]) {
			return false
		}
		b = b[n:]
	}
	return true
}

// pieces calls write for the parts of the segments that lie in pages of data,
// in order, until it fails.
func (c *contents) pieces(write func(offset uint64, data []byte) error) error {
	next := 0
	for _, s := range c.segments {
		for next < len(c.data) && c.data[next].end <= s.Offset {
			next++
		}
		for _, d := range c.data[next:] {
			if d.start >= s.end() {
				break
			}
			from, to := max(d.start, s.Offset), min(d.end, s.end())
			if err := write(from, s.Data[from-s.Offset:to-s.Offset]); err != nil {
				return err
			}
		}
	}
	return nil
}

// within cuts spans to [from, to), which begins and ends at a page.
func within(data []span, from, to uint64) []span {
	var cut []span
	for _, d := range data {
		if d = (span{max(d.start, from), min(d.end, to)}); d.start < d.end {
			cut = append(cut, d)
		}
	}
	return cut
}

// fromPages makes segments of pages.
func fromPages(pages []Page, size uint64) ([]Segment, error) {
	segments := make([]Segment, len(pages))
	for i, p := range pages {
		if uint64(len(p.Data)) != size {
			return nil, fmt.Errorf("%w: page %d (index %#x) has %d bytes, pages have %d", ErrRange, i, p.Index, len(p.Data), size)
		}
		if p.Index > math.MaxUint64/size {
			return nil, fmt.Errorf("%w: page %d (index %#x) of %d bytes lies past the last address", ErrRange, i, p.Index, size)
		}
		segments[i] = Segment{Offset: p.Index * size, Data: p.Data}
	}
	return segments, nil
}
