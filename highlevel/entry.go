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
	stripe *stripe
	length *atomic.Uint64 // off-heap: the lease's size in bytes; 0 when not leased

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
}

const (
	leased   = 1 << 31
	holdMask = leased - 1
)

func generation(gate uint64) uint32 { return uint32(gate >> 32) }

// open begins a lease and returns its generation. The entry belongs to the caller alone.
func (e *entry) open(size uint64) uint32 {
	e.length.Store(size)
	g := generation(e.gate.Load()) + 1
	e.gate.Store(uint64(g)<<32 | leased)
	return g
}

// enter holds the lease of a generation, so that it can't end; leave lets go.
func (e *entry) enter(g uint32) bool {
	for {
		w := e.gate.Load()
		if generation(w) != g || w&leased == 0 {
			return false
		}
		if e.gate.CompareAndSwap(w, w+1) {
			return true
		}
	}
}

func (e *entry) leave() { e.gate.Add(^uint64(0)) }

// shut ends the lease of a generation unless somebody holds it.
func (e *entry) shut(g uint32) error {
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
