package main

import "github.com/pageslot/pageslot/highlevel"

// machine is what a plan is held against. Tests have machines of their own.
type machine struct {
	pageSize    uint64
	maxMappings int    // vm.max_map_count; -1 unknown
	mappings    int    // that this process has; -1 unknown
	top         uint64 // end of user addresses; 0 unknown
	limit       uint64 // RLIMIT_AS; 0 none, or unknown where top is

	// try maps the slabs and unmaps them; nil where it is not known how.
	try func([]highlevel.Slab) error
}

// space is how many bytes the process can map, or a guess that is safe.
func (m machine) space() uint64 {
	space := m.top
	if space == 0 {
		space = 1 << 31
		if ^uintptr(0)>>32 != 0 {
			space <<= 16
		}
	}
	if m.limit != 0 {
		space = min(space, m.limit)
	}
	return space
}
