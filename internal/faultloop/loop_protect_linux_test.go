package faultloop

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// protected is a scene whose memory is registered for missing pages and
// write-protection.
func protected(t *testing.T, c Config) *scene {
	t.Helper()
	s := newScene(t, 8, c, uffd.FeaturePagefaultFlagWP)
	s.register(0, 8, uffd.ModeMissing|uffd.ModeWP)
	return s
}

// Pages come protected; the first write to one is noted, and goes through.
func TestUnprotect(t *testing.T) {
	s := protected(t, Config{})
	r := s.rule(0, 8)
	r.Missing, r.Mode, r.Granule = Copy, sys.UFFDIO_COPY_MODE_WP, uint64(4*pageSize)
	r.Written = Unprotect
	s.rules(r)
	s.ends(s.run(rawproc.Load(s.addr(1)), rawproc.Store(s.addr(2), mark(2)), rawproc.Store(s.addr(2)+8, mark(2)), rawproc.Store(s.addr(6), mark(6))), 0)
	for i := range 8 {
		if got := s.writes(i); got != 0 != (i == 2 || i == 6) {
			t.Errorf("page %d has %d writes", i, got)
		}
		if s.hits(i) != 0 {
			t.Errorf("page %d has hits", i)
		}
	}
	if got := s.state(); got != "cccccccc" {
		t.Errorf("pages %s", got)
	}
	s.counts(func(c *Counters) { c.Missing, c.Written, c.Unprotects, c.Copies, c.Handed, c.Failed = 2, 2, 2, 2, 0, 0 })
}

// A write can be a hit of a guard, too: the page is there, so poison is no way.
func TestGuardWritten(t *testing.T) {
	for name, with := range map[string]bool{"poison": true, "protection": false} {
		t.Run(name, func(t *testing.T) {
			s := protected(t, Config{Poison: with && poison()})
			r := s.rule(0, 8)
			r.Missing, r.Mode = Copy, sys.UFFDIO_COPY_MODE_WP
			r.Written = Guard
			s.rules(r)
			s.ends(s.run(rawproc.Load(s.addr(1)), rawproc.Store(s.addr(1), 1)), unix.SIGSEGV)
			s.told(Guarded, 0, 1)
			if s.hits(1) != 1 || s.writes(1) != 0 {
				t.Errorf("%d hits and %d writes, want 1 and 0", s.hits(1), s.writes(1))
			}
			s.counts(func(c *Counters) { c.Written, c.Guards, c.Failed = 1, 1, 1 })
		})
	}
}

// A write outside of every rule waits: the page is there, and it is nobody's.
func TestWrittenOutside(t *testing.T) {
	s := protected(t, Config{Poison: poison()})
	r := s.rule(0, 8)
	r.Missing, r.Mode = Zero, 0
	s.rules(r)
	s.ends(s.read(3), 0)
	if err := s.d.WriteProtect(s.pages(3, 1)); err != nil {
		t.Fatal(err)
	}
	s.rules()
	p := s.run(rawproc.Store(s.addr(3), mark(3)))
	s.told(Parked, unix.ENOENT, 3)
	s.stays(p)
	if err := s.d.WriteUnprotect(s.pages(3, 1), 0); err != nil {
		t.Fatal(err)
	}
	s.ends(p, 0)
	s.counts(func(c *Counters) { c.Outside, c.Parked, c.Failed = 1, 1, 0 })
}

// Nothing is said about writes: they are handed over.
func TestWrittenHanded(t *testing.T) {
	s := protected(t, Config{Poison: poison()})
	r := s.rule(0, 8)
	r.Missing, r.Mode = Copy, sys.UFFDIO_COPY_MODE_WP
	s.rules(r)
	p := s.run(rawproc.Store(s.addr(5), mark(5)))
	m := s.take(1)[0]
	if m.Reason != Handed || m.Message.Arg.Pagefault().Flags&sys.UFFD_PAGEFAULT_FLAG_WP == 0 || m.Unit != uint64(pageSize) {
		t.Errorf("%+v, want a write to a page of %d bytes", m, pageSize)
	}
	if err := s.d.WriteUnprotect(s.pages(5, 1), 0); err != nil {
		t.Fatal(err)
	}
	s.ends(p, 0)
}

// The first access to a page that is protected against all is noted.
func TestTouch(t *testing.T) {
	s := newScene(t, 8, Config{}, uffd.FeatureRWP)
	s.register(0, 8, uffd.ModeMissing|uffd.ModeRWP)
	r := s.rule(0, 8)
	r.Missing, r.Granule, r.Touched = Copy, uint64(8*pageSize), Touch
	s.rules(r)
	s.ends(s.read(0), 0)
	if err := s.d.RWProtect(s.pages(0, 8)); err != nil {
		t.Fatal(err)
	}
	s.ends(s.run(rawproc.Load(s.addr(1)), rawproc.Store(s.addr(4), mark(4)), rawproc.Load(s.addr(4))), 0)
	for i := range 8 {
		if got := s.writes(i); got != 0 != (i == 1 || i == 4) {
			t.Errorf("page %d has %d accesses", i, got)
		}
	}
	s.counts(func(c *Counters) { c.Missing, c.Touched, c.Touches = 1, 2, 2 })

	// As a guard, any access fails.
	r.Touched = Guard
	s.rules(r)
	s.ends(s.read(6), unix.SIGSEGV)
	s.told(Guarded, 0, 6)
}
