package manager

import "sync/atomic"

// Stats counts what a Manager did, over all processes, from New on.
type Stats struct {
	Missing   uint64 // faults of pages that were not there
	Minor     uint64 // faults of pages that the file had
	Protected uint64 // faults of protected pages

	Copied   uint64 // bytes copied into processes
	Zeroed   uint64 // bytes filled with zeros
	Mapped   uint64 // bytes mapped after minor faults
	Exists   uint64 // pages that were there already (EEXIST)
	Changing uint64 // calls that had to wait for a change of the layout (EAGAIN)
	Stale    uint64 // faults of pages that had gone by the time: the access was woken, to fault again

	Forks   uint64
	Remaps  uint64
	Removes uint64
	Unmaps  uint64
	Unknown uint64 // events of kinds that the package does not know

	Added uint64 // processes given to Add
	Gone  uint64 // processes that ended, forked ones too

	Errors   uint64 // failures, Retry's repetitions too
	Poisoned uint64 // pages poisoned
	Killed   uint64 // processes killed
	Left     uint64 // accesses left waiting; again after a signal
	Retried  uint64 // faults put off by Retry
}

// counter is one number of the statistics.
type counter struct{ atomic.Uint64 }

func (c *counter) inc() { c.Add(1) }

// counters are the numbers of Stats while they change.
type counters struct {
	missing, minor, protected                       counter
	copied, zeroed, mapped, exists, changing, stale counter
	forks, remaps, removes, unmaps, unknown         counter
	added, gone                                     counter
	errors, poisoned, killed, left, retried         counter
}

func (c *counters) snapshot() Stats {
	return Stats{
		Missing: c.missing.Load(), Minor: c.minor.Load(), Protected: c.protected.Load(),
		Copied: c.copied.Load(), Zeroed: c.zeroed.Load(), Mapped: c.mapped.Load(),
		Exists: c.exists.Load(), Changing: c.changing.Load(), Stale: c.stale.Load(),
		Forks: c.forks.Load(), Remaps: c.remaps.Load(), Removes: c.removes.Load(), Unmaps: c.unmaps.Load(), Unknown: c.unknown.Load(),
		Added: c.added.Load(), Gone: c.gone.Load(),
		Errors: c.errors.Load(), Poisoned: c.poisoned.Load(), Killed: c.killed.Load(), Left: c.left.Load(), Retried: c.retried.Load(),
	}
}
