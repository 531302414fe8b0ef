package resolver_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// Sources that can't be read: the access fails, and others are served all the same.
func TestBrokenSources(t *testing.T) {
	for name, broken := range map[string]func(t *testing.T) []byte{
		"not mapped": func(t *testing.T) []byte {
			s, err := remote(4 * pageSize)
			must(t, err)
			must(t, munmap(s))
			return s
		},
		"no rights": func(t *testing.T) []byte {
			s := mapped(t, 4)
			must(t, unix.Mprotect(s, unix.PROT_NONE))
			return s
		},
		"a file cut short": func(t *testing.T) []byte {
			fd, err := unix.MemfdCreate("short", unix.MFD_CLOEXEC)
			must(t, err)
			t.Cleanup(func() { must(t, unix.Close(fd)) })
			must(t, unix.Ftruncate(fd, 4*int64(pageSize)))
			s, err := unix.Mmap(fd, 0, 4*pageSize, unix.PROT_READ, unix.MAP_SHARED)
			must(t, err)
			must(t, unix.Ftruncate(fd, 0))
			return s
		},
		"poisoned": func(t *testing.T) []byte {
			d := openWith(t, uffd.FeaturePoison)
			s := mapped(t, 4)
			_, err := d.Register(uffd.RangeOf(s), uffd.ModeMissing)
			must(t, err)
			_, err = d.Poison(uffd.RangeOf(s), 0)
			must(t, err)
			return s
		},
	} {
		for _, poison := range []bool{true, false} {
			kind := map[bool]string{true: ", poison", false: ", protection"}[poison]
			t.Run(name+kind, func(t *testing.T) {
				child(t, func(t *testing.T) {
					source := broken(t)
					var d *uffd.Descriptor
					if poison {
						d = openWith(t, uffd.FeaturePoison)
					} else {
						d = poisonless(t)
					}
					mem, other := mapped(t, 4), mapped(t, 4)
					r := serve(t, d, resolver.Options{}, mem, resolver.Rule{Missing: resolver.Copy, Source: source, Granule: 2 * uint64(pageSize)})
					must(t, r.Serve(resolver.Rule{Range: uffd.RangeOf(other), Missing: resolver.Zero}))
					failsAt(t, mem, 2*pageSize+1)
					all(t, other, 0)
					failsAt(t, mem, 0)
					to := make([]resolver.Message, 8)
					n, err := r.Read(t.Context(), to)
					must(t, err)
					for _, m := range to[:n] {
						if m.Reason != resolver.Failed || !errors.Is(m.Err, unix.EFAULT) || m.Page.Len != uint64(pageSize) {
							t.Errorf("%v", &m)
						}
					}
					counts(t, r, func(s resolver.Stats) bool {
						return s.Failed >= 2 && s.Missing < 100 && s.Parked == 0 && s.Copies == 0
					})
					if err := r.StopFinished(); !errors.Is(err, unix.EFAULT) {
						t.Errorf("StopFinished: %v", err)
					}
					failsAt(t, mem, pageSize)
					must(t, r.Stop())
				})
			})
		}
	}
}

// The rest of a granule whose source is broken in one page comes page by page.
func TestPartlyBrokenSource(t *testing.T) {
	child(t, func(t *testing.T) {
		source := mapped(t, 4)
		for i := range source {
			source[i] = 7
		}
		must(t, unix.Mprotect(pages(source, 2, 1), unix.PROT_NONE))
		mem := mapped(t, 4)
		r := serve(t, openWith(t, uffd.FeaturePoison), resolver.Options{}, mem, resolver.Rule{Missing: resolver.Copy, Source: source, Granule: 4 * uint64(pageSize)})
		all(t, pages(mem, 3, 1), 7)
		failsAt(t, mem, 2*pageSize)
		all(t, pages(mem, 0, 2), 7)
		must(t, r.Stop())
	})
}
