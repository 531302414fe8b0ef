package main

import (
	"fmt"
	"slices"

	"github.com/pageslot/pageslot/highlevel"
)

// geometry is where the slots lie, as their leases say, and what follows from it
// for an access that misses. It is computed here and not asked from the pool, which
// is what it is to be held against.
type geometry struct {
	bases     []uintptr // of each slot
	stripes   int
	slotBytes uint64 // from one slot to the next
	max       uint64 // accessible at most
	faulting  uint64 // bytes from a base that are the slot's or fault
	guard     uint64 // the last of these that are guard
	preGuard  uint64 // ahead of the first slot of a slab
	page      uint64
}

// newGeometry computes from the configuration what it can, so that a layout which
// leaves out a guard does not pass for one without.
func newGeometry(l highlevel.Layout, c highlevel.Config) geometry {
	g := geometry{
		bases:     make([]uintptr, l.Slots),
		stripes:   l.Stripes,
		slotBytes: l.SlotBytes, preGuard: l.PreGuard, page: l.PageSize,
		max: roundUp(c.MaxMemory, l.PageSize), guard: roundUp(c.Guard, l.PageSize),
	}
	g.faulting = max(roundUp(c.Reservation, l.PageSize), g.max) + g.guard
	return g
}

func roundUp(n, page uint64) uint64 { return (n + page - 1) / page * page }

// check tells whether every slot begins at a page and has its bytes for itself, and
// its faulting region without another slot of its stripe.
func (g *geometry) check() error {
	for i, b := range g.bases {
		if b == 0 || uint64(b)%g.page != 0 {
			return fmt.Errorf("slot %d is at %#x, which is not the start of a page of %d bytes", i, b, g.page)
		}
	}
	if err := apart(g.bases, g.slotBytes); err != nil {
		return err
	}
	for s := range g.stripes {
		var own []uintptr
		for i := s; i < len(g.bases); i += g.stripes {
			own = append(own, g.bases[i])
		}
		if err := apart(own, g.faulting); err != nil {
			return err
		}
	}
	return nil
}

// apart tells whether addresses are that many bytes apart, or more.
func apart(bases []uintptr, bytes uint64) error {
	sorted := slices.Clone(bases)
	slices.Sort(sorted)
	for i := range sorted[1:] {
		if uint64(sorted[i+1]-sorted[i]) < bytes {
			return fmt.Errorf("slots at %#x and %#x are in each other's way: each needs %d bytes", sorted[i], sorted[i+1], bytes)
		}
	}
	return nil
}

// before is how many bytes directly ahead of a slot are inaccessible: those of the
// slot ahead that it can never open, or the guard where a slab begins.
func (g *geometry) before(slot int) uint64 {
	if slot > 0 && g.bases[slot]-g.bases[slot-1] == uintptr(g.slotBytes) {
		return g.slotBytes - g.max
	}
	return g.preGuard
}

// A place is where an access misses.
type place int

const (
	atEnd      place = iota // the size rounded up to a page
	pastEnd                 // 4095 bytes further
	lastGuard               // the last byte of the faulting region, the guard's if there is one
	justBefore              // the byte ahead of the slot
	pageBefore              // a page ahead of it
	numPlaces
)

var placeNames = [numPlaces]string{
	atEnd: "end of the last page", pastEnd: "4095 bytes further", lastGuard: "last byte of the faulting region",
	justBefore: "1 byte before the slot", pageBefore: "1 page before the slot",
}

// placeKeys are the names in JSON.
var placeKeys = [numPlaces]string{
	atEnd: "end", pastEnd: "end_plus_4095", lastGuard: "last_guard_byte",
	justBefore: "byte_before", pageBefore: "page_before",
}

func (p place) String() string { return placeNames[p] }

// A target is where to miss, and what is inaccessible around it: [lo, hi). Offsets
// count from the slot's base.
type target struct {
	off, lo, hi int64
	kind        highlevel.FaultKind
}

// target returns where place p is for a slot of which access bytes are open, and
// false if that is not inaccessible in this layout.
func (g *geometry) target(slot int, access uint64, p place) (target, bool) {
	t := target{lo: int64(access), hi: int64(g.faulting), kind: highlevel.FaultOutOfBounds}
	switch p {
	case atEnd:
		t.off = t.lo
	case pastEnd:
		t.off = t.lo + 4095
	case lastGuard:
		t.off = t.hi - 1
	case justBefore, pageBefore:
		t.lo, t.hi = -int64(g.before(slot)), 0
		t.off = -1
		if p == pageBefore {
			t.off = -int64(g.page)
		}
		t.kind = highlevel.FaultGuard
	}
	if t.off >= 0 && uint64(t.off) >= g.faulting-g.guard {
		t.kind = highlevel.FaultGuard
	}
	return t, t.lo <= t.off && t.off < t.hi
}

// run is a range of at most n inaccessible bytes with off in it, for a copy: it
// begins at off, or ends there where off is the last of them. It stays in one page,
// so that all of it is of one kind.
func (t target) run(n int64, page uint64) (start, end int64) {
	size := int64(page)
	if t.off+1 == t.hi {
		return max(t.lo, t.hi-min(n, size)), t.hi
	}
	next := (t.off + size) &^ (size - 1)
	return t.off, min(t.off+n, next, t.hi)
}
