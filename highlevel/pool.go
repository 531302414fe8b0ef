package highlevel

import (
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"

	"github.com/pageslot/pageslot/memfd"
)

// A Pool leases slots of memory to tenants. All its methods are safe for concurrent use.
type Pool struct {
	config Config
	layout Layout
	sizes  sizes
	slabs  []slab
	where  *Locator
	noHuge bool
	budget budget

	entries []*entry // nil: never used; each belongs to its stripe's lock
	stripes []stripe
	one     [1]stripe     // the stripes, if there is one
	next    atomic.Uint32 // where the next tenant's search for a stripe begins

	lengths      uintptr // a word of lengthStride bytes for each slot
	lengthsBytes uint64

	faults  [numFaultKinds]atomic.Uint64
	remaps  atomic.Uint64 // slots mapped over because an operation had failed
	refused atomic.Uint64 // acquires that found nothing
}

// lengthStride keeps the length words of two slots out of one cache line, so that growing
// one slows no reader of the other.
const lengthStride = 64

// New makes a pool: it reserves address space (mmap(2), PROT_NONE) for all slots and
// nothing more; a slot takes memory when it is used.
//
// Errors: [ErrInvalid] and [ErrAddressSpace] name what does not fit; an mmap that failed
// says what in the process limits it (RLIMIT_AS, vm.overcommit_memory=2,
// mlockall(MCL_FUTURE)). Outside Linux it is errors.ErrUnsupported.
func New(c Config) (*Pool, error) { return newPool(c, 0) }

// newPool is New with a number of keys for the arithmetic, which only tests of the
// stripes give: without the keys themselves, stripes keep nobody apart.
func newPool(c Config, keys int) (*Pool, error) {
	page := uint64(os.Getpagesize())
	c, err := c.withDefaults(DefaultConstraints(addressSpace(), page))
	if err != nil {
		return nil, err
	}
	want := c.constraints(page)
	want.Keys = keys
	layout, err := NewLayout(want)
	if err != nil {
		return nil, err
	}
	if layout.MaxMemory > math.MaxInt {
		return nil, fmt.Errorf("pool: MaxMemory %d: %w: a slice has at most %d bytes", layout.MaxMemory, ErrInvalid, math.MaxInt)
	}
	if layout.SlotBytes == 0 {
		return nil, fmt.Errorf("pool: %w: MaxMemory, Reservation and Guard are all none", ErrInvalid)
	}
	if c.MaxSlab == 0 {
		c.MaxSlab = max(DefaultSlabLimit, layout.PreGuard+layout.Faulting)
	}
	p := &Pool{config: c, layout: layout, sizes: sizes{layout.MaxMemory, page}, budget: newBudget(c.MaxVMAs)}
	if p.slabs, err = mapSlabs(layout, c.MaxSlab); err != nil {
		return nil, err
	}
	if !c.HugePages {
		p.noHuge = true
		for _, s := range p.slabs {
			p.noHuge = avoidHuge(s.addr, s.Bytes) && p.noHuge
		}
	}
	if p.where, err = NewLocator(placed(layout, p.slabs), PlacedTables{}); err != nil {
		return nil, errors.Join(err, unmapSlabs(p.slabs))
	}
	p.lengthsBytes = uint64(max(c.Slots, 1)) * lengthStride
	p.lengthsBytes = (p.lengthsBytes + page - 1) &^ (page - 1)
	if p.lengths, err = words(p.lengthsBytes); err != nil {
		return nil, errors.Join(err, unmapSlabs(p.slabs))
	}
	if !p.budget.charge(p.ownVMAs()) {
		err := &LimitError{What: mappings, Limit: int(p.budget.limit)}
		return nil, errors.Join(err, unmapSlabs(p.slabs), unreserve(p.lengths, p.lengthsBytes))
	}
	p.entries = make([]*entry, layout.Slots)
	// After a reset the caches hold the kernel's lines, and each that the bookkeeping
	// touches costs: what belongs together lies together.
	if p.stripes = p.one[:]; layout.Stripes > 1 {
		p.stripes = make([]stripe, layout.Stripes)
	}
	for i := range p.stripes {
		p.stripes[i] = stripe{number: i, slots: layout.StripeSlots(i), maxWarm: warmShare(c.MaxWarm, i, layout.Stripes), affinities: map[affinityKey]*affinity{}, leaving: map[*memfd.Image]int{}}
		p.stripes[i].settled = sync.NewCond(&p.stripes[i].mu)
	}
	return p, nil
}

// ownVMAs is how many mappings the pool has while no slot is used.
func (p *Pool) ownVMAs() int { return len(p.slabs) + 1 }

// Layout is where the pool's slots lie.
func (p *Pool) Layout() Layout { return p.layout }

// Locator finds the slot that an address belongs to.
func (p *Pool) Locator() *Locator { return p.where }

func placed(l Layout, slabs []slab) PlacedMemories {
	m := PlacedMemories{Layout: l}
	for _, s := range slabs {
		m.Slabs = append(m.Slabs, PlacedSlab{s.Slab, uint64(s.addr)})
	}
	return m
}

// Config is the pool's configuration with all defaults filled in.
func (p *Pool) Config() Config { return p.config }

// newEntry makes the entry of a slot that was never used. The stripe's lock is held.
func (p *Pool) newEntry(s *stripe, inStripe int) *entry {
	index := p.layout.Slot(s.number, inStripe)
	e := &entry{
		index:  index,
		pool:   p,
		stripe: s,
		length: word(p.lengths + uintptr(index)*lengthStride),
		slot:   makeSlot(p.base(index), p.layout.SlotBytes, p.sizes),
	}
	e.slot.noHuge = p.noHuge
	p.entries[index] = e
	return e
}

