package highlevel

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/kernelcall"
	"github.com/pageslot/pageslot/memfd"

	"github.com/pageslot/pageslot/testgate"
)

func TestPoolLife(t *testing.T) {
	p := newPoolT(t, small(3))
	im := newImage(t, seg{0, "hello"}, seg{2, "world"})
	tn := p.Tenant()
	for range 3 {
		l := acquire(t, tn, im, 4*pageSize)
		expect(t, l, im)
		scribble(t, l)
		if err := l.Grow(9 * pageSize); err != nil {
			t.Fatal(err)
		}
		if l.Size() != 9*pageSize {
			t.Fatalf("size %d after growth", l.Size())
		}
		scribble(t, l)
		check(t, p)
		release(t, l)
		check(t, p)
	}
	if st := p.Stats(); st.AcquiredAffine != 2 || st.AcquiredCold != 1 || st.Warm != 1 || st.Unmapped != 2 || st.Leased != 0 {
		t.Errorf("%+v", st)
	}
	purge(t, p, im, 1)
}

func purge(t testing.TB, p *Pool, im *memfd.Image, want int) {
	t.Helper()
	n, err := p.Purge(im)
	if err != nil || n != want {
		t.Fatalf("purge: %d slots, %v; want %d", n, err, want)
	}
}

// TestZeroConfig: a pool of defaults works in the address space at hand.
func TestZeroConfig(t *testing.T) {
	p := newPoolT(t, Config{})
	l := acquire(t, p.Tenant(), nil, 64<<10)
	scribble(t, l)
	release(t, l)
	if c := p.Config(); c.Slots == 0 || c.Guard == 0 || c.MaxMemory == 0 || c.MaxWarm != 100 {
		t.Errorf("defaults %+v", c)
	}
}

func TestPoolExhaustion(t *testing.T) {
	p := newPoolT(t, small(2))
	tn := p.Tenant()
	a, b := acquire(t, tn, nil, 1), acquire(t, tn, nil, 1)
	_, err := tn.Acquire(nil, 1)
	var limit *LimitError
	if !errors.Is(err, ErrExhausted) || !errors.As(err, &limit) || limit.Limit != 2 {
		t.Fatalf("third lease of two slots: %v", err)
	}
	release(t, a)
	c := acquire(t, tn, nil, 1)
	release(t, c)
	release(t, b)
	if st := p.Stats(); st.Refused != 1 {
		t.Errorf("refused %d", st.Refused)
	}
}

func TestStaleLeases(t *testing.T) {
	p := newPoolT(t, small(1))
	tn := p.Tenant()
	old := acquire(t, tn, nil, pageSize)
	release(t, old)
	uses := map[string]func(Lease) error{
		"Do":      func(l Lease) error { return l.Do(func(View) error { t.Error("ran"); return nil }) },
		"Grow":    func(l Lease) error { return l.Grow(2 * pageSize) },
		"Release": Lease.Release,
		"Guest":   func(l Lease) error { _, err := l.Guest(); return err },
	}
	for _, when := range []string{"free", "leased again"} {
		for name, use := range uses {
			if err := use(old); !errors.Is(err, ErrReleased) {
				t.Errorf("%s of an ended lease, slot %s: %v", name, when, err)
			}
			if err := use(Lease{}); !errors.Is(err, ErrReleased) {
				t.Errorf("%s of no lease: %v", name, err)
			}
		}
		if old.Size() != 0 {
			t.Error("an ended lease has a size")
		}
		if when == "free" {
			l := acquire(t, tn, nil, pageSize)
			defer release(t, l)
		}
	}
}

func TestLengthWord(t *testing.T) {
	p := newPoolT(t, small(2))
	l := acquire(t, p.Tenant(), nil, 100)
	g, err := l.Guest()
	if err != nil {
		t.Fatal(err)
	}
	if g.Faulting != 20*pageSize || word(g.Length).Load() != 100 || !writable(g.Base) {
		t.Errorf("%+v, length %d", g, word(g.Length).Load())
	}
	if err := l.Grow(pageSize + 1); err != nil {
		t.Fatal(err)
	}
	if n := word(g.Length).Load(); n != pageSize+1 {
		t.Errorf("length word %d after growth", n)
	}
	release(t, l)
	if n := word(g.Length).Load(); n != 0 {
		t.Errorf("length word %d after the end", n)
	}
}

