package populate

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// What was asked for is there, and nothing else; also where nobody serves anything.
func TestPlain(t *testing.T) {
	needed(t)
	forEach(t, func(t *testing.T, m memory) {
		a := m.make(t, 4)
		if n, err := Read(t.Context(), a.mem[a.page+1:2*a.page+1]); n != int(a.page) || err != nil {
			t.Fatal(n, err)
		}
		if got := a.there(t); got != "0110" {
			t.Errorf("there: %s", got)
		}
		if n, err := Write(t.Context(), a.mem); n != len(a.mem) || err != nil {
			t.Fatal(n, err)
		}
		if got := a.there(t); got != "1111" {
			t.Errorf("there: %s", got)
		}
		if n, err := Read(t.Context(), nil); n != 0 || err != nil {
			t.Error(n, err)
		}
		var none context.Context
		if n, err := Read(none, nil); n != 0 || !errors.Is(err, unix.EINVAL) {
			t.Error(n, err)
		}
		called := false
		err := Do(t.Context(), a.mem, Options{}, func(mem []byte) error {
			called = len(mem) == len(a.mem) && &mem[0] == &a.mem[0]
			return errTest
		})
		if err != errTest || !called {
			t.Error(err, called)
		}
	})
}

var errTest = errors.New("made up")

// Descriptors that don't see faults inside the kernel: the error says so, and names
// the first page that is missing.
func TestNotServed(t *testing.T) {
	needed(t)
	for what, c := range map[string]struct {
		o    uffd.Options
		want error
	}{
		"user-mode-only":            {uffd.Options{UserMode: uffd.UserModeOnly}, ErrUserModeOnly},
		"SIGBUS":                    {uffd.Options{UserMode: uffd.UserModeFallback, Required: uffd.FeatureSIGBUS}, ErrSIGBUS},
		"user-mode-only and SIGBUS": {uffd.Options{UserMode: uffd.UserModeOnly, Required: uffd.FeatureSIGBUS}, ErrSIGBUS},
	} {
		t.Run(what, func(t *testing.T) {
			forEach(t, func(t *testing.T, m memory) {
				a := m.make(t, 4)
				d := openFor(t, testgate.Userfaultfd, c.o)
				register(t, d, a, uffd.ModeMissing)
				if _, err := d.Copy(a.span(0, 1).Start, content(1, 2*int(a.page)), 0); err != nil {
					t.Fatal(err)
				}
				for _, access := range []Access{ForRead, ForWrite} {
					n, err := Range(t.Context(), a.all(), Options{Access: access, Descriptor: d})
					if n != 2*a.page || !errors.Is(err, c.want) || !errors.Is(err, ErrFault) || !errors.Is(err, unix.EFAULT) {
						t.Errorf("%v: %d, %v", access, n, err)
					}
					if e, ok := errors.AsType[*Error](err); !ok || e.Range != a.span(2, 2) || e.Done != n {
						t.Errorf("%v: %+v", access, e)
					}
				}
				called := false
				err := Do(t.Context(), a.mem, Options{}, func([]byte) error { called = true; return nil })
				if !errors.Is(err, ErrFault) || errors.Is(err, c.want) || called {
					t.Errorf("without the descriptor: %v, called %v", err, called)
				}
				if n, err := Write(t.Context(), a.part(0, 2)); n != 2*int(a.page) || err != nil {
					t.Errorf("what is there: %d, %v", n, err)
				}
			})
		})
	}
}

