package highlevel

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
)

const (
	kib      uint64 = 1 << 10
	mib      uint64 = 1 << 20
	gib      uint64 = 1 << 30
	wasmPage uint64 = 64 * kib
	all64    uint64 = math.MaxUint64
	all32    uint64 = math.MaxUint32
)

// checkLayout returns what is wrong with l as the layout for c. It computes in
// big integers, so that it can't overflow where the code under test does.
func checkLayout(c Constraints, l Layout) error {
	n := func(v uint64) *big.Int { return new(big.Int).SetUint64(v) }
	plus := func(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) }
	times := func(a, b *big.Int) *big.Int { return new(big.Int).Mul(a, b) }
	round := func(v uint64) *big.Int {
		p := n(c.PageSize)
		q := new(big.Int).Sub(plus(n(v), p), big.NewInt(1))
		return times(q.Div(q, p), p)
	}
	less := func(a, b *big.Int) bool { return a.Cmp(b) < 0 }

	var (
		slots    = n(uint64(c.Slots))
		stripes  = n(uint64(l.Stripes))
		maxBytes = round(c.MaxMemory)
		guard    = round(c.Guard)
		reach    = round(max(c.Reservation, c.MaxMemory))
		faulting = plus(reach, guard)
		stride   = times(n(l.SlotBytes), stripes)
	)
	switch {
	case l.Slots != c.Slots || l.PageSize != c.PageSize:
		return fmt.Errorf("%d slots of pages of %d", l.Slots, l.PageSize)
	case n(l.MaxMemory).Cmp(maxBytes) != 0:
		return fmt.Errorf("accessible part of %d, want %d", l.MaxMemory, maxBytes)
	case n(l.Faulting).Cmp(faulting) != 0:
		return fmt.Errorf("faulting region of %d, want %d", l.Faulting, faulting)
	}

	// The sizes add up, in whole pages.
	for _, v := range []uint64{l.SlotBytes, l.MaxMemory, l.Faulting, l.PreGuard, l.PostGuard, l.Total} {
		if v%c.PageSize != 0 {
			return fmt.Errorf("%d is not whole pages", v)
		}
	}
	total := plus(plus(n(l.PreGuard), times(n(l.SlotBytes), slots)), n(l.PostGuard))
	if n(l.Total).Cmp(total) != 0 {
		return fmt.Errorf("total %d, want %d", l.Total, total)
	}
	if l.SlotBytes < l.MaxMemory {
		return errors.New("a slot is smaller than its memory")
	}

	// No more stripes than there are keys, slots, or a use for.
	switch {
	case l.Stripes < 1:
		return errors.New("no stripe")
	case (c.Keys < 2 || c.Slots == 0 || c.MaxMemory == 0 || c.Guard == 0) && l.Stripes != 1:
		return fmt.Errorf("%d stripes, want 1", l.Stripes)
	case l.Stripes > max(1, c.Keys):
		return fmt.Errorf("%d stripes with %d keys", l.Stripes, c.Keys)
	case l.Stripes > max(1, c.Slots):
		return fmt.Errorf("%d stripes with %d slots", l.Stripes, c.Slots)
	}
	striped := c.Keys >= 2 && c.Slots != 0 && c.MaxMemory != 0 && c.Guard != 0
	if striped && l.Stripes < min(c.Keys, c.Slots) && less(times(stripes, n(l.MaxMemory)), faulting) {
		return fmt.Errorf("%d stripes where another one would save address space", l.Stripes)
	}
	if l.Stripes > 1 {
		// One stripe fewer of slots of the least size would leave a gap in cover.
		if fewer := times(big.NewInt(int64(l.Stripes-1)), n(l.MaxMemory)); !less(fewer, faulting) {
			return fmt.Errorf("%d stripes where fewer cover the faulting region", l.Stripes)
		}
		// wasmtime's own bound, which is in terms of the reservation, holds where
		// that is no more than the memory.
		if c.Reservation <= c.MaxMemory && uint64(l.Stripes) > guard.Uint64()/l.MaxMemory+2 {
			return fmt.Errorf("%d stripes for a guard of %d", l.Stripes, guard)
		}
	}

	// The faulting region holds: against the next slot of the stripe, the one
	// before, and the ends of the slab.
	if less(stride, faulting) {
		return fmt.Errorf("the next slot of a stripe is %d away, the faulting region %d", stride, faulting)
	}
	if less(plus(n(l.SlotBytes), n(l.PostGuard)), faulting) {
		return errors.New("the last slot's faulting region leaves the slab")
	}
	if behind := new(big.Int).Sub(stride, maxBytes); less(behind, guard) {
		return fmt.Errorf("%d bytes behind a slot, the guard is %d", behind, guard)
	}
	want := new(big.Int)
	if c.GuardBefore {
		want = guard
	}
	if n(l.PreGuard).Cmp(want) != 0 {
		return fmt.Errorf("guard before the first slot of %d, want %d", l.PreGuard, want)
	}
	// Nothing is wasted at the end.
	if n(l.PostGuard).Cmp(new(big.Int).Sub(faulting, n(l.SlotBytes))) != 0 {
		return fmt.Errorf("guard after the last slot of %d", l.PostGuard)
	}
	return nil
}

