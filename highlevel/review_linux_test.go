package highlevel

import (
	"errors"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/memfd"
	"github.com/pageslot/pageslot/testgate"
)

// What a hostile reader of this package found, each with a test.

// TestQuarantineGivesRoom: slots that could not be mapped over are charged for mappings;
// when those are short, they are tried again before a request is refused.
func TestQuarantineGivesRoom(t *testing.T) {
	c := small(8)
	c.MaxVMAs = int(vmas.Load()) + 2 + 11
	p := newPoolT(t, c)
	tn := p.Tenant()
	a, b := acquire(t, tn, nil, pageSize), acquire(t, tn, nil, pageSize)
	hit := failingFrom(t, 0, 4, unix.ENOMEM)
	errA, errB := a.Release(), b.Release()
	if !hit() || errA == nil || errB == nil || p.Stats().Quarantined != 2 {
		t.Fatalf("%v; %v; %+v", errA, errB, p.Stats())
	}
	l, err := tn.Acquire(nil, pageSize)
	if err != nil {
		t.Fatalf("nothing is leased: %v", err)
	}
	expect(t, l, nil)
	check(t, p)
	release(t, l)
}

// TestPurgeIsNoExhaustion: while a purge maps slots over, an acquire waits for them and
// does not say that all are in use; and after it the image can be closed, whoever was
// taking its slots meanwhile.
func TestPurgeIsNoExhaustion(t *testing.T) {
	c := small(4)
	c.MaxWarm = 3
	p := newPoolT(t, c)
	for range testgate.Rounds(100, 25) {
		im, other := newImage(t, seg{0, "x"}), newImage(t, seg{1, "y"})
		var warm []Lease
		for range 3 {
			warm = append(warm, acquire(t, p.Tenant(), im, 2*pageSize))
		}
		for _, l := range warm {
			release(t, l)
		}
		var wg sync.WaitGroup
		for range 3 { // no more than there are slots
			wg.Go(func() {
				tn := p.Tenant()
				for i := range 5 {
					l, err := tn.Acquire([]*memfd.Image{other, nil}[i%2], 2*pageSize)
					if err == nil {
						err = l.Release()
					}
					if err != nil {
						t.Errorf("three tenants of four slots: %v", err)
						return
					}
				}
			})
		}
		if _, err := p.Purge(im); err != nil {
			t.Error(err)
		}
		if err := im.Close(); err != nil {
			t.Fatalf("after its purge: %v", err)
		}
		wg.Wait()
		if _, err := p.Purge(other); err != nil {
			t.Error(err)
		}
		check(t, p)
	}
}

// TestFaultInAnotherSlab: all of the pool's memory is the pool's.
func TestFaultInAnotherSlab(t *testing.T) {
	c := small(4)
	c.MaxSlab = 64 * pageSize
	p := newPoolT(t, c)
	l := acquire(t, p.Tenant(), nil, pageSize)
	last := p.slabs[len(p.slabs)-1]
	if len(p.slabs) < 2 || p.entries[l.Slot()].slot.base >= last.addr && p.entries[l.Slot()].slot.base < last.addr+uintptr(last.Bytes) {
		t.Fatal("the lease is in the last slab")
	}
	err := l.Do(func(View) error { load(last.addr); return nil })
	var f *FaultError
	if !errors.As(err, &f) || f.Kind != FaultOther || f.Slot != l.Slot() {
		t.Errorf("%v", err)
	}
	release(t, l)
}

// TestGate: what its fields do at their ends.
func TestGate(t *testing.T) {
	p := newPoolT(t, small(1))
	tn := p.Tenant()
	l := acquire(t, tn, nil, pageSize)
	e := l.entry
	e.gate.Add(holdMask)
	var limit *LimitError
	if err := l.Do(func(View) error { return nil }); !errors.As(err, &limit) {
		t.Errorf("one call too many: %v", err)
	}
	if err := l.Release(); !errors.Is(err, ErrBusy) {
		t.Errorf("release under them: %v", err)
	}
	e.gate.Add(^uint64(holdMask - 1))
	release(t, l)
	e.gate.Store((1<<(64-gateShift) - 1) << gateShift)
	l = acquire(t, tn, nil, pageSize)
	if g := generation(e.gate.Load()); g != 0 || l.generation != 0 {
		t.Errorf("generation %d after the last", g)
	}
	expect(t, l, nil)
	release(t, l)
	if err := l.Release(); !errors.Is(err, ErrReleased) {
		t.Errorf("%v", err)
	}
}