func TestPoisoned(t *testing.T) {
	needed(t)
	forEach(t, func(t *testing.T, m memory) {
		if runtime.GOARCH == "loong64" && m.name == "hugetlb" {
			testgate.Skip(t, testgate.Port, "kernels of this port stop when they are asked for poisoned huge pages")
		}
		a := m.make(t, 4)
		d := openFor(t, testgate.Userfaultfd, uffd.Options{UserMode: uffd.UserModeFallback, Required: uffd.FeaturePoison})
		register(t, d, a, uffd.ModeMissing)
		if _, err := d.CopyAll(a.all().Start, content(1, 2*int(a.page)), 0, uffd.Retry{}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Poison(a.span(2, 1), 0); err != nil {
			t.Fatal(err)
		}
		n, err := Range(t.Context(), a.all(), Options{})
		if n != 2*a.page || !errors.Is(err, ErrPoisoned) || !errors.Is(err, unix.EHWPOISON) {
			t.Errorf("%d, %v", n, err)
		}
	})
}

// What the kernel says of mappings that do not do.
func TestMappings(t *testing.T) {
	needed(t)
	a := anon(t, 4)
	if err := unix.Mprotect(a.part(2, 1), unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mprotect(a.part(1, 1), unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
	if n, err := Read(t.Context(), a.mem); n != 2*int(pageSize) || !errors.Is(err, ErrAccess) || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("PROT_NONE: %d, %v", n, err)
	}
	if n, err := Write(t.Context(), a.mem); n != int(pageSize) || !errors.Is(err, ErrAccess) {
		t.Errorf("PROT_READ: %d, %v", n, err)
	}
	low := uffd.Range{Start: 0, Len: pageSize} // where nothing is, so that nil faults
	if n, err := Range(t.Context(), low, Options{}); n != 0 || !errors.Is(err, ErrNotMapped) || !errors.Is(err, unix.ENOMEM) {
		t.Errorf("nothing: %d, %v", n, err)
	}
	fd := file(t, 2)
	b := mapped(t, fd, 2, pageSize, unix.MAP_SHARED)
	if err := unix.Ftruncate(fd, 1); err != nil {
		t.Fatal(err)
	}
	if n, err := Read(t.Context(), b.mem); n != int(pageSize) || !errors.Is(err, ErrFault) {
		t.Errorf("beyond the end: %d, %v", n, err)
	}
}

// A handler goroutine serves a read of missing pages, minor faults, and writes to
// protected pages.
func TestServed(t *testing.T) {
	needed(t)
	inChild(t, func(t *testing.T) {
		t.Run("missing", func(t *testing.T) {
			forEach(t, func(t *testing.T, m memory) {
				for _, ask := range []func(context.Context, []byte) (int, error){Read, Write} {
					a := m.make(t, 4)
					d := open(t, 0)
					register(t, d, a, uffd.ModeMissing)
					want := content(1, len(a.mem))
					served := handle(t, d, a, want)
					if n, err := ask(t.Context(), a.mem[5:]); n != len(a.mem)-5 || err != nil {
						t.Fatal(n, err)
					}
					if !bytes.Equal(a.mem, want) || served.missing.Load() != 4 {
						t.Errorf("%d served", served.missing.Load())
					}
				}
			})
		})
		t.Run("minor", func(t *testing.T) {
			fd := file(t, 4)
			want := content(2, 4*int(pageSize))
			if _, err := unix.Pwrite(fd, want, 0); err != nil {
				t.Fatal(err)
			}
			a := mapped(t, fd, 4, pageSize, unix.MAP_SHARED)
			d := open(t, uffd.FeatureMinorShmem)
			register(t, d, a, uffd.ModeMinor)
			served := handle(t, d, a, nil)
			if n, err := Read(t.Context(), a.mem); n != len(a.mem) || err != nil {
				t.Fatal(n, err)
			}
			if !bytes.Equal(a.mem, want) || served.minor.Load() != 4 {
				t.Errorf("%d served", served.minor.Load())
			}
		})
		t.Run("protected", func(t *testing.T) {
			forEach(t, func(t *testing.T, m memory) {
				need := uffd.FeaturePagefaultFlagWP
				if m.name != "anon" {
					need |= uffd.FeatureWPHugetlbfsShmem
				}
				a := m.make(t, 4)
				d := open(t, need)
				register(t, d, a, uffd.ModeMissing|uffd.ModeWP)
				want := content(3, len(a.mem))
				served := handle(t, d, a, want)
				if _, err := d.CopyAll(a.all().Start, want[:2*a.page], uffd.Protected, uffd.Retry{PageSize: a.page}); err != nil {
					t.Fatal(err)
				}
				if n, err := Read(t.Context(), a.mem); n != len(a.mem) || err != nil || served.written.Load() != 0 {
					t.Fatal(n, err, served.written.Load())
				}
				if n, err := Write(t.Context(), a.mem); n != len(a.mem) || err != nil {
					t.Fatal(n, err)
				}
				if w := served.written.Load(); w != 2 {
					t.Errorf("%d writes served", w)
				}
				clear(a.mem)
				if w, m := served.written.Load(), served.missing.Load(); w != 2 || m != 2 {
					t.Errorf("%d writes, %d missing pages", w, m)
				}
			})
		})
	})
}

// Memory that is short takes pages of files away, and they are minor faults again; not
// those that are locked. Discarding is refused then.
func TestTakenBack(t *testing.T) {
	needed(t)
	inChild(t, func(t *testing.T) {
		fd := file(t, 4)
		want := content(2, 4*int(pageSize))
		if _, err := unix.Pwrite(fd, want, 0); err != nil {
			t.Fatal(err)
		}
		a := mapped(t, fd, 4, pageSize, unix.MAP_SHARED)
		d := open(t, uffd.FeatureMinorShmem)
		register(t, d, a, uffd.ModeMinor)
		served := handle(t, d, a, nil)
		ask := func(faults int64) {
			t.Helper()
			if n, err := Read(t.Context(), a.mem); n != len(a.mem) || err != nil || a.there(t) != "1111" {
				t.Fatal(n, err, a.there(t))
			}
			if n := served.minor.Load(); n != faults {
				t.Errorf("%d faults, want %d", n, faults)
			}
		}
		// The kernel passes over pages that are on their way to its lists, which each
		// processor has for itself: those of this one alone have come there then.
		takeBack := func() (there string) {
			if err := unix.Madvise(a.mem, unix.MADV_PAGEOUT); err != nil && !errors.Is(err, unix.EINVAL) {
				t.Fatal(err)
			}
			return a.there(t)
		}
		ask(4)
		there := takeBack()
		for i := 0; i < 100 && there != "0000"; i++ {
			time.Sleep(testgate.Stretch(t, time.Millisecond))
			there = takeBack()
		}
		if there != "0000" {
			testgate.Skip(t, testgate.Swap, "MADV_PAGEOUT left pages in memory: "+there)
		}
		ask(8)
		if err := unix.Mlock(a.mem); err != nil {
			testgate.Skip(t, testgate.Memlock, err.Error())
		}
		if there := takeBack(); there != "1111" {
			t.Errorf("locked: %s", there)
		}
		if err := unix.Madvise(a.mem, unix.MADV_DONTNEED); !errors.Is(err, unix.EINVAL) {
			t.Errorf("discarding what is locked: %v", err)
		}
		ask(8)
	})
}
