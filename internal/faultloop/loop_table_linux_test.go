package faultloop

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// Rules are replaced while faults are served, and what they name is unmapped as soon
// as nobody looks at it: a thread that still did would fail to copy.
func TestRulesReplaced(t *testing.T) {
	const pages = 8
	s := newScene(t, pages, Config{Threads: 2, Poison: poison()}, 0)
	s.register(0, pages, uffd.ModeMissing)
	replace := func(value byte) memory {
		source, err := newMemory(pageSize)
		if err != nil {
			t.Fatal(err)
		}
		for i := range source {
			source[i] = value
		}
		all := make([]Rule, pages)
		for i := range all {
			all[i] = s.rule(i, 1)
			all[i].Missing, all[i].Source = Copy, source.at(0)
		}
		s.rules(all...)
		return source
	}
	old := replace(200)
	// Each drops every page as soon as it has it.
	steps := testgate.Rounds(5000, 500)
	var all []*rawproc.Process
	for k := range 3 {
		var ops []rawproc.Op
		for i := range steps {
			at := s.addr((i*(k+1) + k) % pages)
			ops = append(ops, rawproc.Load(at), rawproc.Syscall(sys.SYS_MADVISE, at, uint64(pageSize), unix.MADV_DONTNEED))
		}
		all = append(all, s.run(ops...))
	}
	times := 0
	for working := true; working; times++ {
		next := replace(byte(201 + times%50))
		if err := unix.Munmap(old); err != nil {
			t.Fatal(err)
		}
		old = next
		working = false
		for _, p := range all {
			_, dead := p.Fault()
			working = working || !dead && p.Done() < 2*steps
		}
	}
	for _, p := range all {
		s.ends(p, 0)
		for i := range steps {
			if value, _ := p.Result(2 * i); value < 200 || value > 250 {
				t.Fatalf("step %d read %d, want what a source had", i, value)
			}
		}
	}
	s.counts(func(c *Counters) {
		c.Failed, c.Parked, c.Outside, c.Stale, c.Handed = 0, 0, 0, 0, 0
	})
	if times < 2 {
		t.Errorf("the rules were replaced %d times: %+v", times, s.Counters())
	}
	s.rules()
	if err := unix.Munmap(old); err != nil {
		t.Fatal(err)
	}
}

// The rule that an address has is found among any number of them, with holes.
func TestFindsRule(t *testing.T) {
	const pages = 40
	s := newScene(t, pages, Config{Poison: poison()}, 0)
	s.register(0, pages, uffd.ModeMissing)
	for n := range 9 {
		var rules []Rule
		for i := range n {
			r := s.rule(4*i+1, 2)
			r.Missing = Copy
			rules = append([]Rule{r}, rules...)
		}
		s.rules(rules...)
		for i := range n {
			s.reads(s.read(4*i+1), mark(4*i+1))
			s.reads(s.read(4*i+2), mark(4*i+2))
		}
		// What is read a second time has to be missing again.
		if err := unix.Madvise(s.mem, unix.MADV_DONTNEED); err != nil {
			t.Fatal(err)
		}
	}
	s.counts(func(c *Counters) { c.Copies, c.Outside = 72, 0 })
}