func TestGrowRefuses(t *testing.T) {
	p := newPoolT(t, small(1))
	l := acquire(t, p.Tenant(), nil, pageSize+10)
	for _, size := range []uint64{0, pageSize, pageSize + 9, 16*pageSize + 1, ^uint64(0)} {
		if err := l.Grow(size); !errors.Is(err, ErrMemory) {
			t.Errorf("grow to %d: %v", size, err)
		}
	}
	if l.Size() != pageSize+10 {
		t.Errorf("size %d", l.Size())
	}
	release(t, l)
}

func TestAcquireRefuses(t *testing.T) {
	p := newPoolT(t, small(2))
	tn := p.Tenant()
	late := newImage(t, seg{9, "x"})
	for name, r := range map[string]Request{
		"too large":             {Size: 16*pageSize + 1},
		"overflow":              {Size: ^uint64(0)},
		"image behind the size": {Image: late, Size: 9 * pageSize},
	} {
		if _, err := tn.AcquireMemory(r); !errors.Is(err, ErrMemory) {
			t.Errorf("%s: %v", name, err)
		}
		if err := p.Validate(r); !errors.Is(err, ErrMemory) {
			t.Errorf("validate, %s: %v", name, err)
		}
	}
	gone := newImage(t, seg{0, "x"})
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := tn.Acquire(gone, pageSize); !errors.Is(err, memfd.ErrClosed) {
		t.Errorf("closed image: %v", err)
	}
	if st := p.Stats(); st.Leased != 0 {
		t.Errorf("refusals leave %d leases", st.Leased)
	}
}

func TestValidate(t *testing.T) {
	c := small(3)
	c.MemoriesPerTenant = 2
	p := newPoolT(t, c)
	ok := Request{Size: pageSize}
	if err := p.Validate(ok, ok); err != nil {
		t.Error(err)
	}
	if err := p.Validate(ok, ok, ok); !errors.Is(err, ErrMemory) {
		t.Errorf("three memories of two: %v", err)
	}
	p2 := newPoolT(t, small(1))
	if err := p2.Validate(ok, ok); !errors.Is(err, ErrMemory) {
		t.Errorf("two memories of one slot: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		c    Config
		want error
	}{
		"negative slots":     {Config{Slots: -1}, ErrInvalid},
		"negative memories":  {Config{MemoriesPerTenant: -1}, ErrInvalid},
		"negative mappings":  {Config{MaxVMAs: -1}, ErrInvalid},
		"too many slots":     {Config{Slots: 1<<24 + 1, MaxMemory: pageSize, Reservation: None, Guard: None}, ErrInvalid},
		"no mappings left":   {Config{Slots: 1, MaxVMAs: 1}, ErrExhausted},
		"nothing to reserve": {Config{Slots: 1, MaxMemory: None, Reservation: None, Guard: None}, ErrInvalid},
		"too large":          {Config{Slots: 1 << 24, MaxMemory: 1 << 50}, ErrAddressSpace},
		"slab too small":     {Config{Slots: 1, MaxMemory: 1 << 20, Reservation: 1 << 20, Guard: 1 << 20, MaxSlab: 4096}, ErrAddressSpace},
	} {
		if p, err := New(tt.c); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				p.Close()
			}
		}
	}
}

func TestCloseWithLeases(t *testing.T) {
	p, err := New(small(2))
	if err != nil {
		t.Fatal(err)
	}
	tn := p.Tenant()
	l := acquire(t, tn, nil, 1)
	if err := p.Close(); !errors.Is(err, ErrBusy) || !errors.Is(err, syscall.EBUSY) {
		t.Errorf("close with a lease: %v", err)
	}
	scribble(t, l)
	release(t, l)
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := tn.Acquire(nil, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("acquire of a closed pool: %v", err)
	}
	if err := l.Release(); !errors.Is(err, ErrReleased) {
		t.Errorf("release after close: %v", err)
	}
	if err := p.Check(); !errors.Is(err, ErrClosed) {
		t.Errorf("check of a closed pool: %v", err)
	}
	if n, err := p.Purge(new(memfd.Image)); n != 0 || !errors.Is(err, ErrClosed) {
		t.Errorf("purge of a closed pool: %d, %v", n, err)
	}
	if _, err := p.Usage(); !errors.Is(err, ErrClosed) {
		t.Errorf("usage of a closed pool: %v", err)
	}
	if _, err := new(Tenant).Acquire(nil, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("acquire of no tenant: %v", err)
	}
	if err := new(Pool).Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("close of no pool: %v", err)
	}
}

