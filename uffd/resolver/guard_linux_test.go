package resolver_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// A Guard makes accesses fail, notes them, and can be set again; with UFFDIO_POISON and
// without.
func TestGuard(t *testing.T) {
	for name, opened := range map[string]func(testing.TB) *uffd.Descriptor{
		"Poison":     func(t testing.TB) *uffd.Descriptor { return openWith(t, uffd.FeaturePoison) },
		"Protection": poisonless,
	} {
		t.Run(name, func(t *testing.T) {
			child(t, func(t *testing.T) {
				mem := mapped(t, 12)
				guarded := pages(mem, 1, 10)
				r := serve(t, opened(t), resolver.Options{}, guarded, resolver.Rule{Missing: resolver.Guard})
				for range 2 {
					failsAt(t, guarded, 3*pageSize+5)
					failsAt(t, guarded, 9*pageSize)
					hitPages(t, r, guarded, 3, 9)
					failsAt(t, guarded, 3*pageSize) // it still does, and is not noted again
					hitPages(t, r, guarded)
					to := make([]resolver.Message, 10)
					n, err := r.Read(context.Background(), to)
					must(t, err)
					for _, m := range to[:n] {
						if m.Reason != resolver.Guarded || m.Err != nil || m.Reason.Waits() {
							t.Errorf("a message: %v", &m)
						}
					}
					must(t, r.Reset(uffd.RangeOf(guarded)))
				}
				mem[0], mem[11*pageSize] = 1, 1 // beside it
				must(t, r.Stop())
			})
		})
	}
}

// hitPages fails the test unless these are the hits.
func hitPages(t testing.TB, r *resolver.Resolver, mem []byte, want ...int) {
	t.Helper()
	of := uffd.RangeOf(mem)
	got, err := r.Hits(of, nil)
	must(t, err)
	var n []int
	for _, a := range got {
		n = append(n, int(a-of.Start)/pageSize)
	}
	if !slices.Equal(n, want) {
		t.Errorf("hits of pages %v, want %v", n, want)
	}
}

// The kernel that meets a guard answers EFAULT.
func TestGuardInSystemCalls(t *testing.T) {
	for name, opened := range map[string]func(testing.TB) *uffd.Descriptor{
		"Poison":     func(t testing.TB) *uffd.Descriptor { return openWith(t, uffd.FeaturePoison) },
		"Protection": poisonless,
	} {
		t.Run(name, func(t *testing.T) {
			child(t, func(t *testing.T) {
				openKernel(t, uffd.Options{})
				mem := mapped(t, 4)
				r := serve(t, opened(t), resolver.Options{}, mem, resolver.Rule{Missing: resolver.Guard})
				to, from, err := pipe()
				must(t, err)
				if n, err := unix.Write(to, mem[pageSize:][:10]); n != -1 || err != unix.EFAULT {
					t.Errorf("write: %d, %v", n, err)
				}
				_, err = unix.Write(to, []byte("ten bytes."))
				must(t, err)
				if n, err := unix.Read(from, mem[2*pageSize:][:10]); n != -1 || err != unix.EFAULT {
					t.Errorf("read: %d, %v", n, err)
				}
				hitPages(t, r, mem, 1, 2)
				must(t, r.Stop())
			})
		})
	}
}

func pipe() (to, from int, err error) {
	var p [2]int
	err = unix.Pipe2(p[:], unix.O_CLOEXEC)
	return p[1], p[0], err
}

// Reset is for guards, and what it does can be used at once.
func TestResetIsRefused(t *testing.T) {
	child(t, func(t *testing.T) {
		mem := mapped(t, 4)
		r := serve(t, open(t, anybody), resolver.Options{}, mem, resolver.Rule{Missing: resolver.Zero})
		if err := r.Reset(uffd.RangeOf(mem)); !errors.Is(err, unix.EINVAL) {
			t.Errorf("without a Guard: %v", err)
		}
		if err := r.Reset(uffd.RangeOf(mem[pageSize:])); !errors.Is(err, resolver.ErrUnknown) {
			t.Errorf("of a part: %v", err)
		}
		if _, err := r.Hits(uffd.Range{}, nil); !errors.Is(err, resolver.ErrUnknown) {
			t.Errorf("hits of nothing: %v", err)
		}
		must(t, r.Stop())
		for name, err := range map[string]error{
			"Reset":  r.Reset(uffd.RangeOf(mem)),
			"Hits":   second(r.Hits(uffd.RangeOf(mem), nil)),
			"Writes": second(r.Writes(uffd.RangeOf(mem), nil)),
		} {
			if !errors.Is(err, resolver.ErrClosed) {
				t.Errorf("%s after Stop: %v", name, err)
			}
		}
	})
}

func second[A any](_ A, err error) error { return err }

// A Guard of pages that only the file has: what the file holds stays there.
func TestMinorGuard(t *testing.T) {
	child(t, func(t *testing.T) {
		d, err := uffd.Open(uffd.Options{Required: uffd.FeatureMinorShmem, UserMode: uffd.UserModeFallback})
		testgate.Need(t, testgate.UffdFeature, err)
		defer d.Close()
		fd, err := unix.MemfdCreate("guard", unix.MFD_CLOEXEC)
		must(t, err)
		defer unix.Close(fd)
		_, err = unix.Write(fd, pattern(4))
		must(t, err)
		mem, err := unix.Mmap(fd, 0, 4*pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		must(t, err)
		defer unix.Munmap(mem)
		r := serve(t, d, resolver.Options{}, mem, resolver.Rule{Minor: resolver.Guard, Missing: resolver.Zero})
		for range 2 {
			failsAt(t, mem, 2*pageSize)
			hitPages(t, r, mem, 2)
			must(t, r.Reset(uffd.RangeOf(mem)))
		}
		must(t, r.Change(resolver.Rule{Range: uffd.RangeOf(mem), Minor: resolver.Continue, Missing: resolver.Zero}))
		if load(mem, 2*pageSize) != pattern(4)[2*pageSize] {
			t.Error("the file has something else now")
		}
		must(t, r.Stop())
	})
}
