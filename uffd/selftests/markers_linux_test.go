package selftests

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// What calls do where a guard region is. Linux before 6.19 lets COPY and CONTINUE
// put a page in its place, and in shared memory ZEROPAGE; later ones say EEXIST.
// Which of the two, COPY shows; the others have to agree.
func TestGuardMarkers(t *testing.T) {
	forEach(t, []memory{anon, shmem, shmemPrivate}, func(t *testing.T, k memory) {
		a := newArea(t, k, 6)
		have := open(t, uffd.Options{}).Available()
		d := open(t, uffd.Options{Required: uffd.FeatureSIGBUS, Wanted: uffd.FeatureMove})
		mode := uffd.ModeMissing
		if k == shmem && have.Has(uffd.FeatureMinorShmem) {
			mode |= uffd.ModeMinor
		}
		register(t, d, a.all(), mode)
		data := a.filled(6, 1)
		if a.alias != nil {
			copy(a.alias[4*a.page:], data[4*a.page:5*a.page])
		}
		err := unix.Madvise(a.mem, sys.MADV_GUARD_INSTALL)
		if errors.Is(err, unix.EINVAL) {
			testgate.Skip(t, testgate.GuardRegions, "of "+string(k)+": "+err.Error())
		}
		if err != nil {
			t.Fatal(err)
		}

		// guarded looks at what became of a call at page i, and of the guard there.
		guarded := func(call string, i int, err error, kept bool, want []byte) {
			t.Helper()
			if !kept {
				if err != nil {
					t.Errorf("%s: %v; want it to replace the guard", call, err)
				}
				holds(t, call, a.at(i), want)
				return
			}
			if !errors.Is(err, uffd.ErrExists) {
				t.Errorf("%s: %v; want %v", call, err, uffd.ErrExists)
			}
			missing(t, call, a, i, 1)
		}
		page := func(i int) []byte { return data[uint64(i)*a.page:][:a.page] }

		n, err := d.Copy(a.addr(0), page(0), 0)
		respected := n == 0 && errors.Is(err, uffd.ErrExists)
		guarded("COPY", 0, err, respected, page(0))
		guarded("COPY again", 1, second(d.Copy(a.addr(1), page(1), 0)), respected, page(1))
		guarded("ZEROPAGE", 2, second(d.Zero(a.at(2), 0)), respected || k != shmem, a.zeros(1))
		if have.Has(uffd.FeaturePoison) {
			guarded("POISON", 3, second(d.Poison(a.at(3), 0)), true, nil)
		}
		if mode.Has(uffd.ModeMinor) {
			guarded("CONTINUE", 4, second(d.Continue(a.at(4), 0)), respected, page(4))
		}
		if have.Has(uffd.FeatureMove) && k == anon {
			src := newArea(t, anon, 1)
			src.mem[0] = 1
			guarded("MOVE", 5, second(d.Move(a.addr(5), src.addr(0), a.page, 0)), true, nil)
		}
		t.Logf("the kernel respects guard regions: %v", respected)

		// Without the guard the pages are as others.
		if err := unix.Madvise(a.mem[3*a.page:4*a.page], sys.MADV_GUARD_REMOVE); err != nil {
			t.Fatal(err)
		}
		if n, err := d.Copy(a.addr(3), page(3), 0); uint64(n) != a.page || err != nil {
			t.Errorf("COPY where the guard was: %d, %v", n, err)
		}
		holds(t, "where the guard was", a.at(3), page(3))
		noEvent(t, d)
	})
}
