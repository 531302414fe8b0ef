package manager

import (
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// script is a little life of a process and its children, step by step. What the
// Manager does in between depends on serve.
func script(w *world, t *stage, s *sim, serve func()) {
	p := systemPage
	page := func(i uint64) uint64 { return i * p }
	s.touch(page(3))
	serve()
	s.touch(page(9))
	s.touch(page(9)) // a signal
	s.remove(at(8, 4))
	serve()
	s.touch(page(20))
	s.remap(uffd.Remap{From: page(16), To: page(30), Len: 8 * p})
	s.touch(page(35))
	serve()
	child := s.fork()
	s.touch(page(12))
	child.touch(page(12))
	s.unmap(at(12, 2))
	child.touch(page(1))
	serve()
	grandchild := child.fork()
	child.remove(at(0, 8))
	child.remap(uffd.Remap{From: page(0), To: page(12), Len: 4 * p})
	grandchild.touch(page(2))
	grandchild.touch(page(31))
	child.touch(page(13))
	serve()
	for i := range uint64(modelPages) {
		s.touch(page(i))
		child.touch(page(i))
		grandchild.touch(page(i))
	}
}

// Every errno at every call: whatever the kernel answers once, nobody waits for
// ever, no page holds what it should not, and the layout is right.
func TestEveryErrnoAtEveryCall(t *testing.T) {
	for name, err := range map[string]error{
		"none":     nil,
		"changing": errChanging,
		"exists":   errExists,
		"layout":   errLayout,
		"gone":     errGone,
		"EAGAIN":   syscall.EAGAIN,
		"ENOMEM":   syscall.ENOMEM,
		"EFAULT":   syscall.EFAULT,
		"EINVAL":   syscall.EINVAL,
		"EMFILE":   syscall.EMFILE,
	} {
		t.Run(name, func(t *testing.T) {
			for _, eager := range []bool{true, false} {
				// Under -short one call in five, others each time.
				step := testgate.Rounds(1, 5)
				for call := 1 + rand.IntN(step); ; call += step {
					w := &world{at: call, err: err}
					stage := newStage(w, Options{Granule: 8 * systemPage})
					s := w.newSim(t)
					first := stage.add(s, Region{Range: at(0, 24), Source: patternSource{}, Offset: 1 << 20})
					script(w, stage, s, func() {
						if !eager {
							return
						}
						for _, p := range stage.processes {
							stage.serve(p)
						}
					})
					stage.settle(t)
					if err == errGone && s.dead && !first.gone && !stage.ask(first) {
						t.Error("it is not seen to be gone")
					}
					if t.Failed() {
						t.Fatalf("call %d, eager %v", call, eager)
					}
					if err == nil || w.calls < call {
						t.Logf("%d calls: %+v", w.calls, stage.stats.snapshot())
						break
					}
				}
			}
		})
	}
}

// Random lives, with errors at random.
func TestRandomLives(t *testing.T) {
	errs := []error{nil, errChanging, errExists, errLayout, syscall.ENOMEM, syscall.EMFILE, errGone}
	for seed := range testgate.Rounds(uint64(400), 60) {
		rng := rand.New(rand.NewPCG(seed, 2))
		w := &world{at: rng.IntN(200), err: errs[rng.IntN(len(errs))]}
		stage := newStage(w, Options{Granule: uint64(rng.IntN(12)) * systemPage})
		s := w.newSim(t)
		stage.add(s, Region{Range: at(0, 12), Source: patternSource{}}, Region{Range: at(20, 12), Source: patternSource{}, Offset: 1 << 30, Protect: true})
		live := func() {
			s := w.sims[rng.IntN(len(w.sims))]
			r := at(rng.Uint64N(modelPages-8), 1+rng.Uint64N(8))
			switch rng.IntN(8) {
			case 0:
				s.remove(r)
			case 1:
				s.unmap(at(r.Start/systemPage, 1+r.Len/systemPage/4))
			case 2:
				s.remap(uffd.Remap{From: r.Start, To: rng.Uint64N(modelPages-8) * systemPage, Len: r.Len})
			case 3:
				if len(w.sims) < 4 {
					s.fork()
				}
			default:
				s.touch(r.Start)
			}
		}
		w.between = func() {
			if rng.IntN(4) == 0 && w.calls < 1000 {
				live()
			}
		}
		for range 60 {
			live()
			if rng.IntN(6) == 0 {
				stage.serve(stage.processes[rng.IntN(len(stage.processes))])
			}
		}
		w.between = nil
		stage.settle(t)
		if t.Failed() {
			t.Fatalf("seed %d, call %d is %v", seed, w.at, w.err)
		}
	}
}
