package highlevel

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/machine"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

// What limits a process stays with it, so these tests limit a child.

// inChild runs the rest of a test in a child, and tells whether this is it.
func inChild(t *testing.T) bool {
	t.Helper()
	_, child, err := testgate.Child(t, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return child
}

// TestAddressLimit: under RLIMIT_AS a pool that does not fit says so, and the zero config
// is one that fits.
func TestAddressLimit(t *testing.T) {
	if !inChild(t) {
		return
	}
	now, ok := mappedBytes(t)
	if !ok {
		return
	}
	limit := now + 512<<20
	if err := unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
		t.Fatal(err)
	}
	_, err := New(Config{Slots: 10, MaxMemory: 64 << 20, Reservation: 64 << 20, Guard: 1 << 20})
	if !errors.Is(err, ErrAddressSpace) || !errors.Is(err, unix.ENOMEM) || !strings.Contains(err.Error(), "RLIMIT_AS") {
		t.Errorf("more than the limit: %v", err)
	}
	if after, _ := mappedBytes(t); after > now+256<<20 {
		t.Errorf("a refused pool left %d bytes mapped", after-now)
	}
	p := newPoolT(t, Config{})
	l := acquire(t, p.Tenant(), nil, 1)
	release(t, l)
}

func mappedBytes(t *testing.T) (n uint64, ok bool) {
	t.Helper()
	all, err := readMaps()
	if errors.Is(err, os.ErrNotExist) {
		testgate.Skip(t, testgate.Proc, err.Error())
		return 0, false
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		n += v.End - v.Start
	}
	return n, true
}

// TestFragmentedAddressSpace: where one long mapping has no place, several have.
func TestFragmentedAddressSpace(t *testing.T) {
	if !inChild(t) {
		return
	}
	space, ok := machine.EndOfAddresses()
	if !ok {
		t.Fatal("no end of addresses")
	}
	piece := uintptr(space / 64)
	var pieces []uintptr
	for {
		addr, err := sys.Mmap(0, piece, sys.PROT_NONE, reserveFlags, -1, 0)
		if err != nil {
			break
		}
		if pieces = append(pieces, addr); len(pieces) > 64 {
			// s390x grows the page tables at need, up to the last of 64 bits.
			testgate.Skip(t, testgate.Port, fmt.Sprintf("the addresses do not end at %#x: %d pieces of %#x fit", space, len(pieces), piece))
		}
	}
	if len(pieces) < 12 {
		t.Fatalf("only %d pieces of %#x", len(pieces), piece)
	}
	// Gaps of one piece, none beside another: pieces come in the order of addresses,
	// but for a few that filled holes.
	free := 0
	for i := 0; i < len(pieces) && free < len(pieces)/2; i += 2 {
		if err := sys.Munmap(pieces[i], piece); err != nil {
			t.Fatal(err)
		}
		free++
	}
	slot := uint64(piece) / 10 &^ (pageSize - 1)
	p := newPoolT(t, Config{Slots: 30, MaxMemory: pageSize, Reservation: slot, Guard: None, MaxSlab: space})
	if len(p.slabs) < 3 {
		t.Errorf("30 slots of %#x in %d slabs, where gaps are %#x", slot, len(p.slabs), piece)
	}
	for range 30 {
		defer release(t, acquire(t, p.Tenant(), nil, 1))
	}
}

// TestMapSlabsHalves: the same without the kernel, which here finds no place for more than
// some length: the slabs get shorter until they fit, and none of the first tries is left.
func TestMapSlabsHalves(t *testing.T) {
	l, err := NewLayout(Constraints{Slots: 16, MaxMemory: pageSize, Guard: pageSize, PageSize: pageSize})
	if err != nil {
		t.Fatal(err)
	}
	for _, longest := range []uint64{l.Total, l.Total - 1, l.Total / 3, l.PreGuard + l.Faulting, l.PreGuard + l.Faulting - 1} {
		mapped := 0
		slabs, err := mapSlabsBy(func(length uint64) (uintptr, error) {
			if length > longest {
				return 0, noSpace(length, unix.ENOMEM)
			}
			mapped++
			return reserve(length)
		}, l, l.Total)
		if longest < l.PreGuard+l.Faulting {
			if !errors.Is(err, ErrAddressSpace) || slabs != nil {
				t.Errorf("not even one slot fits, and %d slabs came: %v", len(slabs), err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		slots := 0
		for _, s := range slabs {
			if slots += s.Slots; s.Bytes > longest {
				t.Errorf("a slab of %d bytes, where %d fit", s.Bytes, longest)
			}
		}
		if slots != l.Slots || mapped != len(slabs) || (len(slabs) == 1) != (longest == l.Total) {
			t.Errorf("%d slots in %d slabs of at most %d bytes, %d mapped", slots, len(slabs), longest, mapped)
		}
		if err := unmapSlabs(slabs); err != nil {
			t.Error(err)
		}
	}
}

// TestLockedMemory: memory that is locked can't be given back, so a pool refuses to be
// made of it.
func TestLockedMemory(t *testing.T) {
	if !inChild(t) {
		return
	}
	// The runtime's own mappings count too while memory is locked, at any moment, and
	// it exits when the limit is reached.
	if n, ok := machine.LockedLimit(); os.Geteuid() != 0 && (!ok || n != machine.Infinity) {
		testgate.Skip(t, testgate.Root, "the Go runtime exits when its own mappings reach RLIMIT_MEMLOCK")
	}
	if err := unix.Mlockall(sys.MCL_FUTURE); err != nil {
		testgate.Skip(t, testgate.Root, "mlockall: "+err.Error())
	}
	p, err := New(small(2))
	unlocked := unix.Munlockall()
	if err == nil {
		p.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "mlockall(MCL_FUTURE)") {
		t.Errorf("%v", err)
	}
	if unlocked != nil {
		t.Fatal(unlocked)
	}
	p = newPoolT(t, small(2))
	release(t, acquire(t, p.Tenant(), nil, 1))
}
