package highlevel

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pageslot/pageslot/internal/kernelcall"
	"github.com/pageslot/pageslot/memfd"
)

// The planner is held against a model of a slot's pages that knows what each operation
// does to a page, and nothing of the planner's reasons. Sizes are in pages of 1.

type modelPage struct {
	open   bool
	file   *memfd.Image // mapped here; nil: anonymous
	dirty  bool         // differs from the file, or from zeros
	dumped bool         // in a core dump
}

type modelSlot []modelPage

func (m modelSlot) apply(t *testing.T, p plan, to content) {
	t.Helper()
	for _, s := range p.steps[:p.n] {
		if s.off+s.len > uint64(len(m)) || s.len == 0 {
			t.Fatalf("%v of [%d, %d) in a slot of %d", s.op, s.off, s.off+s.len, len(m))
		}
		first := m[s.off].file
		for i := s.off; i < s.off+s.len; i++ {
			pg := &m[i]
			switch s.op {
			case kernelcall.Reserve:
				*pg = modelPage{dumped: true}
			case kernelcall.MapImage:
				if !pg.open {
					t.Fatalf("image mapped over page %d, which is not open", i)
				}
				if s.off != to.start || s.len != to.end-to.start {
					t.Fatalf("image of [%d, %d) mapped at [%d, %d)", to.start, to.end, s.off, s.off+s.len)
				}
				*pg = modelPage{open: true, file: to.image, dumped: true}
			case kernelcall.NoDump:
				pg.dumped = false
			case kernelcall.Open:
				pg.open = true
			case kernelcall.Discard:
				if pg.file != first || !pg.open {
					t.Fatalf("discard of [%d, %d) leaves one mapping at %d", s.off, s.off+s.len, i)
				}
				pg.dirty = false
			case kernelcall.Restore:
				if !pg.open {
					t.Fatalf("restore of a closed page %d", i)
				}
				pg.dirty = false
			default:
				t.Fatalf("unknown operation %v", s.op)
			}
		}
	}
}

// clean tells what keeps the slot from holding c.
func (m modelSlot) clean(c content) error {
	for i, pg := range m {
		at := uint64(i)
		want := modelPage{open: at < c.access}
		if at >= c.start && at < c.end {
			want.file = c.image
		}
		if pg != want {
			return fmt.Errorf("page %d is %+v, should be %+v", i, pg, want)
		}
	}
	return nil
}

func (m modelSlot) scribble() {
	for i := range m {
		m[i].dirty = m[i].open
	}
}

// contents are all there are for a slot of max pages with some images.
func contents(max uint64, images []*memfd.Image) []content {
	var out []content
	for access := uint64(0); access <= max; access++ {
		out = append(out, content{access: access})
		for _, im := range images {
			for start := uint64(0); start < access; start++ {
				for end := start + 1; end <= access; end++ {
					out = append(out, content{im, start, end, access})
				}
			}
		}
	}
	return out
}

func TestPlanEveryTransition(t *testing.T) {
	const max, length = 4, 6
	images := []*memfd.Image{new(memfd.Image), new(memfd.Image)}
	all := contents(max, images)
	for _, from := range all {
		for _, to := range all {
			if from.image == to.image && (from.start != to.start || from.end != to.end) {
				continue // an image has one place
			}
			m := make(modelSlot, length)
			m.apply(t, planInstantiate(content{}, from, length), from)
			if err := m.clean(from); err != nil {
				t.Fatalf("first use as %+v: %v", from, err)
			}
			m.scribble()
			m.apply(t, planClear(from, 0), from)
			if err := m.clean(from); err != nil {
				t.Fatalf("clear of %+v: %v", from, err)
			}
			p := planInstantiate(from, to, length)
			m.apply(t, p, to)
			if err := m.clean(to); err != nil {
				t.Fatalf("%+v -> %+v: %v\n%+v", from, to, err, p.steps[:p.n])
			}
			if from == to && p.n != 0 {
				t.Fatalf("%+v again takes %d steps", from, p.n)
			}
		}
	}
}

