package highlevel

import (
	"fmt"
	"math/bits"
)

// Constraints say what a pool of memories must hold. All sizes are in bytes
// and need not be multiples of a page: NewLayout rounds each of them up.
type Constraints struct {
	// Slots is how many memories the pool can hold at once.
	Slots int

	// MaxMemory is the largest accessible size that a memory can grow to.
	MaxMemory uint64

	// Reservation is how far from its base a slot's user may reach without
	// checking: an access in [0, Reservation) that is not to the accessible
	// part must fault. A Reservation below MaxMemory counts as MaxMemory.
	Reservation uint64

	// Guard is what must fault beyond the reservation: the largest constant
	// offset that a user adds without checking.
	Guard uint64

	// GuardBefore asks for a guard's worth of faulting bytes before each slot
	// too, for offsets that may turn out negative.
	GuardBefore bool

	// Keys is how many protection keys there are to colour slots with. Below
	// two, slots are kept apart by address space alone.
	Keys int

	// PageSize is the size of a page, a power of two. It has no default here,
	// so that the arithmetic depends on nothing but its arguments; pass
	// os.Getpagesize() for this machine.
	PageSize uint64
}

// Layout is where the slots of a pool lie. It is a plan, pure arithmetic over
// Constraints: nothing is mapped.
//
// With one stripe, each slot carries its own guard:
//
//	┌─────────┬───────────────────────┬───────────────────────┬───┬──────────────────────┐
//	│ PreGuard│ slot 0 ....           │ slot 1 ....           │ … │ slot n-1 ....        │
//	└─────────┴───────────────────────┴───────────────────────┴───┴──────────────────────┘
//	          ├───────┤ MaxMemory     .
//	          ├───────────────────────┤ SlotBytes = Faulting
//
// With protection keys, slots are coloured in turn, A B C A B C, and a thread
// holds the rights of one colour (a stripe) only. Another stripe's slot faults
// like a guard, so it serves as one, and slots move together:
//
//	┌─────────┬───────┬───────┬───────┬───────┬───────┬───────┬───────────────┐
//	│ PreGuard│ 0: A  │ 1: B  │ 2: C  │ 3: A  │ 4: B  │ 5: C  │   PostGuard   │
//	└─────────┴───────┴───────┴───────┴───────┴───────┴───────┴───────────────┘
//	          ├───────┤ SlotBytes
//	          ├───────────────────────┤ Faulting <= Stripes × SlotBytes
//	                  the last slot's  ├──────────────────────┤
//
// What holds, for every slot, however the slots are spread over slabs (Split),
// and is proved page by page in layout_proof_test.go:
//
//   - each address in [base, base+Faulting) lies inside the slab, and is the
//     slot's own memory, or another stripe's slot, or in no slot's accessible
//     part;
//   - with GuardBefore, so does each address in [base-Guard, base), where the
//     slot's own memory does not reach;
//   - this is so at MaxMemory 0 too: a memory of no bytes still has its whole
//     faulting region (wasmtime's CVE-2022-39392 was to map none).
//
// Why it holds. The next slot of the same stripe begins Stripes × SlotBytes
// later, and SlotBytes is at least Faulting/Stripes rounded up to a page, so
// it begins no earlier than the faulting region ends. The one before ends its
// accessible part at least Faulting - MaxMemory >= Guard bytes before the slot.
// The last slot of a slab has SlotBytes + PostGuard = Faulting bytes, and each
// earlier slot has more.
type Layout struct {
	Slots   int // memories in all
	Stripes int // colours; slot i has colour i modulo Stripes; at least 1

	SlotBytes uint64 // from one slot's base to the next's
	MaxMemory uint64 // the accessible part's limit, whole pages
	Faulting  uint64 // max(Reservation, MaxMemory) + Guard, whole pages
	PreGuard  uint64 // before the first slot of each slab
	PostGuard uint64 // after the last slot of each slab: Faulting - SlotBytes
	Total     uint64 // bytes of one slab with all slots; see Split for several

	PageSize uint64 // as in the constraints
}

// NewLayout computes the layout that c asks for.
//
// There is one stripe when there is no guard to save, when MaxMemory or Slots
// is 0, or with fewer than two keys. Otherwise there are as few stripes as
// cover the faulting region, and never more than Keys or Slots:
//
//	Stripes   = min(Keys, Slots, ⌈Faulting / MaxMemory⌉)
//	SlotBytes = max(⌈Faulting / Stripes⌉, MaxMemory), in whole pages
//
// Fewer stripes mean more slots in each, so that a tenant, who keeps to one
// stripe, runs out later.
//
// Layouts that do not fit in this process's uintptr are refused with
// ErrAddressSpace, malformed constraints with ErrInvalid; both come as a
// *LayoutError that names the field.
func NewLayout(c Constraints) (Layout, error) {
	return newLayout(c, addressable)
}

