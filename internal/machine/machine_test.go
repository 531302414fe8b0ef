package machine

import (
	"os"
	"runtime"
	"testing"
)

// Address spaces of every size, asked through a fake, from wherever the kernel
// happens to map: near the top, or from the bottom up.
func TestEndOfAddressesOfEverySize(t *testing.T) {
	for _, end := range []uint64{1 << 30, 2 << 30, 3 << 30, 4 << 30, 8 << 30, 1 << 38, 1 << 39, 1 << 40, 1 << 42, 1 << 47} {
		for _, known := range []uint64{0x10000, 0x5555_5000, end/2 - 4096, end - 1<<28} {
			if known >= end {
				continue
			}
			got := endOfAddresses(known, func(addr uint64) bool {
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
	if got := endOfAddresses(0xffff_8000_0000, none); got != 1<<48 {
		t.Errorf("48 bits: %#x", got)
	}
}

func TestUnknownIsSaid(t *testing.T) {
	for name, ask := range map[string]func() (uint64, bool){
		"EndOfAddresses": EndOfAddresses, "MaxMapCount": MaxMapCount, "Overcommit": Overcommit,
		"Mappings": Mappings, "AddressLimit": AddressLimit, "LockedLimit": LockedLimit,
	} {
		if n, ok := ask(); ok != (runtime.GOOS == "linux") || !ok && n != 0 {
			t.Errorf("%s on %s: %d, %v", name, runtime.GOOS, n, ok)
		}
	}
	// These are not on every Linux, and small where they are.
	for name, ask := range map[string]func() (uint64, bool){
		"HugePageSize": HugePageSize, "HugePages": HugePages, "MemfdNoexec": MemfdNoexec, "UnprivilegedUserfaultfd": UnprivilegedUserfaultfd,
	} {
		n, ok := ask()
		if ok && runtime.GOOS != "linux" || !ok && n != 0 {
			t.Errorf("%s on %s: %d, %v", name, runtime.GOOS, n, ok)
		}
		page := uint64(os.Getpagesize())
		if bad := map[string]bool{
			"HugePageSize":            ok && (n < 2*page || n&(n-1) != 0),
			"MemfdNoexec":             n > 2,
			"UnprivilegedUserfaultfd": n > 1,
		}[name]; bad {
			t.Errorf("%s: %d", name, n)
		}
	}
}
