package highlevel

import "sync/atomic"

// vmas counts the kernel mappings of all pools of the process, for the limit is the
// process's: with two pools, each counting its own, both would run into it.
var vmas atomic.Int64

// A budget is how far a pool lets vmas rise.
type budget struct{ limit int64 }

// charge takes n more mappings, unless that passes the limit. A negative n always works.
func (b budget) charge(n int) bool {
	if vmas.Add(int64(n)) > b.limit && n > 0 {
		vmas.Add(int64(-n))
		return false
	}
	return true
}

// newBudget leaves a tenth of the kernel's limit to the rest of the process, which has
// now mappings, pools' included.
func newBudget(maxVMAs, limit, now int) budget {
	if maxVMAs > 0 {
		return budget{int64(maxVMAs)}
	}
	others := max(int64(now)-vmas.Load(), 0)
	return budget{int64(limit)*9/10 - others}
}
