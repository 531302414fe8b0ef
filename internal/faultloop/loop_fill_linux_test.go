package faultloop

import (
	"testing"

	"github.com/pageslot/pageslot/uffd"
)

// One page is touched, and what is filled is its granule, as far as the rule and its
// source go. The rule has pages 1 to 10 of 12, and granules count from its start.
func TestGranule(t *testing.T) {
	for name, x := range map[string]struct {
		action  Action
		granule int // pages
		source  int // pages
		touch   int
		want    string
		reads   byte
	}{
		"zero, a page":             {Zero, 1, 0, 3, "---z--------", 0},
		"zero, a granule":          {Zero, 4, 0, 3, "-zzzz-------", 0},
		"zero, past the end":       {Zero, 4, 0, 9, "---------zz-", 0},
		"zero, all":                {Zero, 16, 0, 5, "-zzzzzzzzzz-", 0},
		"copy, a page":             {Copy, 1, 10, 1, "-c----------", mark(1)},
		"copy, a granule":          {Copy, 4, 10, 8, "-----cccc---", mark(8)},
		"copy, past the end":       {Copy, 4, 10, 10, "---------cc-", mark(10)},
		"copy, past the source":    {Copy, 4, 6, 5, "-----cc-----", mark(5)},
		"behind the source":        {Copy, 4, 6, 8, "-------zz---", 0},
		"a granule behind it":      {Copy, 4, 6, 9, "---------zz-", 0},
		"no source":                {Copy, 16, 0, 6, "-zzzzzzzzzz-", 0},
		"copy, all in one granule": {Copy, 16, 10, 10, "-cccccccccc-", mark(10)},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, 12, Config{}, 0)
			s.register(0, 12, uffd.ModeMissing)
			r := s.rule(1, 10)
			r.Missing, r.Granule, r.SourceLen = x.action, uint64(x.granule*pageSize), uint64(x.source*pageSize)
			s.rules(r)
			s.reads(s.read(x.touch), x.reads)
			if got := s.state(); got != x.want {
				t.Errorf("pages %s, want %s", got, x.want)
			}
			s.counts(func(c *Counters) {
				c.Messages, c.Missing, c.Failed, c.Handed, c.Parked, c.Exists = 1, 1, 0, 0, 0, 0
				n := 0
				for _, page := range x.want {
					if page != '-' {
						n += pageSize
					}
				}
				c.Bytes = uint64(n)
				c.Copies, c.Zeros = 0, 1
				if x.reads != 0 {
					c.Copies, c.Zeros = 1, 0
				}
			})
		})
	}
}

// Pages of a granule are there already: what is missing before them is filled, and the
// page that was touched.
func TestGranuleInPart(t *testing.T) {
	for name, x := range map[string]struct {
		there, touch int
		want         string
	}{
		"the first":  {0, 2, "z-c-----"},
		"behind":     {3, 1, "cccz----"},
		"in between": {1, 2, "czc-----"},
	} {
		for _, action := range []Action{Copy, Zero} {
			t.Run(name, func(t *testing.T) {
				s := newScene(t, 8, Config{}, 0)
				s.register(0, 8, uffd.ModeMissing)
				if _, err := s.d.Zero(s.pages(x.there, 1), 0); err != nil {
					t.Fatal(err)
				}
				r := s.rule(0, 8)
				r.Missing, r.Granule = action, uint64(4*pageSize)
				s.rules(r)
				s.ends(s.read(x.touch), 0)
				want := []byte(x.want)
				for i := range want {
					if want[i] == 'c' && action == Zero {
						want[i] = 'z'
					}
				}
				if got := s.state(); got != string(want) {
					t.Errorf("pages %s, want %s", got, want)
				}
			})
		}
	}
}

// The granule goes past what is registered.
func TestGranuleTooLarge(t *testing.T) {
	s := newScene(t, 8, Config{}, 0)
	s.register(0, 6, uffd.ModeMissing)
	r := s.rule(0, 8)
	r.Missing, r.Granule = Copy, uint64(8*pageSize)
	s.rules(r)
	s.ends(s.read(5), 0)
	if got := s.state(); got != "-----c--" {
		t.Errorf("pages %s, want page 5 alone", got)
	}
}

// Somebody else has put the page there when the message is looked at.
func TestExists(t *testing.T) {
	s := newScene(t, 3, Config{Slots: 2}, 0)
	s.register(0, 3, uffd.ModeMissing)
	r := s.rule(2, 1)
	r.Missing = Copy
	s.rules(s.rule(0, 2), r)
	goOn := s.pause()
	sleeps := asleep(t, s.d)
	p := s.read(2)
	sleeps()
	if _, err := s.d.Zero(s.pages(2, 1), uffd.DontWake); err != nil {
		t.Fatal(err)
	}
	s.stays(p)
	goOn()
	s.reads(p, 0)
	s.counts(func(c *Counters) { c.Exists, c.Copies, c.Failed = 1, 0, 0 })
}
