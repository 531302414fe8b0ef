package manager

import "github.com/pageslot/pageslot/uffd"

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
