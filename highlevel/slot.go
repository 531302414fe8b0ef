package highlevel

import (
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/pageslot/pageslot/memfd"
)

// SlotState is what is known of a slot's memory.
type SlotState uint8

const (
	// SlotUnmapped: the slot is as its reservation was: inaccessible and empty.
	SlotUnmapped SlotState = iota
	// SlotReady: the slot was used and is clean: its image and zeros, accessible up to
	// [Slot.Accessible].
	SlotReady
	// SlotInUse: the slot holds somebody's bytes.
	SlotInUse
	// SlotUnknown: an operation failed half-way. Nothing is known of the memory; before
	// anything else the whole slot is mapped over.
	SlotUnknown
)

func (s SlotState) String() string {
	switch s {
	case SlotUnmapped:
		return "unmapped"
	case SlotReady:
		return "ready"
	case SlotInUse:
		return "in use"
	case SlotUnknown:
		return "unknown"
	}
	return fmt.Sprintf("SlotState(%d)", uint8(s))
}

// A Slot is a stretch of reserved address space that holds an image copy-on-write and
// zeros, can grow, and can forget what was written to it.
//
// The invariant of a ready slot: its bytes are the image and zeros, exactly
// [base, base+Accessible) is readable and writable, and the rest is inaccessible.
//
// A Slot does not lock: one goroutine uses it at a time. A [Pool] has many and does.
type Slot struct {
	base   uintptr
	first  *byte  // at base; the memory is not Go's
	length uint64 // the whole slot, mapped over by Reserve
	sizes
	noHuge bool // new mappings ask for no transparent huge pages
	state  SlotState
	now    content
}

// sizes are what a request for a slot is held against.
type sizes struct {
	max  uint64 // accessible at most
	page uint64
}

// NewSlot makes a slot of [base, base+length), of which at most the first max bytes
// become accessible. The caller has reserved the range and keeps it while the slot lives:
// inaccessible, private, anonymous memory without swap reservation and without core dump
// (mmap(2) with PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, then madvise(2) with
// MADV_DONTDUMP), which is what [Slot.Reserve] makes of it again. All three are multiples
// of the page size.
func NewSlot(base uintptr, length, max uint64) (*Slot, error) {
	page := uint64(os.Getpagesize())
	if uint64(base)%page != 0 || length%page != 0 || max%page != 0 {
		return nil, fmt.Errorf("slot: base %#x, length %d, max %d: %w: not multiples of the page size %d", base, length, max, ErrInvalid, page)
	}
	if base == 0 || max > length || max > math.MaxInt || length > uint64(^base) || uint64(uintptr(length)) != length {
		return nil, fmt.Errorf("slot: base %#x, length %d, max %d: %w range", base, length, max, ErrInvalid)
	}
	s := makeSlot(base, length, sizes{max, page})
	return &s, nil
}

func makeSlot(base uintptr, length uint64, sz sizes) Slot {
	return Slot{base: base, first: byteAt(base), length: length, sizes: sz}
}

// State tells what is known of the slot's memory.
func (s *Slot) State() SlotState { return s.state }

// Base is the slot's first address.
func (s *Slot) Base() uintptr { return s.base }

// Accessible is how many bytes from Base are readable and writable: the size asked for,
// rounded up to a page. In state [SlotUnknown] it is what was last known.
func (s *Slot) Accessible() uint64 { return s.now.access }

// Image is the image that is mapped into the slot; nil for none or an all-zero one.
func (s *Slot) Image() *memfd.Image { return s.now.image }

// VMAs is how many mappings the slot adds to its reservation, at most.
func (s *Slot) VMAs() int {
	if s.state == SlotUnknown {
		return unknownVMAs
	}
	return s.now.vmas()
}

// Instantiate gives a clean slot an image (nil for none) and a size in bytes, and takes
// it into use. The bytes are the image's and zeros; [0, size) rounded up to a page is
// readable and writable. A slot that is ready with that image and size needs no call.
//
// An image that ends behind size, or a size above the slot's maximum, is [ErrMemory] and
// changes nothing. A slot in use is [ErrState]. When a call fails the slot is
// [SlotUnknown].
func (s *Slot) Instantiate(image *memfd.Image, size uint64) error {
	want, err := s.want(image, size)
	if err != nil {
		return err
	}
	if s.state == SlotInUse {
		return fmt.Errorf("instantiate: %w: slot is %v", ErrState, s.state)
	}
	return s.instantiate(want)
}

