package highlevel

import (
	"fmt"
)

// None asks for none of something whose zero value asks for the default.
const None = ^uint64(0)

// A Config describes a pool. The zero Config is a sensible pool for the address space
// that the process has: on most 64-bit systems 1,000 slots that catch every access of a
// 32-bit index plus a 32 MiB offset.
type Config struct {
	// Slots is how many leases there can be at once, 16 million at most; 0 for the default.
	Slots int
	// MaxMemory is how far a slot can grow, in bytes; 0 for the default, None for slots
	// of size 0.
	MaxMemory uint64
	// Reservation is how many bytes from a slot's base its user relies on being either
	// the slot's memory or a fault; 0 for the default, None for MaxMemory. Generated code
	// that leaves out bounds checks of 32-bit indices needs 4 GiB.
	Reservation uint64
	// Guard is how many bytes behind the reservation are to fault as well; 0 for the
	// default, None for no guard.
	Guard uint64
	// NoGuardBefore leaves out the guard ahead of the first slot.
	NoGuardBefore bool
	// MaxWarm is how many slots that nobody uses stay mapped, ready for a tenant with the
	// same image; 0 for the default (100), negative for none. Those above it become part
	// of the reservation again, the longest unused first.
	MaxWarm int
	// KeepResident is how many bytes from a slot's base are reset by copying the initial
	// bytes back instead of giving the memory to the kernel; rounded up to a page. It pays
	// when tenants touch most of it.
	KeepResident uint64
	// HugePages leaves transparent huge pages to the system's policy. Without it a pool asks
	// for none (MADV_NOHUGEPAGE): with the policy "always" the first byte that a tenant
	// writes would otherwise bring, and the reset throw away, two megabytes of zeros.
	HugePages bool
	// MemoriesPerTenant is how many memories one tenant's program may have; [Pool.Validate]
	// holds requests against it. 0 for no limit.
	MemoriesPerTenant int
	// MaxSlab is the longest single mapping to ask for, in bytes; 0 for [DefaultSlabLimit],
	// or one slot if that is longer. A pool that needs more has several: the Go runtime picks its own addresses at random, and one
	// very long mapping often does not fit between them.
	MaxSlab uint64
	// MaxVMAs is how many kernel mappings all pools of the process may have together; 0 for
	// 90 % of vm.max_map_count less what the process has already. At that limit the Go
	// runtime itself dies, so the pool stops ahead of it.
	MaxVMAs int
}

const defaultMaxWarm = 100

// maxSlots bounds what New allocates: a pointer for each slot.
const maxSlots = 1 << 24

// withDefaults fills what is zero from d and checks the rest.
func (c Config) withDefaults(d Constraints) (Config, error) {
	if c.Slots < 0 || c.MemoriesPerTenant < 0 || c.MaxVMAs < 0 {
		return c, fmt.Errorf("pool: %w: Slots %d, MemoriesPerTenant %d, MaxVMAs %d: none may be negative", ErrInvalid, c.Slots, c.MemoriesPerTenant, c.MaxVMAs)
	}
	if c.Slots > maxSlots {
		return c, fmt.Errorf("pool: %w: %d slots, at most %d", ErrInvalid, c.Slots, maxSlots)
	}
	if c.Slots == 0 {
		c.Slots = d.Slots
	}
	switch {
	case c.MaxWarm == 0:
		c.MaxWarm = defaultMaxWarm
	case c.MaxWarm < 0:
		c.MaxWarm = 0
	}
	c.MaxMemory = orDefault(c.MaxMemory, d.MaxMemory, 0)
	c.Reservation = orDefault(c.Reservation, d.Reservation, c.MaxMemory)
	c.Guard = orDefault(c.Guard, d.Guard, 0)
	if c.KeepResident == None {
		c.KeepResident = 0
	}
	return c, nil
}

func orDefault(v, zero, none uint64) uint64 {
	switch v {
	case 0:
		return zero
	case None:
		return none
	}
	return v
}

// constraints are what the config says to the layout. Keys are 0: they are not applied to
// slots yet, and stripes without them would give a tenant its neighbour's memory.
func (c Config) constraints(page uint64) Constraints {
	return Constraints{
		Slots: c.Slots, MaxMemory: c.MaxMemory, Reservation: c.Reservation, Guard: c.Guard,
		GuardBefore: !c.NoGuardBefore, PageSize: page,
	}
}
