package resolver

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// model is which rule a page is served by, and which is somebody's source.
type model struct {
	served [64]*served
	source [64]bool
}

func (m *model) add(x *served) error {
	for p := range m.served {
		a := uint64(p)
		if x.Range.Contains(a) && m.served[p] != nil {
			return ErrOverlap
		}
	}
	for p := range m.served {
		if a := uint64(p); x.Range.Contains(a) && (m.source[p] || x.source.Contains(a)) || x.source.Contains(a) && m.served[p] != nil {
			return ErrOwnSource
		}
	}
	for p := range m.served {
		if x.Range.Contains(uint64(p)) {
			m.served[p] = x
		}
		m.source[p] = m.source[p] || x.source.Contains(uint64(p))
	}
	return nil
}

// modelOf is that of rules that are known to be right.
func modelOf(t *testing.T, s service) *model {
	m := new(model)
	for _, x := range s {
		if err := m.add(x); err != nil {
			t.Fatalf("%v of %v in force: %v", x.source, x.Range, err)
		}
	}
	return m
}

// Rules come and go at random, and a model that knows no arithmetic agrees.
func TestService(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	part := func() uffd.Range {
		start := rng.Uint64N(60)
		return uffd.Range{Start: start, Len: 1 + rng.Uint64N(4)}
	}
	var s service
	added := 0
	rounds := testgate.Rounds(20_000, 2000)
	for range rounds {
		if len(s) > 0 && rng.IntN(3) == 0 {
			i := rng.IntN(len(s))
			gone := s[i]
			before := len(s)
			s = s.without(service{gone})
			if len(s) != before-1 || s.rule(gone.Range) != nil {
				t.Fatalf("%v is still there", gone.Range)
			}
			continue
		}
		x := &served{Rule: Rule{Range: part()}}
		if rng.IntN(2) == 0 {
			x.source = part()
		}
		want := modelOf(t, s).add(x)
		more, err := s.with(service{x})
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Fatalf("%v of %v: %v, want %v", x.source, x.Range, err, want)
		}
		if err != nil {
			continue
		}
		added++
		s = more
		m := modelOf(t, s)
		for i := range s[1:] {
			if s[i].Range.End() > s[i+1].Range.Start {
				t.Fatal("not in order")
			}
		}
		for p, want := range m.served {
			if got := s.overlapping(uffd.Range{Start: uint64(p), Len: 1}); got != want {
				t.Fatalf("page %d has another rule", p)
			}
		}
	}
	if added < rounds/10 {
		t.Errorf("only %d were added", added)
	}
}

// Of several at once none may be in the way of another.
func TestServiceWithSeveral(t *testing.T) {
	at := func(start, length uint64) *served {
		return &served{Rule: Rule{Range: uffd.Range{Start: start, Len: length}}}
	}
	copied := at(10, 2)
	copied.source = uffd.Range{Start: 2, Len: 2}
	for name, c := range map[string]struct {
		more service
		is   error
	}{
		"none":            {nil, nil},
		"side by side":    {service{at(2, 2), at(0, 2), at(4, 1)}, nil},
		"twice":           {service{at(2, 2), at(2, 2)}, ErrOverlap},
		"within":          {service{at(0, 9), at(3, 1)}, ErrOverlap},
		"source, range":   {service{copied, at(3, 1)}, ErrOwnSource},
		"range, source":   {service{at(0, 3), copied}, ErrOwnSource},
		"beside a source": {service{at(0, 2), copied, at(4, 2)}, nil},
	} {
		if _, err := service(nil).with(c.more); !errors.Is(err, c.is) || (err == nil) != (c.is == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if x := (service{at(2, 2)}).overlapping(uffd.Range{Start: 2}); x != nil {
		t.Error("nothing overlaps something")
	}
	if x := (service{at(2, 2)}).rule(uffd.Range{Start: 2, Len: 1}); x != nil {
		t.Error("a part is no rule's range")
	}
}
