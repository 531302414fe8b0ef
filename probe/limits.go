package probe

import (
	"math/bits"
	"os"

	"github.com/pageslot/pageslot/internal/machine"
)

// limits are the numbers; what cannot be asked on this system stays unknown.
func limits() Limits {
	l := Limits{
		PageSize:       Number(uint64(os.Getpagesize())),
		MaxMapCount:    limit(machine.MaxMapCount()),
		Mappings:       limit(machine.Mappings()),
		Overcommit:     limit(machine.Overcommit()),
		AddressSpace:   limit(machine.AddressLimit()),
		LockedMemory:   limit(machine.LockedLimit()),
		LargestMapping: limit(largestMapping()),
		HugePages:      limit(machine.HugePages()),
		HugePageSize:   limit(machine.HugePageSize()),
		MemfdNoexec:    limit(machine.MemfdNoexec()),

		UnprivilegedUserfaultfd: limit(machine.UnprivilegedUserfaultfd()),
	}
	if end, ok := machine.EndOfAddresses(); ok {
		l.AddressBits = Number(uint64(bits.Len64(end - 1)))
	}
	return l
}

func limit(n uint64, ok bool) Limit {
	switch {
	case !ok:
		return Limit{}
	case n == machine.Infinity:
		return Unlimited
	}
	return Number(n)
}
