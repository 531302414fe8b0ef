package main

import (
	"errors"
	"math"

	"github.com/pageslot/pageslot/highlevel"
)

// poolPlan is all that the layout command knows of a pool: where its slots
// would lie, and what that takes of the host. The text and the JSON object
// both come from it.
type poolPlan struct {
	constraints highlevel.Constraints
	layout      highlevel.Layout
	slabs       []highlevel.Slab
	slabLimit   uint64
	total       uint64 // of all slabs
	host        host

	// The same slots without keys: what they would take, 0 if it passes all
	// that can be counted.
	totalWithoutKeys uint64
}

// newPoolPlan plans what a pool with these constraints would map.
func newPoolPlan(c highlevel.Constraints, h host) (*poolPlan, error) {
	p := &poolPlan{constraints: c, host: h}
	var err error
	if p.layout, err = highlevel.NewLayout(c); err != nil {
		return nil, err
	}
	p.slabLimit = slabLimit(p.layout)
	if p.slabs, err = p.layout.Split(p.slabLimit); err != nil {
		return nil, err
	}
	p.total = sumSlabs(p.slabs)
	p.totalWithoutKeys = withoutKeys(c)
	return p, nil
}

// slabLimit is how large slabs may get: what a pool does by default, but at
// least a slot of each stripe, however large slots are.
func slabLimit(l highlevel.Layout) uint64 {
	if l.Slots == 0 {
		return highlevel.DefaultSlabLimit
	}
	return max(highlevel.DefaultSlabLimit, l.PreGuard+l.NextInStripe()+l.PostGuard)
}

func sumSlabs(slabs []highlevel.Slab) (sum uint64) {
	for _, s := range slabs {
		sum += s.Bytes
	}
	return sum
}

// withoutKeys returns what the same slots take with one stripe.
func withoutKeys(c highlevel.Constraints) uint64 {
	c.Keys = 0
	l, err := highlevel.NewLayout(c)
	if err != nil {
		return 0
	}
	slabs, err := l.Split(slabLimit(l))
	if err != nil {
		return 0
	}
	return sumSlabs(slabs)
}

// oneStripe says why there is one stripe, or nothing where there are more.
func (p *poolPlan) oneStripe() string {
	c := p.constraints
	switch {
	case p.layout.Stripes > 1:
		return ""
	case c.Slots == 0:
		return "no slots"
	case c.Guard == 0:
		return "no guard, so none to save"
	case c.MaxMemory == 0:
		return "no memory, so nothing to keep apart"
	case c.Keys < 2:
		return "striping takes at least 2 keys"
	}
	return "one slot has nobody to share with"
}

// Each slot in use is split from its slab: an accessible part and the rest at
// the least; zeros, image, zeros and the rest at the most. Idle ones are not:
// keys are put on a slot when it is first used, and on its accessible part.
const (
	leastMappings = 2
	mostMappings  = 4
)

// idleMappings is what a pool takes while no slot is in use: its slabs, and one for
// the words that hold its leases' lengths.
func (p *poolPlan) idleMappings() int { return len(p.slabs) + 1 }

// mappingsFor returns what n slots in use take, the pool's own included, at the given
// number for each. It stops at the largest int: a plan of slots of no bytes
// can have that many of them.
func (p *poolPlan) mappingsFor(n, each int) int {
	if n > (math.MaxInt-p.idleMappings())/each {
		return math.MaxInt
	}
	return p.idleMappings() + n*each
}

// mappingsLeft returns how many mappings slots may take on this machine, at
// nine tenths of the limit: at the limit itself Go's runtime dies.
func (p *poolPlan) mappingsLeft() (n int, known bool) {
	h := p.host
	if h.maxMappings < 0 || h.mappings < 0 {
		return 0, false
	}
	return max(h.maxMappings*9/10-h.mappings-p.idleMappings(), 0), true
}

// fits tells whether the slabs can be mapped here, and if not, why.
func (p *poolPlan) fits() (yes, known bool, why string) {
	h := p.host
	switch {
	case p.total == 0:
		return true, true, ""
	case h.limit != 0 && p.total > h.limit:
		return false, true, "RLIMIT_AS is less"
	case h.top != 0 && p.total > h.top:
		return false, true, "more than all user addresses"
	}
	switch err := h.try(p.slabs); {
	case errors.Is(err, errors.ErrUnsupported):
		return false, false, ""
	case err != nil:
		return false, true, err.Error()
	}
	return true, true, ""
}