// addressable is the size of the largest region that an address of this
// process can span.
const addressable = uint64(^uintptr(0))

// newLayout is NewLayout for an address space of the given size.
func newLayout(c Constraints, limit uint64) (Layout, error) {
	if err := c.check(); err != nil {
		return Layout{}, err
	}
	maxMemory, ok := roundUp(c.MaxMemory, c.PageSize, limit)
	if !ok {
		return Layout{}, tooLarge("MaxMemory", c.MaxMemory, limit)
	}
	reservation, ok := roundUp(c.Reservation, c.PageSize, limit)
	if !ok {
		return Layout{}, tooLarge("Reservation", c.Reservation, limit)
	}
	guard, ok := roundUp(c.Guard, c.PageSize, limit)
	if !ok {
		return Layout{}, tooLarge("Guard", c.Guard, limit)
	}
	reach := max(reservation, maxMemory)
	faulting, ok := add(reach, guard, limit)
	if !ok {
		return Layout{}, tooLarge("Guard", guard, limit-reach)
	}

	l := Layout{
		Slots:     c.Slots,
		Stripes:   1,
		SlotBytes: faulting,
		MaxMemory: maxMemory,
		Faulting:  faulting,
		PageSize:  c.PageSize,
	}
	if guard != 0 && maxMemory != 0 && c.Slots != 0 && c.Keys >= 2 {
		l.Stripes = int(min(uint64(c.Keys), uint64(c.Slots), ceilDiv(faulting, maxMemory)))
		// Divided in pages: rounding bytes down first, and the result up to a
		// page, would lose up to Stripes-1 bytes, which with more stripes than
		// a page has bytes is a page too few.
		pages := ceilDiv(faulting/c.PageSize, uint64(l.Stripes))
		l.SlotBytes = max(pages*c.PageSize, maxMemory)
	}
	if c.GuardBefore {
		l.PreGuard = guard
	}
	// SlotBytes is at most Faulting, since both of its operands are.
	l.PostGuard = l.Faulting - l.SlotBytes

	if l.Total, ok = l.slabBytes(l.Slots, limit); !ok {
		return Layout{}, &LayoutError{
			Field: "Slots",
			Value: fmt.Sprint(c.Slots),
			Want: fmt.Sprintf("slots of %d bytes with %d bytes of guards in at most %d bytes",
				l.SlotBytes, saturatingAdd(l.PreGuard, l.PostGuard), limit),
			Err: ErrAddressSpace,
		}
	}
	return l, nil
}

// check refuses what no arithmetic can repair.
func (c Constraints) check() error {
	switch {
	case c.Slots < 0:
		return invalid("Slots", c.Slots, "0 or more")
	case c.Keys < 0:
		return invalid("Keys", c.Keys, "0 or more")
	case bits.OnesCount64(c.PageSize) != 1:
		return invalid("PageSize", c.PageSize, "a power of two")
	}
	return nil
}

// SlotOffset returns where slot i begins in a slab that holds every slot. For
// a pool in several slabs it is Slab.Offset.
//
// Precondition: 0 <= i < l.Slots.
func (l Layout) SlotOffset(i int) uint64 {
	return l.PreGuard + uint64(i)*l.SlotBytes
}

// NextInStripe returns the distance from a slot's base to the base of the next
// slot of the same stripe. It is never below Faulting.
func (l Layout) NextInStripe() uint64 {
	return l.SlotBytes * uint64(l.Stripes)
}

// Before returns how many bytes directly before the base of slot i, counted in
// the slab that begins with slot first, are inaccessible with the rights of
// the slot's stripe: up to the previous slot of that stripe, or to the start
// of the slab. With GuardBefore it is never below the guard.
//
// Precondition: 0 <= first <= i < l.Slots.
func (l Layout) Before(first, i int) uint64 {
	if i-first >= l.Stripes {
		return l.NextInStripe() - l.MaxMemory
	}
	return l.PreGuard + uint64(i-first)*l.SlotBytes
}

// slabBytes returns the size of a slab of n slots with its guards, and whether
// it is at most limit.
func (l Layout) slabBytes(n int, limit uint64) (uint64, bool) {
	hi, slots := bits.Mul64(uint64(n), l.SlotBytes)
	if hi != 0 {
		return 0, false
	}
	sum, ok := add(slots, l.PreGuard, limit)
	if !ok {
		return 0, false
	}
	return add(sum, l.PostGuard, limit)
}