// base is the address of a slot. All slabs but the last have the same number of slots.
func (p *Pool) base(index int) uintptr {
	s := &p.slabs[index/p.slabs[0].Slots]
	return s.addr + uintptr(s.Offset(p.layout, index))
}

// Validate tells whether the pool can serve a tenant's program that needs these memories,
// each when nothing else is leased: how many there are, how large, and whether their
// images fit. It takes nothing.
func (p *Pool) Validate(requests ...Request) error {
	if n := p.config.MemoriesPerTenant; n > 0 && len(requests) > n {
		return fmt.Errorf("pool: %d memories: %w: at most %d for a tenant", len(requests), ErrMemory, n)
	}
	if n := p.layout.StripeSlots(0); len(requests) > n {
		return fmt.Errorf("pool: %d memories: %w: a stripe has %d slots", len(requests), ErrMemory, n)
	}
	for i, r := range requests {
		if _, err := p.sizes.want(r.Image, r.Size); err != nil {
			return fmt.Errorf("pool: memory %d: %w", i, err)
		}
	}
	return nil
}

// Purge makes the pool forget an image: slots that are warm with it become part of the
// reservation again now, those still leased with it at their release. It returns how many
// did. After that, and the release of its leases, the image can be closed.
//
// An error names each slot that could not be mapped over; it is set aside and not reused
// until that works. Purge waits for slots that other calls are taking from the image.
func (p *Pool) Purge(image *memfd.Image) (int, error) {
	if image == nil {
		return 0, nil
	}
	n := 0
	var errs []error
	for i := range p.stripes {
		s := &p.stripes[i]
		gone, err := s.purge(image)
		if err != nil {
			return 0, err
		}
		for _, a := range gone {
			for e := s.takeWarm(a); e != nil; e = s.takeWarm(a) {
				if err := p.toReservation(e); err != nil {
					errs = append(errs, &SlotError{"purge", e.index, err})
				} else {
					n++
				}
			}
		}
		s.wait(image)
	}
	return n, errors.Join(errs...)
}

// purge takes an image's affinities out of the index, so that nothing becomes affine to
// them any more.
func (s *stripe) purge(image *memfd.Image) ([]*affinity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	var gone []*affinity
	for key, a := range s.affinities {
		if key.image == image {
			a.gone = true
			s.forget(a)
			gone = append(gone, a)
		}
	}
	return gone, nil
}

// takeWarm takes one warm entry of an affinity out: one at a time, so that the others can
// be had by an acquire meanwhile.
func (s *stripe) takeWarm(a *affinity) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := a.newest
	if e != nil {
		s.takeOut(e)
		s.leave(e, true)
	}
	return e
}

// wait returns when no entry is on its way from an image to something else.
func (s *stripe) wait(image *memfd.Image) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.leaving[image] > 0 {
		s.settled.Wait()
	}
}

// toReservation makes an entry that the caller has part of the reservation, and puts it
// back.
func (p *Pool) toReservation(e *entry) error {
	err := e.slot.Reserve()
	_ = p.putBack(e) // not ready, so it finds its place
	return err
}

// reset gives a slot its initial bytes back, or failing that maps over it. After an error
// it is unknown.
func (p *Pool) reset(e *entry) error {
	var err error
	if e.slot.state == SlotInUse {
		if err = e.slot.Clear(p.config.KeepResident); err == nil {
			return nil
		}
	}
	if worse := e.slot.Reserve(); worse != nil {
		return errors.Join(err, worse)
	}
	p.remaps.Add(1)
	return nil
}

// putBack accounts for an entry's mappings and hands it to its stripe. One more warm entry
// than the limit makes the oldest one cold. An error is about the entry: its image was
// purged, and it could not be mapped over.
func (p *Pool) putBack(e *entry) error {
	p.account(e)
	s := e.stripe
	s.mu.Lock()
	placed := s.put(e)
	var old *entry
	if s.warm.n > s.maxWarm {
		old = s.oldest()
		s.stats.evicted++
	}
	s.mu.Unlock()
	if old != nil {
		// An entry that could not be mapped over is in the list of the sick now.
		_ = p.toReservation(old)
	}
	if !placed {
		return p.toReservation(e)
	}
	return nil
}

// warmShare is a stripe's share of the limit; the first stripes have the rest.
func warmShare(limit, stripe, stripes int) int {
	share := limit / stripes
	if stripe < limit%stripes {
		share++
	}
	return share
}

// account brings the budget in line with what the entry's slot has.
func (p *Pool) account(e *entry) {
	now := e.slot.VMAs()
	if now != e.vmas {
		vmas.Add(int64(now - e.vmas))
		e.vmas = now
	}
}

// Close gives the pool's address space back and lets its images go. While there are
// leases it changes nothing and is [ErrBusy]. Acquire, Purge, Check and Usage of a closed
// pool are [ErrClosed]; closing it again is nil.
func (p *Pool) Close() error {
	if len(p.stripes) == 0 {
		return ErrClosed // not made by New
	}
	for i := range p.stripes {
		p.stripes[i].mu.Lock()
		defer p.stripes[i].mu.Unlock()
	}
	if p.stripes[0].closed {
		return nil
	}
	out := 0
	for i := range p.stripes {
		out += p.stripes[i].out
	}
	if out > 0 {
		return fmt.Errorf("pool: close: %w: %d slots are out", ErrBusy, out)
	}
	err := errors.Join(unmapSlabs(p.slabs), unreserve(p.lengths, p.lengthsBytes))
	for _, e := range p.entries {
		if e != nil {
			e.slot.forget()
			p.account(e)
		}
	}
	vmas.Add(int64(-p.ownVMAs()))
	for i := range p.stripes {
		p.stripes[i].closed = true
	}
	return err
}
