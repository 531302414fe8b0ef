package main

import (
	"math"
	"os"

	"github.com/pageslot/pageslot/highlevel"
	"github.com/pageslot/pageslot/internal/machine"
)

// host is what a plan is held against. Tests have hosts of their own.
type host struct {
	pageSize    uint64
	maxMappings int    // vm.max_map_count; -1 unknown
	mappings    int    // that this process has; -1 unknown
	top         uint64 // end of user addresses; 0 unknown
	limit       uint64 // RLIMIT_AS; 0 none, or unknown where top is

	// try maps the slabs and unmaps them. It wraps errors.ErrUnsupported where
	// it is not known how.
	try func([]highlevel.Slab) error
}

// thisHost asks this process's kernel.
func thisHost() host {
	h := host{
		pageSize:    uint64(os.Getpagesize()),
		maxMappings: orMinus(machine.MaxMapCount()),
		mappings:    orMinus(machine.Mappings()),
		try:         tryMap,
	}
	if top, ok := machine.EndOfAddresses(); ok {
		h.top = top
	}
	if limit, ok := machine.AddressLimit(); ok && limit != machine.Infinity {
		h.limit = limit
	}
	return h
}

// orMinus is a count, or -1 where it is not known.
func orMinus(n uint64, ok bool) int {
	if !ok {
		return -1
	}
	return int(min(n, math.MaxInt))
}

// space is how many bytes the process can map, or a guess that is safe.
func (h host) space() uint64 {
	space := h.top
	if space == 0 {
		space = 1 << 31
		if ^uintptr(0)>>32 != 0 {
			space <<= 16
		}
	}
	if h.limit != 0 {
		space = min(space, h.limit)
	}
	return space
}
