package highlevel

import "errors"

// A slab is one mapping with a run of the pool's slots.
type slab struct {
	Slab
	addr uintptr
}

// mapSlabs reserves address space for all slots of a layout, in pieces of at most limit
// bytes. Where a piece does not fit between what is mapped already, all are tried again
// at half the size, down to one slot.
func mapSlabs(l Layout, limit uint64) ([]slab, error) { return mapSlabsBy(reserve, l, limit) }

func mapSlabsBy(reserve func(length uint64) (uintptr, error), l Layout, limit uint64) ([]slab, error) {
	for {
		pieces, err := l.Split(limit)
		if err != nil {
			return nil, err
		}
		slabs, err := mapAll(reserve, pieces)
		if err == nil {
			return slabs, nil
		}
		longest := pieces[0]
		if !errors.Is(err, ErrAddressSpace) || longest.Slots <= 1 {
			return nil, err
		}
		limit = longest.Bytes / 2
		if one := l.PreGuard + l.Faulting; limit < one {
			limit = one
		}
	}
}

func mapAll(reserve func(length uint64) (uintptr, error), pieces []Slab) ([]slab, error) {
	slabs := make([]slab, 0, len(pieces))
	for _, p := range pieces {
		addr, err := reserve(p.Bytes)
		if err != nil {
			return nil, errors.Join(err, unmapSlabs(slabs))
		}
		slabs = append(slabs, slab{p, addr})
	}
	return slabs, nil
}

func unmapSlabs(slabs []slab) error {
	var errs []error
	for _, s := range slabs {
		errs = append(errs, unreserve(s.addr, s.Bytes))
	}
	return errors.Join(errs...)
}
