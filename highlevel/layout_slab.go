package highlevel

import "fmt"

// DefaultSlabLimit is how large a slab gets before a pool takes another one.
// One mapping of tens of TiB often finds no hole in a 47-bit address space
// with randomised mappings; pieces of 4 TiB do.
const DefaultSlabLimit uint64 = 4 << 40

// maxSlabs bounds what Split allocates: the kernel counts each slab as a
// mapping, of which a process has 65,530 unless its administrator raises that.
const maxSlabs = 1 << 16

// Slab is a run of consecutive slots that share one mapping, with the layout's
// pre-guard before them and its post-guard after them. What a Layout promises
// holds inside each slab by itself, wherever the others are mapped: the guards
// are its own, and its slots keep the colours of their numbers in the pool, so
// that within it, too, the next slot of a stripe is Stripes slots away.
type Slab struct {
	First int    // number of its first slot in the pool
	Slots int    // how many slots it holds; at least 1
	Bytes uint64 // size of the mapping, guards included
}

// Offset returns where the pool's slot i begins in the slab.
//
// Precondition: s.First <= i < s.First+s.Slots, and s is one of l's slabs.
func (s Slab) Offset(l Layout, i int) uint64 {
	return l.SlotOffset(i - s.First)
}

// Split spreads the slots over as few slabs of at most limit bytes as hold
// them. All slabs but the last hold the same number of slots, so slot i is in
// slab i / slabs[0].Slots. That number is a multiple of Stripes where limit
// has room for so many, which gives each slab its share of each stripe.
//
// A layout without slots has no slabs. When not even one slot fits in limit,
// when the slabs would be more than 65,536, or when they with their guards pass
// what is addressable, the error is a *LayoutError for ErrAddressSpace.
func (l Layout) Split(limit uint64) ([]Slab, error) {
	return l.split(limit, addressable)
}

// split is Split for an address space of the given size.
func (l Layout) split(limit, space uint64) ([]Slab, error) {
	if l.Slots == 0 {
		return nil, nil
	}
	one, ok := l.slabBytes(1, limit)
	if !ok {
		return nil, slabLimit(limit, "at least %d bytes, for one slot with its guards", l.PreGuard+l.Faulting)
	}
	per := l.Slots
	if _, ok := l.slabBytes(per, limit); !ok {
		// SlotBytes is not 0: else all slots would take as much as one.
		per = int((limit-one)/l.SlotBytes) + 1
		if per > l.Stripes {
			per -= per % l.Stripes
		}
	}
	count := (l.Slots-1)/per + 1
	if count > maxSlabs {
		return nil, slabLimit(limit, "enough for %d slots in at most %d slabs", l.Slots, maxSlabs)
	}
	slabs := make([]Slab, 0, count)
	var sum uint64
	for i := range count {
		first := i * per
		n := min(per, l.Slots-first)
		size, _ := l.slabBytes(n, limit)
		if sum, ok = add(sum, size, space); !ok {
			return nil, slabLimit(limit, "slabs that together take at most %d bytes with their guards", space)
		}
		slabs = append(slabs, Slab{First: first, Slots: n, Bytes: size})
	}
	return slabs, nil
}

func slabLimit(limit uint64, want string, args ...any) error {
	return &LayoutError{
		Field: "slab limit",
		Value: fmt.Sprint(limit),
		Want:  fmt.Sprintf(want, args...),
		Err:   ErrAddressSpace,
	}
}
