//go:build linux && cgo

package main

import (
	"os"
	"runtime/debug"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
)

// What is compared has to be the same thing.
func TestUserfaultfdGo(t *testing.T) {
	_, inChild, err := testgate.Child(t, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if !inChild {
		return
	}
	debug.SetGCPercent(-1)
	page := os.Getpagesize()
	source := make([]byte, 64*page)
	for i := range source {
		source[i] = byte(1 + i/page)
	}
	mem, err := userfaultfdGo(source)
	if err != nil {
		testgate.NeedRoot(t) // it asks for a descriptor that sees faults of the kernel
		t.Fatal(err)
	}
	for range 3 {
		for i := range mem {
			if mem[i] != source[i] {
				t.Fatalf("%d at %d, want %d", mem[i], i, source[i])
			}
		}
		if err := unix.Madvise(mem, unix.MADV_DONTNEED); err != nil {
			t.Fatal(err)
		}
	}
}
