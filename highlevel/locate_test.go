package highlevel

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// placeAt maps the slabs one after the other, with a gap before each.
func placeAt(slabs []Slab, base, gap uint64) (placed []PlacedSlab, end uint64) {
	for _, s := range slabs {
		base += gap
		placed = append(placed, PlacedSlab{s, base})
		base += s.Bytes
	}
	return placed, base
}

// Three instances, each with two memories of two wasm pages in a reservation
// of ten, and three tables of 1000 elements: wasmtime's own example.
func TestLocator(t *testing.T) {
	const (
		instances           = 3
		memoriesPerInstance = 2
		tablesPerInstance   = 3
		elementSize         = 8
		page                = 4096
		memorySize          = 2 * wasmPage // what each memory has grown to
	)
	memories, err := newLayout(Constraints{
		Slots: instances * memoriesPerInstance, MaxMemory: 2 * wasmPage, Reservation: 10 * wasmPage, PageSize: page,
	}, all64)
	if err != nil {
		t.Fatal(err)
	}
	if memories.SlotBytes != 10*wasmPage {
		t.Fatalf("a memory takes %d bytes", memories.SlotBytes)
	}
	tables, err := newTableLayout(TableConstraints{
		Tables: instances * tablesPerInstance, Elements: 1000, ElementSize: elementSize, PageSize: page,
	}, all64)
	if err != nil {
		t.Fatal(err)
	}
	if tables.TableBytes != 8192 {
		t.Fatalf("a table takes %d bytes", tables.TableBytes)
	}
	const memoriesStart = 0x7f00_0000_0000
	memoriesEnd := memoriesStart + memories.Total
	tablesStart := memoriesEnd + page
	tablesEnd := tablesStart + tables.Total

	slabs, err := memories.split(DefaultSlabLimit, all64)
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLocator(
		PlacedMemories{memories, []PlacedSlab{{slabs[0], memoriesStart}}, memoriesPerInstance, wasmPage},
		PlacedTables{tables, tablesStart, tablesPerInstance},
	)
	if err != nil {
		t.Fatal(err)
	}

	for _, addr := range []uint64{0, 1, memoriesStart - 1, memoriesEnd, tablesStart - 1, tablesEnd, all64} {
		if got := l.Locate(addr); got != (Location{}) {
			t.Errorf("%#x: %+v", addr, got)
		}
	}

	for instance := range instances {
		for index := range memoriesPerInstance {
			slot := instance*memoriesPerInstance + index
			start := memoriesStart + uint64(slot)*10*wasmPage
			for _, test := range []struct {
				name         string
				offset, page uint64
				accessible   bool
			}{
				{"first page", 10_000, 0, true},
				{"second page", 1024 + wasmPage, 1, true},
				{"guard page", 10 + 9*wasmPage, 9, false},
			} {
				want := Location{
					Kind: RegionMemory, Slot: slot, Instance: instance, Index: index, Offset: test.offset,
					Page: test.page, PageAddr: start + test.page*wasmPage, PageBytes: wasmPage,
				}
				got := l.Locate(start + test.offset)
				if got != want {
					t.Errorf("memory %d of instance %d, %s:\n got %+v\nwant %+v", index, instance, test.name, got, want)
				}
				if (got.Offset < memorySize) != test.accessible {
					t.Errorf("memory %d of instance %d, %s: accessible: %v", index, instance, test.name, !test.accessible)
				}
			}
		}
	}

	for instance := range instances {
		for index := range tablesPerInstance {
			slot := instance*tablesPerInstance + index
			start := tablesStart + uint64(slot)*8192
			for _, test := range []struct{ element, page uint64 }{{107, 0}, {799, 1}} {
				want := Location{
					Kind: RegionTable, Slot: slot, Instance: instance, Index: index, Offset: test.element * elementSize,
					Page: test.page, PageAddr: start + test.page*page, PageBytes: page,
				}
				if got := l.Locate(start + test.element*elementSize); got != want {
					t.Errorf("table %d of instance %d, element %d:\n got %+v\nwant %+v", index, instance, test.element, got, want)
				}
			}
		}
	}
}

