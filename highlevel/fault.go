package highlevel

import (
	"fmt"
	"runtime"
)

// FaultKind says where an access went wrong, seen from the lease that made it.
type FaultKind uint8

const (
	// FaultOutOfBounds: behind the lease's accessible bytes, inside the reservation.
	FaultOutOfBounds FaultKind = iota
	// FaultGuard: in the guard behind the reservation, or ahead of the slot.
	FaultGuard
	// FaultOther: in the lease's own memory, which could not be had (out of memory, an
	// operation that failed), or elsewhere in the pool.
	FaultOther

	numFaultKinds
)

func (k FaultKind) String() string {
	switch k {
	case FaultOutOfBounds:
		return "out of bounds"
	case FaultGuard:
		return "guard"
	case FaultOther:
		return "other"
	}
	return fmt.Sprintf("FaultKind(%d)", uint8(k))
}

// A FaultError is an access to a pool's memory that faulted inside [Lease.Do].
//
// Go tells the address of a fault and nothing else, so the kind follows from the lease's
// own state: whoever the neighbour is, its memory is out of bounds for this one. Whether it
// was a read or a write is not known. On s390x the address is that of the page.
type FaultError struct {
	Slot   int
	Offset int64 // from the lease's base; negative ahead of it
	Size   uint64
	Kind   FaultKind
	Cause  error // the runtime's own error
}

func (e *FaultError) Error() string {
	return fmt.Sprintf("pool: fault in slot %d at offset %d (%v; size %d): %v", e.Slot, e.Offset, e.Kind, e.Size, e.Cause)
}

// Unwrap returns the runtime's error.
func (e *FaultError) Unwrap() error { return e.Cause }

// fault makes an error of a recovered panic, if it is a fault in the slab of the entry.
func (p *Pool) fault(e *entry, recovered any) *FaultError {
	cause, ok := recovered.(interface {
		runtime.Error
		Addr() uintptr
	})
	if !ok {
		return nil
	}
	at := uint64(cause.Addr())
	if p.where.Locate(at).Kind == RegionNone {
		return nil
	}
	s := &p.slabs[e.index/p.slabs[0].Slots]
	size := e.length.Load()
	f := &FaultError{Slot: e.index, Offset: int64(at) - int64(e.slot.base), Size: size, Kind: FaultOther, Cause: cause}
	if at-uint64(s.addr) < s.Bytes {
		f.Kind = p.layout.classify(f.Offset, size, int64(p.layout.Before(s.First, e.index)), p.config.Guard)
	}
	p.faults[f.Kind].Add(1)
	return f
}

// classify says what an offset is to a lease of the given size. before is how many bytes
// ahead of the slot are inaccessible, and the last guard bytes of the faulting region are
// the guard.
func (l Layout) classify(off int64, size uint64, before int64, guard uint64) FaultKind {
	accessible := (size + l.PageSize - 1) &^ (l.PageSize - 1)
	switch {
	case off < -before:
		return FaultOther
	case off < 0:
		return FaultGuard
	case uint64(off) < accessible || uint64(off) >= l.Faulting:
		return FaultOther
	case uint64(off) < l.Faulting-min(roundedGuard(guard, l.PageSize), l.Faulting):
		return FaultOutOfBounds
	}
	return FaultGuard
}

func roundedGuard(guard, page uint64) uint64 { return (guard + page - 1) &^ (page - 1) }
