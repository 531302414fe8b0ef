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
	marks   map[uint64]bool // pages that are protected, and not there; nil: of no memory
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
	blind int // how many tries to watch a process fail

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
		delete(s.marks, a)
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
		if s.marks[a] {
			return errExists
		}
		if !s.truth[a].zero {
			s.t.Errorf("page %#x should hold offset %#x, and gets zeros", a, s.truth[a].offset)
		}
		return nil
	})
}

func (s *sim) Poison(r uffd.Range, flags uffd.Flags) (uint64, error) {
	return s.put(r, r.Len, func(a uint64) error {
		if s.marks[a] {
			return errExists
		}
		return nil
	})
}

func (s *sim) Wake(r uffd.Range) error {
	if err := s.injected(); err == errGone {
		return nil // it needs no memory
	}
	s.wake(r)
	return nil
}

func (s *sim) Continue(r uffd.Range, flags uffd.Flags) (uint64, error) { return 0, syscall.EINVAL }
func (s *sim) RWUnprotect(uffd.Range, uffd.Flags) error                { return syscall.EINVAL }

func (s *sim) WriteUnprotect(r uffd.Range, flags uffd.Flags) error {
	if s.marks == nil {
		return errLayout
	}
	if err := s.injected(); err != nil {
		return err
	}
	for a := r.Start; a < r.Start+r.Len; a += systemPage {
		delete(s.marks, a)
	}
	return nil
}

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
