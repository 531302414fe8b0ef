package highlevel

import (
	"github.com/pageslot/pageslot/internal/kernelcall"
	"github.com/pageslot/pageslot/memfd"
)

// The planner says what has to be done to bring a slot from one content to another. It
// is arithmetic: it touches no memory, and its tests run on every system. Offsets are
// bytes from the slot's base and multiples of the page size.

// A content is what a clean slot holds: an image in [start, end), zeros elsewhere,
// accessible in [0, access).
type content struct {
	image      *memfd.Image // says which; nil for none, and then start and end are 0
	start, end uint64
	access     uint64
}

// A step is one operation on a range of the slot.
type step struct {
	op       kernelcall.Op
	off, len uint64
}

// A plan is a few steps in order. It has room for the longest one, so that none is
// allocated.
type plan struct {
	steps [maxSteps]step
	n     int
}

// The longest: reserve, no dump, open, map image, no dump.
const maxSteps = 5

func (p *plan) add(op kernelcall.Op, start, end uint64) {
	if start < end {
		p.steps[p.n] = step{op, start, end - start}
		p.n++
	}
}

// mapped adds an operation that makes a new mapping, and the advice that goes with it. A
// new mapping is dumped with a core unless told otherwise, and only equal flags let it
// merge with its neighbours.
func (p *plan) mapped(op kernelcall.Op, start, end uint64) {
	p.add(op, start, end)
	p.add(kernelcall.NoDump, start, end)
}

// planReserve makes the whole slot of the given length inaccessible and empty. One mapping
// over all of it is what lets the kernel merge it back into the slab.
func planReserve(length uint64) (p plan) {
	p.mapped(kernelcall.Reserve, 0, length)
	return p
}

// planInstantiate brings a clean slot from one content to another.
func planInstantiate(from, to content, length uint64) (p plan) {
	if from.image != nil && from.image != to.image {
		p = planReserve(length)
		from = content{}
	}
	p.resize(from, to)
	if from.image == to.image {
		return p
	}
	p.mapped(kernelcall.MapImage, to.start, to.end)
	return p
}

// resize makes exactly [0, to.access) accessible, also where to's image will come. That a
// mapping opens its range by itself does not help: before Linux 6.12 one that fails for
// want of memory (vm.overcommit_memory=2 counts it) leaves a hole in the slab, where the
// Go runtime may put its heap. Opened memory is counted already, and opening fails cleanly.
func (p *plan) resize(from, to content) {
	if to.access < from.access {
		// Not mprotect: it would leave the tail with the slot's page tables and its
		// reverse mapping, and a neighbour that merges with it keeps them for good.
		p.mapped(kernelcall.Reserve, to.access, from.access)
		return
	}
	p.add(kernelcall.Open, from.access, to.access)
}

// planGrow opens a slot in use further.
func planGrow(from content, access uint64) (p plan) {
	p.add(kernelcall.Open, from.access, access)
	return p
}

// planClear gives a used slot its initial bytes back: [0, keep) by copying them, the rest
// by dropping what was written. Each discard stays inside one mapping: over two the
// kernel takes the lock of the whole address space, and waits for it.
func planClear(c content, keep uint64) (p plan) {
	keep = min(keep, c.access)
	p.add(kernelcall.Restore, 0, keep)
	p.add(kernelcall.Discard, keep, c.start)
	p.add(kernelcall.Discard, max(keep, c.start), c.end)
	p.add(kernelcall.Discard, max(keep, c.end), c.access)
	return p
}

// vmas is how many mappings a slot with this content adds to a slab that is otherwise one
// mapping: one for each part that differs from its neighbour, and the tail behind them.
func (c content) vmas() int {
	if c.access == 0 {
		return 0
	}
	n := 1
	if c.start > 0 {
		n++
	}
	if c.start < c.end {
		n++
	}
	if c.end < c.access {
		n++
	}
	return n
}

// unknownVMAs is the most that a slot can have whose content is not known: the parts of
// one content, and a tail of another's that was not yet taken back.
const unknownVMAs = 5
