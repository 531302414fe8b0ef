package highlevel

import (
	"errors"
	"sync/atomic"

	"github.com/pageslot/pageslot/memfd"
)

// A Tenant is one program that leases memory. All its leases are in one stripe, so that
// one key opens them all and no other tenant's; it moves to another stripe when its own is
// full and it has no lease there. A Tenant needs no end. Its methods are safe for
// concurrent use.
type Tenant struct {
	pool *Pool
	home atomic.Uint64 // stripe in the upper half, leases in the lower; not kept with one stripe
}

// Tenant makes a tenant, at home in the stripe with the fewest leases.
func (p *Pool) Tenant() *Tenant {
	t := &Tenant{pool: p}
	t.home.Store(uint64(p.emptiest()) << 32)
	return t
}

// emptiest is the stripe with the most free slots; of equal ones, each in turn.
func (p *Pool) emptiest() int {
	n := len(p.stripes)
	if n == 1 {
		return 0
	}
	first := int(p.next.Add(1) % uint32(n))
	best, most := 0, -1
	for i := range n {
		s := &p.stripes[(first+i)%n]
		s.mu.Lock()
		free := s.slots - s.out
		s.mu.Unlock()
		if free > most {
			best, most = s.number, free
		}
	}
	return best
}

// A Request is one memory that a tenant wants.
type Request struct {
	Image *memfd.Image // nil: zeros
	Index uint32       // which of its program's memories; a warm slot serves the same again
	Size  uint64       // bytes
}

// Acquire leases a slot with an image (nil for none) and a size in bytes, as memory 0 of
// the tenant's program. See [Tenant.AcquireMemory].
func (t *Tenant) Acquire(image *memfd.Image, size uint64) (Lease, error) {
	return t.AcquireMemory(Request{Image: image, Size: size})
}

// AcquireMemory leases a slot. Its bytes are the image's and zeros; [0, size) is readable
// and writable, as is the rest of the last page; everything else in the faulting region
// faults. A slot that held the same memory of the same image last, at the same size, needs
// no system call.
//
// Errors: [ErrMemory], a size or an image that the pool's slots don't take;
// [ErrExhausted], all slots leased or the limit of mappings reached (a [*LimitError] says
// which); [ErrClosed]; memfd.ErrClosed; a [*SlotError] around the call that failed. In
// all cases nothing is leased.
func (t *Tenant) AcquireMemory(r Request) (Lease, error) {
	p := t.pool
	if p == nil {
		return Lease{}, ErrClosed // not made by a pool
	}
	var l Lease
	var err error
	if len(p.stripes) == 1 { // nowhere to go, nothing to count
		l, _, err = p.acquire(t, &p.one[0], r)
	} else {
		l, err = t.acquire(r)
	}
	if err != nil && errors.Is(err, ErrExhausted) {
		p.refused.Add(1)
	}
	return l, err
}

// acquire leases a slot of the tenant's stripe, or of one that it moves to.
func (t *Tenant) acquire(r Request) (Lease, error) {
	p := t.pool
	home := t.home.Add(1)
	for range p.stripes {
		l, full, err := p.acquire(t, &p.stripes[home>>32], r)
		if err == nil {
			return l, nil
		}
		if full && t.move(&home) {
			continue
		}
		t.home.Add(^uint64(0))
		return Lease{}, err
	}
	t.home.Add(^uint64(0))
	return Lease{}, &LimitError{What: "slots", Limit: p.layout.Slots}
}

// move takes a tenant without leases, but for the one that it is asking for, to the
// stripe with the most free slots, unless that is where it is.
func (t *Tenant) move(home *uint64) bool {
	if uint32(*home) != 1 {
		return false
	}
	to := uint64(t.pool.emptiest())<<32 | 1
	if to == *home || !t.home.CompareAndSwap(*home, to) {
		return false
	}
	*home = to
	return true
}

// acquire leases a slot of a stripe; full tells that it has none left.
func (p *Pool) acquire(t *Tenant, s *stripe, r Request) (l Lease, full bool, err error) {
	want, err := p.sizes.want(r.Image, r.Size)
	if err != nil {
		return Lease{}, false, err
	}
	if r.Image != want.image { // all zeros: no slot holds it, so ask here whether it is open
		if err := r.Image.Retain(); err != nil {
			return Lease{}, false, err
		}
		r.Image.Release()
	}
	e, err := s.await(affinityKey{want.image, r.Index}, p)
	if err != nil {
		return Lease{}, errors.Is(err, ErrExhausted), err
	}

	if err := p.fill(e, want); err != nil {
		if e.slot.state == SlotReady && e.slot.now.image != want.image {
			_ = e.slot.Reserve() // it is affine to what it was to hold, and does not hold it
		}
		s.mu.Lock()
		*e.counted--
		s.mu.Unlock()
		_ = p.putBack(e)
		return Lease{}, false, err
	}
	if e.left {
		s.mu.Lock()
		s.arrive(e)
		s.mu.Unlock()
	}
	e.tenant = t
	return Lease{e, e.open(r.Size)}, false, nil
}

// await takes a slot, and waits for those that are on their way back to the lists: being
// there for nobody, they are not in use.
func (s *stripe) await(key affinityKey, p *Pool) (*entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.closed {
			return nil, ErrClosed
		}
		if e := s.take(key, p); e != nil {
			return e, nil
		}
		if s.moving == 0 {
			return nil, &LimitError{What: "slots of the stripe", Limit: s.slots}
		}
		s.settled.Wait()
	}
}

// fill gives an entry that the caller has the content wanted. After an error the slot is
// clean, or unknown.
func (p *Pool) fill(e *entry, want content) error {
	s := &e.slot
	if s.state == SlotReady && s.now == want {
		s.state = SlotInUse
		return nil
	}
	if err := p.makeRoom(e, want.vmas()); err != nil {
		return err
	}
	sick := s.state == SlotUnknown
	if err := s.instantiate(want); err != nil {
		if s.state == SlotUnknown && s.Reserve() == nil {
			p.remaps.Add(1)
		}
		return &SlotError{"acquire", e.index, err}
	}
	if sick {
		p.remaps.Add(1)
	}
	p.account(e)
	return nil
}

const mappings = "kernel mappings of this process (vm.max_map_count)"

// makeRoom charges the budget for the n mappings that an entry is about to have. When
// there is no room, slots that are warm for nobody give theirs back.
func (p *Pool) makeRoom(e *entry, n int) error {
	if n <= e.vmas {
		return nil
	}
	for !p.budget.charge(n - e.vmas) {
		if !p.evictOne() && !p.healOne() {
			return &LimitError{What: mappings, Limit: int(p.budget.limit)}
		}
	}
	e.vmas = n
	return nil
}

// evictOne makes the oldest warm slot of some stripe cold.
func (p *Pool) evictOne() bool {
	for i := range p.stripes {
		s := &p.stripes[i]
		s.mu.Lock()
		e := s.oldest()
		if e != nil {
			s.stats.evicted++
		}
		s.mu.Unlock()
		if e != nil {
			_ = p.toReservation(e) // one that fails is among the sick, and no longer warm
			return true
		}
	}
	return false
}

// healOne maps over a slot that could not be mapped over before, whose mappings are
// charged all the while.
func (p *Pool) healOne() bool {
	for i := range p.stripes {
		s := &p.stripes[i]
		s.mu.Lock()
		e := s.sick.last
		if e != nil {
			s.takeOut(e)
		}
		s.mu.Unlock()
		if e != nil && p.toReservation(e) == nil {
			p.remaps.Add(1)
			return true
		}
	}
	return false
}
