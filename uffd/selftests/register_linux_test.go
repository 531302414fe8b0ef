package selftests

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// allModes are all sets of the four modes.
var allModes = func() (all []uffd.Mode) {
	for m := range uffd.ModeRWP * 2 {
		all = append(all, m)
	}
	return all
}()

// Every set of modes, on every kind of memory: whether it may be registered, and
// for what calls.
func TestRegisterIoctls(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 1)
		d := open(t, uffd.Options{Wanted: uffd.FeatureRWP})
		for _, m := range allModes {
			got, err := d.Register(a.all(), m)
			if runtime.GOARCH == "arm" || strings.HasPrefix(runtime.GOARCH, "mips") {
				got &^= uffd.IoctlPoison // refused by this library
			}
			want, known := registrable(d, k, m)
			switch {
			case !known:
			case want == 0:
				if !errors.Is(err, unix.EINVAL) {
					t.Errorf("%v: %v, %v; want EINVAL", m, got, err)
				}
			case err != nil || got != want:
				t.Errorf("%v: %v, %v; want %v", m, got, err, want)
			}
			if err == nil {
				if err := d.Unregister(a.all()); err != nil {
					t.Errorf("%v: %v", m, err)
				}
			}
		}
		for _, m := range []uffd.Mode{uffd.ModeRWP << 1, 1<<63 | uffd.ModeMissing} {
			if got, err := d.Register(a.all(), m); !errors.Is(err, unix.EINVAL) {
				t.Errorf("%v: %v, %v; want EINVAL", m, got, err)
			}
		}
		noEvent(t, d)
	})
}

// registrable is what registering memory in a mode offers, or 0 where it is an
// error. Where a kernel claims write-protection and does not trap (5.10 off
// amd64), nothing is known of ModeWP.
func registrable(d *uffd.Descriptor, k memory, m uffd.Mode) (ioctls uffd.Ioctls, known bool) {
	have := d.Available()
	if m.Has(uffd.ModeWP) && !have.Has(uffd.FeaturePagefaultFlagWP) {
		return 0, false
	}
	switch {
	case m == 0,
		m.Has(uffd.ModeWP) && m.Has(uffd.ModeRWP),
		m.Has(uffd.ModeWP) && k.file() && !have.Has(uffd.FeatureWPHugetlbfsShmem),
		m.Has(uffd.ModeRWP) && !d.Enabled().Has(uffd.FeatureRWP),
		m.Has(uffd.ModeMinor) && k == anon,
		m.Has(uffd.ModeMinor) && k.huge() && !have.Has(uffd.FeatureMinorHugetlbfs),
		m.Has(uffd.ModeMinor) && !k.huge() && !have.Has(uffd.FeatureMinorShmem):
		return 0, true
	}
	ioctls = uffd.IoctlWake | uffd.IoctlCopy
	if have.Has(uffd.FeaturePoison) {
		ioctls |= uffd.IoctlPoison
	}
	if !k.huge() {
		ioctls |= uffd.IoctlZeropage
		if have.Has(uffd.FeatureMove) {
			ioctls |= uffd.IoctlMove
		}
	}
	for mode, call := range map[uffd.Mode]uffd.Ioctls{uffd.ModeWP: uffd.IoctlWriteprotect, uffd.ModeMinor: uffd.IoctlContinue, uffd.ModeRWP: uffd.IoctlRWprotect} {
		if m.Has(mode) {
			ioctls |= call
		}
	}
	return ioctls, true
}

// Registering again adds to the mode. What must not be taken away is kept.
func TestRegisterAgain(t *testing.T) {
	a := newArea(t, anon, 2)
	d := open(t, uffd.Options{Required: uffd.FeaturePagefaultFlagWP})
	register(t, d, a.all(), uffd.ModeMissing)
	ioctls := register(t, d, a.all(), uffd.ModeMissing|uffd.ModeWP)
	if !ioctls.Has(uffd.IoctlWriteprotect) {
		t.Errorf("with write-protection too: %v", ioctls)
	}
	if err := d.WriteProtect(a.all()); err != nil {
		t.Errorf("after it was added: %v", err)
	}
	// Linux 7.3 refuses to leave out write-protection, older kernels do it.
	if _, err := d.Register(a.all(), uffd.ModeMissing); err != nil && !errors.Is(err, unix.EBUSY) {
		t.Errorf("without write-protection: %v", err)
	}
	if err := d.Unregister(a.all()); err != nil {
		t.Error(err)
	}
}

// What is wrong with a range, for each call that takes one.
func TestRangeErrors(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 2)
		d := open(t, uffd.Options{})
		register(t, d, a.all(), uffd.ModeMissing)
		start, page := a.addr(0), a.page
		data := a.filled(2, 1)
		bad := map[string]uffd.Range{
			"empty":           {Start: start},
			"unaligned start": {Start: start + 1, Len: page},
			"unaligned len":   {Start: start, Len: page - 1},
			"beyond memory":   {Start: -page, Len: page},
			"overflow":        {Start: -page, Len: 2 * page},
			"huge length":     {Start: start, Len: -page},
		}
		if k.huge() {
			bad["small start"] = uffd.Range{Start: start + smallPage, Len: page}
			bad["small length"] = uffd.Range{Start: start, Len: smallPage}
		}
		for name, r := range bad {
			calls := map[string]error{
				"Zero":       second(d.Zero(r, 0)),
				"Continue":   second(d.Continue(r, 0)),
				"Register":   second(d.Register(r, uffd.ModeMissing)),
				"Unregister": d.Unregister(r),
			}
			if r.Len <= uint64(len(data)) {
				calls["Copy"] = second(d.Copy(r.Start, data[:r.Len], 0))
			}
			if d.Available().Has(uffd.FeaturePoison) {
				calls["Poison"] = second(d.Poison(r, 0))
			}
			if name != "small start" && name != "small length" { // waking looks at addresses only
				calls["Wake"] = d.Wake(r)
			}
			for call, err := range calls {
				if !errors.Is(err, unix.EINVAL) {
					t.Errorf("%s of a range with %s: %v; want EINVAL", call, name, err)
				}
			}
		}
		missing(t, "after all that", a, 0, 2)
	})
}

func second[T any](_ T, err error) error { return err }
