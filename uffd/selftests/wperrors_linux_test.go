package selftests

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// Every reason for which UFFDIO_WRITEPROTECT fails, but for those of events and of
// a process that is gone. Nothing is protected after any of them.
func TestWpErrors(t *testing.T) {
	d, a, _ := guarded(t, anon, 4, 0)
	missing := newArea(t, anon, 1)
	register(t, d, missing.all(), uffd.ModeMissing)
	strange := newArea(t, anon, 1)
	strange.mem[0] = 1
	gone := newArea(t, anon, 1)
	gone.lose()
	if err := unix.Munmap(gone.mem); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		r    uffd.Range
		want error
		kind error
	}{
		{"only for missing pages", missing.all(), unix.ENOENT, uffd.ErrLayout},
		{"not registered", strange.all(), unix.ENOENT, uffd.ErrLayout},
		{"not mapped", gone.all(), unix.ENOENT, uffd.ErrLayout},
		{"empty", uffd.Range{Start: a.addr(0)}, unix.EINVAL, nil},
		{"start unaligned", uffd.Range{Start: a.addr(0) + 1, Len: a.page}, unix.EINVAL, nil},
		{"length unaligned", uffd.Range{Start: a.addr(0), Len: a.page - 1}, unix.EINVAL, nil},
		{"beyond the last address", uffd.Range{Start: -a.page, Len: 2 * a.page}, unix.EINVAL, nil},
		{"beyond what a process has", uffd.Range{Start: -(2 * a.page), Len: a.page}, unix.EINVAL, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			for call, err := range map[string]error{
				"WriteProtect":   d.WriteProtect(test.r),
				"WriteUnprotect": d.WriteUnprotect(test.r, uffd.DontWake),
			} {
				if !errors.Is(err, test.want) || test.kind != nil && !errors.Is(err, test.kind) {
					t.Errorf("%s: %v; want %v", call, err, test.want)
				}
			}
		})
	}
	wantProtected(t, a, "....")
}

// Modes that the kernel refuses, of which package uffd has no way to ask.
func TestWpModesThatAreNone(t *testing.T) {
	d, a, _ := guarded(t, anon, 1, 0)
	for name, mode := range map[string]uint64{
		"protect and do not wake": sys.UFFDIO_WRITEPROTECT_MODE_WP | sys.UFFDIO_WRITEPROTECT_MODE_DONTWAKE,
		"unknown":                 sys.UFFDIO_WRITEPROTECT_MODE_DONTWAKE << 1,
		"unknown and known":       1<<63 | sys.UFFDIO_WRITEPROTECT_MODE_WP,
	} {
		r := a.all()
		err := d.Control(func(fd int) error {
			return sys.UffdioWriteprotectCall(fd, &sys.UffdioWriteprotect{Range: sys.UffdioRange{Start: r.Start, Len: r.Len}, Mode: mode})
		})
		if !errors.Is(err, unix.EINVAL) {
			t.Errorf("%s: %v; want EINVAL", name, err)
		}
	}
	if err := d.WriteUnprotect(a.all(), uffd.Protected); !errors.Is(err, unix.EINVAL) {
		t.Errorf("a flag of another call: %v; want EINVAL", err)
	}
	wantProtected(t, a, ".")
}

// Huge pages are protected as a whole.
func TestWpPartOfAHugePage(t *testing.T) {
	forEach(t, []memory{hugetlb, hugetlbPrivate}, func(t *testing.T, k memory) {
		d, a, _ := guarded(t, k, 2, 0)
		for _, r := range []uffd.Range{
			{Start: a.addr(0), Len: smallPage},
			{Start: a.addr(0) + smallPage, Len: a.page},
			{Start: a.addr(1) - smallPage, Len: smallPage},
		} {
			if err := d.WriteProtect(r); !errors.Is(err, unix.EINVAL) {
				t.Errorf("%v: %v; want EINVAL", r, err)
			}
		}
		wantProtected(t, a, "..")
	})
}

// A page that is not there is passed over, if markers were not asked for: see
// TestWpUnpopulated.
func TestWpOverPagesThatAreNotThere(t *testing.T) {
	d := open(t, uffd.Options{Required: uffd.FeaturePagefaultFlagWP})
	a := newArea(t, anon, 3)
	a.mem[0], a.mem[2*a.page] = 1, 2
	register(t, d, a.all(), uffd.ModeWP)
	protect(t, d, a.all())
	wantProtected(t, a, "#.#")
	writes(t, a.addr(1), 9).ended()
	noEvent(t, d)
	v := writes(t, a.addr(2), 9)
	wpFault(t, d, a, 2)
	unprotect(t, d, a.all())
	v.ended()
}

// A range may span mappings, and what is unmapped between them, on kernels after
// 6.1. Older ones refuse it and change nothing.
func TestWpOverSeveralMappings(t *testing.T) {
	for _, test := range []struct {
		name  string
		split func(t *testing.T, middle uffd.Range)
		show  string
	}{
		{"side by side", func(t *testing.T, m uffd.Range) {
			if err := sys.Mprotect(uintptr(m.Start), uintptr(m.Len), sys.PROT_READ); err != nil {
				t.Fatal(err)
			}
		}, "###"},
		{"with a gap", func(t *testing.T, m uffd.Range) {
			if err := sys.Munmap(uintptr(m.Start), uintptr(m.Len)); err != nil {
				t.Fatal(err)
			}
		}, "#.#"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, a, _ := guarded(t, anon, 3, 0)
			test.split(t, a.at(1))
			err := d.WriteProtect(a.all())
			if errors.Is(err, uffd.ErrLayout) && !d.Available().Has(uffd.FeatureMove) { // Linux 6.8
				wantProtected(t, a, "...")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			wantProtected(t, a, test.show)
			for _, i := range []int{0, 2} {
				v := writes(t, a.addr(i), 9)
				wpFault(t, d, a, i)
				unprotect(t, d, a.at(i))
				v.ended()
			}
		})
	}
}