// TestPlanLives runs random lives of one slot.
func TestPlanLives(t *testing.T) {
	const max, length = 8, 10
	images := []*memfd.Image{new(memfd.Image), new(memfd.Image), new(memfd.Image)}
	place := map[*memfd.Image][2]uint64{images[0]: {0, 3}, images[1]: {2, 5}, images[2]: {7, 8}}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	m := make(modelSlot, length)
	now := content{}
	for range 20000 {
		to := content{access: uint64(rng.IntN(max + 1))}
		if im := images[rng.IntN(3)]; rng.IntN(4) > 0 && place[im][1] <= to.access {
			to.image, to.start, to.end = im, place[im][0], place[im][1]
		}
		m.apply(t, planInstantiate(now, to, length), to)
		if err := m.clean(to); err != nil {
			t.Fatalf("seed %d: %+v -> %+v: %v", seed, now, to, err)
		}
		m.scribble()
		for rng.IntN(2) > 0 && to.access < max {
			bigger := to.access + uint64(rng.IntN(int(max-to.access)+1))
			m.apply(t, planGrow(to, bigger), to)
			to.access = bigger
			m.scribble()
		}
		m.apply(t, planClear(to, uint64(rng.IntN(max+1))), to)
		if err := m.clean(to); err != nil {
			t.Fatalf("seed %d: clear of %+v: %v", seed, to, err)
		}
		now = to
		if rng.IntN(8) == 0 {
			m.apply(t, planReserve(length), content{})
			now = content{}
			if err := m.clean(now); err != nil {
				t.Fatalf("seed %d: reserve: %v", seed, err)
			}
		}
	}
}

// TestPlanWarm: a reset is one discard for each mapping, and nothing else.
func TestPlanWarm(t *testing.T) {
	im := new(memfd.Image)
	for _, tt := range []struct {
		c    content
		want int
	}{
		{content{access: 0}, 0},
		{content{access: 4}, 1},
		{content{im, 0, 4, 4}, 1},
		{content{im, 0, 2, 4}, 2},
		{content{im, 1, 4, 4}, 2},
		{content{im, 1, 2, 4}, 3},
	} {
		p := planClear(tt.c, 0)
		for _, s := range p.steps[:p.n] {
			if s.op != kernelcall.Discard {
				t.Errorf("%+v: clear does %v", tt.c, s.op)
			}
		}
		if p.n != tt.want {
			t.Errorf("%+v: %d discards, want %d", tt.c, p.n, tt.want)
		}
		if tt.c.access > 0 && tt.c.vmas() != tt.want+1 {
			t.Errorf("%+v: %d mappings, want %d and a tail", tt.c, tt.c.vmas(), tt.want)
		}
	}
}

// TestVMAsBound: the count that a content claims is what the model's pages need, and no
// state on the way to another needs more than the bound of an unknown slot.
func TestVMAsBound(t *testing.T) {
	const max, length = 4, 6
	images := []*memfd.Image{new(memfd.Image), new(memfd.Image)}
	all := contents(max, images)
	runs := func(m modelSlot) int { // beyond the one mapping of the reservation
		n, last := 0, modelPage{}
		for _, pg := range m {
			pg.dirty, pg.dumped = false, false
			if pg != last {
				n++
			}
			last = pg
		}
		return n
	}
	for _, from := range all {
		for _, to := range all {
			if from.image == to.image && (from.start != to.start || from.end != to.end) {
				continue
			}
			m := make(modelSlot, length)
			m.apply(t, planInstantiate(content{}, from, length), from)
			if n := runs(m); n > from.vmas() {
				t.Fatalf("%+v: %d mappings, claims %d", from, n, from.vmas())
			}
			p := planInstantiate(from, to, length)
			for i := range p.n {
				m.apply(t, plan{steps: [maxSteps]step{p.steps[i]}, n: 1}, to)
				if n := runs(m); n > unknownVMAs {
					t.Fatalf("%+v -> %+v, step %d: %d mappings, an unknown slot claims %d", from, to, i, n, unknownVMAs)
				}
			}
		}
	}
}