// instantiate takes a slot that is not in use into use.
func (s *Slot) instantiate(want content) error {
	if s.state == SlotUnknown {
		if err := s.Reserve(); err != nil {
			return err
		}
	}
	if want != s.now {
		if err := s.become(want); err != nil {
			return err
		}
	}
	s.state = SlotInUse
	return nil
}

// want checks a request and rounds it.
func (sz sizes) want(image *memfd.Image, size uint64) (content, error) {
	if size > sz.max {
		return content{}, fmt.Errorf("size %d: %w: at most %d bytes", size, ErrMemory, sz.max)
	}
	access := (size + sz.page - 1) &^ (sz.page - 1)
	if image == nil || image.Len() == 0 { // all zeros, which fresh memory is without a file
		return content{access: access}, nil
	}
	if image.End() > access {
		return content{}, fmt.Errorf("image of [%#x, %#x): %w: size is %d", image.Offset(), image.End(), ErrMemory, size)
	}
	return content{image, image.Offset(), image.End(), access}, nil
}

// become brings a clean slot to another content.
func (s *Slot) become(want content) error {
	held := want.image != nil && want.image != s.now.image
	if held {
		if err := want.image.Retain(); err != nil {
			return err
		}
	}
	p := planInstantiate(s.now, want, s.length)
	if err := s.run(&p, want.image); err != nil {
		if held {
			want.image.Release()
		}
		s.lose()
		return err
	}
	if old := s.now.image; old != nil && old != want.image {
		old.Release()
	}
	s.now = want
	return nil
}

// lose gives up what is known of the slot. The kernel's own reference keeps an image's
// pages while they are mapped, so the image may be closed: its next use is none.
func (s *Slot) lose() {
	if s.now.image != nil {
		s.now.image.Release()
		s.now = content{access: s.now.access}
	}
	s.state = SlotUnknown
}

// Grow makes [0, size) of a slot in use accessible; what is new reads as zeros. A smaller
// size than now is [ErrMemory], as is one above the maximum. When the call fails the slot
// is [SlotUnknown]: what was accessible still is, and Clear or Reserve come next.
func (s *Slot) Grow(size uint64) error {
	want, err := s.want(s.now.image, size)
	if err != nil {
		return err
	}
	if s.state != SlotInUse {
		return fmt.Errorf("grow: %w: slot is %v", ErrState, s.state)
	}
	if want.access < s.now.access {
		return fmt.Errorf("grow to %d: %w: slot has %d already", size, ErrMemory, s.now.access)
	}
	p := planGrow(s.now, want.access)
	if err := s.run(&p, nil); err != nil {
		s.state = SlotUnknown // in use all the same, so the image stays held
		return err
	}
	s.now = want
	return nil
}

// Clear ends a slot's use: its bytes are the image and zeros again, and it is ready with
// the size it had grown to. The first keep bytes (rounded up to a page) are reset in place
// and stay resident; the memory of the others goes back to the kernel. When a call fails,
// or one had failed before, the slot is [SlotUnknown] and Reserve comes next.
func (s *Slot) Clear(keep uint64) error {
	switch s.state {
	case SlotInUse:
	case SlotUnknown:
		return fmt.Errorf("clear: %w: slot is %v", ErrState, s.state)
	default:
		return fmt.Errorf("clear: %w: slot is not in use but %v", ErrState, s.state)
	}
	keep = min(keep, s.now.access)
	p := planClear(s.now, (keep+s.page-1)&^(s.page-1))
	if err := s.run(&p, s.now.image); err != nil {
		s.lose()
		return err
	}
	s.state = SlotReady
	return nil
}

// Reserve makes the slot part of its reservation again: inaccessible, without memory,
// image or page tables of its own, whatever its state was. When the call fails the slot is
// [SlotUnknown].
func (s *Slot) Reserve() error {
	if s.state == SlotUnmapped {
		return nil
	}
	p := planReserve(s.length)
	if err := s.run(&p, nil); err != nil {
		s.lose()
		return err
	}
	s.forget()
	return nil
}

// forget is Reserve's end: the slot holds nothing.
func (s *Slot) forget() {
	if s.now.image != nil {
		s.now.image.Release()
	}
	s.now, s.state = content{}, SlotUnmapped
}

// run executes a plan up to its first failure.
func (s *Slot) run(p *plan, image *memfd.Image) error {
	for i := range p.n {
		if err := execute(s, p.steps[i], image); err != nil {
			return err
		}
	}
	return nil
}

var errNotOnThisSystem = fmt.Errorf("slots need Linux: %w", errors.ErrUnsupported)
