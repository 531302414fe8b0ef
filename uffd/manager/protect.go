package manager

import (
	"errors"

	"github.com/pageslot/pageslot/uffd"
)

func (p *process) access(f *fault, page uffd.Range) Access {
	return Access{Process: p.id, PID: p.pid, Fault: f.Fault, Page: page}
}

// unprotect lets an access to a protected page through.
func (s *server) unprotect(p *process, f *fault, page uffd.Range) outcome {
	if s.options.OnWrite != nil {
		s.options.OnWrite(p.access(f, page))
	}
	var err error
	if f.Flags.Has(uffd.FaultRWP) {
		err = p.calls.RWUnprotect(page, 0)
	} else {
		err = p.calls.WriteUnprotect(page, 0)
	}
	if err == nil {
		return settled
	}
	return s.verdict(p, f, page, err)
}

// proceed maps a page that the file has, and those of its granule that the file
// has after it.
func (s *server) proceed(p *process, f *fault, seg segment, page, all uffd.Range) outcome {
	if s.options.OnMinor != nil {
		if err := s.options.OnMinor(p.access(f, page)); err != nil {
			return s.fail(p, f, page, err)
		}
	}
	var flags uffd.Flags
	if seg.from.protect {
		flags = uffd.Protected
	}
	call := func(left uffd.Range) (uint64, error) { return p.calls.Continue(left, flags) }
	rest := uffd.Between(page.Start, all.Start+all.Len)
	done, err := s.each(p, seg, rest, &s.stats.mapped, call)
	if err != nil && !done.covers(page) && rest != page && !errors.Is(err, uffd.ErrChanging) && !errors.Is(err, uffd.ErrGone) {
		done, err = s.each(p, seg, page, &s.stats.mapped, call)
	}
	if done.covers(page) {
		return settled
	}
	return s.verdict(p, f, page, err)
}
