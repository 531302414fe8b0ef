package manager

import (
	"errors"
	"time"

	"github.com/pageslot/pageslot/uffd"
)

// server is the part of a Manager that decides: it reads a process's events and
// resolves its faults, through calls and watcher alone.
type server struct {
	options Options
	watcher watcher
	stats   counters
	now     func() time.Time

	// admit gives a forked process its ID and adds it to those that are served;
	// leave takes one away.
	admit func(c calls, parent *process) *process
	leave func(p *process)
	// enlarge replaces buffer by one that is large enough for every segment.
	enlarge func()

	buffer []byte     // for a granule; whole pages
	batch  []event    // for what is read at once
	born   []*process // forked by what was just read
	later  []*process // to be looked at again
}

// outcome is what became of a fault.
type outcome int

const (
	settled  outcome = iota // the access goes on, or was given up
	changing                // nothing was done: events have to be read first
	lost                    // the page is not in one registered mapping
	postpone                // Retry
	ended                   // the process is gone
)

// serve reads all events of a process and then resolves its faults. Reading all
// comes first, since faults are delivered before other events: what a fault's page
// holds depends on events that are still in the queue.
func (s *server) serve(p *process) {
	if p.gone {
		return
	}
	if p.blind != nil {
		p.blind = s.watcher.watch(p)
	}
	p.changed, p.fills = false, 0
	p.due = time.Time{}
	s.read(p)
	for i := 0; i < len(p.faults); {
		f := &p.faults[i]
		if p.isKept(f) {
			i++
			continue
		}
		switch s.attempt(p, f) {
		case settled:
			i++
		case postpone:
			p.keep(*f)
			i++
		case lost:
			// Events that are there by now explain it, and then the fault is looked
			// at anew. Otherwise the process has unregistered the page, or unmapped
			// it unheard: the access faults again, and gets what is there now.
			if !s.read(p) {
				s.wake(p, p.pageOf(p.faults[i].Address))
				i++
			}
		case changing:
			// The change ends when its event is read. It may be about to be queued,
			// or its maker may be dying: so it is tried again soon in any case.
			if !s.read(p) {
				p.kept = append(p.kept, p.faults[i:]...)
				p.lookAgain(s.now().Add(time.Millisecond))
				i = len(p.faults)
			}
		case ended:
			s.end(p)
			return
		}
	}
	p.faults, p.kept = p.kept, p.faults[:0]
	s.schedule(p)
}

// read takes all queued events: faults are put aside, and others applied. It tells
// whether something changed.
func (s *server) read(p *process) (changed bool) {
	changed, err := s.drain(p)
	born := s.born
	s.born = s.born[:0]
	for i, child := range born {
		if born[i] = nil; s.options.OnFork != nil {
			s.options.OnFork(p.id, child.id)
		}
		if child.blind != nil {
			s.report(child, child.blind)
		}
	}
	switch {
	case err != nil:
		s.unreadable(p, err)
	case p.muted:
		p.muted = false
		s.watcher.mute(p, false)
	}
	// What was filled may be gone, and a fault of it be younger. Without EVENT_REMOVE
	// nothing tells.
	p.fills = 0
	if changed {
		p.changed = true
	}
	return changed
}

// drain is read without what calls the caller's functions.
func (s *server) drain(p *process) (changed bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		n, err := p.calls.events(s.batch)
		for i := range s.batch[:n] {
			changed = s.take(p, &s.batch[i]) || changed
			s.batch[i].child = nil
		}
		switch {
		case err != nil && !errors.Is(err, errAgain):
			return changed, err
		case err != nil || n < len(s.batch):
			return changed, nil
		}
	}
}

// take is one event.
func (s *server) take(p *process, e *event) (changed bool) {
	switch e.kind {
	case uffd.EventPagefault:
		p.faults = append(p.faults, fault{Fault: e.fault})
		switch {
		case e.fault.Flags.Missing():
			s.stats.missing.inc()
		case e.fault.Flags.Has(uffd.FaultMinor):
			s.stats.minor.inc()
		default:
			s.stats.protected.inc()
		}
		return false
	case uffd.EventFork:
		s.stats.forks.inc()
		if e.child != nil {
			s.born = append(s.born, s.admit(e.child, p))
		}
		return true
	case uffd.EventRemap:
		s.stats.remaps.inc()
	case uffd.EventRemove:
		s.stats.removes.inc()
	case uffd.EventUnmap:
		s.stats.unmaps.inc()
	default:
		s.stats.unknown.inc()
	}
	return p.apply(e)
}

// unreadable is for EMFILE, above all: a fork's descriptor finds no room here. The
// event stays in the queue, so the descriptor stays readable, and must not be
// waited for until some time has passed.
func (s *server) unreadable(p *process, err error) {
	if !p.muted {
		p.muted = true
		s.watcher.mute(p, true)
		s.report(p, err)
	}
	p.lookAgain(s.now().Add(100 * time.Millisecond))
}

// report tells of a failure that is not about a page.
func (s *server) report(p *process, err error) {
	s.stats.errors.inc()
	if s.options.OnError != nil {
		s.options.OnError(Failure{Access: Access{Process: p.id, PID: p.pid}, Err: err})
	}
}

// wake lets the access to a page go on, so that it faults again.
func (s *server) wake(p *process, page uffd.Range) {
	s.stats.stale.inc()
	_ = p.calls.Wake(page) // EINVAL is all that it could say, of a page that cannot be
}

// end is the end of the service for a process that is gone.
func (s *server) end(p *process) {
	if p.gone {
		return
	}
	p.gone = true
	p.faults, p.kept = nil, nil
	s.stats.gone.inc()
	s.watcher.forget(p)
	_ = p.calls.Close()
	s.leave(p)
	if s.options.OnGone != nil {
		s.options.OnGone(p.id)
	}
}

// ask ends the service for a process that is gone.
func (s *server) ask(p *process) (gone bool) {
	if !p.gone && errors.Is(p.calls.alive(), uffd.ErrGone) {
		s.end(p)
	}
	return p.gone
}
