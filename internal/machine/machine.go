package machine

import "math/bits"

// Infinity is the value of a limit that is not set.
const Infinity = ^uint64(0)

// endOfAddresses returns the end of user addresses, given one of them and a way
// to ask about others: a power of two, or below 4 GiB a number of GiB. It asks
// for nothing beyond 47 bits: some kernels map there, but only for those who ask
// by address, so a pool gets none of it. (s390x, which would map there when all
// below is taken, gives the process a further level of page tables for it, and
// never takes that back.)
func endOfAddresses(known uint64, isUser func(addr uint64) bool) uint64 {
	for b := 46; b >= 32 && known < 1<<b; b-- {
		if isUser(1 << b) {
			known = 1 << b
		}
	}
	if known >= 1<<32 {
		return 1 << bits.Len64(known)
	}
	for g := uint64(3); g > 0 && known < g<<30; g-- {
		if isUser(g << 30) {
			known = g << 30
		}
	}
	return (known>>30 + 1) << 30
}
