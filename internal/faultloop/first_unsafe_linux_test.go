package faultloop

import (
	"bytes"
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

func TestFirst(t *testing.T) {
	d, err := uffd.Open(uffd.Options{})
	testgate.Need(t, testgate.Userfaultfd, err)
	if err != nil {
		t.Fatal(err)
	}
	pages := testgate.Rounds(20000, 2000)
	mem, err := unix.Mmap(-1, 0, pages*pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	src := make([]byte, pages*pageSize)
	for i := range src {
		src[i] = byte(i/pageSize) + byte(i)
	}
	l, err := Start(Config{FD: d.FD(), Threads: 1, Batch: 16, Slots: 64, Poison: true})
	if err != nil {
		t.Fatal(err)
	}
	r := uffd.RangeOf(mem)
	live := r.Len
	if err := l.SetRules(context.Background(), []Rule{{Start: r.Start, End: r.End(), Unit: uint64(pageSize), Granule: uint64(pageSize), Missing: Copy, Source: uint64(uintptr(unsafe.Pointer(&src[0]))), SourceLen: r.Len, Live: uint64(uintptr(unsafe.Pointer(&live)))}}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Register(r, uffd.ModeMissing); err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	go func() {
		for !stop.Load() {
			runtime.GC()
		}
	}()
	to := make([]byte, len(mem))
	copy(to, mem)
	stop.Store(true)
	if !bytes.Equal(to, src) {
		t.Error("differ")
	}
	t.Logf("%+v", l.Counters())
	if err := l.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
}
