package highlevel

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"sort"
)

// RegionKind says what an address belongs to.
type RegionKind uint8

const (
	// RegionNone is memory that no pool knows of.
	RegionNone RegionKind = iota
	// RegionMemory is a memory's slot, with the guard that belongs to it.
	RegionMemory
	// RegionTable is a table's slot.
	RegionTable
	// RegionGuard is the guard before the first slot of a slab or after the
	// last one.
	RegionGuard
)

// String returns the kind's name.
func (k RegionKind) String() string {
	switch k {
	case RegionNone:
		return "none"
	case RegionMemory:
		return "memory"
	case RegionTable:
		return "table"
	case RegionGuard:
		return "guard"
	}
	return fmt.Sprintf("RegionKind(%#x)", uint8(k))
}

// Location is what an address means to a pool. It says nothing about whether
// the address is accessible now: that depends on the size that the slot's user
// has grown to, against which Offset is to be held.
type Location struct {
	Kind RegionKind

	// Slot is the pool's number of the memory or table. For a guard it is the
	// slot that the guard lies beside.
	Slot int

	// Instance and Index say whose slot it is, where each instance has several:
	// the instance's slot number Index. Not set for a guard.
	Instance, Index int

	// Offset is the distance from the slot's base; for a guard, from the
	// guard's start.
	Offset uint64

	// Page is the number, within the slot, of the page that holds the address;
	// PageAddr and PageBytes are where it lies. The last page of a slot may be
	// short: a slot need not hold whole pages of the size that a Locator counts
	// in. Not set for a guard.
	Page, PageAddr, PageBytes uint64
}

// PlacedSlab is a slab and the address at which it is mapped.
type PlacedSlab struct {
	Slab
	Base uint64
}

// PlacedMemories is a pool of memories where it is mapped.
type PlacedMemories struct {
	Layout Layout
	Slabs  []PlacedSlab // in the order of their slots, as Split returns them

	// PerInstance is how many slots belong to each instance, one after the other
	// in the same stripe; 0 counts as 1. With one stripe, instance 0 has the
	// first PerInstance slots, instance 1 the next; with more, instances take
	// turns as slots do, so that each keeps to a stripe.
	PerInstance int

	// PageSize is the unit in which Location counts pages, a power of two and
	// no less than the layout's page, which 0 stands for. A wasm runtime that
	// fills memories by wasm pages passes 64 KiB.
	PageSize uint64
}

// PlacedTables is a pool of tables where it is mapped, in one piece.
type PlacedTables struct {
	Layout      TableLayout
	Base        uint64
	PerInstance int // how many consecutive tables belong to each instance; 0 counts as 1
}

// Locator finds what an address belongs to. It is what a fault handler asks
// first, so Locate allocates nothing and takes no lock; a Locator does not
// change once made and may be used from anywhere.
//
// Addresses are uint64, since they may be another process's.
type Locator struct {
	memories PlacedMemories // its slabs by address
	tables   PlacedTables
}

// NewLocator returns a Locator over a pool of memories and one of tables. Each
// may be empty. It refuses, with a *LayoutError for ErrInvalid, slabs that
// don't follow from the layout, bases that are zero or not whole pages, and
// regions that overlap or pass the end of the address space.
func NewLocator(m PlacedMemories, t PlacedTables) (*Locator, error) {
	l := &Locator{memories: m, tables: t}
	l.memories.PerInstance = max(m.PerInstance, 1)
	l.tables.PerInstance = max(t.PerInstance, 1)
	if m.PageSize == 0 {
		l.memories.PageSize = m.Layout.PageSize
	}
	l.memories.Slabs = slices.Clone(m.Slabs)

	if err := l.check(); err != nil {
		return nil, err
	}
	slices.SortFunc(l.memories.Slabs, func(a, b PlacedSlab) int { return cmp.Compare(a.Base, b.Base) })
	if err := l.checkOverlap(); err != nil {
		return nil, err
	}
	return l, nil
}

// Locate returns what addr belongs to.
func (l *Locator) Locate(addr uint64) Location {
	slabs := l.memories.Slabs
	// The last slab that begins at or before addr.
	i := sort.Search(len(slabs), func(i int) bool { return slabs[i].Base > addr }) - 1
	if i >= 0 && addr-slabs[i].Base < slabs[i].Bytes {
		return l.memories.locate(&slabs[i], addr-slabs[i].Base)
	}
	if rel := addr - l.tables.Base; addr >= l.tables.Base && rel < l.tables.Layout.Total {
		return l.tables.locate(rel)
	}
	return Location{}
}

