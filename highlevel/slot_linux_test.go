package highlevel

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/kernelcall"
	"github.com/pageslot/pageslot/memfd"
	"github.com/pageslot/pageslot/testgate"
)

// slotT is a slot on its own reservation, with a neighbour's worth of nothing behind it.
type slotT struct {
	*testing.T
	*Slot
}

func newSlotT(t *testing.T, length, max uint64) slotT {
	t.Helper()
	s, err := NewSlot(reservation(t, length), length, max)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Reserve(); err != nil {
			t.Error(err)
		}
		if s.Image() != nil || s.State() != SlotUnmapped {
			t.Errorf("reserved slot is %v with %v", s.State(), s.Image())
		}
	})
	return slotT{t, s}
}

func (s slotT) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s slotT) all() []byte { return bytesAt(s.Base(), s.Accessible()) }

func (s slotT) dirty() {
	for i := range s.all() {
		s.all()[i] = 0xEE
	}
}

// holds checks the invariant of a slot: its bytes, and where it ends.
func (s slotT) holds(im *memfd.Image, access uint64) {
	s.Helper()
	if s.Accessible() != access {
		s.Fatalf("%d bytes accessible, want %d", s.Accessible(), access)
	}
	sameBytes(s.T, s.all(), imageBytes(s.T, im, access))
	if access > 0 && !writable(s.Base()+uintptr(access)-1) {
		s.Fatal("last byte is not writable")
	}
	if access < s.length && readable(s.Base()+uintptr(access)) {
		s.Fatal("byte behind the end is readable")
	}
}

// TestSlotWithoutImage and TestSlotWithImage are the two lives that every allocator of
// this kind is first tested with: zeros, growth and reuse; images, other images and none.
func TestSlotWithoutImage(t *testing.T) {
	s := newSlotT(t, 4<<20, 4<<20)
	if s.State() != SlotUnmapped {
		t.Fatalf("new slot is %v", s.State())
	}
	s.must(s.Instantiate(nil, 64<<10))
	if s.State() != SlotInUse {
		t.Fatalf("slot in use is %v", s.State())
	}
	s.holds(nil, 64<<10)
	s.all()[1024] = 42
	s.must(s.Grow(128 << 10))
	if s.all()[1024] != 42 || s.all()[131071] != 0 {
		t.Fatal("growth lost a byte or brought one")
	}
	s.must(s.Clear(0))
	s.must(s.Instantiate(nil, 64<<10))
	s.holds(nil, 64<<10)
}

func TestSlotWithImage(t *testing.T) {
	one := newImage(t, seg{1, "\x01\x02\x03\x04"})
	two := newImage(t, seg{1, "\x0a\x0b\x0c\x0d"})
	s := newSlotT(t, 256*pageSize, 256*pageSize)
	for _, step := range []struct {
		im    *memfd.Image
		pages uint64
	}{
		{one, 16}, {one, 16}, {nil, 16}, {one, 16}, {two, 32}, {one, 16}, {one, 64}, {one, 16}, {nil, 256}, {nil, 16},
	} {
		size := step.pages * pageSize
		s.must(s.Instantiate(step.im, size))
		if s.Image() != step.im {
			t.Fatalf("image %p, want %p", s.Image(), step.im)
		}
		s.holds(step.im, size)
		s.dirty()
		s.must(s.Clear(0))
	}
}

// TestSlotReset: an image end inside, at and ahead of the size; kept pages; growth.
func TestSlotReset(t *testing.T) {
	const max = 32
	images := []*memfd.Image{nil, newImage(t, seg{0, "a"}), newImage(t, seg{2, "b"}, seg{5, "c"}), newImage(t, seg{7, "d"})}
	for _, keep := range []uint64{0, 3*pageSize + 1, 100 * pageSize, 1, pageSize, 6 * pageSize}[:testgate.Rounds(6, 3)] {
		s := newSlotT(t, (max+8)*pageSize, max*pageSize)
		for _, im := range images {
			for _, size := range []uint64{8, 9, 20, 8}[:testgate.Rounds(4, 2)] {
				for _, grown := range []uint64{size, size + 1, max} {
					s.must(s.Instantiate(im, size*pageSize))
					s.holds(im, size*pageSize)
					s.must(s.Grow(grown * pageSize))
					s.dirty()
					s.must(s.Clear(keep))
					if s.State() != SlotReady {
						t.Fatalf("cleared slot is %v", s.State())
					}
					s.holds(im, grown*pageSize)
				}
			}
		}
	}
}

