package selftests

import (
	"errors"
	"runtime/debug"
	"syscall"
	"testing"

	"github.com/pageslot/pageslot/uffd"
)

// touch writes to mem[0], or reads it, on this goroutine, and tells where that
// faulted, if it did. The descriptor has SIGBUS, so nobody waits.
func touch(mem []byte, write bool) (b byte, at uintptr, faulted bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if e, ok := recover().(interface{ Addr() uintptr }); ok {
			at, faulted = e.Addr(), true
		}
	}()
	if write {
		mem[0] = 42
	}
	return mem[0], 0, false
}

// With SIGBUS a missing page is a signal and no message: in this process, in one
// that shares its memory, and in a forked one.
func TestSigbus(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 4)
		d := open(t, uffd.Options{Required: uffd.FeatureSIGBUS})
		register(t, d, a.all(), uffd.ModeMissing)
		data := a.filled(4, 1)
		for i := range 4 {
			page := a.mem[uint64(i)*a.page:][:a.page]
			write := i%2 == 1
			if _, at, faulted := touch(page, write); !faulted || uint64(at) != a.addr(i) {
				t.Errorf("page %d: faulted %v at %#x", i, faulted, at)
			}
			reads(t, a.addr(i)).killed(syscall.SIGBUS)
			if _, err := d.Copy(a.addr(i), data[uint64(i)*a.page:][:a.page], 0); err != nil {
				t.Fatal(err)
			}
			want := data[uint64(i)*a.page]
			if write {
				want = 42
			}
			if b, at, faulted := touch(page, write); faulted || b != want {
				t.Errorf("page %d, copied: %#x, faulted %v at %#x", i, b, faulted, at)
			}
			data[uint64(i)*a.page] = want
		}
		reads(t, a.addr(1)).saw(42)
		holds(t, "all", a.all(), data)
		noEvent(t, d)
	})
}

// A forked child inherits it, where the descriptor follows forks.
func TestSigbusInChild(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 2)
		d := open(t, uffd.Options{Required: uffd.FeatureSIGBUS | uffd.FeatureEventFork})
		register(t, d, a.all(), uffd.ModeMissing)
		data := a.filled(1, 1)
		if _, err := d.Copy(a.addr(0), data, 0); err != nil {
			t.Fatal(err)
		}
		for i, want := range []syscall.Signal{0, syscall.SIGBUS} {
			c := forkedReader(t, d, a.addr(i))
			if want == 0 {
				c.saw(data[0])
			} else {
				c.killed(want)
			}
		}
		noEvent(t, d)
	})
}

// A write to a protected page is a signal too.
func TestSigbusWp(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		need := uffd.FeatureSIGBUS | uffd.FeaturePagefaultFlagWP
		if k.file() {
			need |= uffd.FeatureWPHugetlbfsShmem
		}
		a := newArea(t, k, 2)
		d := open(t, uffd.Options{Required: need, Wanted: uffd.FeatureEventFork})
		register(t, d, a.all(), uffd.ModeMissing|uffd.ModeWP)
		data := a.filled(2, 1)
		if _, err := d.Copy(a.addr(0), data, uffd.Protected); err != nil {
			t.Fatal(err)
		}
		if b, at, faulted := touch(a.mem, false); faulted || b != data[0] {
			t.Errorf("a read: %#x, faulted %v at %#x", b, faulted, at)
		}
		if _, at, faulted := touch(a.mem, true); !faulted || uint64(at) != a.addr(0) {
			t.Errorf("a write: faulted %v at %#x", faulted, at)
		}
		writes(t, a.addr(0), 42).killed(syscall.SIGBUS)
		if d.Enabled().Has(uffd.FeatureEventFork) {
			forkedReader(t, d, a.addr(0)).saw(data[0])
			forkedWriter(t, d, a.addr(0)).killed(syscall.SIGBUS)
		}
		if err := d.WriteUnprotect(a.at(0), 0); err != nil {
			t.Fatal(err)
		}
		if b, at, faulted := touch(a.mem, true); faulted || b != 42 {
			t.Errorf("a write after the protection: %#x, faulted %v at %#x", b, faulted, at)
		}
		noEvent(t, d)
	})
}

// System calls get EFAULT instead of the signal.
func TestSigbusInTheKernel(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 1)
		d := open(t, uffd.Options{Required: uffd.FeatureSIGBUS})
		register(t, d, a.all(), uffd.ModeMissing)
		pipe := newChannel(t)
		if _, err := pipe.load(a.mem); !errors.Is(err, syscall.EFAULT) {
			t.Errorf("write(2) of it: %v; want EFAULT", err)
		}
		if err := pipe.store(a.mem, 1); !errors.Is(err, syscall.EFAULT) {
			t.Errorf("read(2) into it: %v; want EFAULT", err)
		}
		missing(t, "after that", a, 0, 1)
		noEvent(t, d)
	})
}