// locate returns what lies rel bytes into the slab.
func (m *PlacedMemories) locate(s *PlacedSlab, rel uint64) Location {
	l := &m.Layout
	if rel < l.PreGuard {
		return Location{Kind: RegionGuard, Slot: s.First, Offset: rel}
	}
	rel -= l.PreGuard
	if end := uint64(s.Slots) * l.SlotBytes; rel >= end {
		return Location{Kind: RegionGuard, Slot: s.First + s.Slots - 1, Offset: rel - end}
	}
	n := rel / l.SlotBytes
	loc := Location{Kind: RegionMemory, Slot: s.First + int(n)}
	stripe, index := l.Stripe(loc.Slot)
	loc.Instance, loc.Index = l.Slot(stripe, index/m.PerInstance), index%m.PerInstance
	loc.fill(s.Base+l.PreGuard+n*l.SlotBytes, rel%l.SlotBytes, l.SlotBytes, m.PageSize)
	return loc
}

// locate returns what lies rel bytes into the tables.
func (t *PlacedTables) locate(rel uint64) Location {
	l := &t.Layout
	n := rel / l.TableBytes
	loc := Location{Kind: RegionTable, Slot: int(n), Instance: int(n) / t.PerInstance, Index: int(n) % t.PerInstance}
	loc.fill(t.Base+n*l.TableBytes, rel%l.TableBytes, l.TableBytes, l.PageSize)
	return loc
}

// fill sets what follows from the slot: its base, the offset in it, its size.
func (loc *Location) fill(base, offset, size, page uint64) {
	loc.Offset = offset
	loc.Page = offset / page
	start := loc.Page * page
	loc.PageAddr = base + start
	loc.PageBytes = min(page, size-start)
}

// check refuses what does not follow from the layouts.
func (l *Locator) check() error {
	m, t := &l.memories, &l.tables
	if len(m.Slabs) != 0 {
		if m.Layout.Stripes < 1 {
			return invalid("Stripes", m.Layout.Stripes, "1 or more, as NewLayout returns")
		}
		if err := checkPages("PageSize", m.PageSize, m.Layout.PageSize); err != nil {
			return err
		}
	}
	next := 0
	for i, s := range m.Slabs {
		field := fmt.Sprintf("slab %d", i)
		size, ok := m.Layout.slabBytes(s.Slots, ^uint64(0))
		if s.First != next || s.Slots < 1 || !ok || size != s.Bytes {
			return invalid(field, s.Slab, fmt.Sprintf("one that begins with slot %d, in the layout's size", next))
		}
		if err := checkPlace(field, s.Base, s.Bytes, m.Layout.PageSize); err != nil {
			return err
		}
		next += s.Slots
	}
	if next != m.Layout.Slots {
		return invalid("slabs", next, fmt.Sprintf("as many slots as the layout has: %d", m.Layout.Slots))
	}
	if t.Layout.Total == 0 {
		return nil
	}
	if err := checkPages("PageSize of tables", t.Layout.PageSize, t.Layout.PageSize); err != nil {
		return err
	}
	if t.Layout.Tables < 1 || uint64(t.Layout.Tables)*t.Layout.TableBytes != t.Layout.Total {
		return invalid("tables", t.Layout, "a layout that NewTableLayout returned")
	}
	return checkPlace("tables", t.Base, t.Layout.Total, t.Layout.PageSize)
}

// checkPages refuses a unit of counting that is no power of two, or less than
// the layout's own.
func checkPages(field string, unit, page uint64) error {
	if bits.OnesCount64(page) != 1 || bits.OnesCount64(unit) != 1 || unit < page {
		return invalid(field, unit, fmt.Sprintf("a power of two, at least the layout's %d", page))
	}
	return nil
}

// checkPlace refuses a base at which no mapping of the given size can be.
func checkPlace(field string, base, size, page uint64) error {
	if _, ok := add(base, size, ^uint64(0)); base == 0 || base%page != 0 || !ok {
		return invalid(field+" at", fmt.Sprintf("%#x", base),
			fmt.Sprintf("a multiple of %d, not 0, with %d bytes before the end of the address space", page, size))
	}
	return nil
}

// checkOverlap refuses regions that share an address; the slabs are sorted.
func (l *Locator) checkOverlap() error {
	slabs := l.memories.Slabs
	for i := 1; i < len(slabs); i++ {
		if slabs[i].Base-slabs[i-1].Base < slabs[i-1].Bytes {
			return invalid("slab at", fmt.Sprintf("%#x", slabs[i].Base),
				fmt.Sprintf("no overlap with the slab of %d bytes at %#x", slabs[i-1].Bytes, slabs[i-1].Base))
		}
	}
	t := &l.tables
	if t.Layout.Total == 0 {
		return nil
	}
	for _, s := range slabs {
		if s.Base < t.Base+t.Layout.Total && t.Base < s.Base+s.Bytes {
			return invalid("tables at", fmt.Sprintf("%#x", t.Base),
				fmt.Sprintf("no overlap with the slab of %d bytes at %#x", s.Bytes, s.Base))
		}
	}
	return nil
}