func TestSlotUnalignedSizes(t *testing.T) {
	im := newImage(t, seg{0, "x"})
	s := newSlotT(t, 16*pageSize, 8*pageSize)
	s.must(s.Instantiate(im, 1))
	s.holds(im, pageSize)
	s.must(s.Grow(pageSize + 1))
	s.holds(im, 2*pageSize)
	s.dirty()
	s.must(s.Clear(0))
	s.must(s.Instantiate(im, pageSize-1))
	s.holds(im, pageSize)
	s.must(s.Clear(0))
	s.must(s.Instantiate(nil, 0))
	s.holds(nil, 0)
	s.must(s.Clear(0))
}

// TestSlotSharedFile: two images in one file are two images (wasmtime #3846 told them
// apart by the descriptor alone).
func TestSlotSharedFile(t *testing.T) {
	whole := newImage(t, seg{0, "first"}, seg{1, "second"})
	a, err := whole.Window(0, pageSize, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := whole.Window(pageSize, 2*pageSize, pageSize)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s := newSlotT(t, 8*pageSize, 8*pageSize)
	for _, im := range []*memfd.Image{a, b, whole, b, a} {
		s.must(s.Instantiate(im, 4*pageSize))
		s.holds(im, 4*pageSize)
		s.dirty()
		s.must(s.Clear(0))
	}
	s.must(s.Reserve())
}

func TestSlotRefusesAndKeeps(t *testing.T) {
	im := newImage(t, seg{3, "x"})
	s := newSlotT(t, 16*pageSize, 8*pageSize)
	s.must(s.Instantiate(im, 5*pageSize))
	for name, tt := range map[string]struct {
		err  error
		want error
	}{
		"again while in use": {s.Instantiate(im, 5*pageSize), ErrState},
		"above the maximum":  {s.Grow(8*pageSize + 1), ErrMemory},
		"shrink":             {s.Grow(pageSize), ErrMemory},
		"overflow":           {s.Grow(^uint64(0)), ErrMemory},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%s: %v, want %v", name, tt.err, tt.want)
		}
	}
	s.holds(im, 5*pageSize)
	s.must(s.Clear(0))
	for name, tt := range map[string]struct {
		err  error
		want error
	}{
		"clear twice":                 {s.Clear(0), ErrState},
		"grow while free":             {s.Grow(6 * pageSize), ErrState},
		"image behind the size":       {s.Instantiate(im, 3*pageSize), ErrMemory},
		"image behind a rounded size": {s.Instantiate(im, 2*pageSize+1), ErrMemory},
		"size above the maximum":      {s.Instantiate(nil, 9*pageSize), ErrMemory},
		"size that overflows":         {s.Instantiate(nil, ^uint64(0)), ErrMemory},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%s: %v, want %v", name, tt.err, tt.want)
		}
	}
	if s.State() != SlotReady || s.Image() != im {
		t.Errorf("refusals left the slot %v with image %p", s.State(), s.Image())
	}
	s.holds(im, 5*pageSize)
}

func TestNewSlotRefuses(t *testing.T) {
	base := reservation(t, 8*pageSize)
	for _, tt := range []struct {
		base        uintptr
		length, max uint64
	}{
		{base + 1, 8 * pageSize, pageSize},
		{base, 8*pageSize + 1, pageSize},
		{base, 8 * pageSize, pageSize + 1},
		{base, 8 * pageSize, 9 * pageSize},
		{0, 8 * pageSize, pageSize},
		{base, -pageSize, pageSize},
	} {
		if _, err := NewSlot(tt.base, tt.length, tt.max); !errors.Is(err, ErrInvalid) {
			t.Errorf("NewSlot(%#x, %d, %d): %v", tt.base, tt.length, tt.max, err)
		}
	}
}

