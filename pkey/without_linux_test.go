package pkey

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

// memory maps fresh pages for one test.
func memory(t testing.TB, pages int) uintptr {
	t.Helper()
	length := uintptr(pages * os.Getpagesize())
	addr, err := sys.Mmap(0, length, sys.PROT_READ|sys.PROT_WRITE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS, -1, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sys.Munmap(addr, length); err != nil {
			t.Error(err)
		}
	})
	return addr
}

// On a machine without keys the kernel's first answer in a process differs from
// the later ones, so the child is asked several times.
func TestWithoutKeys(t *testing.T) {
	_, inChild, err := testgate.Child(t, time.Minute)
	if !inChild {
		if err != nil {
			t.Error(err)
		}
		return
	}
	first := Supported()
	if first == nil {
		testgate.Skip(t, testgate.NoPkey, "there are keys")
	}
	for _, err := range []error{first, Supported(), Supported()} {
		if !errors.Is(err, errors.ErrUnsupported) || errors.Is(err, ErrExhausted) || !strings.Contains(err.Error(), "no protection keys") {
			t.Errorf("Supported: %v", err)
		}
	}
	t.Logf("%v", first)
	if key, err := Alloc(); key != 0 || !errors.Is(err, errors.ErrUnsupported) || errors.Is(err, ErrExhausted) {
		t.Errorf("Alloc: %v, %v", key, err)
	}
	addr := memory(t, 1)
	for _, key := range []Key{1, 15} {
		if err := Protect(addr, 1, ProtRead, key); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), key.String()) {
			t.Errorf("Protect with %v: %v", key, err)
		}
		if err := key.Free(); !errors.Is(err, ErrNotAllocated) && !errors.Is(err, unix.ENOSYS) {
			t.Errorf("Free of %v: %v", key, err)
		}
	}
	// Key 0 works on newer kernels and not on older ones; it must not be said to
	// be unsupported where it is the memory that is wrong.
	if err := Protect(addr, 1, ProtRead|ProtWrite, 0); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Protect with key 0: %v", err)
	}
	if err := Protect(addr, 0, ProtRead, 1); err != nil && !errors.Is(err, unix.ENOSYS) {
		t.Errorf("Protect of nothing: %v", err)
	}
}
