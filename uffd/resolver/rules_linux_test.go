package resolver_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

func TestZero(t *testing.T) {
	child(t, func(t *testing.T) {
		mem := mapped(t, 10)
		r := serve(t, open(t, anybody), resolver.Options{}, mem, resolver.Rule{Missing: resolver.Zero, Granule: 4 * uint64(pageSize)})
		all(t, pages(mem, 9, 1), 0)
		// The last granule has two pages.
		counts(t, r, func(s resolver.Stats) bool { return s.Missing >= 1 && s.Zeros == 1 && s.Bytes == 2*uint64(pageSize) })
		all(t, mem, 0)
		mem[0] = 1
		counts(t, r, func(s resolver.Stats) bool {
			return s.Zeros == 3 && s.Bytes == uint64(len(mem)) && s.Failed == 0
		})
		must(t, r.Stop())
	})
}

// What is put there at once is the granule, cut at both ends of what it is from: the
// source, the zeros behind it, the range.
func TestGranules(t *testing.T) {
	const n = 11
	for _, c := range []struct{ granule, source, touched, first, behind int }{
		{1, n, 5, 5, 6},
		{4, n, 5, 4, 8},
		{4, n, 10, 8, 11},
		{4, 6, 4, 4, 6},
		{4, 6, 6, 6, 8},
		{4, 6, 7, 6, 8},
		{4, 8, 8, 8, 11},
		{4, 1, 0, 0, 1},
		{4, 1, 3, 1, 4},
		{16, n, 3, 0, n},
		{16, 6, 5, 0, 6},
		{16, 6, 6, 6, n},
		{1 << 18, 10, 10, 10, 11},
	} {
		t.Run("", func(t *testing.T) {
			child(t, func(t *testing.T) {
				mem, source := mapped(t, n+2), pattern(c.source)
				inside := pages(mem, 1, n)
				r := serve(t, open(t, anybody), resolver.Options{}, inside, resolver.Rule{Missing: resolver.Copy, Source: source, Granule: uint64(c.granule) * uint64(pageSize)})
				want := append(slices.Clone(source), make([]byte, (n-c.source)*pageSize)...)
				if got := pages(inside, c.touched, 1); !bytes.Equal(got, pages(want, c.touched, 1)) {
					t.Errorf("%+v: page %d has other bytes", c, c.touched)
				}
				filled := c.behind - c.first
				counts(t, r, func(s resolver.Stats) bool { return s.Bytes == uint64(filled*pageSize) })
				if got := resident(t, inside); got != strings.Repeat(".", c.first)+strings.Repeat("x", filled)+strings.Repeat(".", n-c.behind) {
					t.Errorf("%+v: there are %s", c, got)
				}
				if !bytes.Equal(inside, want) {
					t.Errorf("%+v: other bytes", c)
				}
				must(t, r.Stop())
			})
		})
	}
}

// resident marks the pages that are there with an x.
func resident(t testing.TB, mem []byte) string {
	t.Helper()
	core := make([]byte, len(mem)/pageSize)
	must(t, mincore(mem, core))
	for i := range core {
		core[i] = ".x"[core[i]&1]
	}
	return string(core)
}

func TestProtectedCopies(t *testing.T) {
	child(t, func(t *testing.T) {
		d := openWith(t, uffd.FeaturePagefaultFlagWP)
		mem, source := mapped(t, 20), pattern(20)
		r := serve(t, d, resolver.Options{}, mem, resolver.Rule{Missing: resolver.Copy, Source: source, Written: resolver.Unprotect, Protected: true, Granule: 4 * uint64(pageSize)})
		if !bytes.Equal(mem, source) {
			t.Error("other bytes than those of the source")
		}
		region := uffd.RangeOf(mem)
		writes := func() (n []int) {
			got, err := r.Writes(region, nil)
			must(t, err)
			for _, a := range got {
				n = append(n, int(a-region.Start)/pageSize)
			}
			return n
		}
		if got := writes(); got != nil {
			t.Errorf("after reading: writes to %v", got)
		}
		mem[19*pageSize], mem[0], mem[9*pageSize+7], mem[8*pageSize-1] = 1, 2, 3, 4
		if got := writes(); !slices.Equal(got, []int{0, 7, 9, 19}) {
			t.Errorf("writes to %v", got)
		}
		mem[1], mem[2*pageSize] = 5, 6
		if got := writes(); !slices.Equal(got, []int{2}) {
			t.Errorf("page 0 was not protected again: writes to %v", got)
		}
		must(t, d.WriteProtect(uffd.RangeOf(pages(mem, 0, 1))))
		mem[3] = 7
		if got := writes(); !slices.Equal(got, []int{0}) {
			t.Errorf("page 0 was protected again: writes to %v", got)
		}
		counts(t, r, func(s resolver.Stats) bool { return s.Written == 6 && s.Unprotects == 6 && s.Failed+s.Parked == 0 })
		if mem[0] != 2 || mem[1] != 5 || mem[3] != 7 || mem[9*pageSize+7] != 3 {
			t.Error("what was written is not there")
		}
		must(t, r.StopFinished())
		if mem[0] != 2 || !bytes.Equal(pages(mem, 10, 5), pages(source, 10, 5)) {
			t.Error("the end changed the contents")
		}
	})
}

