package highlevel

// What a pool gets that asks for nothing: wasm's 4 GiB memories with guards of
// 32 MiB, so that 32-bit offsets need no checks, where the address space has
// room for them.
const (
	defaultReservation uint64 = 4 << 30
	guardShare                = 128 // the guard is this part of the reservation
	mostDefaultSlots          = 1000
	leastDefaultSlots         = 16
	spaceShare                = 4 // slots take at most this part of the space
)

// DefaultConstraints returns constraints that suit an address space of the
// given size: at most 1000 slots in at most a quarter of it, so that the rest
// of the process finds room.
//
// Slots reserve 4 GiB each, or the largest power of two below at which there
// are 16 of them. What comes out, for some address spaces:
//
//	47 bits                       1000 slots of 4 GiB
//	40 bits (mips64)                63 slots of 4 GiB
//	38 bits (riscv64 with Sv39)     31 slots of 2 GiB
//	3 GiB (32-bit kernels)          23 slots of 32 MiB
//	2 GiB (mips)                    31 slots of 16 MiB
//
// space is how many bytes the process can map, from 0 to the top of user
// addresses. Where nobody knows, 1<<47 on 64 bits and 1<<31 on 32 are safe.
// No keys are counted on. A space too small for anything gives no slots.
func DefaultConstraints(space, pageSize uint64) Constraints {
	c := Constraints{GuardBefore: true, PageSize: pageSize}
	smallest := max(64<<10, pageSize)
	for size := defaultReservation; ; size /= 2 {
		c.Reservation, c.MaxMemory = size, size
		c.Guard = max(size/guardShare, pageSize)
		c.Slots = int(min(slotsIn(space/spaceShare, c), mostDefaultSlots))
		if c.Slots >= leastDefaultSlots || size <= smallest {
			return c
		}
	}
}

// slotsIn returns how many slots fit into the given bytes without keys.
func slotsIn(bytes uint64, c Constraints) uint64 {
	if bytes < c.Guard {
		return 0
	}
	return (bytes - c.Guard) / (c.Reservation + c.Guard)
}
