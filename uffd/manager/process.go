package manager

import (
	"sync"
	"time"

	"github.com/pageslot/pageslot/uffd"
)

// process is one that is served. All but mu and layout belongs to Run, or to who
// makes it before Run sees it.
type process struct {
	id    ID
	pid   int
	pidfd int // -1: there is none
	calls calls

	// over says that what is at the target of a REMAP gives way: without
	// EVENT_UNMAP nobody tells that it was unmapped before.
	over bool

	// mu holds off Map while events are read, so that what it adds and what they
	// say come in the order in which they happened.
	mu     sync.Mutex
	layout layout
	moved  move

	faults  []fault // to be resolved
	kept    []fault // put off; the two change places
	changed bool    // the layout changed in this round
	filled  [8]uffd.Range
	fills   int

	polled  bool      // nothing tells when it ends
	buried  bool      // it has ended, and its number may be another's by now
	muted   bool      // its events cannot be read now
	blind   error     // why it could not be watched
	waiting bool      // it is among those to look at again
	due     time.Time // when
	gone    bool
}

// fault is one that waits.
type fault struct {
	uffd.Fault
	tries int
	due   time.Time // not before then
	known bool      // a region covered it once
}

// move is the last REMAP, where it put pages, and an UNMAP of its end.
type move struct {
	uffd.Remap
	filled []uffd.Range
	tail   uint64 // where that begins; 0: there was none
}

// apply follows an event of the layout. It is false for kinds that are not known.
func (p *process) apply(e *event) bool {
	switch e.kind {
	case uffd.EventRemap:
		p.moved = move{Remap: e.remap, filled: p.layout.remap(e.remap, p.over)}
	case uffd.EventRemove:
		p.layout.remove(e.removed)
	case uffd.EventUnmap:
		p.layout.unmap(e.removed)
		p.unmapTail(e.removed)
	default:
		return false
	}
	return true
}

// unmapTail mends what kernels before 6.17 tell of a mapping that is moved and made
// smaller at once: a REMAP of the old length, though only the first part moves,
// then an UNMAP of the rest at the old place, then one of the first part there.
// What was taken for moved must go, or the mapping would find it when it grows
// again. Other kernels and calls do not say just this.
func (p *process) unmapTail(r uffd.Range) {
	start, end := bounds(r)
	m := &p.moved
	switch {
	case m.Len == 0:
	case start > m.From && end == m.From+m.Len:
		m.tail = start
	case m.tail != 0 && start == m.From && end == m.tail:
		first := m.tail - m.From + m.To
		for _, f := range m.filled {
			if f.End() > first {
				p.layout.unmap(uffd.Between(max(first, f.Start), f.End()))
			}
		}
		*m = move{}
	}
}

// fork is the process that a fork of p made.
func (p *process) fork(id ID, c calls) *process {
	return &process{id: id, pidfd: -1, calls: c, over: p.over, layout: p.layout.clone(), polled: true}
}

// fill remembers a range that was filled and woken in this round: other faults
// there need nothing more.
func (p *process) fill(r uffd.Range) {
	p.filled[p.fills%len(p.filled)] = r
	p.fills++
}

func (p *process) isFilled(addr uint64) bool {
	for _, r := range p.filled[:min(p.fills, len(p.filled))] {
		if r.Contains(addr) {
			return true
		}
	}
	return false
}
