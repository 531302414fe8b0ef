package manager

import (
	"encoding/binary"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/pageslot/pageslot/uffd"
)

// sim is a process as the kernel shows it: it has pages, threads that wait for
// them, and a queue of messages. It knows what each page should hold, and looks at
// everything that is installed.
type sim struct {
	t     *testing.T
	world *world

	truth   model           // what a page should hold when it is touched
	present map[uint64]bool // pages that are there
	waiting map[uint64]bool // pages that a thread waits for
	faults  []uffd.Fault    // messages
	queue   []event         // messages of other kinds: changes under way

	dead, closed bool
	parked       bool // somebody decided to leave a waiter
}

// world is what sims of one test share: the calls are counted over all of them, and
// the one with number at is answered with err.
type world struct {
	sims  []*sim
	calls int
	at    int
	err   error
	now   time.Time

	// between is what processes do while the Manager works: it is called before
	// each call.
	between func()
}

func errno(kind error, n syscall.Errno) error {
	if kind == nil {
		return n
	}
	return fmt.Errorf("%w: %w", kind, n)
}

var (
	errChanging = errno(uffd.ErrChanging, syscall.EAGAIN)
	errExists   = errno(uffd.ErrExists, syscall.EEXIST)
	errLayout   = errno(uffd.ErrLayout, syscall.ENOENT)
	errGone     = errno(uffd.ErrGone, syscall.ESRCH)
)

func (w *world) newSim(t *testing.T) *sim {
	s := &sim{t: t, world: w, truth: model{}, present: map[uint64]bool{}, waiting: map[uint64]bool{}}
	w.sims = append(w.sims, s)
	return s
}

// injected is the error that is to be told instead of making the call.
func (s *sim) injected() error {
	s.world.calls++
	if between := s.world.between; between != nil {
		s.world.between = nil
		between()
		s.world.between = between
	}
	if s.dead {
		return errGone
	}
	if s.world.calls != s.world.at {
		return nil
	}
	if s.world.err == errGone {
		s.die()
	}
	return s.world.err
}

func (s *sim) die() {
	s.dead = true
	clear(s.waiting)
	s.faults, s.queue = nil, nil
}

// touch is an access of a thread.
func (s *sim) touch(a uint64) {
	if _, mapped := s.truth[a]; !mapped || s.present[a] || s.dead {
		return
	}
	s.waiting[a] = true
	s.faults = append(s.faults, uffd.Fault{Address: a})
}

// wake lets those who wait in a range look again.
func (s *sim) wake(r uffd.Range) {
	for a := r.Start; a < r.Start+r.Len; a += systemPage {
		if s.waiting[a] {
			delete(s.waiting, a)
			// The message that it left, if nobody has read it, goes with it.
			for i := 0; i < len(s.faults); i++ {
				if s.faults[i].Address == a {
					s.faults = append(s.faults[:i], s.faults[i+1:]...)
					i--
				}
			}
			s.touch(a)
		}
	}
}

func (s *sim) events(into []event) (int, error) {
	if err := s.injected(); err != nil {
		if err == syscall.EMFILE {
			return 0, err
		}
		return 0, syscall.EAGAIN // a dead process has no messages
	}
	n := 0
	for n < len(into) && len(s.faults) > 0 {
		into[n] = event{kind: uffd.EventPagefault, fault: s.faults[0]}
		s.faults = s.faults[1:]
		n++
	}
	for n < len(into) && len(s.queue) > 0 {
		into[n] = s.queue[0]
		s.queue = s.queue[1:]
		n++
	}
	if n == 0 {
		return 0, syscall.EAGAIN
	}
	return n, nil
}

// put is what all calls that fill have in common.
func (s *sim) put(r uffd.Range, limit uint64, each func(a uint64) error) (uint64, error) {
	if err := s.injected(); err != nil {
		return 0, err
	}
	if len(s.queue) > 0 {
		return 0, errChanging
	}
	done := uint64(0)
	for ; done < r.Len; done += systemPage {
		a := r.Start + done
		err := error(nil)
		if _, mapped := s.truth[a]; !mapped {
			err = errLayout
		} else if s.present[a] {
			err = errExists
		} else if done == limit {
			err = syscall.EINTR
		} else {
			err = each(a)
		}
		if err != nil {
			if done > 0 {
				err = syscall.EAGAIN
			}
			s.wake(uffd.Range{Start: r.Start, Len: done})
			return done, err
		}
		s.present[a] = true
	}
	s.wake(r)
	return done, nil
}

