package manager

import (
	"time"

	"github.com/pageslot/pageslot/uffd"
)

// Faults that cannot be resolved now are put off: nobody tells when they can be.

func (p *process) keep(f fault) {
	p.kept = append(p.kept, f)
	p.lookAgain(f.due)
}

// isKept tells whether another fault of the same page and kind was put off in this
// round: who waits there is woken with it. Signals make accesses that wait fault again,
// and there is no end of them.
func (p *process) isKept(f *fault) bool {
	for i := range p.kept {
		if k := &p.kept[i]; p.pageOf(k.Address) == p.pageOf(f.Address) && (k.Flags^f.Flags)&^uffd.FaultWrite == 0 {
			return true
		}
	}
	return false
}

func (p *process) lookAgain(when time.Time) {
	if p.due.IsZero() || when.Before(p.due) {
		p.due = when
	}
}

// schedule remembers a process that has to be served again without an event.
func (s *server) schedule(p *process) {
	if p.blind != nil {
		p.lookAgain(s.now().Add(10 * time.Millisecond))
	}
	if !p.due.IsZero() && !p.waiting {
		p.waiting = true
		s.later = append(s.later, p)
	}
}

// mend puts right what serving a process has left half done, wherever it was
// interrupted: its faults are looked at again.
func (s *server) mend(p *process) {
	p.kept = p.kept[:0] // they are among faults too
	p.waiting = false
	if len(p.faults) > 0 || p.muted {
		p.lookAgain(s.now())
	}
	s.schedule(p)
}

// again serves those whose time has come, and returns how long to wait for the
// next: negative is for ever.
func (s *server) again() time.Duration {
	if len(s.later) == 0 {
		return -1
	}
	now := s.now()
	due := s.later
	s.later = nil
	for _, p := range due {
		p.waiting = false
		switch {
		case p.gone || p.due.IsZero():
		case p.due.After(now):
			s.schedule(p)
		default:
			s.serve(p)
		}
	}
	wait := time.Duration(-1)
	for _, p := range s.later {
		if until := max(p.due.Sub(now), time.Millisecond); wait < 0 || until < wait {
			wait = until
		}
	}
	return wait
}