// The table that wasmtime checks its own arithmetic with.
func TestKnownLayouts(t *testing.T) {
	for keys := range 16 {
		for _, slots := range []int{0, 1, 10, 64} {
			for _, reservation := range []uint64{0, 1 * gib, 4 * gib} {
				for _, maxMemory := range []uint64{0, 1 * wasmPage, 10 * wasmPage} {
					for _, guard := range []uint64{0, 2 * gib} {
						for _, before := range []bool{true, false} {
							for _, page := range []uint64{4 * kib, 16 * kib, 64 * kib} {
								c := Constraints{
									Slots: slots, MaxMemory: maxMemory, Reservation: reservation,
									Guard: guard, GuardBefore: before, Keys: keys, PageSize: page,
								}
								l, err := newLayout(c, all64)
								if err != nil {
									t.Fatalf("%+v: %v", c, err)
								}
								if err := checkLayout(c, l); err != nil {
									t.Fatalf("%+v\n%+v: %v", c, l, err)
								}
								// On 32 bits it may fail only for being too large.
								small, err := newLayout(c, all32)
								switch {
								case err == nil && small != l:
									t.Fatalf("%+v: %+v on 32 bits, %+v on 64", c, small, l)
								case err == nil && l.Total > all32:
									t.Fatalf("%+v: %d bytes accepted on 32 bits", c, l.Total)
								case err != nil && (!errors.Is(err, ErrAddressSpace) || max(l.Total, l.Faulting) <= all32):
									t.Fatalf("%+v: %v", c, err)
								}
							}
						}
					}
				}
			}
		}
	}
}

// Five memories of one wasm page without a guard lie back to back.
func TestSlotsBackToBack(t *testing.T) {
	l, err := NewLayout(Constraints{Slots: 5, MaxMemory: wasmPage, Reservation: wasmPage, PageSize: 4 * kib})
	if err != nil {
		t.Fatal(err)
	}
	want := Layout{
		Slots: 5, Stripes: 1,
		SlotBytes: wasmPage, MaxMemory: wasmPage, Faulting: wasmPage,
		Total: 5 * wasmPage, PageSize: 4 * kib,
	}
	if l != want {
		t.Errorf("got %+v, want %+v", l, want)
	}
	for i := range 5 {
		if got := l.SlotOffset(i); got != uint64(i)*wasmPage {
			t.Errorf("slot %d is at %d", i, got)
		}
	}
}