// A page that only the file has is mapped; one that the file lacks is a hole's zeros.
func TestContinue(t *testing.T) {
	child(t, func(t *testing.T) {
		d := openWith(t, uffd.FeatureMinorShmem)
		const n = 9
		fd, err := unix.MemfdCreate("minor", unix.MFD_CLOEXEC)
		must(t, err)
		defer unix.Close(fd)
		must(t, unix.Ftruncate(fd, n*int64(pageSize)))
		source := pattern(n)
		_, err = unix.Pwrite(fd, source[:8*pageSize], 0)
		must(t, err)
		mem, err := unix.Mmap(fd, 0, n*pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		must(t, err)
		defer unix.Munmap(mem)
		r := serve(t, d, resolver.Options{}, mem, resolver.Rule{Minor: resolver.Continue, Missing: resolver.Zero, Granule: 4 * uint64(pageSize)})
		if !bytes.Equal(pages(mem, 0, 8), pages(source, 0, 8)) {
			t.Error("other bytes than those of the file")
		}
		all(t, pages(mem, 8, 1), 0)
		counts(t, r, func(s resolver.Stats) bool {
			return s.Minor >= 2 && s.Continues == 2 && s.Missing >= 1 && s.Zeros == 1 && s.Failed+s.Parked == 0
		})
		must(t, r.Stop())
	})
}

// When Change has returned the old source may go.
func TestChange(t *testing.T) {
	child(t, func(t *testing.T) {
		d := open(t, anybody)
		n := testgate.Rounds(200, 40)
		mem := mapped(t, n)
		source := func(b byte) []byte {
			s, err := unix.Mmap(-1, 0, len(mem), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
			must(t, err)
			for i := range s {
				s[i] = b
			}
			return s
		}
		rule := resolver.Rule{Range: uffd.RangeOf(mem), Missing: resolver.Copy, Source: source(1)}
		r := start(t, d, resolver.Options{Threads: 2})
		must(t, r.Serve(rule))
		old, latest := rule.Source, byte(1)
		for i := range n {
			now := latest
			ended := make(chan byte)
			go func() { ended <- load(mem, i*pageSize) }() // meanwhile
			if i%2 == 0 {
				latest++
				rule.Source = source(latest)
				must(t, r.Change(rule))
				must(t, unix.Munmap(old))
				old = rule.Source
			}
			if got := <-ended; got != now && got != latest {
				t.Fatalf("page %d has %d, want %d or %d", i, got, now, latest)
			}
		}
		if s := r.Stats(); s.Failed+s.Parked+s.Lost != 0 {
			t.Errorf("%+v", s)
		}
		rule.Missing, rule.Source = resolver.Zero, nil
		must(t, r.Change(rule))
		must(t, unix.Munmap(old))
		must(t, r.Stop())
	})
}

func TestChangeIsRefused(t *testing.T) {
	child(t, func(t *testing.T) {
		mem := mapped(t, 8)
		of := uffd.RangeOf(mem)
		r := serve(t, open(t, anybody), resolver.Options{}, mem, resolver.Rule{Missing: resolver.Copy, Source: pattern(8)})
		for name, c := range map[string]struct {
			rule resolver.Rule
			is   error
		}{
			"a part":      {resolver.Rule{Range: uffd.RangeOf(pages(mem, 0, 4)), Missing: resolver.Zero}, resolver.ErrUnknown},
			"other kinds": {resolver.Rule{Range: of, Missing: resolver.Zero, Written: resolver.Unprotect}, unix.EINVAL},
			"nothing":     {resolver.Rule{Range: of}, unix.EINVAL},
			"own source":  {resolver.Rule{Range: of, Missing: resolver.Copy, Source: pages(mem, 2, 1)}, resolver.ErrOwnSource},
			"larger pages": {resolver.Rule{Range: of, Missing: resolver.Hand, Page: 2 * uint64(pageSize),
				Granule: 2 * uint64(pageSize)}, unix.EINVAL},
		} {
			if c.rule.Page > 0 && of.Start%c.rule.Page != 0 {
				continue
			}
			if err := r.Change(c.rule); !errors.Is(err, c.is) {
				t.Errorf("%s: %v, want %v", name, err, c.is)
			}
		}
		twice := resolver.Rule{Range: of, Missing: resolver.Zero}
		if err := r.Change(twice, twice); !errors.Is(err, resolver.ErrOverlap) {
			t.Errorf("two for one: %v", err)
		}
		if !bytes.Equal(mem, pattern(8)) {
			t.Error("the old rule is not in force any more")
		}
		must(t, r.Stop())
		if err := r.Change(twice); !errors.Is(err, resolver.ErrClosed) {
			t.Errorf("after Stop: %v", err)
		}
	})
}
