package highlevel

import "fmt"

// A Lease is a tenant's right to a slot until [Lease.Release]. It is a small value: copy
// it, keep it where you like. Using it after its end is an error, for every copy, also
// when the slot has a new tenant. Its methods are safe for concurrent use.
type Lease struct {
	entry      *entry
	generation uint64
}

// hold finds the lease's entry and keeps the lease from ending. The caller leaves it.
func (l Lease) hold() (*entry, error) {
	e := l.entry
	if e == nil {
		return nil, ErrReleased
	}
	if err := e.enter(l.generation); err != nil {
		return nil, &SlotError{"use", e.index, err}
	}
	return e, nil
}

// Slot is the number of the leased slot in the pool, and stays so after the lease's end;
// -1 for the zero Lease.
func (l Lease) Slot() int {
	if l.entry == nil {
		return -1
	}
	return l.entry.index
}

// Size is the lease's size in bytes; 0 after its end.
func (l Lease) Size() uint64 {
	e := l.entry
	if e == nil {
		return 0
	}
	if size := e.size.Load(); e.is(l.generation) {
		return size
	}
	return 0
}

// Guest is what generated code needs of a lease. All of it is outside Go's heap and stays
// where it is until the lease ends.
type Guest struct {
	// Base is the address of the first byte.
	Base uintptr
	// Length is the address of a 64-bit number in the machine's byte order: the lease's
	// size now. Grow changes it, after the memory is there. It is 0 after the lease ends.
	Length uintptr
	// Faulting is how many bytes from Base are the lease's memory or fault.
	Faulting uint64
}

// Guest tells generated code where the lease is. A fault of code that Go did not compile
// ends the program unless a signal handler ahead of Go's takes it.
func (l Lease) Guest() (Guest, error) {
	e := l.entry
	if e == nil {
		return Guest{}, ErrReleased
	}
	if !e.is(l.generation) {
		return Guest{}, &SlotError{"use", e.index, ErrReleased}
	}
	p := e.pool
	return Guest{
		Base:     e.slot.base,
		Length:   p.lengths + uintptr(e.index)*lengthStride,
		Faulting: p.layout.Faulting,
	}, nil
}

// Grow makes the lease size bytes long; what is new reads as zeros (mprotect(2)). The
// memory does not move. A size below the present one, or above the pool's MaxMemory, is
// [ErrMemory]; the limit of mappings is [ErrExhausted]. After any error the lease has the
// size that it had, and its bytes. After a call that failed it can't grow any more, which is
// [ErrState] then.
//
// Inside the last page nothing needs to be opened: bytes there that the tenant wrote
// behind the old size, through [Lease.Guest], keep what was written.
func (l Lease) Grow(size uint64) error {
	e, err := l.hold()
	if err != nil {
		return err
	}
	defer e.leave()
	e.grow.Lock()
	defer e.grow.Unlock()
	want, err := e.slot.want(e.slot.now.image, size)
	if old := e.length.Load(); err == nil && size < old {
		err = fmt.Errorf("size %d: %w: it has %d bytes already", size, ErrMemory, old)
	}
	if err != nil {
		return &SlotError{"grow", e.index, err}
	}
	p := e.pool
	if err := p.makeRoom(e, want.vmas()); err != nil {
		return err
	}
	if err := e.slot.Grow(size); err != nil {
		p.account(e)
		return &SlotError{"grow", e.index, err}
	}
	e.resize(size)
	return nil
}

// Release ends the lease. The slot's bytes are reset before anybody else can have it.
//
// While Do or Grow runs on the lease it is [ErrBusy], and the lease goes on; after the end
// it is [ErrReleased]. Any other error is about the slot: its memory could neither be
// reset nor mapped over, so it is set aside and not reused until that works. The lease
// has ended all the same.
func (l Lease) Release() error {
	e := l.entry
	if e == nil {
		return ErrReleased
	}
	if err := e.shut(l.generation); err != nil {
		return &SlotError{"release", e.index, err}
	}
	p, t := e.pool, e.tenant
	e.tenant = nil
	err := p.reset(e)
	if late := p.putBack(e); err == nil {
		err = late // both can't be: a slot that was not reset is not ready
	}
	if len(p.stripes) > 1 {
		t.home.Add(^uint64(0))
	}
	if err != nil {
		return &SlotError{"release", e.index, err}
	}
	return nil
}
