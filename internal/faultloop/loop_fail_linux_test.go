package faultloop

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// failing runs a test with poison, where there is any, and with protection. deadly is
// the signal that ends an access.
func failing(t *testing.T, f func(t *testing.T, s *scene, deadly unix.Signal)) {
	for name, with := range map[string]bool{"poison": true, "protection": false} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, 8, Config{Poison: with && poison()}, 0)
			s.register(0, 8, uffd.ModeMissing)
			f(t, s, s.deadly(with))
		})
	}
}

// deadly is the signal that ends an access that is made to fail, by poison if it may be.
// Without the feature the call is refused, and protection is next.
func (s *scene) deadly(poison bool) unix.Signal {
	if poison && s.d.Available().Has(uffd.FeaturePoison) {
		return unix.SIGBUS
	}
	return unix.SIGSEGV
}

func TestGuard(t *testing.T) {
	failing(t, func(t *testing.T, s *scene, deadly unix.Signal) {
		r := s.rule(2, 4)
		r.Missing = Guard
		s.rules(r)
		s.ends(s.read(4), deadly)
		s.told(Guarded, 0, 4)
		for i := range 8 {
			if got := s.hits(i); got != 0 != (i == 4) {
				t.Errorf("page %d has %d hits", i, got)
			}
		}
		// It stays so, and costs no other message.
		s.ends(s.read(4), deadly)
		s.counts(func(c *Counters) { c.Messages, c.Guards, c.Failed, c.Missing = 1, 1, 1, 1 })
		s.ends(s.read(2), deadly)
		s.told(Guarded, 0, 2)
	})
}

// A source that can't be read makes the access fail, and is reported.
func TestBadSource(t *testing.T) {
	failing(t, func(t *testing.T, s *scene, deadly unix.Signal) {
		if err := unix.Mprotect(s.source[3*pageSize:4*pageSize], unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
		r, guard := s.rule(0, 7), s.rule(7, 1)
		r.Missing, r.Granule = Copy, uint64(8*pageSize)
		guard.Missing = Guard
		s.rules(r, guard)
		s.ends(s.read(3), deadly)
		s.told(Failed, unix.EFAULT, 3)
		s.reads(s.read(4), mark(4))
		s.counts(func(c *Counters) { c.Failed, c.Guards, c.Parked = 1, 0, 0 })
		// The errno is not that of the next one.
		s.ends(s.read(7), deadly)
		s.told(Guarded, 0, 7)
	})
}

// It is another page of the granule that can't be had: the access goes on.
func TestBadSourceBeside(t *testing.T) {
	for _, bad := range []int{1, 7} {
		failing(t, func(t *testing.T, s *scene, deadly unix.Signal) {
			if err := unix.Mprotect(s.source[bad*pageSize:(bad+1)*pageSize], unix.PROT_NONE); err != nil {
				t.Fatal(err)
			}
			r := s.rule(0, 8)
			r.Missing, r.Granule = Copy, uint64(8*pageSize)
			s.rules(r)
			s.reads(s.read(0, 0), mark(0))
			s.ends(s.read(0), 0) // and it is not failed afterwards
			s.counts(func(c *Counters) { c.Messages, c.Failed, c.Parked = 1, 0, 0 })
			s.ends(s.read(bad), deadly)
		})
	}
}

// No rule has the address. Where there is no poison nobody may touch the page, not
// even by protecting it.
func TestOutside(t *testing.T) {
	failing(t, func(t *testing.T, s *scene, deadly unix.Signal) {
		var rules []Rule
		for i := 1; i < 8; i += 2 {
			r := s.rule(i, 1)
			r.Missing = Copy
			rules = append(rules, r)
		}
		s.rules(rules...)
		for i := 1; i < 8; i += 2 { // those that have one are found
			s.reads(s.read(i), mark(i))
		}
		for i := 0; i < 8; i += 2 {
			p := s.read(i)
			if deadly == unix.SIGBUS {
				s.ends(p, deadly)
				s.told(Outside, unix.ENOENT, i)
				continue
			}
			s.told(Parked, unix.ENOENT, i)
			s.stays(p)
			if _, err := s.d.Zero(s.pages(i, 1), 0); err != nil {
				t.Fatal(err)
			}
			s.reads(p, 0)
		}
		s.counts(func(c *Counters) {
			c.Outside, c.Missing, c.Failed, c.Parked = 4, 4, 0, 4
			if deadly == unix.SIGBUS {
				c.Failed, c.Parked = 4, 0
			}
		})
	})
}

// What the rule says of the memory is not so: the address of its page is not
// registered. It may be about to change; then it is left alone.
func TestStale(t *testing.T) {
	s := newScene(t, 4, Config{}, 0)
	first := int(s.addr(0) / uint64(pageSize) % 2)
	s.register(first+1, 1, uffd.ModeMissing)
	r := s.rule(first, 2)
	r.Missing, r.Unit, r.Granule = Copy, uint64(2*pageSize), uint64(2*pageSize)
	s.rules(r)
	p := s.read(first + 1)
	s.told(Parked, unix.ENOENT, first+1)
	s.counts(func(c *Counters) { c.Stale, c.Parked, c.Copies = stubborn, 1, 0 })
	if _, err := s.d.Zero(s.pages(first+1, 1), 0); err != nil {
		t.Fatal(err)
	}
	s.reads(p, 0)
}

// Several threads waited for a page that is registered no more: all have gone on, and
// nobody is parked.
func TestStaleForSeveral(t *testing.T) {
	s := newScene(t, 4, Config{}, 0)
	if s.d.UserModeOnly() {
		testgate.Skip(t, testgate.UffdKernelFaults, "a slow source needs a descriptor that sees faults of the kernel")
	}
	s.register(0, 4, uffd.ModeMissing)
	slow, err := uffd.Map(2 * pageSize)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(slow) })
	d, of := descriptor(t, 0), uffd.RangeOf(slow)
	if _, err := d.Register(of, uffd.ModeMissing); err != nil {
		t.Fatal(err)
	}
	comes := func(i int) { // a page of the source
		t.Helper()
		if _, err := d.Zero(uffd.Range{Start: of.Start + uint64(i*pageSize), Len: uint64(pageSize)}, 0); err != nil {
			t.Fatal(err)
		}
	}
	first, last := s.rule(0, 2), s.rule(2, 2)
	first.Source = of.Start
	first.Missing, last.Missing = Copy, Copy
	s.rules(first, last)

	all := []*rawproc.Process{s.read(0)}
	pending(t, d) // the thread waits, and reads nothing
	all = append(all, s.read(1))
	pending(t, s.d)
	all = append(all, s.read(2), s.read(2), s.read(2))
	s.until("four messages there", func() bool { return unread(t, s.d) == 4 }) // which are one batch then
	comes(0)
	s.until("at the second page", func() bool { return s.Counters().Copies == 1 })
	pending(t, d)
	if err := s.d.Unregister(s.pages(2, 1)); err != nil {
		t.Fatal(err)
	}
	comes(1)
	for _, p := range all {
		s.ends(p, 0)
	}
	s.counts(func(c *Counters) { c.Stale, c.Copies, c.Parked, c.Failed = 3, 2, 0, 0 })
}

// unread is how many messages there are to read.
func unread(t testing.TB, d *uffd.Descriptor) (n int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", d.FD()))
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "pending: %d", &n); err == nil {
			return n
		}
	}
	t.Fatalf("no pending in %q", text)
	return 0
}
