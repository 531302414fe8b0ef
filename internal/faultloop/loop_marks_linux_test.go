package faultloop

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// marked is a scene whose pages are missing, and protected all the same.
func marked(t *testing.T, c Config) *scene {
	t.Helper()
	s := newScene(t, 8, c, uffd.FeaturePagefaultFlagWP|uffd.FeatureWPUnpopulated)
	s.register(0, 8, uffd.ModeMissing|uffd.ModeWP)
	if err := s.d.WriteProtect(s.pages(0, 8)); err != nil {
		t.Fatal(err)
	}
	return s
}

// The kernel puts no zeros over a mark, and says that the page is there.
func TestZeroOverMark(t *testing.T) {
	for name, r := range map[string]Rule{
		"Zero":                {Missing: Zero},
		"behind the source":   {Missing: Copy, SourceLen: uint64(2 * pageSize)},
		"in a larger granule": {Missing: Zero, Granule: uint64(4 * pageSize)},
	} {
		t.Run(name, func(t *testing.T) {
			s := marked(t, Config{Poison: poison()})
			all := s.rule(0, 8)
			all.Missing, all.SourceLen, all.Granule = r.Missing, r.SourceLen, max(r.Granule, all.Granule)
			all.Written, all.Mode = Unprotect, sys.UFFDIO_COPY_MODE_WP
			s.rules(all)
			s.reads(s.read(3), 0)
			if s.writes(3) != 0 {
				t.Error("it was read, and is noted as written")
			}
			s.ends(s.run(rawproc.Store(s.addr(3), mark(3))), 0)
			if s.writes(3) != 1 || s.mem[3*pageSize] != mark(3) {
				t.Errorf("%d writes, and it holds %d", s.writes(3), s.mem[3*pageSize])
			}
			s.counts(func(c *Counters) {
				c.Missing, c.Copies, c.Zeros, c.Written, c.Exists, c.Failed, c.Parked = 1, 1, 0, 1, 0, 0, 0
			})
		})
	}
}

// Nor is there poison over a mark: who runs into a guard fails all the same, however
// many do at once.
func TestGuardOverMark(t *testing.T) {
	for _, n := range []int{1, 2, 6} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := marked(t, Config{Poison: poison()})
			r := s.rule(0, 8)
			r.Missing, r.Written = Guard, Unprotect
			s.rules(r)
			var all []*rawproc.Process
			for i := range n {
				all = append(all, s.read(i))
			}
			for i, p := range all {
				s.ends(p, s.deadly(true))
				if s.hits(i) != 1 || s.writes(i) != 0 {
					t.Errorf("page %d has %d hits and %d writes", i, s.hits(i), s.writes(i))
				}
			}
			s.counts(func(c *Counters) {
				c.Missing, c.Guards, c.Failed, c.Parked = uint64(n), uint64(n), uint64(n), 0
			})
		})
	}
}

// The same beside somebody who is served.
func TestGuardOverMarkBesideOthers(t *testing.T) {
	s := marked(t, Config{Poison: poison()})
	guard, others := s.rule(0, 1), s.rule(1, 7)
	guard.Missing, guard.Written = Guard, Unprotect
	others.Missing, others.Written = Copy, Unprotect
	s.rules(guard, others)
	var ops []rawproc.Op
	for range 20000 {
		ops = append(ops, rawproc.Load(s.addr(1)), rawproc.Syscall(sys.SYS_MADVISE, s.addr(1), uint64(pageSize), unix.MADV_DONTNEED))
	}
	s.run(ops...)
	s.ends(s.read(0), s.deadly(true))
}
