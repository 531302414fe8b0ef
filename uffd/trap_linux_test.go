package uffd

import (
	"errors"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

// mustKnowTrap is the answer, or a skip where there is no claim or no userfaultfd.
func mustKnowTrap(t testing.TB) bool {
	t.Helper()
	atEnd(t)
	yes, err := WriteProtectTraps()
	if _, ok := errors.AsType[*FeatureError](err); ok {
		testgate.Skip(t, testgate.UffdFeature, err.Error())
	}
	testgate.Need(t, testgate.Userfaultfd, err)
	return yes
}

// The answer against a write of the program itself, where the kernel made the
// write before.
func TestWriteProtectTraps(t *testing.T) {
	want := mustKnowTrap(t)
	_, inChild, err := testgate.Child(t, time.Minute)
	if !inChild {
		if err != nil {
			t.Error(err)
		}
		return
	}
	k := thisKernel // it takes the kernel's word
	d, err := open(k, Options{Required: FeaturePagefaultFlagWP | FeatureSIGBUS, UserMode: UserModeFallback})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	memory, err := unix.Mmap(-1, 0, int(page), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	memory[0] = 1
	r := sys.UffdioRange{Start: uint64(address(memory)), Len: uint64(page)}
	if err := sys.UffdioRegisterCall(d.FD(), &sys.UffdioRegister{Range: r, Mode: sys.UFFDIO_REGISTER_MODE_WP}); err != nil {
		t.Fatal(err)
	}
	protect := sys.UffdioWriteprotect{Range: r, Mode: sys.UFFDIO_WRITEPROTECT_MODE_WP}
	if err := sys.UffdioWriteprotectCall(d.FD(), &protect); err != nil {
		t.Fatal(err)
	}
	trapped := func() (trapped bool) {
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		defer func() { trapped = recover() != nil }()
		memory[0] = 2
		return false
	}()
	if trapped != want || (memory[0] == 1) != want {
		t.Errorf("a write is trapped: %v, the byte is %d; WriteProtectTraps says %v", trapped, memory[0], want)
	}
}

// What the kernel claims and does not do is not to be had.
func TestLieIsRefused(t *testing.T) {
	yes := mustKnowTrap(t)
	if have := mustOpen(t, Options{}).Available(); have.Has(FeaturePagefaultFlagWP) != yes {
		t.Errorf("available %v, it traps: %v", have, yes)
	}
	if got := mustOpen(t, Options{Wanted: FeaturePagefaultFlagWP}).Enabled(); got.Has(FeaturePagefaultFlagWP) != yes {
		t.Errorf("enabled %v, it traps: %v", got, yes)
	}
	d, err := Open(Options{Required: FeaturePagefaultFlagWP, UserMode: UserModeFallback})
	if err == nil {
		err = d.Close()
	}
	if fe, ok := errors.AsType[*FeatureError](err); ok == yes || ok && fe.Untrapped != FeaturePagefaultFlagWP {
		t.Errorf("required: %v, it traps: %v", err, yes)
	}
}

// The try leaves no mapping and no descriptor, and gives the same answer again.
func TestTryLeavesNothing(t *testing.T) {
	want := mustKnowTrap(t)
	state := func() (mappings, fds int) {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			testgate.Skip(t, testgate.Proc, err.Error())
		}
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			testgate.Skip(t, testgate.Proc, err.Error())
		}
		return strings.Count(string(maps), "\n"), len(all)
	}
	state() // which may itself grow the heap
	mappings, fds := state()
	const often = 100
	for range often {
		if yes, err := tryTrap(); yes != want || err != nil {
			t.Fatalf("%v, %v; want %v", yes, err, want)
		}
	}
	afterMappings, afterFDs := state()
	if afterMappings > mappings+often/2 || afterFDs > fds+often/2 {
		t.Errorf("%d mappings and %d descriptors, before %d and %d", afterMappings, afterFDs, mappings, fds)
	}
}

// Each call of the try that fails shows, and leaves nothing.
func TestTryFails(t *testing.T) {
	mustKnowTrap(t)
	page := sys.UffdioRange{Start: uint64(registered(t, mustOpen(t, Options{}))), Len: uint64(page)}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(null)
	if yes, err := writeTrapped(null, page); yes || err != nil {
		t.Errorf("a kernel that does not know the ioctl: %v, %v", yes, err)
	}
	if yes, err := writeTrapped(-1, page); yes || !errors.Is(err, unix.EBADF) {
		t.Errorf("no descriptor: %v, %v", yes, err)
	}
	// The page is another descriptor's.
	d := mustOpen(t, Options{Wanted: FeatureSIGBUS})
	if yes, err := writeTrapped(d.FD(), page); yes || !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), "UFFDIO_REGISTER for write-protection") {
		t.Errorf("a page that is taken: %v, %v", yes, err)
	}
}

func TestOnceKeepsAnswersOnly(t *testing.T) {
	var o once
	tries := 0
	try := func(yes bool, err error) func() (bool, error) {
		return func() (bool, error) { tries++; return yes, err }
	}
	if yes, err := o.ask(try(false, unix.EMFILE)); yes || !errors.Is(err, unix.EMFILE) {
		t.Errorf("%v, %v", yes, err)
	}
	for range 2 {
		if yes, err := o.ask(try(true, nil)); !yes || err != nil {
			t.Errorf("%v, %v", yes, err)
		}
	}
	if yes, err := o.ask(try(false, nil)); !yes || err != nil || tries != 2 {
		t.Errorf("%v, %v after %d tries", yes, err, tries)
	}
}

func BenchmarkWriteProtectTraps(b *testing.B) {
	mustKnowTrap(b)
	b.Run("try", func(b *testing.B) {
		for b.Loop() {
			if _, err := tryTrap(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			if _, err := WriteProtectTraps(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
