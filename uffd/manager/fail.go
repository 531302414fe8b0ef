package manager

import (
	"errors"
	"fmt"
	"time"

	"github.com/pageslot/pageslot/uffd"
)

// fail is for a page that cannot be had. Whatever happens, the access reads no
// zeros, and it is not merely woken, for it would fault again at once, for ever.
func (s *server) fail(p *process, f *fault, page uffd.Range, err error) outcome {
	action := s.askAbout(p, f, page, err)
	if action == Kill {
		killing := s.watcher.kill(p)
		if killing == nil {
			s.stats.killed.inc()
			return settled
		}
		err = fmt.Errorf("%w (killing the process: %w)", err, killing)
		if action = s.askAbout(p, f, page, err); action == Kill {
			action = Poison
		}
	}
	if action == Poison {
		outcome, poisoning := s.poison(p, f, page)
		if poisoning == nil {
			return outcome
		}
		if s.options.OnError != nil {
			action = s.askAbout(p, f, page, fmt.Errorf("%w (poisoning the page: %w)", err, poisoning))
		}
		if action == Kill && s.watcher.kill(p) == nil {
			s.stats.killed.inc()
			return settled
		}
	}
	if action == Retry {
		s.stats.retried.inc()
		f.due = s.now().Add(min(time.Second, time.Millisecond<<min(f.tries, 10)))
		f.tries++
		return postpone
	}
	s.stats.left.inc()
	return settled
}

func (s *server) askAbout(p *process, f *fault, page uffd.Range, err error) Action {
	s.stats.errors.inc()
	if s.options.OnError == nil {
		return Poison
	}
	return s.options.OnError(Failure{Access: p.access(f, page), Err: err, Tries: f.tries})
}

// poison makes a page fail. An error says that it cannot be done.
func (s *server) poison(p *process, f *fault, page uffd.Range) (outcome, error) {
	if f.Flags&(uffd.FaultWP|uffd.FaultRWP) != 0 {
		return 0, errors.New("the page is there")
	}
	_, err := p.calls.Poison(page, 0)
	if errors.Is(err, uffd.ErrExists) && p.unmark(page) {
		_, err = p.calls.Poison(page, 0)
		if errors.Is(err, uffd.ErrExists) && s.options.OnWrite != nil {
			s.options.OnWrite(p.access(f, page)) // it was a page, whose writes are not told any more
		}
	}
	switch {
	case err == nil:
		s.stats.poisoned.inc()
		return settled, nil
	case errors.Is(err, uffd.ErrExists):
		// Somebody else had a page for it.
		s.stats.exists.inc()
		_ = p.calls.Wake(page)
		return settled, nil
	case errors.Is(err, uffd.ErrChanging):
		s.stats.changing.inc()
		return changing, nil
	case errors.Is(err, uffd.ErrLayout):
		return lost, nil
	case errors.Is(err, uffd.ErrGone):
		return ended, nil
	}
	return 0, err
}