// TestAffinity: the same memory of the same image finds its slot again, and another index
// is another memory.
func TestAffinity(t *testing.T) {
	p := newPoolT(t, small(8))
	tn := p.Tenant()
	a, b := newImage(t, seg{0, "a"}), newImage(t, seg{0, "b"})
	get := func(im *memfd.Image, index uint32) Lease {
		t.Helper()
		l, err := tn.AcquireMemory(Request{Image: im, Index: index, Size: pageSize})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, l, im)
		return l
	}
	first := []Lease{get(a, 0), get(a, 1), get(b, 0), get(nil, 0)}
	for _, l := range first {
		release(t, l)
	}
	again := []Lease{get(a, 0), get(a, 1), get(b, 0), get(nil, 0)}
	for i, l := range again {
		if l.Slot() != first[i].Slot() {
			t.Errorf("request %d got slot %d, had %d", i, l.Slot(), first[i].Slot())
		}
		release(t, l)
	}
	// Of several, the newest comes first: its memory is the likeliest to be cached.
	x, y := get(a, 0), get(a, 0)
	release(t, y)
	release(t, x)
	if l := get(a, 0); l.Slot() != x.Slot() {
		t.Errorf("got slot %d, the newest is %d", l.Slot(), x.Slot())
	} else {
		release(t, l)
	}
	check(t, p)
	if st := p.Stats(); st.AcquiredAffine != 6 {
		t.Errorf("%+v", st)
	}
	purge(t, p, a, 3)
	purge(t, p, b, 1)
	purge(t, p, b, 0)
	check(t, p)
}

func TestWarmLimit(t *testing.T) {
	for _, limit := range []int{-1, 1, 3} {
		c := small(8)
		c.MaxWarm = limit
		p := newPoolT(t, c)
		tn := p.Tenant()
		var ls []Lease
		for range 8 {
			ls = append(ls, acquire(t, tn, nil, pageSize))
		}
		for _, l := range ls {
			release(t, l)
			check(t, p)
		}
		want := max(limit, 0)
		if st := p.Stats(); st.Warm != want || st.Unmapped != 8-want || st.Evicted != uint64(8-want) {
			t.Errorf("limit %d: %+v", limit, st)
		}
		if l := acquire(t, tn, nil, pageSize); limit > 0 && l.Slot() != ls[7].Slot() {
			t.Errorf("limit %d: the newest was evicted", limit)
		} else {
			release(t, l)
		}
	}
}

// TestPurgeLeased: what is leased while its image is purged does not stay warm.
func TestPurgeLeased(t *testing.T) {
	p := newPoolT(t, small(4))
	tn := p.Tenant()
	im := newImage(t, seg{1, "x"})
	a, b := acquire(t, tn, im, 4*pageSize), acquire(t, tn, im, 4*pageSize)
	release(t, a)
	purge(t, p, im, 1)
	check(t, p)
	expect(t, b, im)
	c := acquire(t, tn, im, 4*pageSize) // an image may come back after its purge
	release(t, c)
	release(t, b)
	check(t, p)
	if st := p.Stats(); st.Warm != 1 || st.Unmapped != 3 {
		t.Errorf("%+v", st)
	}
	purge(t, p, im, 1)
	if err := im.Close(); err != nil {
		t.Error(err)
	}
}

