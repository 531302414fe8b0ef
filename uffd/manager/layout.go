package manager

import (
	"fmt"
	"slices"

	"github.com/pageslot/pageslot/uffd"
)

// layout is what a process's registered memory holds, as far as it is known: an
// ordered list of segments that do not overlap. Neighbours that say the same are
// one segment. Nothing here makes a call.
type layout struct {
	segments []segment
}

// segment is a range of addresses whose pages come from one place.
type segment struct {
	start, end uint64 // end is not part of it
	from       *origin
	offset     int64 // in the source, of start; without a meaning in a zero segment
	zero       bool  // the pages hold zeros: their contents were given up, or there is no source
}

// at is the part of the segment from start to end.
func (s segment) at(start, end uint64) segment {
	if !s.zero {
		s.offset += int64(start - s.start)
	}
	s.start, s.end = start, end
	return s
}

// joins tells whether next goes on where s ends, with the same meaning.
func (s segment) joins(next segment) bool {
	return s.end == next.start && s.from == next.from && s.zero == next.zero &&
		(s.zero || s.offset+int64(s.end-s.start) == next.offset)
}

// span is the page that addr lies in, and the granule around it, clipped to the
// segment. It is false if the page is not wholly inside.
func (s segment) span(addr, granule uint64) (page, all uffd.Range, ok bool) {
	size := s.from.page
	page = uffd.Range{Start: addr - addr%size, Len: size}
	if page.Start < s.start || s.end-page.Start < size {
		return page, page, false
	}
	granule = (max(granule, size) + size - 1) / size * size
	start := addr - addr%granule
	end := start + granule
	if end < start {
		end = s.end
	}
	return page, uffd.Between(max(start, s.start), min(end, s.end)), true
}

// search is the index of the first segment that ends after addr.
func (l *layout) search(addr uint64) int {
	i, _ := slices.BinarySearchFunc(l.segments, addr, func(s segment, addr uint64) int {
		if s.end <= addr {
			return -1
		}
		return 1
	})
	return i
}

// find is the segment that addr lies in.
func (l *layout) find(addr uint64) (segment, bool) {
	i := l.search(addr)
	if i == len(l.segments) || l.segments[i].start > addr {
		return segment{}, false
	}
	return l.segments[i], true
}

// split makes addr a boundary, and returns the index of the first segment at or
// after it.
func (l *layout) split(addr uint64) int {
	i := l.search(addr)
	if i == len(l.segments) || l.segments[i].start >= addr {
		return i
	}
	s := l.segments[i]
	l.segments[i] = s.at(s.start, addr)
	l.segments = slices.Insert(l.segments, i+1, s.at(addr, s.end))
	return i + 1
}

// between makes both ends of a range boundaries, and returns the indices of the
// segments inside.
func (l *layout) between(start, end uint64) (int, int) {
	i := l.split(start)
	return i, max(i, l.split(end))
}

// join merges what can be merged from the segment before i up to the one at j.
func (l *layout) join(i, j int) {
	for k := min(j, len(l.segments)-1); k > 0 && k >= i; k-- {
		if l.segments[k-1].joins(l.segments[k]) {
			l.segments[k-1].end = l.segments[k].end
			l.segments = slices.Delete(l.segments, k, k+1)
		}
	}
}

// insert adds s. It is false, and nothing has changed, if something is there.
func (l *layout) insert(s segment) bool {
	i := l.search(s.start)
	if i < len(l.segments) && l.segments[i].start < s.end {
		return false
	}
	l.segments = slices.Insert(l.segments, i, s)
	l.join(i, i+1)
	return true
}

// unmap forgets a range.
func (l *layout) unmap(r uffd.Range) {
	start, end := bounds(r)
	i, j := l.between(start, end)
	l.segments = slices.Delete(l.segments, i, j)
	l.join(i, i)
}

// remove makes the pages of a range hold zeros. Only whole pages can be given up,
// so of larger ones what is wholly inside.
func (l *layout) remove(r uffd.Range) {
	start, end := bounds(r)
	first := l.search(start)
	last := first
	for i := first; i < len(l.segments) && l.segments[i].start < end; i++ {
		s := l.segments[i]
		size := s.from.page
		from, to := max(start, s.start), min(end-end%size, s.end)
		if over := start % size; over != 0 {
			from = max(from, start+size-over)
		}
		if from < to && !s.zero {
			a, b := l.between(from, to)
			for k := a; k < b; k++ {
				l.segments[k].zero = true
			}
			i = b - 1
		}
		last = i
	}
	l.join(first, last+1)
}

// remap moves what a range of length bytes at from holds to to. What was there
// already at the target gives way if over is set, and else stays. It returns the
// ranges at the target that were filled.
func (l *layout) remap(m uffd.Remap, over bool) []uffd.Range {
	start, end := bounds(uffd.Range{Start: m.From, Len: m.Len})
	i, j := l.between(start, end)
	moved := slices.Clone(l.segments[i:j])
	l.segments = slices.Delete(l.segments, i, j)
	l.join(i, i)
	if over {
		l.unmap(uffd.Range{Start: m.To, Len: m.Len})
	}
	var filled []uffd.Range
	for _, s := range moved {
		// Addresses count modulo 2^64: to may be below from.
		s.start, s.end = s.start-m.From+m.To, s.end-m.From+m.To
		if s.start < s.end {
			filled = l.fill(s, filled)
		}
	}
	return filled
}

// fill inserts s where nothing is, and appends where that was.
func (l *layout) fill(s segment, filled []uffd.Range) []uffd.Range {
	for at := s.start; at < s.end; {
		next, i := s.end, l.search(at)
		if i < len(l.segments) {
			there := l.segments[i]
			if there.start <= at {
				at = there.end
				continue
			}
			next = min(next, there.start)
		}
		l.insert(s.at(at, next))
		filled = append(filled, uffd.Between(at, next))
		at = next
	}
	return filled
}

// clone is a layout that goes its own way: that of a forked process.
func (l *layout) clone() layout { return layout{slices.Clone(l.segments)} }

// largest is the largest page size there is.
func (l *layout) largest() uint64 {
	size := systemPage
	for _, s := range l.segments {
		size = max(size, s.from.page)
	}
	return size
}

// bounds are a range's ends; a range that goes beyond the last address ends there.
func bounds(r uffd.Range) (start, end uint64) {
	if end := r.Start + r.Len; end >= r.Start {
		return r.Start, end
	}
	return r.Start, ^uint64(0)
}

// check tells what must never be.
func (l *layout) check() error {
	for i, s := range l.segments {
		switch {
		case s.start >= s.end || s.from == nil:
			return fmt.Errorf("segment %d is empty: %+v", i, s)
		case i > 0 && l.segments[i-1].end > s.start:
			return fmt.Errorf("segments %d and %d overlap or are out of order: %+v, %+v", i-1, i, l.segments[i-1], s)
		case i > 0 && l.segments[i-1].joins(s):
			return fmt.Errorf("segments %d and %d should be one: %+v, %+v", i-1, i, l.segments[i-1], s)
		}
	}
	return nil
}
