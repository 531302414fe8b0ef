package memfd

import (
	"fmt"
	"math/bits"

	"github.com/pageslot/pageslot/internal/bitnames"
)

// Flags choose what kind of file [Create] makes. MFD_CLOEXEC is always set,
// whether a caller asks for it or not: a program that shall inherit the file
// gets it through os/exec's ExtraFiles or by descriptor passing.
type Flags uint

// String gives the kernel's names without their prefix, and bits without a name
// in hexadecimal.
func (f Flags) String() string {
	var huge string
	if code := f >> hugeShift & hugeMask; code != 0 {
		huge = "HUGE_" + sizeName(uint64(code))
		f &^= hugeMask << hugeShift
	}
	s := bitnames.String(uint64(f), flagNames)
	switch {
	case huge == "":
		return s
	case f == 0:
		return huge
	}
	return s + "|" + huge
}

// HugeSize is the flags for a file on huge pages of the given size in bytes:
// HugeTLB and the code of the size. Whether this machine has such pages the
// kernel says when the file is made (ENODEV) and when it is mapped (ENOMEM).
func HugeSize(size uint64) (Flags, error) {
	if size < 2 || bits.OnesCount64(size) != 1 { // code 0 means the default size
		return 0, &Error{Op: "size of huge pages", Detail: fmt.Sprintf("%d bytes: it must be a power of two", size), Err: ErrRange}
	}
	return HugeTLB | Flags(bits.TrailingZeros64(size))<<hugeShift, nil
}

// sizeName is 2 to the power of log bytes with a unit.
func sizeName(log uint64) string {
	const units = "KMGTPE"
	if log < 10 {
		return fmt.Sprintf("%dB", 1<<log)
	}
	return fmt.Sprintf("%d%cB", 1<<(log%10), units[log/10-1])
}