// TestPurgeOfAStripe: wasmtime #12910 took the number within the stripe for the number in
// the pool, and remapped a tenant's live slot.
func TestPurgeOfAStripe(t *testing.T) {
	p := newStripedT(t, Config{Slots: 2, MaxMemory: 4 * pageSize, Reservation: 4 * pageSize, Guard: 4 * pageSize}, 2)
	if p.layout.Stripes != 2 {
		t.Fatalf("%d stripes", p.layout.Stripes)
	}
	im := newImage(t, seg{0, "x"})
	t0, t1 := p.Tenant(), p.Tenant()
	a, b := acquire(t, t0, im, pageSize), acquire(t, t1, im, pageSize)
	if a.Slot() == b.Slot() || p.entries[a.Slot()].stripe == p.entries[b.Slot()].stripe {
		t.Fatal("two tenants are not in two stripes")
	}
	scribble(t, a)
	release(t, b)
	purge(t, p, im, 1)
	err := a.Do(func(v View) error {
		if v.Bytes()[0] == 'x' {
			return errors.New("the live slot was reset")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	release(t, a)
}

// TestTenantSpills: a tenant whose stripe is full moves while it has no lease, and only
// then.
func TestTenantSpills(t *testing.T) {
	p := newStripedT(t, Config{Slots: 4, MaxMemory: 4 * pageSize, Reservation: 4 * pageSize, Guard: 4 * pageSize}, 2)
	a, b := p.Tenant(), p.Tenant()
	a1, a2 := acquire(t, a, nil, 1), acquire(t, a, nil, 1)
	if _, err := a.Acquire(nil, 1); !errors.Is(err, ErrExhausted) {
		t.Fatalf("a third lease in a stripe of two: %v", err)
	}
	b.home.Store(a.home.Load() &^ 0xffffffff) // at home where all is taken
	b1 := acquire(t, b, nil, 1)
	if s := p.entries[b1.Slot()].stripe; s == p.entries[a1.Slot()].stripe {
		t.Error("did not move")
	}
	b2 := acquire(t, b, nil, 1)
	if _, err := p.Tenant().Acquire(nil, 1); !errors.Is(err, ErrExhausted) {
		t.Errorf("all stripes are full: %v", err)
	}
	for _, l := range []Lease{a1, a2, b1, b2} {
		release(t, l)
	}
	if a.home.Load()&0xffffffff != 0 || b.home.Load()&0xffffffff != 0 {
		t.Error("tenants count leases that ended")
	}
}

// TestVMALimit: the pool stops ahead of the kernel's limit, takes warm slots' mappings
// first, and goes on.
func TestVMALimit(t *testing.T) {
	c := small(20)
	c.MaxVMAs = int(vmas.Load()) + 2 + 7 // the slab, the length words, and three slots of 2
	p := newPoolT(t, c)
	tn := p.Tenant()
	var ls []Lease
	for {
		l, err := tn.Acquire(nil, pageSize)
		if err != nil {
			var limit *LimitError
			if !errors.Is(err, ErrExhausted) || !errors.As(err, &limit) {
				t.Fatal(err)
			}
			break
		}
		ls = append(ls, l)
	}
	check(t, p)
	if len(ls) != 3 {
		t.Fatalf("%d leases", len(ls))
	}
	for _, l := range ls {
		release(t, l)
	}
	im := newImage(t, seg{1, "x"})
	l := acquire(t, tn, im, 4*pageSize) // needs four: others' are given up
	check(t, p)
	m := acquire(t, tn, nil, pageSize)
	if err := m.Grow(2 * pageSize); err != nil {
		t.Error(err)
	}
	if _, err := tn.Acquire(im, 4*pageSize); !errors.Is(err, ErrExhausted) {
		t.Errorf("%v", err)
	}
	release(t, l)
	release(t, m)
	check(t, p)
	purge(t, p, im, 1)
}

// TestRefusedSlotKeepsNoAffinity: a slot that was taken for one image and could not have
// it, for want of mappings, is not found again as if it held it. (The model test found
// that.)
func TestRefusedSlotKeepsNoAffinity(t *testing.T) {
	c := small(2)
	c.MaxVMAs = int(vmas.Load()) + 2 + 5
	p := newPoolT(t, c)
	one, two := newImage(t, seg{0, "one"}), newImage(t, seg{1, "two"})
	tn := p.Tenant()
	held := acquire(t, tn, nil, pageSize)
	release(t, acquire(t, tn, one, 2*pageSize))
	if _, err := tn.Acquire(two, 3*pageSize); !errors.Is(err, ErrExhausted) {
		t.Fatalf("four mappings of three: %v", err)
	}
	check(t, p)
	l := acquire(t, tn, one, 2*pageSize)
	expect(t, l, one)
	release(t, l)
	if err := two.Close(); err != nil {
		t.Error(err)
	}
	release(t, held)
	purge(t, p, one, 1)
}

// TestGrowAtTheVMALimit: a growth that needs one more mapping than there are is refused
// and leaves the lease as it was.
func TestGrowAtTheVMALimit(t *testing.T) {
	c := small(2)
	c.MaxVMAs = int(vmas.Load()) + 2 + 2
	p := newPoolT(t, c)
	im := newImage(t, seg{0, "x"})
	l := acquire(t, p.Tenant(), im, pageSize)
	if err := l.Grow(2 * pageSize); !errors.Is(err, ErrExhausted) {
		t.Errorf("%v", err)
	}
	expect(t, l, im)
	release(t, l)
	purge(t, p, im, 1)
}

// TestZeroSizedMemory: wasmtime's CVE-2022-39392 mapped no guard for a memory of maximal
// size 0.
func TestZeroSizedMemory(t *testing.T) {
	p := newPoolT(t, Config{Slots: 3, MaxMemory: None, Reservation: 4 * pageSize, Guard: pageSize})
	tn := p.Tenant()
	for range 3 {
		l := acquire(t, tn, nil, 0)
		g, err := l.Guest()
		if err != nil {
			t.Fatal(err)
		}
		for off := uint64(0); off < g.Faulting; off += pageSize {
			if readable(g.Base + uintptr(off)) {
				t.Errorf("byte %d of a memory of none is readable", off)
			}
		}
		defer release(t, l)
	}
	if _, err := tn.Acquire(nil, 1); !errors.Is(err, ErrMemory) {
		t.Errorf("%v", err)
	}
}

// TestShrunkBetweenTenants: GHSA-6wgr-89rj-399p left what a tenant had grown to open to a
// smaller one.
func TestShrunkBetweenTenants(t *testing.T) {
	const wasm = 64 << 10
	p := newPoolT(t, Config{Slots: 1, MaxMemory: 32 << 20, Reservation: 32 << 20, Guard: None})
	tn := p.Tenant()
	a := acquire(t, tn, nil, 10*wasm)
	if err := a.Grow(20 * wasm); err != nil {
		t.Fatal(err)
	}
	scribble(t, a)
	release(t, a)
	b := acquire(t, tn, nil, 5*wasm)
	g, _ := b.Guest()
	for _, off := range []uintptr{5 * wasm, 983040, 20*wasm - 1} {
		if readable(g.Base + off) {
			t.Errorf("byte %d is readable in a memory of %d", off, 5*wasm)
		}
	}
	if err := b.Grow(20 * wasm); err != nil {
		t.Fatal(err)
	}
	expect(t, b, nil)
	release(t, b)
}

// TestImageThenNone: wasmtime's CVE-2022-39393 showed a slot's old image to a tenant
// without one.
func TestImageThenNone(t *testing.T) {
	p := newPoolT(t, small(1))
	tn := p.Tenant()
	im := newImage(t, seg{0, "secret"}, seg{3, "more"})
	for _, want := range []*memfd.Image{im, nil, im, nil} {
		l := acquire(t, tn, want, 5*pageSize)
		expect(t, l, want)
		scribble(t, l)
		release(t, l)
		check(t, p)
	}
}

// TestSlabs: a pool over several slabs keeps its promises in each.
func TestSlabs(t *testing.T) {
	c := small(7)
	c.MaxSlab = 64 * pageSize // a slot takes 20, and 4 ahead
	p := newPoolT(t, c)
	if len(p.slabs) < 3 {
		t.Fatalf("%d slabs", len(p.slabs))
	}
	tn := p.Tenant()
	im := newImage(t, seg{1, "x"})
	var ls []Lease
	seen := map[uintptr]bool{}
	for range 7 {
		l := acquire(t, tn, im, 3*pageSize)
		g, _ := l.Guest()
		if seen[g.Base] {
			t.Fatal("one address twice")
		}
		seen[g.Base] = true
		expect(t, l, im)
		scribble(t, l)
		ls = append(ls, l)
		if at := p.Locator().Locate(uint64(g.Base) + pageSize + 5); at.Slot != l.Slot() || at.Page != 1 || at.Kind != RegionMemory {
			t.Errorf("slot %d located as %+v", l.Slot(), at)
		}
	}
	check(t, p)
	for _, l := range ls {
		release(t, l)
	}
	check(t, p)
	purge(t, p, im, 7)
}

// TestReservationIsOneMapping: whatever slots went through, a pool that gives all of them
// back is one mapping again.
func TestReservationIsOneMapping(t *testing.T) {
	p := newPoolT(t, small(50))
	tn := p.Tenant()
	im := newImage(t, seg{2, "x"})
	var ls []Lease
	for i := range 50 {
		l := acquire(t, tn, []*memfd.Image{nil, im}[i%2], 5*pageSize)
		scribble(t, l)
		if err := l.Grow(7 * pageSize); err != nil {
			t.Fatal(err)
		}
		scribble(t, l)
		ls = append(ls, l)
	}
	for _, l := range ls {
		release(t, l)
	}
	ls = ls[:0]
	for range 50 { // shrink: what is cut off must not keep its own mapping
		ls = append(ls, acquire(t, tn, nil, pageSize))
	}
	for _, l := range ls {
		release(t, l)
	}
	purge(t, p, im, 0)
	for p.evictOne() {
	}
	check(t, p)
	u, err := p.Usage()
	if err != nil {
		t.Fatal(err)
	}
	if u.VMAs != 1 || u.Resident != 0 {
		t.Errorf("an idle pool has %d mappings and %d bytes", u.VMAs, u.Resident)
	}
}

// TestHugePages: a pool asks for none, so a byte takes a page and no more, unless it is
// told to leave that to the system.
func TestHugePages(t *testing.T) {
	for _, huge := range []bool{false, true} {
		p := newPoolT(t, Config{Slots: 1, MaxMemory: 64 << 20, Reservation: 64 << 20, Guard: 2 << 20, HugePages: huge})
		tn := p.Tenant()
		im := newImage(t, seg{0, "x"})
		for _, im := range []*memfd.Image{nil, im, nil} { // new mappings too
			l := acquire(t, tn, im, 64<<20)
			err := l.Do(func(v View) error { v.Bytes()[32<<20] = 1; return nil })
			if err != nil {
				t.Fatal(err)
			}
			check(t, p)
			if u, err := p.Usage(); err != nil || !huge && u.Private > 4*pageSize {
				t.Errorf("one byte takes %d, %v", u.Private, err)
			}
			release(t, l)
		}
		purge(t, p, im, 0)
	}
}

// TestKeepResident: what is kept is clean all the same.
func TestKeepResident(t *testing.T) {
	for _, keep := range []uint64{1, pageSize, 3 * pageSize, 100 * pageSize, None} {
		c := small(1)
		c.KeepResident = keep
		p := newPoolT(t, c)
		tn := p.Tenant()
		im := newImage(t, seg{1, "image"}, seg{4, "end"})
		for range testgate.Rounds(3, 1) {
			for _, im := range []*memfd.Image{im, nil} {
				l := acquire(t, tn, im, 6*pageSize)
				expect(t, l, im)
				if err := l.Grow(8 * pageSize); err != nil {
					t.Fatal(err)
				}
				scribble(t, l)
				release(t, l)
				check(t, p)
				if u, err := p.Usage(); err != nil || keep != None && u.Private < min(keep, 8*pageSize) {
					t.Errorf("keep %d: %d bytes stayed, %v", keep, u.Private, err)
				}
			}
		}
		purge(t, p, im, 0)
	}
}

// TestPoolFailures fails every operation of a pool's life once. Whatever failed, the
// neighbour keeps its bytes, nothing is leaked, and every slot can be leased clean again.
func TestPoolFailures(t *testing.T) {
	for _, keep := range []uint64{0, 2 * pageSize} {
		for _, burst := range []uint64{1, 2, 3}[:testgate.Rounds(3, 1)] { // how many fail in a row
			// Under -short one in three of them, others each time.
			step := testgate.Rounds(uint64(1), 3)
			n := rand.Uint64N(step)
			for ; poolFailure(t, keep, n, burst); n += step {
			}
			if n < 15 {
				t.Errorf("keep %d, burst %d: only %d operations were failed", keep, burst, n)
			}
		}
	}
}

func poolFailure(t *testing.T, keep, n, burst uint64) bool {
	c := small(3)
	c.KeepResident = keep
	c.MaxWarm = 2
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	tn := p.Tenant()
	one, two := newImage(t, seg{1, "one"}), newImage(t, seg{0, "two"}, seg{4, "end"})
	neighbour := acquire(t, tn, two, 5*pageSize)
	scribble(t, neighbour)
	wantNeighbour := snapshot(t, neighbour)

	hit := failingFrom(t, n, n+burst, unix.ENOMEM)
	var errs []error
	life := func(im *memfd.Image, size, grown uint64) {
		l, err := tn.Acquire(im, size*pageSize)
		if errs = append(errs, err); err != nil {
			return
		}
		errs = append(errs, l.Grow(grown*pageSize), l.Release())
	}
	life(one, 3, 6)
	life(one, 4, 4)
	life(nil, 2, 9)
	life(two, 5, 16)
	a, errA := tn.Acquire(one, 3*pageSize)
	b, errB := tn.Acquire(two, 5*pageSize)
	errs = append(errs, errA, errB)
	if errA == nil {
		errs = append(errs, a.Release())
	}
	if errB == nil {
		errs = append(errs, b.Release())
	}
	_, err = p.Purge(one)
	errs = append(errs, err)
	came := hit()

	where := fmt.Sprintf("keep %d, operations %d to %d failed: %v", keep, n, n+burst-1, errors.Join(errs...))
	for _, err := range errs {
		if err != nil && !errors.Is(err, unix.ENOMEM) {
			t.Fatalf("%s: an error without its cause: %v", where, err)
		}
	}
	if err := p.Check(); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	if got := snapshot(t, neighbour); string(got) != string(wantNeighbour) {
		t.Fatalf("%s: the neighbour's bytes changed", where)
	}
	release(t, neighbour)
	var all []Lease
	for i := range 3 {
		im := []*memfd.Image{one, nil, two}[i]
		l, err := tn.Acquire(im, 5*pageSize)
		if err != nil {
			t.Fatalf("%s: afterwards: %v", where, err)
		}
		expect(t, l, im)
		all = append(all, l)
	}
	if err := p.Check(); err != nil {
		t.Fatalf("%s: afterwards: %v", where, err)
	}
	for _, l := range all {
		release(t, l)
	}
	if _, err := p.Purge(one); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Purge(two); err != nil {
		t.Fatal(err)
	}
	if st := p.Stats(); st.Quarantined != 0 || st.Leased != 0 {
		t.Fatalf("%s: afterwards %+v", where, st)
	}
	for _, im := range []*memfd.Image{one, two} {
		if err := im.Close(); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
	}
	return came
}

func snapshot(t testing.TB, l Lease) (b []byte) {
	t.Helper()
	if err := l.Do(func(v View) error { b = append(b, v.Bytes()...); return nil }); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestQuarantine: a slot that can be neither reset nor mapped over is not handed out while
// others are free, and comes back when mapping over works.
func TestQuarantine(t *testing.T) {
	p := newPoolT(t, small(2))
	tn := p.Tenant()
	l := acquire(t, tn, nil, pageSize)
	bad := l.Slot()
	scribble(t, l)
	hit := failingFrom(t, 0, 2, unix.EIO)
	err := l.Release()
	if !hit() || !errors.Is(err, unix.EIO) {
		t.Fatalf("release: %v", err)
	}
	if err := l.Release(); !errors.Is(err, ErrReleased) {
		t.Errorf("the lease goes on: %v", err)
	}
	if st := p.Stats(); st.Quarantined != 1 || st.Leased != 0 {
		t.Fatalf("%+v", st)
	}
	check(t, p)
	for range 3 {
		l := acquire(t, tn, nil, pageSize)
		if l.Slot() == bad {
			t.Fatal("a quarantined slot was handed out before a clean one")
		}
		release(t, l)
	}
	a, b := acquire(t, tn, nil, pageSize), acquire(t, tn, nil, pageSize)
	expect(t, a, nil)
	expect(t, b, nil)
	release(t, a)
	release(t, b)
	if st := p.Stats(); st.Quarantined != 0 || st.Remapped != 1 {
		t.Errorf("%+v", st)
	}
}

// TestFailedAcquireHeals: a slot that an acquire could not fill is part of the reservation
// again at once, with nothing of it left in memory.
func TestFailedAcquireHeals(t *testing.T) {
	p := newPoolT(t, small(1))
	im := newImage(t, seg{1, "x"})
	hit := failing(t, 1, unix.ENOMEM)
	_, err := p.Tenant().Acquire(im, 4*pageSize)
	var slot *SlotError
	if !hit() || !errors.Is(err, unix.ENOMEM) || !errors.As(err, &slot) {
		t.Fatalf("%v", err)
	}
	if st := p.Stats(); st.Quarantined != 0 || st.Unmapped != 1 || st.Remapped != 1 {
		t.Errorf("%+v", st)
	}
	check(t, p)
}

// TestSkippedResetIsSeen: the oracle of these tests can fail.
func TestSkippedResetIsSeen(t *testing.T) {
	p := newPoolT(t, small(1))
	tn := p.Tenant()
	l := acquire(t, tn, nil, pageSize)
	scribble(t, l)
	remove := kernelcall.Install(func(op kernelcall.Op, _ uint64) kernelcall.Verdict {
		if op == kernelcall.Discard {
			return kernelcall.Pretend()
		}
		return kernelcall.Verdict{}
	})
	release(t, l)
	remove()
	l = acquire(t, tn, nil, pageSize)
	if snapshot(t, l)[0] == 0 {
		t.Error("a skipped discard left zeros")
	}
	release(t, l)
}

// TestCheckSees: Check finds what does not match the kernel.
func TestCheckSees(t *testing.T) {
	p := newPoolT(t, small(2))
	tn := p.Tenant()
	for _, op := range []kernelcall.Op{kernelcall.Open, kernelcall.NoDump} {
		im := newImage(t, seg{1, "x"})
		remove := kernelcall.Install(func(o kernelcall.Op, _ uint64) kernelcall.Verdict {
			if o == op {
				return kernelcall.Pretend()
			}
			return kernelcall.Verdict{}
		})
		l := acquire(t, tn, im, 4*pageSize)
		remove()
		if err := p.Check(); err == nil {
			t.Errorf("a skipped %v was not seen", op)
		}
		e := p.entries[l.Slot()]
		e.slot.lose()
		release(t, l)
		check(t, p)
		purge(t, p, im, 0)
	}
}

func TestPoolHotPathsAllocateNothing(t *testing.T) {
	p := newPoolT(t, small(4))
	tn := p.Tenant()
	im := newImage(t, seg{0, "x"})
	r := Request{Image: im, Size: 2 * pageSize}
	sum := 0
	read := func(v View) error { sum += int(v.Bytes()[0]); return nil }
	once := func() {
		l, err := tn.AcquireMemory(r)
		if err == nil {
			err = errors.Join(l.Do(read), l.Grow(4*pageSize), l.Release())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	once()
	if n := testing.AllocsPerRun(200, once); n != 0 {
		t.Errorf("%v allocations a lease", n)
	}
	purge(t, p, im, 1)
}

// TestManyGoroutines leases and releases from many goroutines at once; a slot that two
// have shows a foreign mark.
func TestManyGoroutines(t *testing.T) {
	c := small(6)
	c.MaxWarm = 2
	p := newPoolT(t, c)
	images := []*memfd.Image{nil, newImage(t, seg{0, "a"}), newImage(t, seg{1, "b"})}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			tn := p.Tenant()
			for i := range testgate.Rounds(300, 60) {
				im := images[(g+i)%3]
				l, err := tn.AcquireMemory(Request{Image: im, Index: uint32(i % 2), Size: 3 * pageSize})
				if errors.Is(err, ErrExhausted) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				err = l.Do(func(v View) error {
					if i%5 == 0 {
						if err := v.Grow(5 * pageSize); err != nil {
							return err
						}
					}
					b := v.Bytes()
					want := imageByte(im)
					if b[want.at] != want.b || b[2*pageSize] != 0 {
						return fmt.Errorf("slot %d is not clean", v.Slot())
					}
					b[2*pageSize], b[want.at] = byte(g+1), byte(g+100)
					for range 20 {
						if b[2*pageSize] != byte(g+1) || b[want.at] != byte(g+100) {
							return fmt.Errorf("slot %d has two tenants", v.Slot())
						}
					}
					return nil
				})
				if err := errors.Join(err, l.Release()); err != nil {
					t.Error(err)
					return
				}
				if i%50 == 0 {
					if _, err := p.Purge(images[1]); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	check(t, p)
	for _, im := range images {
		if _, err := p.Purge(im); err != nil {
			t.Error(err)
		}
	}
}

type marked struct {
	at uint64
	b  byte
}

func imageByte(im *memfd.Image) marked {
	switch {
	case im == nil:
		return marked{0, 0}
	case im.Offset() == 0:
		return marked{0, 'a'}
	}
	return marked{pageSize, 'b'}
}