// Worked examples, one for each rule.
func TestLayoutExamples(t *testing.T) {
	const p = 4096
	tests := []struct {
		name string
		c    Constraints
		want Layout
	}{
		{
			"nothing at all",
			Constraints{},
			Layout{Stripes: 1},
		}, {
			"guards without slots",
			Constraints{MaxMemory: p, Guard: 2 * p, GuardBefore: true, Keys: 15},
			Layout{Stripes: 1, MaxMemory: p, SlotBytes: 3 * p, Faulting: 3 * p, PreGuard: 2 * p, Total: 2 * p},
		}, {
			"no keys: each slot has its guard, so none is needed at the end",
			Constraints{Slots: 3, MaxMemory: p, Reservation: 4 * p, Guard: 2 * p, GuardBefore: true, Keys: 1},
			Layout{Slots: 3, Stripes: 1, MaxMemory: p, SlotBytes: 6 * p, Faulting: 6 * p, PreGuard: 2 * p, Total: 20 * p},
		}, {
			"a memory of no bytes has its whole faulting region",
			Constraints{Slots: 3, Reservation: 4 * p, Guard: 2 * p, Keys: 15},
			Layout{Slots: 3, Stripes: 1, SlotBytes: 6 * p, Faulting: 6 * p, Total: 18 * p},
		}, {
			"without a guard there is nothing to save",
			Constraints{Slots: 3, MaxMemory: p, Reservation: 4 * p, Keys: 15},
			Layout{Slots: 3, Stripes: 1, MaxMemory: p, SlotBytes: 4 * p, Faulting: 4 * p, Total: 12 * p},
		}, {
			"stripes limited by what covers the faulting region",
			Constraints{Slots: 100, MaxMemory: 2 * p, Reservation: 4 * p, Guard: p, Keys: 15},
			Layout{Slots: 100, Stripes: 3, MaxMemory: 2 * p, SlotBytes: 2 * p, Faulting: 5 * p, PostGuard: 3 * p, Total: 203 * p},
		}, {
			"stripes limited by keys",
			Constraints{Slots: 100, MaxMemory: p, Reservation: 10 * p, Guard: p, GuardBefore: true, Keys: 4},
			Layout{Slots: 100, Stripes: 4, MaxMemory: p, SlotBytes: 3 * p, Faulting: 11 * p, PreGuard: p, PostGuard: 8 * p, Total: 309 * p},
		}, {
			"stripes limited by slots",
			Constraints{Slots: 2, MaxMemory: p, Reservation: 10 * p, Guard: p, Keys: 15},
			Layout{Slots: 2, Stripes: 2, MaxMemory: p, SlotBytes: 6 * p, Faulting: 11 * p, PostGuard: 5 * p, Total: 17 * p},
		}, {
			"one slot has nobody to share with",
			Constraints{Slots: 1, MaxMemory: p, Reservation: 10 * p, Guard: p, Keys: 15},
			Layout{Slots: 1, Stripes: 1, MaxMemory: p, SlotBytes: 11 * p, Faulting: 11 * p, Total: 11 * p},
		}, {
			"a reservation below the memory counts as the memory; all rounded up",
			Constraints{Slots: 1, MaxMemory: p + 1, Reservation: 1, Guard: 1, GuardBefore: true},
			Layout{Slots: 1, Stripes: 1, MaxMemory: 2 * p, SlotBytes: 3 * p, Faulting: 3 * p, PreGuard: p, Total: 4 * p},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.c.PageSize, test.want.PageSize = p, p
			got, err := NewLayout(test.c)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("\n got %+v\nwant %+v", got, test.want)
			}
			if err := checkLayout(test.c, got); err != nil {
				t.Error(err)
			}
		})
	}
}

// With more stripes than a page has bytes, dividing bytes and then rounding to
// pages comes out a page short: 10,001 pages over 10,000 stripes are 4096.4
// bytes each, and 4096 is a whole page.
func TestMoreStripesThanBytesInAPage(t *testing.T) {
	const p = 4096
	c := Constraints{Slots: 20_000, MaxMemory: p, Reservation: 10_000 * p, Guard: p, Keys: 10_000, PageSize: p}
	l, err := newLayout(c, all64)
	if err != nil {
		t.Fatal(err)
	}
	if l.Stripes != 10_000 || l.SlotBytes != 2*p {
		t.Errorf("%d stripes of slots of %d bytes", l.Stripes, l.SlotBytes)
	}
	if err := checkLayout(c, l); err != nil {
		t.Error(err)
	}
}

