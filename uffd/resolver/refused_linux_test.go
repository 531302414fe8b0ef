package resolver_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// What is refused leaves nothing behind, and what is served goes on.
func TestServeIsRefused(t *testing.T) {
	child(t, func(t *testing.T) {
		mem, other := mapped(t, 20), mapped(t, 4)
		hole, err := remote(3 * pageSize)
		must(t, err)
		must(t, munmap(pages(hole, 1, 1)))
		r := start(t, open(t, anybody), resolver.Options{})
		must(t, r.Serve(
			resolver.Rule{Range: uffd.RangeOf(pages(mem, 4, 4)), Missing: resolver.Copy, Source: other[:pageSize]},
			resolver.Rule{Range: uffd.RangeOf(pages(mem, 12, 4)), Missing: resolver.Zero},
		))
		fine := resolver.Rule{Range: uffd.RangeOf(pages(mem, 0, 2)), Missing: resolver.Zero}
		at := func(b []byte) resolver.Rule {
			return resolver.Rule{Range: uffd.RangeOf(b), Missing: resolver.Zero}
		}
		from := func(source []byte) resolver.Rule {
			return resolver.Rule{Range: uffd.RangeOf(pages(mem, 16, 4)), Missing: resolver.Copy, Source: source}
		}
		waiting(t, "the thread has its name", func() bool { return len(threads(t)) == 1 })
		before := left(t)
		for name, c := range map[string]struct {
			rule resolver.Rule
			is   error
		}{
			"served already":         {at(pages(mem, 4, 4)), resolver.ErrOverlap},
			"its end is served":      {at(pages(mem, 3, 2)), resolver.ErrOverlap},
			"its start is served":    {at(pages(mem, 15, 2)), resolver.ErrOverlap},
			"a part of it is served": {at(pages(mem, 11, 6)), resolver.ErrOverlap},
			"all":                    {at(mem), resolver.ErrOverlap},
			"with the other":         {at(pages(mem, 1, 2)), resolver.ErrOverlap},
			"the source is served":   {from(pages(mem, 12, 1)), resolver.ErrOwnSource},
			"its end, the source's":  {from(pages(mem, 11, 2)), resolver.ErrOwnSource},
			"it is the source":       {from(pages(mem, 16, 1)), resolver.ErrOwnSource},
			"it is the other's":      {from(pages(mem, 1, 1)), resolver.ErrOwnSource},
			"a source of others":     {at(pages(other, 0, 2)), resolver.ErrOwnSource},
			"empty":                  {at(nil), unix.EINVAL},
			"not aligned":            {at(mem[1:][:pageSize]), unix.EINVAL},
			"no whole page":          {at(mem[:100]), unix.EINVAL},
			"no action":              {resolver.Rule{Range: uffd.RangeOf(pages(mem, 16, 1))}, unix.EINVAL},
			"not mapped":             {at(hole), unix.EINVAL},
			"larger pages":           {larger(mem[16*pageSize:]), unix.EINVAL},
			"nothing there":          {at(pages(hole, 1, 1)), unix.EINVAL},
			"beyond all addresses":   {resolver.Rule{Range: uffd.Range{Start: 1 << 62, Len: 1 << 20}, Missing: resolver.Zero}, unix.EINVAL},
		} {
			for _, rules := range [][]resolver.Rule{{fine, c.rule}, {c.rule, fine}} {
				err := r.Serve(rules...)
				if !errors.Is(err, c.is) {
					t.Errorf("%s: %v, want %v", name, err, c.is)
				}
			}
			if now := left(t); now != before {
				t.Fatalf("%s: left: %+v, before: %+v", name, now, before)
			}
		}
		if got := r.Ranges(); len(got) != 2 {
			t.Errorf("%v", got)
		}
		all(t, pages(mem, 4, 4), 0)
		all(t, pages(mem, 12, 4), 0)
		must(t, r.Serve(fine))
		must(t, r.Stop())
	})
}

// larger is a rule for two pages, aligned, as if they were one.
func larger(mem []byte) resolver.Rule {
	twice := 2 * uint64(pageSize)
	start := (uffd.RangeOf(mem).Start + twice - 1) / twice * twice
	return resolver.Rule{Range: uffd.Range{Start: start, Len: twice}, Page: twice, Missing: resolver.Hand}
}

// Memory that another descriptor has is refused, and what came before it is undone.
func TestServeTheOthers(t *testing.T) {
	child(t, func(t *testing.T) {
		mem := mapped(t, 8)
		theirs := serve(t, open(t, anybody), resolver.Options{}, pages(mem, 4, 4), resolver.Rule{Missing: resolver.Zero})
		r := start(t, open(t, anybody), resolver.Options{})
		waiting(t, "the threads have their name", func() bool { return len(threads(t)) == 2 })
		before := left(t)
		err := r.Serve(
			resolver.Rule{Range: uffd.RangeOf(pages(mem, 0, 2)), Missing: resolver.Zero},
			resolver.Rule{Range: uffd.RangeOf(pages(mem, 2, 4)), Missing: resolver.Zero})
		if !errors.Is(err, unix.EBUSY) {
			t.Errorf("%v", err)
		}
		leaves(t, before)
		must(t, r.Stop())
		all(t, pages(mem, 4, 4), 0)
		must(t, theirs.Stop())
	})
}

func TestStartIsRefused(t *testing.T) {
	d := open(t, anybody)
	must(t, start(t, d, resolver.Options{}).Stop())
	gone(t)
	before := left(t)
	with := func(f uffd.Features) *uffd.Descriptor {
		d, err := uffd.Open(uffd.Options{Required: f, UserMode: uffd.UserModeFallback})
		if errors.Is(err, uffd.ErrEventFork) {
			return nil // an ordinary user; a nil descriptor is refused alike
		}
		testgate.Need(t, testgate.UffdFeature, err)
		return d
	}
	closed := with(0)
	must(t, closed.Close())
	for name, c := range map[string]struct {
		d  *uffd.Descriptor
		o  resolver.Options
		is error
	}{
		"nil":              {nil, resolver.Options{}, unix.EINVAL},
		"closed":           {closed, resolver.Options{}, resolver.ErrClosed},
		"zero":             {&uffd.Descriptor{}, resolver.Options{}, nil},
		"SIGBUS":           {with(uffd.FeatureSIGBUS), resolver.Options{}, unix.EINVAL},
		"EVENT_FORK":       {with(uffd.FeatureEventFork), resolver.Options{}, unix.EINVAL},
		"too many threads": {d, resolver.Options{Threads: 65}, unix.EINVAL},
		"fewer than none":  {d, resolver.Options{Ring: -1}, unix.EINVAL},
	} {
		r, err := resolver.Start(c.d, c.o)
		if r != nil || err == nil || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v, %v, want %v", name, r, err, c.is)
		}
		if c.d != nil && c.d != d {
			_ = c.d.Close()
		}
	}
	leaves(t, before)
}
