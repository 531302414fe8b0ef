package track

import (
	"slices"

	"github.com/pageslot/pageslot/uffd"
)

// ranges are in ascending order, not empty, and do not touch: neighbours are one.
type ranges []uffd.Range

// from is the index of the first range that ends after addr.
func (s ranges) from(addr uint64) int {
	i, _ := slices.BinarySearchFunc(s, addr, func(r uffd.Range, addr uint64) int {
		if r.End() <= addr {
			return -1
		}
		return 1
	})
	return i
}

// overlaps tells whether any of r is in s.
func (s ranges) overlaps(r uffd.Range) bool {
	i := s.from(r.Start)
	return i < len(s) && s[i].Start < r.End()
}

// has tells whether all of r is in s.
func (s ranges) has(r uffd.Range) bool {
	i := s.from(r.Start)
	return i < len(s) && s[i].Start <= r.Start && r.End() <= s[i].End()
}

// add is s with r, which does not overlap it.
func (s ranges) add(r uffd.Range) ranges {
	i := s.from(r.Start)
	if i < len(s) && r.End() == s[i].Start {
		r.Len += s[i].Len
		s = slices.Delete(s, i, i+1)
	}
	if i > 0 && s[i-1].End() == r.Start {
		s[i-1].Len += r.Len
		return s
	}
	return slices.Insert(s, i, r)
}

// remove is s without r, all of which it has.
func (s ranges) remove(r uffd.Range) ranges {
	i := s.from(r.Start)
	before, after := uffd.Between(s[i].Start, r.Start), uffd.Between(r.End(), s[i].End())
	switch {
	case before.Len != 0 && after.Len != 0:
		s[i] = before
		return slices.Insert(s, i+1, after)
	case before.Len != 0:
		s[i] = before
	case after.Len != 0:
		s[i] = after
	default:
		return slices.Delete(s, i, i+1)
	}
	return s
}