// Every page of small pools, in one slab and in several, found by Locate and
// by walking the plan from its start.
func TestLocatorWalk(t *testing.T) {
	const p = 4096
	for _, c := range []Constraints{
		{Slots: 7, MaxMemory: 2 * p, Reservation: 5 * p, Guard: p, GuardBefore: true, Keys: 3},
		{Slots: 7, MaxMemory: p, Reservation: p, Guard: 3 * p, GuardBefore: true},
		{Slots: 4, MaxMemory: 3 * p, Reservation: 3 * p},
		{Slots: 4, Guard: p, GuardBefore: true},
	} {
		c.PageSize = p
		l, err := NewLayout(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, slabs := range splits(t, l) {
			for _, gap := range []uint64{0, p} {
				placed, end := placeAt(slabs, 16*p, gap)
				loc, err := NewLocator(PlacedMemories{Layout: l, Slabs: placed, PageSize: 2 * p}, PlacedTables{})
				if err != nil {
					t.Fatal(err)
				}
				want := make(map[uint64]Location)
				for _, s := range placed {
					for off := uint64(0); off < l.PreGuard; off += p {
						want[s.Base+off] = Location{Kind: RegionGuard, Slot: s.First, Offset: off}
					}
					for i := range s.Slots {
						base := s.Base + s.Offset(l, s.First+i)
						for off := uint64(0); off < l.SlotBytes; off += p {
							pageStart := off - off%(2*p)
							want[base+off] = Location{
								Kind: RegionMemory, Slot: s.First + i, Instance: s.First + i, Offset: off,
								Page: off / (2 * p), PageAddr: base + pageStart, PageBytes: min(2*p, l.SlotBytes-pageStart),
							}
						}
					}
					for off := uint64(0); off < l.PostGuard; off += p {
						want[s.Base+s.Bytes-l.PostGuard+off] = Location{Kind: RegionGuard, Slot: s.First + s.Slots - 1, Offset: off}
					}
				}
				for addr := uint64(0); addr < end+4*p; addr += p {
					for _, in := range []uint64{0, 1, p - 1} {
						w := want[addr]
						if w != (Location{}) {
							w.Offset += in
						}
						if got := loc.Locate(addr + in); got != w {
							t.Fatalf("%+v\n%v\n%#x:\n got %+v\nwant %+v", l, placed, addr+in, got, w)
						}
					}
				}
			}
		}
	}
}

// Slabs come in any order of addresses; the kernel places the later ones lower.
func TestLocatorSlabsInAnyOrder(t *testing.T) {
	l, err := newLayout(Constraints{Slots: 1000, MaxMemory: mib, Reservation: 4 * mib, Guard: mib, GuardBefore: true, Keys: 4, PageSize: 4096}, all64)
	if err != nil {
		t.Fatal(err)
	}
	slabs, err := l.split(100*mib, all64)
	if err != nil {
		t.Fatal(err)
	}
	placed, _ := placeAt(slabs, 1<<40, 0)
	for range 20 {
		bases := rand.Perm(len(placed))
		for i, b := range bases {
			placed[i].Base = 1<<40 + uint64(b)*128*mib
		}
		loc, err := NewLocator(PlacedMemories{Layout: l, Slabs: placed}, PlacedTables{})
		if err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			slot := rand.IntN(l.Slots)
			s := placed[slot/slabs[0].Slots]
			offset := rand.Uint64N(l.SlotBytes)
			got := loc.Locate(s.Base + s.Offset(l, slot) + offset)
			if got.Kind != RegionMemory || got.Slot != slot || got.Offset != offset {
				t.Fatalf("slot %d, offset %d: %+v", slot, offset, got)
			}
		}
	}
}

