package highlevel

import (
	"sync"

	"github.com/pageslot/pageslot/memfd"
)

// A stripe is the slots of a pool that share a protection key; without keys, all of them.
// It knows which are free, and what each held last.
//
// An entry is in one list, or in none while a caller has it: leased, or on its way from
// one list to another. No memory operation happens under the lock.
type stripe struct {
	mu      sync.Mutex
	number  int
	slots   int // that the stripe has
	fresh   int // that were never used begin here
	maxWarm int // of its slots may stay warm
	// The newest comes first. warm: ready. cold: unmapped. sick: unknown; the oldest of
	// them is used when nothing else is left.
	warm, cold, sick entries
	affinities       map[affinityKey]*affinity
	latest           *affinity // of the last request, if it is still among affinities
	spare            *affinity // one that nobody has, for the next that is needed
	out              int       // entries in no list
	// moving: of these, the ones on their way to another list, that come back by themselves.
	// leaving: how many entries of an image are being given another content, or none.
	moving  int
	leaving map[*memfd.Image]int
	settled *sync.Cond // with mu: moving or leaving went down
	closed  bool
	stats   stripeStats
}

type stripeStats struct {
	affine, cold, other uint64 // slots taken, by what they were
	evicted             uint64
}

type list uint8

const (
	nowhere list = iota
	inWarm
	inCold
	inSick
)

// entries is a list linked through the entries.
type entries struct {
	first, last *entry
	n           int
}

func (l *entries) pushFront(e *entry) {
	e.prev, e.next = nil, l.first
	if l.first != nil {
		l.first.prev = e
	} else {
		l.last = e
	}
	l.first = e
	l.n++
}

func (l *entries) remove(e *entry) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		l.first = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		l.last = e.prev
	}
	e.prev, e.next = nil, nil
	l.n--
}

func (s *stripe) list(w list) *entries {
	switch w {
	case inWarm:
		return &s.warm
	case inCold:
		return &s.cold
	default:
		return &s.sick
	}
}

// take finds a free slot for a request: the newest warm one with the same affinity, else a
// cold one, else the warm one that was longest unused, else one that could not be reset.
// nil: all are in use.
func (s *stripe) take(key affinityKey, p *Pool) *entry {
	a := s.affinity(key)
	if a != nil && a.newest != nil {
		e := a.newest
		e.counted = &s.stats.affine
		*e.counted++
		s.takeOut(e)
		return e
	}
	var e *entry
	counted := &s.stats.cold
	switch {
	case s.cold.first != nil:
		e = s.cold.first
	case s.fresh < s.slots:
		e = p.newEntry(s, s.fresh)
		s.fresh++
	case s.warm.last != nil:
		e = s.warm.last
		counted = &s.stats.other
		s.leave(e, false)
	case s.sick.first != nil:
		e = s.sick.last
		counted = &s.stats.other
	default:
		return nil
	}
	e.counted = counted
	*counted++
	s.takeOut(e)
	s.detach(e)
	s.attach(e, s.affinity(key), key)
	return e
}

// affinity finds what is affine to a request. Most requests are like the last one.
func (s *stripe) affinity(key affinityKey) *affinity {
	if s.latest != nil && s.latest.key == key {
		return s.latest
	}
	a := s.affinities[key]
	if a != nil {
		s.latest = a
	}
	return a
}

// forget takes an affinity out of the index.
func (s *stripe) forget(a *affinity) {
	delete(s.affinities, a.key)
	if s.latest == a {
		s.latest = nil
	}
}

func (s *stripe) takeOut(e *entry) {
	if e.where != nowhere { // else it is new
		s.list(e.where).remove(e)
	}
	if e.where == inWarm {
		e.aff.remove(e)
	}
	e.where = nowhere
	s.out++
}

// leave notes that a warm entry taken out is about to let its image go; arrive is its end.
func (s *stripe) leave(e *entry, moving bool) {
	e.leaving, e.moving = e.slot.now.image, moving
	s.leaving[e.leaving]++
	if moving {
		s.moving++
	}
	e.left = true
}

func (s *stripe) arrive(e *entry) {
	if !e.left {
		return
	}
	if s.leaving[e.leaving]--; s.leaving[e.leaving] == 0 {
		delete(s.leaving, e.leaving)
	}
	if e.moving {
		s.moving--
	}
	e.left, e.moving, e.leaving = false, false, nil
	s.settled.Broadcast()
}

// put takes an entry back into the list for its state. It refuses a ready one whose image
// was purged meanwhile: that has to become cold first.
func (s *stripe) put(e *entry) bool {
	if e.slot.state == SlotReady && e.aff.gone {
		return false
	}
	s.out--
	s.arrive(e)
	switch e.slot.state {
	case SlotReady:
		e.where = inWarm
		e.aff.push(e)
	case SlotUnmapped:
		e.where = inCold
		s.detach(e)
	default:
		e.where = inSick
		s.detach(e)
	}
	s.list(e.where).pushFront(e)
	return true
}

// oldest takes the warm entry out that was longest unused, so that the caller can make it
// cold.
func (s *stripe) oldest() *entry {
	e := s.warm.last
	if e != nil {
		s.takeOut(e)
		s.leave(e, true)
	}
	return e
}

func (s *stripe) attach(e *entry, a *affinity, key affinityKey) {
	if a == nil {
		if a = s.spare; a == nil {
			a = new(affinity)
		}
		s.spare = nil
		*a = affinity{key: key}
		s.affinities[key] = a
	}
	a.slots++
	e.aff = a
}

func (s *stripe) detach(e *entry) {
	a := e.aff
	if a == nil {
		return
	}
	e.aff = nil
	if a.slots--; a.slots == 0 && !a.gone {
		s.forget(a)
		s.spare = a
	}
}

func (a *affinity) push(e *entry) {
	e.older, e.newer = a.newest, nil
	if a.newest != nil {
		a.newest.newer = e
	} else {
		a.oldest = e
	}
	a.newest = e
}

func (a *affinity) remove(e *entry) {
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		a.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		a.oldest = e.newer
	}
	e.older, e.newer = nil, nil
}
