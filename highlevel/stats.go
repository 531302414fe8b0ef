package highlevel

// Stats are a pool's counts, taken stripe by stripe while others go on.
type Stats struct {
	Slots   int // in all
	Stripes int

	// Where the slots are now. The sum with those never used is Slots.
	Leased      int // by tenants, or on their way in or out
	Warm        int // free, mapped, clean
	Unmapped    int // free, part of the reservation; those never used too
	Quarantined int // set aside: an operation failed, and mapping over them too

	VMAs     int // kernel mappings that the pools of this process account for
	VMALimit int // at which this pool refuses

	// Since the pool was made.
	AcquiredAffine uint64 // a slot that held the same memory of the same image
	AcquiredCold   uint64 // one that held nothing
	AcquiredOther  uint64 // one that held something else, or was quarantined
	Refused        uint64 // nothing left
	Evicted        uint64 // warm slots made part of the reservation again
	Remapped       uint64 // slots mapped over because an operation had failed

	FaultsOutOfBounds, FaultsGuard, FaultsOther uint64
}

// Stats returns the pool's counts.
func (p *Pool) Stats() Stats {
	st := Stats{
		Slots: p.layout.Slots, Stripes: len(p.stripes),
		VMAs: int(vmas.Load()), VMALimit: int(p.budget.limit),
		Refused: p.refused.Load(), Remapped: p.remaps.Load(),
		FaultsOutOfBounds: p.faults[FaultOutOfBounds].Load(),
		FaultsGuard:       p.faults[FaultGuard].Load(),
		FaultsOther:       p.faults[FaultOther].Load(),
	}
	for i := range p.stripes {
		s := &p.stripes[i]
		s.mu.Lock()
		st.Leased += s.out
		st.Warm += s.warm.n
		st.Unmapped += s.cold.n + s.slots - s.fresh
		st.Quarantined += s.sick.n
		st.AcquiredAffine += s.stats.affine
		st.AcquiredCold += s.stats.cold
		st.AcquiredOther += s.stats.other
		st.Evicted += s.stats.evicted
		s.mu.Unlock()
	}
	return st
}

// Usage is what a pool takes of the machine, as the kernel counts it.
type Usage struct {
	Resident   uint64 // bytes of the slots in memory, images' shared pages included
	Private    uint64 // of these, bytes that tenants wrote
	VMAs       int    // kernel mappings of the slabs
	PageTables uint64 // bytes of page tables, of the whole process (VmPTE)
}
