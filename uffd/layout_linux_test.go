package uffd

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// gap is memory with a hole: the pages from 4 on are mapped again, page 3 is not. It is
// far from where the kernel looks for room, or the next mapping might lie in the hole:
// with large pages even one of the Go runtime's.
func gap(t testing.TB) area {
	t.Helper()
	length := 6 * page
	addr, err := sys.Mmap(512<<20, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON, -1, 0)
	if err != nil {
		t.Fatal(err)
	}
	// In pieces: somebody else may get the hole.
	unmap := func(from, to uintptr) {
		if err := sys.Munmap(addr+from*page, (to-from)*page); err != nil {
			t.Error(err)
		}
	}
	unmap(3, 4)
	t.Cleanup(func() { unmap(0, 3); unmap(4, 6) })
	return area{nil, -1, Range{uint64(addr), uint64(length)}}
}

// What is not mapped, or not registered, or is so only in part.
func TestOtherRanges(t *testing.T) {
	eachCall(t, func(c call) bool { return c.op != opMove && c.op != opRegister }, func(t *testing.T, c call) {
		d, a := mustOpen(t, Options{Wanted: c.feature & FeatureRWP}), gap(t)
		if c.mode&ModeMinor == 0 { // which no private memory has
			if _, err := d.Register(a.pages(0, 2), ModeMissing|c.mode); err != nil {
				t.Fatal(err)
			}
		}
		for name, test := range map[string]struct {
			r          Range
			unregister error // what Unregister says
		}{
			"not registered":       {a.pages(2, 1), nil},
			"not mapped":           {a.pages(3, 1), unix.EINVAL},
			"mapped beyond a hole": {a.pages(4, 1), nil},
			"with a hole":          {a.pages(2, 3), nil},
			"half registered":      {a.pages(1, 2), nil},
		} {
			n, err := c.do(d, test.r, 0)
			if n != 0 {
				t.Errorf("%s: %d bytes", name, n)
			}
			switch {
			case c.op == opUnregister && test.unregister != nil:
				want(t, err, test.unregister, nil, c.op, test.r.String())
			case c.op == opUnregister, c.op == opWake:
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			case c.op == opWriteProtect && err == nil && name == "half registered":
				t.Errorf("%s: no error", name)
			default:
				want(t, err, unix.ENOENT, ErrLayout, c.op, test.r.String())
			}
		}
	})
}

// The wrong kind of memory, or the wrong mode.
func TestOtherModes(t *testing.T) {
	eachCall(t, func(c call) bool { return c.mode&(ModeWP|ModeRWP|ModeMinor) != 0 }, func(t *testing.T, c call) {
		d, a := mustOpen(t, Options{}), anonymous(t, 1)
		register(t, d, a, ModeMissing)
		n, err := c.do(d, a.Range, 0)
		if n != 0 {
			t.Errorf("%d bytes", n)
		}
		if c.op == opContinue {
			want(t, err, unix.EINVAL, nil, c.op, a.Range.String())
		} else {
			want(t, err, unix.ENOENT, ErrLayout, c.op, a.Range.String(), "mode")
		}
		a.missing(t)
	})
	t.Run("Protected without ModeWP", func(t *testing.T) {
		clean(t)
		d, a := mustOpen(t, Options{}), anonymous(t, 1)
		register(t, d, a, ModeMissing)
		n, err := d.Copy(a.Start, source(a.Len), Protected)
		if n != 0 {
			t.Errorf("%d bytes", n)
		}
		want(t, err, unix.EINVAL, nil, opCopy, "Protected")
		a.missing(t)
	})
}

func TestRegisterErrors(t *testing.T) {
	clean(t)
	d, other := mustOpen(t, Options{}), mustOpen(t, Options{})
	have := d.Available()
	a := anonymous(t, 2)
	fails := func(what string, r Range, m Mode, errno error, words ...string) {
		t.Helper()
		ioctls, err := d.Register(r, m)
		if ioctls != 0 {
			t.Errorf("%s: ioctls %v", what, ioctls)
		}
		want(t, err, errno, nil, opRegister, append(words, r.String(), m.String())...)
	}
	fails("no mode", a.Range, 0, unix.EINVAL)
	fails("an unknown mode", a.Range, 1<<20, unix.EINVAL, "0x100000")
	fails("an unknown mode beside a known one", a.Range, ModeMissing|1<<63, unix.EINVAL, "MISSING|0x8000000000000000")
	fails("minor faults of private memory", a.Range, ModeMinor, unix.EINVAL)
	fails("both protections", a.Range, ModeWP|ModeRWP, unix.EINVAL, "WP|RWP")
	fails("RWP that was not negotiated", a.Range, ModeRWP, unix.EINVAL)
	if !have.Has(FeaturePagefaultFlagWP) && have != d.claimed {
		t.Logf("write-protection is claimed and does not trap; Register is the kernel's word")
	}
	h := gap(t)
	fails("nothing mapped", h.pages(3, 1), ModeMissing, unix.EINVAL)
	if _, err := d.Register(h.Range, ModeMissing); err != nil {
		t.Errorf("with a hole: %v", err)
	}

	register(t, other, a, ModeMissing)
	fails("another descriptor's", a.Range, ModeMissing, unix.EBUSY)
	if err := d.Unregister(a.Range); err != nil { // Linux 6.17 and later
		want(t, err, unix.EINVAL, nil, opUnregister, a.String())
		if n, err := other.Zero(a.Range, 0); n != a.Len || err != nil {
			t.Errorf("the other descriptor's afterwards: %d, %v", n, err)
		}
	}

	sealed := newFile(t, 1)
	if _, err := sys.Fcntl(sealed, sys.F_ADD_SEALS, sys.F_SEAL_WRITE); err != nil {
		t.Fatal(err)
	}
	// Before Linux 6.7 such a file cannot be mapped shared at all.
	mem, err := unix.Mmap(sealed, 0, int(page), unix.PROT_READ, unix.MAP_SHARED)
	if errors.Is(err, unix.EPERM) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Munmap(mem); err != nil {
			t.Error(err)
		}
	}()
	if have.Has(FeatureMissingShmem) {
		fails("a file that can never be written", RangeOf(mem), ModeMissing, unix.EPERM)
	}
}
