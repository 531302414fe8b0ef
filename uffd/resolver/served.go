package resolver

import (
	"fmt"
	"slices"

	"github.com/pageslot/pageslot/uffd"
)

// served is a rule in force, with the memory in which its notes are.
type served struct {
	Rule
	source uffd.Range // where Source lies
	notes  notes
}

// service is all rules in force, in ascending order. It is never changed: a change
// makes a new one.
type service []*served

func overlap(a, b uffd.Range) bool { return a.Start < b.End() && b.Start < a.End() }

// with is the service with more rules, or what gets in the way.
func (s service) with(more service) (service, error) {
	all := append(slices.Clone(s), more...)
	slices.SortFunc(all, func(a, b *served) int {
		if a.Range.Start < b.Range.Start {
			return -1
		}
		return 1
	})
	for i := 1; i < len(all); i++ {
		if overlap(all[i-1].Range, all[i].Range) {
			return nil, fmt.Errorf("%v and %v: %w", all[i-1].Range, all[i].Range, ErrOverlap)
		}
	}
	for _, x := range all {
		if y := all.overlapping(x.source); y != nil {
			return nil, fmt.Errorf("the source of %v is %v, and %v is served: %w", x.Range, x.source, y.Range, ErrOwnSource)
		}
	}
	return all, nil
}

// overlapping is the first rule that has some of a range, or nil.
func (s service) overlapping(r uffd.Range) *served {
	i, _ := slices.BinarySearchFunc(s, r.Start, func(x *served, start uint64) int {
		if x.Range.End() <= start {
			return -1
		}
		return 1
	})
	if r.Len > 0 && i < len(s) && overlap(s[i].Range, r) {
		return s[i]
	}
	return nil
}

// rule is the one for exactly this range, or nil.
func (s service) rule(r uffd.Range) *served {
	if x := s.overlapping(r); x != nil && x.Range == r {
		return x
	}
	return nil
}

// without is the service without some rules.
func (s service) without(some service) service {
	return slices.DeleteFunc(slices.Clone(s), func(x *served) bool { return slices.Contains(some, x) })
}