func TestLayoutErrors(t *testing.T) {
	ok := Constraints{Slots: 10, MaxMemory: mib, Reservation: 16 * mib, Guard: mib, GuardBefore: true, Keys: 15, PageSize: 4096}
	tests := []struct {
		name   string
		change func(*Constraints)
		limit  uint64
		kind   error
		text   string
	}{
		{"slots", func(c *Constraints) { c.Slots = -1 }, all64, ErrInvalid, "layout: Slots -1: "},
		{"keys", func(c *Constraints) { c.Keys = -15 }, all64, ErrInvalid, "layout: Keys -15: "},
		{"no page", func(c *Constraints) { c.PageSize = 0 }, all64, ErrInvalid, "layout: PageSize 0: "},
		{"odd page", func(c *Constraints) { c.PageSize = 4097 }, all64, ErrInvalid, "layout: PageSize 4097: "},
		{"memory does not round", func(c *Constraints) { c.MaxMemory = all64 }, all64, ErrAddressSpace, "layout: MaxMemory 18446744073709551615: "},
		{"reservation does not round", func(c *Constraints) { c.Reservation = all64 - 4094 }, all64, ErrAddressSpace, "layout: Reservation 18446744073709547521: "},
		{"guard does not round", func(c *Constraints) { c.Guard = all64 }, all64, ErrAddressSpace, "layout: Guard 18446744073709551615: "},
		{"faulting region", func(c *Constraints) { c.Guard = all64 - 16*mib }, all64, ErrAddressSpace, "layout: Guard 18446744073692774400: "},
		{"total", func(c *Constraints) { c.Slots = math.MaxInt32; c.Reservation = 1 << 60 }, all64, ErrAddressSpace, "layout: Slots 2147483647: "},
		{"memory on 32 bits", func(c *Constraints) { c.MaxMemory = 4 * gib }, all32, ErrAddressSpace, "at most 4294967295 bytes"},
		{"reservation on 32 bits", func(c *Constraints) { c.Reservation = 4*gib - 1 }, all32, ErrAddressSpace, "layout: Reservation 4294967295: "},
		{"faulting region on 32 bits", func(c *Constraints) { c.Reservation, c.Guard = 3*gib, gib }, all32, ErrAddressSpace, "at most 1073741823 bytes"},
		{"total on 32 bits", func(c *Constraints) { c.Slots = 10_000 }, all32, ErrAddressSpace, "layout: Slots 10000: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := ok
			if _, err := newLayout(c, test.limit); err != nil {
				t.Fatalf("before the change: %v", err)
			}
			test.change(&c)
			l, err := newLayout(c, test.limit)
			if l != (Layout{}) {
				t.Errorf("a layout beside the error: %+v", l)
			}
			var le *LayoutError
			if !errors.As(err, &le) || !errors.Is(err, test.kind) {
				t.Fatalf("got %v, want a *LayoutError for %v", err, test.kind)
			}
			if !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want one line with %q", err, test.text)
			}
		})
	}
}

// What NewLayout refuses follows the size of this process's addresses.
func TestAddressable(t *testing.T) {
	_, err := NewLayout(Constraints{Slots: 1, Reservation: 8 * gib, PageSize: 4096})
	if wide := ^uintptr(0)>>32 != 0; wide != (err == nil) {
		t.Errorf("8 GiB: %v", err)
	}
}

func TestDensity(t *testing.T) {
	for _, test := range []struct {
		maxMemory uint64
		stripes   int
		density   string
	}{
		{4 * gib, 2, "1.01"},
		{2 * gib, 3, "2.02"},
		{1 * gib, 5, "4.03"},
		{512 * mib, 9, "8.06"},
		{276 * mib, 15, "14.96"},
		{275 * mib, 15, "15.00"},
		{64 * mib, 15, "15.00"},
		{64 * kib, 15, "15.00"},
	} {
		l, err := newLayout(Constraints{
			Slots: 218_861, MaxMemory: test.maxMemory, Reservation: 4 * gib, Guard: 32 * mib, GuardBefore: true, Keys: 15, PageSize: 4 * kib,
		}, all64)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%.2f", l.Density()); got != test.density || l.Stripes != test.stripes {
			t.Errorf("max memory %d MiB: density %s with %d stripes, want %s with %d", test.maxMemory/mib, got, l.Stripes, test.density, test.stripes)
		}
	}
}