// TestSlotHoldsItsImage: an image can't be closed under a slot, in use or ready.
func TestSlotHoldsItsImage(t *testing.T) {
	im := newImage(t, seg{0, "x"})
	s := newSlotT(t, 8*pageSize, 8*pageSize)
	s.must(s.Instantiate(im, pageSize))
	if err := im.Close(); !errors.Is(err, memfd.ErrInUse) || !errors.Is(err, unix.EBUSY) {
		t.Errorf("close under a slot in use: %v", err)
	}
	s.must(s.Clear(0))
	if err := im.Close(); !errors.Is(err, memfd.ErrInUse) {
		t.Errorf("close under a ready slot: %v", err)
	}
	s.must(s.Instantiate(nil, pageSize))
	s.must(im.Close())
	if err := s.Clear(0); err != nil {
		t.Error(err)
	}
	if err := s.Instantiate(im, pageSize); !errors.Is(err, memfd.ErrClosed) {
		t.Errorf("instantiate with a closed image: %v", err)
	}
	if s.State() != SlotReady {
		t.Errorf("a refused image left the slot %v", s.State())
	}
}

// TestSlotFailures fails every operation of every transition once, and holds that the slot
// is then unknown or untouched, never clean, and comes back.
func TestSlotFailures(t *testing.T) {
	one, two := newImage(t, seg{1, "one"}), newImage(t, seg{0, "two"}, seg{6, "end"})
	type want struct {
		im   *memfd.Image
		size uint64
	}
	wants := []want{{nil, 0}, {nil, 3}, {one, 12}, {two, 7}, {nil, 12}, {one, 4}, {two, 12}}
	wants = wants[:testgate.Rounds(len(wants), 4)]
	steps := 0
	for _, from := range wants {
		for _, to := range wants {
			for n := uint64(0); ; n++ {
				s := newSlotT(t, 20*pageSize, 16*pageSize)
				s.must(s.Instantiate(from.im, from.size*pageSize))
				s.dirty()
				hit := failing(t, n, unix.ENOMEM)
				err := s.Clear(pageSize)
				if err == nil {
					err = s.Instantiate(to.im, to.size*pageSize)
				}
				if err == nil {
					err = s.Grow(16 * pageSize)
				}
				if !hit() {
					if err != nil {
						t.Fatalf("without a failure: %v", err)
					}
					break
				}
				steps++
				var op *OpError
				if !errors.Is(err, unix.ENOMEM) || !errors.As(err, &op) || op.Len == 0 {
					t.Fatalf("failure %d of %v -> %v came back as %v", n, from, to, err)
				}
				if s.State() != SlotUnknown {
					t.Fatalf("after failure %d of %v -> %v the slot is %v", n, from, to, s.State())
				}
				if err := s.Clear(0); !errors.Is(err, ErrState) {
					t.Fatalf("clear of an unknown slot: %v", err)
				}
				s.must(s.Instantiate(to.im, to.size*pageSize))
				s.holds(to.im, to.size*pageSize)
				s.must(s.Clear(0))
			}
		}
	}
	if steps < testgate.Rounds(100, 30) {
		t.Errorf("only %d operations were failed", steps)
	}
	t.Logf("%d operations failed, each once", steps)
}

// TestSlotRecoveryFails: an unknown slot whose mapping over fails stays unknown.
func TestSlotRecoveryFails(t *testing.T) {
	s := newSlotT(t, 8*pageSize, 8*pageSize)
	s.must(s.Instantiate(nil, pageSize))
	hit := failingFrom(t, 0, 3, unix.EIO)
	for range 2 {
		if err := s.Clear(0); err == nil {
			t.Fatal("no error")
		}
		if err := s.Instantiate(nil, pageSize); err == nil && s.State() != SlotUnknown {
			t.Fatalf("slot is %v after %v", s.State(), err)
		}
	}
	if !hit() || s.State() != SlotUnknown {
		t.Fatalf("slot is %v", s.State())
	}
	s.must(s.Instantiate(nil, pageSize))
	s.holds(nil, pageSize)
	s.must(s.Clear(0))
}

func TestSlotHotPathsAllocateNothing(t *testing.T) {
	im := newImage(t, seg{0, "x"})
	s := newSlotT(t, 8*pageSize, 8*pageSize)
	if n := testing.AllocsPerRun(100, func() {
		s.must(s.Instantiate(im, pageSize))
		s.must(s.Grow(2 * pageSize))
		s.must(s.Clear(pageSize))
		s.must(s.Instantiate(nil, pageSize))
		s.must(s.Clear(0))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	remove := kernelcall.Install(func(kernelcall.Op, uint64) kernelcall.Verdict { return kernelcall.Verdict{} })
	defer remove()
	if n := testing.AllocsPerRun(100, func() {
		s.must(s.Instantiate(im, pageSize))
		s.must(s.Clear(0))
	}); n != 0 {
		t.Errorf("%v allocations with a hook", n)
	}
}
