package main

// layoutReport is the JSON object of the layout command. Sizes are in bytes;
// null stands for what this system does not tell.
type layoutReport struct {
	Slots       int    `json:"slots"`
	MaxMemory   uint64 `json:"max_memory"`
	Reservation uint64 `json:"reservation"`
	Guard       uint64 `json:"guard"`
	GuardBefore bool   `json:"guard_before"`
	Keys        int    `json:"keys"`
	PageSize    uint64 `json:"page_size"`

	Stripes   int    `json:"stripes"`
	OneStripe string `json:"one_stripe_because,omitempty"`
	SlotBytes uint64 `json:"slot_bytes"`
	Faulting  uint64 `json:"faulting_bytes"`
	PreGuard  uint64 `json:"pre_guard"`
	PostGuard uint64 `json:"post_guard"`
	Total     uint64 `json:"total"`

	Slabs        slabsReport   `json:"slabs"`
	Density      float64       `json:"density"`
	WithoutKeys  noKeysReport  `json:"without_keys"`
	Mappings     mapsReport    `json:"mappings"`
	AddressSpace addressReport `json:"address_space"`
}

// slabsReport says how the slots are spread. All slabs but the last are alike.
type slabsReport struct {
	Count     int    `json:"count"`
	Limit     uint64 `json:"limit"`
	Slots     int    `json:"slots"`
	Bytes     uint64 `json:"bytes"`
	LastSlots int    `json:"last_slots"`
	LastBytes uint64 `json:"last_bytes"`
}

// noKeysReport is the same without keys: what the same slots would take, and
// how many would fit into one slab's bytes.
type noKeysReport struct {
	Total *uint64 `json:"total"`
	Slots int     `json:"slots_in_the_same_space"`
}

type mapsReport struct {
	Idle         int  `json:"idle"`
	PerSlotLeast int  `json:"per_used_slot_least"`
	PerSlotMost  int  `json:"per_used_slot_most"`
	AllLeast     int  `json:"all_used_least"`
	AllMost      int  `json:"all_used_most"`
	Limit        *int `json:"max_map_count"`
	Process      *int `json:"process_has"`
	SlotsLeast   *int `json:"slots_at_once_least"`
	SlotsMost    *int `json:"slots_at_once_most"`
}

type addressReport struct {
	Needed uint64  `json:"needed"`
	Top    *uint64 `json:"user_addresses"`
	Limit  *uint64 `json:"rlimit_as"` // null for no limit too
	Fits   *bool   `json:"fits"`
	Why    string  `json:"why_not,omitempty"`
}

// report is the plan for programs to read.
func (p *poolPlan) report() layoutReport {
	c, l, h := p.constraints, p.layout, p.host
	r := layoutReport{
		Slots: c.Slots, MaxMemory: c.MaxMemory, Reservation: c.Reservation,
		Guard: c.Guard, GuardBefore: c.GuardBefore, Keys: c.Keys, PageSize: c.PageSize,

		Stripes: l.Stripes, OneStripe: p.oneStripe(),
		SlotBytes: l.SlotBytes, Faulting: l.Faulting, PreGuard: l.PreGuard, PostGuard: l.PostGuard, Total: p.total,

		Density:      l.Density(),
		WithoutKeys:  noKeysReport{Slots: l.WithoutKeys()},
		AddressSpace: addressReport{Needed: p.total, Top: orNull(h.top), Limit: orNull(h.limit)},
		Mappings: mapsReport{
			Idle:         p.idleMappings(),
			PerSlotLeast: leastMappings,
			PerSlotMost:  mostMappings,
			AllLeast:     p.mappingsFor(l.Slots, leastMappings),
			AllMost:      p.mappingsFor(l.Slots, mostMappings),
		},
	}
	r.Slabs = slabsReport{Count: len(p.slabs), Limit: p.slabLimit}
	if n := len(p.slabs); n > 0 {
		first, last := p.slabs[0], p.slabs[n-1]
		r.Slabs.Slots, r.Slabs.Bytes = first.Slots, first.Bytes
		r.Slabs.LastSlots, r.Slabs.LastBytes = last.Slots, last.Bytes
	}
	if p.totalWithoutKeys != 0 || p.total == 0 {
		r.WithoutKeys.Total = &p.totalWithoutKeys
	}
	if h.maxMappings >= 0 {
		r.Mappings.Limit = &h.maxMappings
	}
	if h.mappings >= 0 {
		r.Mappings.Process = &h.mappings
	}
	if n, ok := p.mappingsLeft(); ok {
		least, most := min(n/mostMappings, l.Slots), min(n/leastMappings, l.Slots)
		r.Mappings.SlotsLeast, r.Mappings.SlotsMost = &least, &most
	}
	if yes, ok, why := p.fits(); ok {
		r.AddressSpace.Fits, r.AddressSpace.Why = &yes, why
	}
	return r
}

// orNull returns a number that 0 stands for not knowing.
func orNull(n uint64) *uint64 {
	if n == 0 {
		return nil
	}
	return &n
}