// The figure that wasmtime's authors published for theirs, in 85.5 TiB.
func TestSlotsWithoutKeys(t *testing.T) {
	l, err := newLayout(Constraints{Slots: 218_861, MaxMemory: 275 * mib, Reservation: 4 * gib, Guard: 32 * mib, Keys: 15, PageSize: 4 * kib}, all64)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.WithoutKeys(); got != 14_591 {
		t.Errorf("%d slots without keys in the same %d bytes", got, l.Total)
	}
	for slots := range 100 {
		for keys := range 4 {
			l, err := newLayout(Constraints{Slots: slots, MaxMemory: 3 * 4096, Reservation: 7 * 4096, Guard: 2 * 4096, GuardBefore: true, Keys: keys, PageSize: 4096}, all64)
			if err != nil {
				t.Fatal(err)
			}
			n := l.WithoutKeys()
			if room := l.Total - l.PreGuard; uint64(n)*l.Faulting > room || uint64(n+1)*l.Faulting <= room {
				t.Errorf("%+v: %d slots without keys", l, n)
			}
			if n > slots || float64(slots) > float64(n+1)*l.Density() {
				t.Errorf("%+v: %d slots without keys, density %.2f", l, n, l.Density())
			}
		}
	}
	nothing := Layout{Stripes: 1, Slots: 3}
	if d, n := nothing.Density(), nothing.WithoutKeys(); d != 1 || n != 3 {
		t.Errorf("slots of no bytes: density %v, %d without keys", d, n)
	}
}

func TestNoAllocation(t *testing.T) {
	c := Constraints{Slots: 1000, MaxMemory: mib, Reservation: 4 * mib, Guard: mib, GuardBefore: true, Keys: 15, PageSize: 4096}
	var sink uint64
	if n := testing.AllocsPerRun(100, func() {
		l, err := NewLayout(c)
		if err != nil {
			t.Fatal(err)
		}
		stripe, index := l.Stripe(17)
		sink += l.SlotOffset(l.Slot(stripe, index)) + l.Before(0, 17)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	_ = sink
}

func FuzzLayout(f *testing.F) {
	f.Add(10, uint64(wasmPage), 4*gib, 2*gib, true, 15, uint8(0), uint64(all64))
	f.Add(64, 10*wasmPage, gib, uint64(0), false, 2, uint8(4), uint64(all32))
	f.Add(20_000, 4*kib, 40_000*kib, 4*kib, true, 10_000, uint8(0), uint64(all64))
	f.Add(0, uint64(0), uint64(0), uint64(0), false, 0, uint8(0), uint64(0))
	f.Add(math.MaxInt, uint64(1), uint64(0), uint64(1), true, math.MaxInt, uint8(0), uint64(all64))
	f.Fuzz(func(t *testing.T, slots int, maxMemory, reservation, guard uint64, before bool, keys int, page uint8, limit uint64) {
		c := Constraints{
			Slots: slots, MaxMemory: maxMemory, Reservation: reservation, Guard: guard,
			GuardBefore: before, Keys: keys, PageSize: 4096 << (page % 5),
		}
		l, err := newLayout(c, limit)
		switch {
		case slots < 0 || keys < 0:
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("%+v: %v", c, err)
			}
		case err != nil:
			if !errors.Is(err, ErrAddressSpace) {
				t.Fatalf("%+v: %v", c, err)
			}
			checkTooLarge(t, c, limit, err)
		default:
			if l.Total > limit || l.Faulting > limit {
				t.Fatalf("%+v\n%+v: over the limit of %d", c, l, limit)
			}
			if err := checkLayout(c, l); err != nil {
				t.Fatalf("%+v\n%+v: %v", c, l, err)
			}
			checkSplit(t, l, limit/3, limit)
		}
	})
}

// checkTooLarge asserts that a refused layout really does not fit: not even the
// tightest packing of its slots does, or one of its parts does not.
func checkTooLarge(t *testing.T, c Constraints, limit uint64, err error) {
	t.Helper()
	// A page of slack for each of the three sizes that get rounded up.
	sum := new(big.Int).SetUint64(max(c.Reservation, c.MaxMemory))
	for _, v := range []uint64{c.Guard, c.Guard, 4 * c.PageSize} {
		sum.Add(sum, new(big.Int).SetUint64(v))
	}
	each := new(big.Int).SetUint64(max(c.Reservation, c.MaxMemory))
	each.Add(each, new(big.Int).SetUint64(c.Guard))
	each.Add(each, new(big.Int).SetUint64(3*c.PageSize))
	sum.Add(sum, each.Mul(each, big.NewInt(int64(c.Slots))))
	if sum.Cmp(new(big.Int).SetUint64(limit)) <= 0 {
		t.Fatalf("%+v refused, though even without keys it takes at most %d of %d bytes: %v", c, sum, limit, err)
	}
}
