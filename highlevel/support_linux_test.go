package highlevel

import (
	"bytes"
	"os"
	"runtime/debug"
	"testing"

	"github.com/pageslot/pageslot/internal/kernelcall"
	"github.com/pageslot/pageslot/memfd"
	"github.com/pageslot/pageslot/sys"
)

var pageSize = uint64(os.Getpagesize())

// seg is bytes at an offset that is counted in pages.
type seg struct {
	page uint64
	data string
}

// newImage makes an image that the test's end closes; a slot that still has it fails the
// test.
func newImage(t testing.TB, segs ...seg) *memfd.Image {
	t.Helper()
	var list []memfd.Segment
	for _, s := range segs {
		list = append(list, memfd.Segment{Offset: s.page * pageSize, Data: []byte(s.data)})
	}
	im, err := memfd.NewImage(list, memfd.ImageOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := im.Close(); err != nil {
			t.Errorf("closing an image at the end: %v", err)
		}
	})
	return im
}

// reservation is address space for slots that a test makes itself.
func reservation(t testing.TB, length uint64) uintptr {
	t.Helper()
	addr, err := reserve(length)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unreserve(addr, length); err != nil {
			t.Error(err)
		}
	})
	return addr
}

// newPoolT makes a pool whose end checks everything: state against the kernel, leases,
// mappings.
func newPoolT(t testing.TB, c Config) *Pool { return newStripedT(t, c, 0) }

func newStripedT(t testing.TB, c Config, keys int) *Pool {
	t.Helper()
	before := vmas.Load()
	p, err := newPool(c, keys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Check(); err != nil {
			t.Errorf("at the end: %v", err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("at the end: %v", err)
		}
		if now := vmas.Load(); now != before {
			t.Errorf("the pools account for %d mappings after Close, %d before", now, before)
		}
	})
	return p
}

// small is a pool that fits anywhere: sizes in pages.
func small(slots int) Config {
	return Config{Slots: slots, MaxMemory: 16 * pageSize, Reservation: 16 * pageSize, Guard: 4 * pageSize}
}

func acquire(t testing.TB, tn *Tenant, im *memfd.Image, size uint64) Lease {
	t.Helper()
	l, err := tn.Acquire(im, size)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func release(t testing.TB, l Lease) {
	t.Helper()
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
}

func check(t testing.TB, p *Pool) {
	t.Helper()
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
}

// imageBytes is what a slot with an image and an accessible size should hold.
func imageBytes(t testing.TB, im *memfd.Image, access uint64) []byte {
	t.Helper()
	b := make([]byte, access)
	if im == nil || im.Len() == 0 {
		return b
	}
	src, err := im.Source()
	if err != nil {
		t.Fatal(err)
	}
	copy(b[im.Offset():], src)
	return b
}

// expect compares a lease in full, to the end of its last page, with an image and zeros.
func expect(t testing.TB, l Lease, im *memfd.Image) {
	t.Helper()
	err := l.Do(func(v View) error {
		access := (v.Len() + pageSize - 1) &^ (pageSize - 1)
		sameBytes(t, bytesAt(v.Base(), access), imageBytes(t, im, access))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func sameBytes(t testing.TB, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("byte %d (page %d) is %#x, want %#x", i, uint64(i)/pageSize, got[i], want[i])
		}
	}
}

// scribble makes every byte of a lease, to the end of its last page, differ from 0 and
// from most images.
func scribble(t testing.TB, l Lease) {
	t.Helper()
	err := l.Do(func(v View) error {
		b := bytesAt(v.Base(), (v.Len()+pageSize-1)&^(pageSize-1))
		for i := range b {
			b[i] = 0xA5 ^ byte(i>>8)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// readable tells whether the kernel may read a byte for us: no fault, no signal.
func readable(addr uintptr) bool {
	fd, err := sys.MemfdCreate("readable", sys.MFD_CLOEXEC)
	if err != nil {
		return false
	}
	f := os.NewFile(uintptr(fd), "readable")
	defer f.Close()
	_, err = f.Write(bytesAt(addr, 1))
	return err == nil
}

// writable does the same for writing: it reads the byte's own value into it.
func writable(addr uintptr) bool {
	fd, err := sys.MemfdCreate("writable", sys.MFD_CLOEXEC)
	if err != nil {
		return false
	}
	f := os.NewFile(uintptr(fd), "writable")
	defer f.Close()
	if _, err := f.Write(bytesAt(addr, 1)); err != nil {
		return false
	}
	_, err = f.ReadAt(bytesAt(addr, 1), 0)
	return err == nil
}

// failing installs a hook that fails the n-th operation (counted from 0) with err, and
// tells whether it came to that.
func failing(t testing.TB, n uint64, err error) (hit func() bool) {
	t.Helper()
	return failingFrom(t, n, n+1, err)
}

// failingFrom fails the operations [n, end).
func failingFrom(t testing.TB, n, end uint64, err error) (hit func() bool) {
	t.Helper()
	done := false
	remove := kernelcall.Install(func(_ kernelcall.Op, ordinal uint64) kernelcall.Verdict {
		if ordinal >= n && ordinal < end {
			done = true
			return kernelcall.Fail(err)
		}
		return kernelcall.Verdict{}
	})
	return func() bool {
		remove()
		return done
	}
}

// mapFile maps a file over part of a slot, behind the pool's back.
func mapFile(t testing.TB, addr uintptr, length uint64, fd int) {
	t.Helper()
	if _, err := sys.Mmap(addr, uintptr(length), sys.PROT_READ|sys.PROT_WRITE, sys.MAP_PRIVATE|sys.MAP_FIXED, fd, 0); err != nil {
		t.Fatal(err)
	}
}

func setPanicOnFault(on bool) bool { return debug.SetPanicOnFault(on) }

func bytesAt(addr uintptr, n uint64) []byte { return (&Slot{first: byteAt(addr)}).bytes(n) }