// An instance's memories are all in one stripe, and no two instances share any.
func TestLocatorInstancesKeepToAStripe(t *testing.T) {
	const p, perInstance = 4096, 3
	l, err := NewLayout(Constraints{Slots: 36, MaxMemory: p, Reservation: 3 * p, Guard: p, Keys: 4, PageSize: p})
	if err != nil || l.Stripes != 4 {
		t.Fatal(l, err)
	}
	slabs, err := l.Split(10 * p)
	if err != nil {
		t.Fatal(err)
	}
	placed, _ := placeAt(slabs, p, p)
	loc, err := NewLocator(PlacedMemories{Layout: l, Slabs: placed, PerInstance: perInstance}, PlacedTables{})
	if err != nil {
		t.Fatal(err)
	}
	type place struct{ instance, index int }
	slotOf := make(map[place]int)
	for i := range l.Slots {
		s := placed[i/slabs[0].Slots]
		got := loc.Locate(s.Base + s.Offset(l, i))
		at := place{got.Instance, got.Index}
		if other, taken := slotOf[at]; taken || got.Slot != i || at.index < 0 || at.index >= perInstance || at.instance >= l.Slots/perInstance {
			t.Fatalf("slot %d: %+v; slot %d is there too: %v", i, got, other, taken)
		}
		slotOf[at] = i
	}
	for instance := range l.Slots / perInstance {
		first, _ := l.Stripe(slotOf[place{instance, 0}])
		for index := range perInstance {
			if stripe, _ := l.Stripe(slotOf[place{instance, index}]); stripe != first {
				t.Errorf("instance %d: memory %d in stripe %d, the first in %d", instance, index, stripe, first)
			}
		}
	}
}

