package uffd_test

import (
	"errors"
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// What lies beside it may be touched, and its pages are missing all the same.
func TestMap(t *testing.T) {
	page := os.Getpagesize()
	for range 64 { // so that they lie side by side
		mem, err := uffd.Map(8 * page)
		if err != nil {
			t.Fatal(err)
		}
		beside, err := unix.Mmap(-1, 0, 4<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(beside); i += page {
			beside[i] = 1
		}
		if there := present(t, mem); there != "........" {
			t.Fatalf("pages that are there: %s", there)
		}
		mem[page] = 7
		if there := present(t, mem); there != ".#......" || mem[page] != 7 {
			t.Fatalf("pages that are there: %s", there)
		}
		if err := errors.Join(unix.Munmap(mem), unix.Munmap(beside)); err != nil {
			t.Fatal(err)
		}
	}
	for _, length := range []int{0, -1} {
		if _, err := uffd.Map(length); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%d bytes: %v, want EINVAL", length, err)
		}
	}
	// A program of 32 bits can have it once, on a kernel of 64.
	var err error
	for range 3 {
		var mem []byte
		if mem, err = uffd.Map(int(^uint(0)>>1) - page); err != nil {
			break
		}
		defer unix.Munmap(mem)
	}
	if !errors.Is(err, unix.ENOMEM) {
		t.Errorf("all there can be: %v, want ENOMEM", err)
	}
}

// present is a # for each page that is there.
func present(t *testing.T, mem []byte) string {
	t.Helper()
	page := os.Getpagesize()
	there := make([]byte, len(mem)/page)
	_, _, errno := unix.Syscall(sys.SYS_MINCORE, uintptr(unsafe.Pointer(&mem[0])), uintptr(len(mem)), uintptr(unsafe.Pointer(&there[0])))
	if errno != 0 {
		t.Fatal(errno)
	}
	for i, b := range there {
		there[i] = ".#"[b&1]
	}
	return string(there)
}