func (s *sim) Copy(dst uint64, src []byte, flags uffd.Flags) (int, error) {
	n, err := s.put(uffd.Range{Start: dst, Len: uint64(len(src))}, 5*systemPage, func(a uint64) error {
		want := s.truth[a]
		first := binary.NativeEndian.Uint64(src[a-dst:])
		last := binary.NativeEndian.Uint64(src[a-dst+systemPage-8:])
		switch {
		case want.zero && first|last != 0:
			s.t.Errorf("page %#x was given up, and gets %#x", a, first)
		case !want.zero && (first != patternSource{}.word(uint64(want.offset)) || last != patternSource{}.word(uint64(want.offset)+systemPage-8)):
			s.t.Errorf("page %#x should hold offset %#x, and gets %#x", a, want.offset, first)
		}
		return nil
	})
	return int(n), err
}

func (s *sim) Zero(r uffd.Range, flags uffd.Flags) (uint64, error) {
	return s.put(r, 7*systemPage, func(a uint64) error {
		if !s.truth[a].zero {
			s.t.Errorf("page %#x should hold offset %#x, and gets zeros", a, s.truth[a].offset)
		}
		return nil
	})
}

func (s *sim) Poison(r uffd.Range, flags uffd.Flags) (uint64, error) {
	return s.put(r, r.Len, func(uint64) error { return nil })
}

func (s *sim) Wake(r uffd.Range) error {
	if err := s.injected(); err == errGone {
		return nil // it needs no memory
	}
	s.wake(r)
	return nil
}

func (s *sim) Continue(r uffd.Range, flags uffd.Flags) (uint64, error) { return 0, syscall.EINVAL }
func (s *sim) WriteUnprotect(uffd.Range, uffd.Flags) error             { return syscall.EINVAL }
func (s *sim) RWUnprotect(uffd.Range, uffd.Flags) error                { return syscall.EINVAL }

func (s *sim) alive() error {
	if s.dead {
		return errGone
	}
	return nil
}

func (s *sim) Close() error {
	if s.closed {
		s.t.Error("closed twice")
	}
	s.closed = true
	return nil
}

// The watcher of a world does nothing: tests serve all sims in turn.
func (w *world) watch(*process) error  { return nil }
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
		t.processes = append(t.processes, p)
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

// The process's calls: they change what is there, and leave messages.

func (s *sim) remove(r uffd.Range) {
	if s.dead {
		return
	}
	s.truth.remove(r)
	s.drop(r)
	s.queue = append(s.queue, event{kind: uffd.EventRemove, removed: r})
}

func (s *sim) unmap(r uffd.Range) {
	if s.dead {
		return
	}
	s.truth.unmap(r)
	s.drop(r)
	s.queue = append(s.queue, event{kind: uffd.EventUnmap, removed: r})
}

func (s *sim) drop(r uffd.Range) {
	for a := r.Start; a < r.Start+r.Len; a += systemPage {
		delete(s.present, a)
	}
}

// remap is mremap(2) to a fixed place: it unmaps what is there first.
func (s *sim) remap(m uffd.Remap) {
	if s.dead || m.From < m.To+m.Len && m.To < m.From+m.Len {
		return
	}
	s.unmap(uffd.Range{Start: m.To, Len: m.Len})
	s.truth.remap(m, false)
	for a := uint64(0); a < m.Len; a += systemPage {
		if s.present[m.From+a] {
			s.present[m.To+a] = true
			delete(s.present, m.From+a)
		}
	}
	s.queue = append(s.queue, event{kind: uffd.EventRemap, remap: m},
		event{kind: uffd.EventUnmap, removed: uffd.Range{Start: m.From, Len: m.Len}})
}

func (s *sim) fork() *sim {
	if s.dead {
		return s
	}
	c := s.world.newSim(s.t)
	for a, p := range s.truth {
		c.truth[a] = p
	}
	for a := range s.present {
		c.present[a] = true
	}
	s.queue = append(s.queue, event{kind: uffd.EventFork, child: c})
	return c
}
