//go:build !linux

package sys_test

import (
	"errors"
	"testing"

	"github.com/pageslot/pageslot/sys"
)

// TestOtherSystems calls everything: nothing works, and everything says why.
func TestOtherSystems(t *testing.T) {
	check := func(name string, err error) {
		t.Helper()
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, which is not errors.ErrUnsupported", name, err)
		}
	}
	number := func(name string, n int, err error) {
		t.Helper()
		check(name, err)
		if n != -1 {
			t.Errorf("%s: %d, want -1", name, n)
		}
	}
	address := func(name string, a uintptr, err error) {
		t.Helper()
		check(name, err)
		if a != 0 {
			t.Errorf("%s: %#x, want 0", name, a)
		}
	}
	a, err := sys.Mmap(0, 4096, 0, 0, -1, 0)
	address("Mmap", a, err)
	a, err = sys.Mremap(0, 4096, 8192, 0, 0)
	address("Mremap", a, err)
	check("Munmap", sys.Munmap(0, 4096))
	check("Mprotect", sys.Mprotect(0, 4096, 0))
	check("Madvise", sys.Madvise(0, 4096, 0))
	check("Mseal", sys.Mseal(0, 4096, 0))
	check("PkeyFree", sys.PkeyFree(1))
	check("PkeyMprotect", sys.PkeyMprotect(0, 4096, 0, 1))
	n, err := sys.MemfdCreate("name", 0)
	number("MemfdCreate", n, err)
	n, err = sys.MemfdSecret(0)
	number("MemfdSecret", n, err)
	n, err = sys.Fcntl(0, 0, 0)
	number("Fcntl", n, err)
	n, err = sys.PkeyAlloc(0, 0)
	number("PkeyAlloc", n, err)
	n, err = sys.Userfaultfd(0)
	number("Userfaultfd", n, err)
	n, err = sys.Ioctl(0, 0, nil)
	number("Ioctl", n, err)
	n, err = sys.IoctlInt(0, 0, 0)
	number("IoctlInt", n, err)
	n, err = sys.PidfdOpen(1, 0)
	number("PidfdOpen", n, err)
}