// TestAskingHoldsNothing: who asks for a lease's size does not keep it from ending.
func TestAskingHoldsNothing(t *testing.T) {
	p := newPoolT(t, small(1))
	tn := p.Tenant()
	for range testgate.Rounds(200, 20) {
		l := acquire(t, tn, nil, 3*pageSize)
		done := make(chan bool)
		started := make(chan bool)
		go func() {
			defer close(done)
			close(started)
			for {
				if n := l.Size(); n == 0 {
					return
				} else if n != 3*pageSize {
					t.Errorf("size %d", n)
				}
				if _, err := l.Guest(); err != nil && !errors.Is(err, ErrReleased) {
					t.Error(err)
				}
			}
		}()
		<-started
		release(t, l)
		<-done
	}
}

// TestReleaseOfAPurgedSlot: when a slot of a purged image can't be mapped over at its
// release, the release says so.
func TestReleaseOfAPurgedSlot(t *testing.T) {
	p := newPoolT(t, small(2))
	im := newImage(t, seg{0, "x"})
	l := acquire(t, p.Tenant(), im, pageSize)
	purge(t, p, im, 0)
	hit := failingFrom(t, 1, 2, unix.EIO) // the discard works, the mapping over does not
	err := l.Release()
	if !hit() || !errors.Is(err, unix.EIO) || p.Stats().Quarantined != 1 {
		t.Errorf("%v; %+v", err, p.Stats())
	}
}

// TestFailedGrow: the lease goes on as it was, can't grow any more, and holds its image.
func TestFailedGrow(t *testing.T) {
	p := newPoolT(t, small(1))
	im := newImage(t, seg{0, "x"})
	l := acquire(t, p.Tenant(), im, pageSize)
	hit := failing(t, 0, unix.ENOMEM)
	if err := l.Grow(3 * pageSize); !hit() || !errors.Is(err, unix.ENOMEM) {
		t.Fatal(err)
	}
	expect(t, l, im)
	if err := l.Grow(3 * pageSize); !errors.Is(err, ErrState) {
		t.Errorf("a second growth: %v", err)
	}
	if err := im.Close(); !errors.Is(err, memfd.ErrInUse) {
		t.Errorf("close under the lease: %v", err)
	}
	check(t, p)
	release(t, l)
	check(t, p)
	purge(t, p, im, 0)
}

// TestStatsCountWhatCame: a request that was refused was no acquire.
func TestStatsCountWhatCame(t *testing.T) {
	p := newPoolT(t, small(1))
	tn := p.Tenant()
	hit := failing(t, 0, unix.ENOMEM)
	if _, err := tn.Acquire(nil, pageSize); err == nil || !hit() {
		t.Fatal("no failure")
	}
	l := acquire(t, tn, nil, pageSize)
	if _, err := tn.Acquire(nil, pageSize); !errors.Is(err, ErrExhausted) {
		t.Fatal(err)
	}
	st := p.Stats()
	if n := st.AcquiredAffine + st.AcquiredCold + st.AcquiredOther; n != 1 || st.Refused != 1 {
		t.Errorf("%+v", st)
	}
	release(t, l)
}

// TestClosedImageOfZeros: an image that needs no mapping is refused too once it is closed.
func TestClosedImageOfZeros(t *testing.T) {
	p := newPoolT(t, small(1))
	im := newImage(t)
	release(t, acquire(t, p.Tenant(), im, pageSize))
	if err := im.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Tenant().Acquire(im, pageSize); !errors.Is(err, memfd.ErrClosed) {
		t.Errorf("%v", err)
	}
}

// TestColdSlotsAllocateNothing: not even where no slot stays warm.
func TestColdSlotsAllocateNothing(t *testing.T) {
	c := small(2)
	c.MaxWarm = -1
	p := newPoolT(t, c)
	tn := p.Tenant()
	images := []*memfd.Image{newImage(t, seg{0, "x"}), newImage(t, seg{0, "y"})}
	i := 0
	once := func() {
		i++
		l, err := tn.Acquire(images[i%2], pageSize)
		if err == nil {
			err = l.Release()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	once()
	if n := testing.AllocsPerRun(100, once); n != 0 {
		t.Errorf("%v allocations a lease", n)
	}
}

// TestNewSlotAtTheEnd: a range must not pass the last address.
func TestNewSlotAtTheEnd(t *testing.T) {
	end := ^uintptr(0) &^ (uintptr(pageSize) - 1)
	if _, err := NewSlot(end, 2*pageSize, pageSize); !errors.Is(err, ErrInvalid) {
		t.Errorf("%v", err)
	}
}
