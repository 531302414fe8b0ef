package highlevel

import (
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
	if len(p.stripes) == 1 { // nowhere to go, nothing to count
		l, _, err := p.acquire(t, &p.stripes[0], r)
		return l, err
	}
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
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return Lease{}, false, ErrClosed
	}
	e := s.take(affinityKey{want.image, r.Index}, p)
	if e == nil {
		s.mu.Unlock()
		p.refused.Add(1)
		return Lease{}, true, &LimitError{What: "slots of the stripe", Limit: s.slots}
	}
	s.mu.Unlock()

	if err := p.fill(e, want); err != nil {
		if e.slot.state == SlotReady && e.slot.now.image != want.image {
			_ = e.slot.Reserve() // it is affine to what it was to hold, and does not hold it
		}
		p.putBack(e)
		return Lease{}, false, err
	}
	e.tenant = t
	return Lease{e, e.open(r.Size)}, false, nil
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

// makeRoom charges the budget for the n mappings that an entry is about to have. When
// there is no room, slots that are warm for nobody give theirs back.
func (p *Pool) makeRoom(e *entry, n int) error {
	if n <= e.vmas {
		return nil
	}
	for !p.budget.charge(n - e.vmas) {
		if !p.evictOne() {
			p.refused.Add(1)
			return &LimitError{What: "kernel mappings of this process (vm.max_map_count)", Limit: int(p.budget.limit)}
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
