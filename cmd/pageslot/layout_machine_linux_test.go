package main

import (
	"errors"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/highlevel"
	"github.com/pageslot/pageslot/sys"
)

// highestMapping is the end of the highest mapping in user addresses.
func highestMapping(t *testing.T) uint64 {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	highest := uint64(0)
	for line := range strings.Lines(string(maps)) {
		_, end, _ := strings.Cut(strings.Fields(line)[0], "-")
		n, err := strconv.ParseUint(end, 16, 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		// The kernel's own page on amd64 and arm lies above all user addresses.
		if !strings.Contains(line, "[vsyscall]") && !strings.Contains(line, "[vectors]") {
			highest = max(highest, n)
		}
	}
	return highest
}

// The stack lies at the top of user addresses, so the top that was found by
// asking is at or above its end, and less than twice that (on 32 bits: a GiB).
func TestUserAddresses(t *testing.T) {
	top, highest := userAddresses(), highestMapping(t)
	if top < highest {
		t.Errorf("user addresses end at %#x, and %#x is mapped", top, highest)
	}
	if below := max(top/2, top-min(top, 1<<30)); top <= 4<<30 && highest < below-1<<30 || top > 4<<30 && highest < top/2 {
		t.Errorf("user addresses end at %#x, but nothing is mapped above %#x", top, highest)
	}
}

// Address spaces of every size, asked through a fake, from wherever the kernel
// happens to map: near the top, or from the bottom up.
func TestTopOf(t *testing.T) {
	for _, end := range []uint64{1 << 30, 2 << 30, 3 << 30, 4 << 30, 8 << 30, 1 << 38, 1 << 39, 1 << 40, 1 << 42, 1 << 47} {
		for _, known := range []uint64{0x10000, 0x5555_5000, end/2 - 4096, end - 1<<28} {
			if known >= end {
				continue
			}
			got := topOf(known, func(addr uint64) bool {
				if addr >= 1<<47 {
					t.Errorf("%#x was asked for", addr)
				}
				return addr < end
			})
			if got != end {
				t.Errorf("end %#x, known %#x: got %#x", end, known, got)
			}
		}
	}
	// Larger ones are known by what the kernel maps on its own.
	none := func(uint64) bool { t.Error("asked"); return false }
	if got := topOf(0xffff_8000_0000, none); got != 1<<48 {
		t.Errorf("48 bits: %#x", got)
	}
}

func TestIsUserAddress(t *testing.T) {
	page := uintptr(os.Getpagesize())
	before := thisMachine().mappings
	taken, err := sys.Mmap(0, page, sys.PROT_NONE, planFlags, -1, 0)
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
	if wide && isUserAddress(1<<63, page) || !wide && isUserAddress(1<<32, page) {
		t.Error("an address that is none here is taken for a user address")
	}
	if after := thisMachine().mappings; after > before+20 {
		t.Errorf("%d mappings before, %d after", before, after)
	}
}

func TestThisMachine(t *testing.T) {
	m := thisMachine()
	if m.pageSize != uint64(os.Getpagesize()) || m.maxMappings < 1 || m.mappings < 3 || m.mappings > m.maxMappings || m.top < 1<<30 {
		t.Errorf("%+v", m)
	}
}

// Slabs that fit are mapped and unmapped; where one does not, none stay.
func TestTryMap(t *testing.T) {
	page := uint64(os.Getpagesize())
	fine := highlevel.Slab{Slots: 1, Bytes: 16 * page}
	huge := highlevel.Slab{Slots: 1, Bytes: uint64(math.MaxUint>>1) + 1 - page}
	before := thisMachine().mappings
	for range 100 {
		if err := tryMap([]highlevel.Slab{fine, fine, fine}); err != nil {
			t.Fatal(err)
		}
		err := tryMap([]highlevel.Slab{fine, huge, huge, huge})
		if !errors.Is(err, unix.ENOMEM) || !strings.Contains(err.Error(), "slab ") {
			t.Fatalf("got %v", err)
		}
	}
	// Go maps memory of its own meanwhile, but not that often.
	if after := thisMachine().mappings; after > before+50 {
		t.Errorf("%d mappings before, %d after", before, after)
	}
}
