package selftests

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// Both protections share one bit of the page table.
func TestRwpWpExclusive(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d := open(t, uffd.Options{Required: uffd.FeatureRWP | wpFor(k)})
		a := newArea(t, k, 1)
		a.mem[0] = 1
		for _, m := range []uffd.Mode{uffd.ModeWP | uffd.ModeRWP, uffd.ModeMissing | uffd.ModeWP | uffd.ModeRWP} {
			if _, err := d.Register(a.all(), m); !errors.Is(err, unix.EINVAL) {
				t.Errorf("%v: %v; want EINVAL", m, err)
			}
		}
		// One after the other: the first would be dropped.
		for _, m := range [][2]uffd.Mode{{uffd.ModeRWP, uffd.ModeWP}, {uffd.ModeWP, uffd.ModeRWP}, {uffd.ModeRWP, uffd.ModeMissing}} {
			register(t, d, a.all(), m[0])
			if _, err := d.Register(a.all(), m[1]); !errors.Is(err, unix.EBUSY) {
				t.Errorf("%v after %v: %v; want EBUSY", m[1], m[0], err)
			}
			register(t, d, a.all(), m[0])
			if err := d.Unregister(a.all()); err != nil {
				t.Fatal(err)
			}
			register(t, d, a.all(), m[1])
			if err := d.Unregister(a.all()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Every reason for which UFFDIO_RWPROTECT fails, and nothing is protected after
// any of them: not even the part of the range that could have been.
func TestRwpErrors(t *testing.T) {
	d, a, _ := closed(t, anon, 4, uffd.FeaturePagefaultFlagWP)
	other := newArea(t, anon, 1)
	other.mem[0] = 1
	register(t, d, other.all(), uffd.ModeWP)
	strange := newArea(t, anon, 1)
	if err := d.Unregister(a.at(3)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		r    uffd.Range
		want error
		kind error
	}{
		{"only for writes", other.all(), unix.ENOENT, uffd.ErrLayout},
		{"not registered", strange.all(), unix.ENOENT, uffd.ErrLayout},
		{"not registered in part", a.all(), unix.ENOENT, uffd.ErrLayout},
		{"empty", uffd.Range{Start: a.addr(0)}, unix.EINVAL, nil},
		{"start unaligned", uffd.Range{Start: a.addr(0) + 1, Len: a.page}, unix.EINVAL, nil},
		{"length unaligned", uffd.Range{Start: a.addr(0), Len: a.page - 1}, unix.EINVAL, nil},
		{"beyond the last address", uffd.Range{Start: -a.page, Len: 2 * a.page}, unix.EINVAL, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			for call, err := range map[string]error{
				"RWProtect":   d.RWProtect(test.r),
				"RWUnprotect": d.RWUnprotect(test.r, uffd.DontWake),
			} {
				if !errors.Is(err, test.want) || test.kind != nil && !errors.Is(err, test.kind) {
					t.Errorf("%s: %v; want %v", call, err, test.want)
				}
			}
		})
	}
	if err := d.WriteProtect(a.span(0, 3)); !errors.Is(err, uffd.ErrLayout) {
		t.Errorf("WriteProtect of a range for RWP: %v; want ErrLayout", err)
	}
	wantProtected(t, a, "....")
}

// Over several mappings, all of them registered, it works.
func TestRwpOverSeveralMappings(t *testing.T) {
	d, a, content := closed(t, anon, 3, 0)
	if err := unix.Mprotect(a.mem[a.page:2*a.page], unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
	closeOff(t, d, a.all())
	wantProtected(t, a, "###")
	for i := range 3 {
		r := reads(t, a.addr(i))
		rwpFault(t, d, a, i, 0)
		openUp(t, d, a.at(i))
		r.saw(content[uint64(i)*a.page])
	}
}

// Modes that the kernel refuses, of which package uffd has no way to ask.
func TestRwpModesThatAreNone(t *testing.T) {
	d, a, _ := closed(t, anon, 1, 0)
	for name, mode := range map[string]uint64{
		"protect and do not wake": sys.UFFDIO_RWPROTECT_MODE_RWP | sys.UFFDIO_RWPROTECT_MODE_DONTWAKE,
		"unknown":                 sys.UFFDIO_RWPROTECT_MODE_DONTWAKE << 1,
		"unknown and known":       1<<63 | sys.UFFDIO_RWPROTECT_MODE_RWP,
	} {
		r := a.all()
		err := d.Control(func(fd int) error {
			return sys.UffdioRwprotectCall(fd, &sys.UffdioRwprotect{Range: sys.UffdioRange{Start: r.Start, Len: r.Len}, Mode: mode})
		})
		if !errors.Is(err, unix.EINVAL) {
			t.Errorf("%s: %v; want EINVAL", name, err)
		}
	}
	wantProtected(t, a, ".")
}

func TestRwpPartOfAHugePage(t *testing.T) {
	forEach(t, []memory{hugetlb, hugetlbPrivate}, func(t *testing.T, k memory) {
		d, a, _ := closed(t, k, 1, 0)
		if err := d.RWProtect(uffd.Range{Start: a.addr(0), Len: smallPage}); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%v; want EINVAL", err)
		}
		wantProtected(t, a, ".")
	})
}

// The mode needs the feature, and memory that can be accessed at all.
func TestRwpCannotBeRegistered(t *testing.T) {
	closed(t, anon, 1, 0) // or a skip
	a := newArea(t, anon, 1)
	plain := open(t, uffd.Options{})
	if _, err := plain.Register(a.all(), uffd.ModeRWP); !errors.Is(err, unix.EINVAL) {
		t.Errorf("without the feature: %v; want EINVAL", err)
	}
	d := open(t, uffd.Options{Required: uffd.FeatureRWP})
	if err := unix.Mprotect(a.mem, unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Register(a.all(), uffd.ModeRWP); !errors.Is(err, unix.EINVAL) {
		t.Errorf("memory without rights: %v; want EINVAL", err)
	}
}

// What SET_MODE refuses, and that it changes nothing then.
func TestRwpSetModeErrors(t *testing.T) {
	with := open(t, uffd.Options{Required: uffd.FeatureRWP})
	without := open(t, uffd.Options{})
	for _, test := range []struct {
		name            string
		d               *uffd.Descriptor
		enable, disable uffd.Features
		want            error
	}{
		{"nothing", with, 0, 0, nil},
		{"on and off", with, uffd.FeatureRWPAsync, uffd.FeatureRWPAsync, unix.EINVAL},
		{"another feature on", with, uffd.FeatureRWP, 0, unix.EINVAL},
		{"another feature off", with, 0, uffd.FeatureRWP, unix.EINVAL},
		{"and another one", with, uffd.FeatureRWPAsync | uffd.FeatureWPAsync, 0, unix.EINVAL},
		{"no feature that there is", with, 1 << 63, 0, unix.EINVAL},
		{"on, without RWP", without, uffd.FeatureRWPAsync, 0, unix.EINVAL},
		{"on", with, uffd.FeatureRWPAsync, 0, nil},
		{"on again", with, uffd.FeatureRWPAsync, 0, nil},
		{"off", with, 0, uffd.FeatureRWPAsync, nil},
		{"off again", with, 0, uffd.FeatureRWPAsync, nil},
	} {
		before := test.d.Enabled()
		if err := test.d.SetMode(test.enable, test.disable); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		want := before
		if test.want == nil {
			want = (before | test.enable) &^ test.disable
		}
		if got := test.d.Enabled(); got != want {
			t.Errorf("%s: enabled %v, want %v", test.name, got, want)
		}
	}
}

// Older kernels refuse what only 7.3 has, each call with its own error.
func TestRwpIsNotThere(t *testing.T) {
	d := open(t, uffd.Options{})
	a := newArea(t, anon, 1)
	if d.Available().Has(uffd.FeatureRWP) {
		return // all the other tests are about that
	}
	if _, err := uffd.Open(uffd.Options{Required: uffd.FeatureRWP, UserMode: uffd.UserModeFallback}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("open: %v; want errors.ErrUnsupported", err)
	}
	_, registering := d.Register(a.all(), uffd.ModeRWP)
	for call, err := range map[string]error{
		"Register":    registering,
		"RWProtect":   d.RWProtect(a.all()),
		"RWUnprotect": d.RWUnprotect(a.all(), 0),
		"SetMode":     d.SetMode(uffd.FeatureRWPAsync, 0),
	} {
		// Linux 7.3 knows the calls on every port: there they find no such range.
		if !errors.Is(err, unix.EINVAL) && (!strings.HasPrefix(call, "RW") || !errors.Is(err, uffd.ErrLayout)) {
			t.Errorf("%s: %v; want EINVAL", call, err)
		}
	}
}
