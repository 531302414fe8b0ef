package highlevel

import (
	"math"
	"sync/atomic"

	"github.com/pageslot/pageslot/internal/machine"
)

// vmas counts the kernel mappings of all pools of the process, for the limit is the
// process's: with two pools, each counting its own, both would run into it.
var vmas atomic.Int64

// A budget is how far a pool lets vmas rise.
type budget struct{ limit int64 }

// charge takes n more mappings, unless that passes the limit. A negative n always works.
func (b budget) charge(n int) bool {
	for {
		now := vmas.Load()
		if n > 0 && now+int64(n) > b.limit {
			return false
		}
		if vmas.CompareAndSwap(now, now+int64(n)) {
			return true
		}
	}
}

// The kernel's own default, for where /proc does not tell.
const usualMaxMapCount = 65530

// newBudget leaves a tenth of the kernel's limit to the rest of the process, and what the
// process has mapped already outside of pools.
func newBudget(maxVMAs int) budget {
	if maxVMAs > 0 {
		return budget{int64(maxVMAs)}
	}
	limit, ok := machine.MaxMapCount()
	if !ok {
		limit = usualMaxMapCount
	}
	now, _ := machine.Mappings()
	others := max(int64(now)-vmas.Load(), 0)
	return budget{int64(min(limit, math.MaxInt64/9))*9/10 - others}
}

// addressSpace is how many bytes the process can map: up to the last address, or what its
// limit leaves.
func addressSpace() uint64 {
	space, ok := machine.EndOfAddresses()
	if !ok {
		space = 1 << 31
	}
	if limit, ok := machine.AddressLimit(); ok && limit != machine.Infinity {
		used, _ := machine.Mapped()
		space = min(space, limit-min(used, limit))
	}
	return space
}
