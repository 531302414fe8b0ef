package manager

import (
	"syscall"
	"testing"
	"time"
)

// The watcher of a world does nothing: tests serve all sims in turn.
func (w *world) watch(*process) error {
	if w.blind > 0 {
		w.blind--
		return syscall.ENOSPC
	}
	return nil
}
func (w *world) mute(*process, bool)   {}
func (w *world) forget(*process)       {}
func (w *world) kill(p *process) error { p.calls.(*sim).die(); return nil }

// stage is a server and its processes.
type stage struct {
	server
	world     *world
	processes []*process
}

func newStage(w *world, o Options) *stage {
	if err := o.check(); err != nil {
		panic(err)
	}
	t := &stage{world: w}
	t.server = server{
		options: o,
		watcher: w,
		now:     func() time.Time { return w.now },
		batch:   make([]event, 4),
		buffer:  make([]byte, 1<<20),
		enlarge: func() { panic("the buffer is large enough") },
		leave:   func(*process) {},
	}
	t.admit = func(c calls, parent *process) *process {
		p := parent.fork(ID(len(t.processes)+1), c)
		p.blind = t.watcher.watch(p)
		t.processes = append(t.processes, p)
		t.schedule(p)
		return p
	}
	return t
}

// add serves a sim whose memory is given by regions with the pattern.
func (t *stage) add(s *sim, regions ...Region) *process {
	l, err := newLayout(regions)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, seg := range l.segments {
		s.truth.put(seg)
	}
	p := &process{id: ID(len(t.processes) + 1), pidfd: -1, calls: s, layout: l}
	t.processes = append(t.processes, p)
	return p
}

// settle serves until nothing is left to do, and checks that nobody waits.
func (t *stage) settle(tt *testing.T) {
	tt.Helper()
	for range 1000 {
		t.world.now = t.world.now.Add(2 * time.Millisecond)
		busy := false
		for i := 0; i < len(t.processes); i++ {
			p := t.processes[i]
			s := p.calls.(*sim)
			if !p.gone && len(s.faults)+len(s.queue) > 0 {
				busy = true
				t.serve(p)
			}
		}
		if t.again() < 0 && !busy {
			break
		}
	}
	for _, p := range t.processes {
		s := p.calls.(*sim)
		if len(s.waiting) > 0 && !s.dead && !s.parked {
			tt.Errorf("process %d: somebody waits for ever: %v", p.id, s.waiting)
		}
		if p.gone != s.closed {
			tt.Errorf("process %d: gone %v, closed %v", p.id, p.gone, s.closed)
		}
		if err := p.layout.check(); err != nil {
			tt.Error(err)
		}
		if p.gone || s.dead {
			continue
		}
		if d := differ(&p.layout, s.truth); d != "" {
			tt.Errorf("process %d: %s", p.id, d)
		}
	}
}
