package highlevel

import (
	"sync"
	"sync/atomic"

	"github.com/pageslot/pageslot/memfd"
)

// An entry is a slot of a pool that was used at least once.
type entry struct {
	// gate has the generation in its upper half; below that whether the slot is leased,
	// and how many calls hold it. See enter.
	gate atomic.Uint64

	index  int // in the pool
	pool   *Pool
	stripe *stripe
	length *atomic.Uint64 // off-heap: the lease's size in bytes; 0 when not leased
	size   atomic.Uint64  // the same for those who don't hold the lease: it outlives the pool

	grow sync.Mutex // one Grow at a time
	slot Slot
	vmas int // what the pool's budget has been charged for it

	tenant *Tenant // of the current lease

	// What follows belongs to the stripe's lists and lock.
	aff        *affinity
	where      list
	prev, next *entry // in the stripe's list that where names
	older      *entry // in the affinity's list of warm entries
	newer      *entry
	counted    *uint64 // which acquires its last taking counted among
	left       bool    // it is on its way from leaving to something else: see stripe.leave
	moving     bool    // and comes back by itself
	leaving    *memfd.Image
}

// The gate: 44 bits of generation, which no slot lives to see wrap, a bit for leased, and
// 19 bits to count calls.
const (
	leased    = 1 << 19
	holdMask  = leased - 1
	gateShift = 20
)

func generation(gate uint64) uint64 { return gate >> gateShift }

// open begins a lease and returns its generation. The entry belongs to the caller alone.
func (e *entry) open(size uint64) uint64 {
	e.resize(size)
	g := (generation(e.gate.Load()) + 1) & (1<<(64-gateShift) - 1)
	e.gate.Store(g<<gateShift | leased)
	return g
}

// resize tells everybody the lease's size.
func (e *entry) resize(size uint64) {
	if e.size.Load() != size { // a store costs more than a load: it waits for all before it
		e.size.Store(size)
	}
	e.length.Store(size)
}

// is tells whether the lease of a generation goes on, without holding it.
func (e *entry) is(g uint64) bool {
	w := e.gate.Load()
	return generation(w) == g && w&leased != 0
}

// enter holds the lease of a generation, so that it can't end; leave lets go.
func (e *entry) enter(g uint64) error {
	for {
		w := e.gate.Load()
		switch {
		case generation(w) != g || w&leased == 0:
			return ErrReleased
		case w&holdMask == holdMask:
			return &LimitError{What: "calls on one lease", Limit: holdMask}
		case e.gate.CompareAndSwap(w, w+1):
			return nil
		}
	}
}

func (e *entry) leave() { e.gate.Add(^uint64(0)) }

// shut ends the lease of a generation unless somebody holds it.
func (e *entry) shut(g uint64) error {
	for {
		w := e.gate.Load()
		switch {
		case generation(w) != g || w&leased == 0:
			return ErrReleased
		case w&holdMask != 0:
			return ErrBusy
		case e.gate.CompareAndSwap(w, w&^uint64(leased)):
			e.length.Store(0)
			return nil
		}
	}
}

// want is the affinity of a request: slots that held the same memory of the same image
// need no mapping to hold it again.
type affinityKey struct {
	image *memfd.Image
	index uint32
}

// An affinity is the slots that hold, or are being given, one memory of one image.
type affinity struct {
	key    affinityKey
	slots  int    // all of them, leased ones too
	newest *entry // of the warm ones, by entry.older
	oldest *entry
	// gone: the image was purged. Slots still leased don't stay warm.
	gone bool
}
