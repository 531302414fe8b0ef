package uffd

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
)

// deadlyHere are features of which no program may make use on this port.
var deadlyHere = deadly(runtime.GOARCH)

// errDeadly is the error of a call that uses such a feature.
var errDeadly = fmt.Errorf("kernels of this port stop when it is used: %w", errors.ErrUnsupported)

// deadly is about kernels that stop when a feature is used. This cannot be asked,
// since the question would stop the machine of whoever asks.
//
// On mips the handler of page faults has no case for a poisoned page and ends in
// BUG() (arch/mips/mm/fault.c): whoever touches one, an ordinary user too, stops
// the kernel. Seen with Linux 6.12.
//
// On arm the access gets SIGSEGV, but a poisoned page of hugetlbfs is taken for a
// broken one and ends in an Oops. Seen with Linux 6.12 (armmp-lpae). A 64-bit kernel
// under a program for arm does it right; which one it is only its name tells.
func deadly(goarch string) Features {
	if goarch == "arm" || strings.HasPrefix(goarch, "mips") {
		return FeaturePoison
	}
	return 0
}
