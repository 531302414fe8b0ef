package machine

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

// mappable tells, by the kernel's list, whether a page can be had at addr.
func mappable(t *testing.T, addr uint64) bool {
	t.Helper()
	if uint64(uintptr(addr)) != addr {
		return false
	}
	page := uintptr(os.Getpagesize())
	got, err := sys.Mmap(uintptr(addr), page, sys.PROT_READ, reserve, -1, 0) // a hint, which harms nobody
	if err != nil {
		return false
	}
	list := readMaps(t)
	if err := sys.Munmap(got, page); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		var from, to uint64
		if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if from <= addr && addr < to {
			return true
		}
	}
	return false
}

// readMaps is /proc/self/maps in as few reads as can be. The kernel goes on with
// another one at a position that is an address, and ends there if the highest bit is
// set, as the last of s390x have it.
func readMaps(t *testing.T) []byte {
	t.Helper()
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	defer f.Close()
	list := bytes.NewBuffer(make([]byte, 0, 1<<20))
	if _, err := list.ReadFrom(f); err != nil {
		t.Fatal(err)
	}
	return list.Bytes()
}

// The stack lies at the top of user addresses, so the end that was found by
// asking is at or above its end, and less than twice that (on 32 bits: a GiB).
// Where the stack is not there, as on s390x, a page can be had near the end.
func TestEndOfAddresses(t *testing.T) {
	end, _ := EndOfAddresses()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	highest := uint64(0)
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		// The kernel's own page on amd64 and arm lies above all user addresses.
		if !strings.Contains(line, "[vsyscall]") && !strings.Contains(line, "[vectors]") {
			highest = max(highest, to)
		}
	}
	if end < highest || end > 4<<30 && highest < end/2 && !mappable(t, end-1<<20) || end <= 4<<30 && highest+1<<30 < end {
		t.Errorf("user addresses end at %#x; the highest mapping ends at %#x", end, highest)
	}
}

func TestIsUserAddress(t *testing.T) {
	page := uintptr(os.Getpagesize())
	before, _ := Mappings()
	taken, err := sys.Mmap(0, page, sys.PROT_NONE, reserve, -1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !isUserAddress(uint64(taken), page) {
		t.Errorf("%#x is mapped, but not taken for a user address", taken)
	}
	if err := sys.Munmap(taken, page); err != nil {
		t.Fatal(err)
	}
	if beyond := uint64(math.MaxUint) - uint64(page) + 1; isUserAddress(beyond, page) {
		t.Errorf("%#x is taken for a user address", beyond)
	}
	none := uint64(1) << 63
	if bits.UintSize == 32 {
		none = 1 << 32
	}
	if got, want := isUserAddress(none, page), mappable(t, none); got != want { // s390x has it
		t.Errorf("%#x is taken for a user address: %v; it can be mapped: %v", none, got, want)
	}
	if after, _ := Mappings(); after > before+20 {
		t.Errorf("%d mappings before, %d after", before, after)
	}
}

func TestCounts(t *testing.T) {
	most, ok := MaxMapCount()
	now, ok2 := Mappings()
	if !ok || !ok2 {
		testgate.Skip(t, testgate.Proc, "/proc/sys/vm/max_map_count or /proc/self/maps cannot be read")
	}
	if now < 3 || now > most {
		t.Errorf("%d mappings of %d", now, most)
	}
	// One more mapping is one more: between two that are in use, it merges with
	// none of them.
	page := uintptr(os.Getpagesize())
	var held []uintptr
	for i := range 20 {
		prot := []int{sys.PROT_NONE, sys.PROT_READ}[i%2]
		addr, err := sys.Mmap(0, page, prot, reserve, -1, 0)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, addr)
	}
	if more, _ := Mappings(); more < now+15 {
		t.Errorf("%d mappings, and %d after 20 more", now, more)
	}
	for _, addr := range held {
		if err := sys.Munmap(addr, page); err != nil {
			t.Fatal(err)
		}
	}
	if policy, ok := Overcommit(); ok && policy > 2 {
		t.Errorf("overcommit policy %d", policy)
	}
}

func TestMapped(t *testing.T) {
	before, ok := Mapped()
	if !ok {
		testgate.Skip(t, testgate.Proc, "/proc/self/statm cannot be read")
	}
	const length = 64 << 20
	addr, err := sys.Mmap(0, length, sys.PROT_NONE, reserve, -1, 0)
	if err != nil {
		t.Fatal(err)
	}
	during, _ := Mapped()
	if err := sys.Munmap(addr, length); err != nil {
		t.Fatal(err)
	}
	if during < before+length || during > before+2*length {
		t.Errorf("%d bytes mapped, and %d after %d more", before, during, length)
	}
}

func TestLimits(t *testing.T) {
	_, inChild, err := testgate.Child(t, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if !inChild {
		return
	}
	for name, l := range map[string]struct {
		resource int
		ask      func() (uint64, bool)
	}{"AS": {unix.RLIMIT_AS, AddressLimit}, "MEMLOCK": {unix.RLIMIT_MEMLOCK, LockedLimit}} {
		var was unix.Rlimit
		if err := unix.Getrlimit(l.resource, &was); err != nil {
			t.Fatal(err)
		}
		want := was.Cur
		if want == unix.RLIM_INFINITY {
			want = Infinity
		}
		if n, ok := l.ask(); !ok || n != want {
			t.Errorf("%s: %d, %v, want %d", name, n, ok, want)
		}
		lower := min(was.Cur/2, 1<<30)
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: lower, Max: was.Max}); err != nil {
			t.Fatal(err)
		}
		if n, ok := l.ask(); !ok || n != lower {
			t.Errorf("%s: %d, %v, want %d", name, n, ok, lower)
		}
		if err := unix.Setrlimit(l.resource, &was); err != nil {
			t.Fatal(err)
		}
	}
}
