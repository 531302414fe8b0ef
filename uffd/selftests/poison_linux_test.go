package selftests

import (
	"errors"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// Every other page is poisoned as somebody waits for it, and kills him; the others
// are copied.
func TestPoison(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 4)
		d := open(t, uffd.Options{Required: uffd.FeaturePoison})
		register(t, d, a.all(), uffd.ModeMissing)
		data := a.filled(1, 1)
		for i := range 4 {
			r := reads(t, a.addr(i))
			missingFault(t, d, a, i, false)
			if i%2 == 1 {
				if _, err := d.Copy(a.addr(i), data, 0); err != nil {
					t.Fatal(err)
				}
				r.saw(data[0])
				continue
			}
			if n, err := d.Poison(a.at(i), 0); n != a.page || err != nil {
				t.Fatalf("%d, %v", n, err)
			}
			r.killed(syscall.SIGBUS)
			writes(t, a.addr(i), 1).killed(syscall.SIGBUS) // and it stays so
		}
		noEvent(t, d)
		if n, err := d.Poison(a.all(), 0); n != 0 || !errors.Is(err, uffd.ErrExists) {
			t.Errorf("a second time: %d, %v; want %v", n, err, uffd.ErrExists)
		}
	})
}

// poisoned tells whether touching a page meets poison, on a descriptor with
// SIGBUS: that of a missing page is EFAULT.
func poisoned(t testing.TB, mem []byte) bool {
	t.Helper()
	err := unix.Madvise(mem, sys.MADV_POPULATE_READ)
	if err != nil && !errors.Is(err, unix.EHWPOISON) && !errors.Is(err, unix.EFAULT) {
		t.Fatal(err)
	}
	return errors.Is(err, unix.EHWPOISON)
}

// poisonCanBeLookedAt skips where the kernel stops when a system call looks for a
// poisoned page: on loong64 those of hugetlbfs (seen with 7.2, in follow_page_pte).
func poisonCanBeLookedAt(t testing.TB, k memory) {
	t.Helper()
	if runtime.GOARCH == "loong64" && k.huge() {
		testgate.Skip(t, testgate.Port, "kernels of this port stop at poisoned huge pages")
	}
}

// What may come where poison is, and what takes it away.
func TestPoisonMarkers(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		poisonCanBeLookedAt(t, k)
		a := newArea(t, k, 4)
		d := open(t, uffd.Options{Required: uffd.FeaturePoison | uffd.FeatureSIGBUS})
		pipe := newChannel(t)
		register(t, d, a.all(), uffd.ModeMissing)
		page := func(i int) []byte { return a.mem[uint64(i)*a.page:][:a.page] }
		data := a.filled(4, 1)

		if n, err := d.Poison(a.span(0, 3), 0); n != 3*a.page || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		if !poisoned(t, page(0)) || !poisoned(t, page(2)) || poisoned(t, page(3)) {
			t.Error("not the three pages are poisoned")
		}
		if n, err := d.Poison(a.at(3), uffd.Protected); n != 0 || !errors.Is(err, unix.EINVAL) {
			t.Errorf("with a flag of other calls: %d, %v; want EINVAL", n, err)
		}
		if _, err := pipe.load(page(0)); !errors.Is(err, unix.EFAULT) {
			t.Errorf("write(2) of poison: %v; want EFAULT", err)
		}
		if err := pipe.store(page(0), 1); !errors.Is(err, unix.EFAULT) {
			t.Errorf("read(2) into poison: %v; want EFAULT", err)
		}

		if n, err := d.Copy(a.addr(0), data[:a.page], 0); uint64(n) != a.page || err != nil {
			t.Errorf("COPY onto poison: %d, %v", n, err)
		}
		holds(t, "copied", a.at(0), data[:a.page])
		if n, err := d.Poison(a.at(1), 0); n != 0 || !errors.Is(err, uffd.ErrExists) {
			t.Errorf("POISON onto poison: %d, %v; want %v", n, err, uffd.ErrExists)
		}
		switch n, err := d.Zero(a.at(1), 0); {
		case k.huge():
		case k == shmem: // a page of the file is put there, which markers are not
			if n != a.page || err != nil {
				t.Errorf("ZEROPAGE onto poison: %d, %v", n, err)
			}
			holds(t, "zeroed", a.at(1), a.zeros(1))
		case n != 0 || !errors.Is(err, uffd.ErrExists):
			t.Errorf("ZEROPAGE onto poison: %d, %v; want %v", n, err, uffd.ErrExists)
		}
		// Page 0 is there, page 2 is poisoned, page 3 is missing.
		n, err := d.PoisonAll(a.all(), 0, uffd.Retry{PageSize: a.page, Exist: uffd.ExistSkip})
		if n != a.all().Len || err != nil || !poisoned(t, page(2)) || !poisoned(t, page(3)) {
			t.Errorf("PoisonAll that skips: %d, %v", n, err)
		}
		holds(t, "still there", a.at(0), data[:a.page])

		if err := unix.Madvise(page(2), unix.MADV_DONTNEED); err != nil {
			t.Error(err)
		}
		if poisoned(t, page(2)) || !poisoned(t, page(3)) {
			t.Error("MADV_DONTNEED does not take the poison away, or too much of it")
		}
		missing(t, "after MADV_DONTNEED", a, 2, 1)
		noEvent(t, d)
	})
}

// Part of a range has a page already.
func TestPoisonPartly(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		poisonCanBeLookedAt(t, k)
		a := newArea(t, k, 3)
		d := open(t, uffd.Options{Required: uffd.FeaturePoison | uffd.FeatureSIGBUS})
		register(t, d, a.all(), uffd.ModeMissing)
		data := a.filled(1, 1)
		if _, err := d.Copy(a.addr(1), data, 0); err != nil {
			t.Fatal(err)
		}
		n, err := d.Poison(a.all(), 0)
		if n != a.page || !errors.Is(err, unix.EAGAIN) || errors.Is(err, uffd.ErrChanging) {
			t.Errorf("%d, %v; want %d and EAGAIN", n, err, a.page)
		}
		holds(t, "in the way", a.at(1), data)
		if !poisoned(t, a.mem[:a.page]) || poisoned(t, a.mem[2*a.page:]) {
			t.Error("the page before is not poisoned, or the one behind it is")
		}
	})
}
