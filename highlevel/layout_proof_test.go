package highlevel

import (
	"fmt"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

// The proof: of every small layout, each page that a slot's user can reach
// without a check is looked at, and must be the slot's own, another stripe's,
// or nobody's.
//
// It shares no arithmetic with the code it checks. A plan (where slots begin,
// how much of each is accessible, their colours, where slabs end) is painted
// on a map of pages; then the map is read. The map has no idea of strides,
// stripes needed or guards.

// pageMap is a pool's slabs as pages of address space, the slabs side by side,
// as the kernel may well place them.
type pageMap struct {
	slab  []int // of each page; -1 outside
	owner []int // slot whose accessible part the page may be, or -1
	base  []int // first page of each slot
	of    []int // slab of each slot
	color []int // of each slot
}

// blueprint is the part of a layout that the pool acts on, in pages, so that
// a test can spoil it.
type blueprint struct {
	slots, colors                    int
	slotPages, accessible, pre, post int
	slabs                            []int // slots of each
}

func blueprintOf(l Layout, slabs []Slab) blueprint {
	p := l.PageSize
	b := blueprint{
		slots: l.Slots, colors: l.Stripes,
		slotPages: int(l.SlotBytes / p), accessible: int(l.MaxMemory / p),
		pre: int(l.PreGuard / p), post: int(l.PostGuard / p),
	}
	for _, s := range slabs {
		b.slabs = append(b.slabs, s.Slots)
	}
	return b
}

// paint lays the slots out. It fails where two slots claim one page.
func (b blueprint) paint() (m pageMap, err error) {
	page := func(slab, owner int) {
		m.slab, m.owner = append(m.slab, slab), append(m.owner, owner)
	}
	for slab, n := range b.slabs {
		start := len(m.slab)
		for range b.pre + n*b.slotPages + b.post {
			page(slab, -1)
		}
		for i := range n {
			slot := len(m.base)
			m.base = append(m.base, start+b.pre+i*b.slotPages)
			m.of = append(m.of, slab)
			m.color = append(m.color, slot%b.colors)
			for a := range b.accessible {
				at := m.base[slot] + a
				if at >= len(m.slab) {
					return m, fmt.Errorf("slot %d: page %d of its memory is outside the slab", slot, a)
				}
				if m.owner[at] >= 0 {
					return m, fmt.Errorf("slots %d and %d share a page", m.owner[at], slot)
				}
				m.owner[at] = slot
			}
		}
	}
	if len(m.base) != b.slots {
		return m, fmt.Errorf("%d slots are placed, of %d", len(m.base), b.slots)
	}
	return m, nil
}

// prove reads the map: for each slot, faulting pages from its base on and
// before pages before it.
func (b blueprint) prove(faulting, before int) error {
	m, err := b.paint()
	if err != nil {
		return err
	}
	for slot, base := range m.base {
		for d := -before; d < faulting; d++ {
			at := base + d
			if at < 0 || at >= len(m.slab) || m.slab[at] != m.of[slot] {
				return fmt.Errorf("slot %d: page %+d is outside its slab", slot, d)
			}
			switch owner := m.owner[at]; {
			case owner == slot:
				if d < 0 || d >= b.accessible {
					return fmt.Errorf("slot %d: page %+d is taken for its own", slot, d)
				}
			case d >= 0 && d < b.accessible:
				return fmt.Errorf("slot %d: page %+d is not its own", slot, d)
			case owner >= 0 && m.color[owner] == m.color[slot]:
				return fmt.Errorf("slot %d: page %+d is slot %d's memory, of the same stripe", slot, d, owner)
			}
		}
	}
	return nil
}

// smallest are the numbers below which all sizes in pages, keys and slots of
// small layouts are. With -short they still show every mutation below.
func smallest() (sizes, keys, slots int) {
	return testgate.Rounds(7, 4), testgate.Rounds(6, 4), testgate.Rounds(10, 7)
}

// eachSmall calls f with every small layout, and with what the constraints
// themselves ask of it, in pages.
func eachSmall(t *testing.T, f func(c Constraints, l Layout, faulting, before int)) {
	t.Helper()
	const p = 4096
	sizes, mostKeys, mostSlots := smallest()
	for i := range sizes * sizes * sizes {
		maxMemory, reservation, guard := i%sizes, i/sizes%sizes, i/sizes/sizes
		for keys := range mostKeys {
			for slots := range mostSlots {
				for _, guardBefore := range []bool{false, true} {
					c := Constraints{
						Slots: slots, MaxMemory: uint64(maxMemory) * p, Reservation: uint64(reservation) * p,
						Guard: uint64(guard) * p, GuardBefore: guardBefore, Keys: keys, PageSize: p,
					}
					l, err := NewLayout(c)
					if err != nil {
						t.Fatalf("%+v: %v", c, err)
					}
					before := 0
					if guardBefore {
						before = guard
					}
					f(c, l, max(maxMemory, reservation)+guard, before)
				}
			}
		}
	}
}

// splits returns the ways to put l in slabs that differ: one slab, then ever
// smaller ones, down to a slot each.
func splits(t *testing.T, l Layout) [][]Slab {
	t.Helper()
	var all [][]Slab
	limit := l.Total
	for {
		slabs, err := l.Split(limit)
		if err != nil {
			t.Fatalf("%+v: split at %d: %v", l, limit, err)
		}
		all = append(all, slabs)
		if len(slabs) == 0 || slabs[0].Slots == 1 || l.SlotBytes == 0 {
			return all
		}
		limit = slabs[0].Bytes - 1
	}
}

func TestProof(t *testing.T) {
	layouts, pools := 0, 0
	eachSmall(t, func(c Constraints, l Layout, faulting, before int) {
		layouts++
		if err := checkLayout(c, l); err != nil {
			t.Fatalf("%+v\n%+v: %v", c, l, err)
		}
		for _, slabs := range splits(t, l) {
			pools++
			b := blueprintOf(l, slabs)
			if err := b.prove(faulting, before); err != nil {
				t.Fatalf("%+v\n%+v\n%v: %v", c, l, slabs, err)
			}
			proveBefore(t, l, slabs)
		}
	})
	t.Logf("%d layouts, %d pools", layouts, pools)
	if sizes, keys, slots := smallest(); layouts != sizes*sizes*sizes*keys*slots*2 {
		t.Errorf("%d layouts looked at", layouts)
	}
}

// proveBefore asserts that Layout.Before is exactly how far back nothing of
// the slot's stripe is accessible.
func proveBefore(t *testing.T, l Layout, slabs []Slab) {
	t.Helper()
	m, err := blueprintOf(l, slabs).paint()
	if err != nil {
		t.Fatal(err)
	}
	for slot, base := range m.base {
		clear := 0
		for at := base - 1; at >= 0 && m.slab[at] == m.of[slot]; at-- {
			if o := m.owner[at]; o >= 0 && m.color[o] == m.color[slot] {
				break
			}
			clear++
		}
		want := uint64(clear) * l.PageSize
		got := l.Before(slabs[m.of[slot]].First, slot)
		// A slot of the stripe that has no memory stops nobody; Before stops
		// there all the same.
		if got != want && (l.MaxMemory != 0 || got > want) {
			t.Fatalf("%+v\n%v: %d bytes before slot %d, want %d", l, slabs, got, slot, want)
		}
	}
}

// A larger sample that has slots of more pages than the exhaustive walk has,
// in proportions like those of real pools, at every page size.
func TestProofInProportion(t *testing.T) {
	for _, p := range []uint64{4 * kib, 16 * kib, 64 * kib} {
		for _, keys := range []int{0, 2, 7, 15, 100} {
			for _, maxPages := range []uint64{1, 17, 68, 69, 250, 1000} {
				c := Constraints{
					Slots: 40, MaxMemory: maxPages * p, Reservation: 1024 * p, Guard: 8 * p,
					GuardBefore: true, Keys: keys, PageSize: p,
				}
				l, err := newLayout(c, all64)
				if err != nil {
					t.Fatal(err)
				}
				slabs, err := l.split(l.PreGuard+l.Faulting+17*l.SlotBytes, all64)
				if err != nil {
					t.Fatal(err)
				}
				if err := blueprintOf(l, slabs).prove(int(max(maxPages, 1024)+8), 8); err != nil {
					t.Errorf("%+v\n%+v: %v", c, l, err)
				}
			}
		}
	}
}

// A proof that passes whatever it is given proves nothing. Each spoiling here
// breaks the promise in every layout that it applies to, and each time the
// proof must say so.
func TestProofSeesMutations(t *testing.T) {
	tests := []struct {
		name    string
		applies func(l Layout) bool
		spoil   func(b *blueprint)
	}{
		{
			"slots a page too close, the end kept whole",
			func(l Layout) bool { return l.Slots > l.Stripes && l.MaxMemory > 0 },
			func(b *blueprint) { b.slotPages--; b.post++ },
		}, {
			"slots a page too close",
			func(l Layout) bool { return l.Slots > 0 && l.SlotBytes > 0 },
			func(b *blueprint) { b.slotPages-- },
		}, {
			"guard after the slab a page short",
			func(l Layout) bool { return l.Slots > 0 && l.PostGuard > 0 },
			func(b *blueprint) { b.post-- },
		}, {
			"no guard after the slab",
			func(l Layout) bool { return l.Slots > 0 && l.PostGuard > 0 },
			func(b *blueprint) { b.post = 0 },
		}, {
			"guard before the slab a page short",
			func(l Layout) bool { return l.Slots > 0 && l.PreGuard > 0 },
			func(b *blueprint) { b.pre-- },
		}, {
			"a colour fewer",
			func(l Layout) bool { return l.Stripes > 1 && l.SlotBytes*uint64(l.Stripes-1) < l.Faulting },
			func(b *blueprint) { b.colors-- },
		}, {
			"no colours",
			func(l Layout) bool { return l.Stripes > 1 },
			func(b *blueprint) { b.colors = 1 },
		}, {
			"a page more accessible than fits the faulting region",
			func(l Layout) bool { return l.Slots > l.Stripes && l.Faulting == l.NextInStripe() },
			func(b *blueprint) { b.accessible = b.slotPages*b.colors + 1 },
		}, {
			"a slot left out",
			func(l Layout) bool { return l.Slots > 0 },
			func(b *blueprint) { b.slabs[len(b.slabs)-1]-- },
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			applied := 0
			eachSmall(t, func(c Constraints, l Layout, faulting, before int) {
				if t.Failed() || !test.applies(l) {
					return
				}
				applied++
				slabs, err := l.Split(l.Total)
				if err != nil {
					t.Fatal(err)
				}
				b := blueprintOf(l, slabs)
				test.spoil(&b)
				if b.prove(faulting, before) == nil {
					t.Errorf("%+v\n%+v\nspoilt to %+v, and proved", c, l, b)
				}
			})
			if applied == 0 {
				t.Error("no layout to spoil")
			}
			t.Logf("%d layouts", applied)
		})
	}
}

// The check that wasmtime's test makes of the last slot, against the
// reservation alone, lets a lost guard pass. Ours must not.
func TestLastSlotAgainstFaultingRegion(t *testing.T) {
	const p = 4096
	c := Constraints{Slots: 6, MaxMemory: p, Reservation: 4 * p, Guard: 2 * p, Keys: 15, PageSize: p}
	l, err := NewLayout(c)
	if err != nil {
		t.Fatal(err)
	}
	l.PostGuard -= c.Guard
	l.Total -= c.Guard
	if l.SlotBytes+l.PostGuard < c.Reservation {
		t.Fatal("not the case meant: too short for the weak check too")
	}
	if checkLayout(c, l) == nil {
		t.Error("the invariants pass without the last guard")
	}
	if blueprintOf(l, []Slab{{0, 6, l.Total}}).prove(6, 0) == nil {
		t.Error("the proof passes without the last guard")
	}
}
