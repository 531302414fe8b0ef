package selftests

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/machine"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// transparent is a transparent huge page of anonymous memory, or a skip.
func transparent(t *testing.T) *area {
	t.Helper()
	size, ok := machine.HugePageSize()
	if !ok || size > largestHuge {
		testgate.Skip(t, testgate.THP, "there are none here, or they are too large to try")
	}
	a := newAlignedArea(t, anon, int(size/smallPage), size)
	if err := unix.Madvise(a.mem, unix.MADV_HUGEPAGE); err != nil {
		testgate.Skip(t, testgate.THP, "madvise MADV_HUGEPAGE: "+err.Error())
	}
	a.mem[0] = 1
	if !bitsAt(t, a.addr(len(a.mem)/int(a.page)-1)).has(bitPresent) {
		testgate.Skip(t, testgate.THP, "a small page came")
	}
	return a
}

// Of a transparent huge page a part can be protected: the kernel splits it.
func TestWpTransparentHugePage(t *testing.T) {
	d := open(t, uffd.Options{Required: uffd.FeaturePagefaultFlagWP})
	a := transparent(t)
	last := len(a.mem)/int(a.page) - 1
	register(t, d, a.all(), uffd.ModeWP)

	protect(t, d, a.at(3))
	untrapped(t, d, a, 2)
	untrapped(t, d, a, 4)
	trapped(t, d, a, 3)

	protect(t, d, a.all())
	trapped(t, d, a, 3)
	trapped(t, d, a, last)
	untrapped(t, d, a, last)
	trapped(t, d, a, last-1)
}

// A huge page that is protected as a whole, unprotected in part.
func TestWpTransparentHugePageWhole(t *testing.T) {
	d := open(t, uffd.Options{Required: uffd.FeaturePagefaultFlagWP})
	a := transparent(t)
	last := len(a.mem)/int(a.page) - 1
	register(t, d, a.all(), uffd.ModeWP)
	protect(t, d, a.all())
	if showsProtection(t) {
		for i := range last + 1 {
			if !bitsAt(t, a.addr(i)).has(bitProtected) {
				t.Fatalf("page %d is not protected", i)
			}
		}
	}
	unprotect(t, d, a.at(1))
	untrapped(t, d, a, 1)
	trapped(t, d, a, 0)
	trapped(t, d, a, last)
	unprotect(t, d, a.all())
	untrapped(t, d, a, 2)
}