func TestNewLocatorErrors(t *testing.T) {
	const p = 4096
	l, err := NewLayout(Constraints{Slots: 4, MaxMemory: p, Reservation: p, Guard: p, GuardBefore: true, PageSize: p})
	if err != nil {
		t.Fatal(err)
	}
	tables, err := NewTableLayout(TableConstraints{3, 100, 8, p})
	if err != nil {
		t.Fatal(err)
	}
	slabs, err := l.Split(5 * p)
	if err != nil || len(slabs) != 2 {
		t.Fatal(slabs, err)
	}
	for _, test := range []struct {
		name  string
		spoil func(m *PlacedMemories, t *PlacedTables)
		text  string // "" where it is in order
	}{
		{"in order", func(m *PlacedMemories, t *PlacedTables) {}, ""},
		{"no tables", func(m *PlacedMemories, t *PlacedTables) { *t = PlacedTables{} }, ""},
		{"no memories", func(m *PlacedMemories, t *PlacedTables) { *m = PlacedMemories{} }, ""},
		{"nothing", func(m *PlacedMemories, t *PlacedTables) { *m, *t = PlacedMemories{}, PlacedTables{} }, ""},
		{"tables right before a slab", func(m *PlacedMemories, t *PlacedTables) { t.Base = m.Slabs[0].Base - t.Layout.Total }, ""},
		{"page", func(m *PlacedMemories, t *PlacedTables) { m.PageSize = 3 * p }, "PageSize 12288"},
		{"small page", func(m *PlacedMemories, t *PlacedTables) { m.PageSize = p / 2 }, "PageSize 2048"},
		{"layout without pages", func(m *PlacedMemories, t *PlacedTables) { m.Layout.PageSize, m.PageSize = 0, p }, "PageSize 4096"},
		{"no stripe", func(m *PlacedMemories, t *PlacedTables) { m.Layout.Stripes = 0 }, "Stripes 0"},
		{"tables without pages", func(m *PlacedMemories, t *PlacedTables) { t.Layout.PageSize = 0 }, "PageSize of tables 0"},
		{"tables that don't add up", func(m *PlacedMemories, t *PlacedTables) { t.Layout.TableBytes = 0 }, "tables {"},
		{"a slab missing", func(m *PlacedMemories, t *PlacedTables) { m.Slabs = m.Slabs[:1] }, "slabs 2"},
		{"slabs swapped", func(m *PlacedMemories, t *PlacedTables) { m.Slabs[0], m.Slabs[1] = m.Slabs[1], m.Slabs[0] }, "slab 0"},
		{"a slab too large", func(m *PlacedMemories, t *PlacedTables) { m.Slabs[1].Bytes += p }, "slab 1"},
		{"an empty slab", func(m *PlacedMemories, t *PlacedTables) { m.Slabs[1].Slots = 0 }, "slab 1"},
		{"a slab at zero", func(m *PlacedMemories, t *PlacedTables) { m.Slabs[0].Base = 0 }, "slab 0 at 0x0"},
		{"a slab between pages", func(m *PlacedMemories, t *PlacedTables) { m.Slabs[1].Base++ }, "slab 1 at"},
		{"a slab at the end", func(m *PlacedMemories, t *PlacedTables) { m.Slabs[1].Base = all64 - p + 1 }, "slab 1 at"},
		{"slabs overlap", func(m *PlacedMemories, t *PlacedTables) { m.Slabs[1].Base = m.Slabs[0].Base + p }, "no overlap"},
		{"tables at zero", func(m *PlacedMemories, t *PlacedTables) { t.Base = 0 }, "tables at 0x0"},
		{"tables in a slab", func(m *PlacedMemories, t *PlacedTables) { t.Base = m.Slabs[1].Base - p }, "no overlap"},
		{"a slab in the tables", func(m *PlacedMemories, t *PlacedTables) { t.Base = m.Slabs[0].Base + 4*p }, "no overlap"},
	} {
		t.Run(test.name, func(t *testing.T) {
			placed, end := placeAt(slabs, 1<<20, p)
			m := PlacedMemories{Layout: l, Slabs: placed}
			tb := PlacedTables{Layout: tables, Base: end}
			test.spoil(&m, &tb)
			loc, err := NewLocator(m, tb)
			if test.text == "" {
				if err != nil {
					t.Fatal(err)
				}
				if got := loc.Locate(1); got != (Location{}) {
					t.Errorf("%+v", got)
				}
				return
			}
			var le *LayoutError
			if !errors.Is(err, ErrInvalid) || !errors.As(err, &le) || !strings.Contains(err.Error(), test.text) || loc != nil {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestRegionKindString(t *testing.T) {
	for k, want := range map[RegionKind]string{
		RegionNone: "none", RegionMemory: "memory", RegionTable: "table", RegionGuard: "guard", 17: "RegionKind(0x11)",
	} {
		if got := k.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// manySlabs is a pool of 16 slabs and 100,000 slots, and an address in it.
func manySlabs(tb testing.TB) (*Locator, uint64) {
	tb.Helper()
	l, err := newLayout(Constraints{Slots: 100_000, MaxMemory: mib, Reservation: 4 * mib, Guard: mib, GuardBefore: true, Keys: 15, PageSize: 4096}, all64)
	if err != nil {
		tb.Fatal(err)
	}
	slabs, err := l.split(l.Total/15, all64)
	if err != nil {
		tb.Fatal(err)
	}
	placed, end := placeAt(slabs, 1<<40, 4096)
	loc, err := NewLocator(PlacedMemories{Layout: l, Slabs: placed}, PlacedTables{})
	if err != nil {
		tb.Fatal(err)
	}
	return loc, end - l.PostGuard - 1
}

func TestLocateDoesNotAllocate(t *testing.T) {
	l, addr := manySlabs(t)
	if n := testing.AllocsPerRun(100, func() {
		if l.Locate(addr).Kind != RegionMemory || l.Locate(1).Kind != RegionNone {
			t.Error("not found")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLocate(b *testing.B) {
	l, addr := manySlabs(b)
	for b.Loop() {
		if l.Locate(addr).Kind != RegionMemory {
			b.Fatal("not found")
		}
	}
}
